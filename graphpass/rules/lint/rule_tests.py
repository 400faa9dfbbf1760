"""The ``tests:`` of a pass and of its rewrites, run.

A test is a graph before, and what becomes of it or why it is left alone. Shapes of stored values
are stated, numbers are drawn at random.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from graphpass.errors import GraphpassError, TextError, UsageError
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Graph
from graphpass.model import Lineage, Model
from graphpass.rules.limits import MAX_RANK, MAX_TESTED
from graphpass.rules.operations.operation import Run
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.pass_rewrites import groups_of
from graphpass.rules.report.report import Step
from graphpass.rules.rewrite.explain import explain
from graphpass.rules.rewrite.group import Member, run_group
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.run import apply
from graphpass.shapes.variables import shape_hint
from graphpass.verify import isomorphic, verify
from graphpass.verify.backend import Backend
from graphpass.verify.backend_mxnet import MXNetBackend

__all__ = [
    "Elements",
    "RuleCase",
    "RuleTest",
    "TestFailure",
    "graphs_of_tests",
    "hints_of",
    "indented",
    "run_tests",
]


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test, run. True in a condition if it passed."""

    rule: str
    """The id of the rewrite; the name of the pass, if it is a test of the whole."""

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


_NODE = re.compile(r"\S+ '([^']*)' \(#\d+\)")
"""A node as reasons name it: ``BatchNorm 'bn1' (#7)``."""

_DATA = re.compile(r"(.*_)?(data|label)\d*")
"""What variables of data are called."""

_VARIANCES = frozenset({"moving_var", "running_var", "moving_variance"})


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
            backend = stack.enter_context(MXNetBackend(isolated=True))
            assert backend.name  # a library that is missing shows here, not as a failing test
        allowance = Elements()
        return [case.run(allowance, backend) for case in _cases(loaded)]


def graphs_of_tests(loaded: Pass) -> Iterator[tuple[str, Model]]:
    """Yield the models that tests begin with, each with its place; malformed ones left out."""
    allowance = Elements()
    for case in _cases(loaded):
        try:
            yield loaded.place(case.path), case.before(allowance)
        except TestFailure:
            continue


def _cases(loaded: Pass) -> Iterator[RuleCase]:
    for member in [each for group in groups_of(loaded) for each in group]:
        for number, test in enumerate(member.text.tests if member.text is not None else ()):
            yield RuleCase(loaded, test, (*member.path, "tests", number), member.rewrite)
    for number, test in enumerate(loaded.tests):
        yield RuleCase(loaded, test, ("tests", number))


class TestFailure(Exception):  # noqa: N818 - no error: an answer
    """What a test found wrong, and in which of its texts, by the way there from the test."""

    def __init__(self, message: str, *where: str, error: TextError | None = None) -> None:
        super().__init__(message)
        self.where = where
        self.line = None if error is None else error.line
        self.column = None if error is None else error.column


