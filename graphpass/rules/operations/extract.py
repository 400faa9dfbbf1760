"""``extract``: keep what lies between some inputs and some outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.rules.operations.names import refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.region import Region, give_control_to, trace
from graphpass.rules.operations.weights import drop_parameters
from graphpass.rules.selectors import Selector, select_entries, select_entry

__all__ = ["Extract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract(Operation):
    """Keep what computes some outputs; where it is cut, variables take the place of values.

    Examples
    --------
    The features of a classifier are ``extract: flatten0``; what lies behind them is
    ``extract: {inputs: {flatten0: features}}``.
    """

    keyword: ClassVar[str] = "extract"
    shorthand: ClassVar[str | None] = "outputs"

    outputs: Selector | None = None
    """The values that become the heads, in order; default: the heads."""

    inputs: Selector | Mapping[str, str | None] | None = None
    """Values that are to be inputs, as a list, or as a mapping to the names of their variables.
    Default: nothing is cut. If given, no other input may be needed."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Cut the part out. Linear in the graph."""
        graph = run.graph
        outputs = graph.heads if self.outputs is None else select_entries(graph, self.outputs)
        names = self._names(graph)
        cuts = {value: name for value, name in names.items() if not graph.is_variable(value[0])}
        region = trace(graph, outputs, cuts)
        inside = set(region.order)
        _refuse_unread(region, names)
        if self.inputs is not None:
            others = inside - {node for node, _ in names}
            needed = [key for name in run.model.inputs for key in run.variables(name)]
            for key in filter(others.__contains__, needed):
                raise OperationError(
                    f"the outputs also need {graph.name(key)!r}: {region.path(key)}; add it to "
                    "inputs, or cut nearer to the outputs"
                )
        renamed = {
            node: name
            for (node, _), name in names.items()
            if graph.is_variable(node) and name != graph.name(node)
        }
        leaving = {key for key in graph.order() if key not in inside}
        refuse_clashes(
            run,
            variables=[*cuts.values(), *renamed.values()],
            leaving=leaving | renamed.keys(),
            advice="choose another name: inputs: {value: name}",
        )
        operators = sum(not graph.is_variable(key) for key in leaving)
        drop_parameters(run.model, leaving)
        run.model.parameters.rename({graph.name(key): name for key, name in renamed.items()})
        for key, name in renamed.items():
            edit.rename(key, name)
        self._drop_values(run, names)
        edit.set_heads(outputs)
        run.choose_heads(outputs)
        for value, name in cuts.items():
            variable = edit.add_variable(name)
            run.copied(variable, Entry(*value))
            edit.redirect(Entry(*value), Entry(variable))
            if value[0] not in inside:
                give_control_to(graph, edit, value[0], variable)
        edit.sweep()
        where = f", cut at {listed(cuts.values())}" if cuts else ""
        return (
            f"kept {count(len(graph), 'node')} that compute {listed(graph.outputs)}{where}; "
            f"{count(operators, 'operator')} left the graph"
        )

    def _drop_values(self, run: Run, inputs: Mapping[ValueKey, str]) -> None:
        """Drop the stored values of variables that are to be inputs, and say so."""
        graph, parameters = run.graph, run.model.parameters
        states = graph.variable_keys().auxiliary_states
        fed = []
        for (node, _), name in inputs.items():
            if node in states:
                raise OperationError(
                    f"{describe(graph, node)} is an auxiliary state, which its operator updates "
                    "itself, so it can't be an input; take it out of inputs"
                )
            if graph.is_variable(node) and name in parameters and len(run.variables(name)) == 1:
                del parameters[name]
                fed.append(name)
        if fed:
            run.model.is_known = True
            run.note(
                f"{listed(fed)} had a stored value, which is dropped: as an input it has to be fed"
            )

    def _names(self, graph: Graph) -> dict[ValueKey, str]:
        """Return the values that become inputs, with the names of their variables."""
        given = self.inputs
        if given is None:
            return {}
        if isinstance(given, Mapping):
            entries = {select_entry(graph, value): name for value, name in given.items()}
        else:
            entries = dict.fromkeys(select_entries(graph, given))
        return {entry.value: name or graph.output_name(entry) for entry, name in entries.items()}


def _refuse_unread(region: Region, inputs: Iterable[ValueKey]) -> None:
    graph = region.graph
    inside = {key for key in region.order if graph.is_variable(key)}
    for value in inputs:
        if value not in region.reached and value[0] not in inside:
            raise OperationError(
                f"{listed(map(graph.output_name, region.outputs))} does not depend on "
                f"{graph.output_name(Entry(*value))!r} once the other inputs are cut; take it out "
                "of inputs, or choose other outputs"
            )
