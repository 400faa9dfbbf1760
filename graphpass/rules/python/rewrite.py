"""``@graphpass.rewrite``: a rewrite that is written as Python functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

from graphpass.errors import UsageError
from graphpass.rules.python.body import PythonBody
from graphpass.rules.rewrite.pattern import compile_pattern
from graphpass.rules.rewrite.python_pattern import trace
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["PythonRewrite", "rewrite"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class PythonRewrite(Rewrite):
    """A rewrite written in Python: `where` and `replace` take its functions.

    Wherever a rule or a `Rewrite` may stand, it may: in lists for `apply`, in `explain`.
    """

    body: PythonBody

    def where(self, function: _Function) -> _Function:
        """Add a condition, to be used as a decorator.

        Parameters
        ----------
        function : callable
            It takes ``match``, and returns True or False; or it raises or returns
            ``match.refuse(reason)``. What `explain` calls it is its docstring, or else its name.
            If it asks for something that is not known, such as a value that is not stored, the
            rewrite does not apply.

        Returns
        -------
        callable
            The function as it was.
        """
        self.body.conditions.append(_callable(function, "where"))
        return function

    def replace(self, function: _Function) -> _Function:
        """Say what takes the place of a match, to be used as a decorator.

        Parameters
        ----------
        function : callable
            It takes ``op`` and ``match``, and returns a value for each that the pattern returns:
            one that it makes with ``op``, or one of the match. It may raise
            ``match.refuse(reason)``. It is not to change what it did not make.

        Returns
        -------
        callable
            The function as it was.

        Raises
        ------
        UsageError
            If the rewrite has a replacement already.
        """
        if self.body.replacement is not None:
            raise UsageError(f"{self.id} has a replacement already; it can have only one")
        self.body.replacement = _callable(function, "replace")
        return function

    def refuse_unfinished(self) -> None:
        """See `PythonRule.refuse_unfinished`."""
        if self.body.replacement is None:
            raise UsageError(
                f"{self.id} has no replacement; write one as a function under @{self.id}.replace"
            )


@overload
def rewrite(function: Callable[..., Any], /) -> PythonRewrite: ...


@overload
def rewrite(
    *,
    id: str | None = None,
    when: Literal["inference"] | None = None,
    once: bool = False,
    expect: int | None = None,
) -> Callable[[Callable[..., Any]], PythonRewrite]: ...


def rewrite(
    function: Callable[..., Any] | None = None,
    /,
    *,
    id: str | None = None,
    when: Literal["inference"] | None = None,
    once: bool = False,
    expect: int | None = None,
) -> PythonRewrite | Callable[[Callable[..., Any]], PythonRewrite]:
    """Make a rewrite of a Python function that writes its pattern.

    Parameters
    ----------
    function : callable
        It takes ``op`` and the values of the pattern, and returns what is to be replaced. It is run
        once, here.
    id : str, optional
        What reports and errors call the rewrite; the function's name if absent.
    when : "inference", optional
        Refuse a graph that is to be trained.
    once : bool
        Leave alone what the rewrite made itself.
    expect : int, optional
        How often it must fire.

    Returns
    -------
    PythonRewrite
        Its `where` and `replace` take the other functions. Without `function`, a decorator.

    Raises
    ------
    TextError
        If the function says no pattern, or one that can never match.
    OperationError
        If the function raises something.
    UsageError
        If an option has a value that it can't have.

    Examples
    --------
    >>> @rewrite
    ... def twice(op, x):
    ...     return op.relu(op.relu(x))
    >>> @twice.replace
    ... def _(op, match):
    ...     return op.relu(match.x)
    >>> from graphpass.formats.text import parse_graph, print_graph
    >>> from graphpass import Model, apply
    >>> model = Model(parse_graph("x = variable(); return relu(relu(relu(x)))"))
    >>> apply(twice, model).steps[0].summary
    'fired 2 times'
    """
    _check_options(id, when, once, expect)

    def make(pattern_function: Callable[..., Any]) -> PythonRewrite:
        pattern = trace(_callable(pattern_function, "rewrite"))
        pattern = compile_pattern(pattern, told_apart=pattern.all_names)
        name = id or str(getattr(pattern_function, "__name__", "rewrite"))
        return PythonRewrite(name, pattern, PythonBody(pattern), when, once, expect)

    return make if function is None else make(function)


def _check_options(id: object, when: object, once: object, expect: object) -> None:
    if id is not None and (not isinstance(id, str) or not id):
        raise UsageError(f"id={id!r} is no name; write a text")
    if when not in (None, "inference"):
        raise UsageError(f"when={when!r} has no meaning; write when='inference', or leave it out")
    if not isinstance(once, bool):
        raise UsageError(f"once={once!r} is neither True nor False")
    if expect is not None and (type(expect) is not int or expect < 0):
        raise UsageError(f"expect={expect!r} is no number of firings; write 0 or more")


def _callable(function: _Function, what: str) -> _Function:
    if not callable(function):
        raise UsageError(f"{what} takes a function, not {function!r}; use it as a decorator")
    return function
