"""The ``tests:`` of lowerings, run on ONNX Runtime and, where it is asked for, against MXNet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from graphpass.errors import GraphpassError
from graphpass.graph import Entry, Graph
from graphpass.lowering.backend import OnnxBackend
from graphpass.lowering.driver import lower
from graphpass.lowering.files import lowerings_of, shipped_lowerings
from graphpass.lowering.shapes import GivenInputs, known_shapes
from graphpass.rules.lint.rule_tests import Elements, RuleCase, RuleTest, TestFailure, hints_of
from graphpass.rules.operations.lower import Lower
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.rewrite.lowering import Lowering
from graphpass.verify.backend import Backend
from graphpass.verify.backend_mxnet import MXNetBackend

__all__ = ["run_lowering_tests"]

_RTOL = 1e-4
"""Of an output's scale: what two libraries may differ by in single precision."""


def run_lowering_tests(loaded: Pass, *, on_mxnet: bool = False) -> list[RuleTest]:
    """Run the tests of the lowerings of a pass.

    Parameters
    ----------
    loaded : Pass
        The pass.
    on_mxnet : bool
        Whether to compare outputs with MXNet's on random inputs, where a test gives no numbers.

    Raises
    ------
    BackendError
        If ONNX Runtime, or MXNet if asked for, is not there.
    """
    cases = list(_cases(loaded))
    if not cases:
        return []
    lowerings = [*lowerings_of(loaded), *shipped_lowerings()]
    backend = OnnxBackend(lowerings)
    assert backend.name  # a library that is missing shows here, not as a failing test
    allowance, found = Elements(), []
    with ExitStack() as stack:
        judge = stack.enter_context(MXNetBackend(isolated=True)) if on_mxnet else None
        for name, case in cases:
            failure, place = None, loaded.place(case.path)
            try:
                _check(case, lowerings, backend, judge, allowance)
            except TestFailure as fault:
                failure = str(fault)
                place = loaded.place((*case.path, *fault.where), fault.line, fault.column)
            found.append(RuleTest(name, int(case.path[-1]) + 1, place, failure))
    return found


def _cases(loaded: Pass) -> Iterator[tuple[str, RuleCase]]:
    for rule in loaded.rules:
        if isinstance(rule.operation, Lower):
            for number, test in enumerate(rule.operation.tests):
                path = ("rules", rule.index - 1, "lower", "tests", number)
                yield rule.id or f"rule {rule.index}", RuleCase(loaded, test, path, is_hinted=False)


def _check(
    case: RuleCase,
    lowerings: list[Lowering],
    backend: OnnxBackend,
    judge: Backend | None,
    allowance: Elements,
) -> None:
    test, model = case.test, case.before(allowance)
    graph, stated = model.graph, test.get("inputs") or {}
    for name in stated:
        if name not in model.inputs:
            raise TestFailure(f"the graph has no input {name!r}", "inputs", name)
    shapes = {**hints_of(graph), **{name: np.shape(value) for name, value in stated.items()}}
    given = GivenInputs({name: shapes[name] for name in model.inputs if name in shapes})
    try:
        lowered = lower(model, lowerings, given)
    except GraphpassError as error:
        if "refused" not in test:
            raise TestFailure(f"it is refused: {error}", "before") from None
        wanted = " ".join(str(test["refused"]).split())
        if wanted not in " ".join(str(error).split()):
            raise TestFailure(
                f"it is refused, but not because {wanted}: {error}", "refused"
            ) from None
        return
    ops = [node.op for node in lowered.graph.nodes]
    if "refused" in test:
        raise TestFailure(f"it was to be refused, and became {', '.join(ops)}", "refused")
    if "ops" in test and ops != list(test["ops"]):
        raise TestFailure(
            f"it became {', '.join(ops) or 'nothing'}, and {', '.join(test['ops'])} was wanted",
            "ops",
        )
    known = known_shapes(model, given)
    values: dict[int, Any] = {}
    random = np.random.default_rng(0)
    for key in graph.variable_keys().arguments:
        name = graph.name(key)
        if name not in model.parameters:
            shape = known.shape(Entry(key)) or ()
            sizes = tuple([extent or 1 for extent in shape])
            allowance.take(name, sizes, "before")
            array = np.asarray(stated[name]) if name in stated else _drawn(random, sizes)
            values[key] = array.astype(known.dtype(Entry(key)))
    constants = {
        key: np.asarray(model.parameters[graph.name(key)])
        for key in graph.order()
        if graph.is_variable(key) and graph.name(key) in model.parameters
    }
    try:
        [ours] = backend.run(graph, constants, [values])
        expected = test.get("outputs")
        if expected is None and judge is not None:
            expected = judge.run(graph, constants, [values])[0].outputs
    except GraphpassError as error:
        raise TestFailure(f"it can't be run: {error}", "before") from None
    if expected is not None:
        _compare(ours.outputs, expected, graph)


def _drawn(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Return numbers that are neither small nor whole, and no ties."""
    size = int(np.prod(shape))
    return (random.permutation(size) - size / 2 + random.uniform(0.1, 0.9, size)).reshape(shape) / 4


def _compare(ours: Any, expected: Any, graph: Graph) -> None:
    if len(ours) != len(expected):
        raise TestFailure(f"it has {len(ours)} outputs, and {len(expected)} are stated", "outputs")
    for name, mine, theirs in zip(graph.outputs, ours, map(np.asarray, expected), strict=True):
        if mine.shape != theirs.shape:
            raise TestFailure(f"{name} is {mine.shape}, and {theirs.shape} was wanted", "outputs")
        a, b = mine.astype(np.float64), theirs.astype(np.float64)
        finite = np.abs(b[np.isfinite(b)])
        scale = max(float(finite.max()) if finite.size else 1.0, 1e-3)
        if not np.allclose(a, b, rtol=1e-5, atol=_RTOL * min(scale, 1e6), equal_nan=True):
            raise TestFailure(
                f"{name} is {mine.tolist()!s:.300}, and {theirs.tolist()!s:.300} was wanted",
                "outputs",
            )
