"""Selectors: how a rule says which nodes, and which values, it is about.

A value is named by its node (``fc1``), as MXNet names it (``fc1_output``, ``slice0_output1``), or
by key and output (``id:17``, ``id:17:1``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import SelectorError, nearest, suggestion
from graphpass.graph import Entry, Graph
from graphpass.ops import canonical_name
from graphpass.rules.limits import MAX_REGEX

__all__ = [
    "Kind",
    "NameMatch",
    "Selector",
    "select",
    "select_entries",
    "select_entry",
    "select_matches",
    "select_names",
    "select_one",
]

Selector: TypeAlias = "str | Mapping[str, Any] | Sequence[Any]"

Kind: TypeAlias = Literal["both", "variables", "operators"]

_SPELLED = 80

_FORMS = ("glob", "regex", "op", "id")


def select(
    graph: Graph, selector: Selector, *, kind: Kind = "both", optional: bool = False
) -> list[int]:
    """Return the nodes that a selector selects, in saved order.

    =====================  ========================================================================
    selector               selects
    =====================  ========================================================================
    ``conv0``              nodes of exactly that name; names hold ``*``, ``/`` and ``.$0``
    ``glob:conv*``         names that match a shell pattern
    ``regex:conv[0-9]+``   names that match a regular expression as a whole, in the syntax of RE2
    ``op:Convolution``     operators by name or alias
    ``id:17``              one node by its key, the position in the file it was read from
    ``{name: "op:x"}``     the same as mappings, for names that begin like a selector
    a list                 everything that one of its selectors selects
    =====================  ========================================================================

    Parameters
    ----------
    graph : Graph
        Only nodes that its heads reach are selected.
    selector : str, mapping or list
        See the table.
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
    if kind != "both":
        found = [key for key in found if graph.is_variable(key) == (kind == "variables")]
    if not found and not optional:
        raise SelectorError(_nothing(graph, form, text, kind))
    return found


def select_matches(
    graph: Graph, selector: Selector, *, kind: Kind = "both", optional: bool = False
) -> dict[int, NameMatch | None]:
    """Return what `select` does, with what a ``regex:`` matched of each name; None elsewhere.

    Nodes stand by the list's selectors, those of one selector in saved order.
    """
    found: dict[int, NameMatch | None] = {}
    if isinstance(selector, Sequence) and not isinstance(selector, str):
        for part in selector:
            for key, match in select_matches(graph, part, kind=kind, optional=optional).items():
                found.setdefault(key, match)
        return found
    keys = select(graph, selector, kind=kind, optional=optional)
    form, text = _form(selector)
    if form != "regex":
        return dict.fromkeys(keys)
    return dict(zip(keys, _matches(form, text, graph.names_of(keys)), strict=True))


def select_names(names: Sequence[str], selector: str) -> list[str]:
    """Return those of some names, which stand in no graph, that a selector of names selects.

    Raises
    ------
    SelectorError
        If it selects otherwise than by an exact name, ``glob:`` or ``regex:``.

    Examples
    --------
    >>> select_names(["fc1_weight", "fc1_bias"], "glob:*_weight")
    ['fc1_weight']
    """
    form, text = _form(selector)
    if form == "name":
        return [name for name in names if name == text]
    if form not in ("glob", "regex"):
        raise SelectorError(f"{selector!r} selects nodes where names are meant; write a name")
    matches = _matches(form, text, names)
    return [name for name, match in zip(names, matches, strict=True) if match]


