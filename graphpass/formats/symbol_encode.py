"""A graph to symbol text, byte for byte as MXNet 1.9.1 prints it.

Source: the writer of ``dmlc/json.h`` and ``nnvm::pass::SaveJSON``, checked against MXNet 1.9.1; the
layout rules are told in ``docs/format-symbol-json.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from graphpass.errors import SymbolError
from graphpass.formats.legacy import VERSION
from graphpass.graph import VARIABLE, Graph
from graphpass.ops import find

__all__ = ["encode", "version_of_dialect"]

_MANY = 10
"""A list of more elements than this is written one element a line."""

_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\\": "\\\\", "\t": "\\t", '"': '\\"'})


def version_of_dialect(dialect: str) -> int:
    """Return the ``mxnet_version`` number of a release from 0.9 to 1.9.1.

    Parameters
    ----------
    dialect : str
        Such as ``"0.11"``, ``"1.3.1"``, ``"1.9.1"``; ``"1.x"`` is 1.9.1.

    Raises
    ------
    SymbolError
        If there is no such dialect to write.
    """
    if dialect == "1.x":
        return VERSION
    found = re.fullmatch(r"v?(\d)\.(\d{1,2})(?:\.(\d{1,2}))?", dialect)
    if found:
        major, minor, patch = (int(part or 0) for part in found.groups())
        version = 10901 if (major, minor) == (1, 9) else major * 10000 + minor * 100 + patch
        if 900 <= version <= VERSION:
            return version
    raise SymbolError(
        f"there is no dialect {dialect!r} to write; name a release from 0.9 to 1.9.1, "
        "such as 0.11 (node attributes under `attr`) or 1.9.1 (under `attrs`)"
    )


def encode(graph: Graph, *, version: int = VERSION, np_shape: bool = False) -> str:
    """Print a graph as symbol JSON.

    Parameters
    ----------
    graph : Graph
        The graph; nodes that its heads do not reach are left out.
    version : int
        The ``mxnet_version`` to write. Before 10000 node attributes stand under ``attr``.
    np_shape : bool
        Whether to mark the symbol as saved in NumPy-shape mode.

    Raises
    ------
    SymbolError
        If the format can't hold the graph: a NUL or half a character in a string, an attribute
        name that MXNet would write and then be unable to read, subgraphs before 1.3.

    Notes
    -----
    Linear in nodes, edges and attributes.
    """
    text = _object(graph, version)
    if "\0" in text:
        raise SymbolError("a name or an attribute holds a NUL character, which ends a C string")
    stamp = f'"mxnet_version": ["int", {version}]'
    if np_shape:
        stamp = f'\n    "is_np_shape": ["int", 1], \n    {stamp}\n  '
    return f'{text}, \n  "attrs": {{{stamp}}}\n}}'


def _object(graph: Graph, version: int) -> str:
    """Print the graph's object without its graph attributes and closing bracket."""
    order = graph.order()
    ids = dict(zip(order, range(len(order)), strict=True))
    nodes = _nodes(graph, order, ids, version)
    arguments = [ids[key] for key in order if graph._nodes[key]["op"] == VARIABLE]
    heads = [[ids[node], output, stamp] for node, output, stamp in graph.heads]
    listed = f"[\n{nodes}\n  ]" if nodes else "[]"
    return (
        f'{{\n  "nodes": {listed}, \n  "arg_nodes": {_list(arguments, 2)}, \n'
        f'  "node_row_ptr": {_list(_row_pointers(graph, order), 2)}, \n  "heads": {_list(heads, 2)}'
    )


def _row_pointers(graph: Graph, order: Iterable[int]) -> list[int]:
    """Return the prefix sum of the total outputs, hidden ones included."""
    nodes = graph._nodes
    fixed = {VARIABLE: 1}
    for op in {data["op"] for data in nodes.values()}:
        operator = find(op)
        constant = None if operator is None else operator.constant_signature
        if constant is not None:
            fixed[op] = constant.num_outputs
    total = 0
    pointers = [0]
    for key in order:
        count = fixed.get(nodes[key]["op"])
        total += graph.signature(key).num_outputs if count is None else count
        pointers.append(total)
    return pointers


