"""A Python function -> `Pattern`: it is run once, with handles in the place of values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from graphpass.rules.patterns.check import check_pattern
from graphpass.rules.patterns.compile import compile_pattern
from graphpass.rules.patterns.names import PatternNames
from graphpass.rules.patterns.pattern import Anything, Pattern, Rest, Value
from graphpass.rules.python.assembly import assemble
from graphpass.rules.python.calling import call
from graphpass.rules.python.handles import Handle, Leaf, NodeHandle, OutputHandle
from graphpass.rules.python.pattern_op import PatternOp
from graphpass.rules.python.said import Said

__all__ = ["trace"]


def trace(function: Callable[..., Any]) -> Pattern:
    """Return the pattern that a function writes.

    Parameters
    ----------
    function : callable
        It takes ``op`` and the values of the pattern, ``*xs`` for several, and returns what the
        pattern returns. It is run once.

    Returns
    -------
    Pattern
        What `parse_pattern` gives for the equal text.

    Raises
    ------
    TextError
        If the function says no pattern, or one that can never match; the message has file and line.
    OperationError
        If the function raises something; the cause is chained.

    Examples
    --------
    >>> from graphpass.rules.patterns.printing import print_pattern
    >>> def twice(op, x):
    ...     return op.relu(op.relu(x)).named("y")
    >>> print(print_pattern(trace(twice)))
    y = relu(relu(x))

    Notes
    -----
    Linear in the pattern, the run of the function aside.
    """
    said = Said(function)
    values = list(_values(function, said))
    handles = [Leaf(said, value) for value in values]
    returned = call(function, f"the pattern {said.name}", PatternOp(said), *handles)
    pattern = assemble(said, _roots(returned, said))
    check_pattern(pattern, said.error)
    compile_pattern(pattern, said.error)  # what it refuses is best shown where it is written
    read = PatternNames.of(pattern).names
    for value in values:
        if not isinstance(value, Anything) and value.name not in (None, *read):
            raise said.error(
                None, f"{value.name} is not used; read it in an operator, or leave it out"
            )
    return pattern


def _values(function: Callable[..., Any], said: Said) -> Iterator[Value | Anything | Rest]:
    """Yield what the function's parameters after ``op`` stand for."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise said.error(None, "a pattern is written as a Python function") from None
    if not parameters or parameters[0].kind not in _POSITIONAL:
        raise said.error(None, "a pattern function takes op first, then the values that it matches")
    for parameter in parameters[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield Rest(None if parameter.name == "_" else parameter.name)
        elif parameter.kind not in _POSITIONAL or parameter.default is not parameter.empty:
            raise said.error(
                None,
                f"{parameter.name} is no value that a match could give; a pattern function takes "
                "op, values without a default, and *xs",
            )
        else:
            yield Anything() if parameter.name == "_" else Value(parameter.name)


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _roots(returned: object, said: Said) -> list[NodeHandle | OutputHandle]:
    """Return what a function returned as a list."""
    listed = list(returned) if isinstance(returned, tuple | list) else [returned]
    roots: list[NodeHandle | OutputHandle] = []
    for each in listed:
        if each is None:
            raise said.error(None, "it returns nothing; return the operator that is to be matched")
        if not isinstance(each, NodeHandle | OutputHandle):
            found = "a value" if isinstance(each, Handle) else repr(each)
            raise said.error(None, f"a pattern returns operators, or their outputs, not {found}")
        said.operand(each)
        roots.append(each)
    if not roots:
        raise said.error(None, "there is no operator to match; return one, as in op.relu(x)")
    return roots
