"""``fold``: what is the same in every run becomes a stored parameter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.formats.ndarray_binary import Array, code_of_dtype
from graphpass.graph import Edit, Entry
from graphpass.graph.names import free_name
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.surgery.arrays import new_class
from graphpass.rules.surgery.constants import Constants, constants_of
from graphpass.rules.surgery.growth import within
from graphpass.rules.surgery.region import Value, value_of

__all__ = ["Fold"]

_ROOM = 4
"""How many times as large as the file may become all values together may be, those between too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(Operation):
    """Evaluate operators that read stored parameters only, or nothing, and store what they give.

    Parameters are what they are in inference only, so a graph that is to be trained is refused.
    """

    keyword: ClassVar[str] = "fold"

    grow: int = 2**20
    """How many bytes larger the parameters may become."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Fold them. Linear in the graph, and in the elements of what is evaluated."""
        if run.purpose == "training":
            raise OperationError(
                "fold makes constants of what is computed from parameters, which training would "
                "change; run it when the training is done"
            )
        graph, parameters = run.graph, run.model.parameters
        if not parameters and len(run.model.inputs) < len(graph.arguments):
            run.note("the model is here without its parameters, so there is no place for new ones")
            return "folded 0 operators"
        size = parameters.nbytes
        grown = 0 if run.bytes_before is None else max(size - run.bytes_before, 0)
        found = constants_of(run.model, _ROOM * (size + self.grow))
        going = within(
            self.grow - grown,
            graph,
            {key: tuple([each.nbytes for each in arrays]) for key, arrays in found.values.items()},
            {key: array.nbytes for key, array in found.stored.items()},
        )
        names = self._store(run, edit, found, going)
        if going:
            run.drop_orphans(edit)
        self._note_rest(run, found, going)
        stored = f" into {count(len(names), 'parameter')} ({listed(names)})" if names else ""
        return (
            f"folded {count(len(going), 'operator')}{stored}; {_changed(parameters.nbytes - size)}"
        )

    def _store(self, run: Run, edit: Edit, found: Constants, going: set[int]) -> list[str]:
        """Give what reads the operators that go variables to read; return their names."""
        graph, parameters = run.graph, run.model.parameters
        taken = {*graph.names, *parameters}
        variables: dict[Value, int] = {}
        class_ = new_class(parameters, is_state=False)
        names = []
        for reader in [key for key in graph.order() if key not in going]:
            if going.isdisjoint(graph.sources(reader)):
                continue
            inputs = list(graph.inputs(reader))
            for slot, entry in enumerate(inputs):
                if entry.node not in going:
                    continue
                value = value_of(entry)
                if value not in variables:
                    array = found.values[entry.node][entry.output]
                    name = free_name(graph.output_name(entry), taken)
                    names.append(name)
                    taken.add(name)
                    variables[value] = edit.add_variable(name, _hints(array))
                    parameters.set(name, array, class_)
                    run.copied(variables[value], Entry(*value))
                inputs[slot] = Entry(variables[value])
            edit.set_inputs(reader, inputs)
        return names

    def _note_rest(self, run: Run, found: Constants, going: set[int]) -> None:
        large = [key for key in found.values if key not in going]
        if large:
            names = _names(run, large)
            run.note(
                f"{names}: storing the value would take more than {count(self.grow, 'byte')}; "
                "`grow` says how many it may take"
            )
        for reason, keys in found.left.items():
            run.note(f"{_names(run, keys)}: {reason}")


def _names(run: Run, keys: Iterable[int]) -> str:
    return listed([run.graph.name(key) for key in keys])


def _hints(array: Array) -> dict[str, str]:
    """Return what MXNet has to know of a variable where it infers nothing from its reader."""
    hints = {"__shape__": str(array.shape)}
    if array.dtype.name != "float32":
        hints["__dtype__"] = str(code_of_dtype(array.dtype))
    return hints


def _changed(change: int) -> str:
    if not change:
        return "the parameters are as large as before"
    return (
        f"the parameters are {count(abs(change), 'byte')} {'larger' if change > 0 else 'smaller'}"
    )
