"""Graph to text form, and the version stamps that it need not write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from graphpass.errors import AttributeValueError
from graphpass.formats.python_text import quoted_name
from graphpass.formats.symbol_read import tells_outputs
from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.graph.graph import paused_collector
from graphpass.graph.signatures import is_opaque
from graphpass.ops import Operator, find

__all__ = ["SPECIAL", "natural_stamps", "print_graph", "printed_key", "printed_text"]

SPECIAL = ("after", "subgraphs", "outputs", "name")
"""Keywords that are no attributes; an attribute of such a name stands in backquotes."""

_WIDTH = 100
_INDENT = "    "
_PLAIN = "variable()"

_SCALAR = (
    r"(?:True|False|None|0|-?[1-9][0-9]{0,99}"
    r"|-?[0-9]{1,20}\.[0-9]{1,20}(?:e[+-][0-9]{1,3})?|-?[0-9]e[+-][0-9]{1,3})"
)


def _nested(element: str) -> str:
    """Return the pattern of tuples and lists of an element, spelled as Python prints them."""
    return rf"(?:\((?:{element},|{element}(?:, {element})+)?\)|\[(?:{element}(?:, {element})*)?\])"


_FLAT = _nested(_SCALAR)
_LITERAL = re.compile(rf"{_SCALAR}|{_FLAT}|{_nested(f'(?:{_SCALAR}|{_FLAT})')}")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?e[+-][0-9]+|-?[0-9]+\.[0-9]+")


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
        return "\n".join(_block(graph, ""))


def _block(graph: Graph, indent: str) -> list[str]:
    """Return the lines of a graph; recursive in the nesting of subgraphs only."""
    lines: list[str] = []
    words = _Words(graph)
    stamps = natural_stamps(graph)
    waiting: list[str] = []  # variables that say nothing but their names
    for key in graph.order():
        name = graph.name(key)
        inputs = graph.inputs(key)
        word = words.give(key, name)
        function, arguments = _spelled(graph.op(key), tuple(graph.attrs(key).items()), len(inputs))
        values = [
            words.value(entry, stamps.get((key, slot), 0)) for slot, entry in enumerate(inputs)
        ]
        special, blocks = _special(graph, key, words, indent)
        if word != quoted_name(name):
            special.append(f"name={quoted_text(name)}")
        call = f"{function}({', '.join((*values, *arguments, *special))})"
        if call == _PLAIN:
            if _width(waiting, word, indent) > _WIDTH:
                lines.append(_declaration(waiting, indent))
                waiting = []
            waiting.append(word)
            continue
        if waiting:
            lines.append(_declaration(waiting, indent))
            waiting = []
        lines += blocks
        lines.append(f"{indent}{word} = {call}")
    if waiting:
        lines.append(_declaration(waiting, indent))
    heads = ", ".join([words.value(entry, 0) for entry in graph.heads])
    lines.append(f"{indent}return {heads}".rstrip())
    return lines


def _width(waiting: Sequence[str], word: str, indent: str) -> int:
    return len(_declaration([*waiting, word], indent)) if waiting else 0


def _declaration(words: Sequence[str], indent: str) -> str:
    return f"{indent}{', '.join(words)} = {', '.join([_PLAIN] * len(words))}"


class _Words:
    """What stands for each node of a graph: its name, or where that is taken another word."""

    __slots__ = ("_counts", "_free", "_graph", "_taken", "_words")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._words: dict[int, str] = {}
        self._taken = {graph.name(key) for key in graph.order()}
        self._free = set(self._taken)
        self._counts: dict[str, int] = {}

    def give(self, key: int, name: str) -> str:
        """Choose the word of a node: the first of a name gets the name itself."""
        if name in self._free:
            self._free.discard(name)
            word = quoted_name(name)
        else:
            word = self.fresh(name)
        self._words[key] = word
        return word

    def fresh(self, base: str) -> str:
        """Return `base`, or what begins like it: the first that stands for nothing."""
        word = base
        number = self._counts.get(base, 0)
        while word in self._taken:
            number += 1
            word = f"{base}_{number}"
        self._counts[base] = number
        self._taken.add(word)
        return quoted_name(word)

    def node(self, key: int) -> str:
        """Return the word of a node."""
        return self._words[key]

    def value(self, entry: Entry, natural: int) -> str:
        """Print a value that is read where composing would give the stamp `natural`."""
        word = self._words[entry.node]
        if entry.version != natural or (entry.output and self._graph.is_variable(entry.node)):
            return f"{word}[{entry.output}, {entry.version}]"
        return f"{word}[{entry.output}]" if entry.output else word


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
    if operator is None or not _is_sound(operator, given, num_inputs):
        return f"`{quoted}`" if (quoted := quoted_name(op))[0] != "`" else quoted, printed
    return op, printed


def _is_sound(operator: Operator, attrs: Mapping[str, str], num_inputs: int) -> bool:
    """Return whether `parse_graph` takes a call without backquotes."""
    try:
        operator.check(attrs)
        wanted = operator.signature(attrs).num_inputs
    except AttributeValueError:
        return False
    return wanted is None or wanted == num_inputs


def _special(graph: Graph, key: int, words: _Words, indent: str) -> tuple[list[str], list[str]]:
    """Print what is no attribute, and the blocks that have to stand above the operator."""
    printed = []
    blocks: list[str] = []
    after = graph.control_dependencies(key)
    if after:
        printed.append(f"after=[{', '.join(map(words.node, after))}]")
    subgraphs = graph.subgraphs(key)
    if subgraphs:
        names = [words.fresh(f"{graph.name(key)}_block") for _ in subgraphs]
        printed.append(f"subgraphs=[{', '.join(names)}]")
        for name, subgraph in zip(names, subgraphs, strict=True):
            blocks += (f"{indent}def {name}():", *_block(subgraph, indent + _INDENT))
    op = graph.op(key)
    if is_opaque(op) and not tells_outputs(op, graph.attrs(key)):
        outputs = graph.signature(key).num_outputs
        if outputs != 1:
            printed.append(f"outputs={outputs}")
    return printed, blocks


# -- attributes ----------------------------------------------------------------------------------


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
    mutable = _mutable_slots(graph)
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


def _mutable_slots(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Return the slots that operators write to, of those that write at all."""
    found = {}
    idle: dict[str, bool] = {}
    for key in graph.order():
        op = graph.op(key)
        if op not in idle:
            idle[op] = _is_idle(op)
        if not idle[op] and (slots := graph.signature(key).mutable_slots):
            found[key] = slots
    return found


def _is_idle(op: str) -> bool:
    """Return whether an operator writes to no input, whatever its attributes."""
    operator = None if op == VARIABLE or is_opaque(op) else find(op)
    if operator is None:
        return True
    constant = operator.constant_signature
    return constant is not None and not constant.mutable_slots
