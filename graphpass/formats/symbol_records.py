"""Symbol text to records: the JSON level, before anything means a graph.

Three ways lead to records. The first takes the plain files that nearly all are, at most speed, and
leaves attributes as text. The second takes every spelling. Where that trips too (a malformed file,
but also raw control characters, bytes that are not UTF-8, a byte order mark, a key given twice),
the third parses leniently, and if the file is wrong says where and what.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from graphpass.errors import SymbolError, suggestion
from graphpass.graph import VARIABLE
from graphpass.ops import canonical_name

__all__ = [
    "MAX_OUTPUTS",
    "EntryRecord",
    "GraphRecord",
    "NodeRecord",
    "PlainNode",
    "decode",
    "decode_attrs",
    "decode_plain",
    "num_colons",
]

Attrs = dict[str, str]
Id = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
"""What MXNet reads into 32 bits: ids, outputs and versions; a wider one it refuses."""

_MAX_DIGITS = 20

if TYPE_CHECKING:
    EntryRecord = tuple[int, int, int]
else:  # MXNet 0.8 wrote no versions; `GraphRecord.check_ids` adds them
    EntryRecord = Annotated[tuple[Id, ...], msgspec.Meta(min_length=2, max_length=3)]

_Int = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
_GRAPH_ATTR_TYPES: dict[str, Any] = {
    "int": _Int,
    "str": str,
    "list_int": list[_Int],
    "list_str": list[str],
}

MAX_OUTPUTS = 100_000
"""Most outputs that an unknown operator is believed to have: each has a name in memory."""


class NodeRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One element of ``nodes``, in the spelling of any MXNet version."""

    op: str
    name: str
    inputs: list[EntryRecord]
    attrs: Attrs = {}
    attr: Attrs = {}
    param: Attrs | msgspec.UnsetType = msgspec.UNSET
    control_deps: list[Id] = []
    subgraphs: list[GraphRecord] = []
    backward_source_id: Annotated[int, msgspec.Meta(ge=-1, lt=2**31)] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class GraphRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A whole symbol, or a subgraph."""

    nodes: list[NodeRecord]
    arg_nodes: list[Id]
    heads: list[EntryRecord]
    node_row_ptr: list[Id] = []
    attrs: dict[str, tuple[str, Any]] = {}

    def num_colons(self) -> int:
        """Return how many colons the text has if no key stands in it twice.

        A node with both ``attrs`` and ``attr``, whose order matters, counts wrong on purpose, as
        does whatever stands there empty that MXNet leaves out.
        """
        unset = msgspec.UNSET
        count = 3 + 3 * len(self.nodes) + bool(self.node_row_ptr)
        if self.attrs:
            count += 1 + len(self.attrs)
        for node in self.nodes:
            count += (node.backward_source_id is not unset) + node.name.count(":")
            if node.attrs:
                count += 1 + num_colons(node.attrs)
            if node.attr:
                count += -1 if node.attrs else 1 + num_colons(node.attr)
            if node.param is not unset:
                count += 1 + num_colons(node.param)
            if node.control_deps:
                count += 1
            if node.subgraphs:
                count += 1 + sum(subgraph.num_colons() for subgraph in node.subgraphs)
        return count

    def stamps(self) -> tuple[int | None, bool]:
        """Return the version that wrote a file, and whether it did in NumPy-shape mode."""
        attrs = self.attrs
        for key, (kind, value) in attrs.items():
            if kind not in _GRAPH_ATTR_TYPES:
                raise SymbolError(
                    f"attrs.{key}: a graph attribute of type {kind!r} is unknown to MXNet, which "
                    f"has {', '.join(_GRAPH_ATTR_TYPES)}"
                )
            try:
                msgspec.convert(value, _GRAPH_ATTR_TYPES[kind])
            except msgspec.ValidationError:
                raise SymbolError(
                    f"attrs.{key}: {value!r:.60} is no {kind} of MXNet, whose integers have 32 bits"
                ) from None
        for key in ("mxnet_version", "is_np_shape"):
            kind, value = attrs.get(key, ("int", 0))
            if kind != "int" or type(value) is not int:
                raise SymbolError(f'attrs.{key}: expected ["int", number], found {[kind, value]}')
        version = attrs["mxnet_version"][1] if "mxnet_version" in attrs else None
        return version, bool(attrs.get("is_np_shape", ("int", 0))[1])

    def refuse_nul(self) -> None:
        """Refuse a NUL character in a name or an attribute."""
        for position, node in enumerate(self.nodes):
            texts = [node.name, node.op]
            for attrs in (node.attrs, node.attr, node.param):
                if isinstance(attrs, dict):
                    texts += [*attrs, *attrs.values()]
            if any("\0" in text for text in texts):
                raise SymbolError(
                    f"nodes[{position}] (node {node.name!r}): a NUL character stands in a name or "
                    "an attribute; it ends a C string, so MXNet can't hold it: remove it"
                )

    def check_ids(self, where: str) -> None:
        """Refuse an id of no node, an output that none can have, and a wrong ``arg_nodes``.

        Give entries of two numbers the version 0 that they mean.
        """
        count = len(self.nodes)

        def refuse(source: int, place: str) -> None:
            raise SymbolError(
                f"{where}{place}: node {source} does not exist (the file has {count})"
            )

        def check(entries: list[EntryRecord], place: str) -> None:
            for index, (source, output, *version) in enumerate(entries):
                if not version:
                    entries[index] = source, output, 0
                if source >= count:
                    refuse(source, f"{place}[{index}]")
                if output >= MAX_OUTPUTS:
                    raise SymbolError(
                        f"{where}{place}[{index}]: no operator has an output {output}; "
                        "correct the entry"
                    )

        for position, node in enumerate(self.nodes):
            check(node.inputs, f"nodes[{position}].inputs")
            for index, source in enumerate(node.control_deps):
                if source >= count:
                    refuse(source, f"nodes[{position}].control_deps[{index}]")
        check(self.heads, "heads")
        for index, position in enumerate(self.arg_nodes):
            if position >= count:
                refuse(position, f"arg_nodes[{index}]")
            node = self.nodes[position]
            op = canonical_name(node.op)
            if op != VARIABLE:
                raise SymbolError(
                    f"{where}arg_nodes[{index}]: node {position} ({node.name!r}) is an operator "
                    f"({op}), not a variable; list only variables, or nothing"
                )


def num_colons(attrs: Attrs) -> int:
    """Return how many colons attributes take in JSON: for each key one, and those in texts."""
    return len(attrs) + "".join([*attrs, *attrs.values()]).count(":")


class PlainNode(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One element of ``nodes`` as MXNet 1.0 to 2.0 writes nearly all of them."""

    op: str
    name: str
    inputs: list[tuple[Id, Id, Id]]
    attrs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class PlainGraph(GraphRecord, forbid_unknown_fields=True, gc=False):
    """A whole symbol of plain nodes."""

    nodes: list[PlainNode]  # type: ignore[assignment]
    heads: list[tuple[Id, Id, Id]]


