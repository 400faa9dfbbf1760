"""Random cases of layers, recurrent layers and attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from batching_draws import Case, Draw, Input, Shape, any_axis, axis_of, data, pick, shape_of

__all__ = [
    "attention",
    "batch_norm",
    "boxes",
    "channel_norm",
    "convolution",
    "correlation",
    "crop",
    "deformable",
    "dense",
    "detection",
    "embedding",
    "grid",
    "image",
    "layer_norm",
    "loss",
    "of_image",
    "pooling",
    "recurrent",
    "resize",
    "sampler",
    "sequence",
    "up_sampling",
]


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
