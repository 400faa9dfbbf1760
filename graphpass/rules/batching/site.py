"""What a rule may ask of one operator whose inputs are joined along an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphpass.errors import OperationError
from graphpass.shapes import Shape

__all__ = ["Axes", "Axis", "Rule", "Site", "positive"]

Axis: TypeAlias = "int | None"
"""The axis along which a value is joined; None: it is the same in all branches."""

Axes: TypeAlias = "Axis | tuple[Axis, ...]"
"""The axes of all outputs, or one for each."""


@dataclass(frozen=True, slots=True)
class Site:
    """One operator of a trunk."""

    op: str
    """Canonical operator name."""

    attributes: Mapping[str, Any]
    """Attributes as values, defaults filled in."""

    axes: tuple[Axis, ...]
    """Of each input, the axis along which it is joined."""

    shapes: tuple[Shape | None, ...]
    """Of each input, what is known of its shape in one branch."""

    training: bool
    """Whether the graph is to be trained."""

    def of(self, batched: Iterable[int] = (0,), optional: Iterable[int] = ()) -> int:
        """Return the axis along which some inputs are joined; it must be one.

        Parameters
        ----------
        batched : iterable of int
            Slots of inputs that must be joined.
        optional : iterable of int
            Slots that may be; all others must be the same in all branches.

        Raises
        ------
        OperationError
            If it is not so.
        """
        wanted = list(batched)
        for slot in wanted:
            if self.axes[slot] is None:
                raise OperationError(
                    f"it reads the same input {slot} in all branches, where each sample needs its "
                    "own part"
                )
        allowed = {*wanted, *optional}
        for slot, axis in enumerate(self.axes):
            if axis is not None and slot not in allowed:
                raise OperationError(
                    f"its input {slot} is another one in each branch, and it can't read several"
                )
        found = {axis for slot in allowed if (axis := self._at(slot)) is not None}
        if len(found) > 1:
            raise OperationError(
                f"the batch is along the axes {', '.join(map(str, sorted(found)))} of its inputs, "
                "and should be along one"
            )
        return found.pop()

    def first(self, batched: Iterable[int] = (0,), optional: Iterable[int] = ()) -> int:
        """Return 0 if that is the axis along which some inputs are joined.

        Raises
        ------
        OperationError
            If it is another, which the operator does not take for the batch.
        """
        axis = self.of(batched, optional)
        if axis != 0:
            raise OperationError(f"it takes axis 0 for the batch, which is along axis {axis}")
        return axis

    def refuse_single(self) -> None:
        """Refuse an input of one sample that is broadcast along the batch of another.

        Raises
        ------
        OperationError
            If the extents along the batch differ, or may, since one of them is not known.
        """
        extents = {
            shape[axis] if shape is not None and axis < len(shape) else None
            for shape, axis in zip(self.shapes, self.axes, strict=True)
            if axis is not None
        }
        if 1 in extents and len(extents) > 1:
            (other,) = extents - {1}
            batch = "batch, whose size is not known" if other is None else f"batch of {other}"
            raise OperationError(
                f"an input of 1 sample is broadcast along another's {batch}; joined it has as many "
                "samples as there are branches"
            )

    def rank(self, slot: int = 0) -> int:
        """Return the number of axes of an input.

        Raises
        ------
        OperationError
            If it is not known.
        """
        shape = self.shapes[slot]
        if shape is None:
            raise OperationError(
                "the number of axes of what it reads is not known; give the inputs their shapes, "
                "by --input data:1,3,224,224, or set: {select: data, shape: [0, 3, 224, 224]}"
            )
        return len(shape)

    def counted(self, axis: int, slot: int = 0) -> int:
        """Return an axis of an input, counted from the front."""
        return axis if axis >= 0 else positive(axis, self.rank(slot))

    def _at(self, slot: int) -> Axis:
        return self.axes[slot] if slot < len(self.axes) else None


Rule: TypeAlias = "Callable[[Site], Axes]"
"""Returns the axes of the outputs, or raises an `OperationError` that says why there are none."""


def positive(axis: int, rank: int) -> int:
    """Return an axis counted from the front.

    Raises
    ------
    OperationError
        If there is no such axis.
    """
    counted = axis + rank if axis < 0 else axis
    if not 0 <= counted < rank:
        raise OperationError(f"it has no axis {axis}, since there are {rank}")
    return counted
