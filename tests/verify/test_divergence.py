"""`bisect`: the first node that differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from graphpass import Entry, Graph, Model
from graphpass.errors import UsageError
from graphpass.verify import bisect

Build = Callable[..., Graph]

X = {"x": (2, 3)}


def model(build: Build, *ops: str) -> Model:
    rows: list[Any] = [("x", "null")]
    for place, op in enumerate(ops):
        rows.append((f"n{place}", op, {}, [rows[-1][0]]))
    return Model(build(*rows, heads=[rows[-1][0]]))


def test_equal_models_diverge_nowhere(build: Build, numpy_backend: Any) -> None:
    a = model(build, "relu", "negative")
    assert bisect(a, a.copy(), inputs=X, backend=numpy_backend) is None


def test_the_first_changed_node_is_found(build: Build, numpy_backend: Any) -> None:
    a = model(build, "_copy", "negative", "_copy", "negative", "_copy")
    b = model(build, "_copy", "negative", "negative", "negative", "_copy")
    found = bisect(a, b, inputs=X, backend=numpy_backend)
    assert found is not None
    assert found.agreed == 2
    assert found.nodes == ("_copy 'n2' (#3)", "negative 'n2' (#3)")
    assert str(found).startswith("first difference: output 0 of _copy 'n2' (#3), in B output 0 of")
    assert str(found).endswith("; the 2 values compared before it are equal")
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["a"] == {"node": "_copy 'n2' (#3)", "key": 3, "output": 0}


def test_nodes_that_one_model_lacks_are_passed_over(build: Build, numpy_backend: Any) -> None:
    a = model(build, "negative", "relu", "negative")
    b = a.copy()
    with b.graph.edit() as edit:
        extra = edit.add_node("negative", "extra", inputs=[Entry(1)])
        edit.set_input(2, 0, Entry(extra))
    found = bisect(a, b, inputs=X, backend=numpy_backend)
    assert found is not None
    assert found.nodes[0] == "relu 'n1' (#2)"


def test_a_long_chain_is_fetched_in_parts(build: Build, numpy_backend: Any) -> None:
    a = model(build, *["_copy"] * 600)
    b = model(build, *["_copy"] * 599, "negative")
    found = bisect(a, b, inputs=X, backend=numpy_backend)
    assert found is not None
    assert found.agreed == 599
    # 64, 128, 256 and the rest: B once, A also four times with last places moved.
    assert len(numpy_backend.seen) == 4 * 6


def test_random_values_are_passed_over(build: Build, numpy_backend: Any) -> None:
    rows = [("x", "null"), ("r", "_random_normal"), ("s", "elemwise_add", {}, ["r", "x"])]
    a = Model(build(*rows, ("n", "relu", {}, ["x"]), heads=["s", "n"]))
    b = Model(build(*rows, ("n", "_copy", {}, ["x"]), heads=["s", "n"]))
    found = bisect(a, b, inputs=X, backend=numpy_backend)
    assert found is not None
    assert found.nodes == ("relu 'n' (#3)", "_copy 'n' (#3)")


def test_what_is_no_tolerance_is_refused(build: Build, numpy_backend: Any) -> None:
    a = model(build, "relu")
    with pytest.raises(UsageError, match="atol -1 is no tolerance; give a number from 0 up"):
        bisect(a, a, inputs=X, atol=-1, backend=numpy_backend)