def select_one(graph: Graph, selector: Selector, *, kind: Kind = "both") -> int:
    """Return the one node that a selector selects.

    Raises
    ------
    SelectorError
        If it selects nothing or several nodes; the message lists them by ``id:``.
    """
    found = select(graph, selector, kind=kind)
    if len(found) > 1:
        kinds = ["variable" if graph.is_variable(key) else graph.op(key) for key in found[:8]]
        listed = [
            f"id:{key} ({kind} {graph.name(key)!r})"
            for key, kind in zip(found, kinds, strict=False)
        ]
        raise SelectorError(
            f"{_spell(selector)} selects {len(found)} nodes where one is meant; "
            f"choose: {', '.join([*listed, *['…'][: len(found) > 8]])}"
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
        key = select_one(graph, selector.get("node", selector))
        if {"node", "output"} <= selector.keys():
            return _output(graph, key, int(selector["output"]))
        return _only_output(graph, key)
    numbered = re.fullmatch(r"id:([0-9]{1,18}):([0-9]{1,18})", selector)
    if numbered:
        key = select_one(graph, f"id:{numbered[1]}")
        return _output(graph, key, int(numbered[2]))
    form, _ = _form(selector)
    if form != "name":
        return _only_output(graph, select_one(graph, selector))
    by_output: list[Entry] = []  # what MXNet calls so, hidden outputs included
    for end in [position for position, char in enumerate(selector) if char == "_"]:
        for key in select(graph, {"name": selector[:end]}, kind="operators", optional=True):
            names = graph.signature(key).output_names
            by_output += [
                Entry(key, n) for n, each in enumerate(names) if each == selector[end + 1 :]
            ]
    by_node = select(graph, selector, optional=True)
    found = list(dict.fromkeys([*by_output, *(Entry(key) for key in by_node)]))
    if len(found) == 1:
        return by_output[0] if by_output else _only_output(graph, by_node[0])
    if not found:
        hint = _nearest_names(graph, selector, "both", _output_names(graph))
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


def _candidates(graph: Graph, form: str, text: str) -> list[int]:
    """Return what a selector selects of the nodes that the heads reach, in saved order."""
    if form == "name" and len(graph.named(text)) <= 1:
        return [key for key in graph.named(text) if graph.reaches(key)]
    if form == "name":
        wanted = set(graph.named(text))
        return [key for key in graph.order() if key in wanted]
    if form == "id":
        if not re.fullmatch("[0-9]{1,18}", text):
            raise SelectorError(f"id:{text} is no node key; write a number, such as id:17")
        return [int(text)] if graph.reaches(int(text)) else []
    if form == "op":
        return list(graph.by_op().get(canonical_name(text), ()))
    keys = graph.order()
    if (form, text) == ("glob", "*"):
        return list(keys)
    matches = _matches(form, text, graph.names_of(keys))
    return [key for key, match in zip(keys, matches, strict=True) if match]


def _nearest_names(graph: Graph, text: str, kind: Kind, others: Sequence[str] = ()) -> str:
    names = [
        graph.name(key)
        for key in graph.order()
        if kind == "both" or graph.is_variable(key) == (kind == "variables")
    ]
    near = nearest(text, [*others, *names])
    return f"; nearest: {', '.join(near)}" if near else ""


def _nothing(graph: Graph, form: str, text: str, kind: Kind) -> str:
    noun = {"both": "node", "variables": "variable", "operators": "operator"}[kind]
    if form == "name":
        hint = _nearest_names(graph, text, kind)
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


def _output_names(graph: Graph) -> list[str]:
    return [
        graph.output_name(Entry(key, output))
        for key in graph.order()
        for output in range(graph.signature(key).num_visible_outputs)
    ]


def _spell(selector: Selector) -> str:
    text = repr(selector)
    return text if len(text) <= _SPELLED else f"{text[:_SPELLED]}…"


# -- names that match ------------------------------------------------------------------------------


class NameMatch(NamedTuple):
    """What a ``regex:`` matched of a name."""

    expression: str

    groups: tuple[str | None, ...]
    """The whole name, then the groups; None for one that took no part."""

    numbers: Mapping[str, int]
    """The numbers of groups that have names."""

    def expand(self, template: str) -> str:
        r"""Return a template with the groups in the place of ``\1`` and ``\g<name>``.

        Raises
        ------
        SelectorError
            If there is no such group.
        """
        return _GROUP.sub(self._group, template)

    def _group(self, reference: re.Match[str]) -> str:
        asked = reference[1] or reference[2] or ""
        if reference[0] == "\\\\":
            return "\\"
        number = int(asked) if asked.isdecimal() else self.numbers.get(asked, len(self.groups))
        if not asked or number >= len(self.groups):
            raise SelectorError(
                f"there is no group {reference[0]}{suggestion(asked, self.numbers)}"
            )
        return self.groups[number] or ""


_GROUP = re.compile(r"\\(?:([0-9]{1,2})|g<(\w{1,80})>|\\|.|$)", re.ASCII | re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")
"""A byte of a name that is no UTF-8, as Python keeps it."""


def _matches(form: str, text: str, names: Sequence[str]) -> list[NameMatch | None]:
    """Match whole names against a ``glob:`` or a ``regex:``.

    Linear in the names: RE2 does not backtrack, nor does what a glob becomes.
    """
    if form == "glob":
        glob = re.compile(fnmatch.translate(text))
        found = NameMatch(text, (), {})
        return [found if glob.fullmatch(name) else None for name in names]
    import re2  # most rules select by name

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(text, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise SelectorError(f"regex:{text} is no regular expression: {_reason(error)}") from None
    if compiled.programsize > MAX_REGEX:
        raise SelectorError(
            f"regex:{text} is too large: it compiles to {compiled.programsize:,} steps, "
            f"{MAX_REGEX:,} are allowed; write several selectors in a list"
        )
    numbers, groups = compiled.groupindex, range(compiled.groups + 1)
    matches: list[NameMatch | None] = []
    for name in names:
        found = compiled.fullmatch(name if name.isascii() else _HALF.sub("\ufffd", name))
        spans = [found.span(each) for each in groups] if found else []
        taken = [None if start < 0 else name[start:end] for start, end in spans]
        matches.append(NameMatch(text, tuple(taken), numbers) if found else None)
    return matches


def _reason(error: Exception) -> str:
    """Return in words why RE2 takes no expression."""
    if isinstance(error, UnicodeEncodeError):
        return "it holds half a character"
    reason = error.args[0].decode("utf-8", "replace")
    if reason.startswith(("invalid perl operator", "invalid escape sequence: \\")):
        reason += (
            "; RE2, which takes linear time on every name, has no lookahead, lookbehind, "
            "references to groups, atomic groups or \\Z"
        )
    return str(reason)
