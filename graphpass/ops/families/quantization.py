"""Quantized operators: 8-bit values with the ranges that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphpass.errors import OperationError
from graphpass.ops.families.common import output_size, same_shape
from graphpass.ops.families.convolution import convolution, convolution_cost, pooling
from graphpass.ops.families.moving import concat
from graphpass.ops.families.normalization import batch_norm
from graphpass.ops.families.products import embedding, fully_connected, fully_connected_cost
from graphpass.ops.families.recurrent import rnn, rnn_cost
from graphpass.ops.families.reshaping import flatten
from graphpass.ops.shape import Shape, need
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]

_RANGE: Shape = (1,)


def _ranges(site: ShapeSite, first_input: int) -> None:
    for slot in range(first_input, len(site.inputs)):
        site.input(slot, _RANGE)
    site.every_output(_RANGE, 1)


def quantize(site: ShapeSite) -> Shape | None:
    """The values keep their shape; ranges are one number."""
    _ranges(site, 1)
    return site.same([0], [0])


def _as(rule: Callable[..., Shape | None], inputs: int) -> Callable[[ShapeSite, Shape], None]:
    """Return the rule of an operator that is quantized, for its own inputs and output.

    The ranges follow them; `inputs` counts what is read before, the bias of a layer too.
    """

    def shape(site: ShapeSite, data: Shape) -> None:
        count = inputs - bool(site.get("no_bias"))
        inner = ShapeSite(
            site.op, site.attributes, site.inputs[:count], site.outputs[:1], (), site.np_shape
        )
        made = rule(inner, *inner.inputs[: rule.__code__.co_argcount - 1])
        for slot, fact in enumerate(inner.inputs):
            site.input(slot, fact)
        site.output(0, inner.outputs[0])
        site.output(0, made)
        _ranges(site, count)

    return shape


def quantized_concat(site: ShapeSite) -> None:
    """The values are joined; the ranges of each follow them."""
    count = site["num_args"]
    inner = ShapeSite(site.op, site.attributes, site.inputs[:count], site.outputs[:1])
    concat(inner)
    for slot, fact in enumerate(inner.inputs):
        site.input(slot, fact)
    site.output(0, inner.outputs[0])
    _ranges(site, count)


def quantized_rnn(site: ShapeSite, data: Shape) -> None:
    """As the layer; scale and shift of the data are one number each."""
    inner = ShapeSite(site.op, site.attributes, site.inputs[:-2], site.outputs)
    rnn(inner)
    for slot, fact in enumerate(inner.inputs):
        site.input(slot, fact)
    for slot, fact in enumerate(inner.outputs):
        site.output(slot, fact)
    for slot in (-2, -1):
        site.input(len(site.inputs) + slot, _RANGE)


# -- dtypes ----------------------------------------------------------------------------------------


def _made(site: DtypeSite, dtype: str) -> None:
    """The first output has a dtype; the ranges are float32."""
    site.output(0, dtype)
    site.every_output("float32", 1)


def _eight_bits(site: DtypeSite) -> str:
    """8-bit values; `auto` is unsigned if the range has no negative."""
    kind: str = site["out_type"]
    if kind == "auto":
        low, high = site["min_calib_range"], site["max_calib_range"]
        return "uint8" if low is not None and high is not None and low >= 0 else "int8"
    return kind


def quantize_dtype(site: DtypeSite) -> None:
    if site.op == "_contrib_quantize":
        for slot in range(3):
            site.input(slot, "float32")
    need(site.inputs[0] in (None, "float32", "int8", "uint8"), f"it takes no {site.inputs[0]}")
    _made(site, _eight_bits(site))


def dequantize_dtype(site: DtypeSite) -> None:
    """Floating-point values from 8-bit ones."""
    need(site.inputs[0] in (None, "int8", "uint8"), f"it takes no {site.inputs[0]}")
    for slot in (1, 2):
        site.input(slot, "float32")
    site.output(0, site["out_type"])


def requantize_dtype(site: DtypeSite) -> None:
    """8-bit values from 32-bit ones."""
    site.input(0, "int32")
    for slot in (1, 2):
        site.input(slot, "float32")
    _made(site, _eight_bits(site))


def accumulator_dtype(site: DtypeSite) -> None:
    """8-bit values and weights are accumulated as int32."""
    values = 2 if site["no_bias"] else 3
    for slot in range(1, len(site.inputs)):
        site.input(slot, "int8" if slot < values else "float32")
    _made(site, "int32")


def quantized_dtype(site: DtypeSite) -> None:
    """The values keep their type, unless they are normalized or activated: int8 then."""
    for slot in range(1, len(site.inputs)):
        site.input(slot, "float32")
    need(
        site.op != "_contrib_quantized_act" or site["act_type"] == "relu",
        "it knows act_type='relu' alone",
    )
    if site.op == "_contrib_quantized_batch_norm":
        need(site.inputs[0] in (None, "int8", "uint8"), f"it takes no {site.inputs[0]}")
    if site.op in ("_contrib_quantized_batch_norm", "_contrib_quantized_act"):
        site.output(0, "int8")
    else:
        site.same([0], [0])
    site.every_output("float32", 1)


def quantized_rnn_dtype(site: DtypeSite) -> None:
    """Unsigned data; all else is float32."""
    site.input(0, "uint8")
    for slot in range(1, len(site.inputs)):
        site.input(slot, "float32")
    site.every_output("float32")


def product_dtype(site: DtypeSite) -> None:
    """8-bit values make 8-bit ones if the range is known, else int32, or float32 if asked."""
    for slot in range(2, 6):
        site.input(slot, "float32")
    calibrated = site["max_calib_range"] is not None and site["min_calib_range"] is not None
    if site["enable_float_output"]:
        _made(site, "float32")
    else:
        _made(site, "int8" if calibrated else "int32")


def concat_dtype(site: DtypeSite) -> None:
    """Values of one dtype stay what they are; of both signs they become int8."""
    _made(site, _signed(site, site["num_args"]))


def _signed(site: DtypeSite, count: int) -> str:
    """Return int8 if one of the first inputs is; all else is unsigned, also what nothing tells."""
    for slot in range(count):
        site.input(slot, "int8" if site.inputs[slot] == "int8" else "uint8")
    return "int8" if "int8" in site.inputs[:count] else "uint8"


def quantized_embedding_dtype(site: DtypeSite) -> None:
    site.input(1, "int8")
    for slot in (2, 3):
        site.input(slot, "float32")
    _made(site, "int8")


def asymmetric_dtype(site: DtypeSite) -> None:
    need(site.inputs[0] in (None, "float32"), f"it takes no {site.inputs[0]}")
    _made(site, "uint8")


def sum_dtype(site: DtypeSite) -> None:
    """Values of 8 bits make 32 bits, or 8 where the range of the sum is known."""
    kind = _signed(site, 2)
    calibrated = site["max_calib_range"] is not None and site["min_calib_range"] is not None
    _made(site, kind if calibrated else "int32")


# -- how a batch goes through ----------------------------------------------------------------------


def calibrated_batch(site: BatchSite) -> Axes:
    """With ranges that are given, each number is quantized by itself; else all samples have one."""
    if None in (site.get("min_calib_range", 0), site.get("max_calib_range", 0)):
        raise OperationError("it is not calibrated, so its range is that of all samples")
    return (site.of(),)


def quantized_batch(site: BatchSite) -> Axes:
    """Samples along axis 0; the ranges follow from those of the inputs."""
    return (site.first(),)


_QUANTIZED = Meaning(quantize, batch=calibrated_batch)
_LAYER = Meaning(dtype=accumulator_dtype, batch=quantized_batch)
_KEPT = Meaning(dtype=quantized_dtype, batch=quantized_batch)

ROWS = {
    "_contrib_quantize _contrib_quantize_v2": replace(_QUANTIZED, dtype=quantize_dtype),
    "_contrib_dequantize": replace(_QUANTIZED, dtype=dequantize_dtype),
    "_contrib_requantize": replace(_QUANTIZED, dtype=requantize_dtype),
    "_contrib_quantized_conv": replace(_LAYER, shape=_as(convolution, 3), cost=convolution_cost),
    "_contrib_quantized_fully_connected": replace(
        _LAYER, shape=_as(fully_connected, 3), cost=fully_connected_cost
    ),
    "_contrib_quantized_pooling": replace(_KEPT, shape=_as(pooling, 1)),
    "_contrib_quantized_act": replace(_KEPT, shape=quantize),
    "_contrib_quantized_flatten": replace(_KEPT, shape=_as(flatten, 1)),
    "_contrib_quantized_rnn": Meaning(quantized_rnn, quantized_rnn_dtype, rnn_cost),
    "_contrib_quantized_batch_norm": Meaning(_as(batch_norm, 5), quantized_dtype, output_size),
    "_contrib_quantized_elemwise_mul": Meaning(_as(same_shape, 2), product_dtype, output_size),
    "_contrib_quantized_concat": Meaning(quantized_concat, concat_dtype),
    "_contrib_quantized_embedding": Meaning(_as(embedding, 2), quantized_embedding_dtype),
    "_contrib_quantize_asym": Meaning(quantize, asymmetric_dtype),
    "_contrib_quantized_elemwise_add": Meaning(_as(same_shape, 2), sum_dtype, output_size),
}
