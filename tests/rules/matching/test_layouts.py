"""Operands and inputs are brought together once for all nodes that are alike."""

from __future__ import annotations

from collections.abc import Callable

from graphpass import Model
from graphpass.rules.matching.layouts import Layout, Layouts
from graphpass.rules.patterns.compile import compile_pattern
from graphpass.rules.patterns.syntax import parse_pattern

Net = Callable[..., Model]


def layouts(pattern: str, model: Model, *names: str) -> list[Layout | None]:
    """Return the layouts of some nodes under the last operator of a pattern."""
    plan = compile_pattern(parse_pattern(pattern))
    graph, known = model.graph, Layouts(plan)
    keys = [graph.named(name)[0] for name in names]
    return [
        known.of(plan.parts[-1], graph, key, graph.op(key), len(graph.inputs(key))) for key in keys
    ]


def names(layout: Layout | None) -> list[tuple[object, str]]:
    assert layout is not None
    found, left = [], layout.places
    while left is not None:
        slot, name, _, left = left
        found.append((slot, name))
    return found


def test_nodes_that_are_alike_share_a_layout(net: Net) -> None:
    model = net(
        "a = FullyConnected(x, w, num_hidden=2, no_bias=True)\n"
        "b = FullyConnected(a, w, num_hidden=3, no_bias=True)\n"
        "c = FullyConnected(b, w, bias, num_hidden=3)\nreturn c"
    )
    first, second, third = layouts("FullyConnected(p, q, optional(r))", model, "a", "b", "c")
    assert first is second
    assert names(first) == [(0, "p"), (1, "q")]
    assert names(third) == [(0, "p"), (1, "q"), (2, "r")]
    assert layouts("FullyConnected(p, q)", model, "c") == [None]


def test_only_what_binds_has_a_place(net: Net) -> None:
    model = net("r = relu(x)\nc = concat(x, r, y, z, num_args=4)\nreturn c")
    assert names(layouts("concat(_, param(_), *rest, q)", model, "c")[0]) == [
        (1, ""),
        (slice(2, 3), "rest"),
        (3, "q"),
    ]
    assert names(layouts("concat(p, *_)", model, "c")[0]) == [(0, "p")]


def test_commutative_operands_look_for_a_slot(net: Net) -> None:
    model = net("s = add_n(x, y, z, num_args=3)\nreturn s")
    assert layouts("add_n(*rest, p, q)", model, "s") == [Layout(None, (1, 2))]
    assert layouts("add_n(p, q, r, optional(t))", model, "s") == [Layout(None, (0, 1, 2))]
    assert layouts("add_n(p, q)", model, "s") == [None]
