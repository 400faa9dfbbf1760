"""Operators that MXNet 1.9.1 does not run, or advises against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject
from graphpass.errors import AttributeValueError, GraphError, suggestion
from graphpass.graph.invariants import check_arity
from graphpass.ops import find, operator_names

__all__ = ["CHECKS", "DEPRECATED"]

DEPRECATED: Mapping[str, tuple[str, str | None]] = {
    "BatchNorm_v1": ("BatchNorm", None),
    "Convolution_v1": ("Convolution", None),
    "Crop": ("slice or slice_like", None),
    "Pooling_v1": ("Pooling", None),
    "SoftmaxActivation": ("softmax", "apply softmax-activation"),
    "_contrib_SparseEmbedding": ("Embedding", None),
    "batch_take": ("pick", None),
}
"""Operator -> what MXNet has in its place, and what writes it so.

Source: the documentation of each operator in MXNet 1.9.1, where it says "deprecated" of the
operator and not of one of its names."""


def _deprecated(subject: Subject) -> Iterator[Found]:
    for op, (instead, remedy) in DEPRECATED.items():
        for spot in subject.of(op):
            yield Found(
                (spot.node,),
                f"MXNet deprecates {op}, and converters often do not know it; its place has "
                f"{instead}",
                remedy=remedy or "",
            )


def _unknown(subject: Subject) -> Iterator[Found]:
    for op, spots in subject.spots.items():
        if find(op) is None:
            reason = f"MXNet 1.9.1 has no operator {op!r}{suggestion(op, operator_names())}"
            for spot in spots:
                yield Found((spot.node,), reason)


def _custom(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("Custom"):
        kind = spot.attribute("op_type", "?")
        yield Found(
            (spot.node,),
            f"MXNet runs it only where Python code has registered the custom operator {kind!r}",
        )


def _attributes(subject: Subject) -> Iterator[Found]:
    for op, spots in subject.spots.items():
        operator = find(op)
        for spot in spots if operator is not None else ():
            assert operator is not None
            try:
                operator.check(spot.graph.attrs(spot.key))
            except AttributeValueError as error:
                yield Found((spot.node,), f"{error}; MXNet 1.9.1 refuses to load it")


def _arity(subject: Subject) -> Iterator[Found]:
    for spots in subject.spots.values():
        for spot in spots:
            try:
                check_arity(spot.graph, [spot.key])
            except GraphError as error:
                _, _, said = str(error).partition(") ")
                yield Found((spot.node,), f"it {said}; MXNet refuses to bind it")
            except AttributeValueError:
                continue  # `attributes` says so


CHECKS = (
    Check(
        "unknown-operator", "error", "an operator that MXNet 1.9.1 does not have", None, _unknown
    ),
    Check("custom-operator", "warning", "an operator that is Python code elsewhere", None, _custom),
    Check(
        "unknown-attribute",
        "error",
        "an attribute that MXNet 1.9.1 does not have, or a value that it does not take",
        None,
        _attributes,
    ),
    Check("wrong-arity", "error", "an operator with too few inputs, or too many", None, _arity),
    Check(
        "deprecated-operator",
        "warning",
        "an operator that MXNet deprecates; the remedy is for SoftmaxActivation",
        "apply softmax-activation",
        _deprecated,
    ),
)