def _nodes(graph: Graph, order: Sequence[int], ids: dict[int, int], version: int) -> str:
    nodes, pred = graph._nodes, graph._pred
    label = "attrs" if version >= 10000 else "attr"
    printed = []
    for key in order:
        data = nodes[key]
        inputs, control = _reads(pred[key], ids)
        attrs = data["attrs"]
        printed_attrs = _attrs(tuple(attrs.items())) if attrs else ""
        optional = f'"{label}": {printed_attrs}, \n      ' if attrs else ""
        rest = f', \n      "control_deps": {_list(control, 6)}' if control else ""
        if "subgraphs" in data:
            rest += _subgraphs(graph, key, version)
        printed.append(
            f'    {{\n      "op": {_string(data["op"])}, \n'
            f'      "name": {_string(data["name"])}, \n'
            f'      {optional}"inputs": {_list(inputs, 6)}{rest}\n    }}'
        )
    return ", \n".join(printed)


def _reads(
    into: Mapping[int, Mapping[Any, Mapping[str, int]]], ids: Mapping[int, int]
) -> tuple[list[list[int]], list[int]]:
    """Return the entries that a node reads, by slot, and its control dependencies, in order."""
    entries: list[list[int]] = []
    for source, edges in into.items():
        position = ids[source]
        for slot, data in edges.items():
            if slot != len(entries):
                return _reads_sorted(into, ids)
            entries.append([position, data["output"], data["version"]])
    return entries, []


def _reads_sorted(
    into: Mapping[int, Mapping[Any, Mapping[str, int]]], ids: Mapping[int, int]
) -> tuple[list[list[int]], list[int]]:
    """Do the work of `_reads` where one source feeds several slots, or control dependencies are."""
    slots = []
    control = []
    for source, edges in into.items():
        for slot, data in edges.items():
            if type(slot) is int:
                slots.append((slot, [ids[source], data["output"], data["version"]]))
            else:
                control.append((slot[1], ids[source]))
    return [entry for _, entry in sorted(slots)], [position for _, position in sorted(control)]


def _subgraphs(graph: Graph, key: int, version: int) -> str:
    if version < 10300:
        raise SymbolError(
            f"{graph.op(key)} {graph.name(key)!r} runs subgraphs, which MXNet writes from 1.3 "
            "on; choose a newer dialect"
        )
    printed = [_object(subgraph, version) + "\n}" for subgraph in graph.subgraphs(key)]
    # Strings hold no raw line break, so every one is layout.
    joined = ", \n        ".join(text.replace("\n", "\n        ") for text in printed)
    return f', \n      "subgraphs": [\n        {joined}\n      ]'


def _list(elements: Sequence[object], indent: int) -> str:
    """Print a list of numbers or of entries that stands at `indent` spaces."""
    if len(elements) <= _MANY:
        return str(elements)
    pad = "\n" + " " * (indent + 2)
    return f"[{pad}{f', {pad}'.join(map(str, elements))}{pad[:-2]}]"


@lru_cache(maxsize=4096)
def _attrs(attrs: tuple[tuple[str, str], ...]) -> str:
    """Print node attributes, sorted by the bytes of their names."""
    if len(attrs) == 1:
        ((key, value),) = attrs
        return f"{{{_key(key)}{_string(value)}}}"
    pairs = [f"{_key(key)}{_string(value)}" for key, value in sorted(attrs, key=_bytes)]
    return "{\n        " + ", \n        ".join(pairs) + "\n      }"


def _bytes(pair: tuple[str, str]) -> bytes:
    return pair[0].encode("utf-8", "surrogateescape")


def _key(key: str) -> str:
    """Print an attribute name, which MXNet does not escape."""
    if any(char in '"\\\r\n\t' for char in key):
        raise SymbolError(
            f"the attribute name {key!r} can't be written: MXNet does not escape attribute "
            "names, so no reader could take the file; rename the attribute"
        )
    return f'"{key}": '


def _string(text: str) -> str:
    """Print a string; only five characters are escaped, control characters stay raw."""
    if text.isidentifier():
        return f'"{text}"'
    if text.isprintable():
        return encode_basestring(text)
    return f'"{text.translate(_ESCAPES)}"'
