"""Layers: what they take for the batch, and what they compute over."""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.rules.batching.site import Axes, Site

__all__ = [
    "batch_norm",
    "by_sample",
    "crop",
    "embedding",
    "fully_connected",
    "layer_norm",
    "loss",
    "of_one_sample",
    "pairs_by_sample",
    "resize",
    "up_sampling",
    "with_offset",
]


def by_sample(site: Site) -> Axes:
    """One input along whose axis 0 are the samples; the others are weights."""
    return site.first()


def pairs_by_sample(site: Site) -> Axes:
    """Two inputs along whose axes 0 are the samples."""
    return site.first((0, 1))


def with_offset(site: Site) -> Axes:
    """Deformable layers: what moves the kernel belongs to the sample, the weight does not."""
    return site.first((0, 1, 2) if "Modulated" in site.op else (0, 1))


def of_one_sample(site: Site) -> Axes:
    """Depend on all axes but the batch's, and on no number: the same for all."""
    site.first()
    return None


def fully_connected(site: Site) -> Axes:
    """All axes but the first are one if it flattens; else only the last one counts."""
    if site.attributes["flatten"]:
        return site.first()
    axis = site.of()
    if axis == site.rank() - 1:
        raise OperationError("it computes over the last axis, which is the batch")
    return axis


def batch_norm(site: Site) -> Axes:
    """In training the statistics are those of the whole batch."""
    if site.training and site.attributes["use_global_stats"] is not True:
        raise OperationError("in training it takes mean and variance over all samples of the batch")
    axis = site.of()
    channels = site.attributes.get("axis", 1)
    if site.counted(channels) == axis:
        raise OperationError(f"its channels are along axis {axis}, and so is the batch")
    return axis, None, None


def layer_norm(site: Site) -> Axes:
    """Mean and variance are taken over one axis; as outputs they keep the others."""
    axis = site.of()
    over = site.counted(site.attributes["axis"])
    if over == axis:
        raise OperationError("it takes mean and variance over the batch")
    return axis


def embedding(site: Site) -> Axes:
    """Look up the vector of each index, which is a new last axis."""
    return site.of()


def up_sampling(site: Site) -> Axes:
    """By nearest neighbours it takes several inputs, else one and a weight."""
    if site.attributes["sample_type"] == "nearest":
        return site.first(range(len(site.axes)))
    return site.first()


def crop(site: Site) -> Axes:
    """Of a second input only the height and width count."""
    return site.first((0,), (1,))


def resize(site: Site) -> Axes:
    """Of a second input only the shape counts."""
    return site.first((0,), (1,))


def loss(site: Site) -> Axes:
    """Return the prediction; the gradient may be divided by the size of the batch."""
    if site.training and site.attributes.get("normalization", "null") != "null":
        raise OperationError("in training it divides the gradient by the size of the batch")
    return site.first(range(len(site.axes)))
