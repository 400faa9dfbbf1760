"""Every operator at the corners of its attributes: what MXNet answers, graphpass answers."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from operator_corners import CORNERS, Corner

import graphpass
from graphpass import Entry, Graph
from graphpass.formats.text import parse_graph
from graphpass.ops import find, format_value
from graphpass.ops.meaning import known_operators, meaning
from graphpass.shapes import Shape, infer

STRICTER = {
    "_contrib_BatchNormWithReLU": "takes the shape of the data for its parameters",
    "_linalg_potri": "looks at the matrix when it runs",
    **{
        f"_sample_{name}": "looks at the parameters' shapes when it runs"
        for name in ("gamma", "generalized_negative_binomial", "negative_binomial", "uniform")
    },
    "BatchNorm": "takes the shape of the data for its parameters whatever they are",
    "LeakyReLU": "looks at the slopes when it runs",
    "InstanceNorm": "takes the shape of the data for its parameters whatever they are",
    "Reshape": "counts the elements when it runs",
    "_contrib_interleaved_matmul_selfatt_qk": "divides by three when it runs",
    "_linalg_potrf": "looks at the matrix when it runs",
    "stack": "looks at the first input only",
    "where": "looks at the condition when it runs",
}
"""Operators whose mistakes MXNet's inference passes over, and finds later or not at all."""

LESS = ("_contrib_quantized_elemwise_add", "_npi_mean")
"""Operators of whose dtypes MXNet guesses more than it has been told."""

KNOWN = {op for op in known_operators() if meaning(op).shape is not None}
BY_OPERATOR: dict[str, list[Corner]] = defaultdict(list)
for corner in CORNERS:
    BY_OPERATOR[corner[0]].append(corner)
BY_ATTRIBUTES = {
    op: list({str(attributes): attributes for _, attributes, _ in corners}.values())
    for op, corners in BY_OPERATOR.items()
}
"""Attributes of each operator, once each: dtypes do not depend on shapes."""


SAY_AXES = {
    "Convolution",
    "Deconvolution",
    "Flatten",
    "FullyConnected",
    "Pooling",
    "RNN",
    "Reshape",
}
"""Operators that say how many axes there are where MXNet knows nothing."""


def build(op: str, attributes: dict[str, object]) -> Graph:
    """Return a graph of one operator on variables ``in0``, ``in1``, …"""
    texts = {key: format_value(value) for key, value in attributes.items()}
    operator = find(op)
    assert operator is not None
    signature = operator.signature(texts)
    graph = Graph()
    with graph.edit() as edit:
        inputs = [
            Entry(edit.add_variable(f"in{slot}")) for slot in range(signature.num_inputs or 0)
        ]
        key = edit.add_node(op, "node", texts, inputs)
        edit.set_heads([Entry(key, output) for output in range(signature.num_visible_outputs)])
    return graph


def legacy(shape: Shape | None) -> tuple[int, ...]:
    """Return a shape as MXNet prints it: 0 for an unknown extent, none for unknown axes."""
    return () if shape is None else tuple([extent or 0 for extent in shape])


def values(graph: Graph) -> list[Entry]:
    """Return variables in the order of arguments, then states, and then the heads."""
    keys = graph.variable_keys()
    return [Entry(key) for key in (*keys.arguments, *keys.auxiliary_states)] + list(graph.heads)