decode_plain = msgspec.json.Decoder(PlainGraph).decode
decode_attrs = msgspec.json.Decoder(Attrs).decode
_decode_all = msgspec.json.Decoder(GraphRecord).decode


def decode(data: bytes) -> GraphRecord:
    """Decode symbol JSON. Node ids may be too large, all else is checked.

    Raises
    ------
    SymbolError
        With the path into the file (``nodes[17].inputs[2]``) and what to do.
    """
    try:
        record = _decode_all(data)
        if record.num_colons() == data.count(b":"):
            return record
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    return _decode_leniently(data)


# -- the lenient way -----------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """A JSON object that remembers the first of its keys that stood twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: str | None = None
        if len(self) != len(pairs):
            seen: set[str] = set()
            self.repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        if "attr" in self and "attrs" in self:
            # MXNet reads both into one map and clears it first: the later one wins whole.
            keys = [key for key, _ in pairs if key in ("attr", "attrs")]
            del self["attr" if keys[-1] == "attrs" else "attrs"]


def _refuse_constant(name: str) -> Any:
    raise SymbolError(f"{name} stands where the symbol JSON has no number like it")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise SymbolError(f"the number {text[:_MAX_DIGITS]}… is wider than any that MXNet reads")
    return int(text)


def _decode_leniently(data: bytes) -> GraphRecord:
    text = _text(data)
    decoder = json.JSONDecoder(
        object_pairs_hook=_Object,
        parse_int=_integer,
        parse_constant=_refuse_constant,
        strict=False,
    )
    try:
        tree, _ = decoder.raw_decode(text, len(text) - len(text.lstrip()))
    except json.JSONDecodeError as error:
        raise SymbolError(_not_json(text, error)) from None
    except RecursionError:
        raise SymbolError("brackets are nested too deep; this is no symbol JSON") from None
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, list):
            stack.extend((f"{path}[{i}]", child) for i, child in reversed(list(enumerate(value))))
        if not isinstance(value, _Object):
            continue
        dot = f"{path}." if path else ""
        stack.extend((f"{dot}{key}", child) for key, child in reversed(value.items()))
        if value.repeated is not None:
            name = value.get("name")
            owner = f" (node {name!r})" if isinstance(name, str) else ""
            raise SymbolError(
                f"{path or 'the top level'}{owner}: the key {value.repeated!r} stands twice; "
                "MXNet would silently take the last one: keep the one that is meant"
            )
    try:
        return msgspec.convert(tree, GraphRecord)
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        # The schema takes 3.0 for a whole number, MXNet does not: then the decoder has the words.
        found = re.fullmatch(r"(.*) - at `\$\.?(.*)`", str(error))
        typed = f"{found[2]}: {found[1].lower()}" if found else str(error)
        raise SymbolError(_schema_error(tree) or typed) from None


