"""One operator with random attributes and inputs, for every operator that branches may share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from batching_draws import (
    Case,
    Draw,
    Input,
    Shape,
    any_axis,
    axis_of,
    data,
    pick,
    shape_of,
    signed,
)
from batching_layers import (
    attention,
    batch_norm,
    boxes,
    channel_norm,
    convolution,
    correlation,
    crop,
    deformable,
    dense,
    detection,
    embedding,
    grid,
    image,
    layer_norm,
    loss,
    of_image,
    pooling,
    recurrent,
    resize,
    sampler,
    sequence,
    up_sampling,
)
from hypothesis import strategies as st

from graphpass.ops import find
from graphpass.rules.batching.table import RULES

__all__ = ["cases"]


def cases(op: str) -> st.SearchStrategy[Case]:
    """Return random cases of an operator of the table."""
    rule = RULES[op]
    family = f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"
    make: Callable[[Draw, str], Case] = _MAKERS.get(op) or _MAKERS[family]
    return st.composite(lambda draw: make(draw, op))()


# -- families --------------------------------------------------------------------------------------

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
    act = pick(draw, "leaky", "prelu", "elu", "selu", "gelu", "rrelu")
    gamma = [Input((shape[1],), None)] if act == "prelu" else []
    written = 1 if act == "rrelu" else None  # the slopes that it draws in training stay garbage
    return Case(op, {"act_type": act}, [data(draw, shape), *gamma], written)


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


_MAKERS: Mapping[str, Callable[[Draw, str], Case]] = {
    "elementwise.number_by_number": number_by_number,
    "elementwise.broadcast": broadcast,
    "LeakyReLU": leaky,
    "_contrib_div_sqrt_dim": one_input(),
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
    "layers.with_offset": deformable,
    "_contrib_MultiBoxPrior": of_image(sizes=((0.5, 0.25),)),
    "FullyConnected": dense,
    "layers.batch_norm": batch_norm,
    "LayerNorm": layer_norm,
    "Embedding": embedding,
    "UpSampling": up_sampling,
    "Crop": crop,
    "_contrib_BilinearResize2D": resize,
    "layers.loss": loss,
    "Reshape": reshape,
    "reshape_like": reshape_like,
    "transpose": one_input(transposed),
    "SwapAxis": one_input(axes_attr("dim1"), axes_attr("dim2"), least=2),
    "expand_dims": one_input(axes_attr()),
    "squeeze": squeezed,
    "Concat": joined,
    "stack": joined,
    "moving.split": split,
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
    "picking.along_axis": one_input(axes_attr()),
    "picking.reduce": reduced,
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
    "sequences.sequence": sequence,
    "sequences.sequence_last": sequence,
    "batch_dot": products,
    "_linalg_gemm2": products,
    "sequences.attend_within": attention,
    "sequences.attend_between": attention,
    "sequences.weigh_values": attention,
}
