"""Operators that draw random numbers, and the densities that they are drawn from."""

from __future__ import annotations

from dataclasses import replace

from graphpass.ops.families.common import broadcast, broadcast_shapes, constant_dtype, same_shape
from graphpass.ops.families.creating import filled
from graphpass.ops.shape import Shape, merge_shapes, need, printed
from graphpass.ops.sites import DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]

# -- legacy ----------------------------------------------------------------------------------------


def drawn_dtype(site: DtypeSite) -> str | None:
    """The attribute's dtype; None stands for float32 unless the output is known."""
    dtype: str | None = site["dtype"]
    if dtype not in (None, "None"):
        return dtype
    default = "int32" if site.op == "_random_randint" else "float32"
    return default if site.outputs[0] is None else None


def sampled(site: ShapeSite) -> None:
    """A draw of the attribute's shape for each set of distribution parameters."""
    shape = site["shape"] or ()
    need(0 not in shape, f"shape={shape} has an extent of 0")
    found = site.same(range(len(site.inputs)), [])
    if found is not None:
        site.every_output((*found, *shape) if shape or found else (1,))


def sampled_dtype(site: DtypeSite) -> str | None:
    """The attribute's dtype, or float32; the distribution's parameters are alike."""
    known = site.same(range(len(site.inputs)), [])
    return None if known is None else drawn_dtype(site)


def sample_multinomial(site: ShapeSite, data: Shape) -> None:
    """Draws of the attribute's shape for each row of probabilities."""
    need(bool(data), "a value without axes holds no probabilities")
    site.every_output((*data[:-1], *(site["shape"] or ())) or (1,))


def sample_multinomial_dtype(site: DtypeSite, data: str) -> str:
    """Draws are of the attribute's dtype, their log-probabilities of the data's."""
    site.every_output(data, 1)
    dtype: str = site["dtype"]
    return dtype


def zipfian(site: ShapeSite) -> Shape:
    """Rows of distinct numbers, and for each row how many draws that took."""
    shape = tuple(site["shape"] or ())
    need(len(shape) == 2, f"shape={shape} must have two axes")
    site.output(1, shape[:1])
    return shape


def density(site: ShapeSite, sample: Shape, parameters: Shape) -> Shape:
    """Samples have the axes of the distribution's parameters first; of a vector the last axis goes.

    Source: ``PdfOpShape`` in ``src/operator/random/pdf_op.h``.
    """
    vector = site.op == "_random_pdf_dirichlet"
    for slot in range(2, len(site.inputs)):
        parameters = site.input(slot, parameters) or parameters
    cut, stack = (sample[:-1], parameters[:-1]) if vector else (sample, parameters)
    need(len(cut) >= len(stack), f"{printed(sample)} has fewer axes than {printed(parameters)}")
    merge_shapes(cut[: len(stack)], stack)
    if vector:
        merge_shapes(sample[-1:], parameters[-1:])
    return cut or (1,)


# -- NumPy-style -----------------------------------------------------------------------------------


def distributed(site: ShapeSite) -> Shape | None:
    """The size that is asked for, or that of the parameters, which are broadcast to it."""
    size = site["size"]
    wanted: Shape | None = None if size is None else tuple(size)
    if wanted is None and not site.inputs:
        wanted = ()
    if wanted is None:
        wanted = broadcast(site)
    else:
        for shape in site.inputs:
            if shape is not None:
                broadcast_shapes(shape, wanted)
    site.every_output(wanted)
    return wanted


def distributed_each(site: ShapeSite) -> Shape | None:
    """The size that is asked for, for each set of parameters."""
    found = broadcast(site)
    if found is not None:
        found = (*(site["size"] or ()), *found)
    site.every_output(found)
    return found


def draws_dtype(site: DtypeSite) -> str:
    """Draws are of the attribute's dtype, what they were made of is float32."""
    site.every_output("float32", 1)
    dtype: str = site["dtype"]
    return dtype


def choice(site: ShapeSite) -> Shape:
    size = site["size"]
    return () if size is None else tuple(size)


def multinomial(site: ShapeSite) -> Shape | None:
    """How often each of the outcomes came, for each of the trials."""
    given = site["pvals"]
    outcomes: Shape | None = (len(given),) if given is not None else site.inputs[0]
    if outcomes is None:
        return None
    need(len(outcomes) == 1, f"probabilities {printed(outcomes)} must have one axis")
    return (*(site["size"] or ()), *outcomes)


_RANDOM = Meaning(same_shape, random="always")
_SPREAD = replace(_RANDOM, shape=distributed, dtype=constant_dtype("float32"))
_DENSITY = Meaning(density)

ROWS = {
    """_random_uniform _random_normal _random_gamma _random_exponential _random_poisson
    _random_negative_binomial _random_generalized_negative_binomial _random_randint
    """: replace(_RANDOM, shape=filled, dtype=drawn_dtype),
    """_random_exponential_like _random_gamma_like _random_generalized_negative_binomial_like
    _random_negative_binomial_like _random_normal_like _random_poisson_like _random_uniform_like
    """: _RANDOM,
    """_sample_uniform _sample_normal _sample_gamma _sample_exponential _sample_poisson
    _sample_negative_binomial _sample_generalized_negative_binomial
    """: replace(_RANDOM, shape=sampled, dtype=sampled_dtype),
    "_sample_multinomial": replace(
        _RANDOM, shape=sample_multinomial, dtype=sample_multinomial_dtype
    ),
    "_sample_unique_zipfian": replace(_RANDOM, shape=zipfian, dtype=constant_dtype("int64")),
    """_random_pdf_exponential _random_pdf_gamma _random_pdf_generalized_negative_binomial
    _random_pdf_negative_binomial _random_pdf_normal _random_pdf_poisson _random_pdf_uniform
    _random_pdf_dirichlet""": _DENSITY,
    """_npi_exponential _npi_gumbel _npi_logistic _npi_pareto _npi_powerd _npi_rayleigh _npi_weibull
    """: _SPREAD,
    "_npi_bernoulli _npi_gamma _npi_normal _npi_uniform": replace(_SPREAD, dtype=draws_dtype),
    "_npi_normal_n _npi_uniform_n": replace(_SPREAD, shape=distributed_each, dtype=draws_dtype),
    "_npi_choice": replace(_RANDOM, shape=choice, dtype=lambda site: "int64"),
    "_npi_multinomial": replace(_RANDOM, shape=multinomial, dtype=lambda site: "int64"),
}
