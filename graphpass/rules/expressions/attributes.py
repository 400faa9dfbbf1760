"""What stands behind a dot: words of nodes, values and arrays, and attributes of operators."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from graphpass.errors import AttributeValueError, suggestion
from graphpass.ops import AttributeSpec, find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.unknown import UnknownError
from graphpass.rules.expressions.views import NodeView, ValueView
from graphpass.rules.expressions.wording import kind_of
from graphpass.rules.expressions.words import ARRAY_WORDS, NODE_WORDS, VALUE_WORDS

__all__ = ["attribute_of", "dot"]


def dot(key: str) -> Callable[[Any], Any]:
    """Return a function that answers ``x.key``.

    Notes
    -----
    Nothing but the words and attributes of the language is looked up, so that no key reaches into
    Python.
    """
    of_node = attrgetter(key) if key in NODE_WORDS else _OperatorAttribute(key)
    of_value = attrgetter(key) if key in VALUE_WORDS else None
    of_array = _ARRAY_WORDS.get(key)

    def answer(base: Any) -> Any:
        kind = type(base)
        if kind is NodeView:
            return of_node(base)
        if kind is ValueView:
            return _of_value(base, key) if of_value is None else of_value(base)
        if kind is np.ndarray and of_array is not None:
            return of_array(base)
        raise TypeError(f"{kind_of(base)} has no {key!r}")

    return answer


def attribute_of(node: NodeView, key: str) -> Any:
    """Return the value of an operator's attribute, even one that is called like a word."""
    return _OperatorAttribute(key, words=False)(node)


_ARRAY_WORDS: dict[str, Callable[[Any], Any]] = {
    "dtype": lambda array: array.dtype.name,
    "ndim": lambda array: array.ndim,
    "shape": lambda array: array.shape,
    "size": lambda array: array.size,
}


def _of_value(value: ValueView, key: str) -> Any:
    """Return a hint of a variable, or say that there is no such word.

    A name of the pattern may stand for a value at one match and for a node at another, so that this
    is no fault of the expression.
    """
    if is_hidden_key(key):
        return value.scope.index.graph.attrs(value.entry.node).get(key)
    raise UnknownError(
        f"{value} is a value and has no {key!r}{suggestion(key, sorted(VALUE_WORDS))}"
    )


class _OperatorAttribute:
    """Looks up one attribute of nodes; what its operators declare is remembered."""

    __slots__ = ("_key", "_specs", "_word")

    def __init__(self, key: str, *, words: bool = True) -> None:
        self._key = key
        self._word = attrgetter(key) if words and key in ARRAY_WORDS else None
        self._specs: dict[str, AttributeSpec | None] = {}

    def __call__(self, node: NodeView) -> Any:
        graph = node.scope.index.graph
        op = graph.op(node.key)
        try:
            spec = self._specs[op]
        except KeyError:
            operator = find(op)
            spec = None if operator is None else operator.attributes.get(self._key)
            self._specs[op] = spec
        text = graph.attrs(node.key).get(self._key)
        if spec is None:
            return self._undeclared(node, op, text)
        if text is None:
            text = spec.default
            if text is None:
                raise UnknownError(f"{node} lacks the attribute {self._key}")
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise UnknownError(f"{node}: {error}") from None

    def _undeclared(self, node: NodeView, op: str, text: str | None) -> Any:
        if self._word is not None:
            return self._word(node.output(0))
        if text is not None or is_hidden_key(self._key):
            return text
        operator = find(op)
        if operator is None or operator.open_keys or operator.unparsed:
            raise UnknownError(f"{node} has no attribute {self._key!r}")
        known = [*operator.attributes, *sorted(NODE_WORDS), *sorted(ARRAY_WORDS)]
        raise TypeError(f"{op} has no attribute {self._key!r}{suggestion(self._key, known)}")
