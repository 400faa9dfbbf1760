"""``clone`` and ``extract``: a part of the graph a second time, or nothing but that part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.model import is_judged_by_name
from graphpass.rules.operations.names import fill, fill_all, free_prefix, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.region import Copying, Region, give_control_to, restamp, trace
from graphpass.rules.operations.weights import copy_parameter, drop_parameters
from graphpass.rules.selectors import Selector, select_entries, select_entry

__all__ = ["Clone", "Extract"]

Share = Literal["parameters", "copy", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone(Operation):
    """Copy what lies between some values and others; the copies' outputs become further heads.

    Examples
    --------
    A siamese network is ``clone: {prefix: right_}``: the clone reads ``right_data`` and shares
    every weight.
    """

    keyword: ClassVar[str] = "clone"

    from_: Selector | None = None
    """Values for which the clone gets variables of its own; default: the inputs that are read."""

    to: Selector | None = None
    """Values to compute a second time; default: the heads."""

    prefix: str | None = None
    """What new names begin with. Either this or `name`."""

    name: str | None = None
    """Template of new names, such as ``{name}_right``."""

    share: Share = "parameters"
    """``parameters``: both towers read the same variables. ``copy``: the clone has copies of them,
    and of their values. ``nothing``: it has copies without values."""

    keep: Selector = ()
    """Values that the clone reads too, in place of variables of its own."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """ValueKey of `from` to the name of the variable that the clone reads for it."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Add the clone. Linear in the graph."""
        graph = run.graph
        template = self._template()
        region, sources = self._region(run)
        originals = region.dependents(sources) if self.share == "parameters" else region.order
        names = dict(
            zip(originals, fill_all(run, template, graph.names_of(originals)), strict=True)
        )
        input_names = self._input_names(run, sources, template)
        variables = [key for key in originals if graph.is_variable(key)]
        owners: dict[str, int] = {}
        for key in filter(graph.is_variable, [*variables, *(key for key, _ in sources)]):
            twice = owners.setdefault(graph.name(key), key)
            if twice != key:
                raise OperationError(
                    f"{describe(graph, twice)} and {describe(graph, key)} have one name, and so "
                    f"would their clones; tie them ([id:{twice}, id:{key}]) or rename one first"
                )
        apart = set(variables)
        other = "another name"
        if self.prefix is not None:
            other = f"another prefix, such as {free_prefix(run, self.prefix)!r}"
        refuse_clashes(
            run,
            variables=[*input_names.values(), *(names[key] for key in variables)],
            operators=[name for key, name in names.items() if key not in apart],
            advice=f"choose {other}, or name the clone's variables under inputs",
        )
        writers = graph.variable_keys().writers
        values = {value: Entry(*value) for value in region.cuts}
        for value, name in input_names.items():
            attrs = graph.attrs(value[0]) if graph.is_variable(value[0]) else {}
            values[value] = Entry(edit.add_variable(name, attrs))
            run.copied(values[value].node, Entry(*value))
        copying = Copying(graph, edit, values, run.limits)
        copying.copy(names)
        twins = copying.twins
        if self.share == "nothing":
            run.copied_all({key: twin for key, twin in twins.items() if key not in apart})
        else:
            run.copied_all(twins)
        outputs = [copying.value(entry) for entry in region.outputs]
        run.limits.made.take(len(outputs))  # where nothing is new, the same heads are there twice
        run.choose_heads([*graph.heads, *region.outputs])
        edit.set_heads([*graph.heads, *outputs])
        if self.share == "copy":
            for key in variables:
                copy_parameter(run.model.parameters, graph.name(key), names[key])
        updates = {
            state: [key for key in operators if key in twins]
            for state, operators in writers.items()
            if state not in twins and values.get((state, 0), Entry(state)).node == state
        }
        shared = {state: operators for state, operators in updates.items() if operators}
        restamp(graph, edit, shared)
        self._note(run, region, outputs, sources, shared)
        return (
            f"cloned {count(len(names) - len(variables), 'operator')} and "
            f"{count(len(variables), 'variable')}; "
            f"the clone reads {listed(input_names.values())} and returns "
            f"{listed(graph.output_name(entry) for entry in outputs)}"
        )

    def _template(self) -> str:
        if self.name is None:
            return f"{self.prefix}{{name}}"
        if "{name}" not in self.name:
            raise OperationError(
                f"the name {self.name!r} would be every node's; write {{name}} where the "
                "original's name goes, such as '{name}_right'"
            )
        return self.name

    def _region(self, run: Run) -> tuple[Region, list[ValueKey]]:
        """Return what computes `to`, and the values for which the clone gets own variables."""
        graph = run.graph
        outputs = graph.heads if self.to is None else select_entries(graph, self.to)
        kept = dict.fromkeys([entry.value for entry in select_entries(graph, self.keep)])
        if self.from_ is None:
            inputs = [key for name in run.model.inputs for key in run.variables(name)]
            sources = [(key, 0) for key in inputs if (key, 0) not in kept]
        else:
            sources = list(
                dict.fromkeys([entry.value for entry in select_entries(graph, self.from_)])
            )
            both = [value for value in sources if value in kept]
            if both:
                raise OperationError(
                    f"{_spell(graph, both)} can't stand under both from and keep; the clone "
                    "either reads a variable of its own or the same value"
                )
        region = trace(graph, outputs, [*sources, *kept])
        required = [value for value in kept if value[0] not in region.awaited]
        required += sources if self.from_ is not None else ()
        missed = [value for value in required if value not in region.reached]
        if missed:
            raise OperationError(
                f"{_spell(graph, missed)} does not reach "
                f"{listed(graph.output_name(entry) for entry in outputs)}, so the clone would not "
                "read it; take it out, or choose other values under to"
            )
        sources = [value for value in sources if value in region.reached]
        if not sources:
            raise OperationError(
                "no input without a stored value reaches "
                f"{listed(graph.output_name(entry) for entry in outputs)}; "
                "say under from where the clone begins"
            )
        return region, sources

    def _input_names(
        self, run: Run, sources: Sequence[ValueKey], template: str
    ) -> dict[ValueKey, str]:
        graph = run.graph
        given: dict[ValueKey, str] = {}
        for selector, name in self.inputs.items():
            value = select_entry(graph, selector).value
            if value not in sources:
                raise OperationError(
                    f"inputs names {selector!r}, for which the clone has no variable of its "
                    f"own; it has for {_spell(graph, sources)}"
                )
            given[value] = name
        return {
            value: given.get(value, fill(run, template, name=graph.output_name(Entry(*value))))
            for value in sources
        }

    def _note(
        self,
        run: Run,
        region: Region,
        outputs: Sequence[Entry],
        sources: Sequence[ValueKey],
        updates: Mapping[int, Sequence[int]],
    ) -> None:
        graph = run.graph
        same = [
            entry
            for entry, original in zip(outputs, region.outputs, strict=True)
            if entry == original
        ]
        if same:
            named = listed(map(graph.output_name, same))
            run.note(
                f"{named} does not depend on what the clone reads "
                "anew, so the same value is a head twice"
            )
        valued = [value for value in sources if graph.name(value[0]) in run.model.parameters]
        if valued:
            run.note(
                f"{_spell(graph, valued)} has a stored value, but from makes it an input: the "
                "clone's variable has none"
            )
        if not (run.model.parameters or run.model.is_known):
            fed = dict.fromkeys([node for node, _ in sources if graph.is_variable(node)])
            others = [key for key in region.order if graph.is_variable(key) and key not in fed]
            said = [
                f"{listed(graph.names_of(judged))} {kind}"
                for kind, keys in (("to be fed", fed), ("to be weights, shared", others))
                if (judged := [key for key in keys if is_judged_by_name(graph, key)])
            ]
            if said:
                run.note(
                    "without parameters, what operators that nobody knows read is judged by its "
                    f"name: {' and '.join(said)}; from and keep say it otherwise"
                )
        states = [
            state
            for state, operators in updates.items()
            if any(
                graph.node(key).attributes.get("use_global_stats") is not True for key in operators
            )
        ]
        if states:
            run.note(
                f"{listed(graph.names_of(states))} "
                f"{'is' if len(states) == 1 else 'are'} shared: in training, each tower updates "
                "the same statistics with its own batch (share: copy gives the clone its own)"
            )


def _spell(graph: Graph, values: Iterable[ValueKey]) -> str:
    return listed(graph.output_name(Entry(*value)) for value in values)


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
        for value in names:
            if value not in region.reached and value[0] not in inside:
                raise OperationError(
                    f"{listed(map(graph.output_name, outputs))} does not depend on "
                    f"{graph.output_name(Entry(*value))!r} once the other inputs are cut; take it "
                    "out of inputs, or choose other outputs"
                )
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
        states = graph.variable_keys().auxiliary_states
        fed = []  # variables with a stored value, which are to be inputs
        for (node, _), name in names.items():
            if node in states:
                raise OperationError(
                    f"{describe(graph, node)} is an auxiliary state, which its operator updates "
                    "itself, so it can't be an input; take it out of inputs"
                )
            if (
                graph.is_variable(node)
                and name in run.model.parameters
                and len(run.variables(name)) == 1
            ):
                del run.model.parameters[name]
                fed.append(name)
        if fed:
            run.model.is_known = True
            run.note(
                f"{listed(fed)} had a stored value, which is dropped: as an input it has to be fed"
            )
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
