from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from graphpass.ops import find, operator_names
from graphpass.ops.meaning import is_commutative

LEFT_OUT = (
    "_backward",
    "_contrib_box_iou",
    "_identity_with_attr_like_rhs",
    "_onehot_encode",
    "_random",
    "_sample",
)
"""Gradients, samplers, and operators that crash on such arrays rather than refuse them."""


def candidates() -> list[str]:
    """Every operator that takes two inputs and needs no attribute."""
    found = []
    for name in sorted(set(operator_names())):
        operator = find(name)
        assert operator is not None
        if name != operator.name or name.startswith(LEFT_OUT):
            continue
        attrs = {} if operator.key_var_num_args is None else {operator.key_var_num_args: "2"}
        if any(spec.required and spec.name not in attrs for spec in operator.attributes.values()):
            continue
        if operator.opaque or operator.from_subgraph:
            continue
        signature = operator.signature(attrs)
        if signature.num_inputs == 2 and signature.num_outputs == 1 and not signature.mutable_slots:
            found.append(name)
    return found


def compute(mx: ModuleType, op: str, first: Any, second: Any) -> Any:
    operator = find(op)
    assert operator is not None
    key = operator.key_var_num_args
    nodes = [
        {"op": "null", "name": "a", "inputs": []},
        {"op": "null", "name": "b", "inputs": []},
        {"op": op, "name": "y", "attrs": {key: "2"} if key else {}, "inputs": [[0, 0], [1, 0]]},
    ]
    text = json.dumps(
        {
            "nodes": nodes,
            "arg_nodes": [0, 1],
            "heads": [[2, 0]],
            "attrs": {"mxnet_version": ["int", 10901]},
        }
    )
    symbol = mx.sym.load_json(text)
    arguments = {"a": mx.nd.array(first, dtype=first.dtype)}
    arguments["b"] = mx.nd.array(second, dtype=second.dtype)
    executor = symbol.bind(mx.cpu(), arguments, grad_req="null")
    return executor.forward()[0].asnumpy()


@pytest.mark.mxnet
@pytest.mark.parametrize("op", candidates())
def test_the_table_says_what_mxnet_computes(op: str, mx: ModuleType) -> None:
    random = np.random.default_rng(7)
    verdicts = []
    for dtype in ("float32", "int32"):
        a, b = (random.integers(1, 5, (4, 4)).astype(dtype) for _ in range(2))
        if dtype == "float32":
            a, b = a / np.float32(7), b / np.float32(-3)
            a[0, 0], b[0, 1], a[0, 2] = np.nan, np.nan, np.inf
            a[1:, 3], b[2:, 1:] = 0, 0
        try:
            there, back = compute(mx, op, a, b), compute(mx, op, b, a)
        except mx.base.MXNetError:
            continue  # not an operator of such arrays
        if len(np.unique(there)) > 1:  # a constant tells nothing
            verdicts.append(np.array_equal(there, back, equal_nan=True))
    assert is_commutative(op) == (bool(verdicts) and all(verdicts))
