"""Every row of the table, with real MXNet as the judge: f(concat(a, b)) == concat(f(a), f(b))."""

from __future__ import annotations

import math
from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from batching_cases import Case, cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphpass import Model, dumps
from graphpass.errors import OperationError
from graphpass.ops.meaning import known_operators, meaning
from graphpass.rules.operations.trunks import Tracking
from graphpass.shapes import infer

OPERATORS = sorted(op for op in known_operators() if meaning(op).batch is not None)


def tracked(case: Case, *, extents: bool) -> tuple[int | None, ...] | None:
    """Return the axes of the outputs, None if the operator is refused.

    Batches of other sizes are told, since nobody can know that they are refused otherwise.
    """
    graph = case.graph()
    extents |= len({each.shape[each.axis] for each in case.inputs if each.axis is not None}) > 1
    shapes = {
        f"x{slot}": tuple(
            None if axis == each_input.axis and not extents else extent
            for axis, extent in enumerate(each_input.shape)
        )
        for slot, each_input in enumerate(case.inputs)
    }
    starts = {
        (graph.named(f"x{slot}")[0], 0): each_input.axis
        for slot, each_input in enumerate(case.inputs)
        if each_input.axis is not None
    }
    tracking = Tracking(graph, infer(graph, shapes), False, dict(starts))
    try:
        tracking.run(key for key in graph.order() if not graph.is_variable(key))
    except OperationError:
        return None
    return tuple(tracking.axes[head.node, head.output] for head in graph.heads)


def run(judge: Any, case: Case, branches: list[dict[str, np.ndarray]]) -> list[np.ndarray]:
    joined = {}
    for slot, each_input in enumerate(case.inputs):
        parts = [branch[f"x{slot}"] for branch in branches]
        joined[f"x{slot}"] = (
            parts[0] if each_input.axis is None else np.concatenate(parts, axis=each_input.axis)
        )
    return judge.outputs(Model(case.graph()), joined)


def is_sound(judge: Any, case: Case) -> bool:
    """Return whether MXNet can run it: some reshapes get past its checks and crash."""
    symbol = judge.mx.sym.load_json(dumps(case.graph()))
    shapes = {f"x{slot}": each_input.shape for slot, each_input in enumerate(case.inputs)}
    try:
        _, outputs, _ = symbol.infer_shape(**shapes)
    except judge.mx.MXNetError:
        return False
    return case.op != "Reshape" or math.prod(outputs[0]) == math.prod(case.inputs[0].shape)


def branches_of(case: Case, count: int) -> list[dict[str, np.ndarray]]:
    return [
        {
            f"x{slot}": case.arrays(0 if each_input.axis is None else branch, slot)
            for slot, each_input in enumerate(case.inputs)
        }
        for branch in range(count)
    ]


def check(judge: Any, case: Case, count: int, *, extents: bool) -> bool:
    """Return whether the operator is batched; then it must be right."""
    axes = tracked(case, extents=extents)
    if axes is None:
        return False
    assume(is_sound(judge, case))
    branches = branches_of(case, count)
    try:
        parts = [run(judge, case, [branch]) for branch in branches]
    except judge.mx.MXNetError:
        assume(False)
    found = run(judge, case, branches)
    for output, axis in enumerate(axes):
        each = [part[output] for part in parts]
        if axis is None:
            for one in (*each, found[output]):
                np.testing.assert_array_equal(one, each[0])
            continue
        assert len({one.shape for one in each}) == 1
        wanted = np.concatenate(each, axis=axis)
        np.testing.assert_allclose(found[output], wanted, rtol=2e-5, atol=1e-6)
    return True


@pytest.mark.mxnet
@pytest.mark.parametrize("op", OPERATORS)
def test_what_is_joined_stays_joined(judge: Any, mx: ModuleType, op: str) -> None:
    seen: Counter[bool] = Counter()

    @settings(max_examples=20, derandomize=True, database=None)
    @given(case=cases(op), count=st.integers(2, 3), extents=st.booleans())
    def property_of_the_row(case: Case, count: int, extents: bool) -> None:
        seen[check(judge, case, count, extents=extents)] += 1

    property_of_the_row()
    assert seen[True] >= 2, seen


@pytest.mark.slow
@pytest.mark.mxnet
@pytest.mark.parametrize("op", OPERATORS)
@settings(max_examples=600)
@given(data=st.data())
def test_what_is_joined_stays_joined_however_odd(judge: Any, op: str, data: Any) -> None:
    case = data.draw(cases(op))
    check(judge, case, data.draw(st.integers(2, 3)), extents=data.draw(st.booleans()))