class Elements:
    """How many elements the arrays of tests may still have."""

    _IN_ALL = 4 * MAX_TESTED

    def __init__(self) -> None:
        self._left = self._IN_ALL

    def take(self, name: str, shape: tuple[int, ...], *where: str) -> None:
        """Take the elements of a variable, or refuse that, before there is an array of them."""
        asked = f"{name} is to have the shape {shape!s:.80}, and a test may ask for no more than"
        if len(shape) > MAX_RANK:
            raise TestFailure(f"{asked} {MAX_RANK} dimensions", *where)
        size = prod(max(extent, 1) for extent in shape)
        if size > MAX_TESTED:
            raise TestFailure(f"{asked} {MAX_TESTED:,} elements; write a smaller one", *where)
        if size > self._left:
            raise TestFailure(
                f"with {name} of the shape {shape}, the tests of this pass ask for more than "
                f"{self._IN_ALL:,} elements in all; write smaller ones",
                *where,
            )
        self._left -= size


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One test, to be run."""

    loaded: Pass
    """The pass that it is of."""

    test: Mapping[str, Any]
    """What it says."""

    path: tuple[str | int, ...]
    """The way there from the top of the pass."""

    rewrite: Rewrite | None = None
    """What it tests, run alone until it applies no more; None for the whole pass."""

    is_hinted: bool = True
    """Whether variables with a shape have values if ``parameters`` lists none."""

    @property
    def rule(self) -> str:
        """What reports call it."""
        return self.loaded.name if self.rewrite is None else self.rewrite.id

    def run(self, allowance: Elements, backend: Backend | None) -> RuleTest:
        """Run it; with a backend, also compare outputs before and after."""
        failure: str | None = None
        note = ""
        place = self.loaded.place(self.path)
        try:
            note = self._check(allowance, backend)
        except TestFailure as found:
            failure = str(found)
            place = self.loaded.place((*self.path, *found.where), found.line, found.column)
        return RuleTest(self.rule, int(self.path[-1]) + 1, place, failure, note)

    def before(self, allowance: Elements) -> Model:
        """Return the model that it begins with."""
        graph = self._graph("before")
        return Model(graph, self._values(graph, allowance))

    def _check(self, allowance: Elements, backend: Backend | None) -> str:
        """Check everything; return why outputs were not compared, if they were to be."""
        before = self.before(allowance)
        if backend is not None:
            hints = hints_of(before.graph)
            for name in before.inputs:
                allowance.take(name, hints.get(name, ()), "before")
        after = before.copy()
        changed, lineage = False, None
        refusal: GraphpassError | None = None
        try:
            changed, lineage = self._change(after)
        except GraphpassError as error:
            refusal = error
        if "unchanged" in self.test and (refusal is None or self.rewrite is None):
            if changed:
                made = indented(print_graph(after.graph))
                said = f"it was to leave the graph alone, but made of it\n{made}"
                raise TestFailure(said, "unchanged")
            try:
                if refusal is not None:
                    found = [str(refusal)]
                elif self.rewrite is not None:
                    found = str(explain(self.rewrite, before)).splitlines()[1:]
                else:
                    steps = apply(self._bound(), before, dry_run=True).steps
                    found = [line for step in steps for line in _told(step)]
            except GraphpassError as error:
                said = f"why it left the graph alone can't be told: {error}"
                raise TestFailure(said, "before") from None
            wanted = " ".join(self.test["unchanged"].split())
            reasons = [" ".join(reason.split()) for reason in found]
            if not any(wanted in each or wanted in _NODE.sub(r"\1", each) for each in reasons):
                listed = "".join(f"\n    {reason}" for reason in reasons)
                raise TestFailure(
                    f"it left the graph alone, but not because {wanted}; the reasons are{listed}",
                    "unchanged",
                )
        elif refusal is not None:
            raise TestFailure(f"it is refused: {refusal}", "before")
        else:
            target = self._graph("after")
            same = isomorphic(after.graph, target, names=True)
            if not same:
                idle = "changed nothing" if self.rewrite is None else "did not fire"
                ends = [indented(print_graph(graph)) for graph in (after.graph, target)]
                raise TestFailure(
                    f"it {'made' if changed else f'{idle}, which left'} A, and B was wanted: "
                    f"{same}\n  A:\n{ends[0]}\n  B:\n{ends[1]}",
                    "after",
                )
        if not changed or backend is None:
            return ""
        try:
            result = verify(before, after, lineage=lineage, backend=backend)
        except UsageError as error:
            return str(error)
        except GraphpassError as error:
            raise TestFailure(f"the graphs can't be run: {error}", "before") from None
        if result.verdict == "different":
            raise TestFailure(f"outputs differ:\n{result}", "before")
        return "" if result else str(result)

    def _change(self, model: Model) -> tuple[bool, Lineage | None]:
        """Do to a model what is tested; return whether it changed, and what stands for what."""
        if self.rewrite is None:
            report = apply(self._bound(), model)
            return report.changed, report.lineage
        rewrite = replace(self.rewrite, expect=None)
        with model.edit() as edit:
            [firings] = run_group([Member(rewrite, self.rule)], Run(model=model), edit)
        return bool(firings), None

    def _bound(self) -> Pass:
        try:
            return self.loaded.bind(self.test.get("set"))
        except GraphpassError as error:
            raise TestFailure(str(error), "set") from None

    def _graph(self, key: str) -> Graph:
        try:
            return parse_graph(self.test[key])
        except TextError as error:
            raise TestFailure(f"{key} is no graph: {error.reason}", key, error=error) from None

    def _values(self, graph: Graph, allowance: Elements) -> Parameters:
        """Return the stored values of a graph, as the test states them."""
        stated: Mapping[str, Any] = self.test.get("parameters") or {}
        keys = {graph.name(key): key for key in graph.order() if graph.is_variable(key)}
        auxiliary = set(graph.variable_keys().auxiliary_states)
        random = np.random.default_rng(0)
        parameters = Parameters()
        # First those with a shape of their own, then those that share the values of another one.
        shapes = {
            name: tuple(shape) for name, shape in stated.items() if not isinstance(shape, str)
        }
        for name, other in stated.items():
            if name not in keys:
                raise TestFailure(f"no variable of the graph is called {name}", "parameters", name)
            if isinstance(other, str) and other not in shapes:
                said = f"{other} has no shape here, which {name} could have"
                raise TestFailure(said, "parameters", name)
        shapes |= {name: shapes[each] for name, each in stated.items() if isinstance(each, str)}
        if not stated and self.is_hinted:
            hints = hints_of(graph)
            shapes = {name: hints[name] for name in hints if not _DATA.fullmatch(name)}
        for name, shape in shapes.items():
            allowance.take(name, shape, *(("parameters", name) if stated else ("before",)))
            source = stated.get(name)
            if isinstance(source, str):
                array = np.array(parameters[source])
            else:
                array = random.standard_normal(shape, dtype=np.float32)
                readers = [(graph.signature(use.node), use.slot) for use in graph.uses(keys[name])]
                if any(
                    slot < len(signature.input_names or ())
                    and (signature.input_names or ())[slot] in _VARIANCES
                    for signature, slot in readers
                ):
                    array = np.abs(array) + np.float32(0.5)
            parameters.set(name, array, "aux" if keys[name] in auxiliary else "arg")
        return parameters


def _told(step: Step) -> Iterator[str]:
    """Yield what the report says of a rule that changed nothing."""
    yield step.summary
    yield from step.notes
    yield from map(str, step.near_misses)
    for inner in step.steps:
        yield from _told(inner)


def hints_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shapes that variables say they have, where they are complete."""
    found = {}
    for key in graph.order():
        hint = shape_hint(graph.attrs(key), np_shape=False) if graph.is_variable(key) else None
        shape = tuple([extent for extent in hint or () if extent is not None])
        if shape and len(shape) == len(hint or ()):
            found[graph.name(key)] = shape
    return found


def indented(text: str) -> str:
    """Return a text that stands below a line of a report."""
    return "\n".join(f"    {line}" for line in text.splitlines())
