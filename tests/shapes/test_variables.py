"""Which inputs are one array for all samples, told by what reads them."""

from __future__ import annotations

import pytest

from graphpass import Model
from graphpass.formats.text import parse_graph
from graphpass.shapes.variables import is_shared


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("x, w = variable(__shape__=(1, 4, 6, 6)), variable(__shape__=(1, 4, 1, 1))\n"
         "y = broadcast_mul(x, w)", {"w"}),
        ("x, w = variable(__shape__=(1, 4, 6, 6)), variable(__shape__=(1, 4, 1, 1))\n"
         "y = broadcast_sub(w, relu(x))", {"w"}),
        ("x, w = variable(__shape__=(1, 4, 6, 6)), variable(__shape__=(1, 4, 1, 1))\n"
         "y = broadcast_mul(x, relu(negative(w)))", {"w"}),
        ("x, w = variable(), variable(__shape__=(1, 4, 1, 1))\ny = broadcast_mul(x, w)", {"w"}),
        ("x, w = variable(__shape__=(1, 1, 6, 6)), variable()\ny = broadcast_mul(x, w)", set()),
        ("x, w = variable(__shape__=(8, 4)), variable(__shape__=(1, 4))\ny = broadcast_add(x, w)",
         {"w"}),
        ("x, z = variable(__shape__=(1, 4)), variable(__shape__=(1, 4))\ny = broadcast_add(x, z)",
         set()),
        ("x, z = variable(__shape__=(8, 4)), variable(__shape__=(8, 1))\ny = broadcast_mul(x, z)",
         set()),
        ("x, w = variable(__shape__=(1, 4)), variable(__shape__=(1, 4))\n"
         "y = dot(x, w, transpose_b=True)", {"w"}),
        ("x, w = variable(__shape__=(1, 4)), variable(__shape__=(1, 1))\n"
         "y = broadcast_add(x, w)\nz = elemwise_add(w, w)\nreturn y, z", set()),
        ("x, w = variable(__shape__=(1, 4)), variable(__shape__=(1, 1))\n"
         "y = broadcast_add(x, w)\nreturn y, w", set()),
        ("x = variable(__shape__=(1, 4))\ny = relu(x)", set()),
        ('x, w = variable(__shape__=(1, 4)), variable(__shape__=(1, 1), __layout__="NC")\n'
         "y = broadcast_add(x, w)", set()),
    ],
)  # fmt: skip
def test_what_is_spread_over_the_samples_is_shared(text: str, shared: set[str]) -> None:
    graph = parse_graph(text if "return" in text else f"{text}\nreturn y")
    known = Model(graph).infer()
    found = {
        graph.name(key)
        for key in graph.variable_keys().arguments
        if is_shared(graph, known.shape, key)
    }  # fmt: skip
    assert found == shared
