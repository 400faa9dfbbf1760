"""``untie``: operators that read one variable get one each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.selectors import Selector, select_one
from graphpass.rules.surgery.arrays import copy_parameter
from graphpass.rules.surgery.naming import fill, refuse_clashes
from graphpass.rules.surgery.stamps import restamp
from graphpass.rules.surgery.uses import users_of

__all__ = ["Untie"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untie(Operation):
    """Give every operator that reads a variable one of its own, with the same value.

    An operator that reads the variable twice goes on reading one. Where the variable is a head, the
    first operator's is.
    """

    keyword: ClassVar[str] = "untie"
    shorthand: ClassVar[str | None] = "variable"

    variable: Selector
    """The variable."""

    names: Sequence[str] | str | None = None
    """Names of the variables, one per operator in saved order; or their template, such as
    ``{user}_weight``. Default: the first operator keeps the variable, the others get
    ``{name}_{user}``."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Untie the variable. Linear in the graph."""
        graph, parameters = run.graph, run.model.parameters
        shared = select_one(graph, self.variable, kind="variables")
        old = graph.name(shared)
        users = users_of(graph, shared)
        if len(users) < 2:
            readers = listed(map(graph.name, users)) if users else "no operator"
            raise OperationError(f"{readers} alone reads {old!r}, so it is not tied")
        names = self._names(graph, old, users)
        refuse_clashes(
            run,
            variables=names,
            leaving={shared},
            advice="choose other names under names, one per operator",
        )
        was_state = shared in graph.variable_keys().auxiliary_states
        if names[0] != old:
            parameters.rename({old: names[0]})
            edit.rename(shared, names[0])
        variables = [shared]
        for user, name in zip(users[1:], names[1:], strict=True):
            twin = edit.add_variable(name, graph.attrs(shared))
            variables.append(twin)
            run.copied(twin, Entry(shared))
            copy_parameter(parameters, names[0], name)
            inputs = graph.inputs(user)
            edit.set_inputs(
                user, [e._replace(node=twin) if e.node == shared else e for e in inputs]
            )
        restamp(graph, edit, variables)
        if was_state:
            self._note_arguments(run, variables)
        return f"untied {old!r}: {count(len(users), 'operator')} now read {listed(names)}"

    def _names(self, graph: Graph, old: str, users: Sequence[int]) -> list[str]:
        owners = [graph.name(user) for user in users]
        if self.names is None:
            return [old, *(f"{old}_{owner}" for owner in owners[1:])]
        if isinstance(self.names, str):
            if "{user}" not in self.names:
                raise OperationError(
                    f"the name {self.names!r} would be every variable's; write {{user}} "
                    "where the operator's name goes, such as '{user}_weight'"
                )
            return [fill(self.names, name=old, user=owner) for owner in owners]
        if len(self.names) != len(users):
            raise OperationError(
                f"names has {count(len(self.names), 'name')} for "
                f"{count(len(users), 'operator')} that read {old!r}: {listed(owners)}; "
                "give one name each, in this order"
            )
        return list(self.names)

    def _note_arguments(self, run: Run, variables: Sequence[int]) -> None:
        graph = run.graph
        states = set(graph.variable_keys().auxiliary_states)
        arguments = [graph.name(key) for key in variables if key not in states]
        if arguments:
            run.note(
                f"{listed(arguments)} is no auxiliary state any more: no operator that reads it "
                "updates it"
            )
