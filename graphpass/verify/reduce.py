"""The smallest model for which something still fails: for bug reports, and for finding a fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from graphpass.errors import GraphpassError, UsageError
from graphpass.graph import Entry, Graph
from graphpass.graph.names import FreeNames
from graphpass.model import Model

if TYPE_CHECKING:
    from graphpass.shapes import Shape

__all__ = ["Reduction", "reduce"]

Item = TypeVar("Item")

_WIDTHS = ("num_filter", "num_hidden")
"""Attributes that say how wide an operator's output is."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """The model that is left, and how it was found."""

    model: Model
    runs: int
    """How often was asked whether a model fails."""

    operators: tuple[int, int]
    """Before and after."""

    complete: bool
    """Whether nothing more can go; False if the bound on runs ended the search."""

    def __str__(self) -> str:
        before, after = self.operators
        end = "" if self.complete else "; more may go: raise the bound on runs"
        return f"operators {before} -> {after} in {self.runs} runs{end}"


class _OutOfRuns(Exception):  # noqa: N818  not an error: the search ends
    """The bound on runs is reached."""


def reduce(
    model: Model,
    fails: Callable[[Model], bool],
    shapes: Mapping[str, Shape] | None = None,
    *,
    runs: int = 200,
) -> Reduction:
    """Return the smallest model found for which `fails` is still true.

    Four things are tried in turn: to cut operators away, so that variables stand for their values
    and all that nothing else reads becomes a head; to bypass operators, so that their first input
    stands for their output; to fill weights with zeros; and, where the shapes of inputs are given,
    to make layers one channel wide.

    Parameters
    ----------
    model : Model
        It stays as it is.
    fails : callable
        Takes a model, and says whether what is looked for still shows. It should be deterministic.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs. A variable that stands for a value that was cut then carries its shape as
        ``__shape__``.
    runs : int
        How often `fails` may be called.

    Raises
    ------
    UsageError
        `fails` is false for the model as it is.

    Notes
    -----
    This is delta debugging: A. Zeller and R. Hildebrandt, *Simplifying and isolating
    failure-inducing input* (2002), on operators in saved order. A fault in one operator of n is
    found in about 2 log2 n runs; in the worst case n squared. The same model and answers give the
    same result.
    """
    search = _Asking(fails, runs)
    if not fails(model):
        raise UsageError("the command does not fail for the model as it is: nothing to reduce")
    before = _operators(model.graph)
    found, complete = model, True
    try:
        known = model.infer(shapes)
        hints = {
            (key, output): known.shape(Entry(key, output))
            for key in before
            for output in range(model.graph.signature(key).num_outputs)
        }
        for bypass in (False, True):
            base = found

            def part(kept: Collection[int], base: Model = base, bypass: bool = bypass) -> Model:
                return _part(base, frozenset(kept), hints, bypass=bypass)

            kept = search.smallest(_operators(base.graph), part)
            found = part(kept) if len(kept) < len(_operators(base.graph)) else base
            search.found = found
        base = found

        def valued(kept: Collection[str]) -> Model:
            emptied = base.copy()
            for name in base.parameters:
                if name not in kept:
                    array = base.parameters[name]
                    emptied.parameters[name] = np.zeros(array.shape, array.dtype)
            return emptied

        names = sorted(base.parameters)
        found = search.found = valued(search.smallest(names, valued, least=0))
        if shapes:
            base = found
            wide = [
                (key, name)
                for key in _operators(base.graph)
                for name in _WIDTHS
                if base.graph.attrs(key).get(name, "1") != "1"
            ]

            def narrowed(kept: Collection[tuple[int, str]]) -> Model:
                return _narrow(base, [each for each in wide if each not in kept], shapes)

            found = search.found = narrowed(search.smallest(wide, narrowed, least=0))
    except _OutOfRuns:
        found, complete = search.found or model, False
    return Reduction(found, search.runs, (len(before), len(_operators(found.graph))), complete)


