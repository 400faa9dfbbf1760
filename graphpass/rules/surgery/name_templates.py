r"""Templates of new names for nodes that exist: what may stand in braces, and what is filled in.

===========  ====================================================================================
field        is
===========  ====================================================================================
``{name}``   the old name
``{op}``     of an operator: what it runs, in short: ``conv``, ``bn``, ``fc``, ``elemwise_add``
``{user}``   of a variable: the name of the first operator that reads it
``{input}``  of a variable: what that operator calls the input, such as ``weight``
``{index}``  0, 1, …: the first number that makes the name free
``{unique}`` nothing if the name is free, else ``_1``, ``_2``, …
===========  ====================================================================================

In what stands between the fields, ``\1`` is a group of a ``regex:`` selector.
"""

from __future__ import annotations

import re

from graphpass.errors import OperationError, count, suggestion
from graphpass.graph import Graph
from graphpass.graph.invariants import describe

__all__ = ["FreeNames", "NameTemplate", "short_name"]

_FIELD = re.compile(r"\{(\w+)\}")
_FIELDS = ("name", "op", "user", "input", "index", "unique")
_NUMBER = "\0"
"""Stands for the number until it is known; no name holds it."""

_SHORT = {
    "Activation": "act",
    "BatchNorm": "bn",
    "Convolution": "conv",
    "Deconvolution": "deconv",
    "FullyConnected": "fc",
    "Pooling": "pool",
}


def short_name(op: str) -> str:
    """Return what an operator is called in names.

    Examples
    --------
    >>> short_name("Convolution"), short_name("_contrib_ROIAlign"), short_name("_plus_scalar")
    ('conv', 'roialign', 'plus_scalar')
    """
    return _SHORT.get(op) or op.lower().lstrip("_").removeprefix("contrib_")


class FreeNames:
    """Gives every node a name of its own; counts on from where a base was left."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._next: dict[str, int] = {}

    def take(self, base: str, *, numbered: bool) -> str:
        """Return the first free name of a base, in which the number's place is marked.

        Parameters
        ----------
        base : str
            The name; of one that is `numbered`, with the mark where the number goes.
        numbered : bool
            Whether the number is there always, from 0, or behind a ``_`` from 1 where it has to be.
        """
        if not numbered and base.replace(_NUMBER, "") not in self._taken:
            return self._took(base.replace(_NUMBER, ""))
        number = self._next.get(base, 0 if numbered else 1)
        while (name := base.replace(_NUMBER, f"{'' if numbered else '_'}{number}")) in self._taken:
            number += 1
        self._next[base] = number + 1
        return self._took(name)

    def _took(self, name: str) -> str:
        self._taken.add(name)
        return name


class NameTemplate:
    """A template, taken apart, for the nodes of one graph.

    Raises
    ------
    OperationError
        If a field is unknown, or both ``{index}`` and ``{unique}`` are there.
    """

    def __init__(self, text: str, graph: Graph) -> None:
        self.text = text
        self._graph = graph
        self._position: dict[int, int] = {}
        self._pieces = _FIELD.split(text)
        fields = self._pieces[1::2]
        for name in fields:
            if name not in _FIELDS:
                raise OperationError(
                    f"the template {text!r} has a field {{{name}}}{suggestion(name, _FIELDS)}; "
                    f"there are {', '.join(f'{{{each}}}' for each in _FIELDS)}"
                )
        if {"index", "unique"} <= set(fields):
            raise OperationError(
                f"the template {text!r} has both {{index}} and {{unique}}; one of them is enough"
            )
        self.numbered = "index" in fields
        self._asks_readers = not {"user", "input"}.isdisjoint(fields)
        self.is_free = self.numbered or "unique" in fields
        """Whether no two nodes get one name."""

    def fits(self, key: int) -> bool:
        """Return whether a node has something for every field; a head that nothing reads has not.

        Constant, after a walk over the graph.
        """
        return not self._asks_readers or bool(self._uses(key))

    def fill(self, key: int, match: re.Match[str] | None = None) -> str:
        """Return the name for a node, with a mark for its number.

        Parameters
        ----------
        key : int
            The node.
        match : re.Match, optional
            Where a regular expression selected it: its groups are filled in between the fields.

        Raises
        ------
        OperationError
            If the node has nothing for a field, or the expression no such group.
        """
        pieces = list(self._pieces)
        for position, piece in enumerate(pieces):
            if position % 2:
                pieces[position] = self._value(key, piece)
            elif match is not None:
                pieces[position] = self._expand(match, piece)
        return "".join(pieces)

    def _value(self, key: int, field: str) -> str:
        graph = self._graph
        if field in ("index", "unique"):
            return _NUMBER
        if field == "name":
            return graph.name(key)
        if graph.is_variable(key) == (field == "op"):
            kind = "operators" if field == "op" else "variables"
            raise OperationError(
                f"the template {self.text!r} has {{{field}}}, which is for {kind}, and selects "
                f"{describe(graph, key)}; say `kind: {kind}`"
            )
        return short_name(graph.op(key)) if field == "op" else self._reading(key, field)

    def _reading(self, key: int, field: str) -> str:
        """Return which operator reads a variable first, or as what."""
        graph = self._graph
        uses = self._uses(key)
        if not uses:
            raise OperationError(
                f"the template {self.text!r} has {{{field}}}, and no operator reads "
                f"{describe(graph, key)}"
            )
        _, slot, reader = min(uses)
        if field == "user":
            return graph.name(reader)
        names = graph.signature(reader).input_names or ()
        return names[slot] if slot < len(names) else f"input{slot}"

    def _uses(self, key: int) -> list[tuple[int, int, int]]:
        """Return who reads a node: places in saved order, slots, and nodes."""
        if not self._position:
            self._position = {each: at for at, each in enumerate(self._graph.order())}
        place = self._position
        return [
            (place[reader], slot, reader)
            for reader, slot in self._graph.uses(key)
            if reader in place
        ]

    def _expand(self, match: re.Match[str], piece: str) -> str:
        try:
            return match.expand(piece)
        except (re.error, IndexError) as error:
            raise OperationError(
                f"the template `{self.text}` does not fit regex:{match.re.pattern}, which has "
                f"{count(match.re.groups, 'group')}: {error}"
            ) from None
