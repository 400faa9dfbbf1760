"""A graph to symbol text, byte for byte as MXNet 1.9.1 prints it.

Source: the writer of ``dmlc/json.h`` and ``nnvm::pass::SaveJSON``, checked against MXNet 1.9.1; the
layout rules are told in ``docs/format-symbol-json.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from json.encoder import encode_basestring
from typing import Any

from graphpass.errors import SymbolError, UsageError, shortened
from graphpass.formats.tvm import dumps_tvm
from graphpass.graph import VARIABLE, Graph, paused_collector
from graphpass.graph.structure import is_plain
from graphpass.ops import find
from graphpass.ops.releases import lacking, name_at

__all__ = ["VERSION", "as_bytes", "dumps", "encode", "version_of_dialect"]

VERSION = 10901
"""Version number of MXNet 1.9.1: ``major * 10000 + minor * 100 + patch``."""

_MANY = 10
"""A list of more elements than this is written one element a line."""

_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\\": "\\\\", "\t": "\\t", '"': '\\"'})


def as_bytes(text: str | bytes) -> bytes:
    """Return the bytes that stand for `text` in a file."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise UsageError(
            f"symbol JSON is text or bytes, not {type(text).__name__}; graphpass.load reads files"
        )
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise SymbolError(
            f"character {error.start} of the text is half a character ({text[error.start]!r}); "
            "no file can hold it"
        ) from None


def dumps(graph: Graph, *, dialect: str = "1.9.1", np_shape: bool = False) -> str:
    """Print a graph as symbol JSON.

    Parameters
    ----------
    graph : Graph
        The graph to print.
    dialect : str
        The MXNet release to write for, from ``"0.9"`` to ``"1.9.1"``. The default is byte for byte
        what ``tojson(remove_amp_cast=False)`` of MXNet 1.9.1 prints for the same graph.
    np_shape : bool
        Whether to mark the symbol as saved in NumPy-shape mode, as MXNet does in that mode.

    Returns
    -------
    str
        Without a final newline. Bytes that were not UTF-8 are surrogate escapes. A graph that was
        read from TVM's JSON is printed as such.

    Raises
    ------
    SymbolError
        If the dialect does not exist, or can't hold the graph: the release lacks an operator, an
        attribute or NumPy-shape mode, or 1.9.1 has no such attribute and reading carried it.
    UsageError
        If these are no graph and no text.

    Notes
    -----
    Linear in nodes, edges and attributes.
    """
    if not isinstance(graph, Graph):
        raise UsageError(
            f"a graph is printed, not {type(graph).__name__}; that of a model is model.graph"
        )
    if not isinstance(dialect, str):
        raise UsageError(f"a dialect is a text, such as '1.9.1'; {dialect!r} is none")
    origin = graph.origin
    if origin is not None and origin.dialect in ("tvm", "nnvm"):
        if origin.dialect == "nnvm" or version_of_dialect(dialect) < VERSION:
            raise SymbolError(
                f"the graph is one of {'the NNVM compiler' if origin.dialect == 'nnvm' else 'TVM'}"
                ", whose operators no MXNet has; it can't be written for one"
            )
        return dumps_tvm(graph)
    with paused_collector():
        _refuse_newer(graph, version_of_dialect(dialect), np_shape=np_shape)
        text = encode(graph, version=version_of_dialect(dialect), np_shape=np_shape)
        if not text.isascii():
            as_bytes(text)
        return text


def _refuse_newer(graph: Graph, version: int, *, np_shape: bool) -> None:
    """Refuse what the release that `version` stands for does not have, and say which has it."""
    if version >= VERSION:
        return
    missing = {"NumPy-shape mode": "1.5"} if np_shape and version < 10500 else {}
    scopes = [graph]
    for scope in scopes:
        for key in scope.order():
            op = scope.op(key)
            if op != VARIABLE:
                missing |= lacking(op, scope.attrs(key), version)
            if scope.subgraphs(key) and version < 10300:
                missing["subgraphs"] = "1.3"
            scopes += scope.subgraphs(key)
    if missing:
        told = shortened([f"{what} (since {release})" for what, release in missing.items()], 12)
        newest = max(missing.values(), key=lambda release: [*map(int, release.split("."))])
        raise SymbolError(
            f"MXNet {version // 10000}.{version // 100 % 100} does not have {told}; "
            f"choose the dialect {newest} or a newer one"
        )


