"""One operator with random attributes and inputs, for every operator that branches may share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphpass.graph import Entry, Graph
from graphpass.ops import find
from graphpass.ops.meaning import meaning

__all__ = ["Case", "cases"]

Shape = tuple[int, ...]
Draw = Any


@dataclass(frozen=True)
class Input:
    """One input of an operator."""

    shape: Shape
    axis: int | None = 0
    """Along which axis it is joined; None: the same in all branches."""
    bound: int | None = None
    """Of whole numbers: all are below it."""
    low: int = 0
    dtype: str = "float32"


@dataclass(frozen=True)
class Case:
    """An operator, ready to run."""

    op: str
    attrs: Mapping[str, Any]
    inputs: Sequence[Input]
    written: int | None = None
    """How many of its outputs MXNet writes in inference; None: all."""

    def graph(self) -> Graph:
        """Return the operator as a graph that returns all visible outputs that are written."""
        graph = Graph()
        texts = {name: str(value) for name, value in self.attrs.items()}
        with graph.edit() as edit:
            keys = [edit.add_variable(f"x{slot}") for slot in range(len(self.inputs))]
            key = edit.add_node(self.op, "node", texts, [Entry(each) for each in keys])
            visible = self.written or graph.signature(key).num_visible_outputs
            edit.set_heads([Entry(key, output) for output in range(visible)])
        return graph

    def arrays(self, seed: int, slot: int) -> np.ndarray:
        """Return random values of one input."""
        numbers = np.random.default_rng([seed, slot])
        given = self.inputs[slot]
        if given.bound is not None:
            return numbers.integers(given.low, given.bound, given.shape).astype(given.dtype)
        return numbers.uniform(0.1, 1.5, given.shape).astype(given.dtype)


def pick(draw: Draw, *choices: Any) -> Any:
    return draw(st.sampled_from(choices))


def shape_of(draw: Draw, least: int = 1, most: int = 4) -> Shape:
    rank = draw(st.integers(least, most))
    return tuple(draw(st.lists(st.sampled_from((1, 2, 3, 4)), min_size=rank, max_size=rank)))


def axis_of(draw: Draw, shape: Sequence[int], usual: int = 0) -> int:
    usual = min(usual, len(shape) - 1)
    return pick(draw, usual, usual, draw(st.integers(0, len(shape) - 1)))


def signed(draw: Draw, axis: int, rank: int) -> int:
    return pick(draw, axis, axis - rank)


def any_axis(draw: Draw, rank: int) -> int:
    return draw(st.integers(-rank, rank - 1))


def data(draw: Draw, shape: Shape, usual: int = 0) -> Input:
    return Input(shape, axis_of(draw, shape, usual))


def cases(op: str) -> st.SearchStrategy[Case]:
    """Return random cases of an operator of the table."""
    rule = meaning(op).batch
    assert rule is not None
    make: Callable[[Draw, str], Case] = _MAKERS.get(op) or _MAKERS[rule.__name__]
    return st.composite(lambda draw: make(draw, op))()


# -- moving, reducing, joining, indexing -----------------------------------------------------------

_COUNTS = {"add_n": "num_args", "amp_multicast": "num_outputs", "Concat": "num_args",
           "stack": "num_args"}  # fmt: skip


def number_by_number(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    operator = find(op)
    assert operator is not None
    attrs: dict[str, Any] = {}
    if op.endswith("_scalar"):
        attrs["scalar"] = pick(draw, 0.5, 2.0, -1.25)
    for name, values in {
        "act_type": ("relu", "tanh", "softrelu"), "dtype": ("float32", "float64"), "a_min": (0.5,),
        "a_max": (1.0,), "num_outputs": (2,), "a": (0.5,),
    }.items():  # fmt: skip
        if name in operator.attributes:
            attrs[name] = pick(draw, *values)
    if op == "Dropout":
        attrs = {"p": 0.5}
    count = 2 if op in _COUNTS else operator.signature({}).num_inputs or 1
    if op in _COUNTS:
        attrs[_COUNTS[op]] = count
    first = data(draw, shape)
    others = [Input(shape, pick(draw, first.axis, first.axis, None)) for _ in range(count - 1)]
    return Case(op, attrs, [first, *others])


def broadcast(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    axis = axis_of(draw, shape)
    other = tuple(pick(draw, 1, extent) for extent in shape)
    if pick(draw, True, False):
        rows = pick(draw, shape[axis], 1)
        other = tuple(rows if at == axis else extent for at, extent in enumerate(other))
        second = Input(other, axis)
    else:
        dropped = draw(st.integers(0, len(shape) - 1))
        second = Input(other[dropped:], None)
    inputs = [Input(shape, axis), second]
    return Case(op, {}, inputs if pick(draw, True, False) else inputs[::-1])


def leaky(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    act = pick(draw, "leaky", "prelu", "prelu", "prelu", "elu", "selu", "gelu", "rrelu")
    slopes = pick(
        draw, (shape[1],), (1,), (shape[0],), (1, shape[1]), (shape[0], 1), shape[:2], shape
    )
    gamma = [Input(slopes, None)] if act == "prelu" else []
    written = 1 if act == "rrelu" else None  # the slopes that it draws in training stay garbage
    return Case(op, {"act_type": act}, [data(draw, shape), *gamma], written)


_LIMITS = (Input((1,), None), Input((1,), None, 9, 8))
"""The range of quantized data: a number less than 2, and 8."""


def quantized(draw: Draw, op: str) -> Case:
    """An operator on 8-bit data, or one that makes or unmakes them."""
    shape, attrs, weights = shape_of(draw, 2), {}, []
    dtypes = {"_contrib_requantize": "int32", "_contrib_quantized_conv": "uint8"}
    dtype = dtypes.get(op, "int8")
    if op in ("_contrib_quantize", "_contrib_quantize_v2"):
        dtype = "float32"
    if op.startswith("_contrib_requantize") or op.endswith("v2"):
        attrs = pick(draw, {}, *[{"min_calib_range": -0.5, "max_calib_range": 1.25}] * 4)
    if op.endswith("_act"):
        attrs = {"act_type": "relu"}
    elif op.endswith(("_conv", "_pooling")):
        shape = (pick(draw, 1, 2, 3), 4, 4, 4)
        attrs = {"kernel": (2, 2)}
    if op.endswith(("_conv", "_connected")):
        inner = (shape[1], 2, 2) if op.endswith("_conv") else (math.prod(shape[1:]),)
        attrs |= {"num_filter" if len(inner) > 1 else "num_hidden": 4, "no_bias": True}
        weights = [Input((4, *inner), None, 100, -100, "int8")]
    bound = None if dtype == "float32" else 100
    low = -100 if dtype in ("int8", "int32") else 0
    values = Input(shape, axis_of(draw, shape), bound, low, dtype)
    ranges = () if op.endswith("quantize_v2") else _LIMITS * (1 + len(weights))
    return Case(op, attrs, [values, *weights, *ranges])


def numpy_shapes(draw: Draw, op: str) -> Case:
    """The codes of ``npx.reshape``, or one -1 among extents."""
    shape = shape_of(draw)
    extents = (-1, *shape, 2)
    codes = (*extents, -2, -2, -4, -5) if op == "_npx_reshape" else extents
    newshape = tuple(pick(draw, *codes) for _ in range(draw(st.integers(1, 4))))
    return Case(op, {"newshape": newshape}, [data(draw, shape)])


def one_input(
    *attributes: Callable[[Draw, Shape], Mapping[str, Any]], least: int = 1, most: int = 4
):
    def make(draw: Draw, op: str) -> Case:
        shape = shape_of(draw, least, most)
        attrs: dict[str, Any] = {}
        for each in attributes:
            attrs |= each(draw, shape)
        return Case(op, attrs, [data(draw, shape)])

    return make


def reshape(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    sizes = (0, 0, -1, -2, -3, 1, 2, 3, 4)
    codes: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 7)) == 0:
            codes += [-4, *pick(draw, (-1, 2), (2, -1), (1, -1), (-1, 1), (2, 2))]
        else:
            codes.append(pick(draw, *sizes))
    reverse = draw(st.integers(0, 5)) == 0
    return Case(op, {"shape": tuple(codes), "reverse": reverse}, [data(draw, shape)])


def reshape_like(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2, 4)
    other = (shape[0], int(np.prod(shape[1:])))
    return Case(op, {}, [data(draw, shape), Input(other, pick(draw, 0, None))])


def axes_attr(name: str = "axis"):
    return lambda draw, shape: {name: any_axis(draw, len(shape))}


def transposed(draw: Draw, shape: Shape) -> Mapping[str, Any]:
    axes = tuple(draw(st.permutations(range(len(shape)))))
    return {} if draw(st.integers(0, 3)) == 0 else {"axes": axes}


def squeezed(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    some = ones[: draw(st.integers(0, len(ones)))]
    given = tuple(signed(draw, axis, len(shape)) for axis in some)
    if len(given) == len(shape):
        given = given[1:]
    return Case(op, {"axis": given} if given else {}, [data(draw, shape)])


def joined(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    name = "dim" if op == "Concat" else "axis"
    attrs = {name: any_axis(draw, len(shape)), "num_args": 2}
    first = data(draw, shape)
    return Case(op, attrs, [first, Input(shape, pick(draw, first.axis, first.axis, None))])


def split(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    axis = any_axis(draw, len(shape))
    count = shape[axis]
    attrs: dict[str, Any] = {"axis": axis, "squeeze_axis": pick(draw, True, False)}
    if op == "SliceChannel":
        attrs["num_outputs"] = count
    else:
        attrs |= {"sections": count, "indices": (0,)}
    return Case(op, attrs, [data(draw, shape)])


def several_axes(draw: Draw, shape: Shape) -> tuple[int, ...]:
    rank = len(shape)
    chosen = draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=rank))
    return tuple(signed(draw, axis, rank) for axis in sorted(chosen))


def reduced(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    attrs: dict[str, Any] = {"keepdims": pick(draw, True, False)}
    operator = find(op)
    assert operator is not None
    several = "exclude" in operator.attributes
    axis = several_axes(draw, shape) if several else any_axis(draw, len(shape))
    if draw(st.integers(0, 5)):
        attrs["axis"] = axis
    if several:
        attrs["exclude"] = pick(draw, False, False, True)
    return Case(op, attrs, [data(draw, shape)])


def widened(draw: Draw, op: str) -> Case:
    shape = tuple(pick(draw, 1, extent) for extent in shape_of(draw))
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    if op == "broadcast_to":
        target = tuple(pick(draw, 0, 2) if extent == 1 else 0 for extent in shape)
        return Case(op, {"shape": target}, [data(draw, shape)])
    axes = tuple(ones[: draw(st.integers(0, len(ones)))])
    return Case(op, {"axis": axes, "size": (3,) * len(axes)}, [data(draw, shape)])


def widened_like(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    axis = axis_of(draw, shape)
    rows = pick(draw, shape[axis], 1)
    small = tuple(rows if at == axis else 1 for at in range(len(shape)))
    second = Input(shape, pick(draw, axis, axis, None))
    inner = {"lhs_axes": (1,), "rhs_axes": (1,)} if draw(st.integers(0, 5)) == 0 else {}
    return Case(op, inner, [Input(small, axis), second])


def padded(draw: Draw, op: str) -> Case:
    shape = image(draw)
    width = (0, 0, 0, 0, *(pick(draw, 0, 1, 2) for _ in range(4)))
    return Case(op, {"mode": "constant", "pad_width": width}, [data(draw, shape)])


def sliced(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    count = draw(st.integers(1, len(shape)))
    bounds = [pick(draw, (None, None), (None, None), (0, 1), (0, None)) for _ in range(count)]
    begin, end = (tuple(each) for each in zip(*bounds, strict=True))
    return Case(op, {"begin": begin, "end": end}, [data(draw, shape)])


def sliced_along(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    attrs = {"axis": any_axis(draw, len(shape)), "begin": 0, "end": pick(draw, 1, None)}
    return Case(op, attrs, [data(draw, shape)])


def sliced_like(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    axes = several_axes(draw, shape)
    first = data(draw, shape)
    like = Input(tuple(1 if at != first.axis else extent for at, extent in enumerate(shape)),
                 pick(draw, None, first.axis))  # fmt: skip
    return Case(op, {"axes": axes} if pick(draw, True, True, False) else {}, [first, like])


def picked(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2, 3)
    over = draw(st.integers(0, len(shape) - 1))
    index = shape[:over] + shape[over + 1 :]
    axis = axis_of(draw, index)
    attrs = {"axis": signed(draw, over, len(shape)), "keepdims": pick(draw, True, False)}
    return Case(op, attrs, [Input(shape, axis), Input(index, axis, bound=shape[over])])


def taken(draw: Draw, op: str) -> Case:
    table = shape_of(draw, 1, 3)
    shape = shape_of(draw, 1, 2)
    axis = any_axis(draw, len(table))
    indices = Input(shape, axis_of(draw, shape), bound=table[axis])
    return Case(op, {"axis": axis}, [Input(table, None), indices])


def one_hot(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 1, 3)
    return Case(op, {"depth": 4}, [Input(shape, axis_of(draw, shape), bound=4)])


def dot(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 1, 3)
    back, across = pick(draw, False, False, True), pick(draw, False, True)
    inner = shape[0] if back else shape[-1]
    matrix = (5, inner) if across else (inner, 5)
    other = Input(matrix, pick(draw, None, None, None, 0))
    return Case(op, {"transpose_a": back, "transpose_b": across}, [data(draw, shape), other])


def products(draw: Draw, op: str) -> Case:
    outer = shape_of(draw, 1, 1) if op == "batch_dot" else shape_of(draw, 0, 2)
    back, across = pick(draw, False, True), pick(draw, False, True)
    one = (*outer, *((3, 2) if back else (2, 3)))
    two = (*outer, *((4, 3) if across else (3, 4)))
    first = data(draw, one)
    second = Input(two, pick(draw, first.axis, first.axis, None))
    return Case(op, {"transpose_a": back, "transpose_b": across}, [first, second])


def arange_like(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    given = {"axis": any_axis(draw, len(shape))} if draw(st.integers(0, 4)) else {}
    return Case(op, given, [data(draw, shape)])


# -- layers, recurrent layers and attention --------------------------------------------------------


def image(draw: Draw) -> Shape:
    return (pick(draw, 1, 2, 3), pick(draw, 2, 4), 6, 5)


def of_image(**attributes: Any):
    def make(draw: Draw, op: str) -> Case:
        attrs = {name: pick(draw, *values) for name, values in attributes.items()}
        return Case(op, attrs, [data(draw, image(draw))])

    return make


def convolution(draw: Draw, op: str) -> Case:
    spatial = pick(draw, 1, 2) if op == "Convolution" else 2
    shape = (*image(draw)[:2], *(5, 6)[:spatial])
    attrs = {"kernel": (2,) * spatial, "num_filter": 4, "no_bias": pick(draw, True, False),
             "num_group": pick(draw, 1, 2)}  # fmt: skip
    groups = attrs["num_group"]
    weight = (
        (shape[1], 4 // groups, *attrs["kernel"])
        if op == "Deconvolution"
        else (4, shape[1] // groups, *attrs["kernel"])
    )
    bias = [] if attrs["no_bias"] else [Input((4,), None)]
    return Case(op, attrs, [data(draw, shape), Input(weight, None), *bias])


def deformable(draw: Draw, op: str) -> Case:
    shape = image(draw)
    attrs = {"kernel": (2, 2), "num_filter": 4, "no_bias": True}
    out = (shape[2] - 1, shape[3] - 1)
    inputs = [Input(shape), Input((shape[0], 8, *out))]
    if "Modulated" in op:
        inputs.append(Input((shape[0], 4, *out)))
    return Case(op, attrs, [*inputs, Input((4, shape[1], 2, 2), None)])


def dense(draw: Draw, op: str) -> Case:
    shape = shape_of(draw)
    flatten = pick(draw, True, False)
    inner = int(np.prod(shape[1:])) if flatten else shape[-1]
    attrs = {"num_hidden": 3, "flatten": flatten, "no_bias": True}
    return Case(op, attrs, [data(draw, shape), Input((3, inner), None)])


def batch_norm(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 4, 4) if op != "BatchNorm" else shape_of(draw, 2)
    over = any_axis(draw, len(shape)) if op == "BatchNorm" else 1
    attrs: dict[str, Any] = {"fix_gamma": False}
    if "Sync" not in op:  # its mean and variance are not written in inference
        attrs["output_mean_var"] = pick(draw, True, False)
    attrs |= {"axis": over} if op == "BatchNorm" else {}
    attrs |= {"key": "k"} if "Sync" in op else {}
    return Case(op, attrs, [data(draw, shape), *[Input((shape[over],), None)] * 4])


def layer_norm(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    over = any_axis(draw, len(shape))
    attrs = {"axis": over, "output_mean_var": pick(draw, True, False)}
    return Case(op, attrs, [data(draw, shape), *[Input((shape[over],), None)] * 2])


def channel_norm(draw: Draw, op: str) -> Case:
    shape = image(draw)
    attrs = {"num_groups": 2} if op == "GroupNorm" else {}
    return Case(op, attrs, [data(draw, shape), *[Input((shape[1],), None)] * 2])


def embedding(draw: Draw, op: str) -> Case:
    indices = Input((shape := shape_of(draw, 1, 3)), axis_of(draw, shape), bound=5)
    return Case(op, {"input_dim": 5, "output_dim": 3}, [indices, Input((5, 3), None)])


def up_sampling(draw: Draw, op: str) -> Case:
    shape = image(draw)
    if pick(draw, True, False):
        count = pick(draw, 1, 2)
        attrs = {"scale": 2, "sample_type": "nearest", "num_args": count}
        return Case(op, attrs, [Input(shape)] * count)
    attrs = {"scale": 2, "sample_type": "bilinear", "num_args": 2, "num_filter": shape[1]}
    return Case(op, attrs, [data(draw, shape), Input((shape[1], 1, 4, 4), None)])


def crop(draw: Draw, op: str) -> Case:
    shape = image(draw)
    if pick(draw, True, False):
        return Case(op, {"num_args": 1, "h_w": (3, 3)}, [data(draw, shape)])
    like = Input((shape[0], 2, 3, 3), pick(draw, 0, None))
    return Case(op, {"num_args": 2}, [Input(shape), like])


def resize(draw: Draw, op: str) -> Case:
    shape = image(draw)
    if pick(draw, True, False):
        return Case(op, {"height": 4, "width": 3}, [data(draw, shape)])
    like = Input((shape[0], shape[1], 3, 3), pick(draw, 0, None))
    return Case(op, {"mode": "like"}, [Input(shape), like])


def loss(draw: Draw, op: str) -> Case:
    shape = shape_of(draw, 2)
    if op == "MakeLoss":
        return Case(op, {}, [data(draw, shape)])
    if op in ("SoftmaxOutput", "SVMOutput"):
        shape = shape[:2]
        return Case(op, {}, [Input(shape), Input(shape[:1], pick(draw, 0, 0, None), bound=1)])
    return Case(op, {}, [Input(shape), Input(shape, pick(draw, 0, 0, None))])


def boxes(draw: Draw, op: str) -> Case:
    shape = (pick(draw, 1, 2), 4, 6)
    attrs = {"overlap_thresh": 0.3, "coord_start": 2, "score_index": 1, "id_index": 0,
             "force_suppress": True}  # fmt: skip
    return Case(op, attrs, [data(draw, shape)])


def detection(draw: Draw, op: str) -> Case:
    count = pick(draw, 1, 2)
    return Case(op, {}, [Input((count, 3, 4)), Input((count, 16)), Input((1, 4, 4), None)])


def recurrent(draw: Draw, op: str) -> Case:
    mode = pick(draw, "lstm", "gru", "rnn_tanh")
    gates = {"lstm": 4, "gru": 3, "rnn_tanh": 1}[mode]
    time, batch, width, size = 3, pick(draw, 1, 2), 2, 3
    both = pick(draw, False, True)
    ways = 2 if both else 1
    count = ways * gates * size * (width + size + 2)
    usual = pick(draw, 1, 1, 1, 0)
    state = [Input((ways, batch, size), pick(draw, usual, usual, None))] * (1 + (mode == "lstm"))
    attrs = {"mode": mode, "state_size": size, "num_layers": 1, "bidirectional": both,
             "state_outputs": pick(draw, False, True)}  # fmt: skip
    return Case(op, attrs, [Input((time, batch, width), usual), Input((count,), None), *state])


def sequence(draw: Draw, op: str) -> Case:
    shape = (pick(draw, 2, 3), pick(draw, 2, 3), 2)
    time = pick(draw, 0, 1) if op != "SequenceReverse" else 0
    lengths = pick(draw, False, True)
    attrs = {"axis": time, "use_sequence_length": lengths}
    usual = pick(draw, 1 - time, 1 - time, 0, 1)
    length = [Input((shape[1 - time],), 0, bound=shape[time] + 1, low=1)] if lengths else []
    return Case(op, attrs, [Input(shape, usual), *length])


def attention(draw: Draw, op: str) -> Case:
    time, batch, heads, size = 3, pick(draw, 1, 2), 2, 2
    parts = 3 if "selfatt" in op else 2
    both = Input((time, batch, heads * size * parts), pick(draw, 1, 1, 0))
    scores = Input((batch * heads, time, time), 0)
    if op.endswith("valatt"):
        return Case(op, {"heads": heads}, [both, scores])
    queries = [Input((time, batch, heads * size), 1)] if "encdec" in op else []
    return Case(op, {"heads": heads}, [*queries, both])


def grid(draw: Draw, op: str) -> Case:
    if pick(draw, True, False):
        shape = (pick(draw, 1, 2), 6)
        return Case(op, {"transform_type": "affine", "target_shape": (3, 4)}, [data(draw, shape)])
    return Case(op, {"transform_type": "warp"}, [data(draw, (pick(draw, 1, 2), 2, 3, 4))])


def sampler(draw: Draw, op: str) -> Case:
    shape = image(draw)
    if op == "SpatialTransformer":
        attrs = {"transform_type": "affine", "sampler_type": "bilinear", "target_shape": (3, 4)}
        return Case(op, attrs, [Input(shape), Input((shape[0], 6))])
    return Case(op, {}, [Input(shape), Input((shape[0], 2, 3, 4), pick(draw, 0, None))])


def correlation(draw: Draw, op: str) -> Case:
    shape = image(draw)
    attrs = {"kernel_size": 1, "max_displacement": 1, "pad_size": 1}
    return Case(op, attrs, [Input(shape), Input(shape, pick(draw, 0, None))])


def pooling(draw: Draw, op: str) -> Case:
    shape = image(draw)
    attrs = {"pool_type": pick(draw, "max", "avg"), "kernel": (2, 2), "stride": (2, 2),
             "global_pool": pick(draw, False, True)}  # fmt: skip
    return Case(op, attrs, [data(draw, shape)])


_MAKERS: Mapping[str, Callable[[Draw, str], Case]] = {
    "number_by_number": number_by_number,
    "broadcast_batch": broadcast,
    "LeakyReLU": leaky,
    "_contrib_div_sqrt_dim": one_input(),
    "calibrated_batch": quantized,
    "quantized_batch": quantized,
    "numpy_reshape_batch": numpy_shapes,
    "Convolution": convolution,
    "Convolution_v1": convolution,
    "Deconvolution": convolution,
    "Flatten": one_input(),
    "GridGenerator": grid,
    "GroupNorm": channel_norm,
    "InstanceNorm": channel_norm,
    "L2Normalization": of_image(mode=("instance", "channel", "spatial")),
    "LRN": of_image(nsize=(3,)),
    "Pooling": pooling,
    "Pooling_v1": pooling,
    "SoftmaxActivation": of_image(mode=("instance", "channel")),
    "_contrib_AdaptiveAvgPooling2D": of_image(output_size=((2, 2), (1, 1))),
    "depth_to_space": lambda draw, op: Case(
        op, {"block_size": 2}, [data(draw, (pick(draw, 1, 2), 4, 2, 3))]
    ),
    "space_to_depth": lambda draw, op: Case(
        op, {"block_size": 2}, [data(draw, (pick(draw, 1, 2), 1, 2, 4))]
    ),
    "im2col": of_image(kernel=((2, 2), (3, 3))),
    "BilinearSampler": sampler,
    "SpatialTransformer": sampler,
    "Correlation": correlation,
    "_contrib_MultiBoxDetection": detection,
    "with_offset_batch": deformable,
    "_contrib_MultiBoxPrior": of_image(sizes=((0.5, 0.25),)),
    "FullyConnected": dense,
    "batch_norm_batch": batch_norm,
    "LayerNorm": layer_norm,
    "Embedding": embedding,
    "UpSampling": up_sampling,
    "Crop": crop,
    "_contrib_BilinearResize2D": resize,
    "loss_batch": loss,
    "Reshape": reshape,
    "reshape_like": reshape_like,
    "transpose_batch": one_input(transposed),
    "SwapAxis": one_input(axes_attr("dim1"), axes_attr("dim2"), least=2),
    "expand_dims": one_input(axes_attr()),
    "squeeze": squeezed,
    "Concat": joined,
    "stack": joined,
    "split_batch": split,
    "tile": one_input(lambda draw, shape: {"reps": shape_of(draw, 1, 3)}),
    "repeat": one_input(
        lambda draw, shape: (
            {"repeats": 2}
            | ({"axis": any_axis(draw, len(shape))} if draw(st.integers(0, 4)) else {})
        )
    ),
    "reverse": one_input(lambda draw, shape: {"axis": several_axes(draw, shape)}),
    "broadcast_axis": widened,
    "broadcast_like": widened_like,
    "broadcast_to": widened,
    "Pad": padded,
    "along_axis": one_input(axes_attr()),
    "reduce_batch": reduced,
    "argmax_channel": one_input(least=2, most=2),
    "slice": sliced,
    "slice_axis": sliced_along,
    "slice_like": sliced_like,
    "pick": picked,
    "one_hot": one_hot,
    "take": taken,
    "dot": dot,
    "_contrib_arange_like": arange_like,
    "_contrib_box_nms": boxes,
    "RNN": recurrent,
    "sequence_batch": sequence,
    "sequence_last_batch": sequence,
    "batch_dot": products,
    "_linalg_gemm2": products,
    "attend": attention,
}
