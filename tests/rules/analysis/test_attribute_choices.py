"""Attributes that an operator of a sketch could have."""

from __future__ import annotations

import pytest

from graphpass.ops import find
from graphpass.rules.analysis.attribute_choices import attribute_choices


@pytest.mark.parametrize(
    ("op", "tests", "num_inputs", "visible", "first"),
    [
        ("relu", {}, 1, None, {}),
        ("Convolution", {}, 3, None, {"kernel": "(2, 2)", "num_filter": "2"}),
        ("Convolution", {"kernel": (1, 1)}, 2, None,
         {"num_filter": "2", "no_bias": "True", "kernel": "(1, 1)"}),
        ("Concat", {}, 3, None, {"num_args": "3"}),
        ("SliceChannel", {}, 1, 3, {"num_outputs": "3"}),
        ("BatchNorm", {}, 5, 3, {"output_mean_var": "True"}),
        ("Activation", {}, 1, None, {"act_type": "relu"}),
        ("Vendor", {"k": 1}, 7, None, {"k": "1"}),
    ],
)  # fmt: skip
def test_the_plainest(
    op: str, tests: dict[str, object], num_inputs: int, visible: int | None, first: dict[str, str]
) -> None:
    found = next(attribute_choices(op, tests, num_inputs, visible, {}))  # type: ignore[arg-type]
    assert found == first
    operator = find(op)
    if operator is not None:
        operator.check(found)


def test_hints_come_after_the_default() -> None:
    found = list(attribute_choices("BatchNorm", {}, 5, None, {"axis": [3, "no"]}))
    axes = [each.get("axis") for each in found]
    assert axes[0] is None
    assert "3" in axes
    assert "no" not in axes


def test_nothing_fits() -> None:
    assert list(attribute_choices("relu", {}, 2, None, {})) == []
