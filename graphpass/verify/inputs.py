"""Where the value of a variable comes from: stored, given, or drawn at random from a seed.

MXNet checks few of them. An index that is out of range is clipped, reads foreign memory, or ends
the process, so random inputs are drawn from the range that follows from attributes and shapes:

======================================  ========================================================
read as                                 drawn from
======================================  ========================================================
index (Embedding, take, pick, one_hot)  0 to the size of what is indexed - 1
label (SoftmaxOutput, SVMOutput)        0 to the number of classes - 1; CTCLoss leaves out its blank
length (Sequence*, RNN, softmax)        1 to the size of the axis
condition (where, boolean_mask)         0 and 1
box (ROIPooling and its kin)            image number, then corners inside the image
labelled box (MultiBoxTarget)           class, then corners between 0 and 1
======================================  ========================================================

The rows of the operators say so (`graphpass.ops.meaning`). What such an input passes through on its
way (Reshape, SliceChannel, Cast, a number that is added) is followed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from graphpass.errors import AttributeValueError, UsageError, listed, shortened, suggestion
from graphpass.graph import Entry, Graph, Use
from graphpass.model import Model, looks_trained
from graphpass.ops.meaning import meaning
from graphpass.ops.sites import Range, ShapeSite
from graphpass.shapes.variables import dtype_hint
from graphpass.verify.backend import Backend, Inferred, blamed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from graphpass.formats.ndarray_binary import Array

__all__ = [
    "Given",
    "Side",
    "ValueSource",
    "check_names",
    "draw",
    "draw_gradient",
    "draw_parameter",
    "is_limited",
    "range_of",
]

Given = Mapping[str, "Sequence[int] | Array | Sequence[Array]"]
"""Name of an input to its shape, to its values, or to those of several runs."""


@dataclass(frozen=True, slots=True, eq=False)
class ValueSource:
    """Gives one variable its values, run by run. Each source equals itself alone."""

    name: str
    """Name of the variable."""

    shape: tuple[int, ...]
    """Its dimensions."""

    dtype: str
    """MXNet's name of its dtype."""

    hint: str | None = None
    """The dtype that the hint ``__dtype__`` of the variable says."""

    fixed: tuple[Array, ...] = ()
    """Values that are given: one array for each run, over and over; if none, they are drawn."""

    limits: Range | None = None
    """Values that it is drawn from, if not from all numbers."""

    parameter: bool = False
    """Whether it is drawn as a parameter."""

    slot: str | None = None
    """What the operator that reads it calls it."""

    seed: int = 0
    """Seed that it is drawn with."""

    def values(self, run: int, scale: float = 1.0) -> Array:
        """Return the values for one run; numbers without limits are drawn with a deviation."""
        from graphpass.verify.arrays import cast

        if self.fixed:
            return cast(self.fixed[run % len(self.fixed)], self.dtype)
        if self.parameter:
            return draw_parameter(self.name, self.shape, self.dtype, self.slot, (self.seed,))
        return draw(self.name, self.shape, self.dtype, self.limits, (self.seed, run), scale)

    @property
    def scales(self) -> bool:
        """Whether it is drawn from a normal distribution, which may be wider or narrower."""
        return not (self.fixed or self.parameter or self.limits)

    def __str__(self) -> str:
        if self.fixed:
            return "given" if len(self.fixed) == 1 else f"given for {len(self.fixed)} runs"
        return "normal" if self.limits is None else str(self.limits)


