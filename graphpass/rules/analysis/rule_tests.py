"""The tests of rewrites: a graph before, and what the rewrite makes of it or why it leaves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphpass.errors import GraphpassError, TextError, UsageError
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Graph
from graphpass.model import Model
from graphpass.ops.values import parse_value
from graphpass.rules.analysis.groups import Member, members_of
from graphpass.rules.analysis.places import Places
from graphpass.rules.analysis.room import Room
from graphpass.rules.explaining.explain import explain
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operation import Run
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.rewriting.run import Member as GroupMember
from graphpass.rules.rewriting.run import run_group
from graphpass.verify import isomorphic, verify
from graphpass.verify.backend import Backend
from graphpass.verify.running import backend_or_mxnet

__all__ = ["RuleTest", "run_tests"]

_DATA = re.compile(r"(.*_)?(data|label)\d*")
"""What variables of data are called."""

_NODE = re.compile(r"\S+ '([^']*)' \(#\d+\)")
"""A node as reasons name it: ``BatchNorm 'bn1' (#7)``."""

_VARIANCES = frozenset({"moving_var", "running_var", "moving_variance"})


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test of a rewrite, run. True in a condition if it passed."""

    rule: str
    """The id of the rewrite."""

    number: int
    """Which of its tests, from 1."""

    place: str
    """Where it stands: ``fold.yaml:31:9``."""

    failure: str | None = None
    """What is wrong, one line or several; None if it passed."""

    note: str = ""
    """Why outputs were not compared, where they were to be."""

    def __bool__(self) -> bool:
        return self.failure is None

    def __str__(self) -> str:
        said = "passed" if self.failure is None else f"failed: {self.failure}"
        said += f"; outputs not compared: {self.note}" if self.note else ""
        return f"{self.place}: {self.rule}, test {self.number}: {said}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "rule": self.rule,
            "test": self.number,
            "place": self.place,
            "passed": self.failure is None,
            "failure": self.failure,
            "note": self.note,
        }


def run_tests(loaded: Pass, *, on_mxnet: bool = False) -> list[RuleTest]:
    """Run the tests of the rewrites of a pass, each rewrite alone.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    on_mxnet : bool
        Whether to run each graph that a rewrite changes, before and after, and compare outputs; the
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
        places = Places(loaded)
        room = Room()
        return [
            _Case(member, number, test, places, room).run(backend)
            for member in members_of(loaded)
            for number, test in enumerate(member.text.tests if member.text is not None else ())
        ]


class _Failure(Exception):  # noqa: N818 - no error: an answer
    """What a test found wrong, and in which of its texts."""

    def __init__(self, message: str, *where: str, error: TextError | None = None) -> None:
        super().__init__(message)
        self.where = where
        self.line = None if error is None else error.line
        self.column = None if error is None else error.column


class _Case:
    """One test."""

    def __init__(
        self,
        member: Member,
        number: int,
        test: Mapping[str, Any],
        places: Places,
        room: Room,
    ) -> None:
        self._rewrite: Rewrite = replace(member.rewrite, expect=None)
        self._test = test
        self._number = number
        self._path = (*member.path, "tests", number)
        self._places = places
        self._room = room

    def run(self, backend: Backend | None) -> RuleTest:
        failure: str | None = None
        note = ""
        place = self._places.spell(self._path)
        try:
            note = self._check(backend)
        except _Failure as found:
            failure = str(found)
            path = (*self._path, *found.where)
            place = self._places.spell(path, found.line, found.column)
        return RuleTest(self._rewrite.id, self._number + 1, place, failure, note)

    def _check(self, backend: Backend | None) -> str:
        """Check everything; return why outputs were not compared, if they were to be."""
        before = Model(self._graph("before"))
        before.parameters = self._parameters(before.graph)
        if backend is not None:
            hints = _hints(before.graph)
            for name in before.inputs:
                self._take(name, hints.get(name, ()), "before")
        after = before.copy()
        try:
            fired = self._apply(after)
        except GraphpassError as error:
            raise _Failure(f"the rewrite is refused: {error}", "before") from None
        if "unchanged" in self._test:
            self._check_unchanged(before, after, fired)
        else:
            self._check_after(after, fired)
        if not fired or backend is None:
            return ""
        return _compare_outputs(before, after, backend)

    def _graph(self, key: str) -> Graph:
        try:
            return parse_graph(self._test[key])
        except TextError as error:
            raise _Failure(f"{key} is no graph: {error.reason}", key, error=error) from None

    def _parameters(self, graph: Graph) -> Parameters:
        shapes: dict[str, tuple[int, ...]] = {}
        given: Mapping[str, Any] = self._test.get("parameters") or {}
        keys = {graph.name(key): key for key in graph.order() if graph.is_variable(key)}
        for name, shape in given.items():
            if name not in keys:
                raise _Failure(f"no variable of the graph is called {name}", "parameters", name)
            shapes[name] = tuple(shape)
        if not given:
            hints = _hints(graph)
            shapes = {name: hints[name] for name in hints if not _DATA.fullmatch(name)}
        auxiliary = set(graph.variable_keys().auxiliary_states)
        random = np.random.default_rng(0)
        parameters = Parameters()
        for name, shape in shapes.items():
            key = keys[name]
            self._take(name, shape, *(("parameters", name) if given else ("before",)))
            array = random.standard_normal(shape, dtype=np.float32)
            if _is_variance(graph, key):
                array = np.abs(array) + np.float32(0.5)
            parameters.set(name, array, "aux" if key in auxiliary else "arg")
        return parameters

    def _take(self, name: str, shape: tuple[int, ...], *where: str) -> None:
        """Refuse an array that is too large, before there is one."""
        try:
            self._room.take(name, shape)
        except UsageError as error:
            raise _Failure(str(error), *where) from None

    def _apply(self, model: Model) -> bool:
        """Run the rewrite, and say whether it fired."""
        with model.edit() as edit:
            members = [GroupMember(self._rewrite, self._rewrite.id)]
            [firings] = run_group(members, Run(model=model), edit)
        return bool(firings)

    def _check_unchanged(self, before: Model, after: Model, fired: bool) -> None:
        if fired:
            raise _Failure(
                f"it was to leave the graph alone, but made of it\n{_indented(after.graph)}",
                "unchanged",
            )
        wanted = " ".join(self._test["unchanged"].split())
        try:
            found = str(explain(self._rewrite, before))
        except GraphpassError as error:
            raise _Failure(
                f"why it left the graph alone can't be told: {error}", "before"
            ) from None
        reasons = [" ".join(line.split()) for line in found.splitlines()[1:]]
        if not any(wanted in text for each in reasons for text in (each, _NODE.sub(r"\1", each))):
            listed = "".join(f"\n    {reason}" for reason in reasons)
            raise _Failure(
                f"it left the graph alone, but not because {wanted}; the reasons are{listed}",
                "unchanged",
            )

    def _check_after(self, after: Model, fired: bool) -> None:
        wanted = self._graph("after")
        same = isomorphic(after.graph, wanted, names=True)
        if same:
            return
        did = "made" if fired else "did not fire, which left"
        raise _Failure(
            f"it {did} A, and B was wanted: {same}\n  A:\n{_indented(after.graph)}\n"
            f"  B:\n{_indented(wanted)}",
            "after",
        )


def _compare_outputs(before: Model, after: Model, backend: Backend) -> str:
    """Run both; return why that could not be done."""
    try:
        result = verify(before, after, backend=backend)
    except UsageError as error:
        return str(error)
    except GraphpassError as error:
        raise _Failure(f"the graphs can't be run: {error}", "before") from None
    if not result:
        raise _Failure(f"outputs differ:\n{result}", "before")
    return ""


def _hints(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shapes that variables say they have."""
    keys = [key for key in graph.order() if graph.is_variable(key)]
    return {graph.name(key): shape for key in keys if (shape := _hint(graph, key))}


def _hint(graph: Graph, key: int) -> tuple[int, ...]:
    """Return the shape that a variable says it has; empty if it says none that is complete."""
    try:
        shape = parse_value("Shape(tuple)", graph.attrs(key).get("__shape__", "()"))
    except ValueError:
        return ()
    whole = isinstance(shape, tuple) and all(isinstance(n, int) and n > 0 for n in shape)
    return shape if whole else ()  # type: ignore[return-value]


def _is_variance(graph: Graph, key: int) -> bool:
    for reader, slot in graph.uses(key):
        names = graph.signature(reader).input_names
        if names is not None and slot < len(names) and names[slot] in _VARIANCES:
            return True
    return False


def _indented(graph: Graph) -> str:
    return "\n".join(f"    {line}" for line in print_graph(graph).splitlines())
