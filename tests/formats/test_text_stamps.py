"""The stamps that composing gives, against MXNet where it is there."""

from __future__ import annotations

from types import ModuleType

import pytest

from graphpass import loads
from graphpass.formats.text import parse_graph, print_graph
from graphpass.formats.text_print import natural_stamps


def test_mutations_are_counted_per_variable() -> None:
    graph = parse_graph(
        "x, g, m, v = variable(), variable(), variable(), variable()\n"
        "before = relu(m)\n"
        "b0 = BatchNorm(before, g, g, m, v)\n"
        "b1 = BatchNorm(b0, g, g, m, m)\n"
        "after = elemwise_add(b1, m)\n"
        "return after"
    )
    named = {(graph.name(key), slot): stamp for (key, slot), stamp in natural_stamps(graph).items()}
    assert named == {
        ("b0", 3): 1,
        ("b0", 4): 1,
        ("b1", 3): 2,
        ("b1", 4): 3,
        ("after", 1): 3,
    }


def test_a_graph_without_mutations_has_none() -> None:
    assert natural_stamps(parse_graph("x = variable()\ny = relu(x)\nreturn y")) == {}


@pytest.mark.mxnet
def test_what_mxnet_composes_needs_no_written_stamps(mx: ModuleType) -> None:
    sym = mx.sym
    data, gamma, beta, mean, var = (sym.var(name) for name in ("x", "g", "b", "m", "v"))
    first = sym.BatchNorm(data, gamma, beta, mean, var, name="first")
    second = sym.BatchNorm(first, gamma, beta, mean, var, name="second")
    text = print_graph(loads((second + mean).tojson()))
    assert "first = BatchNorm(x, g, b, m, v)\n" in text
    assert "second = BatchNorm(first, g, b, m, v)\n" in text
    assert "= elemwise_add(second, m)\n" in text
