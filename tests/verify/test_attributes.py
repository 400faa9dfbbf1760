"""What of a node's attributes counts."""

from __future__ import annotations

import pytest

from graphpass.verify.isomorphism import attribute_changes, comparable, same_attributes


@pytest.mark.parametrize(
    ("op", "a", "b"),
    [
        (
            "Convolution",
            {"kernel": "(3,3)", "num_filter": "8"},
            {"kernel": "(3, 3)", "num_filter": "8"},
        ),
        (
            "Convolution",
            {"kernel": "[3, 3]", "num_filter": " 8"},
            {"kernel": "(3L, 3L)", "num_filter": "8"},
        ),
        ("BatchNorm", {}, {"fix_gamma": "True"}),
        ("BatchNorm", {"fix_gamma": "1"}, {"fix_gamma": "true", "momentum": "0.9"}),
        ("Dropout", {"p": "0.1"}, {"p": "0.100000001490116"}),
        ("Dropout", {"p": "0.5"}, {"p": ".5f"}),
        ("clip", {"a_min": "nan", "a_max": "1"}, {"a_min": "NaN", "a_max": "1.0"}),
        ("null", {"num_hidden": "2"}, {}),
        ("null", {"__shape__": "(0,3)"}, {"__shape__": "[0, 3]", "kernel": "(3, 3)"}),
        ("null", {"__lr_mult__": "1"}, {"__lr_mult__": "1.0"}),
        ("null", {"__init__": '["x", {"a": 1, "b": 2}]'}, {"__init__": '["x", {"b": 2, "a": 1}]'}),
        ("elemwise_add", {"anything": "x"}, {"anything": "x"}),
        ("NoSuchOperator", {"k": "(3, 3)"}, {"k": "(3, 3)"}),
    ],
)
def test_spelling_does_not_count(op: str, a: dict[str, str], b: dict[str, str]) -> None:
    assert same_attributes(op, a, b)
    assert list(attribute_changes(op, a, op, b)) == []


@pytest.mark.parametrize(
    ("op", "a", "b", "changed"),
    [
        ("BatchNorm", {}, {"fix_gamma": "False"}, ("fix_gamma", "True", "False")),
        ("Convolution", {"kernel": "(3, 3)"}, {"kernel": "(3,)"}, ("kernel", "(3, 3)", "(3,)")),
        ("BatchNorm", {}, {"__lr_mult__": "2"}, ("__lr_mult__", "absent", "'2'")),
        ("BatchNorm", {"eps": "what"}, {"eps": "1e-3"}, ("eps", "'what'", "0.001")),
        ("BatchNorm", {"eps": "0.001"}, {}, ("eps", "0.001", "0.0010000000474974513")),
        ("_mul_scalar", {"scalar": "0.0"}, {"scalar": "-0.0"}, ("scalar", "0.0", "-0.0")),
        ("null", {"__shape__": "(1,)"}, {}, ("__shape__", "(1,)", "absent")),
        ("null", {"__init__": "zeros"}, {"__init__": "ones"}, ("__init__", "'zeros'", "'ones'")),
        ("NoSuchOperator", {"k": "(3,3)"}, {"k": "(3, 3)"}, ("k", "'(3,3)'", "'(3, 3)'")),
        ("elemwise_add", {"anything": "x"}, {}, ("anything", "'x'", "absent")),
    ],
)
def test_meaning_counts(
    op: str, a: dict[str, str], b: dict[str, str], changed: tuple[str, str, str]
) -> None:
    assert not same_attributes(op, a, b)
    assert next(attribute_changes(op, a, op, b)) == changed


def test_defaults_are_filled_in() -> None:
    values = comparable("Activation", {"act_type": "relu"})
    assert values == {"act_type": "relu"}
    assert comparable("Dropout", {})["mode"] == "training"


def test_order_of_attributes_does_not_count() -> None:
    a = {"kernel": "(1,1)", "num_filter": "2"}
    assert comparable("Convolution", a) == comparable("Convolution", dict(reversed(a.items())))
