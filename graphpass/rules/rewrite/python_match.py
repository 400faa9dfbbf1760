"""The ``match`` that conditions and replacements get: its nodes and values, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from graphpass.errors import OperationError, suggestion
from graphpass.graph import Entry
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import (
    UNBOUND,
    VALUE_WORDS,
    NodeView,
    RawAttributes,
    Scope,
    ValueView,
)
from graphpass.rules.expressions.values import answers
from graphpass.rules.rewrite.draft import Refusal, operator_attrs
from graphpass.rules.rewrite.pattern import Pattern

__all__ = ["MatchView", "MatchedNode", "MatchedValue", "NodeAttributes", "entry_at"]


class MatchView:
    """One match, as the functions of a rewrite see it.

    ``match.conv`` is a `MatchedNode`, ``match.x`` a `MatchedValue`, ``match.xs`` a tuple of these;
    a name that stands for nothing here is None. ``match["conv"]`` is the same.
    """

    __slots__ = ("_known", "_names", "_nodes", "_scope")

    def __init__(self, scope: Scope, pattern: Pattern) -> None:
        self._scope = scope
        self._nodes = pattern.nodes
        self._names = pattern.all_names
        self._known: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name in MatchView.__slots__:  # asked while `copy` has made no more than the object
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            near = suggestion(name, self._names)
            listed = ", ".join(sorted(self._names))
            raise AttributeError(
                f"the pattern has no name {name!r}{near}; it has {listed or 'none'}"
            ) from None

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._known:
            seen = self._known[name] = _seen(self._scope[name])
            if isinstance(seen, MatchedValue) and name in self._nodes:
                self._known[name] = AbsentNode(seen._view)
        return self._known[name]

    def __dir__(self) -> list[str]:
        return sorted([*self._names, "refuse"])

    def refuse(self, reason: str) -> Refusal:
        """Return what to raise, or to return, where the rewrite does not apply.

        Parameters
        ----------
        reason : str
            One clause without a full stop, for `explain`.
        """
        return Refusal(str(reason))


_NOT_OURS = frozenset(
    {"_view", "__copy__", "__deepcopy__", "__getstate__", "__setstate__"}
    | {"__getnewargs__", "__getnewargs_ex__", "__wrapped__"}
)
"""What `copy`, `pickle` and `inspect` ask any object for, as NumPy asks for ``__array…__``. Other
names with underscores are attributes that users hang on nodes."""


class _Seen:
    """A node or a value: it answers what expressions may ask of it."""

    __slots__ = ("_view",)
    _view: NodeView | ValueView

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_OURS or name.startswith("__array"):
            raise AttributeError(name)
        self._view.scope.limits.begin()
        try:
            return _seen(_answers(name)[type(self._view)](self._view))
        except TypeError as error:
            raise AttributeError(str(error)) from None
        except KeyError:
            raise OperationError(
                f"{name!r} is asked of a node that is gone; a match is good until its rewrite "
                "has fired, so take what you need out of it before"
            ) from None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Seen)
            and isinstance(other, MatchedNode) == isinstance(self, MatchedNode)
            and self._place[:2] == other._place[:2]
        )

    def __hash__(self) -> int:
        return hash(self._place[:2])

    def __str__(self) -> str:
        return str(self._view)

    def __repr__(self) -> str:
        return f"<{self._view}>"

    @property
    def _place(self) -> Entry:
        """The value in the graph; of a node the first output."""
        raise NotImplementedError


class MatchedNode(_Seen):
    """A node: ``name``, ``op``, ``users``, ``inputs``, ``is_head`` and the operator's attributes.

    An attribute is a value of its type, the operator's default where the file says nothing:
    ``match.conv.kernel`` is ``(3, 3)``. ``node[1]`` is an output.
    """

    __slots__ = ()
    _view: NodeView

    def __init__(self, view: NodeView) -> None:
        self._view = view

    @property
    def attrs(self) -> NodeAttributes:
        """The attributes that say what the operator does, as they stand in the file."""
        return NodeAttributes(self._view)

    def __getitem__(self, output: int) -> MatchedValue:
        return MatchedValue(self._view.output(output))

    def __iter__(self) -> Iterator[MatchedValue]:
        return iter([self[output] for output in range(self._view.signature.num_visible_outputs)])

    @property
    def _place(self) -> Entry:
        return Entry(self._view.key)


class MatchedValue(_Seen):
    """A value: ``name``, ``node``, ``output``, ``users``, ``shape``, ``dtype``, ``array``, ….

    It stands for its stored value wherever NumPy asks for an array.
    """

    __slots__ = ()
    _view: ValueView

    def __init__(self, view: ValueView) -> None:
        self._view = view

    @property
    def array(self) -> Any:
        """The stored value, read-only. Without one, the rewrite does not apply."""
        return self._view.array

    @property
    def has_value(self) -> bool:
        """Whether a value is stored."""
        return self._view.has_value

    def __getattr__(self, name: str) -> Any:
        if name not in VALUE_WORDS and not is_hidden_key(name):
            near = suggestion(name, sorted([*VALUE_WORDS, "array", "has_value"]))
            raise AttributeError(f"{self._view} is a value and has no {name!r}{near}")
        return super().__getattr__(name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self._view.array if dtype is None else self._view.array.astype(dtype)
        return array.copy() if copy else array

    @property
    def _place(self) -> Entry:
        return self._view.entry


class AbsentNode(MatchedValue):
    """The value that an operator stands for which may be absent, and is.

    Asked for an attribute of the operator, it has none to give, so the rewrite does not apply.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return _Seen.__getattr__(self, name)


class NodeAttributes(Mapping[str, str]):
    """The attributes of an operator, texts as in the file, to be taken over by a new one.

    What a user hung on a node is not among them; ``node.__lr_mult__`` has that.
    """

    __slots__ = ("_texts",)

    def __init__(self, node: NodeView) -> None:
        self._texts = operator_attrs(node.op, node.attrs.texts)

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __or__(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._texts, **changes}


_answers = cache(answers)


def entry_at(seen: MatchedNode | MatchedValue, scope: Scope) -> Entry | None:
    """Return a value in the graph, of a node the first output; None if it is of another match."""
    return seen._place if seen._view.scope is scope else None


def _seen(value: Any) -> Any:
    """Return what a function gets for what the language of expressions has."""
    if isinstance(value, NodeView):
        return MatchedNode(value)
    if isinstance(value, ValueView):
        return MatchedValue(value)
    if isinstance(value, tuple):
        return tuple([_seen(each) for each in value])
    if isinstance(value, RawAttributes):
        return NodeAttributes(value.node)
    return None if value is UNBOUND else value
