"""``clone``: a second tower on the same weights, on copies of them, or on none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.model import is_judged_by_name
from graphpass.rules.operations.names import fill, fill_all, free_prefix, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.region import Copying, Region, restamp, trace
from graphpass.rules.operations.weights import copy_parameter
from graphpass.rules.selectors import Selector, select_entries, select_entry

__all__ = ["Clone"]

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
        if self.share not in get_args(Share):
            raise OperationError(
                f"share can't be {self.share!r}"
                f"{suggestion(str(self.share), get_args(Share))}; "
                f"it is one of {', '.join(get_args(Share))}"
            )
        if (self.prefix is None) == (self.name is None):
            raise OperationError(
                "it needs either prefix, such as 'right_', or name, such as '{name}_right', "
                "to tell the clone's names from the original's"
            )
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
