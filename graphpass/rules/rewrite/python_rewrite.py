"""``@graphpass.rewrite``: a rewrite whose conditions and replacement are Python functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar, overload

import numpy as np

from graphpass.errors import OperationError, UsageError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.python_text import unknown_operator
from graphpass.graph import Entry
from graphpass.ops import canonical_name, find
from graphpass.rules.expressions import Scope, UnknownError, ValueView
from graphpass.rules.rewrite.draft import (
    Draft,
    NewNode,
    NewParameter,
    Refusal,
    Source,
    Stage,
    attribute_text,
)
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewrite.pattern import Pattern, compile_pattern
from graphpass.rules.rewrite.python_match import MatchedNode, MatchedValue, MatchView, entry_at
from graphpass.rules.rewrite.python_pattern import call, place_of, trace
from graphpass.rules.rewrite.replacement import Made
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["PythonBody", "PythonRewrite", "rewrite"]

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
    if id is not None and (not isinstance(id, str) or not id):
        raise UsageError(f"id={id!r} is no name; write a text")
    if when not in (None, "inference"):
        raise UsageError(f"when={when!r} has no meaning; write when='inference', or leave it out")
    if not isinstance(once, bool):
        raise UsageError(f"once={once!r} is neither True nor False")
    if expect is not None and (type(expect) is not int or expect < 0):
        raise UsageError(f"expect={expect!r} is no number of firings; write 0 or more")

    def make(pattern_function: Callable[..., Any]) -> PythonRewrite:
        pattern = trace(_callable(pattern_function, "rewrite"))
        pattern = compile_pattern(pattern, told_apart=pattern.all_names)
        name = id or str(getattr(pattern_function, "__name__", "rewrite"))
        return PythonRewrite(name, pattern, PythonBody(pattern), when, once, expect)

    return make if function is None else make(function)


def _callable(function: _Function, what: str) -> _Function:
    if not callable(function):
        raise UsageError(f"{what} takes a function, not {function!r}; use it as a decorator")
    return function


# -- at a match ----------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class PythonBody:
    """A `Body` of Python functions, which may look at whatever they like."""

    pattern: Pattern

    conditions: list[Callable[[Any], object]] = field(default_factory=list)
    replacement: Callable[[Any, Any], object] | None = None

    @property
    def reads(self) -> frozenset[str]:
        """All names, since nothing tells which of them the functions read."""
        return frozenset(self.pattern.all_names)

    @property
    def labels(self) -> list[str]:
        """What `explain` calls the conditions: their docstrings, their names, or their numbers."""
        found = []
        for number, condition in enumerate(self.conditions, 1):
            told = (condition.__doc__ or "").strip().partition("\n")[0].rstrip(".")
            name = _name(condition)
            plain = f"condition {number}" if name in ("_", "<lambda>") else name
            found.append(told or plain)
        return found

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """See `Body.draft`."""
        match = MatchView(scope, self.pattern)
        for condition, label in zip(self.conditions, self.labels, strict=True):
            _require(condition, label, match)
        if self.replacement is None:
            raise OperationError("it has no replacement yet")
        replacing = Replacing(scope, bindings)
        what = f"the replacement {_name(self.replacement)}"
        returned = _ask(self.replacement, what, "replace", None, ReplacementOp(replacing), match)
        try:
            return replacing.finish(returned, len(self.pattern.roots))
        except OperationError as error:
            raise OperationError(f"{what}{place_of(self.replacement)}: {error}") from None


def _require(condition: Callable[[Any], object], label: str, match: MatchView) -> None:
    what = f"the condition {_name(condition)}"
    holds = _ask(condition, what, "where", label, match)
    if not isinstance(holds, bool | np.bool_):
        raise OperationError(
            f"{what}{place_of(condition)} returns {holds!r}; "
            "a condition returns True, False, or match.refuse(reason)"
        )
    if not holds:
        raise Refusal("does not hold", label)


def _ask(
    function: Callable[..., object],
    what: str,
    stage: Stage,
    label: str | None,
    *arguments: object,
) -> object:
    """Call a function; what it refuses, or finds unknown, is a refusal at its stage."""
    try:
        answer = call(function, what, *arguments)
    except UnknownError as unknown:
        raise Refusal(unknown.reason, label, stage) from unknown
    except Refusal as refusal:
        answer = refusal
    if isinstance(answer, Refusal):
        raise Refusal(answer.reason, label, stage)
    return answer


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)


# -- op ------------------------------------------------------------------------------------------


class NewValue:
    """A new operator; as an input or a result, its first output. ``new[1]`` is another one."""

    __slots__ = ("_replacing", "made")

    def __init__(self, replacing: Replacing, made: Made) -> None:
        self._replacing = replacing
        self.made = made

    def __getitem__(self, output: int) -> NewValue:
        if type(output) is not int or output < 0:
            raise IndexError(f"an output is numbered from 0 on, not {output!r}")
        return self._replacing.output(self.made, output)

    def __iter__(self) -> Iterator[NewValue]:
        count = self._replacing.visible_outputs(self.made)
        return iter([self[output] for output in range(count)])


class ReplacementOp:
    """What a replacement is made with: ``op.relu(match.x)``, ``op["vendor.Op"](match.x)``."""

    __slots__ = ("__replacing",)

    def __init__(self, replacing: Replacing) -> None:
        self.__replacing = replacing

    def __getattr__(self, name: str) -> Callable[..., NewValue]:
        if name.startswith("__"):
            raise AttributeError(name)
        if find(name) is None:
            raise OperationError(unknown_operator(name, f"op[{name!r}]"))
        return self[name]

    def __getitem__(self, operator: str) -> Callable[..., NewValue]:
        replacing = self.__replacing

        def make(*inputs: Any, name: str | None = None, **attributes: Any) -> NewValue:
            return replacing.make(operator, inputs, attributes, name)

        return make

    def parameter(
        self, array: Any, *, like: MatchedValue | None = None, name: str | None = None
    ) -> NewParameter:
        """Return a new parameter with a computed value.

        Parameters
        ----------
        array : array_like
            The value. An array that is given to an operator as it is comes to the same.
        like : value of the match, optional
            The parameter whose place it takes: it gets its name, if that one goes, its attributes
            and hints. Without it, the one that a matched operator of the same kind reads there.
        name : str, optional
            A name of its own; one that is taken is refused.
        """
        return self.__replacing.parameter(array, like, name)


class Replacing:
    """A draft in the making.

    Parameters
    ----------
    scope : Scope
        The names at the match.
    bindings : mapping of str to Binding
        What they stand for.
    """

    def __init__(self, scope: Scope, bindings: Mapping[str, Binding]) -> None:
        self._scope = scope
        self._bindings = bindings
        self._draft = Draft()
        self._arrays: dict[int, tuple[Any, NewParameter]] = {}
        """Arrays that were given as they are; one that is given twice is one parameter."""

    def make(
        self, operator: str, inputs: tuple[Any, ...], attributes: dict[str, Any], name: str | None
    ) -> NewValue:
        """Add an operator."""
        if not isinstance(operator, str) or not operator:
            _fail(f"op[{operator!r}]: an operator has a name, as in op['vendor.Op']")
        _check_name(name)
        known = find(operator)
        if known is not None and known.from_subgraph:
            _fail(f"{operator} runs a subgraph, which a replacement can't make")
        attrs = {}
        for key, value in attributes.items():
            if isinstance(value, NewValue | NewParameter | MatchedNode | MatchedValue):
                _fail(f"{operator}: {key} is an input; give inputs in their order, without keyword")
            if value is not None:
                attrs[key] = attribute_text(value, f"{operator}: {key}")
        sources = [self._source(each, operator) for each in inputs if each is not None]
        op = canonical_name(operator)
        if known is not None:
            if known.key_var_num_args is not None:
                attrs[known.key_var_num_args] = str(len(sources))
            known.check(attrs)
        self._draft.nodes.append(NewNode(op, attrs, sources, op.strip("_").lower(), name))
        return NewValue(self, Made(len(self._draft.nodes) - 1))

    def parameter(self, array: Any, like: MatchedValue | None, name: str | None) -> NewParameter:
        """Make a parameter; see `ReplacementOp.parameter`."""
        if like is not None and not isinstance(like, MatchedValue):
            _fail("like= takes a value of the match")
        _check_name(name)
        value = np.array(array)
        if value.dtype.kind not in "biuf" and value.dtype != BFLOAT16:
            _fail(f"a parameter is an array of numbers, not of {value.dtype}")
        if value.ndim == 0:
            _fail("an array without dimensions can't be stored for MXNet 1.9.1; reshape it to (1,)")
        if value.dtype == np.float64:
            bound = [each for each in self._bindings.values() if isinstance(each, Entry)]
            stored = [ValueView(self._scope, each).stored for each in bound]
            if not any(each is not None and each.dtype == np.float64 for each in stored):
                value = value.astype(np.float32)
        value.flags.writeable = False
        key = None if like is None else self._matched(like).node
        return NewParameter(value, "value", like=key, name=name)

    def output(self, made: Made, output: int) -> NewValue:
        """Return another output of a new operator."""
        node = self._draft.nodes[made.node]
        if find(node.op) is not None and output >= self._draft.num_outputs(Made(made.node)):
            raise IndexError(f"the new {node.op} has no output {output}")
        return NewValue(self, Made(made.node, output))

    def visible_outputs(self, made: Made) -> int:
        """Return how many outputs there are to unpack."""
        node = self._draft.nodes[made.node]
        operator = find(node.op)
        if operator is None:
            _fail(f"how many outputs {node.op} has is not known; write new[0], new[1]")
        return operator.signature(node.attrs).num_visible_outputs

    def finish(self, returned: object, roots: int) -> Draft:
        """Return the draft, with what a replacement function returned.

        Parameters
        ----------
        returned : object
            One value, or a tuple of them.
        roots : int
            How many the pattern returns.
        """
        listed = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(listed) == 1 and listed[0] is None:
            _fail("it returns nothing; return what takes the place of the match")
        if len(listed) != roots:
            _fail(
                f"the pattern returns {roots} value{'s' * (roots != 1)}, "
                f"but {len(listed)} take their place"
            )
        nodes = self._draft.nodes
        self._draft.results = results = [self._result(each) for each in listed]
        used = {result.node for result in results if isinstance(result, Made)}
        for position in range(len(nodes) - 1, -1, -1):
            if position not in used:  # most likely its result was to be returned
                _fail(f"it makes a {nodes[position].op} that nothing reads; return it, or leave it")
            used |= {each.node for each in nodes[position].inputs if isinstance(each, Made)}
        return self._draft

    def _result(self, value: object) -> Entry | Made:
        if isinstance(value, NewValue):
            return self._new(value)
        if isinstance(value, MatchedNode | MatchedValue):
            return self._matched(value)
        if isinstance(value, np.ndarray | NewParameter):
            _fail("it returns an array; let an operator read it")
        _fail(f"it returns {value!r}; return a value of the match, or one made with op")

    def _source(self, value: object, operator: str) -> Source:
        if isinstance(value, NewValue):
            return self._new(value)
        if isinstance(value, MatchedNode | MatchedValue):
            return self._matched(value)
        if isinstance(value, NewParameter):
            return value
        if isinstance(value, np.ndarray):
            known = self._arrays.get(id(value))
            if known is None:
                known = self._arrays[id(value)] = (value, self.parameter(value, None, None))
            return known[1]
        if isinstance(value, tuple | list):
            _fail(f"{operator} reads values one by one; spread several with a *, as in *match.xs")
        if isinstance(value, bool | int | float | np.generic):
            _fail(f"{operator} reads arrays, not {value!r}; make one: np.full((1,), {value!r})")
        _fail(f"{operator} can't read {value!r}; give a value of the match, a new one or an array")

    def _new(self, value: NewValue) -> Made:
        if value._replacing is not self:
            _fail("a new value of another match is put in; make everything anew for each match")
        return value.made

    def _matched(self, value: MatchedNode | MatchedValue) -> Entry:
        entry = entry_at(value, self._scope)
        if entry is None:
            _fail(f"{value} is of another match; take what you need from the match that is given")
        return entry


def _check_name(name: object) -> None:
    if name is not None and (not isinstance(name, str) or not name):
        _fail(f"name={name!r} is no name")


def _fail(reason: str) -> NoReturn:
    raise OperationError(reason)
