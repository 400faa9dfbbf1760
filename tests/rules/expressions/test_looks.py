"""What an expression looks at, and what is left of it once attributes are known."""

from __future__ import annotations

import pytest

from graphpass.rules.expressions import parse_expression

OPERATORS = {"conv": ["Convolution"], "out": ["BatchNorm"], "flat": ["Reshape"], "v": ["VendorOp"]}
"""What the nodes of the pattern may be."""


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("1 == 1", ""),
        ("conv.kernel == (1, 1) and not conv.no_bias", "conv.word.kernel conv.word.no_bias"),
        ("attribute(conv, 'name') == 'a'", "conv.attribute."),
        ("attribute(x.node, 'name') == 'a'", "x.word.node"),
        ("bound(bias) or out.axis == 1", "bias.bound. out.word.axis"),
        ("len(out.users) == 1", "out.word.num_users"),
        ("x.node.op == 'relu'", "x.word.node .word.op"),
        ("known(weight, gamma)", "weight.known. gamma.known."),
        ("known(x.shape)", "x.word.shape .known."),
        ("weight * 2", "weight.value."),
        ("conv[1].shape == (1,)", "conv.value. .word.shape"),
        ("all(i == 1 for i in conv.stride)", "conv.word.stride"),
        ("all(known(u) for u in rest)", "rest.value. .known."),
        ("tuple(conv.kernel[i] for i in range(len(x.shape)))", "conv.word.kernel x.word.shape"),
        ("sqrt(`a b`)", "a b.value."),
    ],
)
def test_what_it_looks_at(text: str, reads: str) -> None:
    found = {f"{name}.{way}.{word}" for name, way, word in parse_expression(text).reads}
    assert " ".join(sorted(found)) == " ".join(sorted(reads.split(" ") if reads else []))


def test_its_conditions_by_themselves() -> None:
    expression = parse_expression(
        "out.axis == 1 and (known(weight, x.shape) and known(`a b`)) and y"
    )
    assert [each.text for each in expression.conjuncts()] == [
        "out.axis == 1",
        "known(weight, x.shape)",
        "known(`a b`)",
        "y",
    ]
    assert expression.requires_known() == {"weight", "a b"}
    assert parse_expression("known(x) or y").requires_known() == set()
    assert [each.text for each in parse_expression("a or b").conjuncts()] == ["a or b"]


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("conv.kernel == (1, 1) and conv.name != 'a' and conv.num_inputs == 2", False),
        ("conv.num_users == 1", True),
        ("flat.shape == (0, -1)", False),
        ("conv.shape == (0, -1)", True),
        ("weight.shape == (1,) and weight.is_param and weight.__lr_mult__ is None", False),
        ("weight.num_users == 1", True),
        ("weight.name == 'a'", True),
        ("x.shape == (1,)", True),
        ("`a b`.ndim == 1", True),
        ("scale.ndim == 1", False),
        ("known(x) and out.axis == 1", False),
        ("known(x) or out.axis == 1", True),
        ("known(weight) or out.axis == 1", False),
        ("all(u.op == 'relu' for u in x.users)", True),
        ("weight * 2", False),
    ],
)
def test_whether_it_looks_beyond_the_match(text: str, beyond: bool) -> None:
    found = parse_expression(text).looks_beyond(OPERATORS, {"weight"}, {"scale"}, is_condition=True)
    assert found is beyond


def test_what_is_computed_requires_nothing_to_be_known() -> None:
    expression = parse_expression("known(x)")
    assert expression.looks_beyond(OPERATORS, (), (), is_condition=False)
