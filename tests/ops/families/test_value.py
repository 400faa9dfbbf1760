"""What is evaluated is what MXNet computes: every operator, over its attributes and types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphpass import Model, Parameters
from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph
from graphpass.ops import format_value
from graphpass.ops.meaning import evaluate, known_operators, meaning
from graphpass.shapes import infer

FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int32", "int64")
SHAPES = ((6,), (2, 3), (3, 1, 4), (2, 4, 3, 2))

WITHIN_ONE_UNIT = frozenset(
    ["cbrt", "cos", "exp", "expm1", "log", "log1p", "log2", "sigmoid", "sin", "_power",
     "broadcast_power", "_power_scalar", "_npi_cbrt", "_npi_cos", "_npi_exp", "_npi_expm1",
     "_npi_log", "_npi_log1p", "_npi_log2", "_npi_sin", "_npx_sigmoid"]
)  # fmt: skip

Case = tuple[Mapping[str, Any], tuple[str, ...], int]
"""Attributes, types, and how many inputs."""


@pytest.fixture(autouse=True, scope="module")
def errors_of_evaluators_show() -> Iterator[None]:
    """Let an evaluator fail a test where `evaluate` says that it can't tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("graphpass.ops.meaning"), "_MISFITS", ())
        yield


def made(op: str, attrs: Mapping[str, Any], inputs: int) -> tuple[Graph, list[str]]:
    """Make a graph of one operator on some variables."""
    graph = Graph()
    with graph.edit() as edit:
        names = [f"x{number}" for number in range(inputs)]
        read = [Entry(edit.add_variable(name)) for name in names]
        texts = {name: format_value(value) for name, value in attrs.items()}
        key = edit.add_node(op, "y", texts, read)
        count = graph.signature(key).num_outputs
        edit.set_heads([Entry(key, output) for output in range(count)])
    return graph, names


def numbers(shape: tuple[int, ...], dtype: str, seed: int, positive: bool) -> np.ndarray[Any, Any]:
    source = np.random.default_rng(seed)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        return source.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    found = source.standard_normal(shape) * source.choice([0.01, 1, 30], shape)
    found.flat[0] = 0.0 if seed % 2 else found.flat[0]
    return (np.abs(found) + 0.001 if positive else found).astype(dtype)


def check(
    judge: Any, op: str, attrs: Mapping[str, Any], arrays: list[np.ndarray[Any, Any]]
) -> bool:
    """Compare with MXNet; say whether there was something to compare."""
    graph, names = made(op, attrs, len(arrays))
    given_arrays = dict(zip(names, arrays, strict=True))
    found = infer(
        graph,
        {name: array.shape for name, array in given_arrays.items()},
        {name: array.dtype.name for name, array in given_arrays.items()},
    )
    shapes = [found.shape(head) for head in graph.heads]
    dtypes = [found.dtype(head) for head in graph.heads]
    assert None not in shapes and None not in dtypes, (op, attrs)
    key = graph.heads[0].node
    ours = evaluate(op, graph.attrs(key), arrays, shapes, dtypes)  # type: ignore[arg-type]
    if ours is None:
        return False
    expected = judge.outputs(Model(graph, Parameters(given_arrays)), {})
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), (op, attrs)
        if op in WITHIN_ONE_UNIT:
            with np.errstate(all="ignore"):
                np.testing.assert_array_max_ulp(one, other, 1)
        else:
            np.testing.assert_array_equal(one, other, err_msg=f"{op} {attrs} {one.dtype}")
            assert np.array_equal(np.signbit(one), np.signbit(other)) or np.isnan(one).any(), op
    return True


CREATED: list[tuple[str, Mapping[str, Any]]] = [
    *[(op, {"shape": shape, "dtype": dtype}) for op in ("_zeros", "_ones")
      for shape in SHAPES for dtype in (*FLOATS, *INTEGERS)],
    *[("_full", {"shape": (2, 3), "dtype": dtype, "value": value})
      for dtype in (*FLOATS, *INTEGERS) for value in (0.1, 7, 3.5, 1e-7)],
    *[("_arange", {"start": start, "stop": stop, "step": step, "repeat": repeat, "dtype": dtype})
      for start, stop, step in ((0, 10, 0.1), (-3.3, 7, 0.7), (5, -5, -1.3), (0, 1000, 0.37))
      for repeat in (1, 3) for dtype in (*FLOATS, "int32", "int64")],
    *[("_arange", {"start": 7, "stop": None})],
    *[("_linspace", {"start": start, "stop": stop, "num": num, "endpoint": end, "dtype": dtype})
      for start, stop, num in ((-1.3, 2.7, 7), (0, 1, 1000), (3, -3, 1))
      for end in (True, False) for dtype in (*FLOATS, "int32")],
    *[("_eye", {"N": rows, "M": columns, "k": k, "dtype": dtype})
      for rows, columns in ((3, 0), (3, 5), (4, 2)) for k in (0, 1, -2)
      for dtype in ("float32", "int32")],
]  # fmt: skip


