"""Computed values on their way into the parameters of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from graphpass.formats.ndarray_binary import Array, code_of_dtype
from graphpass.graph import VARIABLE, Entry
from graphpass.graph.in_edges import source_at
from graphpass.ops import format_value
from graphpass.rules.report.changes import NodeRef, ParameterChange, ParameterRef
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.pattern import Kind
from graphpass.rules.rewriting.draft import NewParameter
from graphpass.rules.rewriting.surroundings import Surroundings
from graphpass.rules.surgery.arrays import new_class
from graphpass.rules.surgery.values import same_bits

__all__ = ["ComputedValues"]


class ComputedValues:
    """Gives each value that a firing computes a variable.

    Parameters
    ----------
    around : Surroundings
        The graph and the parameters.
    match : Match
        What gives way.
    going : collection of int
        Nodes that go with it.
    rule : str
        What computes the values.
    """

    def __init__(
        self, around: Surroundings, match: Match, going: Collection[int], rule: str
    ) -> None:
        self._around = around
        self._rule = rule
        self._graph = around.index.graph
        self._match = match
        self._going = going
        self._variables: dict[NewParameter, int] = {}
        self.stored: list[ParameterChange] = []
        """What was stored, in order."""
        self._renamed: list[ParameterRef] = []
        """What is stored under another name now."""

    @property
    def variables(self) -> Collection[int]:
        """Keys of the variables that have computed values, some of them old ones."""
        return self._variables.values()

    @property
    def arrays(self) -> dict[int, Array]:
        """The computed values, by the keys of their variables."""
        return {key: parameter.array for parameter, key in self._variables.items()}

    def store(
        self, parameter: NewParameter, op: str, node: str, slot: str, *, is_state: bool
    ) -> tuple[int, bool]:
        """Store a value for an input of a new node.

        Parameters
        ----------
        parameter : NewParameter
            The value.
        op, node : str
            Operator and name of the node that reads it.
        slot : str
            The input's name.
        is_state : bool
            Whether the operator changes that input.

        Returns
        -------
        int, bool
            The variable that has it, and whether that is new.
        """
        if parameter in self._variables:
            return self._variables[parameter], False
        graph, edit, parameters = self._graph, self._around.edit, self._around.parameters
        assert parameters is not None
        kind: Kind = "aux" if is_state else "param"
        twin = self._twin(parameter, kind)
        if twin is not None:
            self._variables[parameter] = twin
            self._hand_on_name(self._donor(parameter, op, slot, kind), twin)
            return twin, False
        donor = self._donor(parameter, op, slot, kind)
        hints = {} if donor is None else _fitting(graph.attrs(donor), parameter)
        own = donor is not None and donor in self._going
        if donor is not None and own and parameter.name is None:
            key, name, is_new = donor, graph.name(donor), False
            if hints != graph.attrs(donor):
                edit.set_attrs(donor, hints)
        else:
            name = parameter.name or self._around.names.fresh(
                f"{node}_{slot}" if node else slot, self._going
            )
            if parameter.name is not None:
                self._around.names.refuse_taken(name, "a variable", self._going)
            key, is_new = edit.add_node(VARIABLE, name, hints), True
        before = parameters[name].nbytes if name in parameters else 0
        class_ = new_class(parameters, is_state=is_state)
        parameters.set(name, parameter.array, class_)
        self._variables[parameter] = key
        self._around.index.kinds[key] = kind
        if any(source not in self._going for source in self._sources):
            self._around.twins[self._rule, parameter.label, self._sources] = key
        self.stored.append(ParameterChange(name, parameter.array.nbytes, before))
        return key, is_new

    @cached_property
    def _sources(self) -> tuple[int, ...]:
        """The variables with stored values that the match reads."""
        kinds = self._around.index.kinds
        bound = [each.node for each in self._match.bindings.values() if type(each) is Entry]
        return tuple([node for node in bound if kinds.get(node) in ("param", "aux")])

    def _twin(self, parameter: NewParameter, kind: Kind) -> int | None:
        """Return the variable that has this value already: what was tied stays tied."""
        around = self._around
        if not around.twins or parameter.name is not None:
            return None
        twin = around.twins.get((self._rule, parameter.label, self._sources))
        if twin is None or twin not in self._graph or around.index.kinds.get(twin) != kind:
            return None
        assert around.parameters is not None
        stored = around.parameters.get(self._graph.name(twin))
        same = stored is not None and same_bits(stored, parameter.array)
        return twin if same else None

    def _hand_on_name(self, donor: int | None, twin: int) -> None:
        """Give a value that others share already the name of the one it replaces, when that goes.

        The first of several that read a tied weight can't: the weight is still read then.
        """
        if donor is None or donor not in self._going:
            return
        parameters, graph = self._around.parameters, self._graph
        assert parameters is not None
        old, name = graph.name(twin), graph.name(donor)
        array, class_ = parameters[old], parameters.class_of(old)
        before = parameters[name].nbytes if name in parameters else 0
        parameters.set(name, array, class_)
        del parameters[old]
        self._around.edit.rename(twin, name)
        self.stored.append(ParameterChange(name, array.nbytes, before))
        self._renamed.append(ParameterRef(old, array.nbytes))

    def _donor(self, parameter: NewParameter, op: str, slot: str, kind: Kind) -> int | None:
        """Return the variable whose place a computed parameter takes."""
        taken = self._variables.values()
        found = parameter.like
        if found is None:
            places = self._same_places(op, slot)
            left = [place for place in places if place not in taken]
            only = parameter.only_source
            found = only if only in places or not left else left[0]
        if found is None or found in taken or self._around.index.kinds.get(found) != kind:
            return None
        return found

    def _same_places(self, op: str, slot: str) -> list[int]:
        """Return what matched nodes of the same operator read in the same input."""
        graph = self._graph
        found = []
        for key in self._match.matched:
            if graph.op(key) == op:
                names = graph.signature(key).input_names
                if names is not None and slot in names:
                    found.append(source_at(graph.sources(key), names.index(slot)))
        return [source for source in found if source is not None]

    def drop(self, removed: Iterable[NodeRef]) -> list[ParameterRef]:
        """Drop the values of the variables that go, unless a new one has taken the name."""
        parameters = self._around.parameters
        if parameters is None:
            return []
        dropped = self._renamed
        kept = {change.name for change in self.stored}
        for _, op, name in removed:
            if op == VARIABLE and name in parameters and name not in kept:
                dropped.append(ParameterRef(name, parameters[name].nbytes))
                del parameters[name]
        return dropped


def _fitting(attrs: Mapping[str, str], parameter: NewParameter) -> dict[str, str]:
    """Return the attributes of a variable, its hints of shape and type those of a new value."""
    found = dict(attrs)
    if "__shape__" in found:
        found["__shape__"] = format_value(parameter.array.shape)
    if "__dtype__" in found:
        found["__dtype__"] = str(code_of_dtype(parameter.array.dtype))
    return found
