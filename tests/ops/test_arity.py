from __future__ import annotations

import random

import pytest

from graphpass.errors import AttributeValueError
from graphpass.ops import find, operator_names
from graphpass.ops.dump.__main__ import draw_attrs
from graphpass.ops.operator import Bounds, input_bounds, output_bounds


@pytest.mark.parametrize("seed", range(3))
def test_what_a_node_has_lies_within_the_bounds(seed: int) -> None:
    dice = random.Random(seed)
    for name in sorted(operator_names()):
        operator = find(name)
        assert operator is not None
        attrs = draw_attrs(dice, operator)
        try:
            signature = operator.signature(attrs)
            view = operator.view(attrs)
            known = {key: view[key] for key in view if dice.random() < 0.5}
            everything = dict(view)
        except AttributeValueError:
            continue
        for part in (known, {}):
            inputs = input_bounds(operator, part)
            total, visible = output_bounds(operator, part)
            assert within(signature.num_inputs, inputs), (name, attrs, part)
            assert within(signature.num_outputs, total), (name, attrs, part)
            assert within(signature.num_visible_outputs, visible), (name, attrs, part)
        exact = input_bounds(operator, everything)
        if not (operator.opaque or operator.from_subgraph):
            assert exact.least == exact.most or signature.num_inputs is None, (name, attrs)


def within(count: int | None, bounds: Bounds) -> bool:
    if count is None:
        return bounds.most is None
    return bounds.least <= count and (bounds.most is None or count <= bounds.most)


@pytest.mark.parametrize(
    ("op", "known", "inputs", "visible"),
    [
        ("Convolution", {}, "2 to 3", "1"),
        ("Convolution", {"no_bias": True}, "2", "1"),
        ("BatchNorm", {}, "5", "1 to 3"),
        ("BatchNorm", {"output_mean_var": True}, "5", "3"),
        ("Concat", {}, "0 or more", "1"),
        ("Concat", {"num_args": 3}, "3", "1"),
        ("SliceChannel", {"num_outputs": 2}, "1", "2"),
        ("Custom", {}, "0 or more", "0 or more"),
    ],
)
def test_some_bounds(op: str, known: dict[str, int], inputs: str, visible: str) -> None:
    operator = find(op)
    assert operator is not None
    assert str(input_bounds(operator, known)) == inputs
    assert str(output_bounds(operator, known)[1]) == visible