class Side:
    """One of two models that are compared, and its variables.

    Attributes
    ----------
    label : str
        How messages call it.
    free : tuple of int
        Keys of the variables that have no stored value, or are given another one.
    """

    def __init__(self, label: str, model: Model, given: Given) -> None:
        self.label = label
        self.model = model
        self.given = given
        arguments, states, _ = model.graph.variable_keys()
        self.variables = (*arguments, *states)
        self._states = frozenset(states)
        self.constants = {
            key: model.parameters[self.name(key)]
            for key in self.variables
            if self.name(key) in model.parameters and self.name(key) not in given
        }
        self.free = tuple(key for key in self.variables if key not in self.constants)

    def name(self, key: int) -> str:
        """Return the name of a variable."""
        return self.model.graph.name(key)

    def names(self) -> list[str]:
        """Return the names of all variables, first of those that are free."""
        return [self.name(key) for key in (*self.free, *self.variables)]

    def is_learned(self, key: int) -> bool:
        """Return whether a variable is one that training gives a value."""
        return key in self._states or looks_trained(self.model.graph, key)

    def refuse_missing(self, keys: Iterable[int]) -> None:
        """Refuse learned variables that have no value.

        Raises
        ------
        UsageError
            With their names.
        """
        missing = [key for key in keys if self.is_learned(key) and self.name(key) not in self.given]
        if missing:
            names = self._listed(missing)
            raise UsageError(
                f"{self.label}: no value is stored for {names}; are "
                "these the parameters of this graph? To draw one at random, give its shape as an "
                "input"
            )

    def infer(
        self,
        backend: Backend,
        shapes: Mapping[int, tuple[int, ...]],
        assumed: Mapping[int, str] | None = None,
    ) -> Inferred:
        """Return what follows from the stored parameters, given inputs, `shapes`, assumed dtypes.

        MXNet takes an assumed dtype for more than the variable's own hint.
        """
        known = {key: value.shape for key, value in self.constants.items()}
        for key in self.free:
            given = self._given_shape(key)
            if given is not None:
                known[key] = given
        dtypes = {key: value.dtype.name for key, value in self.constants.items()}
        with blamed(self.label):
            return backend.infer(
                self.model.graph, {**known, **shapes}, {**dtypes, **(assumed or {})}
            )

    def sources(
        self, keys: Collection[int], inference: Inferred, seed: int, *, draw_learned: bool = False
    ) -> dict[int, ValueSource]:
        """Return where the values of free variables come from.

        Raises
        ------
        UsageError
            If the shape of one is not known.
        """
        shapes = self._known_shapes(keys, inference)
        found = {}
        graph = self.model.graph
        for key, shape in shapes.items():
            given = self.given.get(self.name(key))
            slots = [
                names[slot]
                for reader, slot in graph.uses(key)
                if slot < len(names := graph.signature(reader).input_names or ())
                and graph.reaches(reader)
            ]
            fixed = _arrays(given)
            found[key] = ValueSource(
                name=self.name(key),
                shape=shape,
                dtype=self.dtype(key, inference),
                hint=dtype_hint(graph.attrs(key)),
                fixed=fixed,
                limits=range_of(graph, key, inference.shapes),
                parameter=draw_learned and not fixed and self.is_learned(key),
                slot=slots[0] if slots else None,
                seed=seed,
            )
        return found

    def stored(self, name: str) -> ValueSource:
        """Return the source of a stored value."""
        value = self.model.parameters[name]
        return ValueSource(name, value.shape, value.dtype.name, fixed=(value,))

    def dtype(self, key: int, inference: Inferred) -> str:
        """Return the dtype of a variable."""
        found = inference.dtypes.get(key)
        if found is not None:
            return found
        given = _arrays(self.given.get(self.name(key)))
        own = given[0].dtype.name if given else "float32"
        # NumPy makes float64 of any decimals, so that tells nothing.
        return "float32" if own == "float64" else own

    def _listed(self, keys: Iterable[int]) -> str:
        return shortened((repr(self.name(key)) for key in keys), 5)

    def _given_shape(self, key: int) -> tuple[int, ...] | None:
        given = self.given.get(self.name(key))
        if given is None:
            return None
        name, arrays = self.name(key), _arrays(given)
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            raise UsageError(
                f"the arrays given for {name!r} have the shapes {listed(map(str, shapes))}; runs "
                "differ in values, not in shapes"
            )
        try:
            return tuple(map(int, arrays[0].shape if arrays else given))
        except (TypeError, ValueError):
            raise UsageError(
                f"the input {name!r} is given as {given!r}, which is neither a shape, "
                "such as (1, 3, 224, 224), nor an array"
            ) from None

    def _known_shapes(
        self, keys: Collection[int], inference: Inferred
    ) -> dict[int, tuple[int, ...]]:
        """Return the shapes of variables, and refuse those of which one is not known."""
        origin = self.model.graph.origin
        smallest = 0 if origin is not None and origin.np_shape else 1
        found = {}
        unknown = []
        for key in keys:
            given = self._given_shape(key)
            shape = inference.shapes.get(Entry(key)) if given is None else given
            if shape is None or any(size < smallest for size in shape):
                unknown.append(key)
            else:
                found[key] = shape
        if not unknown:
            return found
        # Shapes of learned variables follow once those of the data are known.
        unknown = [key for key in unknown if not self.is_learned(key)] or unknown
        name, shape = self.name(unknown[0]), self._given_shape(unknown[0])
        shape = inference.shapes.get(Entry(unknown[0])) if shape is None else shape
        partly = f" (MXNet infers {shape} for {name!r})" if shape else ""
        reason = f"; MXNet says: {inference.problem}" if inference.problem else ""
        sizes = tuple(max(1, size) for size in shape) if shape else (1, 3, 224, 224)
        names = self._listed(unknown)
        raise UsageError(
            f"{self.label}: the shape of {names} is not known{partly}; "
            f"give it, such as --input {name}:{','.join(map(str, sizes))} "
            f"(in Python inputs={{{name!r}: {sizes}}}){reason}"
        )