@pytest.mark.mxnet
def test_what_is_made_of_nothing(judge: Any) -> None:
    compared = {op for op, attrs in CREATED if check(judge, op, attrs, [])}
    assert compared == {op for op, _ in CREATED}


UNARY = ("BlockGrad", "_copy", "abs", "cbrt", "ceil", "cos", "exp", "expm1", "floor", "log",
         "log1p", "log2", "negative", "ones_like", "reciprocal", "relu", "rsqrt", "sigmoid", "sin",
         "sqrt", "square", "trunc", "zeros_like", "_np_copy", "_npx_relu", "_npx_sigmoid",
         *(f"_npi_{name}" for name in ("absolute", "cbrt", "ceil", "cos", "exp", "expm1", "floor",
           "log", "log1p", "log2", "negative", "reciprocal", "sin", "sqrt", "square", "trunc")),
         )  # fmt: skip
POSITIVE = {"log", "log1p", "log2", "rsqrt", "sqrt", "_power", "broadcast_power", "_power_scalar",
            "_npi_log", "_npi_log1p", "_npi_log2", "_npi_sqrt"}  # fmt: skip
BINARY = ("_grad_add", "_maximum", "_minimum", "_power", "add_n", "elemwise_add", "elemwise_div",
          "elemwise_mul", "elemwise_sub")  # fmt: skip
BROADCAST = ("broadcast_add", "broadcast_div", "broadcast_maximum", "broadcast_minimum",
             "broadcast_mul", "broadcast_power", "broadcast_sub")  # fmt: skip
SCALAR = ("_div_scalar", "_maximum_scalar", "_minimum_scalar", "_minus_scalar", "_mul_scalar",
          "_plus_scalar", "_power_scalar", "_rdiv_scalar", "_rminus_scalar")  # fmt: skip


@pytest.mark.mxnet
@pytest.mark.parametrize(
    "op", [*UNARY, *BINARY, *BROADCAST, *SCALAR, "clip", "Cast", "amp_cast", "LeakyReLU"]
)
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
def test_numbers(judge: Any, op: str, dtype: str) -> None:
    for seed, shape in enumerate(SHAPES):
        arrays = [numbers(shape, dtype, seed, op in POSITIVE)]
        options: list[Mapping[str, Any]] = [{}]
        if op in BINARY:
            arrays.append(numbers(shape, dtype, seed + 9, op in POSITIVE))
            options = [{"num_args": 2}] if op == "add_n" else [{}]
        if op in BROADCAST:
            other = tuple(1 if axis % 2 else size for axis, size in enumerate(shape))
            arrays.append(numbers(other, dtype, seed + 9, False))
        if op in SCALAR:
            options = [
                {"scalar": scalar, **more}
                for scalar in (0.3, 2, -3, 1e-3)
                for more in ({}, {"is_int": False})
            ]
        if op == "clip":
            options = [{"a_min": -0.7, "a_max": 1.1}, {"a_min": 0, "a_max": 3}]
        if op == "LeakyReLU":
            options = [{"act_type": "leaky", "slope": slope} for slope in (0.25, 0.1)]
        if op in ("Cast", "amp_cast"):
            kinds = (*FLOATS, *INTEGERS) if op == "Cast" else ("float16", "float32")
            options = [{"dtype": kind} for kind in kinds]
        if op == "amp_cast" and dtype not in ("float16", "float32"):
            continue
        for attrs in options:
            check(judge, op, attrs, arrays)


