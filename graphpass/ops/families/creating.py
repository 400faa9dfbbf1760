"""Operators that make values out of attributes or shapes alone, and random ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import fixed_dtype
from graphpass.ops.shape import Shape, axis_of, given_shape, is_known, need
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, ValueSite

__all__ = ["ROWS"]


def filled(site: ShapeSite) -> Shape | None:
    """The attribute says the shape; what it leaves open comes from whoever reads the output."""
    shape = site["shape"]
    if isinstance(shape, int):
        shape = (shape,)
    wanted = None if shape is None else given_shape(shape, site.np_shape)
    return wanted if is_known(wanted) or not is_known(site.outputs[0]) else None


def filled_value(number: float) -> Callable[[ValueSite], Any]:
    return lambda site: np.full(site.shape, number, site.dtype)


def full_value(site: ValueSite) -> Any:
    number = np.float64(site["value"])
    if site.dtype.kind != "f" and not number.is_integer():
        return None
    return np.full(site.shape, number.astype(site.dtype), site.dtype)


def arange(site: ShapeSite) -> Shape | None:
    """Count the steps from start to stop, each repeated."""
    start, stop, step = site["start"], site["stop"], site["step"]
    if stop is None and site.get("infer_range"):
        return None
    need(step != 0, "a range with a step of 0 has no end")
    if stop is None:
        start, stop = 0.0, start
    count = math.ceil((stop - start) / step)
    need(count > 0, f"nothing lies between {start:g} and {stop:g} in steps of {step:g}")
    return (count * site["repeat"],)


def arange_value(site: ValueSite) -> Any:
    """Start and step are rounded to the type first; one without a stop starts at 0.

    Source: ``range_fwd`` in ``src/operator/tensor/init_op.h``. In float16 it gives zeros.
    """
    if site.dtype == np.float16 or site["infer_range"]:
        return None
    numbers = np.arange(site.shape[0]) // site["repeat"]
    start = site.dtype.type(0 if site["stop"] is None else site["start"])
    step = site.dtype.type(site["step"])
    return (start + numbers.astype(site.dtype) * step).astype(site.dtype)


def arange_like(site: ShapeSite, data: Shape) -> Shape:
    """Count as far as a value is long along an axis, or as it has elements."""
    axis = site["axis"]
    return data if axis is None else (data[axis_of(axis, len(data))],)


def arange_like_batch(site: BatchSite) -> Axes:
    """Count along an axis, whatever the numbers are: the same for all."""
    axis, along = site.of(), site["axis"]
    if along is None or site.counted(along) == axis:
        raise OperationError("it counts along the batch")
    return None


def linspace_value(site: ValueSite) -> Any:
    """Source: ``linspace_fwd`` in the same file: computed in float64."""
    if site.dtype.kind != "f":
        return None
    num, start, stop = site["num"], site["start"], site["stop"]
    steps = num - 1 if site["endpoint"] else num
    step = (stop - start) / steps if steps > 0 else 0.0
    return (start + np.arange(num) * np.float64(step)).astype(site.dtype)


# -- random ----------------------------------------------------------------------------------------


def drawn_dtype(site: DtypeSite) -> str | None:
    """The attribute's dtype; None stands for float32 unless the output is known."""
    dtype: str | None = site["dtype"]
    if dtype not in (None, "None"):
        return dtype
    return "float32" if site.outputs[0] is None else None


def sampled(site: ShapeSite) -> None:
    """A draw of the attribute's shape for each set of distribution parameters."""
    shape = site["shape"] or ()
    found = site.same(range(len(site.inputs)), [])
    if found is not None:
        site.every_output((*found, *shape) if shape or found else (1,))


def sampled_dtype(site: DtypeSite) -> str | None:
    """The attribute's dtype, or float32; the distribution's parameters are alike."""
    known = site.same(range(len(site.inputs)), [])
    return None if known is None else drawn_dtype(site)


ROWS = {
    "_zeros": Meaning(filled, fixed_dtype, value=filled_value(0)),
    "_ones": Meaning(filled, fixed_dtype, value=filled_value(1)),
    "_full": Meaning(filled, fixed_dtype, value=full_value),
    "_npi_zeros _npi_ones": Meaning(filled, fixed_dtype),
    "_arange": Meaning(arange, fixed_dtype, value=arange_value),
    "_contrib_arange_like": Meaning(arange_like, batch=arange_like_batch),
    "_linspace": Meaning(lambda site: (site["num"],), fixed_dtype, value=linspace_value),
    "_eye": Meaning(
        lambda site: (site["N"], site["M"] if site["M"] > 0 else site["N"]),
        fixed_dtype,
        value=lambda site: np.eye(site.shape[0], site.shape[1], site["k"], dtype=site.dtype),
    ),
    "shape_array": Meaning(lambda site, data: (len(data),), lambda site: "int64"),
    "size_array": Meaning(lambda site: (1,), lambda site: "int64"),
    """_random_uniform _random_normal _random_gamma _random_exponential _random_poisson
    _random_negative_binomial _random_generalized_negative_binomial
    """: Meaning(filled, drawn_dtype, random="always"),
    """_sample_uniform _sample_normal _sample_gamma _sample_exponential _sample_poisson
    _sample_negative_binomial _sample_generalized_negative_binomial
    """: Meaning(sampled, sampled_dtype, random="always"),
    """_random_exponential_like _random_gamma_like _random_generalized_negative_binomial_like
    _random_negative_binomial_like _random_normal_like _random_poisson_like _random_randint
    _random_uniform_like _sample_multinomial _sample_unique_zipfian
    _npi_bernoulli _npi_choice _npi_exponential _npi_gamma _npi_gumbel _npi_logistic
    _npi_multinomial _npi_normal _npi_normal_n _npi_pareto _npi_powerd _npi_rayleigh _npi_uniform
    _npi_uniform_n _npi_weibull
    _image_random_brightness _image_random_color_jitter _image_random_contrast
    _image_random_flip_left_right _image_random_flip_top_bottom _image_random_hue
    _image_random_lighting _image_random_saturation
    _contrib_dgl_csr_neighbor_non_uniform_sample _contrib_dgl_csr_neighbor_uniform_sample
    """: Meaning(random="always"),
}
