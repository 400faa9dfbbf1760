"""Random models that hold what the shipped passes are about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache

from hypothesis import strategies as st

from graphpass.graph import Entry
from graphpass.testing import Builder, Recipe, RunnableModel, Value, models
from graphpass.testing.model_layers import batch_norm, convolution, fully_connected

__all__ = ["PASSES", "hosts"]

Shape = tuple[int, ...]
SCALARS = ("_mul_scalar", "_div_scalar", "_plus_scalar", "_minus_scalar")


def last(builder: Builder) -> Value:
    return builder.values[-1]


def layer(builder: Builder, x: Value) -> Value:
    """Add a convolution or a fully connected layer."""
    flat = len(x.shape) != 4 or builder.dice.one_in(3)
    (fully_connected if flat else convolution)(builder, x)
    return last(builder)


# -- what hands on its input ---------------------------------------------------------------------


def identities(builder: Builder, x: Value) -> None:
    for _ in range(builder.dice.between(1, 3)):
        op = builder.dice.pick(("_copy", "BlockGrad"))
        builder.add_operator(op, [last(builder)], [last(builder).shape], last(builder).loudness)


def casts(builder: Builder, x: Value) -> None:
    """Cast once or more, and back; what is of another type stays unknown to the rest."""
    dice = builder.dice
    if dice.one_in(3):
        weight = builder.vector("cast", "weight", x.shape)
        builder.add_operator(dice.pick(("Cast", "amp_cast")), [weight], [x.shape], dtype="float32")
        builder.add_operator("elemwise_add", [x, last(builder)], [x.shape], x.loudness + 2)
        return
    first = len(builder.values)
    value, made = x, "float32"
    for dtype in (*[dice.pick(("float64", "float32")) for _ in range(3)], "float32"):
        plain = dtype == made == "float32"  # MXNet's amp_cast takes no float64
        op = dice.pick(("Cast", "amp_cast")) if plain else "Cast"
        builder.add_operator(op, [value], [x.shape], x.loudness, dtype=dtype)
        value, made = last(builder), dtype
    del builder.values[first:-1]


def activations(builder: Builder, x: Value) -> None:
    for _ in range(builder.dice.between(2, 3)):
        value, act_type = last(builder), builder.dice.pick(("relu", "relu", "tanh", None))
        op = "Activation" if act_type else "relu"
        builder.add_operator(op, [value], [value.shape], value.loudness, act_type=act_type)


def prelu(builder: Builder, x: Value) -> None:
    """Add a PReLU behind a layer, or a norm or a pooling that follows one."""
    x = layer(builder, x)
    if builder.dice.one_in(3):
        batch_norm(builder, x)
        x = next(value for value in reversed(builder.values) if value.shape == x.shape)
    name = builder.next_name("LeakyReLU")
    slopes = builder.vector(name, "gamma", x.shape[1:2])
    builder.add_named(name, "LeakyReLU", [x, slopes], [x.shape], 2 * x.loudness, act_type="prelu")


# -- shapes --------------------------------------------------------------------------------------


def transposes(builder: Builder, x: Value) -> None:
    dice, value = builder.dice, x
    axes: list[int] | None = None
    for _ in range(dice.between(2, 3)):
        rank = range(len(x.shape))
        if axes and dice.one_in(2):
            axes = [axes.index(axis) for axis in rank]
        else:
            rest = list(rank)
            axes = [rest.pop(dice.below(len(rest))) for _ in rank] if dice.below(3) else None
        shape = tuple(value.shape[axis] for axis in (axes or reversed(rank)))
        given = None if axes is None else tuple(axes)
        builder.add_operator("transpose", [value], [shape], x.loudness, axes=given)
        value = last(builder)


def swaps(builder: Builder, x: Value) -> None:
    value = x
    one, two = builder.dice.below(len(x.shape)), builder.dice.below(len(x.shape))
    for _ in range(builder.dice.between(2, 3)):
        if builder.dice.one_in(2):
            one, two = two, one
        sides = list(value.shape)
        sides[one], sides[two] = sides[two], sides[one]
        builder.add_operator("SwapAxis", [value], [tuple(sides)], x.loudness, dim1=one, dim2=two)
        value = last(builder)


def reshapes(builder: Builder, x: Value) -> None:
    dice, value = builder.dice, x
    for _ in range(dice.between(2, 3)):
        back = True if dice.one_in(4) else None
        choices = (_from_the_right if back else _from_the_left)(value.shape)
        code, outer = dice.pick([each for each in choices if len(each[1]) > 1])
        op = "Flatten" if code is None else "Reshape"
        builder.add_operator(op, [value], [outer], x.loudness, shape=code, reverse=back)
        value = last(builder)


Choices = list[tuple[Shape | None, Shape]]
"""Codes of a Reshape, None for a Flatten, and the shape that comes of them."""


def _from_the_left(shape: Shape) -> Choices:
    total, first, end = math.prod(shape), shape[0], shape[-1]
    choices: Choices = [
        (None, (first, total // first)),
        ((0, -1), (first, total // first)),
        ((-1, 1), (total, 1)),
        ((first, -1), (first, total // first)),
        ((0, 1, -1), (first, 1, total // first)),
        ((-1, end), (total // end, end)),
        ((-4, 1, -1, -2), (1, first, *shape[1:])),
    ]
    if len(shape) > 1:
        choices.append(((0, 0, -1), (*shape[:2], total // math.prod(shape[:2]))))
        choices.append(((-3, -2), (first * shape[1], *shape[2:])))
    return choices


def _from_the_right(shape: Shape) -> Choices:
    total, first, end = math.prod(shape), shape[0], shape[-1]
    choices: Choices = [
        ((-1, end), (total // end, end)),
        ((-1, 0), (total // end, end)),
        ((first, -1), (first, total // first)),
        ((first, total // first), (first, total // first)),
        ((first, 1, total // first), (first, 1, total // first)),
    ]
    if len(shape) > 1:
        outer = (first, math.prod(shape[1:-1]), end)
        choices += [((first, -1, 0), outer), (outer, outer)]
    return choices


# -- what only training needs --------------------------------------------------------------------


def losses(builder: Builder, x: Value) -> None:
    dice, value = builder.dice, x
    op = dice.pick(("LinearRegressionOutput", "MAERegressionOutput", "LogisticRegressionOutput",
                    "MakeLoss", "make_loss", "BlockGrad"))  # fmt: skip
    inputs = [value, builder.add_input("label", x.shape)] if "Output" in op else [value]
    scale = 2.0 if op.endswith(("Output", "MakeLoss")) else None
    builder.add_operator(op, inputs, [x.shape], x.loudness, grad_scale=scale)


def softmax_outputs(builder: Builder, x: Value) -> None:
    dice = builder.dice
    if dice.one_in(3):
        fully_connected(builder, x)
        x = last(builder)
    elif len(x.shape) == 4 and dice.one_in(2):
        outer = (*x.shape[:2], math.prod(x.shape[2:]))
        builder.add_operator("Reshape", [x], [outer], x.loudness, shape=(0, 0, -1))
        x = last(builder)
    multi = dice.pick((None, False, True))
    kept = dice.pick((None, False, True))
    shape = x.shape[:-1]
    if multi:
        shape = (x.shape[0], math.prod(x.shape[2:])) if len(x.shape) > 2 else x.shape[:1]
    label = builder.add_input("label", shape, bound=2)
    builder.add_operator("SoftmaxOutput", [x, label], [x.shape], multi_output=multi,
                         preserve_shape=kept, grad_scale=0.5, out_grad=True)  # fmt: skip


def softmax_activations(builder: Builder, x: Value) -> None:
    modes = (None, "instance", "channel") if len(x.shape) > 2 else (None, "instance")
    builder.add_operator("SoftmaxActivation", [x], [x.shape], mode=builder.dice.pick(modes))


# -- scales and norms ----------------------------------------------------------------------------


def scalar(builder: Builder, x: Value) -> Value:
    op, number = builder.dice.pick(SCALARS), builder.dice.pick(("0.5", "-1.25", "2", "0.3"))
    builder.add_operator(op, [x], [x.shape], 2 * x.loudness + 2, scalar=number)
    return last(builder)


def channels(builder: Builder, x: Value) -> Value:
    """Scale or shift by a parameter, of a shape that is one value for each channel or not."""
    dice, rank = builder.dice, len(x.shape)
    axis = 1 if rank in (2, 4) and dice.below(4) else rank - 1
    shape: Shape = tuple(side if at == axis else 1 for at, side in enumerate(x.shape))
    shape = dice.pick((shape, shape[axis:], (1,)))
    op = dice.pick(("broadcast_mul", "broadcast_div", "broadcast_add", "broadcast_sub"))
    name = builder.next_name(op)
    array = builder.numbers.choice([0.5, -1.5, 2.0, 0.7], shape)
    inputs: list[Value | Entry] = [x, builder.parameter(name, "scale", array)]
    if op in ("broadcast_mul", "broadcast_add") and dice.one_in(3):
        inputs.reverse()
    builder.add_named(name, op, inputs, [x.shape], 2 * x.loudness + 2)
    return last(builder)


def scaled(builder: Builder, x: Value) -> None:
    """Add a layer or a norm between numbers and parameters that scale and shift."""
    for _ in range(builder.dice.below(3)):
        x = scalar(builder, x)
    if builder.dice.one_in(4):
        batch_norm(builder, x)
        x = next(value for value in reversed(builder.values) if value.shape == x.shape)
        for _ in range(builder.dice.between(1, 2)):
            x = scalar(builder, x)
        return
    x = layer(builder, x)
    for _ in range(builder.dice.below(3)):
        x = builder.dice.pick((scalar, channels))(builder, x)


def deconvolution(builder: Builder, x: Value) -> None:
    dice = builder.dice
    batch, inputs, height, width = x.shape
    size, stride = dice.pick(((1, 1), (2, 2), (3, 1)))
    groups = dice.pick([count for count in (1, 2, inputs) if inputs % count == 0])
    each = dice.pick((1, 2, 3))
    no_bias = dice.pick((None, True, False))
    name = builder.next_name("Deconvolution")
    read: list[Value | Entry] = [x, builder.weight(name, (inputs, each, size, size))]
    if no_bias is False:
        read.append(builder.vector(name, "bias", (groups * each,)))
    outer = [(side - 1) * stride + size for side in (height, width)]
    builder.add_named(name, "Deconvolution", read, [(batch, groups * each, *outer)], x.loudness + 1,
                      kernel=(size, size), stride=(stride, stride), num_filter=groups * each,
                      num_group=groups, no_bias=no_bias)  # fmt: skip


def other_rank(builder: Builder, x: Value) -> Value:
    """Add a convolution in one dimension or three, or a deconvolution, of the same numbers."""
    dice = builder.dice
    batch, channels = x.shape[:2]
    rest = math.prod(x.shape[2:])
    outer = dice.pick([(rest,), (1, rest, 1), (1, 1, rest)])
    reverse = dice.one_in(4)
    builder.add_operator("Reshape", [x], [(batch, channels, *outer)], x.loudness,
                         shape=(batch, channels, *outer))  # fmt: skip
    x, ones = last(builder), tuple(1 for _ in outer)
    groups = dice.pick([count for count in (1, channels) if channels % count == 0])
    each = dice.pick((1, 2, 3))
    kernel = tuple(dice.pick((1, 2)) if side >= 3 else 1 for side in outer)
    dilate = tuple(dice.pick((1, 2)) if size == 2 and not reverse else 1 for size in kernel)
    made = groups * each
    op = "Deconvolution" if reverse else "Convolution"
    name = builder.next_name(op)
    over, under = (channels, each) if reverse else (made, channels // groups)
    read: list[Value | Entry] = [x, builder.weight(name, (over, under, *kernel))]
    no_bias = dice.pick((True, False))
    if not no_bias:
        read.append(builder.vector(name, "bias", (made,)))
    sign = 1 if reverse else -1
    sides = [side + sign * (size - 1) * step
             for side, size, step in zip(outer, kernel, dilate, strict=True)]  # fmt: skip
    builder.add_named(name, op, read, [(batch, made, *sides)], x.loudness + 1, kernel=kernel,
                      num_filter=made, num_group=groups, no_bias=no_bias, stride=ones,
                      dilate=dilate)  # fmt: skip
    return last(builder)


def norm(builder: Builder, x: Value) -> Value:
    """Add a norm along the second axis, or the last."""
    if builder.dice.below(4):
        before = len(builder.values)
        batch_norm(builder, x)
        return builder.values[before]
    shape, name = x.shape[-1:], builder.next_name("BatchNorm")
    read = [x, builder.gamma(name, shape, private=False), builder.vector(name, "beta", shape),
            *builder.statistics(name, shape)]  # fmt: skip
    builder.add_named(name, "BatchNorm", read, [x.shape], 4 * x.loudness, axis=-1, fix_gamma=False)
    return last(builder)


def norm_of_other_rank(builder: Builder, x: Value) -> None:
    norm(builder, other_rank(builder, x))


def norms_and_numbers(builder: Builder, x: Value) -> None:
    """Add a chain of norms and numbers, at times behind a layer."""
    if builder.dice.one_in(3):
        x = layer(builder, x)
    for _ in range(builder.dice.between(2, 4)):
        x = builder.dice.pick((scalar, norm, norm))(builder, x)


def linear_chain(builder: Builder, x: Value) -> None:
    """Add a layer, and behind it norms, numbers and parameters in any order."""
    x = layer(builder, x)
    for _ in range(builder.dice.between(2, 5)):
        x = builder.dice.pick((scalar, channels, norm))(builder, x)


def norm_of_concat(builder: Builder, x: Value) -> None:
    """Add convolutions of one value, put together, and a norm; at times one is used elsewhere."""
    dice = builder.dice
    batch, channels, *sides = x.shape
    parts: list[Value | Entry] = []
    filters = [dice.between(1, 3) for _ in range(dice.between(2, 4))]
    for count in filters:
        name = builder.next_name("Convolution")
        weight = builder.weight(name, (count, channels, 1, 1))
        outer = [(batch, count, *sides)]
        builder.add_named(name, "Convolution", [x, weight], outer, x.loudness + 1,
                          kernel=(1, 1), num_filter=count, no_bias=True)  # fmt: skip
        parts.append(last(builder))
    if dice.below(6):
        del builder.values[-len(parts) :]
    shape = (batch, sum(filters), *sides)
    builder.add_operator("Concat", parts, [shape], x.loudness + 1, num_args=len(parts), dim=1)
    norm(builder, last(builder))


def norm_behind(builder: Builder, x: Value) -> None:
    if len(x.shape) == 4 and builder.dice.one_in(3):
        deconvolution(builder, x)
        norm(builder, last(builder))
    else:
        norm(builder, layer(builder, x))


def norm_before(builder: Builder, x: Value) -> None:
    x = norm(builder, x)
    if builder.dice.one_in(4):
        builder.add_operator("Flatten", [x], [(x.shape[0], math.prod(x.shape[1:]))], x.loudness)
        fully_connected(builder, last(builder))
    else:
        layer(builder, x)


def sync_norm(builder: Builder, x: Value) -> None:
    fixed = builder.dice.pick((None, True, False))
    shape, name = x.shape[1:2], builder.next_name("BatchNorm")
    private = fixed is not False and builder.dice.below(4) > 0
    read = [x, builder.gamma(name, shape, private=private),
            builder.vector(name, "beta", shape), *builder.statistics(name, shape)]  # fmt: skip
    builder.add_named(name, "_contrib_SyncBatchNorm", read, [x.shape], 4 * x.loudness + 1,
                      fix_gamma=fixed, key="k", eps=builder.dice.pick((None, "1e-5")))  # fmt: skip


# -- what can be cleaned up ----------------------------------------------------------------------


def duplicates(builder: Builder, x: Value) -> None:
    """Compute a value that is there a second time, and read both."""
    dice, graph = builder.dice, builder.graph
    made = [value for value in builder.values if not graph.is_variable(value.entry.node)]
    for value in [dice.pick(made) for _ in range(dice.between(1, 2))] if made else ():
        key = value.entry.node
        op, inputs = graph.op(key), list(graph.inputs(key))
        if len(inputs) == 2 and op in ("elemwise_add", "elemwise_mul") and dice.one_in(2):
            inputs.reverse()
        twin = builder.edit.add_node(op, builder.next_name(op), graph.attrs(key), inputs,
                                     control=graph.control_dependencies(key))  # fmt: skip
        other = Value(Entry(twin, value.entry.output), value.shape, value.loudness)
        builder.values.append(other)
        if dice.below(3):
            op = dice.pick(("_maximum", "elemwise_sub"))
            builder.add_operator(op, [value, other], [value.shape], 2 * value.loudness)


def constants(builder: Builder, x: Value) -> None:
    """Scale or shift by what is computed from parameters, or from nothing."""
    dice, axis = builder.dice, 1
    size = x.shape[axis]
    first = len(builder.values)
    wide = builder.vector("constant", "bank", (2 * size, 3))
    if dice.one_in(2):
        builder.add_operator("slice_axis", [wide], [(size, 3)], axis=0, begin=0, end=size)
    else:
        halves = [(size, 3)] * 2
        builder.add_operator("SliceChannel", [wide], halves, num_outputs=2, axis=0)
    value = last(builder)
    for _ in range(dice.below(3)):
        if dice.one_in(2):
            op, number = dice.pick(SCALARS), dice.pick(("0.5", "-1.25", "2", "0.3"))
            builder.add_operator(op, [value], [value.shape], scalar=number)
        else:
            op = dice.pick(("_ones", "_zeros"))
            builder.add_operator(op, [], [value.shape], shape=value.shape)
            builder.add_operator("elemwise_add", [value, last(builder)], [value.shape])
        value = last(builder)
    op = dice.pick(("sum", "mean", "max"))
    builder.add_operator(op, [value], [(size,)], axis=1)
    shape = tuple(size if at == axis else 1 for at in range(len(x.shape)))
    builder.add_operator("Reshape", [last(builder)], [shape], shape=shape)
    scale = last(builder)
    if dice.below(4):
        del builder.values[first:]
    op = dice.pick(("broadcast_add", "broadcast_mul"))
    builder.add_operator(op, [x, scale], [x.shape], 4 * x.loudness + 8)


def states(builder: Builder, x: Value) -> None:
    """Begin a recurrence with one row."""
    dice, size = builder.dice, math.prod(x.shape[1:])
    if dice.one_in(3):
        builder.add_operator("Reshape", [x], [(size, 1)], x.loudness, shape=(-1, 1))
        x = last(builder)
    builder.add_operator("Reshape", [x], [(1, size)], x.loudness, shape=(1, size))
    x = last(builder)
    op, number = dice.pick((("_zeros", None), ("_ones", None), ("_full", 0.5), ("RNN", None)))
    if op != "RNN":
        begin = len(builder.values)
        builder.add_operator(op, [], [(1, size)], shape=(1, size), value=number)
        state = builder.values.pop(begin)
        builder.add_operator("elemwise_add", [x, state], [x.shape], x.loudness + 1)
        return
    builder.add_operator("Reshape", [x], [(size, 1, 1)], x.loudness, shape=(-1, 1, 1))
    x = last(builder)
    name = builder.next_name("RNN")
    weights = builder.parameter(name, "parameters", builder.numbers.standard_normal((10,)))
    builder.add_operator("_zeros", [], [(1, 1, 2)], shape=(1, 1, 2))
    state = builder.values.pop()
    builder.add_named(name, "RNN", [x, weights, state], [(size, 1, 2)], mode="rnn_tanh",
                      state_size=2, num_layers=1)  # fmt: skip


def _one_row(shape: Shape) -> bool:
    return len(shape) > 1 and shape[0] == 1


def _recipe(
    add: Callable[[Builder, Value], object], fits: Callable[[Shape], bool] = lambda shape: True
) -> Recipe:
    return Recipe(add.__name__, fits, add)  # type: ignore[arg-type]


def _batch(shape: Shape) -> bool:
    return len(shape) >= 2


IDENTITIES, CASTS = _recipe(identities), _recipe(casts)
TRANSPOSES, SWAPS, RESHAPES = _recipe(transposes), _recipe(swaps), _recipe(reshapes)
LOSSES = _recipe(losses)
SOFTMAX_OUTPUTS = _recipe(softmax_outputs, _batch)
SOFTMAX_ACTIVATIONS = _recipe(softmax_activations, _batch)
PRELU = _recipe(prelu, _batch)
ACTIVATIONS, SCALED = _recipe(activations), _recipe(scaled, _batch)
NORM_BEHIND, NORM_BEFORE = _recipe(norm_behind, _batch), _recipe(norm_before, _batch)
NORM_OF_OTHER_RANK, CHAIN = _recipe(norm_of_other_rank, _batch), _recipe(norms_and_numbers, _batch)
LINEAR_CHAIN = _recipe(linear_chain, _batch)
NORM_OF_CONCAT = _recipe(norm_of_concat, lambda shape: len(shape) == 4)
SYNC_NORM = _recipe(sync_norm, _batch)
DUPLICATES, CONSTANTS = _recipe(duplicates), _recipe(constants, _batch)
STATES = _recipe(states, _one_row)

PASSES: Mapping[str, tuple[Recipe, ...]] = {
    "drop-dropout": (),
    "drop-identity": (IDENTITIES, CASTS),
    "cancel-casts": (CASTS,),
    "strip-training": (LOSSES, SOFTMAX_OUTPUTS, SOFTMAX_ACTIVATIONS),
    "softmax-activation": (SOFTMAX_ACTIVATIONS,),
    "bake-fix-gamma": (),
    "insightface-fix": (SOFTMAX_ACTIVATIONS,),
    "syncbn-to-bn": (SYNC_NORM,),
    "merge-batchnorms": (CHAIN,),
    "split-batchnorm": (NORM_OF_CONCAT,),
    "fold-batchnorm": (NORM_BEHIND, NORM_BEHIND, NORM_BEHIND, NORM_BEFORE, NORM_OF_OTHER_RANK,
                       NORM_OF_CONCAT, CHAIN),
    "fold-scale": (SCALED,),
    "fold-scale-before": (SCALED,),
    "cancel-transposes": (TRANSPOSES, SWAPS),
    "fuse-activations": (ACTIVATIONS,),
    "merge-reshapes": (RESHAPES,),
    "prelu-to-relu": (PRELU,),
    "deduplicate": (DUPLICATES,),
    "fold-constants": (CONSTANTS,),
    "share-equal-parameters": (),
    "unique-names": (),
    "canonical-names": (),
    "prune": (),
    "free-batch": (RESHAPES, STATES),
    "optimize-for-inference": (IDENTITIES, CASTS, LOSSES, SOFTMAX_OUTPUTS, SYNC_NORM, NORM_BEHIND,
                               NORM_BEFORE, NORM_OF_OTHER_RANK, NORM_OF_CONCAT, CHAIN,
                               LINEAR_CHAIN, SCALED,
                               TRANSPOSES, ACTIVATIONS, RESHAPES, CONSTANTS),
}  # fmt: skip
"""Shipped pass -> what the models hold that it is tried on, besides common operators."""

OPERATORS = ("relu", "elemwise_add", "Concat", "Dropout", "BatchNorm", "Convolution")


@cache
def hosts(name: str, max_operators: int = 8) -> st.SearchStrategy[RunnableModel]:
    """Draw models that hold what a shipped pass is about."""
    return models(max_operators=max_operators, operators=OPERATORS, recipes=PASSES[name])
