"""A firing that makes a match possible, near or far, is followed by that match."""

from __future__ import annotations

from typing import Any

import pytest

CHAIN = "\n".join(
    [
        *(f"t{n} = tanh({f't{n - 1}' if n else 'a'})" for n in range(9)),
        "s = sin(t8)",
        *(f"u{n} = tanh({f'u{n - 1}' if n else 's'})" for n in range(9)),
    ]
)

CASES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "an inner node loses its other user": (
        "x = variable()\nt = tanh(x)\na = relu(t)\ny = elemwise_add(x, t)\nreturn a, y",
        {"match": "relu(tanh(v))", "replace": "exp(v)"},
        {"match": "elemwise_add(u, _)", "replace": "cos(u)"},
    ),
    "an output of a root is used no more": (
        "x = variable()\ns = SliceChannel(x, num_outputs=2)\nt = tanh(s[1])\n"
        "y = Concat(s, t)\nreturn y",
        {"match": "a = SliceChannel(v)", "replace": "exp(v)"},
        {"match": "Concat(u, tanh(_))", "replace": "u"},
    ),
    "nobody waits any more": (
        "x = variable()\na = relu(x)\nb = tanh(x, after=[a])\nc = sin(b)\nreturn a, c",
        {"match": "relu(v)", "replace": "v"},
        {"match": "sin(_)", "replace": "_zeros(shape=(1,))"},
    ),
    "a value turns constant far below": (
        f"x = variable()\na = relu(x)\n{CHAIN}\nreturn u8",
        {"match": "tanh(const(_))", "replace": "_ones(shape=(1,))"},
        {"match": "sin(_)", "replace": "_zeros(shape=(1,))"},
    ),
    "a value loses a user": (
        "x = variable()\na = relu(x)\nb = tanh(x)\nc = Concat(a, b)\nreturn c",
        {"match": "relu(v)", "where": "len(v.users) == 1", "replace": "exp(v)"},
        {"match": "Concat(u, _)", "replace": "u"},
    ),
    "the third of three roots changes": (
        "x, y, z = variable(), variable(), variable()\na = broadcast_mul(x, y)\n"
        "b = broadcast_sub(y, z)\nc = sin(z)\nreturn a, b, c",
        {"match": "a = broadcast_mul(x, y)\nb = broadcast_sub(y, z)\nc = cos(z)\nreturn a, b, c",
         "replace": "return relu(x), relu(y), relu(z)"},
        {"match": "sin(v)", "replace": "cos(v)"},
    ),
    "what would have been a cycle is broken far away": (
        f"x = variable()\na = relu(x)\n{CHAIN}\nc = elemwise_add(x, u8)\nreturn a, c, t8",
        {"match": "p = relu(x)\nq = elemwise_add(x, b)\nreturn p, q",
         "replace": "return exp(x), exp(b)"},
        {"match": "sin(_)", "replace": "_zeros(shape=(1,))"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_firing_makes_an_earlier_rule_apply(rewriting: Any, case: str) -> None:
    text, first, second = CASES[case]
    assert rewriting(text, first).firings == []
    done = rewriting(text, {"id": "first", **first}, {"id": "second", **second})
    fired = {rule for rule, _ in done.firings}
    assert fired == {"first", "second"}
