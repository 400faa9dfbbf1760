"""Quantized operators: 8-bit values with the ranges that they stand for."""

from __future__ import annotations

from graphpass.shapes.families.convolution import convolution, pooling
from graphpass.shapes.families.dense import fully_connected
from graphpass.shapes.families.elementwise import broadcast
from graphpass.shapes.families.normalization import batch_norm
from graphpass.shapes.families.reshaping import flatten
from graphpass.shapes.shape import Shape
from graphpass.shapes.site import DtypeSite, ShapeRule, ShapeSite

__all__ = [
    "dequantize",
    "dequantize_dtype",
    "quantize",
    "quantize_dtype",
    "quantized",
    "quantized_accumulator_dtype",
    "quantized_batch_norm",
    "quantized_dtype",
    "quantized_flatten",
    "quantized_layer",
    "quantized_sum",
    "quantized_sum_dtype",
    "requantize_dtype",
]

_RANGE: Shape = (1,)


def _ranges(site: ShapeSite, first_input: int) -> None:
    for slot in range(first_input, len(site.inputs)):
        site.input(slot, _RANGE)
    for slot in range(1, len(site.outputs)):
        site.output(slot, _RANGE)


def quantize(site: ShapeSite) -> None:
    """The values keep their shape; ranges are one number."""
    data = site.inputs[0]
    if data is not None:
        _ranges(site, 1)
        site.output(0, data)


def dequantize(site: ShapeSite) -> None:
    """The values keep their shape; ranges are one number."""
    quantize(site)


def _within(site: ShapeSite, rule: ShapeRule, inputs: int) -> None:
    """Apply the rule of the operator that is quantized to its own inputs and output."""
    inner = ShapeSite(
        site.op, site.attributes, site.inputs[:inputs], site.outputs[:1], (), site.np_shape
    )
    rule(inner)
    for slot, shape in enumerate(inner.inputs):
        site.input(slot, shape)
    site.output(0, inner.outputs[0])


def quantized_layer(site: ShapeSite) -> None:
    """A quantized Convolution or FullyConnected: the ranges follow the values."""
    if site.inputs[0] is None:
        return
    inputs = 2 if site["no_bias"] else 3
    _within(site, fully_connected if "fully" in site.op else convolution, inputs)
    _ranges(site, inputs)


def quantized(site: ShapeSite) -> None:
    """A quantized Pooling or activation."""
    if site.inputs[0] is None:
        return
    if site.op == "_contrib_quantized_pooling":
        _within(site, pooling, 1)
        _ranges(site, 1)
    else:
        quantize(site)


def quantized_flatten(site: ShapeSite) -> None:
    """A quantized Flatten."""
    _within(site, flatten, 1)
    _ranges(site, 1)


def quantized_batch_norm(site: ShapeSite) -> None:
    """A quantized BatchNorm: the ranges follow its statistics."""
    if site.inputs[0] is None:
        return
    _within(site, batch_norm, 5)
    _ranges(site, 5)


def quantized_sum(site: ShapeSite) -> None:
    """Two quantized values, added, with two ranges."""
    _within(site, broadcast, 2)
    _ranges(site, 2)


def quantize_dtype(site: DtypeSite) -> None:
    """8-bit values from floating-point ones; `auto` is unsigned if the range has no negative."""
    kind = site["out_type"]
    if kind == "auto":
        low, high = site["min_calib_range"], site["max_calib_range"]
        kind = "uint8" if low is not None and high is not None and low >= 0 else "int8"
    if site.op == "_contrib_quantize":
        for slot in range(3):
            site.input(slot, "float32")
    site.output(0, kind)
    for slot in (1, 2):
        site.output(slot, "float32")


def dequantize_dtype(site: DtypeSite) -> None:
    """Floating-point values from 8-bit or 32-bit ones."""
    for slot in (1, 2):
        site.input(slot, "float32")
    site.output(0, site["out_type"])


def requantize_dtype(site: DtypeSite) -> None:
    """8-bit values from 32-bit ones."""
    site.input(0, "int32")
    for slot in (1, 2):
        site.input(slot, "float32")
    kind = site["out_type"]
    if kind == "auto":
        low, high = site["min_calib_range"], site["max_calib_range"]
        kind = "uint8" if low is not None and high is not None and low >= 0 else "int8"
    site.output(0, kind)
    for slot in (1, 2):
        site.output(slot, "float32")


def quantized_accumulator_dtype(site: DtypeSite) -> None:
    """8-bit values and weights are accumulated as int32."""
    values = 2 if site["no_bias"] else 3
    for slot in range(1, values):
        site.input(slot, "int8")
    for slot in range(values, len(site.inputs)):
        site.input(slot, "float32")
    site.output(0, "int32")
    for slot in (1, 2):
        site.output(slot, "float32")


def quantized_sum_dtype(site: DtypeSite) -> None:
    """8-bit values are added up as int32."""
    site.output(0, "int32")
    for slot in (1, 2):
        site.output(slot, "float32")


def quantized_dtype(site: DtypeSite) -> None:
    """The values keep their type, unless they are normalized or activated: int8 then."""
    for slot in range(1, len(site.inputs)):
        site.input(slot, "float32")
    if site.op in ("_contrib_quantized_batch_norm", "_contrib_quantized_act"):
        site.output(0, "int8")
    else:
        site.same([0], [0])
    for slot in (1, 2):
        site.output(slot, "float32")
