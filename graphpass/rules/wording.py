"""Small phrases that messages and reports share."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["count", "listed", "one_line", "shortened"]

_SHOWN = 6


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 operator``, ``3 operators``.

    Examples
    --------
    >>> count(1, "operator"), count(0, "operator")
    ('1 operator', '0 operators')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, the first few of many.

    Examples
    --------
    >>> listed(["data", "label"])
    "'data', 'label'"
    >>> listed(map(str, range(9)))
    "'0', '1', '2', '3', '4', '5' and 3 more"
    """
    return shortened(map(repr, names), _SHOWN)


def one_line(text: str) -> str:
    r"""Return a text as one line that any terminal can be sent: names may hold anything.

    Line breaks, control and half characters become escapes.

    Examples
    --------
    >>> print(one_line("fc\n  2. rewrite: fired"))
    fc\n  2. rewrite: fired
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shortened(items: Iterable[str], most: int) -> str:
    """Return texts one after the other, `most` of them and how many more there are.

    Examples
    --------
    >>> shortened(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    known = list(items)
    shown = ", ".join(known[:most])
    rest = len(known) - most
    return f"{shown} and {rest} more" if rest > 0 else shown