def asked(method: Any, given: dict[str, Any]) -> list[Any] | None:
    """Return what MXNet infers, None where it refuses."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            arguments, outputs, states = method(**given)
        except Exception:
            return None
    return [*arguments, *states, *outputs]


@pytest.mark.mxnet
def test_shapes_are_those_of_mxnet(mx: Any) -> None:
    wrong = [each for op in BY_OPERATOR for each in wrong_shapes(mx, op)]
    assert not wrong, "\n".join(wrong)


def wrong_shapes(mx: Any, op: str) -> Iterator[str]:
    """Yield the corners of an operator at which graphpass and MXNet disagree."""
    for _, attributes, shapes in BY_OPERATOR[op]:
        graph = build(op, attributes)
        symbol = mx.sym.load_json(graphpass.dumps(graph))
        given = {f"in{slot}": shape for slot, shape in enumerate(shapes) if shape is not None}
        arguments = {name: given[name] for name in symbol.list_arguments() if name in given}
        expected = asked(symbol.infer_shape_partial, arguments)
        found = infer(graph, given)
        where = f"{op} {attributes} of {shapes}"
        if expected is None:
            if not found.conflicts:
                yield f"{where}: only MXNet refuses it"
        elif found.conflicts:
            if op not in STRICTER:
                yield f"{where}: only graphpass refuses it: {found.conflicts}"
        else:
            answers = [legacy(found.shape(entry)) for entry in values(graph)]
            if op in SAY_AXES:
                pairs = zip(answers, expected, strict=True)
                answers = [ours if theirs else () for ours, theirs in pairs]
            if answers != expected:
                yield f"{where}: {answers}, MXNet {expected}"


@pytest.mark.mxnet
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "int8", None])
def test_dtypes_are_those_of_mxnet(mx: Any, dtype: str | None) -> None:
    wrong = [each for op in BY_OPERATOR for each in wrong_dtypes(mx, op, dtype)]
    assert not wrong, "\n".join(wrong)


def wrong_dtypes(mx: Any, op: str, dtype: str | None) -> Iterator[str]:
    for attributes in BY_ATTRIBUTES[op]:
        graph = build(op, attributes)
        symbol = mx.sym.load_json(graphpass.dumps(graph))
        given = {} if dtype is None else dict.fromkeys(symbol.list_arguments()[:1], dtype)
        expected = asked(symbol.infer_type_partial, given)
        if expected is None:
            continue  # many operators refuse to go on without some dtype, which is no conflict
        found = infer(graph, {}, given)
        names = [None if each is None else np.dtype(each).name for each in expected]
        ours = [found.dtype(entry) for entry in values(graph)]
        if op in LESS:
            names = [None if own is None else name for own, name in zip(ours, names, strict=True)]
        if ours != names:
            yield f"{op} {attributes}: {ours}, MXNet {names}"


WITH_NUMBER = sorted(
    op for op in KNOWN if op.endswith("_scalar") and "is_int" in find(op).attributes
)  # fmt: skip


@pytest.mark.mxnet
def test_dtypes_of_arithmetic_with_a_number_are_those_of_mxnet(mx: Any) -> None:
    dtypes = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")
    texts = ({}, {"is_int": False}, {"is_int": True}, {"is_int": False, "scalar": 2})
    for op, text in product(WITH_NUMBER, texts):
        graph = build(op, {"scalar": 2.5, **text})
        symbol = mx.sym.load_json(graphpass.dumps(graph))
        for dtype in dtypes:
            expected = asked(symbol.infer_type_partial, {"in0": dtype})
            found = infer(graph, {}, {"in0": dtype})
            if expected is None:
                assert found.conflicts, (op, text, dtype)
                continue
            ours = [found.dtype(entry) for entry in values(graph)]
            assert ours == [np.dtype(each).name for each in expected], (op, text, dtype)
            assert not found.conflicts


def test_a_number_that_makes_float64_is_no_conflict() -> None:
    graph = parse_graph(
        "x, w = variable(__dtype__=3), variable()\n"
        "s = _mul_scalar(x, scalar=0.0039, is_int=False)\n"
        "return Convolution(s, w, kernel=(1, 1), num_filter=1, no_bias=True)\n"
    )
    found = infer(graph, {"x": (1, 1, 2, 2), "w": (1, 1, 1, 1)}, {"w": "float64"})
    assert not found.conflicts
    assert found.dtype(graph.heads[0]) == "float64"


@pytest.mark.mxnet
@pytest.mark.parametrize(
    ("codes", "data", "shape"),
    [
        ((-1, -1, 3, -4, 1), (1, 2, 3, 6), (1, 1, 3, 1)),
        ((-1, -2), (2, 3), (1, 1, 3)),
    ],
)
def test_a_reshape_that_drops_elements_has_the_shape_that_mxnet_says(
    mx: Any, codes: tuple[int, ...], data: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    graph = build("Reshape", {"shape": codes, "reverse": True})
    symbol = mx.sym.load_json(graphpass.dumps(graph))
    assert symbol.infer_shape(in0=data)[1] == [shape]
    found = infer(graph, {"in0": data})
    assert found.shape(graph.heads[0]) == shape
    assert found.conflicts


@pytest.mark.mxnet
@pytest.mark.parametrize(
    ("op", "attributes", "shapes"),
    [
        ("sum", {}, [(2, 3)]),
        ("max", {"axis": (0, 1)}, [(2, 3)]),
        ("squeeze", {}, [(1, 1)]),
        ("relu", {}, [(0, 3)]),
        ("relu", {}, [(-1, 3)]),
        ("Flatten", {}, [(0, 3, 2)]),
        ("broadcast_add", {}, [(), (2,)]),
        ("_zeros", {"shape": (0, 3)}, []),
        ("slice", {"begin": (1,), "end": (1,)}, [(2, 3)]),
        ("_npi_mean", {}, [(2, 3)]),
        ("_npi_mean", {"axis": 1}, [(2, 3)]),
        ("_np_sum", {}, [(2, 3)]),
        ("_np_squeeze", {}, [(1, 1)]),
        ("_npi_add", {}, [(2, 1), (3,)]),
        ("_npi_concatenate", {"num_args": 2, "axis": 0}, [(0, 3), (2, 3)]),
        ("_npi_zeros", {"shape": (0, 3)}, []),
        ("_np_reshape", {"newshape": (3, -1)}, [(2, 6)]),
        ("_np_transpose", {}, [(2, 3)]),
        ("_npi_stack", {"num_args": 2}, [(2, 3), (2, 3)]),
        ("_np_sum", {"axis": ()}, [(2, 3, 1)]),
        ("_npi_mean", {"axis": (), "keepdims": True}, [(2, 3, 1)]),
        ("_npi_var", {"axis": ()}, [(2, 3, 1)]),
        ("_np_squeeze", {"axis": (0,)}, [()]),
        ("_np_squeeze", {"axis": (-1,)}, [()]),
        ("_npi_concatenate", {"num_args": 2, "axis": None}, [(2, 3), (2,)]),
        ("_split_v2", {"indices": (0, 1, 3), "axis": 0}, [(0, 2)]),
        ("_npx_reshape", {"newshape": (-5, -4)}, [(2, 3, 4, 5)]),
        ("_npx_reshape", {"newshape": (-6, 2, -1, -2)}, [(6, 5)]),
        ("_npi_matmul", {}, [(5, 1, 2, 3), (3, 4)]),
        ("_npi_tensordot_int_axes", {"axes": 2}, [(2, 3, 4), (3, 4, 5)]),
        ("_npi_einsum", {"num_args": 2, "subscripts": "ij...,jk->i...k"}, [(2, 3, 7), (3, 4)]),
        ("_npi_insert_scalar", {"axis": 1, "int_ind": 0, "val": 1.0}, [(2, 3)]),
        ("_npi_dstack", {"num_args": 2}, [(2, 3), (2, 3)]),
        ("_npi_percentile", {}, [(2, 3), (4,)]),
    ],
)
def test_numpy_shapes_are_those_of_mxnet(
    mx: Any, op: str, attributes: dict[str, object], shapes: list[tuple[int, ...]]
) -> None:
    graph = build(op, attributes)
    given = {f"in{slot}": shape for slot, shape in enumerate(shapes)}
    with mx.util.np_shape(True):
        symbol = mx.sym.load_json(graphpass.dumps(graph))
        _, expected, _ = symbol.infer_shape_partial(**given)
    found = infer(graph, given, np_shape=True)
    assert not found.conflicts
    shape = found.shape(graph.heads[0])
    assert shape is not None
    assert tuple([-1 if extent is None else extent for extent in shape]) == expected[0]


def test_every_name_in_the_table_is_a_canonical_operator() -> None:
    for name in KNOWN:
        operator = find(name)
        assert operator is not None and operator.name == name, name
