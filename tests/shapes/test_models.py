"""Inference on random models, with MXNet as the judge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_judge import compare

from graphpass.ops.shape import is_known
from graphpass.shapes import infer
from graphpass.testing import RunnableModel, models


def all_shapes(drawn: RunnableModel) -> dict[str, tuple[int, ...]]:
    return {**drawn.shapes, **drawn.model.parameters.shapes}


@pytest.mark.mxnet
@settings(max_examples=120)
@given(drawn=models(dtypes=("float32", "float64"), max_operators=14))
def test_a_model_with_its_inputs_and_parameters(mx: Any, drawn: RunnableModel) -> None:
    shapes = all_shapes(drawn)
    found = compare(mx, drawn.model.graph, shapes, dict.fromkeys(shapes, drawn.dtype))
    assert found.refused is None
    assert not found.conflicts and not found.unknown
    assert not found.wrong and not found.less
    assert found.shapes == found.dtypes == found.values


@pytest.mark.mxnet
@settings(max_examples=120)
@given(drawn=models(max_operators=14), data=st.data())
def test_a_model_with_some_of_them(mx: Any, drawn: RunnableModel, data: st.DataObject) -> None:
    shapes = all_shapes(drawn)
    names = data.draw(st.sets(st.sampled_from(sorted(shapes)))) if shapes else set()
    found = compare(mx, drawn.model.graph, {name: shapes[name] for name in names}, {})
    assert not found.conflicts
    graph, known = drawn.model.graph, infer(drawn.model.graph, {n: shapes[n] for n in names})
    joined = [entry for key in graph.order() if graph.op(key) == "Concat"
              for entry in graph.inputs(key)]  # fmt: skip
    if all(is_known(known.shape(entry)) for entry in joined):
        assert not found.wrong  # else MXNet takes what it joins for shorter than it is
