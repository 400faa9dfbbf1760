"""What the outputs of a network can tell: how far rounding moves them, and what is sorted first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mxnet_judge import Judge
from numpy.typing import NDArray

from graphpass import Entry, Graph, Model

__all__ = [
    "TOLERANCE",
    "columns",
    "cut_at_sorting",
    "errors",
    "moved",
    "moved_by_rounding",
    "tolerance",
]

Array = NDArray[Any]

TOLERANCE = 1e-4
"""How far an output in single precision may move, relative to its largest number."""

_HALF_TOLERANCE = 1e-2

_PLACE = 2.0**-23
"""One unit in the last place of a number in single precision, relative to it."""

_TRIALS = 5

_SORTING = frozenset(
    {
        "_contrib_MultiBoxDetection",
        "_contrib_MultiProposal",
        "_contrib_Proposal",
        "_contrib_box_nms",
        "argsort",
        "sort",
        "topk",
    }
)
"""Operators that sort what they read, so that rounding may change a row altogether."""


_LONGEST_ROW = 7
"""Of the operators above: a number for the image, one for the class, a score and four corners."""


def tolerance(output: Array) -> float:
    """Return how far an output may move."""
    return _HALF_TOLERANCE if output.dtype == np.float16 else TOLERANCE


def errors(found: Sequence[Array], expected: Sequence[Array]) -> list[float]:
    """Return the largest error of each output, relative to its largest number."""
    result = []
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        ours, theirs = ours.astype("float64"), theirs.astype("float64")
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=0) or 1
        with np.errstate(invalid="ignore"):
            result.append(float(np.where(same, 0, np.abs(ours - theirs)).max(initial=0) / scale))
    return result


def columns(values: Sequence[Array]) -> list[Array]:
    """Return rows of scores and corners column by column, as their numbers differ in size."""
    return [
        column
        for value in values
        for column in (np.moveaxis(value, -1, 0) if value.shape[-1] <= _LONGEST_ROW else [value])
    ]


def moved(model: Model, step: float, seed: int = 0) -> Model:
    """Return the model with every decimal parameter moved up or down by a step, relative to it."""
    numbers = np.random.default_rng(seed)
    other = model.copy()
    for name in list(other.parameters):
        value = np.array(other.parameters[name])
        if value.dtype.kind == "f":
            factor = 1 + numbers.choice([-step, step], value.shape)
            other.parameters[name] = (value * factor).astype(value.dtype)
    return other


def moved_by_rounding(
    judge: Judge,
    model: Model,
    inputs: Mapping[str, Array],
    expected: Sequence[Array],
    suspects: Sequence[int],
) -> list[float]:
    """Return how far each output moves with parameters that are off in their last places.

    By a unit in the last place, then by 2, 4, … units, until all of the suspects have moved.
    """
    largest = [0.0] * len(expected)
    for trial_number in range(_TRIALS):
        other = moved(model, _PLACE * 2**trial_number, seed=trial_number)
        trial = errors(judge.outputs(other, inputs), expected)
        largest = [max(pair) for pair in zip(largest, trial, strict=True)]
        if not any(largest[n] < tolerance(expected[n]) for n in suspects):
            break
    return largest


def cut_at_sorting(before: Model, after: Model) -> tuple[Model, Model] | None:
    """Return two models that end in what is sorted before anything else; None if nothing is.

    The values are found by the names of their nodes, which rewrites keep.
    """
    named = [
        {model.graph.name(key): key for key in model.graph.order()} for model in (before, after)
    ]
    values = [
        (name, output)
        for name, output in _sorted_first(before.graph)
        if name in named[0] and name in named[1]
    ]
    if not values:
        return None
    first, second = (
        _ending_in(model, [Entry(keys[name], output) for name, output in values])
        for model, keys in zip((before, after), named, strict=True)
    )
    return first, second


def _ending_in(model: Model, heads: Sequence[Entry]) -> Model:
    cut = model.copy()
    with cut.graph.edit() as edit:
        edit.set_heads(heads)
    return cut


def _sorted_first(graph: Graph) -> list[tuple[str, int]]:
    """Return name and output of what sorting operators read that nothing sorted before."""
    found: dict[tuple[str, int], None] = {}
    is_sorted: set[int] = set()
    for key in graph.order():
        entries = graph.inputs(key)
        if any(entry.node in is_sorted for entry in entries):
            is_sorted.add(key)
        elif graph.op(key) in _SORTING:
            is_sorted.add(key)
            found.update(dict.fromkeys((graph.name(node), output) for node, output, _ in entries))
    return list(found)
