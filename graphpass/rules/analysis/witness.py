"""Sketch -> models: names, attributes and small parameters for what a sketch leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import prod
from typing import Any, NamedTuple

import numpy as np

from graphpass.errors import GraphpassError, UsageError
from graphpass.formats.parameters import Parameters
from graphpass.formats.text_stamps import natural_stamps
from graphpass.graph import Edit, Entry, Graph
from graphpass.model import Model
from graphpass.ops import find, format_value
from graphpass.ops.operator import input_bounds
from graphpass.ops.values import Value as Constant
from graphpass.rules.analysis.attribute_choices import attribute_choices, plainest_first
from graphpass.rules.analysis.guesses import (
    Owner,
    ShapeGuess,
    attribute_guesses,
    computed_with,
    shape_guesses,
)
from graphpass.rules.analysis.sketch import (
    Box,
    Drawing,
    Leaf,
    Output,
    Source,
    boxes_below,
    inputs_of,
    settled,
    settled_box,
)
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["Witness", "is_unrealised", "witnesses"]

_MOST_MODELS = 48
_MOST_CHOICES = 16
_STORED = frozenset({"weight", "bias", "gamma", "beta", "parameters"})
_CHANNELS = 2
"""How many channels everything has: attributes that count them are guessed as 2 too."""

_MOST_ELEMENTS = 2**16
"""Of a parameter of such a model."""


class Witness(NamedTuple):
    """A model in which patterns are laid over each other."""

    model: Model

    roots: tuple[int, ...]
    """Per drawing the key of its first root."""

    keys: Mapping[Box, int]
    """Key of each operator."""


def witnesses(drawings: Sequence[Drawing], rewrites: Sequence[Rewrite]) -> Iterator[Witness]:
    """Yield models for a sketch, the plainest first.

    Parameters
    ----------
    drawings : sequence of Drawing
        What is drawn on the sketch.
    rewrites : sequence of Rewrite
        The rewrite of each; its conditions give values that are worth trying, and what it computes
        with has a value.

    Notes
    -----
    A bounded number of models, each as large as the patterns together.
    """
    sinks = [root.box for each in drawings for root in map(settled, each.roots)
             if isinstance(root, Output)]  # fmt: skip
    boxes = boxes_below([*sinks, *_boxes(drawings)])
    if boxes is None or any(not each.roots or isinstance(settled(each.roots[0]), Leaf)
                            for each in drawings):  # fmt: skip
        return
    hints = attribute_guesses(rewrites)
    choices = [list(islice(_choices(box, hints), _MOST_CHOICES)) for box in boxes]
    stored = {(n, name) for n, each in enumerate(rewrites) for name in computed_with(each)}
    shapes = shape_guesses(rewrites)
    for chosen in islice(plainest_first(choices), _MOST_MODELS):
        try:
            yield _build(drawings, boxes, chosen, stored, shapes)
        except GraphpassError:  # attributes that contradict each other in a way no table tells
            continue


def is_unrealised(drawings: Sequence[Drawing]) -> bool:
    """Return whether a sketch without any witness may be the picture of a graph all the same.

    Parameters
    ----------
    drawings : sequence of Drawing
        What is drawn on the sketch.
    """
    boxes = list(_boxes(drawings))
    roots = [settled(drawing.roots[0]) for drawing in drawings if drawing.roots]
    if boxes_below(boxes) is None or any(isinstance(root, Leaf) for root in roots):
        return False
    return all(any(_may_read(op, box) for op in box.ops) for box in boxes)


def _boxes(drawings: Sequence[Drawing]) -> Iterator[Box]:
    for drawing in drawings:
        yield from map(settled_box, drawing.boxes.values())


def _may_read(op: str, box: Box) -> bool:
    """Return whether an operator can have as many inputs as a box has, with its attributes."""
    operator = find(op)
    if operator is None:
        return True
    known = {name: value for name, value in box.tests.items() if name in operator.attributes}
    bounds = input_bounds(operator, known)
    return bounds.least <= len(box.inputs) and (
        bounds.most is None or len(box.inputs) <= bounds.most
    )


def _choices(
    box: Box, hints: Mapping[Owner, Mapping[str, list[Constant]]]
) -> Iterator[tuple[str, dict[str, str]]]:
    wanted: dict[str, list[Constant]] = {}
    for label in sorted(box.labels):
        for name, values in hints.get(label, {}).items():
            wanted.setdefault(name, []).extend(values)
    for op in box.ops:
        for attrs in attribute_choices(op, box.tests, len(box.inputs), box.visible, wanted):
            yield op, attrs


# -- the model -----------------------------------------------------------------------------------


class _Names:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, base: str) -> str:
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}{number}"
        self._taken.add(name)
        return name


def _build(
    drawings: Sequence[Drawing],
    boxes: Sequence[Box],
    chosen: Sequence[tuple[str, dict[str, str]]],
    stored: set[Owner],
    shapes: Mapping[Owner, ShapeGuess],
) -> Witness:
    graph, names = Graph(), _Names()
    keys: dict[Box, int] = {}
    leaves: dict[Leaf, int] = {}
    with graph.edit() as edit:

        def entry(source: Source) -> Entry:
            if isinstance(source, Output):
                return Entry(keys[source.box], source.number)
            if source not in leaves:
                leaves[source] = edit.add_variable(names.free(source.label or "value"))
            return Entry(leaves[source])

        for box, (op, attrs) in zip(boxes, chosen, strict=True):
            inputs = [entry(source) for source in inputs_of(box)]
            name = names.free(box.label or op.strip("_").lower())
            keys[box] = edit.add_node(op, name, attrs, inputs)
        edit.set_heads(_heads(drawings, graph, keys))
        _stamp(graph, edit)
        kept = {leaf for leaf, key in leaves.items() if _is_stored(graph, leaf, key, stored)}
        for leaf in leaves.keys() - kept:
            for guess in _guesses(leaf, shapes):
                text = format_value(guess.shape((), _CHANNELS))
                edit.set_attrs(leaves[leaf], {"__shape__": text})
    model = Model(graph, _parameters(graph, leaves, kept, shapes))
    roots = [settled(drawing.roots[0]) for drawing in drawings]
    return Witness(
        model, tuple([keys[root.box] for root in roots if isinstance(root, Output)]), keys
    )


def _stamp(graph: Graph, edit: Edit) -> None:
    """Give what reads auxiliary states the stamps that composing gives, so that none is printed."""
    stamps: dict[int, dict[int, int]] = {}
    for (key, slot), stamp in natural_stamps(graph).items():
        stamps.setdefault(key, {})[slot] = stamp
    for key, slots in stamps.items():
        entries = [
            entry._replace(version=slots.get(slot, 0))
            for slot, entry in enumerate(graph.inputs(key))
        ]
        edit.set_inputs(key, entries)


def _heads(drawings: Sequence[Drawing], graph: Graph, keys: Mapping[Box, int]) -> list[Entry]:
    """Return the roots that nothing reads, and the first output of whatever else is not read."""
    given = [settled(root) for drawing in drawings for root in drawing.roots]
    entries = [Entry(keys[each.box], each.number) for each in given if isinstance(each, Output)]
    entries += [Entry(key) for key in keys.values() if key not in {each.node for each in entries}]
    return list(dict.fromkeys(each for each in entries if not graph.readers(each.node)))


def _parameters(
    graph: Graph,
    leaves: Mapping[Leaf, int],
    stored: set[Leaf],
    shapes: Mapping[Owner, ShapeGuess],
) -> Parameters:
    parameters = Parameters()
    random = np.random.default_rng(0)
    auxiliary = set(graph.variable_keys().auxiliary_states)
    for leaf, key in leaves.items():
        if leaf in stored:
            shape = _shape(graph, key)
            for guess in _guesses(leaf, shapes):
                shape = guess.shape(shape, _CHANNELS)
            if min(shape, default=0) < 0 or prod(shape) > _MOST_ELEMENTS:
                raise UsageError(f"no parameter of the shape {shape} is tried")
            array = random.uniform(0.5, 1.5, shape).astype(np.float32)
            parameters.set(graph.name(key), array, "aux" if key in auxiliary else "arg")
    return parameters


def _guesses(leaf: Leaf, shapes: Mapping[Owner, ShapeGuess]) -> list[ShapeGuess]:
    return [shapes[owner] for owner in sorted(leaf.names) if owner in shapes]


def _is_stored(graph: Graph, leaf: Leaf, key: int, stored: set[Owner]) -> bool:
    if key in graph.variable_keys().auxiliary_states:
        return True
    has_value = leaf.kinds or _slot(graph, key) in _STORED or not leaf.names.isdisjoint(stored)
    return bool(has_value) and "input" not in leaf.kinds


def _slot(graph: Graph, key: int) -> str:
    """Return what the first reader of a variable calls it."""
    [reader, slot] = graph.uses(key)[0]
    names = graph.signature(reader).input_names
    return names[slot] if names is not None and slot < len(names) else ""


def _shape(graph: Graph, key: int) -> tuple[int, ...]:
    """Return a shape for a parameter where everything has `_CHANNELS` channels."""
    if _slot(graph, key) != "weight":
        return (_CHANNELS,)
    attributes: Mapping[str, Any] = graph.node(graph.uses(key)[0].node).attributes
    kernel = attributes.get("kernel", ())
    return (_CHANNELS, _CHANNELS, *(kernel if isinstance(kernel, tuple) else ()))
