"""Stored parameters against the variables that they are for."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.conflicts import wants_one_shape
from graphpass.checks.finding import FoundNode
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject
from graphpass.formats.ndarray_binary import is_newer
from graphpass.graph import Entry
from graphpass.shapes import Shape
from graphpass.shapes.shape import printed
from graphpass.verify.parameter_fit import Misfit

__all__ = ["CHECKS"]


def _node(subject: Subject, misfit: Misfit) -> tuple[FoundNode, ...]:
    return () if misfit.key is None else (subject.found(misfit.key),)


def _reason(misfit: Misfit, nodes: tuple[FoundNode, ...]) -> str:
    """Return what is wrong, without the node that the finding names anyway."""
    said = str(misfit)
    return said.replace(str(nodes[0]), "it", 1) if nodes else said


def _of_kind(subject: Subject, kind: str) -> Iterator[Misfit]:
    return (misfit for misfit in subject.misfits if misfit.kind == kind)


def _missing(subject: Subject) -> Iterator[Found]:
    for misfit in _of_kind(subject, "missing"):
        nodes = _node(subject, misfit)
        yield Found(nodes, _reason(misfit, nodes))


def _extra(subject: Subject) -> Iterator[Found]:
    found = list(_of_kind(subject, "extra"))
    remedy = (
        "" if len(found) == len(subject.model.parameters) else None
    )  # they are of another model
    for misfit in found:
        yield Found((), misfit.fault, remedy=remedy)


def _shapes(subject: Subject) -> Iterator[Found]:
    told = set()
    for misfit in _of_kind(subject, "shape"):
        told.add(misfit.key)
        yield _misshapen(subject, misfit)
    graph, parameters = subject.graph, subject.model.parameters
    keys = graph.variable_keys()
    for key in (*keys.arguments, *keys.auxiliary_states):
        name = graph.name(key)
        if name not in parameters or key in told:
            continue
        wanted = subject.wanted_shape(key)
        if wanted is not None and not _fits(parameters[name].shape, wanted):
            yield Found((subject.found(key),), _said(parameters[name].shape, wanted))


def _misshapen(subject: Subject, misfit: Misfit) -> Found:
    """Return the finding of a misfit, which knows its reader alone, with all that is known."""
    nodes = _node(subject, misfit)
    wanted = None
    if misfit.key is not None and "?" in misfit.fault:
        wanted = _fitting(subject, misfit.key)
    if wanted is None or None in wanted:
        return Found(nodes, _reason(misfit, nodes))
    stored = subject.model.parameters[misfit.name].shape
    return Found(nodes, f"{_said(stored, wanted)}; {misfit.remedy}")


def _fitting(subject: Subject, key: int) -> Shape | None:
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


def _said(stored: tuple[int, ...], wanted: Shape) -> str:
    return f"it is stored with shape {stored}, and what reads it needs {printed(wanted)}"


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        extent is None or extent == given for given, extent in zip(shape, wanted, strict=True)
    )


def _classes(subject: Subject) -> Iterator[Found]:
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
            yield Found(
                (subject.found(key),),
                f"it is {kind}, and stored as {stored!r}; load_checkpoint wants '{wanted}:{name}'",
                remedy=None if parameters.class_of(name) else "",
            )


def _types(subject: Subject) -> Iterator[Found]:
    for name, array in subject.model.parameters.items():
        if is_newer(array.dtype):
            keys = subject.graph.named(name)
            nodes = tuple(subject.found(key) for key in keys if subject.graph.is_variable(key))
            yield Found(nodes, f"it is stored as {array.dtype}, which MXNet 1.9.1 refuses to load")


CHECKS = (
    Check(
        "missing-parameter", "error", "a weight or auxiliary state without a value", None, _missing
    ),
    Check(
        "extra-parameter",
        "error",
        "a value for a variable that there is not",
        "apply prune",
        _extra,
    ),
    Check(
        "parameter-shape", "error", "a value of another shape than its readers need", None, _shapes
    ),
    Check(
        "parameter-class",
        "error",
        "an auxiliary state stored as argument, the other way round, or as neither among others",
        "convert",
        _classes,
    ),
    Check(
        "parameter-type", "error", "a value of a type that MXNet 1.9.1 does not load", None, _types
    ),
)
