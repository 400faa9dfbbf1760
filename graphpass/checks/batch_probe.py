"""Which extents grow with the batch: shapes are inferred twice, once with twice the samples."""

from __future__ import annotations

from functools import cached_property

from graphpass.checks.subject import Subject
from graphpass.graph import Entry
from graphpass.shapes import Inference, Shape

__all__ = ["BatchProbe"]

_TIME_FIRST = ("RNN", "SequenceLast", "SequenceMask", "SequenceReverse")
"""Operators that take axis 1 for the batch."""


class BatchProbe:
    """What is known of shapes for a batch and for one twice as big.

    Nothing is said of what is computed from an input of unknown shape: what an operator behind it
    wants would be taken for what it is given.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        axes = self._axes = (0, 1) if subject.spots.keys() & _TIME_FIRST else (0,)
        known = subject.from_all
        self.spoilt: set[int] = set()
        """Keys of the nodes that have a fixed extent where they should have the batch, of which
        nothing is said either."""
        self._single: dict[str, Shape] = {}
        self._double: dict[str, Shape] = {}
        for key in subject.inputs:
            shape = known.shape(Entry(key))
            if shape is not None and None not in shape[1:]:
                name = subject.graph.name(key)
                single = (shape[0] or 2, *shape[1:]) if shape else shape
                self._single[name] = single
                self._double[name] = tuple(
                    2 * extent if axis in axes and extent is not None else extent
                    for axis, extent in enumerate(single)
                )

    @cached_property
    def _inferred(self) -> tuple[Inference, Inference]:
        infer = self._subject.model.infer
        return infer(self._single), infer(self._double)

    @cached_property
    def conflicts(self) -> frozenset[int]:
        """Keys of the operators that do not run on the bigger batch."""
        return frozenset(conflict.key for conflict in self._inferred[1].conflicts)

    @property
    def breaking(self) -> frozenset[int]:
        """Those among them that run on the batch as it is; none where time may have grown too."""
        if len(self._axes) > 1:
            return frozenset()
        return self.conflicts - {conflict.key for conflict in self._inferred[0].conflicts}

    @cached_property
    def _vague(self) -> frozenset[int]:
        """Keys of the nodes that are computed from what has no known shape, or can't be."""
        graph = self._subject.graph
        unknown = {key for keys in self._inferred[1].unknown.values() for key in keys}
        unknown |= self.conflicts
        found: set[int] = set()
        for key in graph.order():
            shapeless = key in self._subject.inputs and graph.name(key) not in self._double
            if shapeless or key in unknown or not found.isdisjoint(graph.sources(key)):
                found.add(key)
        return frozenset(found)

    def steady(self, entry: Entry) -> Shape | None:
        """Return the extents of a value that do not grow with the batch, None for those that do.

        Returns
        -------
        Shape or None
            None if nobody can say.
        """
        if entry.node in self.spoilt or entry.node in self._vague:
            return None
        single, double = (found.shape(entry) for found in self._inferred)
        if single is None or double is None or len(single) != len(double):
            return None
        return tuple(
            one if one == other else None for one, other in zip(single, double, strict=True)
        )
