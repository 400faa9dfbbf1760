"""Values in messages, and texts cut to a length that can be read."""

from __future__ import annotations

from typing import Any

from graphpass.rules.expressions.views import NodeView, RawAttributes, ValueView

__all__ = ["brief", "kind_of", "shortened"]

_WIDTH = 60
_ITEMS = 6


def shortened(text: str, width: int = _WIDTH) -> str:
    """Return a text with its middle left out if it is longer than `width`.

    Examples
    --------
    >>> shortened("abcdefghijklmnop", 9)
    'abc...nop'
    """
    if len(text) <= width:
        return text
    half = (width - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def brief(value: Any, depth: int = 0) -> str:
    """Return how messages write a value.

    Examples
    --------
    >>> brief((3, None)), brief("NCHW"), brief(2.5)
    ('(3, None)', "'NCHW'", '2.5')
    """
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, tuple):
        if depth > 2:
            return "(...)"
        items = [brief(item, depth + 1) for item in value[:_ITEMS]]
        items += ["..."] * (len(value) > _ITEMS)
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, NodeView):
        return shortened(str(value))
    if isinstance(value, ValueView):
        return shortened(value.name)
    if isinstance(value, RawAttributes):
        return f"the attributes of {shortened(str(value.node))}"
    return str(value) if value.ndim == 0 else f"an array of shape {value.shape}"


def kind_of(value: Any) -> str:
    """Return what kind of thing a value is, with an article."""
    if value is None:
        return "None"
    if isinstance(value, NodeView):
        return f"the node {shortened(str(value))}"
    if isinstance(value, ValueView):
        return f"the value {shortened(value.name)}"
    if isinstance(value, RawAttributes):
        return f"the table of {brief(value).removeprefix('the ')}"
    if isinstance(value, tuple):
        return "a tuple"
    if isinstance(value, str):
        return f"the text {brief(value)}"
    if isinstance(value, bool | int | float):
        return brief(value)
    return brief(value) if value.ndim else f"the number {brief(value)}"
