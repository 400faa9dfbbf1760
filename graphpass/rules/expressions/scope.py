"""What the names of an expression stand for at one match."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from graphpass.errors import ExpressionError, suggestion
from graphpass.graph import Entry
from graphpass.rules.expressions.budget import Budget, Purse
from graphpass.rules.expressions.unknown import UNBOUND, UnknownError
from graphpass.rules.expressions.views import NodeView, ValueView

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from graphpass.rules.rewrite.facts import Facts
    from graphpass.rules.rewrite.match import Binding

__all__ = ["Scope"]


class Scope:
    """The names at one match: those of the pattern, then those that ``let`` defines.

    Parameters
    ----------
    index : Facts
        Of the graph that the match is in.
    bindings : mapping of str to Binding
        The bindings of a `Match`.
    parameters : mapping of str to array, optional
        Stored values by the names of variables; None where none are known, as in a subgraph.
    optional : collection of str
        Names of the pattern; one of them that is not in `bindings` stands for nothing.
    quiet : bool
        Whether the caller keeps NumPy from warning, so that expressions need not, and asks for no
        reasons.
    purse : Purse, optional
        What the expressions of this match and of others may compute together.

    Notes
    -----
    Views are made when a name is first read, and arrays are loaded when one is first computed with.
    """

    __slots__ = ("_bindings", "_optional", "_purse", "budget", "index", "is_quiet", "loops",
                 "parameters", "values")  # fmt: skip

    def __init__(
        self,
        index: Facts,
        bindings: Mapping[str, Binding],
        parameters: Mapping[str, ArrayLike] | None = None,
        optional: Collection[str] = (),
        *,
        quiet: bool = False,
        purse: Purse | None = None,
    ) -> None:
        self.index = index
        self.parameters: Mapping[str, Any] = {} if parameters is None else parameters
        self.budget = Budget(len(index.ranks), quiet=quiet)
        self.is_quiet = quiet
        """Whether nobody asks for reasons."""
        self._purse = purse
        self.values: dict[str, Any] = {}
        """Name -> what was read or defined so far."""
        self.loops: dict[int, Any] = {}
        """Number of a loop variable -> its value now."""
        self._bindings = bindings
        self._optional = optional

    def define(self, name: str, value: object) -> None:
        """Give a name that ``let`` computes its value; what the pattern bound gives way."""
        self.values[name] = value

    def release(self) -> None:
        """Forget everything, once the match is decided.

        Views know their scope, and the scope its views: until Python looks for such circles, none
        of them would go, and neither would the memory of what was computed.
        """
        self.values.clear()
        self.loops.clear()

    def settle(self) -> None:
        """Pay for what the expressions of the match computed.

        Raises
        ------
        ExpressionError
            If all matches together have computed too much.
        """
        if self._purse is not None:
            self._purse.pay(self.budget)

    def __getitem__(self, name: str) -> Any:
        """Return what a name stands for: a view, a tuple of views, a computed value or `UNBOUND`.

        Raises
        ------
        ExpressionError
            If there is no such name.
        """
        if name in self.values:
            return self.values[name]
        if name in self._bindings:
            binding = self._bindings[name]
            value: NodeView | ValueView | tuple[ValueView, ...]
            if isinstance(binding, Entry):
                value = ValueView(self, binding, name)
            elif isinstance(binding, int):
                value = NodeView(self, binding, name)
            else:
                value = tuple([ValueView(self, entry) for entry in binding])
            self.values[name] = value
            return value
        if name in self._optional:
            return UNBOUND
        known = [*self._bindings, *self.values, *self._optional]
        raise ExpressionError(f"there is no name {name!r}{suggestion(name, known)}")

    def bound(self, name: str) -> Any:
        """Return what a name stands for.

        Raises
        ------
        UnknownError
            If it stands for nothing.
        """
        value = self[name]
        if value is UNBOUND:
            raise UnknownError(f"{name} is not bound")
        return value
