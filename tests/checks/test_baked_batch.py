"""Which written sizes fix the batch, and which do not."""

from __future__ import annotations

import pytest
from check_cases import source

import graphpass


def baked(text: str, **stored: tuple[int, ...]) -> list[str]:
    report = graphpass.check(source(text, **stored).model())
    return [finding.nodes[0].name for finding in report if finding.code == "baked-batch"]


@pytest.mark.parametrize(
    "shape", ["(0, 7)", "(-1, 7)", "(-2, 1)", "(-3, 0)", "(-4, 2, -1, 0)", "(96,)"]
)
def test_codes_and_flat_arrays_fix_nothing(shape: str) -> None:
    assert baked(f"x = variable(); r = Reshape(x, shape={shape}); return r") == []


def test_what_takes_only_the_shape_of_an_input_is_not_fed() -> None:
    text = """
    x, anchors = variable(), variable()
    cut = slice_like(anchors, x, axes=(2, 3))
    r = Reshape(cut, shape=(1, -1, 4))
    y = broadcast_add(x, r)
    return y
    """
    assert baked(text, anchors=(1, 1, 8, 8)) == []


def test_the_batch_of_the_state_of_an_rnn_is_its_second_axis() -> None:
    text = """
    x, p = variable(), variable()
    h = {op}(shape=(1, {batch}, 4))
    y = RNN(x, p, h, state_size=4, num_layers=1, mode="rnn_tanh")
    return y
    """
    assert baked(text.format(op="_zeros", batch=5), p=(40,)) == ["h"]
    assert baked(text.format(op="_zeros", batch=0), p=(40,)) == []


def test_a_constant_that_is_broadcast_fixes_nothing() -> None:
    text = "x = variable(); c = _ones(shape=(1, 4)); y = broadcast_mul(x, c); return y"
    assert baked(text) == []


def test_an_old_target_shape_counts() -> None:
    assert baked("x = variable(); r = Reshape(x, target_shape=(8, 6)); return r") == ["r"]
    assert baked("x = variable(); r = Reshape(x, target_shape=(0, 6)); return r") == []