@pytest.mark.mxnet
@pytest.mark.parametrize("op", [op for op in SCALAR if op != "_power_scalar"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_fraction_makes_float64_of_whole_numbers(judge: Any, op: str, dtype: str) -> None:
    arrays = [numbers((2, 3), dtype, 3, positive=False)]
    assert check(judge, op, {"scalar": 2.5, "is_int": False}, arrays)


@pytest.mark.mxnet
def test_tiles_along_many_axes_are_not_what_numpy_gives(judge: Any) -> None:
    data, attrs = np.arange(1, 3, dtype="float32"), {"reps": (2, 2, 2, 2)}
    graph, _ = made("tile", attrs, 1)
    (found,) = judge.outputs(Model(graph, Parameters({"x0": data})), {})
    assert not np.array_equal(found, np.tile(data, attrs["reps"]))
    assert not check(judge, "tile", attrs, [data])


@pytest.mark.mxnet
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("sections", [1, 2, 3, 4])
def test_parts_of_unequal_length(judge: Any, axis: int, sections: int) -> None:
    attrs = {"indices": (0,), "sections": sections, "axis": axis}
    assert check(judge, "_split_v2", attrs, [numbers((5, 7), "float32", 1, positive=False)])


def arranged() -> st.SearchStrategy[tuple[str, dict[str, Any], list[np.ndarray[Any, Any]]]]:
    """Draw an operator that puts elements in another order, with attributes that fit."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[np.ndarray[Any, Any]]]:
        shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
        dtype = draw(st.sampled_from(["float32", "float16", "int32"]))
        data = numbers(shape, dtype, draw(st.integers(0, 99)), False)
        if dtype == "int32":
            data = data % 50
        rank = len(shape)
        axis = draw(st.integers(-rank, rank - 1))
        size = shape[axis]
        op = draw(st.sampled_from(sorted(ARRANGERS)))
        attrs: dict[str, Any] = {}
        inputs = [data]
        if op == "Reshape":
            attrs["shape"] = draw(
                st.sampled_from([(-1,), (0, -1), (-2,), (-1, 1), (1, -1), (0, -2)])
            )
            attrs["reverse"] = draw(st.booleans()) and attrs["shape"] == (-1,)
        elif op in ("_np_reshape", "_npx_reshape"):
            attrs["newshape"] = draw(st.sampled_from([(-1,), (1, -1), (-1, 1, 1)]))
            if op == "_npx_reshape":
                attrs["newshape"] = draw(
                    st.sampled_from([(-4,), (-2, -4), (-1, 1), (-6, 1, -1, -4)])
                )
        elif op == "_np_transpose":
            attrs["axes"] = draw(st.sampled_from([None, tuple(draw(st.permutations(range(rank))))]))
        elif op == "transpose":
            attrs["axes"] = draw(st.sampled_from([(), tuple(draw(st.permutations(range(rank))))]))
        elif op == "SwapAxis":
            attrs = {"dim1": draw(st.integers(0, rank - 1)), "dim2": draw(st.integers(0, rank - 1))}
        elif op == "slice":
            begin = tuple(draw(st.one_of(st.none(), st.integers(0, n - 1))) for n in shape)
            end = tuple(draw(st.sampled_from([None, n])) for n in shape)
            attrs = {"begin": begin, "end": end, "step": draw(st.sampled_from([(), (1,) * rank]))}
            if draw(st.booleans()):
                attrs = {"begin": (None,), "end": (None,), "step": (-1,)}
        elif op == "slice_axis":
            begin = draw(st.integers(0, size - 1))
            end = draw(st.sampled_from([None, size, begin + 1]))
            attrs = {"axis": axis, "begin": begin, "end": end}
        elif op == "slice_like":
            inputs.append(numbers(tuple(draw(st.integers(1, n)) for n in shape), dtype, 1, False))
        elif op == "SliceChannel":
            attrs = {"axis": axis % rank, "num_outputs": size, "squeeze_axis": draw(st.booleans())}
            if rank == 1:
                attrs["squeeze_axis"] = False
        elif op == "_split_v2":
            attrs = {"axis": axis % rank, "indices": (0, *range(1, size)), "squeeze_axis": False}
            if draw(st.booleans()):
                sections = draw(st.integers(1, size))
                attrs = {"axis": axis, "indices": (0,), "sections": sections}
                attrs["squeeze_axis"] = sections == size and rank > 1 and draw(st.booleans())
        elif op in ("Concat", "stack"):
            inputs = [data, numbers(shape, dtype, 3, False)]
            attrs = {"num_args": 2, "dim" if op == "Concat" else "axis": axis % rank}
        elif op == "tile":
            attrs["reps"] = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)))
        elif op == "repeat":
            attrs = {
                "repeats": draw(st.integers(1, 3)),
                "axis": draw(st.sampled_from([None, axis])),
            }
        elif op == "reverse":
            attrs["axis"] = (axis % rank,)
        elif op in ("broadcast_to", "broadcast_like", "broadcast_axis"):
            wide = tuple(draw(st.integers(1, 3)) if n == 1 else n for n in shape)
            attrs = {"shape": wide} if op == "broadcast_to" else {}
            if op == "broadcast_like":
                inputs.append(numbers(wide, dtype, 3, False))
            if op == "broadcast_axis":
                axes = [at for at, n in enumerate(shape) if n == 1]
                attrs = {"axis": tuple(axes), "size": tuple(wide[at] for at in axes)}
        elif op == "expand_dims":
            attrs["axis"] = draw(st.integers(-rank - 1, rank))
        elif op in ("squeeze", "_np_squeeze"):
            data = data.reshape((*shape, 1))
            inputs, attrs = [data], {"axis": draw(st.sampled_from([(-1,), (rank,)]))}
        elif op == "reshape_like":
            inputs.append(np.zeros(data.size, dtype))
        elif op in ("sum", "mean", "max", "min"):
            axes = draw(st.sampled_from([None, (axis,), tuple(sorted({0, axis % rank}))]))
            attrs = {"axis": axes, "keepdims": draw(st.booleans())}
            if axes is not None and rank > len(axes):
                attrs["exclude"] = draw(st.booleans())
        return op, attrs, inputs

    return draw_one()


ARRANGERS = {"_np_reshape", "_npx_reshape", "_np_squeeze", "_np_transpose",
             "Concat", "Flatten", "Reshape", "SliceChannel", "SwapAxis", "_split_v2", "expand_dims",
             "broadcast_axis", "broadcast_like", "broadcast_to", "repeat", "reshape_like",
             "reverse", "slice", "slice_axis", "slice_like", "squeeze", "stack", "tile",
             "transpose", "sum", "mean", "max", "min"}  # fmt: skip


@pytest.mark.mxnet
@settings(max_examples=300)
@given(arranged())
def test_arrangements_and_sums(judge: Any, drawn: Any) -> None:
    op, attrs, arrays = drawn
    done = check(judge, op, attrs, arrays)
    left = op in ("sum", "mean") or sum(times > 1 for times in attrs.get("reps", ())) > 2
    assert done or left, "every arrangement can be evaluated"


def test_every_evaluator_is_tried() -> None:
    tried = {op for op, _ in CREATED} | ARRANGERS | {*UNARY, *BINARY, *BROADCAST, *SCALAR}
    assert tried | {"clip", "Cast", "amp_cast", "LeakyReLU"} == {
        op for op in known_operators() if meaning(op).value is not None
    }


@pytest.mark.parametrize(
    ("op", "attrs", "shapes"),
    [
        ("Reshape", {"shape": "(0, -1, 2)"}, [(2, 1, 2)]),
        ("_split_v2", {"indices": "(0, 9)", "axis": "0"}, [(2, 3), (1, 3)]),
        ("_split_v2", {"indices": "(0,)", "axis": "7"}, [(2, 3)]),
        ("transpose", {"axes": "(0, 5)"}, [(2, 3)]),
        ("slice", {"begin": "(0, 0, 0)", "end": "(1, 1, 1)"}, [(1, 1)]),
        ("sum", {"axis": "(0, 4)"}, [(1,)]),
    ],
)
def test_what_does_not_fit_can_not_be_told(
    monkeypatch: pytest.MonkeyPatch,
    op: str,
    attrs: Mapping[str, str],
    shapes: list[tuple[int, ...]],
) -> None:
    arrays = [np.zeros((2, 3), np.float32)]
    misfits = (ArithmeticError, LookupError, TypeError, ValueError)
    monkeypatch.setattr(import_module("graphpass.ops.meaning"), "_MISFITS", misfits)
    assert evaluate(op, attrs, arrays, shapes, ["float32"] * len(shapes)) is None


def test_an_attribute_that_is_no_value_is_an_error() -> None:
    with pytest.raises(AttributeValueError):
        evaluate("transpose", {"axes": "one"}, [np.zeros((2, 3), "float32")], [(2, 3)], ["float32"])
