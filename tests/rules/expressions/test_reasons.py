"""Why a condition does not hold, word for word."""

from __future__ import annotations

import pytest

from graphpass.rules.expressions import Scope, UnknownError, parse_expression

REASONS = [
    ("out.axis == 1", "out.axis is 3, not 1"),
    ("1 == out.axis", "out.axis is 3, not 1"),
    ("out.axis != 3", "out.axis is 3, not other than 3"),
    ("conv.kernel == (1, 1)", "conv.kernel is (3, 3), not (1, 1)"),
    ("conv.kernel == conv.stride", "conv.kernel is (3, 3), not ()"),
    ("conv.layout in (None, 'NHWC')", "conv.layout is 'NCHW', not one of None, 'NHWC'"),
    ("conv.layout not in (None, 'NCHW')", "conv.layout is 'NCHW', one of None, 'NCHW'"),
    ("'bn' in conv.name", "conv.name is 'conv0', without 'bn'"),
    ("'conv' not in conv.name", "conv.name is 'conv0', with 'conv'"),
    ("5 in conv.kernel", "conv.kernel is (3, 3), without 5"),
    ("conv.layout in ()", "conv.layout is 'NCHW', and there is nothing that it could be"),
    ("conv.layout is None", "conv.layout is 'NCHW', not None"),
    ("conv.__lr_mult__ is not None", "conv.__lr_mult__ is None"),
    ("x.ndim > 4", "x.ndim is 4, not > 4"),
    ("4 < x.ndim", "x.ndim is 4, not > 4"),
    ("0 < x.ndim <= 3", "x.ndim is 4, not <= 3"),
    ("out.axis == 1 and not out.output_mean_var", "out.axis is 3, not 1"),
    ("out.axis == 3 and not out.fix_gamma", "out.fix_gamma is True, not False"),
    ("not number", "number is 7"),
    ("out.axis == 3 and (y.ndim == 4 and True)", "the shape of bn0_output is not known"),
    ("y.ndim == 4", "the shape of bn0_output is not known"),
    ("out.axis == 1 or out.eps < 0.1", "out.axis is 3, not 1 and out.eps is 0.5, not < 0.1"),
    (
        "out.axis == 1 or y.ndim == 4",
        "out.axis is 3, not 1 and the shape of bn0_output is not known",
    ),
    ("known(weight, bias, x)", "x (variable 'data') has no stored value"),
    ("known(conv)", "conv (Convolution 'conv0') has no stored value"),
    ("known(rest)", "variable 'bn0_beta' has no stored value"),
    ("known(y.shape)", "the shape of bn0_output is not known"),
    ("not known(weight)", "known(weight) is True, not False"),
    ("bound(bias)", "bias is not bound"),
    ("bias.ndim == 1", "bias is not bound"),
    ("False if number else True", "number is 7"),
    ("out.axis == 1 if out.fix_gamma else True", "out.axis is 3, not 1"),
    (
        "all(u.op == 'relu' for u in out.users)",
        "u.op is 'tanh', not 'relu', where u is tanh 'tanh0'",
    ),
    ("all(u == 1 for u in weight.shape)", "u is 2, not 1"),
    ("all(u.ndim == 2 for u in rest)", "u.ndim is 1, not 2, where u is bn0_gamma"),
    ("all(known(u) for u in rest)", "variable 'bn0_beta' has no stored value, where u is bn0_beta"),
    ("any(u.op == 'exp' for u in out.users)", "any(u.op == 'exp' for u in out.users) is False"),
    ("all(weight > 1)", "all(weight > 1) is False"),
    ("count(True for u in out.users) == 1", "count(True for u in out.users) is 2, not 1"),
    ("len(out.users) == 1", "len(out.users) is 2, not 1"),
    ("equal(gamma, scale)", "equal(gamma, scale) is False"),
    ("gamma[0] == 5", "gamma[0] is 1.0, not 5"),
    ("conv == out", "conv is Convolution 'conv0', not BatchNorm 'bn0'"),
    ("bool(out.axis == 1)", "out.axis is 3, not 1"),
    ("out.output_mean_var", "out.output_mean_var is False"),
    ("(`conv/0`.no_bias\n  is None)", "`conv/0`.no_bias is True, not None"),
    ("len(range(100)) == 0", "len(range(100)) is 100, not 0"),
    ("range(100) == ()", "range(100) is (0, 1, 2, 3, 4, 5, ...), not ()"),
    ("1 / 3 == 2", "1 / 3 is 0.3333333333333333, not 2"),
    ("sum(weight, axis=0) is None", "sum(weight, axis=0) is an array of shape (1, 3, 3), not None"),
]


@pytest.mark.parametrize(("text", "reason"), REASONS)
def test_the_reason(text: str, reason: str, scope: Scope) -> None:
    expression = parse_expression(text)
    try:
        assert not expression.holds(scope)
    except UnknownError as error:
        assert error.reason in reason
    assert expression.why_not(scope) == reason
