"""Shapes and types that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.baked_batch import freeing
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Spot, Subject

__all__ = ["CHECKS"]


def _conflicts(subject: Subject) -> Iterator[Found]:
    for conflict in subject.from_all.conflicts:
        spot = Spot(subject.graph, conflict.key, ())
        yield Found(
            (subject.found(conflict.key),),
            conflict.message,
            remedy=freeing(subject, spot),
        )


CHECKS = (
    Check(
        "shape-conflict",
        "error",
        "shapes or types that can't be, from what `--input` gives and what is stored",
        None,
        _conflicts,
    ),
)