def check_names(a: Side, b: Side, given: Given, feed: Mapping[str, str]) -> None:
    """Refuse names that no variable bears.

    Raises
    ------
    UsageError
        With the nearest ones.
    """
    names_a, names_b = a.names(), b.names()
    for name in given:
        if name not in names_a and name not in names_b:
            raise UsageError(f"there is no input {name!r}{suggestion(name, names_a)}")
    for new, old in feed.items():
        if new not in names_b:
            raise UsageError(f"B has no input {new!r} to feed{suggestion(new, names_b)}")
        if old not in names_a:
            nearest = suggestion(old, names_a)
            raise UsageError(f"A has no input {old!r} to feed {new!r} with{nearest}")


def _arrays(given: Any) -> tuple[Array, ...]:
    """Return the values that an input is given, one for each run; none if it is given a shape."""
    import numpy as np

    if hasattr(given, "dtype"):
        return (np.asarray(given),)
    several = isinstance(given, list | tuple) and all(
        isinstance(each, np.ndarray) for each in given
    )
    return tuple(given) if several else ()


# -- drawing ---------------------------------------------------------------------------------------


_UNLIMITED_INTEGERS = Range(0, 9)
"""What an input of an integer dtype is drawn from that no operator limits."""

_POSITIVE_SLOTS = ("gamma", "moving_var", "running_var")


