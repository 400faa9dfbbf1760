"""Layers of random models: operators that read parameters, labels or windows."""

from __future__ import annotations

import math

from graphpass.graph import Entry
from graphpass.testing.model_builder import Builder, Value

__all__ = [
    "batch_norm",
    "convolution",
    "embedding",
    "fully_connected",
    "layer_norm",
    "leaky_relu",
    "pooling",
    "softmax_output",
]


def convolution(builder: Builder, x: Value) -> None:
    """Add a convolution: 1x1 or 3x3, padded, strided, grouped, with a bias or not."""
    dice = builder.dice
    batch, channels, height, width = x.shape
    size = dice.pick((1, 3)) if min(height, width) >= 3 else 1
    pad = dice.pick((0, 1)) if size == 3 else 0
    stride = dice.pick((1, 1, 2))
    groups = dice.pick([count for count in (1, channels, 2) if channels % count == 0])
    filters = groups * dice.pick((1, 3, 2)) if groups > 1 else dice.pick((3, 4, 2, 3))
    no_bias = dice.pick((None, True, False, "true"))
    name = builder.next_name("Convolution")
    inputs: list[Value | Entry] = [
        x,
        builder.weight(name, (filters, channels // groups, size, size)),
    ]
    if no_bias not in (True, "true"):
        inputs.append(builder.vector(name, "bias", (filters,)))
    outer = [(side + 2 * pad - size) // stride + 1 for side in (height, width)]
    builder.add_named(
        name,
        "Convolution",
        inputs,
        [(batch, filters, *outer)],
        x.loudness + 1,
        kernel=(size, size),
        num_filter=filters,
        stride=None if stride == 1 and dice.one_in(2) else (stride, stride),
        pad=None if pad == 0 and dice.one_in(2) else (pad, pad),
        num_group=None if groups == 1 else groups,
        no_bias=no_bias,
    )


def fully_connected(builder: Builder, x: Value) -> None:
    """Add a fully connected layer over all axes but the first, or over the last."""
    dice = builder.dice
    flatten = dice.pick((None, True, False))
    hidden = dice.pick((3, 4, 3, 2, 1))
    fan_in = x.shape[-1] if flatten is False else math.prod(x.shape[1:])
    lead = x.shape[:-1] if flatten is False else x.shape[:1]
    no_bias = dice.pick((None, True, False))
    name = builder.next_name("FullyConnected")
    inputs: list[Value | Entry] = [x, builder.weight(name, (hidden, fan_in))]
    if no_bias is not True:
        inputs.append(builder.vector(name, "bias", (hidden,)))
    builder.add_named(
        name,
        "FullyConnected",
        inputs,
        [(*lead, hidden)],
        x.loudness + 1,
        num_hidden=hidden,
        flatten=flatten,
        no_bias=no_bias,
    )


def batch_norm(builder: Builder, x: Value) -> None:
    """Add a batch normalisation with every spelling of what MXNet takes as its default."""
    dice = builder.dice
    fix_gamma = dice.pick((None, True, False, False))
    eps = dice.pick((None, 1e-3, "2e-05"))
    # In float64 MXNet refuses to compute the statistics alone.
    all_outputs = True if builder.dtype == "float32" and dice.one_in(8) else None
    shape = (x.shape[1],)
    name = builder.next_name("BatchNorm")
    inputs: list[Value | Entry] = [
        x,
        builder.gamma(name, shape, private=fix_gamma is not False),
        builder.vector(name, "beta", shape),
        *builder.statistics(name, shape),
    ]
    builder.add_named(
        name,
        "BatchNorm",
        inputs,
        [x.shape, shape, shape] if all_outputs else [x.shape],
        4 * x.loudness + 1,
        fix_gamma=fix_gamma,
        eps=eps,
        momentum=dice.pick((None, 0.9)),
        use_global_stats=dice.pick((None, True, False)),
        output_mean_var=all_outputs,
    )


def layer_norm(builder: Builder, x: Value) -> None:
    """Add a layer normalisation over the last axis."""
    name = builder.next_name("LayerNorm")
    shape = x.shape[-1:]
    gamma = builder.gamma(name, shape, private=False)
    inputs: list[Value | Entry] = [x, gamma, builder.vector(name, "beta", shape)]
    builder.add_named(name, "LayerNorm", inputs, [x.shape], 4.0, eps=1e-3)


def leaky_relu(builder: Builder, x: Value) -> None:
    """Add a leaky relu; a prelu reads its slopes."""
    act_type = builder.dice.pick((None, "leaky", "prelu", "elu"))
    if act_type != "prelu":
        slope = builder.dice.pick((None, 0.1))
        builder.add_operator(
            "LeakyReLU", [x], [x.shape], x.loudness, act_type=act_type, slope=slope
        )
        return
    name = builder.next_name("LeakyReLU")
    slopes = builder.vector(name, "gamma", (x.shape[1],))
    builder.add_named(name, "LeakyReLU", [x, slopes], [x.shape], 2 * x.loudness, act_type="prelu")


def pooling(builder: Builder, x: Value) -> None:
    """Add a pooling, global or over windows of which none lies outside."""
    dice = builder.dice
    pool_type = dice.pick((None, "max", "avg"))
    if dice.one_in(3):
        shape = (*x.shape[:2], 1, 1)
        kernel = dice.pick((None, (1, 1)))
        builder.add_operator(
            "Pooling",
            [x],
            [shape],
            x.loudness,
            global_pool=True,
            pool_type=pool_type,
            kernel=kernel,
        )
        return
    size = dice.pick([side for side in (2, 3, 1) if side <= min(x.shape[2:])])
    stride = dice.between(1, size)
    full = dice.one_in(3)
    pad = 0 if full or size == 1 else dice.pick((0, 1))
    steps = [(side + 2 * pad - size) / stride for side in x.shape[2:]]
    outer = [(math.ceil(step) if full else math.floor(step)) + 1 for step in steps]
    builder.add_operator(
        "Pooling",
        [x],
        [(*x.shape[:2], *outer)],
        x.loudness,
        kernel=(size, size),
        stride=(stride, stride),
        pad=None if pad == 0 else (pad, pad),
        pool_type=pool_type,
        pooling_convention="full" if full else dice.pick((None, "valid")),
        count_include_pad=dice.pick((None, False)) if pool_type == "avg" else None,
    )


def embedding(builder: Builder, x: Value) -> None:
    """Add an embedding, and the input that holds its indices."""
    batch, words, width = x.shape[0], builder.dice.between(3, 5), builder.dice.between(1, 3)
    indices = builder.add_input("words", (batch, 2), bound=words)
    name = builder.next_name("Embedding")
    weight = builder.vector(name, "weight", (words, width), 1.0)
    builder.add_named(
        name,
        "Embedding",
        [indices, weight],
        [(batch, 2, width)],
        input_dim=words,
        output_dim=width,
        dtype=None if builder.dtype == "float32" else builder.dtype,
    )


def softmax_output(builder: Builder, x: Value) -> None:
    """Add a softmax with a loss, and the input that holds its labels."""
    name = builder.next_name("SoftmaxOutput")
    label = builder.add_input(f"{name}_label", x.shape[:1], bound=x.shape[1])
    builder.add_named(name, "SoftmaxOutput", [x, label], [x.shape])
