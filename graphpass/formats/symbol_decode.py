"""Symbol text to records: the JSON level, before anything means a graph.

Two ways lead to the same records. The fast one decodes and checks types in one go. Where it trips
(a malformed file, but also raw control characters, bytes that are not UTF-8, a byte order mark, a
key given twice), the slow one parses leniently, and if the file is wrong says where and what.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from graphpass.errors import SymbolError
from graphpass.formats.symbol_schema import explain_schema_error

__all__ = ["GraphRecord", "NodeRecord", "decode"]

Attrs = dict[str, str]
Missing = msgspec.UnsetType
Id = Annotated[int, msgspec.Meta(ge=0)]
EntryRecord = tuple[Id, Id, Id]


class NodeRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One element of ``nodes``, in the spelling of any MXNet version."""

    op: str
    name: str
    inputs: list[EntryRecord]
    attrs: Attrs | Missing = msgspec.UNSET
    attr: Attrs | Missing = msgspec.UNSET
    param: Attrs | Missing = msgspec.UNSET
    control_deps: list[Id] = []
    subgraphs: list[GraphRecord] = []
    backward_source_id: int | Missing = msgspec.UNSET


class GraphRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A whole symbol, or a subgraph."""

    nodes: list[NodeRecord]
    arg_nodes: list[Id]
    heads: list[EntryRecord]
    node_row_ptr: list[Id] | Missing = msgspec.UNSET
    attrs: dict[str, tuple[str, Any]] | Missing = msgspec.UNSET


_decoder = msgspec.json.Decoder(GraphRecord)


def decode(data: bytes) -> GraphRecord:
    """Decode symbol JSON.

    Parameters
    ----------
    data : bytes
        The file's bytes.

    Returns
    -------
    GraphRecord
        Types are checked and no number is negative; node ids may be too large.

    Raises
    ------
    SymbolError
        With the path into the file (``nodes[17].inputs[2]``) and what to do.
    """
    try:
        record = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _decode_leniently(data)
    if data.count(b'":') != _count_keys(record):
        return _decode_leniently(data)
    return record


def _count_keys(record: GraphRecord) -> int:
    """Return how many object keys the records stand for; a file with more repeats a key.

    A node with both ``attrs`` and ``attr``, whose order matters, counts wrong on purpose.
    """
    unset = msgspec.UNSET
    count = 3 + (record.node_row_ptr is not unset) + 3 * len(record.nodes)
    if record.attrs is not unset:
        count += 1 + len(record.attrs)
    for node in record.nodes:
        if node.attrs is not unset:
            count += 1 + len(node.attrs)
            if node.attr is not unset:
                return -1
        elif node.attr is not unset:
            count += 1 + len(node.attr)
        if node.param is not unset:
            count += 1 + len(node.param)
        if node.backward_source_id is not unset:
            count += 1
        if node.control_deps:
            count += 1
        if node.subgraphs:
            count += 1 + sum(_count_keys(subgraph) for subgraph in node.subgraphs)
    return count


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys stood twice."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        found.repeated = tuple(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    if "attr" in found and "attrs" in found:
        # MXNet reads both into one map and clears it first: the later one in the text wins whole.
        keys = [key for key, _ in pairs if key in ("attr", "attrs")]
        del found["attr" if keys[-1] == "attrs" else "attrs"]
    return found


def _refuse_constant(name: str) -> Any:
    raise SymbolError(f"{name} stands where the symbol JSON has no number like it")


def _decode_leniently(data: bytes) -> GraphRecord:
    text = _text(data)
    decoder = json.JSONDecoder(
        object_pairs_hook=_object, parse_constant=_refuse_constant, strict=False
    )
    start = len(text) - len(text.lstrip())
    try:
        tree, _ = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise SymbolError(_not_json(text, error)) from None
    except RecursionError:
        raise SymbolError("brackets are nested too deep; this is no symbol JSON") from None
    except ValueError as error:
        raise SymbolError(f"a number can't be read: {error}") from None
    _refuse_repeated(tree)
    _pad_entries(tree)
    try:
        return msgspec.convert(tree, GraphRecord)
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise SymbolError(explain_schema_error(tree) or _type_error(str(error))) from None


def _type_error(message: str) -> str:
    """Turn the decoder's words around: the schema takes 3.0 for a whole number, MXNet does not."""
    found = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message)
    return f"{found[2]}: {found[1].lower()}" if found else message


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SymbolError("the file is UTF-16 text; save it as UTF-8")
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    newline = re.search(r'"[^"\\\r\n]*[\r\n]', text) if "\n" in text or "\r" in text else None
    if newline is not None:
        _refuse_raw_newline(text)
    lone = re.search(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text)
    if lone is not None:
        try:
            json.loads(f'"{text[lone.start() : lone.start() + 12]}"').encode()
        except ValueError:
            raise SymbolError(
                f"{_place(text, lone.start())}: the escape {lone.group()} is half a character"
            ) from None
    return text


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _refuse_raw_newline(text: str) -> None:
    """Refuse a line break inside a string, which MXNet refuses and Python's parser would take."""
    for match in _STRING.finditer(text):
        if "\n" in match.group() or "\r" in match.group():
            raise SymbolError(
                f"{_place(text, match.start())}: a line break inside a string; "
                "write it as \\n, or close the string"
            )


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _not_json(text: str, error: json.JSONDecodeError) -> str:
    """Say what a text that is no JSON is instead."""
    head = text.lstrip()[:200].lower()
    if not head:
        return "the file is empty; copy or download the symbol file again"
    if head.startswith(("<!doctype", "<html", "<?xml", "<")):
        return "the file is an HTML or XML page, not symbol JSON; download the raw file instead"
    if head.startswith("version https://git-lfs"):
        return "the file is a Git LFS pointer, not symbol JSON; run `git lfs pull` to fetch it"
    if "\0" in text[:64]:
        return "the file is binary, not symbol JSON; is it the .params file?"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return (
            f"the text ends too early, at {_place(text, error.pos)} ({error.msg}); "
            "the file is cut short: copy or download it again"
        )
    return f"{_place(text, error.pos)}: not JSON: {error.msg}"


def _objects(tree: Any) -> Iterator[tuple[str, _Object]]:
    """Yield every object of the tree with its path, without recursion."""
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _Object):
            yield path, value
            dot = f"{path}." if path else ""
            stack.extend((f"{dot}{key}", child) for key, child in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((f"{path}[{i}]", child) for i, child in reversed(list(enumerate(value))))


def _refuse_repeated(tree: Any) -> None:
    for path, value in _objects(tree):
        if value.repeated:
            name = value.get("name")
            owner = f" (node {name!r})" if isinstance(name, str) else ""
            raise SymbolError(
                f"{path or 'the top level'}{owner}: the key {value.repeated[0]!r} stands twice; "
                "MXNet would silently take the last one: keep the one that is meant"
            )


def _pad_entries(tree: Any) -> None:
    """Give entries of two numbers, as MXNet 0.8 wrote them, their version 0."""
    for _, value in _objects(tree):
        for key in ("inputs", "heads"):
            entries = value.get(key)
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, list) and len(entry) == 2:
                    entry.append(0)
