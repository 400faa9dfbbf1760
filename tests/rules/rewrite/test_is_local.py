"""How far a rewrite looks beyond its match."""

from __future__ import annotations

import pytest

from graphpass.rules.rewrite.rewrite import parse_rewrite


@pytest.mark.parametrize(
    ("match", "replace", "where"),
    [
        ("y = relu(x)", "y = tanh(x)", "x.node.op == 'sin'"),
        ("y = relu(x)", "y = tanh(x)", "y.users[0].op == 'tanh'"),
        ("y = relu(x)", "y = tanh(x)", "not y.is_head"),
        ("y = relu(x)", "y = tanh(x)", "y.num_users == 1"),
        ("y = relu(x)", "y = tanh(x)", "x.name == 'data'"),
        ("y = relu(x)", "y = tanh(x)", "x.__lr_mult__ == '2'"),
        ("y = relu(x)", "y = tanh(x)", "x.shape[0] == 2"),
        ("y = relu(x)", "y = tanh(x)", "y.ndim == 2"),
        ("y = relu(x)", "y = tanh(x)", "not known(x)"),
        ("y = relu(x)", "y = tanh(x)", "known(x) or y.name == 'y'"),
        ("y = add_n(*xs)", "y = Concat(*xs)", "all(each.name != 'data' for each in xs)"),
        ("y = add_n(*xs)", "y = Concat(*xs)", "xs[0].node.op == 'null'"),
        ("y = relu(x)", "y = tanh(x, name=x.name)", "y.name == 'y'"),
        ("y = broadcast_add(x, const(c))", "y = tanh(x)", "y.name == 'y'"),
        ("a = relu(x); b = tanh(x); return a, b", "return sin(x), cos(x)", "a.name == 'y'"),
    ],
)
def test_what_lies_beyond(match: str, replace: str, where: str) -> None:
    assert not parse_rewrite(match, replace, where=where).is_local


@pytest.mark.parametrize(
    ("match", "where"),
    [
        ("y = relu(x)", "y.name == 'y'"),
        ("y = relu(x)", "y.op == 'relu' and y.num_inputs == 1"),
        ("y = Reshape(x)", "y.shape == (0, -1)"),
        ("y = Cast(x)", "y.dtype == 'float32'"),
        ("y = FullyConnected(x, w, optional(b))", "known(w, b)"),
        ("y = FullyConnected(x, w, optional(b))", "known(w) and w.shape[0] == 7"),
        ("y = FullyConnected(x, param(w), optional(b))", "w.ndim == 2 and not bound(b)"),
    ],
)
def test_what_lies_in_the_match(match: str, where: str) -> None:
    assert parse_rewrite(match, "y = relu(x)", where=where).is_local
