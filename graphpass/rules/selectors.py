"""Selectors: how a rule says which nodes, and which values, it is about.

=====================  ========================================================================
selector               selects
=====================  ========================================================================
``conv0``              nodes of exactly that name; names hold ``*``, ``/`` and ``.$0``
``glob:conv*``         names that match a shell pattern
``regex:conv[0-9]+``   names that match a regular expression as a whole
``op:Convolution``     operators by name or alias
``id:17``              one node by its key, the position in the file it was read from
``{name: "op:x"}``     the same as mappings, for names that begin like a selector
a list                 everything that one of its selectors selects
=====================  ========================================================================

A value is named by its node (``fc1``), as MXNet names it (``fc1_output``, ``slice0_output1``), or
by key and output (``id:17``, ``id:17:1``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import SelectorError, nearest
from graphpass.graph import Entry, Graph
from graphpass.ops import canonical_name
from graphpass.rules.name_expressions import Expression

__all__ = [
    "Kind",
    "Part",
    "Selector",
    "name_test",
    "parts",
    "select",
    "select_entries",
    "select_entry",
    "select_one",
]

Selector: TypeAlias = "str | Mapping[str, Any] | Sequence[Any]"

Kind: TypeAlias = Literal["both", "variables", "operators"]

_SPELLED = 80

_FORMS = ("glob", "regex", "op", "id")


class Part(NamedTuple):
    """One selector that is no list."""

    form: str
    """``name``, ``glob``, ``regex``, ``op`` or ``id``."""

    text: str
    """What stands behind the form."""

    selector: str | Mapping[str, Any]
    """The selector as it was written."""


def select(
    graph: Graph, selector: Selector, *, kind: Kind = "both", optional: bool = False
) -> list[int]:
    """Return the nodes that a selector selects, in saved order.

    Parameters
    ----------
    graph : Graph
        Only nodes that its heads reach are selected.
    selector : str, mapping or list
        See the table above.
    kind : {"both", "variables", "operators"}
        Which nodes are asked for.
    optional : bool
        Whether selecting nothing is fine.

    Raises
    ------
    SelectorError
        If it selects nothing (the message lists the nearest names), or is malformed.
    """
    if isinstance(selector, Sequence) and not isinstance(selector, str):
        chosen: set[int] = set()
        for part in selector:
            chosen.update(select(graph, part, kind=kind, optional=optional))
        return [key for key in graph.order() if key in chosen]
    form, text = _form(selector)
    found = _candidates(graph, form, text)
    found = [key for key in found if _is_kind(graph, key, kind)]
    if not found and not optional:
        raise SelectorError(_nothing(graph, form, text, kind))
    return found


def parts(selector: Selector) -> Iterator[Part]:
    """Return the single selectors of a selector, whatever lists they stand in, in order.

    Raises
    ------
    SelectorError
        If one of them is malformed.
    """
    if isinstance(selector, Sequence) and not isinstance(selector, str):
        for part in selector:
            yield from parts(part)
    else:
        form, text = _form(selector)
        yield Part(form, text, selector)


def name_test(selector: str) -> Callable[[str], bool]:
    """Return the test of names that stand in no graph: exact, ``glob:`` or ``regex:``.

    Raises
    ------
    SelectorError
        If it is no selector of names.

    Examples
    --------
    >>> test = name_test("glob:*_weight")
    >>> test("fc1_weight"), test("fc1_bias")
    (True, False)
    """
    form, text = _form(selector)
    if form == "name":
        return text.__eq__
    if form not in ("glob", "regex"):
        raise SelectorError(f"{selector!r} selects nodes where names are meant; write a name")
    expression = Expression(form, text)
    return lambda name: expression.fullmatch(name) is not None


def select_one(graph: Graph, selector: Selector, *, kind: Kind = "both") -> int:
    """Return the one node that a selector selects.

    Raises
    ------
    SelectorError
        If it selects nothing or several nodes; the message lists them by ``id:``.
    """
    found = select(graph, selector, kind=kind)
    if len(found) > 1:
        raise SelectorError(
            f"{_spell(selector)} selects {len(found)} nodes where one is meant; "
            f"choose: {_by_id(graph, found)}"
        )
    return found[0]


def select_entries(graph: Graph, selectors: Selector) -> list[Entry]:
    """Return the values that a list of selectors names, in the list's order."""
    if isinstance(selectors, str | Mapping):
        selectors = [selectors]
    return [select_entry(graph, selector) for selector in selectors]


def select_entry(graph: Graph, selector: str | Mapping[str, Any]) -> Entry:
    """Return the one value that a selector names.

    Parameters
    ----------
    graph : Graph
        The graph.
    selector : str or mapping
        ``fc1`` (its only visible output), ``fc1_output``, ``slice0_output1``, ``id:17``,
        ``id:17:1``, or any selector of one node, as ``{node: ..., output: 1}`` with the output.

    Raises
    ------
    SelectorError
        If there is no such value, or several; the message lists the nearest, or the choices.
    """
    if isinstance(selector, Mapping):
        return _entry_of_mapping(graph, selector)
    numbered = re.fullmatch(r"id:(\d+):(\d+)", selector)
    if numbered:
        key = select_one(graph, f"id:{numbered[1]}")
        return _output(graph, key, int(numbered[2]))
    form, _ = _form(selector)
    if form != "name":
        return _only_output(graph, select_one(graph, selector))
    by_output = _named_output(graph, selector)
    by_node = select(graph, selector, optional=True)
    found = list(dict.fromkeys([*by_output, *(Entry(key) for key in by_node)]))
    if len(found) == 1:
        return by_output[0] if by_output else _only_output(graph, by_node[0])
    if not found:
        near = nearest(selector, [*_output_names(graph), *_names(graph, "both")])
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise SelectorError(f"no output {selector!r}{hint}")
    listed = ", ".join(f"id:{entry.node}:{entry.output}" for entry in found)
    raise SelectorError(f"{selector!r} names {len(found)} values; choose one: {listed}")


