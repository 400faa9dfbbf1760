"""Shapes and dtypes of all values for a lowering, where some extents of the inputs are open.

An open extent is a letter in a shape, ``("N", 3, 224, 224)``. Shapes are inferred several times,
with other numbers for the letters: an extent that comes out the same each time is known, one that
does not is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphpass.errors import UsageError, suggestion
from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.rules.rewrite.facts import Facts
from graphpass.shapes import Inference, infer

__all__ = ["Extent", "GivenInputs", "KnownShapes", "TargetFacts", "given_inputs", "known_shapes"]

Extent: TypeAlias = "int | str | None"
"""A number, the name of an open extent, or None where nothing is known."""

_ROUNDS = ((2, 1, 224, 32), (3, 2, 320, 64), (7, 2, 416, 96))
"""What letters stand for, in each round: the first of a shape, with how much more each further
letter is; and letters elsewhere, which are extents of images, say."""


@dataclass(frozen=True, slots=True)
class GivenInputs:
    """What a user says of the inputs."""

    shapes: Mapping[str, tuple[Extent, ...]] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, shape in self.shapes.items():
            if 0 in shape:
                letters = ",".join("N" if each == 0 else str(each) for each in shape)
                raise UsageError(
                    f"{name}: an extent of 0 holds nothing; a letter leaves it open: "
                    f"{name}:{letters}"
                )

    @property
    def letters(self) -> dict[str, bool]:
        """Letter -> whether it is the first extent of a shape somewhere."""
        found: dict[str, bool] = {}
        for shape in self.shapes.values():
            for axis, extent in enumerate(shape):
                if isinstance(extent, str):
                    found[extent] = found.get(extent, False) or axis == 0
        return found

    @property
    def open_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes with None for what is open."""
        return {
            name: tuple([each if isinstance(each, int) else None for each in shape])
            for name, shape in self.shapes.items()
        }

    def of(self, names: Sequence[str]) -> GivenInputs:
        """Return the same of some inputs only."""
        kept = set(names)
        return GivenInputs(
            {name: shape for name, shape in self.shapes.items() if name in kept},
            {name: dtype for name, dtype in self.dtypes.items() if name in kept},
        )


def given_inputs(model: Model, inputs: Mapping[str, Any], dtypes: Mapping[str, str]) -> GivenInputs:
    """Return shapes and dtypes of inputs as a user gives them.

    Parameters
    ----------
    model : Model
        The model as it was loaded.
    inputs : mapping
        Name -> shape, whose extents are numbers, letters for open ones, or None; or an array, of
        which shape and dtype count.
    dtypes : mapping
        Name -> dtype.

    Raises
    ------
    UsageError
        If one is no argument, or one with a stored value; or an extent is no number.
    """
    known = [name for name in model.graph.arguments if name not in model.parameters]
    shapes: dict[str, tuple[Extent, ...]] = {}
    types = dict(dtypes)
    for name in (*inputs, *dtypes):
        if name not in known:
            raise UsageError(
                f"the model has no input {name!r}{suggestion(name, known)}; its inputs are "
                f"{', '.join(model.inputs) or 'none'}"
            )
    for name, given in inputs.items():
        if hasattr(given, "shape"):
            types.setdefault(name, given.dtype.name)
            given = given.shape
        shapes[name] = tuple(
            [f"{name}_{axis}" if extent is None else extent for axis, extent in enumerate(given)]
        )
        for extent in shapes[name]:
            if not isinstance(extent, str | int) or (isinstance(extent, int) and extent < 0):
                raise UsageError(f"{name}: {extent!r} is no extent; write a number or a letter")
    return GivenInputs(shapes, types)


class KnownShapes:
    """What several inferences agree on. It answers what an `Inference` answers."""

    def __init__(self, found: Sequence[Inference], letters: Sequence[Mapping[str, int]]) -> None:
        self._found = found
        self._letters = letters

    def shape(self, entry: Entry) -> tuple[int | None, ...] | None:
        """Return the shape of a value; an extent that is open is None."""
        shapes = [each.shape(entry) for each in self._found]
        first = shapes[0]
        if first is None or any(each is None or len(each) != len(first) for each in shapes):
            return None
        return tuple(
            [
                extents[0] if len(set(extents)) == 1 else None
                for extents in zip(*[each or () for each in shapes], strict=True)
            ]
        )

    def named_shape(self, entry: Entry) -> tuple[Extent, ...] | None:
        """Return the shape with the letter of an open extent where it is one."""
        shape = self.shape(entry)
        if shape is None:
            return None
        return tuple(
            [self._letter(entry, axis) if extent is None else extent
             for axis, extent in enumerate(shape)]
        )  # fmt: skip

    def _letter(self, entry: Entry, axis: int) -> str | None:
        extents = [(each.shape(entry) or ())[axis] for each in self._found]
        for letter in self._letters[0]:
            if extents == [each[letter] for each in self._letters]:
                return letter
        return None

    def dtype(self, entry: Entry) -> str | None:
        """Return the dtype of a value."""
        return self._found[0].dtype(entry)


class TargetFacts(Facts):
    """Facts of a graph whose shapes are known already."""

    def __init__(self, graph: Graph, inputs: Sequence[str], known: KnownShapes) -> None:
        super().__init__(graph, inputs)
        self._known = known

    def inference(self, parameters: Mapping[str, Any]) -> Any:
        """See `Facts.inference`."""
        return self._known


def known_shapes(model: Model, given: GivenInputs) -> KnownShapes:
    """Infer all shapes, once or, with open extents, three times.

    Raises
    ------
    UsageError
        If they contradict each other; if they do only because of an open extent, the message says
        that it can't be open.
    """
    letters = given.letters
    rounds = []
    for first, step, other, other_step in _ROUNDS[: 3 if letters else 1]:
        numbers = {}
        for place, (letter, is_first) in enumerate(letters.items()):
            base, more = (first, step) if is_first else (other, other_step)
            numbers[letter] = base + place * more
        rounds.append(numbers)
    found = [_infer(model, given, numbers) for numbers in rounds]
    faults = [each.conflicts for each in found]
    for number, conflicts in enumerate(faults):
        if conflicts:
            _, name, op, message = conflicts[0]
            what = f"{op} {name!r}: {message}"
            if not letters or _infer(model, given, dict.fromkeys(letters)).conflicts:
                raise UsageError(f"the shapes do not fit: {what}")
            said = ", ".join(f"{letter}={extent}" for letter, extent in rounds[number].items())
            raise UsageError(
                f"{', '.join(letters)} can't be open: with {said}, {what}; give a number "
                "(--input data:1,3,224,224), or take a batch that is baked in out with the pass "
                "free-batch"
            )
    return KnownShapes(found, rounds)


def _infer(model: Model, given: GivenInputs, numbers: Mapping[str, int | None]) -> Inference:
    parameters = model.parameters
    shapes = {
        name: tuple([numbers[each] if isinstance(each, str) else each for each in shape])
        for name, shape in given.shapes.items()
    }
    known: dict[str, Any] = {**parameters.shapes, **shapes}
    dtypes = {**parameters.dtypes, **given.dtypes}
    found = infer(model.graph, known, dtypes)
    # MXNet takes an input of which nothing is said for float32.
    graph = model.graph
    open_inputs = {
        graph.name(key): "float32"
        for key in graph.variable_keys().arguments
        if graph.name(key) not in dtypes and found.dtype(Entry(key)) is None
    }
    return infer(graph, known, {**dtypes, **open_inputs}) if open_inputs else found
