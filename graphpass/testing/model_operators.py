"""The operators of random models: when one fits, and how it is added so that everything fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from graphpass.testing.model_builder import LOUDEST, Builder, Shape, Value
from graphpass.testing.model_layers import (
    batch_norm,
    convolution,
    embedding,
    fully_connected,
    layer_norm,
    leaky_relu,
    pooling,
    softmax_output,
)

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to let a model grow."""

    op: str
    """The operator that it adds; of a recipe of your own, any name."""

    fits: Callable[[Shape], bool]
    """Whether a value of this shape can be the first input."""

    add: Callable[[Builder, Value], None]
    """Adds the operator to a model, reading the value."""


def _any(shape: Shape) -> bool:
    return True


def _batch(shape: Shape) -> bool:
    return len(shape) >= 2


def _matrix(shape: Shape) -> bool:
    return len(shape) == 2


def _image(shape: Shape) -> bool:
    return len(shape) == 4


def _activation(builder: Builder, x: Value) -> None:
    act_type = builder.dice.pick(("relu", "tanh", "sigmoid", "softrelu", "softsign"))
    builder.add_operator("Activation", [x], [x.shape], x.loudness, act_type=act_type)


def _unary(op: str) -> Callable[[Builder, Value], None]:
    def add(builder: Builder, x: Value) -> None:
        builder.add_operator(op, [x], [x.shape], x.loudness)

    return add


def _concat(builder: Builder, x: Value) -> None:
    dice = builder.dice
    dim = dice.pick([axis for axis in (1, 0, 2, 3) if axis < len(x.shape)])
    rest = x.shape[:dim] + x.shape[dim + 1 :]
    fits = builder.candidates(
        lambda shape: len(shape) == len(x.shape) and shape[:dim] + shape[dim + 1 :] == rest
    )
    inputs = [x, *(dice.latest(fits) for _ in range(dice.between(1, 2)))]
    length = sum(value.shape[dim] for value in inputs)
    if length > 12:
        inputs, length = [x], x.shape[dim]
    builder.add_operator(
        "Concat",
        inputs,
        [(*x.shape[:dim], length, *x.shape[dim + 1 :])],
        max(value.loudness for value in inputs),
        num_args=len(inputs),
        dim=None if dim == 1 and dice.one_in(2) else dim,
    )


