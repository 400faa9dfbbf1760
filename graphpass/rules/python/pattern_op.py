"""The ``op`` of a pattern function: operators, and the words of the pattern grammar."""

from __future__ import annotations

from math import isfinite
from typing import NoReturn

from graphpass.errors import suggestion
from graphpass.ops import find, operator_names
from graphpass.ops.values import Value as Constant
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.patterns.pattern import (
    Anything,
    Attribute,
    Kind,
    Rest,
    Restricted,
    Value,
)
from graphpass.rules.python.handles import (
    Applied,
    Handle,
    Leaf,
    Maybe,
    NodeHandle,
    OutputHandle,
    check_name,
)
from graphpass.rules.python.said import Said

__all__ = ["Operators", "PatternOp"]

_LARGEST = 2**64


class Operators:
    """One operator or several, to be called with what it reads and what is asked of it."""

    __slots__ = ("_maybe", "_said", "names")

    def __init__(self, said: Said, names: tuple[str, ...], maybe: bool = False) -> None:
        self._said = said
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
        said, mark = self._said, self._said.mark()
        applied = Applied(
            self.names,
            tuple([said.operand(each) for each in inputs]),
            tuple([Attribute(name, self._constant(attributes[name], name, mark), mark)
                   for name in attributes]),
            self._maybe,
            mark,
        )  # fmt: skip
        return said.add(NodeHandle(said, applied))

    def _constant(self, value: object, name: str, mark: Mark | None) -> Constant:
        if hasattr(type(value), "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()  # type: ignore[attr-defined]  # a number of NumPy
        if isinstance(value, tuple | list):
            return tuple([self._constant(each, name, mark) for each in value])
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) and abs(value) <= _LARGEST:
            return value
        if isinstance(value, float) and isfinite(value):
            return value
        found = "a value of the pattern" if isinstance(value, Handle) else repr(value)
        raise self._said.error(
            mark,
            f"{name}={found} is no attribute value; write a number, a text, True, False, None or "
            "a tuple of them, and give inputs without a keyword",
        )


class PatternOp:
    """What a pattern function writes its pattern with.

    An operator is an attribute, ``op.relu(x)``; one that MXNet 1.9.1 does not know, or whose name
    is a word here, an item: ``op["vendor.Op"](x)``.
    """

    __slots__ = ("__said",)

    def __init__(self, said: Said) -> None:
        self.__said = said

    def __getattr__(self, name: str) -> Operators:
        if name.startswith("__"):
            raise AttributeError(name)
        return Operators(self.__said, (self.__known(name),))

    def __getitem__(self, name: str) -> Operators:
        if not isinstance(name, str) or not name:
            self.__fail(f"op[{name!r}]: an operator has a name, as in op['vendor.Op']")
        return Operators(self.__said, (name,))

    def any_of(self, *operators: str | Operators) -> Operators:
        """Return one of several operators: ``op.any_of("Dropout", "identity")(x)``."""
        return Operators(self.__said, self.__names(operators))

    def maybe(self, *operators: str | Operators) -> Operators:
        """Return an operator that may be absent; then it stands for its first input."""
        return Operators(self.__said, self.__names(operators), maybe=True)

    def optional(self, operand: Handle) -> Handle:
        """Return an input that the operator may lack, such as a bias."""
        inner = self.__said.operand(operand)
        if isinstance(inner, Maybe) or (
            isinstance(inner, Leaf) and isinstance(inner.operand, Rest)
        ):
            self.__fail("optional takes one operand: op.optional(b)")
        return Maybe(self.__said, inner)

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
        label = None if name is None else check_name(name, self.__fail)
        return Leaf(self.__said, Rest(label, self.__said.mark()))

    @property
    def anything(self) -> Handle:
        """Any value, without a name."""
        return Leaf(self.__said, Anything())

    def shared(self, *nodes: NodeHandle) -> None:
        """Let the rest of the graph use nodes although the pattern does not return them."""
        for node in nodes:
            if not isinstance(node, NodeHandle):
                self.__fail("shared takes operators of the pattern")
            self.__said.operand(node)
            self.__said.shared.append(node)

    def distinct(self, *values: Handle) -> None:
        """Ask that no two values are the same."""
        for value in values:
            operand = self.__said.operand(value)
            named = isinstance(operand, Leaf) and isinstance(operand.operand, Value)
            if not named and not isinstance(operand, NodeHandle | OutputHandle):
                self.__fail("distinct takes values and operators of the pattern")
        if len(values) < 2:
            self.__fail("distinct takes two values or more")
        self.__said.distinct.append((values, self.__said.mark()))

    def __restricted(self, kind: Kind, value: Handle | None) -> Handle:
        if value is None:
            return Leaf(self.__said, Restricted(kind, None))
        operand = self.__said.operand(value)
        read = operand.operand if isinstance(operand, Leaf) else None
        if isinstance(read, Anything):
            return Leaf(self.__said, Restricted(kind, None))
        if not isinstance(read, Value):
            self.__fail(f"{kind} takes a value that the function is given: op.{kind}(x)")
        return Leaf(self.__said, Restricted(kind, read.name))

    def __names(self, operators: tuple[str | Operators, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for each in operators:
            if isinstance(each, Operators):
                found += each.names
            else:
                found.append(self.__known(each))
        if not found:
            self.__fail("name an operator")
        return tuple(found)

    def __known(self, name: object) -> str:
        if not isinstance(name, str):
            self.__fail(f"{name!r} is no operator; write its name, as in op.maybe('Dropout')(x)")
        if find(name) is None:
            self.__fail(
                f"MXNet 1.9.1 has no operator {name!r}{suggestion(name, operator_names())}; "
                f"one that it does not know is written op[{name!r}]"
            )
        return name

    def __fail(self, reason: str) -> NoReturn:
        raise self.__said.error(self.__said.mark(), reason)
