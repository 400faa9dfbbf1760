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


def baked_at(text: str, *shape: int, **stored: tuple[int, ...]) -> list[str]:
    report = graphpass.check(source(text, **stored).model(), {"x": shape})
    return [finding.nodes[0].name for finding in report if finding.code == "baked-batch"]


def test_what_is_behind_a_baked_reshape_is_baked_too() -> None:
    text = "x = variable(); r = Reshape(x, shape=(2, 6)); s = Reshape(r, shape=(2, 3, 2)); return s"
    assert baked_at(text, 2, 6) == ["r", "s"]


def test_the_time_axis_of_a_recurrent_net_is_not_taken_for_its_batch() -> None:
    text = """
    x, p, h = variable(), variable(), variable()
    y = RNN(x, p, h, state_size=4, num_layers=1, mode="rnn_tanh")
    t = transpose(y, axes=(1, 0, 2))
    r = Reshape(t, shape=(5, -1))
    return r
    """
    assert baked_at(text, 7, 5, 4, p=(40,), h=(1, 5, 4)) == ["r"]


def test_of_what_reads_an_operator_nobody_knows_nothing_is_said() -> None:
    text = "x = variable(); u = `Mystery`(x); r = Reshape(u, shape=(4, -1)); return r"
    assert baked_at(text, 2, 6) == ["r"]


def test_a_constant_that_is_broadcast_over_several_samples_fixes_them() -> None:
    text = "x, w = variable(), variable(); c = tile(w, reps=({}, 1)); return broadcast_add(x, c)"
    assert baked_at(text.format(3), 3, 4, w=(1, 4)) == ["c"]
    assert baked_at(text.format(1), 3, 4, w=(1, 4)) == []
    assert baked_at(text.format(3), 2, 3, 4, w=(1, 4)) == []


def test_a_constant_beside_channels_fixes_nothing() -> None:
    text = """
    x = variable()
    t = transpose(x, axes=(1, 0))
    z = _ones(shape=(4, 0))
    y = elemwise_mul(t, z)
    return y
    """
    assert baked_at(text, 2, 4) == []


def test_a_row_that_is_put_before_others_fixes_nothing() -> None:
    text = "x = variable(); z = _zeros(shape=(1, 4)); y = Concat(z, x, dim={}); return y"
    assert baked(text.format(0)) == []
    assert baked(text.format(1)) == ["z"]


def test_what_is_repeated_for_each_box_fixes_nothing() -> None:
    text = "x, w = variable(), variable(); c = tile(w, reps=(9,)); y = elemwise_add(x, c); return y"
    assert baked(text, w=(1,)) == []


def test_the_layout_of_an_input_says_which_axis_is_that_of_the_batch() -> None:
    text = "x = variable(__shape__={}, __layout__='TNC'); y = relu(x); return y"
    report = graphpass.check(source(text.format("(5, 8, 3)")).model())
    [finding] = [each for each in report if each.code == "baked-batch"]
    assert "fixes axis 1, the N of __layout__, of the input to 8" in finding.reason
    assert finding.remedy == "apply free-batch --set from=8"
    assert baked(text.format("(5, 0, 3)")) == []


def test_the_hint_of_what_looks_like_a_weight_of_a_symbol_alone_fixes_nothing() -> None:
    text = """
    x, w = variable(__shape__=(1, 4, 6, 6)), variable(__shape__=(1, 4, 1, 1))
    y = broadcast_mul(x, w)
    v = variable()
    z = broadcast_add(y, v)
    return z
    """
    assert baked(text) == ["x"]
    assert baked(text, v=(1, 4, 1, 1)) == ["x", "w"]