def _form(selector: str | Mapping[str, Any]) -> tuple[str, str]:
    if isinstance(selector, Mapping):
        if len(selector) != 1 or next(iter(selector)) not in (*_FORMS, "name"):
            raise SelectorError(
                f"{_spell(selector)} is no selector; write one of {', '.join(('name', *_FORMS))}, "
                'such as {glob: "conv*"}'
            )
        ((form, text),) = selector.items()
        return form, str(text)
    if not isinstance(selector, str):
        raise SelectorError(f"{selector!r} is no selector; write a name")
    form, colon, text = selector.partition(":")
    return (form, text) if colon and form in _FORMS else ("name", selector)


def _test(graph: Graph, form: str, text: str) -> Callable[[int], object]:
    if form in ("glob", "regex"):
        expression = Expression(form, text)
        return lambda key: expression.fullmatch(graph.name(key))
    op = canonical_name(text)
    return lambda key: graph.op(key) == op


def _candidates(graph: Graph, form: str, text: str) -> list[int]:
    """Return what a selector selects of the nodes that the heads reach, in saved order."""
    if form == "name" and len(graph.named(text)) <= 1:
        return [key for key in graph.named(text) if graph.reaches(key)]
    if form == "name":
        wanted = set(graph.named(text))
        return [key for key in graph.order() if key in wanted]
    if form == "id":
        if not text.isdecimal() or len(text) > 18:
            raise SelectorError(f"id:{text} is no node key; write a number, such as id:17")
        return [int(text)] if graph.reaches(int(text)) else []
    test = _test(graph, form, text)
    return [key for key in graph.order() if test(key)]


def _is_kind(graph: Graph, key: int, kind: Kind) -> bool:
    return kind == "both" or graph.is_variable(key) == (kind == "variables")


def _names(graph: Graph, kind: Kind) -> list[str]:
    return [graph.name(key) for key in graph.order() if _is_kind(graph, key, kind)]


def _nothing(graph: Graph, form: str, text: str, kind: Kind) -> str:
    noun = {"both": "node", "variables": "variable", "operators": "operator"}[kind]
    if form == "name":
        near = nearest(text, _names(graph, kind))
        hint = f"; nearest: {', '.join(near)}" if near else ""
        if any(graph.reaches(key) for key in graph.named(text)):
            hint = f", but {'an operator' if kind == 'variables' else 'a variable'} is{hint}"
        return f"no {noun} is called {text!r}{hint}"
    if form == "op":
        near = nearest(text, {graph.op(key) for key in graph.order()})
        hint = f"; the graph has {', '.join(near)}" if near else ""
        return f"no {noun} runs the operator {text!r}{hint}"
    if form == "id":
        return f"no {noun} has the key {text}; `graphpass show --nodes` lists the keys"
    return f"{form}:{text} selects no {noun}"


def _entry_of_mapping(graph: Graph, selector: Mapping[str, Any]) -> Entry:
    if "node" not in selector:
        return _only_output(graph, select_one(graph, selector))
    key = select_one(graph, selector["node"])
    if "output" not in selector:
        return _only_output(graph, key)
    return _output(graph, key, int(selector["output"]))


def _output(graph: Graph, key: int, output: int) -> Entry:
    count = graph.signature(key).num_outputs
    if not 0 <= output < count:
        raise SelectorError(f"{graph.name(key)!r} has {count} outputs, so there is none {output}")
    return Entry(key, output)


def _only_output(graph: Graph, key: int) -> Entry:
    signature = graph.signature(key)
    if signature.num_visible_outputs <= 1:
        return Entry(key)
    names = [
        graph.output_name(Entry(key, output)) for output in range(signature.num_visible_outputs)
    ]
    raise SelectorError(
        f"{graph.name(key)!r} has {len(names)} outputs; choose one: {', '.join(names)}"
    )


def _named_output(graph: Graph, name: str) -> list[Entry]:
    """Return the values that MXNet calls `name`, hidden outputs included."""
    found: list[Entry] = []
    for end in _underscores(name):
        for key in select(graph, {"name": name[:end]}, kind="operators", optional=True):
            suffix = name[end + 1 :]
            names = graph.signature(key).output_names
            found.extend(
                Entry(key, output) for output, known in enumerate(names) if known == suffix
            )
    return found


def _underscores(name: str) -> Iterable[int]:
    return [position for position, char in enumerate(name) if char == "_"]


def _output_names(graph: Graph) -> list[str]:
    return [
        graph.output_name(Entry(key, output))
        for key in graph.order()
        for output in range(graph.signature(key).num_visible_outputs)
    ]


def _by_id(graph: Graph, keys: Sequence[int]) -> str:
    listed = []
    for key in keys[:8]:
        kind = "variable" if graph.is_variable(key) else graph.op(key)
        listed.append(f"id:{key} ({kind} {graph.name(key)!r})")
    return ", ".join([*listed, *(["…"] if len(keys) > 8 else [])])


def _spell(selector: Selector) -> str:
    text = repr(selector)
    return text if len(text) <= _SPELLED else f"{text[:_SPELLED]}…"
