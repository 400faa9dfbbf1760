"""A random symbol to text: the dialects and liberties of everybody who wrote such files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from graphpass.testing.dice import Dice

__all__ = ["DrawnNode", "DrawnSymbol", "write_symbol"]


@dataclass(slots=True)
class DrawnNode:
    """One node; `inputs` and `control` are positions in the list of nodes."""

    op: str
    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    inputs: list[tuple[int, int, int]] = field(default_factory=list)
    control: list[int] = field(default_factory=list)
    subgraphs: list[DrawnSymbol] = field(default_factory=list)


@dataclass(slots=True)
class DrawnSymbol:
    """A symbol whose nodes stand after everything they read."""

    version: int | None
    nodes: list[DrawnNode]
    heads: list[tuple[int, int, int]]


class _Object(list[tuple[str, Any]]):
    """A JSON object with its keys in the order in which they are to be written."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What one file does alike everywhere."""

    label: str
    """Where attributes stand: ``attrs``, ``attr``, ``param``, or ``two`` places."""
    entry: int
    """How many numbers an entry has; 0: it varies."""
    order: int
    """How far the keys of an object are rotated; negative: reversed as well."""
    space: tuple[str, str, str]
    """After a comma, after a colon, inside brackets."""
    raw_tabs: bool
    arg_nodes: str
    row_pointers: str


def _layout(dice: Dice) -> _Layout:
    return _Layout(
        label=dice.pick(("attrs", "attr", "param", "two")),
        entry=dice.pick((3, 2, 0)),
        order=dice.pick((0, 1, -1, -2)),
        space=dice.pick((("", "", ""), (" ", " ", ""), ("\n  ", "\t", "\r\n "))),
        raw_tabs=dice.one_in(2),
        arg_nodes=dice.pick(("all", "none", "some", "twice")),
        row_pointers=dice.pick(("missing", "empty", "nonsense")),
    )


_EXTRA_ATTRS: tuple[tuple[str, list[Any]], ...] = (
    ("is_np_shape", ["int", 0]),
    ("author", ["str", "Mei"]),
    ("shapes", ["list_int", [1, 2]]),
    ("names", ["list_str", ["a", 'b"\\']]),
)


def write_symbol(dice: Dice, symbol: DrawnSymbol) -> str:
    """Draw one of the texts that stand for a symbol."""
    layout = _layout(dice)
    order = list(range(len(symbol.nodes)))
    if dice.one_in(2):
        order = dice.draw(st.permutations(order))
    tree = _graph(symbol, order, layout)
    if symbol.version is not None:
        attrs: _Object = _Object([("mxnet_version", ["int", symbol.version])])
        if dice.one_in(4):
            attrs.append(dice.pick(_EXTRA_ATTRS))
        tree.append(("attrs", _arranged(attrs, layout)))
    return _print(_arranged(tree, layout), layout) + dice.pick(("", "\n", " }"))


def _graph(symbol: DrawnSymbol, order: list[int], layout: _Layout) -> _Object:
    """Return the tree of a graph whose nodes are written in `order`."""
    ids = {position: i for i, position in enumerate(order)}
    variables = [i for i, position in enumerate(order) if symbol.nodes[position].op == "null"]
    arg_nodes = {
        "all": variables,
        "none": [],
        "some": variables[::-2],
        "twice": variables + variables,
    }[layout.arg_nodes]
    tree = _Object(
        [
            ("nodes", [_node(symbol.nodes[position], ids, layout) for position in order]),
            ("arg_nodes", arg_nodes),
            ("heads", [_entry(entry, ids, i, layout) for i, entry in enumerate(symbol.heads)]),
        ]
    )
    if layout.row_pointers != "missing":
        tree.append(("node_row_ptr", [] if layout.row_pointers == "empty" else [7, 7, 0]))
    return tree


def _node(node: DrawnNode, ids: dict[int, int], layout: _Layout) -> _Object:
    tree = _Object([("op", node.op), ("name", node.name)])
    inputs = [_entry(entry, ids, slot, layout) for slot, entry in enumerate(node.inputs)]
    tree.append(("inputs", inputs))
    tree += _attributes(node, layout)
    if node.control:
        tree.append(("control_deps", [ids[position] for position in node.control]))
    if node.subgraphs:
        subgraphs = [
            _arranged(_graph(inner, list(range(len(inner.nodes))), layout), layout)
            for inner in node.subgraphs
        ]
        tree.append(("subgraphs", subgraphs))
    return _arranged(tree, layout)


def _attributes(node: DrawnNode, layout: _Layout) -> list[tuple[str, Any]]:
    """Return the node's attributes under the keys where the layout puts them."""
    attrs = _Object(node.attrs.items())
    if layout.label == "param":
        # Before 0.9 the operator's own parameters stood apart from what the user added.
        users = [(key, text) for key, text in attrs if _is_hidden(key)]
        own = _Object(pair for pair in attrs if pair not in users)
        written = [("param", own), ("backward_source_id", -1)]
        return [*written, ("attr", _Object(users))] if users else written
    if layout.label == "two":
        # MXNet takes the later of `attr` and `attrs` whole, and from `param` what it lacks.
        half = len(attrs) // 2
        return [
            ("attrs", _Object([("ignored", "yes")])),
            ("attr", _Object(attrs[half:])),
            ("param", _Object([*attrs[:half], *((key, "ignored") for key, _ in attrs[half:])])),
        ]
    return [(layout.label, attrs)] if attrs or layout.entry == 2 else []


def _is_hidden(key: str) -> bool:
    return key.endswith(("mult", "group", "stage", "mirroring", "__"))


def _entry(
    entry: tuple[int, int, int], ids: dict[int, int], slot: int, layout: _Layout
) -> list[int]:
    position, output, stamp = entry
    if (layout.entry or 2 + slot % 2) == 2:
        return [ids[position], output]
    return [ids[position], output, stamp]


def _arranged(tree: list[tuple[str, Any]], layout: _Layout) -> _Object:
    """Return an object with its keys in the layout's order; `attr` stays behind `attrs`."""
    keys = [key for key, _ in tree]
    if "attr" in keys and "attrs" in keys:
        return _Object(tree)
    turn = abs(layout.order) % max(len(tree), 1)
    turned = tree[turn:] + tree[:turn]
    return _Object(turned[::-1] if layout.order < 0 else turned)


def _print(root: Any, layout: _Layout) -> str:
    comma, colon, inside = layout.space

    def text(tree: Any) -> str:
        if isinstance(tree, str):
            return _quoted(tree, layout.raw_tabs)
        if isinstance(tree, int):
            return str(tree)
        if isinstance(tree, _Object):
            pairs = (f"{_quoted(key, True)}:{colon}{text(value)}" for key, value in tree)
            return f"{{{inside}{f',{comma}'.join(pairs)}{inside}}}"
        return f"[{inside}{f',{comma}'.join(map(text, tree))}{inside}]"

    return text(root)


_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\\": "\\\\", '"': '\\"'})


def _quoted(text: str, raw_tabs: bool) -> str:
    """Escape what MXNet's reader insists on; it takes other control characters raw."""
    escaped = text.translate(_ESCAPES)
    return f'"{escaped if raw_tabs else escaped.replace(chr(9), chr(92) + "t")}"'