def _text(data: bytes) -> str:
    """Return the text of a file, without what even the lenient way must not take."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SymbolError("the file is UTF-16 text; save it as UTF-8")
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if re.search(r'"[^"\\\r\n]*[\r\n]', text):
        for match in re.finditer(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL):
            if "\n" in match.group() or "\r" in match.group():
                raise SymbolError(
                    f"{_place(text, match.start())}: a line break inside a string; "
                    "write it as \\n, or close the string"
                )
    lone = re.search(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text)
    if lone is not None:
        try:
            json.loads(f'"{text[lone.start() : lone.start() + 12]}"').encode()
        except ValueError:
            raise SymbolError(
                f"{_place(text, lone.start())}: the escape {lone.group()} is half a character"
            ) from None
    return text


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _not_json(text: str, error: json.JSONDecodeError) -> str:
    """Say what a text that is no JSON is instead."""
    head = text.lstrip()[:200].lower()
    if not head:
        return "the file is empty; copy or download the symbol file again"
    if head.startswith("<"):
        return "the file is an HTML or XML page, not symbol JSON; download the raw file instead"
    if head.startswith("version https://git-lfs"):
        return "the file is a Git LFS pointer, not symbol JSON; run `git lfs pull` to fetch it"
    if text.startswith("\x1f\udc8b"):
        return "the file is compressed with gzip; decompress it first (gunzip)"
    if "\0" in text[:64]:
        return "the file is binary, not symbol JSON; is it the .params file?"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return (
            f"the text ends too early, at {_place(text, error.pos)} ({error.msg}); "
            "the file is cut short: copy or download it again"
        )
    return f"{_place(text, error.pos)}: not JSON: {error.msg}"


# -- what breaks the schema ------------------------------------------------------------------------


_KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}


def _schema_error(tree: Any) -> str | None:
    """Return the first place where a parsed symbol breaks the JSON Schema, or None.

    The schema (``schemas/symbol.json``) is the published description of what the reader takes. It
    is consulted only when the reader has tripped: validating costs about 60 µs a node. The message
    gives the path into the file, the node's name, what is wrong and what is meant.
    """
    from jsonschema import Draft202012Validator

    file = Path(__file__).parent / "schemas" / "symbol.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    error = next(iter(Draft202012Validator(schema).iter_errors(tree)), None)
    while error is not None and error.context:
        error = min(error.context, key=lambda child: -len(child.absolute_path))
    if error is None:
        return None
    path = list(error.absolute_path)
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    owner = ""  # the innermost node on the path
    value = tree
    for parent, step in zip([None, *path], path, strict=False):
        value = value[step]
        if parent == "nodes" and isinstance(value, dict) and isinstance(value.get("name"), str):
            owner = f" (node {value['name']!r})"
    return f"{place.lstrip('.') or 'the top level'}{owner}: {_what(error)}"


def _what(error: Any) -> str:
    """Put an error of the schema into words."""
    found = json.dumps(error.instance, ensure_ascii=True, default=str)
    found = found if len(found) <= 60 else f"{found[:57]}..."
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"the key {missing[0]!r} is missing; every symbol of MXNet has it"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = [key for key in error.instance if key not in known]
        return f"the key {unknown[0]!r} is unknown{suggestion(unknown[0], known)}; remove it"
    if error.validator == "type":
        kind = _KINDS.get(error.validator_value, str(error.validator_value))
        hint = f", for example {json.dumps(str(error.instance))}" if kind == "a string" else ""
        return f"{found} is not {kind}{hint if not isinstance(error.instance, dict | list) else ''}"
    if error.validator in ("minItems", "maxItems"):
        return f"{found} has {len(error.instance)} elements; {error.schema.get('title', 'this')}"
    if error.validator == "minimum":
        return f"{found} is negative; ids and indices count from 0"
    if error.validator == "maximum":
        return f"{found} is wider than the 32 bits that MXNet reads"
    return str(error.message)
