"""Random models that hold what the shipped passes are about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from hypothesis import strategies as st

from graphpass.graph import Entry
from graphpass.testing import Builder, Recipe, RunnableModel, Value, models
from graphpass.testing.models import batch_norm, convolution, fully_connected

__all__ = ["PASSES", "hosts"]

Shape = tuple[int, ...]
NUMBERS = ("0.5", "-1.25", "2", "0.3")


def layer(builder: Builder, x: Value) -> Value:
    """Add a convolution or a fully connected layer."""
    flat = len(x.shape) != 4 or builder.dice.one_in(3)
    return (fully_connected if flat else convolution)(builder, x)


# -- what hands on its input ---------------------------------------------------------------------


def identities(builder: Builder, x: Value) -> None:
    for _ in range(builder.dice.between(1, 3)):
        builder.add_operator(builder.dice.pick(("_copy", "BlockGrad")), builder.values[-1:])


def casts(builder: Builder, x: Value) -> None:
    """Cast once or more, and back; what is of another type stays unknown to the rest."""
    dice = builder.dice
    if dice.one_in(3):
        weight = builder.vector("cast", "weight", x.shape)
        cast = builder.add_operator(dice.pick(("Cast", "amp_cast")), [weight], dtype="float32")
        builder.add_operator("elemwise_add", [x, cast], loudness=x.loudness + 2)
        return
    first, value, made = len(builder.values), x, "float32"
    for dtype in (*[dice.pick(("float64", "float32")) for _ in range(3)], "float32"):
        plain = dtype == made == "float32"  # MXNet's amp_cast takes no float64
        op = dice.pick(("Cast", "amp_cast")) if plain else "Cast"
        value, made = builder.add_operator(op, [value], dtype=dtype), dtype
    del builder.values[first:-1]


def activations(builder: Builder, x: Value) -> None:
    for _ in range(builder.dice.between(2, 3)):
        act_type = builder.dice.pick(("relu", "relu", "tanh", None))
        op = "Activation" if act_type else "relu"
        builder.add_operator(op, builder.values[-1:], act_type=act_type)


def prelu(builder: Builder, x: Value) -> None:
    """Add a PReLU behind a layer, or a norm that follows one."""
    x = layer(builder, x)
    if builder.dice.one_in(3):
        x = batch_norm(builder, x)
    name = builder.next_name("LeakyReLU")
    slopes = builder.vector(name, "gamma", x.shape[1:2])
    builder.add_operator("LeakyReLU", [x, slopes], loudness=2 * x.loudness, name=name,
                         act_type="prelu")  # fmt: skip


# -- shapes --------------------------------------------------------------------------------------


def transposes(builder: Builder, x: Value) -> None:
    dice = builder.dice
    axes: list[int] | None = None
    for _ in range(dice.between(2, 3)):
        rank = range(len(x.shape))
        if axes and dice.one_in(2):
            axes = [axes.index(axis) for axis in rank]
        else:
            rest = list(rank)
            axes = [rest.pop(dice.below(len(rest))) for _ in rank] if dice.below(3) else None
        x = builder.add_operator("transpose", [x], axes=None if axes is None else tuple(axes))


def swaps(builder: Builder, x: Value) -> None:
    one, two = builder.dice.below(len(x.shape)), builder.dice.below(len(x.shape))
    for _ in range(builder.dice.between(2, 3)):
        if builder.dice.one_in(2):
            one, two = two, one
        x = builder.add_operator("SwapAxis", [x], dim1=one, dim2=two)


def reshapes(builder: Builder, x: Value) -> None:
    """Add Reshapes with codes read from either side, and Flattens, for which the code is None."""
    for _ in range(builder.dice.between(2, 3)):
        back = True if builder.dice.one_in(4) else None
        total, first, end = math.prod(x.shape), x.shape[0], x.shape[-1]
        rest = total // first
        codes: list[Shape | None]
        if back:
            codes = [(-1, end), (-1, 0), (first, -1), (first, rest), (first, 1, rest)]
            if len(x.shape) > 1:
                codes += [(first, -1, 0), (first, math.prod(x.shape[1:-1]), end)]
        else:
            codes = [None, (0, -1), (-1, 1), (first, -1), (0, 1, -1), (-1, end), (-4, 1, -1, -2)]
            if len(x.shape) > 1:
                codes += [(0, 0, -1), (-3, -2)] if len(x.shape) > 2 else [(0, 0, -1)]
        code = builder.dice.pick(codes)
        op = "Flatten" if code is None else "Reshape"
        x = builder.add_operator(op, [x], shape=code, reverse=back)


# -- what only training needs --------------------------------------------------------------------


def losses(builder: Builder, x: Value) -> None:
    op = builder.dice.pick(("LinearRegressionOutput", "MAERegressionOutput", "MakeLoss",
                            "LogisticRegressionOutput", "make_loss", "BlockGrad"))  # fmt: skip
    label = [builder.add_input("label", x.shape)] if "Output" in op else []
    scale = 2.0 if op.endswith(("Output", "MakeLoss")) else None
    builder.add_operator(op, [x, *label], grad_scale=scale)


def softmax_outputs(builder: Builder, x: Value) -> None:
    dice = builder.dice
    if dice.one_in(3):
        x = fully_connected(builder, x)
    elif len(x.shape) == 4 and dice.one_in(2):
        x = builder.add_operator("Reshape", [x], shape=(0, 0, -1))
    multi, kept = dice.pick((None, False, True)), dice.pick((None, False, True))
    shape = x.shape[:-1]
    if multi:
        shape = (x.shape[0], math.prod(x.shape[2:])) if len(x.shape) > 2 else x.shape[:1]
    label = builder.add_input("label", shape, bound=2)
    builder.add_operator("SoftmaxOutput", [x, label], loudness=1.0, multi_output=multi,
                         preserve_shape=kept, grad_scale=0.5, out_grad=True)  # fmt: skip


def softmax_activations(builder: Builder, x: Value) -> None:
    modes = (None, "instance", "channel") if len(x.shape) > 2 else (None, "instance")
    builder.add_operator("SoftmaxActivation", [x], loudness=1.0, mode=builder.dice.pick(modes))


# -- scales and norms ----------------------------------------------------------------------------


def scalar(builder: Builder, x: Value) -> Value:
    op = builder.dice.pick(("_mul_scalar", "_div_scalar", "_plus_scalar", "_minus_scalar"))
    number = builder.dice.pick(NUMBERS)
    return builder.add_operator(op, [x], loudness=2 * x.loudness + 2, scalar=number)


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
    return builder.add_operator(op, inputs, loudness=2 * x.loudness + 2, name=name)


def norm(builder: Builder, x: Value) -> Value:
    """Add a norm along the second axis, or the last."""
    if builder.dice.below(4):
        return batch_norm(builder, x)
    shape, name = x.shape[-1:], builder.next_name("BatchNorm")
    read = [x, builder.gamma(name, shape, private=False), builder.vector(name, "beta", shape),
            *builder.statistics(name, shape)]  # fmt: skip
    return builder.add_operator("BatchNorm", read, loudness=4 * x.loudness, name=name, axis=-1,
                                fix_gamma=False)  # fmt: skip


def sync_norm(builder: Builder, x: Value) -> None:
    fixed = builder.dice.pick((None, True, False))
    shape, name = x.shape[1:2], builder.next_name("BatchNorm")
    private = fixed is not False and builder.dice.below(4) > 0
    read = [x, builder.gamma(name, shape, private=private),
            builder.vector(name, "beta", shape), *builder.statistics(name, shape)]  # fmt: skip
    eps = builder.dice.pick((None, "1e-5"))
    builder.add_operator("_contrib_SyncBatchNorm", read, loudness=4 * x.loudness + 1, name=name,
                         fix_gamma=fixed, key="k", eps=eps)  # fmt: skip


Step = Callable[[Builder, Value], Value]


def some(builder: Builder, x: Value, steps: Sequence[Step], least: int, most: int) -> Value:
    """Add some steps, one behind the other."""
    for _ in range(builder.dice.between(least, most)):
        x = builder.dice.pick(steps)(builder, x)
    return x


def scaled(builder: Builder, x: Value) -> None:
    """Add a layer or a norm between numbers and parameters that scale and shift."""
    x = some(builder, x, [scalar], 0, 2)
    if builder.dice.one_in(4):
        some(builder, batch_norm(builder, x), [scalar], 1, 2)
    else:
        some(builder, layer(builder, x), [scalar, channels], 0, 2)


def norms_and_numbers(builder: Builder, x: Value) -> None:
    """Add a chain of norms and numbers, at times behind a layer."""
    x = layer(builder, x) if builder.dice.one_in(3) else x
    some(builder, x, [scalar, norm, norm], 2, 4)


def linear_chain(builder: Builder, x: Value) -> None:
    """Add a layer, and behind it norms, numbers and parameters in any order."""
    some(builder, layer(builder, x), [scalar, channels, norm], 2, 5)


def deconvolution(builder: Builder, x: Value) -> Value:
    size, stride = builder.dice.pick(((1, 1), (2, 2), (3, 1)))
    return convolve(builder, x, "Deconvolution", (size, size), stride=(stride, stride))


def convolve(builder: Builder, x: Value, op: str, kernel: Shape, **attrs: object) -> Value:
    """Add a convolution or a deconvolution in any number of dimensions, grouped or not."""
    dice, inputs = builder.dice, x.shape[1]
    groups = dice.pick([count for count in (1, 2, inputs) if inputs % count == 0])
    each = dice.pick((1, 2, 3))
    made = groups * each
    over, under = (inputs, each) if op == "Deconvolution" else (made, inputs // groups)
    name = builder.next_name(op)
    read: list[Value | Entry] = [x, builder.weight(name, (over, under, *kernel))]
    no_bias = dice.pick((None, True, False) if op == "Deconvolution" else (True, False))
    if no_bias is False:
        read.append(builder.vector(name, "bias", (made,)))
    attrs |= {"kernel": kernel, "num_filter": made, "num_group": groups, "no_bias": no_bias}
    return builder.add_operator(op, read, None, x.loudness + 1, name=name, **attrs)


def norm_of_other_rank(builder: Builder, x: Value) -> None:
    """Add a convolution or deconvolution in one dimension or three of the same numbers, a norm."""
    dice, rest = builder.dice, math.prod(x.shape[2:])
    outer = dice.pick([(rest,), (1, rest, 1), (1, 1, rest)])
    op = "Deconvolution" if dice.one_in(4) else "Convolution"
    x = builder.add_operator("Reshape", [x], shape=(*x.shape[:2], *outer))
    kernel = tuple(dice.pick((1, 2)) if side >= 3 else 1 for side in outer)
    dilate = tuple(dice.pick((1, 2)) if size == 2 and op == "Convolution" else 1 for size in kernel)
    ones = tuple(1 for _ in outer)
    norm(builder, convolve(builder, x, op, kernel, stride=ones, dilate=dilate))


def norm_of_concat(builder: Builder, x: Value) -> None:
    """Add convolutions of one value, put together, and a norm; at times one is used elsewhere."""
    dice, parts = builder.dice, []
    for _ in range(dice.between(2, 4)):
        name, count = builder.next_name("Convolution"), dice.between(1, 3)
        weight = builder.weight(name, (count, x.shape[1], 1, 1))
        parts.append(builder.add_operator(
            "Convolution", [x, weight], loudness=x.loudness + 1, name=name, kernel=(1, 1),
            num_filter=count, no_bias=True))  # fmt: skip
    if dice.below(6):
        del builder.values[-len(parts) :]
    norm(builder, builder.add_operator("Concat", parts, num_args=len(parts), dim=1))


def norm_behind(builder: Builder, x: Value) -> None:
    reverse = len(x.shape) == 4 and builder.dice.one_in(3)
    norm(builder, (deconvolution if reverse else layer)(builder, x))


def norm_before(builder: Builder, x: Value) -> None:
    x = norm(builder, x)
    if builder.dice.one_in(4):
        fully_connected(builder, builder.add_operator("Flatten", [x]))
    else:
        layer(builder, x)


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
        count = len(builder.values)
        builder.add_operator(op, inputs, **graph.attrs(key))
        twin = builder.values[count + value.entry.output]
        if dice.below(3):
            op = dice.pick(("_maximum", "elemwise_sub"))
            builder.add_operator(op, [value, twin], loudness=2 * value.loudness)


def constants(builder: Builder, x: Value) -> None:
    """Scale or shift by what is computed from parameters, or from nothing."""
    dice, size = builder.dice, x.shape[1]
    first = len(builder.values)
    wide = builder.vector("constant", "bank", (2 * size, 3))
    if dice.one_in(2):
        value = builder.add_operator("slice_axis", [wide], axis=0, begin=0, end=size)
    else:
        builder.add_operator("SliceChannel", [wide], num_outputs=2, axis=0)
        value = builder.values[-1]
    for _ in range(dice.below(3)):
        if dice.one_in(2):
            value = scalar(builder, value)
        else:
            new = builder.add_operator(dice.pick(("_ones", "_zeros")), [], shape=value.shape)
            value = builder.add_operator("elemwise_add", [value, new])
    value = builder.add_operator(dice.pick(("sum", "mean", "max")), [value], axis=1)
    shape = tuple(size if at == 1 else 1 for at in range(len(x.shape)))
    scale = builder.add_operator("Reshape", [value], shape=shape)
    if dice.below(4):
        del builder.values[first:]
    op = dice.pick(("broadcast_add", "broadcast_mul"))
    builder.add_operator(op, [x, scale], loudness=4 * x.loudness + 8)


def states(builder: Builder, x: Value) -> None:
    """Begin a recurrence with one row."""
    dice, size = builder.dice, math.prod(x.shape[1:])
    if dice.one_in(3):
        x = builder.add_operator("Reshape", [x], shape=(-1, 1))
    x = builder.add_operator("Reshape", [x], shape=(1, size))
    op, number = dice.pick((("_zeros", None), ("_ones", None), ("_full", 0.5), ("RNN", None)))
    shape = (1, size) if op != "RNN" else (1, 1, 2)
    state = builder.add_operator(op if op != "RNN" else "_zeros", [], shape=shape, value=number)
    builder.values.pop()
    if op != "RNN":
        builder.add_operator("elemwise_add", [x, state], loudness=x.loudness + 1)
        return
    x = builder.add_operator("Reshape", [x], shape=(-1, 1, 1))
    name = builder.next_name("RNN")
    weights = builder.parameter(name, "parameters", builder.numbers.standard_normal((10,)))
    builder.add_operator("RNN", [x, weights, state], loudness=1.0, name=name, mode="rnn_tanh",
                         state_size=2, num_layers=1)  # fmt: skip


def _recipe(add: Callable[[Builder, Value], object], least: int = 1) -> Recipe:
    return Recipe(add.__name__, lambda shape: len(shape) >= least, add)


IDENTITIES, CASTS, SWAPS = _recipe(identities), _recipe(casts), _recipe(swaps)
TRANSPOSES, RESHAPES, LOSSES = _recipe(transposes), _recipe(reshapes), _recipe(losses)
SOFTMAX_OUTPUTS, SOFTMAX_ACTIVATIONS = _recipe(softmax_outputs, 2), _recipe(softmax_activations, 2)
PRELU, ACTIVATIONS, SCALED = _recipe(prelu, 2), _recipe(activations), _recipe(scaled, 2)
NORM_BEHIND, NORM_BEFORE = _recipe(norm_behind, 2), _recipe(norm_before, 2)
NORM_OF_OTHER_RANK, CHAIN = _recipe(norm_of_other_rank, 2), _recipe(norms_and_numbers, 2)
LINEAR_CHAIN = _recipe(linear_chain, 2)
NORM_OF_CONCAT = Recipe("norm_of_concat", lambda shape: len(shape) == 4, norm_of_concat)
SYNC_NORM, DUPLICATES, CONSTANTS = _recipe(sync_norm, 2), _recipe(duplicates), _recipe(constants, 2)
STATES = Recipe("states", lambda shape: len(shape) > 1 and shape[0] == 1, states)

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
