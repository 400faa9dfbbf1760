"""What small pass files can make of a model: all rules of a run have one budget for it."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.errors import GraphpassError, OperationError
from graphpass.formats.spill import SPILLED_BYTES, new_array, spilled
from graphpass.formats.text import parse_graph
from graphpass.rules.limits import Limits

WIDE = "\n".join(
    ["x = variable()", *(f"y{i} = relu(x)" for i in range(400)),
     f"z = add_n({', '.join(f'y{i}' for i in range(400))})", "return z"]
)  # fmt: skip

BOMBS: list[tuple[str, list[Any]]] = [
    ("characters", [{"rename": {"select": "glob:*", "to": "{name}{name}{index}"}}] * 30),
    ("characters", [{"rename": {"select": "glob:*", "to": "{name}" * 5_000 + "{index}"}}] * 2),
    ("characters", [{"prefix": "p" * 900}] * 1_000),
    ("characters", [{"clone": {"name": "{name}" * 20_000 + "_", "share": "copy"}}]),
    ("characters", [{"untie": {"variable": "x", "names": "{name}{user}" * 20_000}}]),
    ("nodes", [{"clone": {"prefix": f"a{number}_", "from": ["x"]}} for number in range(1_000)]),
    ("nodes", [{"clone": {"prefix": f"a{number}_"}} for number in range(1_000)]),
]


@pytest.mark.parametrize(("what", "rules"), BOMBS)
def test_names_and_nodes_count_against_one_budget(what: str, rules: list[Any]) -> None:
    model = graphpass.Model(parse_graph(WIDE))
    text = graphpass.dumps(model.graph)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OperationError, match=f"make more than [0-9,]+ {what}"):
        graphpass.apply(rules, model)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2**20, "kilobytes"
    assert graphpass.dumps(model.graph) == text


def test_new_parameters_count_against_one_budget() -> None:
    chain = "\n".join(f"x{i + 1} = relu(x{i})" for i in range(200))
    model = graphpass.Model(parse_graph(f"x0 = variable()\n{chain}\nreturn x200"))
    bomb = {
        "match": "y = relu(x)",
        "let": {"k": "ones((2**20,), 'float64')"},
        "replace": "y = broadcast_mul(sigmoid(x), k)",
    }
    with pytest.raises(GraphpassError, match=r"make more than [0-9,]+ bytes of new parameters"):
        graphpass.apply([{"rewrite": bomb}], model)


def test_arrays_that_insert_makes_count(net, refused) -> None:
    rules = [
        {"insert": {"op": "broadcast_add", "name": f"b{number}", "after": "x", "parameters": {
            "rhs": {"shape": [2**27], "init": "zeros"}}}} for number in range(3)
    ]  # fmt: skip
    with pytest.raises(GraphpassError, match="bytes of new parameters"):
        graphpass.apply(rules, net("a = relu(x)\nreturn a"))


def test_the_budget_grows_with_the_model() -> None:
    small, large = Limits(10), Limits(1_000_000, 2**32, 2**34)
    assert large.made.most == 16_000_000 > small.made.most
    assert large.names.most == 4_096_000_000 > small.names.most
    assert large.array_bytes.most == 2**37 > small.array_bytes.most


def test_large_arrays_wait_on_the_disk() -> None:
    size = SPILLED_BYTES // 4
    small, large = np.ones(size - 1, "float32"), np.arange(size, dtype="float32")
    assert spilled(small) is small
    kept = spilled(large)
    assert kept is not large and np.array_equal(kept, large)
    assert spilled(kept[1:]).base is not None and spilled(kept) is kept
    made = new_array((2, size), np.dtype("float32"))
    made[...] = 3
    assert made.sum() == 6 * size
