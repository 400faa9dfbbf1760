"""What stands behind a dot: words of nodes, values and arrays, and attributes of operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
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

__all__ = ["answers", "attribute_of", "dot"]


def answers(key: str) -> Mapping[type, Callable[[Any], Any]]:
    """Return, by the type of x, the functions that answer ``x.key``.

    Notes
    -----
    Nothing but the words and attributes of the language is looked up, so that no key reaches into
    Python.
    """
    found: dict[type, Callable[[Any], Any]] = {
        NodeView: attrgetter(key) if key in NODE_WORDS else _operator_attribute(key),
        ValueView: attrgetter(key) if key in VALUE_WORDS else partial(_of_value, key),
    }
    if key in _ARRAY_WORDS:
        found[np.ndarray] = _ARRAY_WORDS[key]
    return found


def dot(key: str) -> Callable[[Any], Any]:
    """Return a function that answers ``x.key``; it raises `TypeError` where there is none."""
    by_kind = answers(key)

    def answer(base: Any) -> Any:
        found = by_kind.get(type(base))
        if found is None:
            raise TypeError(f"{kind_of(base)} has no {key!r}")
        return found(base)

    return answer


def attribute_of(node: NodeView, key: str) -> Any:
    """Return the value of an operator's attribute, even one that is called like a word."""
    return _operator_attribute(key, words=False)(node)


_ARRAY_WORDS: dict[str, Callable[[Any], Any]] = {
    "dtype": lambda array: array.dtype.name,
    "ndim": lambda array: array.ndim,
    "shape": lambda array: array.shape,
    "size": lambda array: array.size,
}


def _of_value(key: str, value: ValueView) -> Any:
    """Return a hint of a variable, or say that there is no such word.

    A name of the pattern may stand for a value at one match and for a node at another, so that this
    is no fault of the expression.
    """
    if is_hidden_key(key):
        return value.scope.index.graph.attrs(value.entry.node).get(key)
    raise UnknownError(
        f"{value} is a value and has no {key!r}{suggestion(key, sorted(VALUE_WORDS))}"
    )


def _operator_attribute(key: str, *, words: bool = True) -> Callable[[NodeView], Any]:
    """Return a function that looks up one attribute of nodes; what operators declare is kept."""
    specs: dict[str, AttributeSpec | None] = {}

    def read(node: NodeView) -> Any:
        graph, place = node.scope.index.graph, node.key
        op = graph.op(place)
        if op not in specs:
            operator = find(op)
            specs[op] = None if operator is None else operator.attributes.get(key)
        spec = specs[op]
        text = graph.attrs(place).get(key)
        if spec is None:
            return _undeclared(node, op, key, text, words)
        if text is None:
            text = spec.default
            if text is None:
                raise UnknownError(f"{node} lacks the attribute {key}")
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise UnknownError(f"{node}: {error}") from None

    return read


def _undeclared(node: NodeView, op: str, key: str, text: str | None, words: bool) -> Any:
    """Return what a key stands for that the operator does not declare."""
    if words and key in ARRAY_WORDS:
        return getattr(node.output(0), key)
    if text is not None or is_hidden_key(key):
        return text
    operator = find(op)
    if operator is None or operator.open_keys or operator.unparsed:
        raise UnknownError(f"{node} has no attribute {key!r}")
    known = [*operator.attributes, *sorted(NODE_WORDS), *sorted(ARRAY_WORDS)]
    raise TypeError(f"{op} has no attribute {key!r}{suggestion(key, known)}")
