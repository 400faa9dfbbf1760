"""The ``op`` of a replacement function: what is made with it becomes a `Draft`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from graphpass.errors import OperationError, suggestion
from graphpass.graph import Entry
from graphpass.ops import canonical_name, find, operator_names
from graphpass.rules.expressions import Scope, ValueView
from graphpass.rules.python.match_view import MatchedNode, MatchedValue, entry_at
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewriting.draft import (
    Draft,
    Made,
    NewNode,
    NewParameter,
    Source,
    attribute_text,
)

__all__ = ["NewValue", "ReplacementOp", "Replacing"]

_NUMERIC = "biuf"


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
            raise OperationError(
                f"MXNet 1.9.1 has no operator {name!r}{suggestion(name, operator_names())}; "
                f"one that it does not know is written op[{name!r}]"
            )
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
        if name is not None and (not isinstance(name, str) or not name):
            _fail(f"name={name!r} is no name")
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
        if name is not None and (not isinstance(name, str) or not name):
            _fail(f"name={name!r} is no name")
        value = np.array(array)
        if value.dtype.kind not in _NUMERIC:
            _fail(f"a parameter is an array of numbers, not of {value.dtype}")
        if value.ndim == 0:
            _fail("an array without dimensions can't be stored for MXNet 1.9.1; reshape it to (1,)")
        if value.dtype == np.float64 and not self._has_doubles():
            value = value.astype(np.float32)
        value.flags.writeable = False
        key = None if like is None else self._entry(like).node
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
        self._draft.results = [self._result(each) for each in listed]
        self._refuse_unused()
        return self._draft

    def _result(self, value: object) -> Entry | Made:
        if isinstance(value, NewValue):
            return self._new(value)
        if isinstance(value, MatchedNode | MatchedValue):
            return self._entry(value)
        if isinstance(value, np.ndarray | NewParameter):
            _fail("it returns an array; let an operator read it")
        _fail(f"it returns {value!r}; return a value of the match, or one made with op")

    def _source(self, value: object, operator: str) -> Source:
        if isinstance(value, NewValue):
            return self._new(value)
        if isinstance(value, MatchedNode | MatchedValue):
            return self._entry(value)
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

    def _entry(self, value: MatchedNode | MatchedValue) -> Entry:
        entry = entry_at(value, self._scope)
        if entry is None:
            _fail(f"{value} is of another match; take what you need from the match that is given")
        return entry

    def _refuse_unused(self) -> None:
        """Refuse an operator that nothing reads: most likely its result was to be returned."""
        nodes = self._draft.nodes
        used = {result.node for result in self._draft.results if isinstance(result, Made)}
        for position in range(len(nodes) - 1, -1, -1):
            if position not in used:
                _fail(f"it makes a {nodes[position].op} that nothing reads; return it, or leave it")
            used |= {each.node for each in nodes[position].inputs if isinstance(each, Made)}

    def _has_doubles(self) -> bool:
        """Return whether the match has a stored value in double precision."""
        for bound in self._bindings.values():
            if isinstance(bound, Entry):
                stored = ValueView(self._scope, bound).stored
                if stored is not None and stored.dtype == np.float64:
                    return True
        return False


def _fail(reason: str) -> NoReturn:
    raise OperationError(reason)
