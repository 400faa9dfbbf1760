"""What one firing will put in: new nodes and parameters, before the graph is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from graphpass.errors import OperationError
from graphpass.graph import Entry
from graphpass.ops import find, format_value
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import Expression

__all__ = [
    "Draft",
    "Made",
    "NewNode",
    "NewParameter",
    "Refusal",
    "Source",
    "Stage",
    "attribute_text",
    "literal_text",
    "operator_attrs",
    "user_attrs",
]


Stage: TypeAlias = Literal["where", "let", "replace", "outputs", "control", "subgraph"]
"""What is looked at, in this order; conditions that read computed values come after ``let``."""


class Refusal(Exception):  # noqa: N818 - no error: the rewrite says that it does not apply
    """Says that a rewrite does not take a match."""

    def __init__(self, reason: str, condition: str | None = None, stage: Stage = "where") -> None:
        super().__init__(reason)
        self.reason = reason
        self.condition = condition
        """The condition that does not hold, as it is written, or the name of what is not known."""
        self.stage = stage
        """At what it stopped."""


class Made(NamedTuple):
    """An output of a new node."""

    node: int
    """The node's position in the draft."""

    output: int = 0


@dataclass(slots=True, eq=False)
class NewParameter:
    """A variable with a value that the rewrite computed."""

    array: npt.NDArray[Any]

    label: str
    """What the rewrite calls it."""

    only_source: int | None = None
    """Key of the one parameter that it was computed from, where there is just one."""

    name: str | None = None
    """The name that the rewrite asks for."""

    like: int | None = None
    """Key of the parameter whose place the rewrite says that it takes."""


Source: TypeAlias = Entry | Made | NewParameter
"""What a new node may read."""


@dataclass(slots=True, eq=False)
class NewNode:
    """An operator to be."""

    op: str
    """Canonical name."""

    attrs: dict[str, str]
    inputs: list[Source]

    label: str
    """What the rewrite calls it; the name is made of it where the rewrite gives none."""

    name: str | None = None
    """The name that the rewrite asks for."""


@dataclass(slots=True, eq=False)
class Draft:
    """Everything that one firing puts in."""

    nodes: list[NewNode] = field(default_factory=list)
    """Each after what it reads."""

    results: Sequence[Entry | Made | None] = ()
    """What takes the place of each root; None where nothing has to."""

    @property
    def has_parameters(self) -> bool:
        """Whether something new reads a computed parameter."""
        return any(
            isinstance(source, NewParameter) for node in self.nodes for source in node.inputs
        )

    def read_nodes(self) -> set[int]:
        """Return the nodes of the graph that something new reads, or that take a root's place."""
        found = {
            source.node
            for node in self.nodes
            for source in node.inputs
            if isinstance(source, Entry)
        }
        found.update([result.node for result in self.results if isinstance(result, Entry)])
        return found

    def pruned(self, needed: Sequence[bool]) -> Draft:
        """Return the same without the results that nothing needs, and what only they read."""
        results = [
            result if wanted else None for result, wanted in zip(self.results, needed, strict=True)
        ]
        alive: set[int] = set()
        pending = [result.node for result in results if isinstance(result, Made)]
        while pending:
            position = pending.pop()
            if position not in alive:
                alive.add(position)
                inputs = self.nodes[position].inputs
                pending += [source.node for source in inputs if isinstance(source, Made)]
        places = {old: new for new, old in enumerate(sorted(alive))}
        for position in alive:
            node = self.nodes[position]
            node.inputs = [
                source._replace(node=places[source.node]) if isinstance(source, Made) else source
                for source in node.inputs
            ]
        return Draft(
            [self.nodes[position] for position in sorted(alive)],
            [
                result._replace(node=places[result.node]) if isinstance(result, Made) else result
                for result in results
            ],
        )

    def num_outputs(self, made: Made) -> int:
        """Return how many outputs a new node has from a given one on, hidden ones included."""
        node = self.nodes[made.node]
        operator = find(node.op)
        return 1 if operator is None else operator.signature(node.attrs).num_outputs - made.output


def attribute_text(value: Any, where: str) -> str:
    """Return the text that MXNet's Python front end writes for a value.

    Raises
    ------
    OperationError
        If it is no value of an attribute, such as an array.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        value = tuple(_plain(each, where) for each in value)
    elif not isinstance(value, bool | int | float | None):
        raise OperationError(
            f"{where} is a {type(value).__name__}; an attribute is a number, a text, True, False, "
            "None or a tuple of them"
        )
    return format_value(value)


def literal_text(value: Expression) -> str | Expression | None:
    """Return the text of a value that is written out, None for None; what is computed stays."""
    if value.literal is None:
        return value
    (literal,) = value.literal
    return None if literal is None else attribute_text(literal, value.text)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_plain(each, where) for each in value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | int | float | str | None):
        return value
    raise OperationError(f"{where} holds a {type(value).__name__}, which no attribute can hold")


def operator_attrs(op: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that say what an operator does, without those a user hung on it."""
    operator = find(op)
    if operator is None or operator.open_keys or not operator.attributes:
        return {key: text for key, text in attrs.items() if not is_hidden_key(key)}
    return {key: text for key, text in attrs.items() if key in operator.attributes}


def user_attrs(op: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that a user hung on a node, such as ``__lr_mult__``."""
    own = operator_attrs(op, attrs)
    return {key: text for key, text in attrs.items() if key not in own}
