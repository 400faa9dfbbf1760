"""Stored parameters against the variables that they are for, and numbers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphpass.checks.leftovers import label_inputs
from graphpass.checks.operators import wants_one_shape
from graphpass.checks.subject import CheckedModel, FoundNode, Hit, finds
from graphpass.formats.sparse import SparseArray
from graphpass.graph import Entry
from graphpass.ops.families.elementwise import slope_shape
from graphpass.shapes import Shape, printed
from graphpass.verify.parameter_fit import Misfit, fits

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array


def _of_kind(subject: CheckedModel, kind: str) -> Iterator[Misfit]:
    return (misfit for misfit in subject.misfits if misfit.kind == kind)


def _found(subject: CheckedModel, misfit: Misfit) -> Hit:
    if misfit.key is None:
        return Hit((), str(misfit))
    node = subject.found(misfit.key)
    return Hit((node,), str(misfit).replace(str(node), "it", 1))


@finds("unfinished-save", "warning", "a save that was interrupted; what it left has been removed")
def unfinished(subject: CheckedModel) -> Iterator[Hit]:
    for told in subject.model.files.mended:
        yield Hit((), told)


@finds("missing-parameter", "error", "a weight or auxiliary state without a value")
def missing(subject: CheckedModel) -> Iterator[Hit]:
    for misfit in _of_kind(subject, "missing"):
        yield _found(subject, misfit)


@finds("extra-parameter", "error", "a value for a variable that there is not", "apply prune")
def extra(subject: CheckedModel) -> Iterator[Hit]:
    """Yield values of no variable. If all are, they are of another model."""
    found = list(_of_kind(subject, "extra"))
    remedy = "" if len(found) == len(subject.model.parameters) else None
    for misfit in found:
        yield Hit((), misfit.fault, remedy=remedy)


@finds("parameter-shape", "error", "a value of another shape than its readers need")
def shapes(subject: CheckedModel) -> Iterator[Hit]:
    """Yield misfits, which know one reader alone, with all that is known, and what else misfits."""
    graph, parameters = subject.graph, subject.model.parameters
    told = set()
    for misfit in _of_kind(subject, "shape"):
        assert misfit.key is not None
        told.add(misfit.key)
        wanted = _fitting(subject, misfit.key) if "?" in misfit.fault else None
        if wanted is None or None in wanted:
            yield _found(subject, misfit)
        else:
            told_so = _misshapen(parameters.shapes[misfit.name], wanted)
            yield Hit((subject.found(misfit.key),), f"{told_so}; {misfit.remedy}")
    keys = graph.variable_keys()
    for key in (*keys.arguments, *keys.auxiliary_states):
        name = graph.name(key)
        if name not in parameters or key in told:
            continue
        wanted = subject.from_inputs.shape(Entry(key))
        if wanted is None or fits(parameters[name].shape, wanted):
            continue
        if not _are_slopes(subject, key, parameters[name].shape):
            yield Hit((subject.found(key),), _misshapen(parameters[name].shape, wanted))


def _are_slopes(subject: CheckedModel, key: int, stored: tuple[int, ...]) -> bool:
    """Return whether all that reads a parameter is PReLU, and broadcasts it to its data."""
    graph = subject.graph
    for node, slot in graph.uses(key):
        data = subject.from_inputs.shape(graph.inputs(node)[0])
        is_slope = slot == 1 and graph.op(node) == "LeakyReLU"
        if not is_slope or (data is not None and slope_shape(stored, data) is None):
            return False
    return True


def _fitting(subject: CheckedModel, key: int) -> Shape | None:
    """Return the shape by which a parameter would fit what is fed and the other parameters.

    Where nothing is known of the data, inference does not conclude from one parameter of a
    normalization to another.
    """
    graph, known = subject.graph, subject.from_fitting
    beside = {
        known.shape(entry)
        for use in graph.uses(key)
        if wants_one_shape(graph.op(use.node))
        for entry in graph.inputs(use.node)[1:]
    } - {None}
    return known.shape(Entry(key)) or (beside.pop() if len(beside) == 1 else None)


def _misshapen(stored: tuple[int, ...], wanted: Shape) -> str:
    return f"it is stored with shape {stored}, and what reads it needs {printed(wanted)}"


@finds(
    "parameter-class",
    "error",
    "an auxiliary state stored as argument, the other way round, or as neither among others",
    "convert",
)
def classes(subject: CheckedModel) -> Iterator[Hit]:
    """Yield parameters of another class than their variable, where classes are stored at all."""
    graph, parameters = subject.graph, subject.model.parameters
    if not any(parameters.class_of(name) for name in parameters):
        return
    keys = graph.variable_keys()
    for wanted, variables in (("arg", keys.arguments), ("aux", keys.auxiliary_states)):
        kind = "an auxiliary state" if wanted == "aux" else "an argument"
        for key in variables:
            name = graph.name(key)
            if name not in parameters or parameters.class_of(name) == wanted:
                continue
            stored = parameters.stored_name(name)
            yield Hit(
                (subject.found(key),),
                f"it is {kind}, and stored as {stored!r}; load_checkpoint wants '{wanted}:{name}'",
                remedy=None if parameters.class_of(name) else "",
            )


def _variables(subject: CheckedModel, name: str) -> tuple[FoundNode, ...]:
    graph = subject.graph
    return tuple(subject.found(key) for key in graph.named(name) if graph.is_variable(key))


@finds("parameter-type", "error", "a value of a type that MXNet 1.9.1 does not load")
def types(subject: CheckedModel) -> Iterator[Hit]:
    from graphpass.formats.ndarray_binary import is_newer

    parameters = subject.model.parameters
    for name in parameters:
        array = parameters.stored(name)
        if is_newer(array.dtype):
            reason = f"it is stored as {array.dtype}, which MXNet 1.9.1 refuses to load"
            yield Hit(_variables(subject, name), reason)


@finds(
    "unnamed-input",
    "warning",
    "a variable without a value that `--input` does not name beside others; labels aside",
)
def unnamed(subject: CheckedModel) -> Iterator[Hit]:
    """Yield what is neither stored nor named, where some parameters and some inputs are."""
    graph = subject.graph
    if not subject.model.parameters or not subject.shapes:
        return
    told = {misfit.key for misfit in subject.misfits} | label_inputs(subject).keys()
    for key in graph.order():
        if key in subject.inputs - told and graph.name(key) not in subject.shapes:
            yield Hit(
                (subject.found(key),),
                "it has no value in the parameters, and --input does not name it: is it missing, "
                "or an input to be fed?",
            )


@finds(
    "non-finite",
    "error",
    "a stored parameter that holds NaN; a warning if it holds only infinities",
)
def non_finite(subject: CheckedModel) -> Iterator[Hit]:
    parameters = subject.model.parameters
    for name in parameters:
        array = parameters.stored(name)
        nans, infinities = _count(array.values if isinstance(array, SparseArray) else array)
        if not nans and not infinities:
            continue
        counts = ((nans, "NaN"), (infinities, "infinite"))
        listed = " and ".join(f"{count} {word}" for count, word in counts if count)
        if nans:
            then = "what is computed from them is lost"
        else:
            then = "a mask may hold some, a weight may not"
        yield Hit(
            _variables(subject, name) or (FoundNode(None, "null", name),),
            f"of {array.size} stored numbers {listed}; {then}",
            "error" if nans else "warning",
        )


_AT_ONCE = 2**22
"""Elements that are looked at together, so that a mapped file is never in memory as a whole."""


def _count(array: Array) -> tuple[int, int]:
    """Return how many numbers are NaN, and how many infinite. Linear in the array."""
    import numpy as np

    if not np.issubdtype(array.dtype, np.floating) and array.dtype.name != "bfloat16":
        return 0, 0
    flat = array.reshape(-1)
    nans = infinities = 0
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE]
        if not np.isfinite(part).all():
            nans += int(np.isnan(part).sum())
            infinities += int(np.isinf(part).sum())
    return nans, infinities
