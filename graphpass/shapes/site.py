"""What a rule sees: one operator, with what is known of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from graphpass.graph import Graph
from graphpass.ops import Attributes
from graphpass.shapes.shape import ConflictError, Shape, merge_dtypes, merge_shapes, printed

__all__ = ["DtypeRule", "DtypeSite", "Rule", "ShapeRule", "ShapeSite", "Site"]

T = TypeVar("T")


class Site(Generic[T]):
    """One operator, with what is known of its inputs and outputs: shapes, or dtypes.

    A rule reads `inputs` and `outputs` and adds to them with `input` and `output`.
    """

    __slots__ = ("attributes", "inputs", "np_shape", "op", "outputs", "subgraphs")

    def __init__(
        self,
        op: str,
        attributes: Attributes,
        inputs: list[T | None],
        outputs: list[T | None],
        subgraphs: tuple[Graph, ...],
        np_shape: bool,
    ) -> None:
        self.op = op
        self.attributes = attributes
        self.inputs = inputs
        self.outputs = outputs
        self.subgraphs = subgraphs
        self.np_shape = np_shape

    def __getitem__(self, attribute: str) -> Any:
        """Return the value of an attribute."""
        return self.attributes[attribute]

    def merge(self, one: T | None, other: T | None) -> T | None:
        """Return what two facts say together."""
        raise NotImplementedError

    def input(self, slot: int, fact: T | None) -> T | None:
        """Add what is known of an input, and return all that is known of it."""
        found = self.inputs[slot]
        if found != fact:
            try:
                found = self.inputs[slot] = self.merge(found, fact)
            except ConflictError as error:
                raise ConflictError(f"input {slot}: {error}") from None
        return found

    def output(self, slot: int, fact: T | None) -> T | None:
        """Add what is known of an output, and return all that is known of it."""
        found = self.outputs[slot]
        if found != fact:
            try:
                found = self.outputs[slot] = self.merge(found, fact)
            except ConflictError as error:
                raise ConflictError(f"output {slot}: {error}") from None
        return found

    def same(self, inputs: list[int] | range, outputs: list[int] | range) -> T | None:
        """Say that these inputs and outputs are all alike, and return what is known of them."""
        fact: T | None = None
        for slot in outputs:
            fact = self.merge(fact, self.outputs[slot])
        for slot in inputs:
            fact = self.merge(fact, self.inputs[slot])
        for slot in outputs:
            self.outputs[slot] = fact
        for slot in inputs:
            self.inputs[slot] = fact
        return fact


class ShapeSite(Site[Shape]):
    """An operator, with what is known of the shapes of its inputs and outputs."""

    __slots__ = ()

    def merge(self, one: Shape | None, other: Shape | None) -> Shape | None:
        """Return what two shapes say together; no extent is negative."""
        merged = merge_shapes(one, other)
        for extent in merged or ():
            if extent is not None and extent < 0:
                raise ConflictError(f"{printed(merged)} has a negative extent")
        return merged


class DtypeSite(Site[str]):
    """An operator, with what is known of the dtypes of its inputs and outputs."""

    __slots__ = ()

    def merge(self, one: str | None, other: str | None) -> str | None:
        """Return what two dtypes say together."""
        return merge_dtypes(one, other)


ShapeRule: TypeAlias = Callable[[ShapeSite], None]
DtypeRule: TypeAlias = Callable[[DtypeSite], None]
CostRule: TypeAlias = Callable[[ShapeSite], "int | None"]


def same_dtype(site: DtypeSite) -> None:
    """All inputs and outputs have one dtype; MXNet's rule for operators that register none."""
    site.same(range(len(site.inputs)), range(len(site.outputs)))


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operator's inputs and outputs hang together."""

    shape: ShapeRule
    dtype: DtypeRule = same_dtype
    cost: CostRule | None = None
    """Multiply-adds of a node whose shapes are known; None: it does none."""
