"""A row of the table of operators, and what its rules see of a node.

A rule never sees the graph. It is asked about a *site*: one operator with its attributes, and with
what is known of its inputs and outputs. There is one kind of site for each question that a row
answers: `ShapeSite`, `DtypeSite`, `ValueSite`, `BatchSite`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from graphpass.errors import OperationError
from graphpass.ops.shape import ConflictError, Shape, merge_dtypes, merge_shapes, printed

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

# -- sites -----------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Site:
    """One operator, and its attributes as values with the defaults filled in: ``site["axis"]``."""

    op: str
    """Canonical name."""

    attributes: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of an attribute that not every operator of the rule has."""
        return self.attributes.get(name, default)


@dataclass(slots=True, eq=False)
class FactSite(Site, Generic[T]):
    """An operator, with what is known of its inputs and outputs: shapes, or dtypes.

    A rule reads `inputs` and `outputs` and adds to them with `input` and `output`.
    """

    inputs: list[T | None]
    outputs: list[T | None]

    subgraphs: Sequence[Any] = ()
    """The graphs that it runs, as `graphpass.shapes` shows them."""

    np_shape: bool = False

    def merge(self, one: T | None, other: T | None) -> T | None:
        """Return what two facts say together."""
        raise NotImplementedError

    def input(self, slot: int, fact: T | None) -> T | None:
        """Add what is known of an input, and return all that is known of it."""
        return self._add("input", self.inputs, slot, fact)

    def output(self, slot: int, fact: T | None) -> T | None:
        """Add what is known of an output, and return all that is known of it."""
        return self._add("output", self.outputs, slot, fact)

    def every_output(self, fact: T | None, first: int = 0) -> None:
        """Add what is known of all outputs, or of those behind some."""
        for slot in range(first, len(self.outputs)):
            self.output(slot, fact)

    def same(self, inputs: Iterable[int], outputs: Iterable[int]) -> T | None:
        """Say that these inputs and outputs are all alike, and return what is known of them."""
        fact: T | None = None
        places = [(self.outputs, slot) for slot in outputs]
        places += [(self.inputs, slot) for slot in inputs]
        for facts, slot in places:
            fact = self.merge(fact, facts[slot])
        for facts, slot in places:
            facts[slot] = fact
        return fact

    def _add(self, what: str, facts: list[T | None], slot: int, fact: T | None) -> T | None:
        if facts[slot] != fact:
            try:
                facts[slot] = self.merge(facts[slot], fact)
            except ConflictError as error:
                raise ConflictError(f"{what} {slot}: {error}") from None
        return facts[slot]


class ShapeSite(FactSite[Shape]):
    """An operator, with what is known of the shapes of its inputs and outputs."""

    __slots__ = ()

    def merge(self, one: Shape | None, other: Shape | None) -> Shape | None:
        """Return what two shapes say together; no extent is negative."""
        merged = merge_shapes(one, other)
        for extent in merged or ():
            if extent is not None and extent < 0:
                raise ConflictError(f"{printed(merged)} has a negative extent")
        return merged


class DtypeSite(FactSite[str]):
    """An operator, with what is known of the dtypes of its inputs and outputs."""

    __slots__ = ()

    def merge(self, one: str | None, other: str | None) -> str | None:
        """Return what two dtypes say together."""
        return merge_dtypes(one, other)


@dataclass(slots=True, eq=False)
class ValueSite(Site):
    """An operator that is to be evaluated: what it reads, and what it must make."""

    inputs: Sequence[np.ndarray[Any, np.dtype[Any]]]

    shapes: Sequence[tuple[int, ...]]
    """Of each output, as MXNet infers them."""

    dtype: np.dtype[Any]
    """Of each output."""

    @property
    def data(self) -> np.ndarray[Any, np.dtype[Any]]:
        """The first input."""
        return self.inputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.shapes[0]


Axis: TypeAlias = "int | None"
"""The axis along which a value is joined; None: it is the same in all branches."""

Axes: TypeAlias = "Axis | tuple[Axis, ...]"
"""The axes of all outputs, or one for each; outputs without one are the same in all branches."""