def draw(
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    limits: Range | None,
    seed: tuple[int, ...],
    scale: float = 1.0,
) -> Array:
    """Return values for an input: from its limits, or normal with a standard deviation of `scale`.

    The values depend on the name, the shape, the limits and the seed, and on nothing else, so that
    another input more or less does not change them.
    """
    import numpy as np

    from graphpass.verify.arrays import cast

    def drawn(part: Range, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        if part.integral:
            return generator.integers(int(part.low), int(part.high), shape, endpoint=True)
        return generator.uniform(part.low, part.high, shape)

    generator = _generator(name, seed)
    if limits is None and np.dtype(dtype).kind in "iu":
        limits = _UNLIMITED_INTEGERS
    if limits is None and np.dtype(dtype).kind == "b":
        limits = Range(0, 1)
    if limits is None:
        return cast(scale * generator.standard_normal(shape), dtype)
    if not limits.columns:
        return cast(drawn(limits, shape), dtype)
    columns = [
        drawn(limits.columns[min(index, len(limits.columns) - 1)], shape[:-1])
        for index in range(shape[-1] if shape else 0)
    ]
    return cast(np.stack(columns, axis=-1) if columns else np.zeros(shape), dtype)


def draw_parameter(
    name: str, shape: tuple[int, ...], dtype: str, slot: str | None, seed: tuple[int, ...]
) -> Array:
    """Return values for a parameter of which none are stored: what a network could be trained to.

    Scales and variances, known by the slot that reads them, lie between 0.5 and 1.5; the rest is
    normal, divided by the square root of what is summed up, so that deep networks stay finite.
    """
    from graphpass.verify.arrays import cast

    generator = _generator(name, seed)
    if slot in _POSITIVE_SLOTS:
        return cast(generator.uniform(0.5, 1.5, shape), dtype)
    fan_in = max(1, math.prod(shape[1:])) if len(shape) > 1 else 4
    return cast(generator.standard_normal(shape) / math.sqrt(fan_in), dtype)


def draw_gradient(output: Array, position: int, seed: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return a gradient for a head as float64; zeros if the head is of no decimal dtype."""
    import numpy as np

    from graphpass.formats.ndarray_binary import BFLOAT16

    if output.dtype != BFLOAT16 and output.dtype.kind != "f":
        return np.zeros(output.shape)
    return _generator(f"head {position}", seed).standard_normal(output.shape)


def _generator(name: str, seed: tuple[int, ...]) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng([*seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])


# -- which values an input may have ----------------------------------------------------------------


class _Limit(NamedTuple):
    """A use that limits a variable's values."""

    use: Use
    rule: Callable[[ShapeSite], Range | None]
    offset: float
    """What is added to the variable on the way."""


def range_of(graph: Graph, key: int, shapes: Mapping[Entry, tuple[int, ...]]) -> Range | None:
    """Return the values that a variable may have, or None if any number will do.

    Parameters
    ----------
    graph : Graph
        The graph.
    key : int
        Key of the variable.
    shapes : mapping of Entry to tuple of int
        Shapes of values, as far as they are known.

    Notes
    -----
    Linear in the nodes that pass the variable on. Where several operators limit it, the narrowest
    range counts.
    """
    known: list[Range] = []
    for use, rule, offset in _limits(graph, key):
        node = graph.node(use.node)
        read = [shapes.get(Entry(entry.node, entry.output)) for entry in node.inputs]
        # A shape of another rank than the operator takes, or an attribute that it refuses: MXNet
        # will say so when it runs.
        with suppress(IndexError, TypeError, AttributeValueError):
            found = rule(ShapeSite(node.op, node.attributes, [*read], []))
            if found is not None and found.low <= found.high < math.inf:
                low, high = found.low - offset, found.high - offset
                known.append(replace(found, low=low, high=high, reader=f"{node.op} {node.name!r}"))
    return min(known, key=lambda each: each.high - each.low, default=None)


def is_limited(graph: Graph, key: int) -> bool:
    """Return whether an operator reads a variable as an index, label, length or the like.

    MXNet refuses to compute gradients of most of these.
    """
    return any(True for _ in _limits(graph, key))


def _limits(graph: Graph, key: int) -> Iterator[_Limit]:
    """Yield the uses that limit a variable's values."""
    offsets = {key: 0.0}
    pending = [key]
    while pending:
        source = pending.pop()
        for use in graph.uses(source):
            if not graph.reaches(use.node):
                continue
            row = meaning(graph.op(use.node))
            names = graph.signature(use.node).input_names or () if row.ranges else ()
            rule = row.ranges.get(names[use.slot]) if use.slot < len(names) else None
            if rule is not None:
                yield _Limit(use, rule, offsets[source])
            if row.offset is None or use.node in offsets:
                continue
            try:
                added = row.offset(graph.node(use.node).attributes, use.slot)
            except (KeyError, TypeError, ValueError):  # of a broken file, which MXNet refuses
                added = None
            if added is not None:
                offsets[use.node] = offsets[source] + added
                pending.append(use.node)
