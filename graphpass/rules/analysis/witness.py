"""Sketch -> models: names, attributes and small parameters for what a sketch leaves open."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np

from graphpass.errors import GraphpassError
from graphpass.formats.parameters import Parameters
from graphpass.formats.text_stamps import natural_stamps
from graphpass.graph import Edit, Entry, Graph
from graphpass.model import Model
from graphpass.ops.values import Value as Constant
from graphpass.rules.analysis.attribute_choices import attribute_choices
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
from graphpass.rules.rewriting.body import TextBody
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["Witness", "witnesses"]

_MOST_MODELS = 24
_MOST_CHOICES = 8
_STORED = frozenset({"weight", "bias", "gamma", "beta", "parameters"})
_CHANNELS = 2
"""How many channels everything has: attributes that count them are guessed as 2 too."""


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
    boxes = boxes_below(
        [*sinks, *(settled_box(b) for each in drawings for b in each.boxes.values())]
    )
    if boxes is None or any(not each.roots or isinstance(settled(each.roots[0]), Leaf)
                            for each in drawings):  # fmt: skip
        return
    hints = _hints(rewrites)
    choices = [list(islice(_choices(box, hints), _MOST_CHOICES)) for box in boxes]
    stored = {(n, name) for n, each in enumerate(rewrites) for name in _computed_with(each)}
    for chosen in islice(product(*choices), _MOST_MODELS):
        try:
            yield _build(drawings, boxes, chosen, stored)
        except GraphpassError:  # attributes that contradict each other in a way no table tells
            continue


def _choices(
    box: Box, hints: Mapping[tuple[int, str], Mapping[str, list[Constant]]]
) -> Iterator[tuple[str, dict[str, str]]]:
    wanted: dict[str, list[Constant]] = {}
    for label in sorted(box.labels):
        for name, values in hints.get(label, {}).items():
            wanted.setdefault(name, []).extend(values)
    for op in box.ops:
        for attrs in attribute_choices(op, box.tests, len(box.inputs), box.visible, wanted):
            yield op, attrs


# -- what conditions say -------------------------------------------------------------------------


def _hints(rewrites: Sequence[Rewrite]) -> dict[tuple[int, str], dict[str, list[Constant]]]:
    """Return the literals that stand in a condition together with ``node.attribute``."""
    found: dict[tuple[int, str], dict[str, list[Constant]]] = {}
    for number, rewrite in enumerate(rewrites):
        if not isinstance(rewrite.body, TextBody):
            continue
        for condition in rewrite.body.where:
            literals = list(_literals(condition.text))
            for name, word in sorted(condition.attributes):
                found.setdefault((number, name), {}).setdefault(word, []).extend(literals)
    return found


def _literals(text: str) -> Iterator[Constant]:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    yield from (True, False)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.UnaryOp):
            try:
                value = ast.literal_eval(node)
            except (ValueError, TypeError, SyntaxError):
                continue
            yield tuple(value) if isinstance(value, list) else value


def _computed_with(rewrite: Rewrite) -> set[str]:
    """Return the names whose values a rewrite looks at."""
    if not isinstance(rewrite.body, TextBody):
        return set(rewrite.body.reads)
    found = {name for each in rewrite.body.let.values() for name in each.names}
    return found | {n for each in rewrite.body.where if "known(" in each.text for n in each.names}


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
    stored: set[tuple[int, str]],
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
    model = Model(graph, _parameters(graph, leaves, stored))
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
    return list(dict.fromkeys(each for each in entries if not graph.dag.succ[each.node]))


def _parameters(
    graph: Graph, leaves: Mapping[Leaf, int], stored: set[tuple[int, str]]
) -> Parameters:
    parameters = Parameters()
    random = np.random.default_rng(0)
    auxiliary = set(graph.variable_keys().auxiliary_states)
    for leaf, key in leaves.items():
        [reader, slot] = graph.uses(key)[0]
        names = graph.signature(reader).input_names
        word = names[slot] if names is not None and slot < len(names) else ""
        has_value = leaf.kinds or word in _STORED or not leaf.names.isdisjoint(stored)
        if key in auxiliary or (has_value and "input" not in leaf.kinds):
            array = random.uniform(0.5, 1.5, _shape(graph, reader, word)).astype(np.float32)
            parameters.set(graph.name(key), array, "aux" if key in auxiliary else "arg")
    return parameters


def _shape(graph: Graph, reader: int, word: str) -> tuple[int, ...]:
    """Return a shape for a parameter where everything has `_CHANNELS` channels."""
    attributes: Mapping[str, Any] = graph.node(reader).attributes
    if word != "weight":
        return (_CHANNELS,)
    kernel = attributes.get("kernel", ())
    return (_CHANNELS, _CHANNELS, *(kernel if isinstance(kernel, tuple) else ()))