@dataclass(slots=True, eq=False)
class BatchSite(Site):
    """One operator of a trunk that runs on the values of several branches, joined along an axis."""

    axes: Sequence[Axis]
    """Of each input, the axis along which it is joined."""

    shapes: Sequence[Shape | None]
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
        found = set()
        for slot, axis in enumerate(self.axes):
            if axis is not None:
                if slot not in allowed:
                    raise OperationError(
                        f"its input {slot} is another one in each branch, and it can't read several"
                    )
                found.add(axis)
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


# -- rows ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Range:
    """A range of numbers, both ends included."""

    low: float
    """Least value."""

    high: float
    """Greatest value."""

    integral: bool = True
    """Whether only whole numbers are meant."""

    columns: tuple[Range, ...] = ()
    """If not empty, the last axis has a range of its own at each place, and this is the last."""

    reader: str = ""
    """The operator that reads it so, for reports."""

    def __str__(self) -> str:
        if self.columns:
            text = "rows of " + ", ".join(f"{part.low:g} to {part.high:g}" for part in self.columns)
        else:
            text = f"{'whole numbers ' if self.integral else ''}{self.low:g} to {self.high:g}"
        return f"{text}, as {self.reader} reads it" if self.reader else text


def same_dtype(site: DtypeSite) -> None:
    """All inputs and outputs have one dtype; MXNet's rule for operators that register none."""
    site.same(range(len(site.inputs)), range(len(site.outputs)))


Randomness: TypeAlias = Literal["never", "training", "always", "unknown"]
"""When an operator draws: never, in training only, always; or nobody can tell."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an operator does, beyond its signature: one row of the table.

    A rule for shapes, dtypes or costs takes the site and then what is known of as many first inputs
    as it has further parameters, and is asked when something is known of each of them. What it
    returns is said of the first output.
    """

    shape: Callable[..., Shape | None] | None = None
    """Adds what follows for the shapes of inputs and outputs; None: nobody knows."""

    dtype: Callable[..., str | None] = same_dtype
    """Adds what follows for the dtypes of inputs and outputs."""

    cost: Callable[..., int | None] | None = None
    """Returns the multiply-adds, once the shapes of its inputs and of the first output are known;
    None: it does none."""

    value: Callable[[ValueSite], Any] | None = None
    """Returns the outputs as MXNet computes them: one array, or a list of all; None where it can't
    say what MXNet computes."""

    batch: Callable[[BatchSite], Axes] | None = None
    """Returns the axes along which the outputs are joined, or raises an `OperationError` that says
    why they are not."""

    ranges: Mapping[str, Callable[[ShapeSite], Range | None]] = field(default_factory=dict)
    """Name of an input that is read as an index, a length or the like -> which numbers it may be,
    from attributes and the shapes of the inputs."""

    offset: Callable[[Mapping[str, Any], int], float | None] | None = None
    """Returns what is added to the numbers of an input on the way through, None if that input's
    numbers do not come out again; None: none do."""

    random: Randomness | Callable[[Mapping[str, Any]], Randomness] = "never"
    """When it draws random numbers."""

    commutative: bool = False
    """Whether all inputs may change places."""

    own_gradient: bool = False
    """Whether its gradient is its own, whatever it is used for: two pull twice as much as one."""

    spreads: bool = False
    """Whether it writes what it reads several times along axes."""

    moves_states: bool = False
    """Whether it writes to its auxiliary states in training, and never else."""

    shape_needs: int = field(init=False, default=0)
    """How many first inputs `shape` needs to know something of."""

    dtype_needs: int = field(init=False, default=0)
    """The same of `dtype`."""

    cost_needs: int = field(init=False, default=0)
    """The same of `cost`."""

    def __post_init__(self) -> None:
        for name in ("shape", "dtype", "cost"):
            rule: Any = getattr(self, name)
            if rule is not None:
                object.__setattr__(self, f"{name}_needs", rule.__code__.co_argcount - 1)


Rows: TypeAlias = Mapping[str, Meaning]
"""Canonical names of operators, between blanks -> what they all do."""
