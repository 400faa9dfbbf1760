"""The ``tests:`` of a pass and of its rewrites, run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from graphpass.errors import GraphpassError
from graphpass.model import Lineage, Model
from graphpass.rules.analysis.case import Case, RuleTest
from graphpass.rules.analysis.failure import Failure
from graphpass.rules.analysis.groups import Member, members_of
from graphpass.rules.analysis.places import Places
from graphpass.rules.analysis.room import Room
from graphpass.rules.driver import apply
from graphpass.rules.explaining.explain import explain
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operation import Run
from graphpass.rules.report import Step
from graphpass.rules.rewriting.run import Member as GroupMember
from graphpass.rules.rewriting.run import run_group
from graphpass.verify.backend import Backend
from graphpass.verify.running import backend_or_mxnet

__all__ = ["RuleTest", "run_tests"]


def run_tests(loaded: Pass, *, on_mxnet: bool = False) -> list[RuleTest]:
    """Run the tests of the rewrites of a pass, each rewrite alone, then those of the whole.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    on_mxnet : bool
        Whether to run each graph that is changed, before and after, and compare outputs; the
        shapes of inputs come from ``__shape__``.

    Raises
    ------
    BackendError
        If it is to compare outputs and MXNet is not there.

    Notes
    -----
    Variables that ``parameters`` lists have values, drawn at random with a fixed seed. If it lists
    none, those have values that carry ``__shape__`` and are not called like data. How many elements
    they may have, each and together, is limited.
    """
    with ExitStack() as stack:
        backend: Backend | None = None
        if on_mxnet:
            backend = stack.enter_context(backend_or_mxnet(None, isolated=True))
            assert backend.name  # a library that is missing shows here, not as a failing test
        places, room = Places(loaded), Room()
        return [case.run(places, room, backend) for case in _cases(loaded)]


def _cases(loaded: Pass) -> Iterator[Case]:
    for member in members_of(loaded):
        for number, test in enumerate(member.text.tests if member.text is not None else ()):
            yield _RewriteCase(member, test, number)
    for number, test in enumerate(loaded.tests):
        yield _PassCase(loaded, test, number)


class _RewriteCase(Case):
    """A test of one rewrite, run alone until it applies no more."""

    idle = "did not fire"
    may_refuse = False

    def __init__(self, member: Member, test: Mapping[str, Any], number: int) -> None:
        super().__init__(member.rewrite.id, test, (*member.path, "tests"), number)
        self._rewrite = replace(member.rewrite, expect=None)

    def change(self, model: Model) -> tuple[bool, Lineage | None]:
        with model.edit() as edit:
            members = [GroupMember(self._rewrite, self._rewrite.id)]
            [firings] = run_group(members, Run(model=model), edit)
        return bool(firings), None

    def reasons(self, before: Model) -> list[str]:
        return str(explain(self._rewrite, before)).splitlines()[1:]


class _PassCase(Case):
    """A test of a whole pass."""

    idle = "changed nothing"
    may_refuse = True

    def __init__(self, loaded: Pass, test: Mapping[str, Any], number: int) -> None:
        super().__init__(loaded.name, test, ("tests",), number)
        self._loaded = loaded

    def change(self, model: Model) -> tuple[bool, Lineage | None]:
        report = apply(self._bound(), model)
        return report.changed, report.lineage

    def reasons(self, before: Model) -> list[str]:
        return [
            line
            for step in apply(self._bound(), before, dry_run=True).steps
            for line in _told(step)
        ]

    def _bound(self) -> Pass:
        try:
            return self._loaded.bind(self.test.get("set"))
        except GraphpassError as error:
            raise Failure(str(error), "set") from None


def _told(step: Step) -> Iterator[str]:
    """Yield what the report says of a rule that changed nothing."""
    yield step.summary
    yield from step.notes
    yield from map(str, step.near_misses)
    for inner in step.steps:
        yield from _told(inner)
