"""What the outputs of a network can tell: how far rounding moves them, and what decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mxnet_judge import Judge
from numpy.typing import NDArray

from graphpass import Entry, Model

__all__ = [
    "TOLERANCE",
    "SameDecisions",
    "defined",
    "errors",
    "fed",
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

_MOST_DOUBLINGS = 16
"""So that no parameter moves by a hundredth."""

_COMPARISONS = ("greater", "greater_equal", "lesser", "lesser_equal", "equal", "not_equal")

_DECIDING = frozenset(
    {
        "_contrib_MultiBoxDetection",
        "_contrib_MultiProposal",
        "_contrib_Proposal",
        "_contrib_box_nms",
        "argmax",
        "argmin",
        "argsort",
        "ceil",
        "fix",
        "floor",
        "rint",
        "round",
        "sign",
        "sort",
        "topk",
        "trunc",
        *(f"_{name}" for name in _COMPARISONS),
        *(f"_{name}_scalar" for name in _COMPARISONS),
        *(f"broadcast_{name}" for name in _COMPARISONS),
    }
)
"""Operators whose results may jump where what they read moves in its last place."""

_LONGEST_ROW = 7
"""Of a detector: a number for the image, one for the class, a score and four corners."""


@dataclass(frozen=True)
class SameDecisions:
    """Compares networks in which operators that sort or compare hand on what the original decided.

    So a tie that rounding breaks otherwise changes nothing behind it. What is compared is what
    those operators read, and the outputs.
    """

    judge: Judge
    inputs: Mapping[str, Array]

    decisions: Mapping[tuple[str, int], Array]
    """What is handed on, by the name of the operator and the number of its output."""

    expected: Sequence[Array]
    """What the original computes."""

    @classmethod
    def of(
        cls, judge: Judge, before: Model, after: Model, inputs: Mapping[str, Array]
    ) -> SameDecisions | None:
        """Return what compares with an original; None if both decide nothing.

        Operators are found by their names, which rewrites keep.
        """
        deciding = _deciding(before)
        theirs = _deciding(after)
        values = [
            (name, output)
            for name, key in deciding.items()
            if name in theirs and _same(before, key, after, theirs[name])
            for output in sorted(_read(before, key))
        ]
        if not values:
            return None
        ending = before.copy()
        with ending.graph.edit() as edit:
            edit.set_heads([Entry(deciding[name], output) for name, output in values])
        decisions = dict(zip(values, judge.outputs(ending, fed(ending, inputs)), strict=True))
        bare = cls(judge, inputs, decisions, ())
        return cls(judge, inputs, decisions, bare.outputs(before))

    def errors(self, model: Model) -> list[float]:
        """Return how far a model is from the original, column by column."""
        return errors(_columns(self.outputs(model)), _columns(self.expected))

    def outputs(self, model: Model) -> list[Array]:
        """Return what decides, and the outputs."""
        other = model.copy()
        keys = _deciding(other)
        handed = {value: f"{value[0]}_handed_on_{value[1]}" for value in self.decisions}
        with other.graph.edit() as edit:
            edit.redirect_all(
                {
                    Entry(keys[name], output): Entry(edit.add_variable(variable), 0)
                    for (name, output), variable in handed.items()
                }
            )
            names = dict.fromkeys(name for name, _ in handed)
            read = [entry for name in names for entry in other.graph.inputs(keys[name])]
            edit.set_heads([*read, *other.graph.heads])
        given = {handed[value]: array for value, array in self.decisions.items()}
        return self.judge.outputs(other, fed(other, {**self.inputs, **given}))


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


def fed(model: Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the inputs that a model reads."""
    read = set(model.graph.arguments)
    return {name: value for name, value in inputs.items() if name in read}


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


def defined(model: Model) -> Model:
    """Return the model with no region of interest that is of no image.

    Detectors write such regions to leave a level of features out. On the CPU, ROIAlign of MXNet
    1.9.1 then returns what was in memory, so what such a network returns depends on where its
    values are kept (``ROIAlignForward`` in ``src/operator/contrib/roi_align.cc``).
    """
    other = model.copy()
    graph = other.graph
    with graph.edit() as edit:
        for key in graph.order():
            if graph.op(key) == "_contrib_ROIAlign":
                read = graph.inputs(key)[1]
                name = f"{graph.name(key)}_regions"
                new = edit.add_node("_maximum_scalar", name, {"scalar": "0"}, [read])
                edit.set_input(key, 1, Entry(new, 0))
    return other


def moved_by_rounding(
    judge: Judge,
    model: Model,
    inputs: Mapping[str, Array],
    expected: Sequence[Array],
    same_decisions: SameDecisions | None,
    distance: float,
) -> list[float]:
    """Return how far each output moves with parameters that are off in their last places.

    By a unit in the last place, then by 2, 4, … units, until what decides has moved as far as a
    pass moved it: by a distance, or `TOLERANCE` if that is less. Where nothing does, a unit is all.
    """
    largest = [0.0] * len(expected)
    for doublings in range(_MOST_DOUBLINGS):
        other = moved(model, _PLACE * 2**doublings, seed=doublings)
        trial = errors(judge.outputs(other, inputs), expected)
        largest = [max(pair) for pair in zip(largest, trial, strict=True)]
        if same_decisions is None:
            break
        if max(same_decisions.errors(other)) >= min(distance, TOLERANCE):
            break
    return largest


def _columns(values: Sequence[Array]) -> list[Array]:
    """Return rows of scores and corners column by column, as their numbers differ in size."""
    return [
        column
        for value in values
        for column in (np.moveaxis(value, -1, 0) if value.shape[-1] <= _LONGEST_ROW else [value])
    ]


def _deciding(model: Model) -> dict[str, int]:
    """Return the operators that decide and share their names with no other node."""
    graph = model.graph
    return {
        graph.name(key): key
        for key in graph.order()
        if graph.op(key) in _DECIDING and len(graph.named(graph.name(key))) == 1
    }


def _same(before: Model, key: int, after: Model, other: int) -> bool:
    """Return whether two operators do the same."""
    first, second = before.graph, after.graph
    return first.op(key) == second.op(other) and first.attrs(key) == second.attrs(other)


def _read(model: Model, key: int) -> set[int]:
    """Return the numbers of the outputs of an operator that something reads."""
    graph = model.graph
    heads = {head.output for head in graph.heads if head.node == key}
    return heads | {graph.inputs(use.node)[use.slot].output for use in graph.uses(key)}
