"""A Python function -> `Pattern`: it is run once, with handles in the place of values.

A handle is no value: there is none yet when the function runs. So whatever would need one, such as
a branch on it, is refused.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NoReturn

from graphpass.errors import GraphpassError, OperationError, TextError, prefixed
from graphpass.formats.python_text import Mark, unknown_operator
from graphpass.ops import find
from graphpass.ops.values import Constant
from graphpass.rules.expressions import UnknownError
from graphpass.rules.expressions.arithmetic import shortened
from graphpass.rules.rewrite.builder import PatternBuilder, Returned
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    Operand,
    Part,
    Pattern,
    Produced,
    Rest,
    Restricted,
    ValueKind,
)

__all__ = ["Handle", "NodeHandle", "Operators", "PatternOp", "call", "place_of", "trace"]

_LARGEST = 2**64
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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
    >>> from graphpass.rules.rewrite.pattern import print_pattern
    >>> def twice(op, x):
    ...     return op.relu(op.relu(x)).named("y")
    >>> print(print_pattern(trace(twice)))
    y = relu(relu(x))

    Notes
    -----
    Linear in the pattern, the run of the function aside.
    """
    tracer = _Tracer(function)
    values = list(tracer.values(function))
    handles = [Handle(tracer, value) for value in values]
    returned = call(function, f"the pattern {tracer.name}", PatternOp(tracer), *handles)
    pattern = tracer.builder.pattern(list(tracer.roots(returned)))
    for value in values:
        if not isinstance(value, Anything) and value.name not in (None, *pattern.all_names):
            tracer.fail(f"{value.name} is not used; read it in an operator, or leave it out")
    return pattern


