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

import fnmatch
import re
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal, TypeAlias

from graphpass.errors import SelectorError, nearest
from graphpass.graph import Entry, Graph
from graphpass.ops import canonical_name
from graphpass.rules.limits import REGEX_SECONDS, REGEX_SECONDS_A_NAME

__all__ = [
    "Kind",
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
    if kind != "both":
        found = [key for key in found if graph.is_variable(key) == (kind == "variables")]
    if not found and not optional:
        raise SelectorError(_nothing(graph, form, text, kind))
    return found


def select_matches(
    graph: Graph, selector: Selector, *, kind: Kind = "both", optional: bool = False
) -> dict[int, re.Match[str] | None]:
    """Return what `select` does, with what a ``regex:`` matched of each name; None elsewhere.

    Nodes stand by the list's selectors, those of one selector in saved order.
    """
    found: dict[int, re.Match[str] | None] = {}
    if isinstance(selector, Sequence) and not isinstance(selector, str):
        for part in selector:
            for key, match in select_matches(graph, part, kind=kind, optional=optional).items():
                found.setdefault(key, match)
        return found
    keys = select(graph, selector, kind=kind, optional=optional)
    form, text = _form(selector)
    if form != "regex":
        return dict.fromkeys(keys)
    return dict(zip(keys, NamePattern(form, text).matches(graph.names_of(keys)), strict=True))


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
    matches = NamePattern(form, text).matches(names)
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
        if not text.isdecimal() or len(text) > 18:
            raise SelectorError(f"id:{text} is no node key; write a number, such as id:17")
        return [int(text)] if graph.reaches(int(text)) else []
    if form == "op":
        return list(graph.by_op().get(canonical_name(text), ()))
    keys = graph.order()
    if (form, text) == ("glob", "*"):
        return list(keys)
    matches = NamePattern(form, text).matches(graph.names_of(keys))
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


class _TooLongError(Exception):
    pass


class NamePattern:
    """A compiled ``glob:`` or ``regex:``, matched against whole names.

    Python's `re` backtracks, and a pattern such as ``(a+)+b`` takes for ever on a name of forty
    letters. A timer ends that, which needs the main thread of a Unix process; elsewhere an
    expression runs without a limit. What a ``glob:`` becomes does not backtrack.
    """

    __slots__ = ("_left", "_pattern", "_text")

    def __init__(self, form: str, text: str) -> None:
        self._text = f"{form}:{text}"
        self._left = None if form == "glob" else REGEX_SECONDS
        try:
            self._pattern = re.compile(fnmatch.translate(text) if form == "glob" else text)
        except (re.error, OverflowError, RecursionError) as error:
            raise SelectorError(f"{self._text} is no regular expression: {error}") from None

    def matches(self, names: Sequence[str]) -> list[re.Match[str] | None]:
        """Match whole names.

        Raises
        ------
        SelectorError
            If the expression has used up its time.
        """
        if self._left is None:
            return list(map(self._pattern.fullmatch, names))
        self._left += len(names) * REGEX_SECONDS_A_NAME
        try:
            with _timer(self._left) as timer:  # no map(): timers ring between Python's steps
                found = [self._pattern.fullmatch(name) for name in names]
        except _TooLongError:
            raise SelectorError(
                f"{self._text} takes for ever on names of the graph; write it without repetitions "
                "inside repetitions"
            ) from None
        self._left = timer.left
        return found


class _Timer:
    """What is left of the time, in seconds, when it has been stopped."""

    def __init__(self, left: float) -> None:
        self.left = left


@contextmanager
def _timer(seconds: float) -> Iterator[_Timer]:
    """Raise `_TooLongError` after so many seconds of this process's computing."""
    timer = _Timer(seconds)
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
        or signal.getitimer(signal.ITIMER_VIRTUAL)[0]  # somebody else's timer is running
    ):
        yield timer
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield timer
    finally:
        timer.left, _ = signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
