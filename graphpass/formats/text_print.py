"""Graph to text form, and the version stamps that it need not write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from graphpass.errors import AttributeValueError
from graphpass.formats.python_text import quoted_name
from graphpass.formats.symbol_read import tells_outputs
from graphpass.graph import VARIABLE, Entry, Graph, paused_collector
from graphpass.graph.names import FreeNames
from graphpass.graph.structure import is_opaque
from graphpass.ops import find

__all__ = ["SPECIAL", "natural_stamps", "print_graph", "printed_key", "printed_text"]

SPECIAL = ("after", "subgraphs", "outputs", "name")
"""Keywords that are no attributes; an attribute of such a name stands in backquotes."""

_WIDTH = 100
_PLAIN = "variable()"


def print_graph(graph: Graph) -> str:
    """Print a graph as text, one operator a line.

    Parameters
    ----------
    graph : Graph
        Any graph; nodes that its heads do not reach are left out.

    Returns
    -------
    str
        Without a final newline, and without a character that UTF-8 can't hold. Graphs that
        `graphpass.dumps` prints alike are printed alike here, and `parse_graph` gives back a graph
        that `graphpass.dumps` prints the same.

    Examples
    --------
    >>> from graphpass.graph import Entry, Graph
    >>> graph = Graph()
    >>> with graph.edit() as edit:
    ...     data = edit.add_variable("data")
    ...     node = edit.add_node("LeakyReLU", "act-0", {"slope": "0.1"}, [Entry(data)])
    ...     edit.set_heads([Entry(node)])
    >>> print(print_graph(graph))
    data = variable()
    `act-0` = LeakyReLU(data, slope=0.1)
    return `act-0`

    Notes
    -----
    Linear in nodes, edges and attributes.
    """
    with paused_collector():
        return "\n".join(_Printer(graph, "").lines())


class _Printer:
    """The lines of one graph.

    A node stands as its name; where that is taken, as another word.
    """

    def __init__(self, graph: Graph, indent: str) -> None:
        self._graph = graph
        self._indent = indent
        self._stamps = natural_stamps(graph)
        self._words: dict[int, str] = {}
        self._given = {graph.name(key) for key in graph.order()}
        self._names = FreeNames(set(self._given))

    def lines(self) -> list[str]:
        """Return the lines; recursive in the nesting of subgraphs only."""
        graph, free = self._graph, set(self._given)
        lines: list[str] = []
        waiting: list[str] = []  # variables that say nothing but their names
        for key in graph.order():
            name = graph.name(key)
            word = quoted_name(name if name in free else self._names.claim(name))
            free.discard(name)
            self._words[key] = word
            call, blocks = self._call(key, word)
            if waiting and (call != _PLAIN or len(self._declaration([*waiting, word])) > _WIDTH):
                lines.append(self._declaration(waiting))
                waiting = []
            if call == _PLAIN:
                waiting.append(word)
            else:
                lines += (*blocks, f"{self._indent}{word} = {call}")
        if waiting:
            lines.append(self._declaration(waiting))
        heads = ", ".join([self._value(entry, 0) for entry in graph.heads])
        return [*lines, f"{self._indent}return {heads}".rstrip()]

    def _declaration(self, words: Sequence[str]) -> str:
        return f"{self._indent}{', '.join(words)} = {', '.join([_PLAIN] * len(words))}"

    def _value(self, entry: Entry, natural: int) -> str:
        """Print a value that is read where composing would give the stamp `natural`."""
        word = self._words[entry.node]
        if entry.version != natural or (entry.output and self._graph.is_variable(entry.node)):
            return f"{word}[{entry.output}, {entry.version}]"
        return f"{word}[{entry.output}]" if entry.output else word

    def _call(self, key: int, word: str) -> tuple[str, list[str]]:
        """Print a call, and the blocks that have to stand above it."""
        graph, blocks = self._graph, list[str]()
        op, name, inputs, attrs = (
            graph.op(key),
            graph.name(key),
            graph.inputs(key),
            graph.attrs(key),
        )
        function, arguments = _spelled(op, tuple(attrs.items()), len(inputs))
        printed = [
            self._value(entry, self._stamps.get((key, slot), 0))
            for slot, entry in enumerate(inputs)
        ]
        printed += arguments
        after = graph.control_dependencies(key)
        if after:
            printed.append(f"after=[{', '.join([self._words[each] for each in after])}]")
        subgraphs = graph.subgraphs(key)
        if subgraphs:
            names = [quoted_name(self._names.claim(f"{name}_block")) for _ in subgraphs]
            printed.append(f"subgraphs=[{', '.join(names)}]")
            for block, subgraph in zip(names, subgraphs, strict=True):
                inner = _Printer(subgraph, self._indent + "    ")
                blocks += (f"{self._indent}def {block}():", *inner.lines())
        if is_opaque(op) and not tells_outputs(op, attrs):
            outputs = graph.signature(key).num_outputs
            if outputs != 1:
                printed.append(f"outputs={outputs}")
        if word != quoted_name(name):
            printed.append(f"name={quoted_text(name)}")
        return f"{function}({', '.join(printed)})", blocks


@lru_cache(maxsize=4096)
def _spelled(
    op: str, attrs: tuple[tuple[str, str], ...], num_inputs: int
) -> tuple[str, tuple[str, ...]]:
    """Print the operator and its attributes: required ones first, undeclared ones last."""
    operator = None if op == VARIABLE else find(op)
    given = dict(attrs)
    keys = sorted(given)
    if operator is not None:
        specs = operator.attributes
        keys.sort(key=lambda key: (key not in specs, key in specs and not specs[key].required))
    printed = tuple([f"{printed_key(key)}={printed_text(given[key])}" for key in keys])
    if op == VARIABLE:
        return "variable", printed
    try:  # what `parse_graph` does not take as it is stands in backquotes
        if operator is not None:
            operator.check(given)
            wanted = operator.signature(given).num_inputs
            if wanted is None or wanted == num_inputs:
                return op, printed
    except AttributeValueError:
        pass
    return f"`{quoted}`" if (quoted := quoted_name(op))[0] != "`" else quoted, printed


# -- attributes ----------------------------------------------------------------------------------

_SCALAR = (
    r"(?:True|False|None|0|-?[1-9][0-9]{0,17}"
    r"|-?[0-9]{1,20}\.[0-9]{1,20}(?:e[+-][0-9]{1,3})?|-?[0-9]e[+-][0-9]{1,3})"
)


def _nested(element: str) -> str:
    """Return the pattern of tuples and lists of an element, spelled as Python prints them."""
    return rf"(?:\((?:{element},|{element}(?:, {element})+)?\)|\[(?:{element}(?:, {element})*)?\])"


_FLAT = _nested(_SCALAR)
_LITERAL = re.compile(rf"{_SCALAR}|{_FLAT}|{_nested(f'(?:{_SCALAR}|{_FLAT})')}")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?e[+-][0-9]+|-?[0-9]+\.[0-9]+")


@lru_cache(maxsize=4096)
def printed_key(key: str) -> str:
    """Return how the name of an attribute is written.

    Examples
    --------
    >>> print(printed_key("__lr_mult__"), printed_key("name"))
    __lr_mult__ `name`
    """
    return f"`{key}`" if key in SPECIAL else quoted_name(key)


@lru_cache(maxsize=4096)
def printed_text(text: str) -> str:
    """Return how the text of an attribute is written: as a value if that gives the same text.

    Examples
    --------
    >>> print(printed_text("(3, 3)"), printed_text("(3,3)"), printed_text("1e-05"))
    (3, 3) "(3,3)" 1e-05
    """
    if _LITERAL.fullmatch(text) and all(
        repr(float(number)) == number for number in _DECIMAL.findall(text)
    ):
        return text
    return quoted_text(text)


def quoted_text(text: str) -> str:
    """Print any text in quotes."""
    quoted = repr(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in text else quoted


# -- version stamps ------------------------------------------------------------------------------


def natural_stamps(graph: Graph) -> dict[tuple[int, int], int]:
    """Return the stamps that MXNet gives edges when it composes operators in saved order.

    An operator that mutates a variable raises the variable's count and stores it on the edge; one
    that only reads the variable stores the count so far. Edges into opaque operators have none.

    Parameters
    ----------
    graph : Graph
        Any graph; the stamps that it bears do not matter.

    Returns
    -------
    dict of (int, int) to int
        Key and input slot to stamp; every other edge has 0.

    Notes
    -----
    Linear in the graph. Source: ``UpdateNodeVersion`` in ``nnvm/src/core/symbolic.cc``.
    """
    mutable: dict[int, tuple[int, ...]] = {}
    writes: dict[str, bool] = {}  # whether an operator may write to an input
    for key in graph.order():
        op = graph.op(key)
        if op not in writes:
            operator = None if op == VARIABLE or is_opaque(op) else find(op)
            constant = None if operator is None else operator.constant_signature
            idle = operator is None or (constant is not None and not constant.mutable_slots)
            writes[op] = not idle
        if writes[op] and (slots := graph.signature(key).mutable_slots):
            mutable[key] = slots
    counts = {
        entry.node: 0
        for key, slots in mutable.items()
        for slot, entry in enumerate(graph.inputs(key))
        if slot in slots and graph.is_variable(entry.node)
    }
    readers = {use.node for key in counts for use in graph.uses(key)}
    stamps: dict[tuple[int, int], int] = {}
    for key in graph.order() if readers else ():
        if key not in readers or is_opaque(graph.op(key)):
            continue
        inputs = graph.inputs(key)
        for slot, entry in enumerate(inputs):
            if counts.get(entry.node):
                stamps[key, slot] = counts[entry.node]
        for slot in mutable.get(key, ()):
            if slot < len(inputs) and inputs[slot].node in counts:
                counts[inputs[slot].node] += 1
                stamps[key, slot] = counts[inputs[slot].node]
    return stamps