class _Tracer:
    """Makes a pattern of what one run of a function says."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._code = code_of(function)
        self.name = getattr(function, "__name__", "pattern")
        """What messages call the pattern."""
        self.builder = PatternBuilder(self.error)

    def mark(self) -> Mark | None:
        """Return the line of the function that is running."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        return None if frame is None else Mark(frame.f_lineno, 1)

    def error(self, mark: Mark | None, reason: str) -> TextError:
        """Make the error about a line of the function."""
        place = "" if mark is None or self._code is None else f"{file_of(self._code)}:{mark.line}: "
        line = None if mark is None else mark.line
        return TextError(f"{place}{self.name}: {reason}", reason=reason, line=line)

    def fail(self, reason: str) -> NoReturn:
        raise self.error(self.mark(), reason)

    def operand(self, value: object) -> Operand:
        """Return what an operator is to read, or refuse what is no handle of this pattern."""
        if isinstance(value, Handle):
            if value._tracer is not self:
                self.fail("this is a value of another pattern")
            return value._operand
        if isinstance(value, tuple | list):
            self.fail("an operator reads values one by one; spread several with a *, as in *xs")
        self.fail(f"{value!r} is no operand; write a value, or an operator that computes one")

    def check_name(self, name: object) -> str:
        """Return a name that a pattern can bind."""
        if not isinstance(name, str) or name in ("", "_"):
            self.fail(f"{name!r} is no name; write a text, such as 'conv'")
        return name

    def values(self, function: Callable[..., Any]) -> Iterator[NamedValue | Anything | Rest]:
        """Yield what the function's parameters after ``op`` stand for."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            raise self.error(None, "a pattern is written as a Python function") from None
        if not parameters or parameters[0].kind not in _POSITIONAL:
            self.fail("a pattern function takes op first, then the values that it matches")
        for parameter in parameters[1:]:
            name = parameter.name
            if parameter.kind is parameter.VAR_POSITIONAL:
                yield self.builder.rest(None if name == "_" else name, None)
            elif parameter.kind not in _POSITIONAL or parameter.default is not parameter.empty:
                self.fail(
                    f"{name} is no value that a match could give; a pattern function takes op, "
                    "values without a default, and *xs",
                )
            elif name == "_":
                yield Anything()
            else:
                value = self.builder.named(name, None)
                assert isinstance(value, NamedValue)
                yield value

    def roots(self, returned: object) -> Iterator[Returned]:
        """Yield what a function returned."""
        listed = list(returned) if isinstance(returned, tuple | list) else [returned]
        if not listed:
            self.fail("there is no operator to match; return one, as in op.relu(x)")
        for each in listed:
            if each is None:
                self.fail("it returns nothing; return the operator that is to be matched")
            operand = self.operand(each) if isinstance(each, Handle) else None
            if not isinstance(operand, Produced):
                found = repr(each) if operand is None else "a value"
                self.fail(f"a pattern returns operators, or their outputs, not {found}")
            whole = isinstance(each, NodeHandle)
            part = self.builder.parts[operand.part]
            if whole and part.visible_outputs is not None:
                raise self.error(
                    part.mark, "the node is unpacked; return its outputs, not the node"
                )
            yield Returned(operand, whole, part.mark)


# -- handles -------------------------------------------------------------------------------------


class Handle:
    """What stands for a value in a pattern function."""

    __slots__ = ("_operand", "_tracer")

    def __init__(self, tracer: _Tracer, operand: Operand) -> None:
        self._tracer = tracer
        self._operand = operand

    def __bool__(self) -> bool:
        self._tracer.fail(
            "a pattern function runs once, before there is a match, and can't branch on what it "
            "matches; ask in a function for `where`"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._tracer.fail(
            f"what a pattern stands for has no {name!r} before there is a match; ask in a function "
            "for `where`"
        )


class NodeHandle(Handle):
    """An operator of the pattern; as an operand, its first output.

    Notes
    -----
    In ``conv = op.Convolution(x, w).named("conv")``, `named` gives it a name; ``conv[1]`` is an
    output, and ``a, b = op.SliceChannel(x).outputs(2)`` are all of them.
    """

    __slots__ = ("_index",)

    def __init__(self, tracer: _Tracer, first: Produced) -> None:
        super().__init__(tracer, first)
        self._index = first.part

    def _seen(self) -> Part:
        return self._tracer.builder.parts[self._index]

    def named(self, name: str) -> NodeHandle:
        """Give the node a name, by which `match` has it."""
        tracer, part = self._tracer, self._seen()
        if part.visible_outputs is not None:
            tracer.fail('it is unpacked; name its outputs: .outputs("a", "b")')
        if part.names:
            tracer.fail(f"it is called {part.names[0]} already")
        tracer.builder.bind(self._index, (tracer.check_name(name),), line=tracer.mark())
        return self

    def outputs(self, *names: str | int | None) -> tuple[Handle, ...]:
        """Return all visible outputs of an operator that has that many.

        Parameters
        ----------
        *names : str or None, or one int
            A name for each, None for one without; or just how many there are.
        """
        tracer, part = self._tracer, self._seen()
        if part.visible_outputs is not None:
            tracer.fail("its outputs are unpacked already")
        if part.names:
            name = part.names[0]
            tracer.fail(f"it is called {name}; write {name}[1], or name its outputs only")
        if len(names) == 1 and isinstance(names[0], int):
            return self._unpack((None,) * names[0])
        return self._unpack(
            tuple([None if each is None else tracer.check_name(each) for each in names])
        )

    def __getitem__(self, output: int) -> Handle:
        if type(output) is not int or output < 0:
            self._tracer.fail(f"an output is numbered from 0 on, as in node[1], not {output!r}")
        mark = self._tracer.mark()
        return Handle(self._tracer, self._tracer.builder.output(self._index, output, mark))

    def __iter__(self) -> Iterator[Handle]:
        part = self._seen()
        visible = [bounds for _, _, bounds in self._tracer.builder.outputs[self._index]]
        counts = {bounds.most if bounds.least == bounds.most else None for bounds in visible}
        if len(visible) < len(part.operators):
            counts.add(None)
        count = counts.pop()
        if counts or count is None:
            self._tracer.fail(
                f"how many outputs {' or '.join(part.operators)} has is not certain here; "
                "write .outputs(2)"
            )
        if part.names and part.visible_outputs is None:
            return iter([self[output] for output in range(count)])
        return iter(self._unpack((None,) * count))

    def _unpack(self, names: tuple[str | None, ...]) -> tuple[Handle, ...]:
        tracer, mark = self._tracer, self._tracer.mark()
        if not names:
            tracer.fail("an operator has one output at least; write .outputs(2)")
        if self._seen().visible_outputs is None:
            tracer.builder.bind(self._index, names, unpacked=True, line=mark)
        return tuple([Handle(tracer, Produced(self._index, n)) for n in range(len(names))])


# -- op ------------------------------------------------------------------------------------------


class Operators:
    """One operator or several, to be called with what it reads and what is asked of it."""

    __slots__ = ("_maybe", "_tracer", "names")

    def __init__(self, tracer: _Tracer, names: tuple[str, ...], maybe: bool = False) -> None:
        self._tracer = tracer
        self._maybe = maybe
        self.names = names
        """The operators that it may be."""

    def __call__(self, *inputs: Handle, **attributes: Constant) -> NodeHandle:
        """Return a node of the pattern.

        Parameters
        ----------
        *inputs : handle
            What it reads, in the order of the operator's slots.
        **attributes
            What its attributes must be.
        """
        tracer, mark = self._tracer, self._tracer.mark()
        operands = [tracer.operand(each) for each in inputs]
        asked = [(name, self._constant(attributes[name], name), mark) for name in attributes]
        first = tracer.builder.call(self.names, operands, asked, maybe=self._maybe, mark=mark)
        return NodeHandle(tracer, first)

    def _constant(self, value: object, name: str) -> Constant:
        if hasattr(type(value), "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()  # type: ignore[attr-defined]  # a number of NumPy
        if isinstance(value, tuple | list):
            return tuple([self._constant(each, name) for each in value])
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) and abs(value) <= _LARGEST:
            return value
        if isinstance(value, float) and isfinite(value):
            return value
        found = "a value of the pattern" if isinstance(value, Handle) else repr(value)
        self._tracer.fail(
            f"{name}={found} is no attribute value; write a number, a text, True, False, None or "
            "a tuple of them, and give inputs without a keyword"
        )


class PatternOp:
    """What a pattern function writes its pattern with.

    An operator is an attribute, ``op.relu(x)``; one that MXNet 1.9.1 does not know, or whose name
    is a word here, an item: ``op["vendor.Op"](x)``.
    """

    __slots__ = ("__tracer",)

    def __init__(self, tracer: _Tracer) -> None:
        self.__tracer = tracer

    def __getattr__(self, name: str) -> Operators:
        if name.startswith("__"):
            raise AttributeError(name)
        return Operators(self.__tracer, (self.__known(name),))

    def __getitem__(self, name: str) -> Operators:
        if not isinstance(name, str) or not name:
            self.__tracer.fail(f"op[{name!r}]: an operator has a name, as in op['vendor.Op']")
        return Operators(self.__tracer, (name,))

    def any_of(self, *operators: str | Operators) -> Operators:
        """Return one of several operators: ``op.any_of("Dropout", "identity")(x)``."""
        return Operators(self.__tracer, self.__names(operators))

    def maybe(self, *operators: str | Operators) -> Operators:
        """Return an operator that may be absent; then it stands for its first input."""
        return Operators(self.__tracer, self.__names(operators), maybe=True)

    def optional(self, operand: Handle) -> Handle:
        """Return an input that the operator may lack, such as a bias."""
        tracer = self.__tracer
        return Handle(tracer, tracer.builder.optional(tracer.operand(operand), tracer.mark()))

    def param(self, value: Handle | None = None) -> Handle:
        """Return a value that is an argument with a stored value."""
        return self.__restricted("param", value)

    def aux(self, value: Handle | None = None) -> Handle:
        """Return a value that is an auxiliary state."""
        return self.__restricted("aux", value)

    def input(self, value: Handle | None = None) -> Handle:
        """Return a value that is an argument without a stored value."""
        return self.__restricted("input", value)

    def const(self, value: Handle | None = None) -> Handle:
        """Return a value that is computed from parameters alone."""
        return self.__restricted("const", value)

    def rest(self, name: str | None = None) -> Handle:
        """Return the inputs that no other operand takes, which `match` has as a tuple."""
        tracer = self.__tracer
        label = None if name is None else tracer.check_name(name)
        return Handle(tracer, tracer.builder.rest(label, tracer.mark()))

    @property
    def anything(self) -> Handle:
        """Any value, without a name."""
        return Handle(self.__tracer, Anything())

    def shared(self, *nodes: NodeHandle) -> None:
        """Let the rest of the graph use nodes although the pattern does not return them."""
        tracer = self.__tracer
        for node in nodes:
            operand = tracer.operand(node)
            if not isinstance(node, NodeHandle) or not isinstance(operand, Produced):
                tracer.fail("shared takes operators of the pattern")
            tracer.builder.share(operand.part, tracer.mark())

    def distinct(self, *values: Handle) -> None:
        """Ask that no two values are the same."""
        tracer = self.__tracer
        compared = []
        for value in values:
            operand = tracer.operand(value)
            if not isinstance(operand, NamedValue | Produced):
                tracer.fail("distinct takes values and operators of the pattern")
            compared.append(operand)
        tracer.builder.distinct(compared, tracer.mark())

    def __restricted(self, kind: ValueKind, value: Handle | None) -> Handle:
        read = Anything() if value is None else self.__tracer.operand(value)
        if not isinstance(read, NamedValue | Anything):
            self.__tracer.fail(f"{kind} takes a value that the function is given: op.{kind}(x)")
        name = read.name if isinstance(read, NamedValue) else None
        return Handle(self.__tracer, Restricted(kind, name))

    def __names(self, operators: tuple[str | Operators, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for each in operators:
            if isinstance(each, Operators):
                found += each.names
            else:
                found.append(self.__known(each))
        if not found:
            self.__tracer.fail("name an operator")
        return tuple(found)

    def __known(self, name: object) -> str:
        if not isinstance(name, str):
            self.__tracer.fail(
                f"{name!r} is no operator; write its name, as in op.maybe('Dropout')(x)"
            )
        if find(name) is None:
            self.__tracer.fail(unknown_operator(name, f"op[{name!r}]"))
        return name


# -- users' functions ----------------------------------------------------------------------------


def code_of(function: Callable[..., Any]) -> CodeType | None:
    """Return the code of a function, or None if it is another callable."""
    found = getattr(inspect.unwrap(function), "__code__", None)
    return found if isinstance(found, CodeType) else None


def file_of(code: CodeType) -> str:
    """Return how messages call the file of a function."""
    name = code.co_filename
    return name if name.startswith("<") else Path(name).name


def place_of(function: Callable[..., Any], traceback: TracebackType | None = None) -> str:
    """Return `` (fuse.py:12)``: where a function begins, or was running; empty if nothing tells."""
    code = code_of(function)
    if code is None:
        return ""
    line = code.co_firstlineno
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == code.co_filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return f" ({file_of(code)}:{line})"


def call(function: Callable[..., Any], what: str, *arguments: object) -> Any:
    """Call a user's function of a rewrite, ``the replacement fold``.

    What it raises of graphpass it raises as it is, an error with its place; anything else as the
    cause of an `OperationError`.
    """
    try:
        return function(*arguments)
    except (Refusal, UnknownError, TextError):
        raise
    except Exception as error:
        what += place_of(function, error.__traceback__)
        if isinstance(error, GraphpassError):
            raise prefixed(error, what) from error
        reason = shortened(" ".join(str(error).split()), 300)
        raise OperationError(
            f"{what} raises {type(error).__name__}{f': {reason}' if reason else ''}"
        ) from error
