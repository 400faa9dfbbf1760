"""Every error that graphpass raises on purpose, and phrases that messages share.

Each class derives from the builtin that a caller would catch anyway, and carries the exit code that
the command line ends with: 2 for bad input or usage, 1 where the answer to the question is "no".
Messages are one paragraph: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "AttributeValueError",
    "BackendError",
    "CycleError",
    "ExpectationError",
    "ExpressionError",
    "GraphError",
    "GraphpassError",
    "OperationError",
    "ParamsError",
    "PassFileError",
    "RunawayError",
    "SaveError",
    "SearchLimitError",
    "SelectorError",
    "SymbolError",
    "TextError",
    "UsageError",
    "count",
    "listed",
    "nearest",
    "one_line",
    "pointed",
    "prefixed",
    "shortened",
    "suggestion",
]


_WIDTH = 100
"""Characters of a long line that are shown around the place of an error."""


class GraphpassError(Exception):
    """Root of the tree. Catch this to catch everything that graphpass reports."""

    exit_code = 2


class SymbolError(GraphpassError, ValueError):
    """A symbol file can't be read. The message gives the path into it: ``nodes[17].inputs[2]``."""


class ParamsError(GraphpassError, ValueError):
    """A parameters file can't be read or written. The message gives the byte offset where known."""


class GraphError(GraphpassError, ValueError):
    """An edit would break an invariant of the graph. The graph is as it was before the edit."""


class CycleError(GraphError):
    """The graph holds a cycle. The message prints it as ``a -> b -> a``."""


class AttributeValueError(GraphpassError, ValueError):
    """An operator attribute is unknown, missing, or has a value its type can't take."""


class PassFileError(GraphpassError, ValueError):
    """A pass file is malformed. The message gives file, line, column and a caret.

    Attributes
    ----------
    mark : (int, int) or None
        Line and column of the first thing that is wrong, from 1, where there is a text.
    """

    mark: tuple[int, int] | None = None


class TextError(GraphpassError, ValueError):
    """A pattern, or another text in Python's syntax, is malformed or can never match.

    The message gives line, column and a caret. Whoever took the text out of a file has the parts to
    say where in the file that is.

    Attributes
    ----------
    reason : str
        The message without the place.
    line, column : int or None
        Where in the text, from 1; None where no place is to blame.
    path : tuple of str and int
        Which text of several it is, such as ``("where", 1)``.
    others : sequence of TextError
        What else is wrong with these texts.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = message if reason is None else reason
        self.line = line
        self.column = column
        self.path: tuple[str | int, ...] = ()
        self.others: Sequence[TextError] = ()


class SelectorError(GraphpassError, LookupError):
    """A selector selects nothing, or more than one node where one is meant."""


class OperationError(GraphpassError, ValueError):
    """An operation is refused. The model is as it was before the operation."""


class ExpectationError(GraphpassError, AssertionError):
    """An ``expect`` does not hold. The model is as it was before the pass."""

    exit_code = 1


class ExpressionError(GraphpassError, ValueError):
    """An expression of a rewrite can't be computed: wrong types, a limit, a division by zero.

    The message names the part that failed and the values it had.
    """


class SearchLimitError(GraphpassError, RuntimeError):
    """A pattern could hold at a node in too many ways to try them all."""


class RunawayError(GraphpassError, RuntimeError):
    """Rewrites go on for ever. The message names those that keep firing; the model is as it was."""


class BackendError(GraphpassError, RuntimeError):
    """A backend is missing, or could not run the model. The message says how to mend it."""


class SaveError(GraphpassError, OSError):
    """A file can't be written, or writing it would overwrite the input."""


class UsageError(GraphpassError, ValueError):
    """A call or command line asks for something that does not exist."""


def prefixed(error: GraphpassError, place: str) -> GraphpassError:
    """Return an error of the same class whose message begins with where it happened.

    Of a class from elsewhere, with a constructor of its own, it is an `OperationError`.
    """
    text = f"{place}: {error}"
    try:
        return type(error)(text)
    except TypeError:
        return OperationError(text)


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return up to `count` of `known` that look most like `word`, best first."""
    import difflib  # which an error needs, and nothing else

    return difflib.get_close_matches(word, list(dict.fromkeys(known)), n=count, cutoff=0.5)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; nearest: a, b`` for use at the end of a message, or an empty string."""
    found = nearest(word, known)
    return f"; nearest: {', '.join(found)}" if found else ""


def pointed(line: str, column: int) -> str:
    """Return what to print of a line, and below it a caret at a column, which counts from 1.

    Examples
    --------
    >>> print(pointed("y = rlu(x)", 5))
    y = rlu(x)
        ^
    """
    printable = "".join(char if char.isprintable() else " " for char in line)
    start = max(0, min(column - _WIDTH // 2, len(printable) - _WIDTH))
    return f"{printable[start : start + _WIDTH].rstrip()}\n{' ' * (column - start - 1)}^"


# -- phrases of messages and reports ---------------------------------------------------------------

_MOST_LISTED = 6


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
    return shortened(map(repr, names), _MOST_LISTED)


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
