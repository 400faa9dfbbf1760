"""What of a changed model is compared with what of the model before, on the NumPy backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphpass import Entry, Graph, Model, verify
from graphpass.errors import UsageError
from graphpass.model import Lineage

Build = Callable[..., Graph]
SHAPES = {"x": (2, 3), "y": (2, 3)}


@pytest.fixture
def before(build: Build) -> Model:
    rows = [("x", "null"), ("y", "null"), ("d", "elemwise_sub", {}, ["x", "y"])]
    return Model(build(*rows, ("n", "negative", {}, ["d"]), heads=["n"]))


def test_keys_and_not_names_pair_inputs(before: Model, numpy_backend: Any) -> None:
    after = before.copy()
    with after.edit() as edit:
        edit.rename(0, "z")
        edit.rename(1, "x")
        edit.rename(0, "y")
    options: Any = {"inputs": SHAPES, "backend": numpy_backend}
    assert not verify(before, after, **options)
    found = verify(before, after, lineage=Lineage(before.graph.heads, {}), **options)
    assert found
    assert [value.fed_to for value in found.inputs] == [("y",), ("x",)]


def test_inputs_that_a_compared_output_does_not_need_need_no_shape(
    before: Model, build: Build, numpy_backend: Any
) -> None:
    after = before.copy()
    with after.edit() as edit:
        edit.set_heads([Entry(edit.add_node("relu", "r", inputs=[Entry(0)]))])
    found = verify(
        before,
        after,
        lineage=Lineage((Entry(0),), {}),
        inputs={"x": (2, 3), "y": (1,)},
        backend=numpy_backend,
    )
    assert [value.name for value in found.inputs] == ["x"]
    assert not found
    assert found.no_longer_returned == ("n_output",)


def test_an_input_may_stand_for_a_value(before: Model, build: Build, numpy_backend: Any) -> None:
    after = Model(build(("c", "null"), ("n", "negative", {}, ["c"]), heads=["n"]))
    lineage = Lineage((Entry(3),), {0: Entry(2)})
    numpy_backend.infer = _infers_shapes(numpy_backend.infer)
    found = verify(before, after, lineage=lineage, inputs=SHAPES, backend=numpy_backend)
    assert found
    assert str(found.inputs[-1]) == "'c' (2, 3) float32, d_output of A"


def test_what_reads_something_new_is_not_compared(
    before: Model, build: Build, numpy_backend: Any
) -> None:
    after = before.copy()
    with after.edit() as edit:
        new = edit.add_variable("new")
        edit.set_input(2, 1, Entry(new))
    options: Any = {"lineage": Lineage(before.graph.heads, {}), "backend": numpy_backend}
    found = verify(before, after, inputs=SHAPES, **options)
    assert not found
    assert found.not_compared == ("n_output (it reads the new input 'new')",)
    assert verify(before, after, inputs=SHAPES, feed={"new": "y"}, **options)
    with pytest.raises(UsageError, match="A has no input 'z' to feed 'new' with"):
        verify(before, after, inputs=SHAPES, feed={"new": "z"}, **options)


def test_pairs_that_are_asked_for_come_first(before: Model, numpy_backend: Any) -> None:
    after = before.copy()
    with after.edit() as edit:
        edit.set_heads([Entry(2), Entry(3)])
    lineage = Lineage((Entry(2), Entry(3)), {})
    options: Any = {"lineage": lineage, "inputs": SHAPES, "backend": numpy_backend}
    assert len(verify(before, after, **options).outputs) == 2
    found = verify(before, after, outputs=[("n_output", "n_output")], **options)
    assert [value.names for value in found.outputs] == [("n_output", "n_output")]


def _infers_shapes(infer: Any) -> Any:
    """Say of every value that it has the shape of the first input."""

    def wrapped(graph: Graph, shapes: Any, dtypes: Any) -> Any:
        found = infer(graph, shapes, dtypes)
        first = next(iter(shapes.values()))
        known = {Entry(key): first for key in graph.order()}
        return type(found)(shapes={**known, **found.shapes}, dtypes=found.dtypes)

    return wrapped