class _Asking:
    """Asks for models, counts how often, and knows the smallest that failed."""

    def __init__(self, fails: Callable[[Model], bool], most: int) -> None:
        self._fails, self._most = fails, most
        self.runs = 0
        self.found: Model | None = None

    def _asks(self, make: Callable[[], Model]) -> bool:
        try:
            candidate = make()
        except GraphpassError:
            return False  # no such model can be made
        if self.runs >= self._most:
            raise _OutOfRuns
        self.runs += 1
        if not self._fails(candidate):
            return False
        self.found = candidate
        return True

    def smallest(
        self, items: Sequence[Item], make: Callable[[Collection[Item]], Model], *, least: int = 1
    ) -> list[Item]:
        """Return items of which none can go: `make` of them fails, of fewer it does not."""
        kept, length = list(items), len(items)
        if least == 0 and kept and self._asks(lambda: make([])):
            return []
        while length >= 1 and len(kept) > least:
            length = min(length, len(kept))
            start, gone = 0, False
            while start < len(kept) and len(kept) > least:
                rest = kept[:start] + kept[start + length :]
                if len(rest) >= least and self._asks(lambda rest=rest: make(rest)):  # type: ignore[misc]
                    kept, gone = rest, True
                else:
                    start += length
            if length == 1 and not gone:
                break
            length = max(1, length // 2) if not gone or length > len(kept) // 2 else length
        return kept


def _operators(graph: Graph) -> list[int]:
    return [key for key in graph.order() if not graph.is_variable(key)]


def _part(
    model: Model,
    kept: frozenset[int],
    hints: Mapping[tuple[int, int], Shape | None],
    *,
    bypass: bool,
) -> Model:
    """Return a model of some operators alone.

    A value of another operator becomes a variable; with `bypass` it becomes what the first input
    of that operator has become, if it has one.
    """
    part = model.copy()
    graph, old = part.graph, model.graph
    read: set[tuple[int, int]] = set()
    with graph.edit() as edit:
        stands: dict[tuple[int, int], Entry] = {}
        taken = FreeNames({graph.name(key) for key in graph.order() if graph.is_variable(key)})

        def standing(entry: Entry) -> Entry:
            while entry.node not in kept and not old.is_variable(entry.node):
                if entry.value in stands:
                    return stands[entry.value]
                inputs = old.inputs(entry.node)
                if bypass and inputs:
                    entry = inputs[0]
                    continue
                name = taken.claim(old.output_name(entry))
                shape = hints.get(entry.value)
                known = shape is not None and None not in shape
                attrs = {"__shape__": str(shape)} if known else {}
                stands[entry.value] = Entry(edit.add_variable(name, attrs))
                return stands[entry.value]
            return entry

        for key in old.order():
            if key in kept:
                inputs = [standing(entry) for entry in old.inputs(key)]
                read.update(entry.value for entry in inputs)
                control = [each for each in old.control_dependencies(key) if each in kept]
                edit.set_inputs(key, inputs, control=control)
        heads = [entry for entry in old.heads if entry.node in kept]
        for key in old.order():
            if key in kept:
                count = range(graph.signature(key).num_visible_outputs)
                if all((key, output) not in read for output in count):
                    heads.append(Entry(key))
        if not heads:
            raise UsageError("nothing is left")
        edit.set_heads(list(dict.fromkeys(heads)))
        edit.sweep()
    names = {graph.name(key) for key in graph.order() if graph.is_variable(key)}
    for name in [name for name in part.parameters if name not in names]:
        del part.parameters[name]
    return part


def _narrow(model: Model, gone: Sequence[tuple[int, str]], shapes: Mapping[str, Shape]) -> Model:
    """Return the model with some layers one channel wide, and weights cut to what that needs."""
    narrow = model.copy()
    graph = narrow.graph
    with graph.edit() as edit:
        for key, name in gone:
            edit.update_attrs(key, {name: "1"})
    from graphpass.shapes import infer

    given = {name: shape for name, shape in shapes.items() if name in graph.arguments}
    known = infer(graph, given, narrow.parameters.dtypes)
    if known.conflicts:
        raise UsageError("the shapes no longer agree")
    for key in graph.order():
        name = graph.name(key)
        if graph.is_variable(key) and name in narrow.parameters:
            shape, array = known.shape(Entry(key)), narrow.parameters[name]
            if shape is None or None in shape or len(shape) != array.ndim:
                continue
            if shape != array.shape:
                corner = tuple(slice(0, extent) for extent in shape)
                cut = np.ascontiguousarray(array[corner])
                if cut.shape != shape:
                    raise UsageError("a weight would have to grow")
                narrow.parameters[name] = cut
    return narrow
