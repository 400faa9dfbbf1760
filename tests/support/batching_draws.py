"""One operator with its inputs, ready to run, and small draws to make such cases of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphpass.graph import Entry, Graph

__all__ = ["Case", "Draw", "Input", "Shape", "any_axis", "axis_of", "data", "pick", "shape_of",
           "signed"]  # fmt: skip

Shape = tuple[int, ...]
Draw = Any


@dataclass(frozen=True)
class Input:
    """One input of an operator."""

    shape: Shape
    axis: int | None = 0
    """Along which axis it is joined; None: the same in all branches."""
    bound: int | None = None
    """Of whole numbers: all are below it."""
    low: int = 0


@dataclass(frozen=True)
class Case:
    """An operator, ready to run."""

    op: str
    attrs: Mapping[str, Any]
    inputs: Sequence[Input]
    written: int | None = None
    """How many of its outputs MXNet writes in inference; None: all."""

    def graph(self) -> Graph:
        """Return the operator as a graph that returns all visible outputs that are written."""
        graph = Graph()
        texts = {name: str(value) for name, value in self.attrs.items()}
        with graph.edit() as edit:
            keys = [edit.add_variable(f"x{slot}") for slot in range(len(self.inputs))]
            key = edit.add_node(self.op, "node", texts, [Entry(each) for each in keys])
            visible = self.written or graph.signature(key).num_visible_outputs
            edit.set_heads([Entry(key, output) for output in range(visible)])
        return graph

    def arrays(self, seed: int, slot: int) -> np.ndarray:
        """Return random values of one input."""
        numbers = np.random.default_rng([seed, slot])
        given = self.inputs[slot]
        if given.bound is not None:
            return numbers.integers(given.low, given.bound, given.shape).astype("float32")
        return numbers.uniform(0.1, 1.5, given.shape).astype("float32")


def pick(draw: Draw, *choices: Any) -> Any:
    return draw(st.sampled_from(choices))


def shape_of(draw: Draw, least: int = 1, most: int = 4) -> Shape:
    rank = draw(st.integers(least, most))
    return tuple(draw(st.lists(st.sampled_from((1, 2, 3, 4)), min_size=rank, max_size=rank)))


def axis_of(draw: Draw, shape: Sequence[int], usual: int = 0) -> int:
    usual = min(usual, len(shape) - 1)
    return pick(draw, usual, usual, draw(st.integers(0, len(shape) - 1)))


def signed(draw: Draw, axis: int, rank: int) -> int:
    return pick(draw, axis, axis - rank)


def any_axis(draw: Draw, rank: int) -> int:
    return draw(st.integers(-rank, rank - 1))


def data(draw: Draw, shape: Shape, usual: int = 0) -> Input:
    return Input(shape, axis_of(draw, shape, usual))