def version_of_dialect(dialect: str) -> int:
    """Return the ``mxnet_version`` number of a release from 0.9 to 1.9.1; ``"1.x"`` is 1.9.1.

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
    """Print a graph as symbol JSON for the ``mxnet_version`` that is given, as `dumps` does.

    Raises
    ------
    SymbolError
        If the format can't hold the graph: a NUL or half a character in a string, an attribute
        name that MXNet would write and then be unable to read, an attribute that it refuses.
    """
    stamp = f'"mxnet_version": ["int", {version}]'
    if np_shape:
        stamp = f'\n    "is_np_shape": ["int", 1], \n    {stamp}\n  '
    text = "".join([*_parts(graph, version), f', \n  "attrs": {{{stamp}}}\n}}'])
    if "\0" in text:
        raise SymbolError("a name or an attribute holds a NUL character, which ends a C string")
    return text


def _parts(graph: Graph, version: int) -> list[str]:
    """Print the graph's object, in parts, without its graph attributes and closing bracket."""
    nodes, pred, order = graph._nodes, graph._pred, graph.order()
    parts: list[str] = []
    # Nodes share their attributes, and all that read alike their edges: what either prints to is
    # found by identity.
    kinds: dict[int, tuple[str, str, str, int | None]] = {}
    suffixes: dict[int, str] = {}
    arguments: list[str] = []
    counts = [0]
    ids = dict(zip(order, map(str, range(len(order))), strict=True))
    for key, position in ids.items():
        data = nodes[key]
        op, name, attrs = data["op"], data["name"], data["attrs"]
        kind = kinds.get(id(attrs))
        if kind is None or kind[0] != op:
            carried = [each for each in graph.foreign(op) if each in attrs]
            if carried:
                raise SymbolError(
                    f"{op} {name!r}: MXNet 1.9.1 has no attribute {carried[0]!r} of {op} and "
                    "refuses a file with it; take it off with the operation set, "
                    f"attrs: {{{carried[0]}: null}}"
                )
            kind = kinds[id(attrs)] = _kind(op, attrs, version)
        _, opening, middle, count = kind
        into = pred[key]
        reads = "[]"
        if into:
            entries: list[str] = []
            for source, edges in into.items():
                suffix = suffixes.get(id(edges))
                if suffix is None:
                    # What follows the source in the only entry that reads it; nothing else is one.
                    ((slot, edge), *more) = edges.items()
                    simple = not more and type(slot) is int
                    suffix = f", {edge['output']}, {edge['version']}]" if simple else ""
                    suffixes[id(edges)] = suffix
                if not suffix:
                    reads = _reads(into, ids)
                    break
                entries.append(f"[{ids[source]}{suffix}")
            else:
                reads = _list(entries, 6)
        if op == VARIABLE:
            arguments.append(position)
        if "subgraphs" in data:
            reads += _subgraphs(graph, key, version)
        text = f'"{name}"' if name.isidentifier() else _string(name)
        parts.append(f"{opening}{text}{middle}{reads}\n    }}")
        counts.append(graph.signature(key).num_outputs if count is None else count)
    heads = [f"[{ids[node]}, {output}, {stamp}]" for node, output, stamp in graph.heads]
    if parts:
        parts[0] = f'{{\n  "nodes": [{parts[0].removeprefix(", ")}'
        parts.append("\n  ]")
    else:
        parts.append('{\n  "nodes": []')
    pointers = list(map(str, accumulate(counts)))
    lists = {"arg_nodes": arguments, "node_row_ptr": pointers, "heads": heads}
    parts += [f', \n  "{name}": {_list(elements, 2)}' for name, elements in lists.items()]
    return parts


def _kind(op: str, attrs: Mapping[str, str], version: int) -> tuple[str, str, str, int | None]:
    """Return an operator, the text around the name of such a node, and how many outputs it has.

    None for the outputs says that they depend on more than its attributes.
    """
    operator = find(op) if is_plain(op) else None
    fixed = None if operator is None else operator.signature(attrs).num_outputs
    count = 1 if op == VARIABLE else fixed
    label = "attrs" if version >= 10000 else "attr"
    printed = f'"{label}": {_attrs(tuple(attrs.items()))}, \n      ' if attrs else ""
    spelled = op if version >= VERSION else name_at(op, version)
    return (
        op,
        f', \n    {{\n      "op": {_string(spelled)}, \n      "name": ',
        f', \n      {printed}"inputs": ',
        count,
    )


def _reads(into: Mapping[int, Mapping[Any, Mapping[str, int]]], ids: Mapping[int, str]) -> str:
    """Print inputs and control dependencies where one source feeds several slots, or waits are."""
    entries = []
    control = []
    for source, edges in into.items():
        for slot, data in edges.items():
            if type(slot) is int:
                entries.append((slot, f"[{ids[source]}, {data['output']}, {data['version']}]"))
            else:
                control.append((slot[1], ids[source]))
    text = _list([entry for _, entry in sorted(entries)], 6)
    waits = [position for _, position in sorted(control)]
    return f'{text}, \n      "control_deps": {_list(waits, 6)}' if waits else text


def _subgraphs(graph: Graph, key: int, version: int) -> str:
    printed = ["".join([*_parts(subgraph, version), "\n}"]) for subgraph in graph.subgraphs(key)]
    # Strings hold no raw line break, so every one is layout.
    joined = ", \n        ".join(text.replace("\n", "\n        ") for text in printed)
    return f', \n      "subgraphs": [\n        {joined}\n      ]'


def _list(elements: Sequence[str], indent: int) -> str:
    """Print a list of numbers or of entries that stands at `indent` spaces."""
    if len(elements) <= _MANY:
        return f"[{', '.join(elements)}]"
    pad = "\n" + " " * (indent + 2)
    return f"[{pad}{f', {pad}'.join(elements)}{pad[:-2]}]"


@lru_cache(maxsize=4096)
def _attrs(attrs: tuple[tuple[str, str], ...]) -> str:
    """Print node attributes, sorted by the bytes of their names."""
    pairs = []
    for key, value in sorted(attrs, key=lambda pair: pair[0].encode("utf-8", "surrogateescape")):
        if any(char in '"\\\r\n\t' for char in key):
            raise SymbolError(
                f"the attribute name {key!r} can't be written: MXNet does not escape attribute "
                "names, so no reader could take the file; rename the attribute"
            )
        pairs.append(f'"{key}": {_string(value)}')
    if len(pairs) == 1:
        return f"{{{pairs[0]}}}"
    return "{\n        " + ", \n        ".join(pairs) + "\n      }"


def _string(text: str) -> str:
    """Print a string; only five characters are escaped, control characters stay raw."""
    if text.isidentifier():
        return f'"{text}"'
    if text.isprintable():
        return encode_basestring(text)
    return f'"{text.translate(_ESCAPES)}"'
