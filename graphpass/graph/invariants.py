"""What a commit checks, of the nodes that the transaction touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import inf
from typing import Any

from graphpass.errors import AttributeValueError, CycleError, GraphError, GraphpassError
from graphpass.graph.edges import VARIABLE, find_cycle
from graphpass.graph.structure import Structure
from graphpass.ops import find

__all__ = [
    "check_acyclic",
    "check_arity",
    "check_attributes",
    "check_outputs",
    "check_text",
    "check_texts",
    "check_variable_names",
    "checked_attrs",
    "describe",
]


def describe(graph: Structure, key: int) -> str:
    """Return how messages name a node: op, name, and the key where names may repeat."""
    op = graph.op(key)
    kind = "variable" if op == VARIABLE else op
    return f"{kind} {graph.name(key)!r} (#{key})"


def check_acyclic(graph: Structure, keys: Iterable[int]) -> None:
    """Refuse a cycle through any of `keys`.

    Raises
    ------
    CycleError
        With the cycle's names, ``a -> b -> a``.

    Notes
    -----
    Linear in the ancestors of `keys`.
    """
    cycle = find_cycle(graph._pred, keys)
    if cycle is not None:
        names = [graph.name(key) for key in cycle]
        raise CycleError(
            f"the graph has a cycle: {' -> '.join([*names, names[0]])}; "
            "an operator can't read what is computed from its own output"
        )


def check_text(text: str, what: str) -> str:
    """Return a text that a symbol file can hold.

    Raises
    ------
    GraphError
        If it is no text, or holds a NUL or half a character.
    """
    if not isinstance(text, str):
        raise GraphError(f"{text!r} can't be {what}: it is no text; write {str(text)!r}")
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise GraphError(f"{text!r} can't be {what}: it holds half a character") from None
    if "\0" in text:
        raise GraphError(
            f"{text!r} can't be {what}: it holds a NUL character, which ends a C string"
        )
    return text


def check_texts(texts: Collection[str]) -> None:
    """Check many names as `check_text` does one."""
    try:
        joined = "".join(texts)
        if "\0" not in joined:
            joined.encode("utf-8", "surrogateescape")
            return
    except (TypeError, UnicodeEncodeError):
        pass
    for text in texts:
        check_text(text, "a name")


def checked_attrs(attrs: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of attribute texts that a symbol file can hold."""
    return {
        check_text(key, "an attribute's name"): check_text(value, f"the attribute {key!r}")
        for key, value in attrs.items()
    }


def check_attributes(
    graph: Structure, keys: Iterable[int], error: type[GraphpassError] = GraphError
) -> None:
    """Refuse attributes that MXNet would refuse when it loads the file, but those it came with.

    Raises
    ------
    GraphError, or what `error` says
        If an operator would refuse one; the message names the node.
    """
    for key in keys:
        operator = None if graph.is_variable(key) else find(graph.op(key))
        if operator is None:
            continue
        try:
            operator.check(graph.attrs(key), allowed=graph.foreign(operator.name))
        except AttributeValueError as fault:
            raise error(f"{describe(graph, key)}: {fault}") from None


def check_arity(graph: Structure, keys: Iterable[int]) -> None:
    """Refuse an operator that does not get as many inputs as it takes."""
    for key in keys:
        signature = graph.signature(key)
        wanted = signature.num_inputs
        found = sum(type(slot) is int for edges in graph.sources(key).values() for slot in edges)
        if wanted is None or wanted == found:
            continue
        names = signature.input_names
        listed = f" ({', '.join(names)})" if names else ""
        raise GraphError(
            f"{describe(graph, key)} takes {wanted} input{'s' * (wanted != 1)}{listed} "
            f"under its attributes, but is given {found}"
        )


def check_outputs(graph: Structure, readers: Iterable[int], producers: Iterable[int]) -> None:
    """Refuse that any of `readers` uses, or that anything uses of `producers`, what is not there.

    Linear in the inputs of the readers and the users of the producers.
    """
    for reader in readers:
        for source, edges in graph._pred[reader].items():
            _check_edges(graph, source, reader, edges)
    for key in producers:
        for reader, edges in graph._succ[key].items():
            _check_edges(graph, key, reader, edges)
        last = graph.last_head(key)
        if last and last >= _num_outputs(graph, key):
            _refuse_output(graph, key, last, "a head")


def _check_edges(
    graph: Structure, source: int, reader: int, edges: Mapping[Any, Mapping[str, int]]
) -> None:
    for slot, data in edges.items():
        output = data.get("output", 0)  # every node has a first output
        if output and output >= _num_outputs(graph, source):
            name = f"input {slot} of {describe(graph, reader)}"
            _refuse_output(graph, source, output, name)


def _num_outputs(graph: Structure, key: int) -> float:
    """Return how many outputs a node has; MXNet never looks which one of a variable is read."""
    return inf if graph.is_variable(key) else graph.signature(key).num_outputs


def _refuse_output(graph: Structure, key: int, output: int, reader: str) -> None:
    raise GraphError(
        f"{reader} reads output {output} of {describe(graph, key)}, "
        f"which has {graph.signature(key).num_outputs}"
    )


def check_variable_names(graph: Structure, keys: Iterable[int]) -> None:
    """Refuse a variable name that another variable has: parameters are bound by name."""
    for key in keys:
        name = graph.name(key)
        for other in graph.named(name):
            if other != key and graph.is_variable(other):
                raise GraphError(
                    f"two variables would be called {name!r}: #{other} and #{key}; "
                    "parameters are bound by name, so rename one of them, or tie them"
                )