def _slice_channel(builder: Builder, x: Value) -> None:
    dice = builder.dice
    length = x.shape[1]
    count = dice.pick([count for count in (length, 2, 3) if length % count == 0])
    squeeze = count == length and len(x.shape) > 2 and dice.one_in(2)
    middle = () if squeeze else (length // count,)
    builder.add_operator(
        "SliceChannel",
        [x],
        [(x.shape[0], *middle, *x.shape[2:])] * count,
        x.loudness,
        num_outputs=count,
        axis=dice.pick((None, 1)),
        squeeze_axis=True if squeeze else None,
    )
    if count > 1 and dice.one_in(2):
        parts = builder.values[-count:][:2]
        op = dice.pick(("_maximum", "elemwise_sub"))
        builder.add_operator(op, parts, [parts[0].shape], 2 * x.loudness)


def _same_shape(op: str) -> Callable[[Builder, Value], None]:
    def add(builder: Builder, x: Value) -> None:
        y = builder.dice.latest(builder.candidates(lambda shape: shape == x.shape))
        if op.endswith("mul"):
            loudness = x.loudness * y.loudness
            if loudness > LOUDEST:
                y, loudness = _ones_like(builder, x), x.loudness
        else:
            loudness = x.loudness + y.loudness
        builder.add_operator(op, [x, y], [x.shape], loudness)

    return add


def _ones_like(builder: Builder, x: Value) -> Value:
    builder.add_operator("ones_like", [x], [x.shape])
    return builder.values[-1]


def _broadcast(op: str) -> Callable[[Builder, Value], None]:
    def add(builder: Builder, x: Value) -> None:
        shape = tuple(side if axis == 1 else 1 for axis, side in enumerate(x.shape))
        name = builder.next_name(op)
        factor = builder.vector(name, "scale", shape)
        builder.add_named(name, op, [x, factor], [x.shape], 2 * x.loudness)

    return add


def _scalar(op: str) -> Callable[[Builder, Value], None]:
    def add(builder: Builder, x: Value) -> None:
        scalar = builder.dice.pick(("0.5", "-1.25", "2", "1e-1"))
        builder.add_operator(op, [x], [x.shape], x.loudness + 2, scalar=scalar)

    return add


def _reshape(builder: Builder, x: Value) -> None:
    batch, rest = x.shape[0], x.shape[1:]
    choices: list[tuple[object, Shape]] = [
        ((0, -1), (batch, math.prod(rest))),
        ((0, 1, -1), (batch, 1, math.prod(rest))),
        ((-2,), x.shape),
        ((0, 0, -1, 1), (*x.shape[:2], math.prod(x.shape[2:]), 1)),
    ]
    shape, outer = builder.dice.pick(choices[: 3 if len(x.shape) < 3 else 4])
    builder.add_operator("Reshape", [x], [outer], x.loudness, shape=shape)


def _transpose(builder: Builder, x: Value) -> None:
    last = len(x.shape) - 1
    axes = builder.dice.pick(([0, *range(last, 0, -1)], [*range(last, -1, -1)]))
    shape = tuple(x.shape[axis] for axis in axes)
    builder.add_operator("transpose", [x], [shape], x.loudness, axes=tuple(axes))


def _flatten(builder: Builder, x: Value) -> None:
    shape = (x.shape[0], math.prod(x.shape[1:]))
    builder.add_operator("Flatten", [x], [shape], x.loudness)


def _dropout(builder: Builder, x: Value) -> None:
    builder.add_operator("Dropout", [x], [x.shape], x.loudness, p=builder.dice.pick((None, 0.3)))


def _softmax(builder: Builder, x: Value) -> None:
    builder.add_operator("softmax", [x], [x.shape], axis=builder.dice.pick((None, 1)))


def _clip(builder: Builder, x: Value) -> None:
    builder.add_operator("clip", [x], [x.shape], 2.0, a_min="-2", a_max="1.5")


RECIPES: tuple[Recipe, ...] = (
    Recipe("relu", _any, _unary("relu")),
    Recipe("Convolution", _image, convolution),
    Recipe("FullyConnected", _batch, fully_connected),
    Recipe("BatchNorm", _batch, batch_norm),
    Recipe("Activation", _any, _activation),
    Recipe("Pooling", _image, pooling),
    Recipe("elemwise_add", _any, _same_shape("elemwise_add")),
    Recipe("Concat", _batch, _concat),
    Recipe("SliceChannel", _batch, _slice_channel),
    Recipe("Dropout", _any, _dropout),
    Recipe("LeakyReLU", _batch, leaky_relu),
    Recipe("elemwise_mul", _any, _same_shape("elemwise_mul")),
    Recipe("elemwise_sub", _any, _same_shape("elemwise_sub")),
    Recipe("broadcast_add", _batch, _broadcast("broadcast_add")),
    Recipe("broadcast_mul", _batch, _broadcast("broadcast_mul")),
    Recipe("_plus_scalar", _any, _scalar("_plus_scalar")),
    Recipe("_mul_scalar", _any, _scalar("_mul_scalar")),
    Recipe("_rminus_scalar", _any, _scalar("_rminus_scalar")),
    Recipe("Reshape", _batch, _reshape),
    Recipe("transpose", _batch, _transpose),
    Recipe("Flatten", _batch, _flatten),
    Recipe("_copy", _any, _unary("_copy")),
    Recipe("sigmoid", _any, _unary("sigmoid")),
    Recipe("tanh", _any, _unary("tanh")),
    Recipe("BlockGrad", _any, _unary("BlockGrad")),
    Recipe("clip", _any, _clip),
    Recipe("softmax", _batch, _softmax),
    Recipe("LayerNorm", _batch, layer_norm),
    Recipe("Embedding", _batch, embedding),
    Recipe("SoftmaxOutput", _matrix, softmax_output),
    Recipe("MakeLoss", _any, _unary("MakeLoss")),
)
"""Every operator that random models hold, the plainest first."""
