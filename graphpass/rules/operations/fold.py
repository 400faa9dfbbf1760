"""``fold``: what is the same in every run becomes a stored parameter."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from graphpass.errors import AttributeValueError, OperationError, count, listed
from graphpass.formats.ndarray_binary import Array, code_of_dtype
from graphpass.formats.spill import spilled
from graphpass.graph import Edit, Entry, Graph, ValueKey, free_name
from graphpass.model import Model
from graphpass.ops.meaning import evaluate, meaning
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import has_own_shape, overwritten_gammas, repeats
from graphpass.rules.operations.weights import dtype_hint
from graphpass.shapes import Inference, infer

__all__ = ["Fold", "within"]

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
        found = _Constants(run.model, _ROOM * (size + self.grow))
        going = within(
            self.grow - grown,
            graph,
            {key: tuple([each.nbytes for each in arrays]) for key, arrays in found.values.items()},
            {key: array.nbytes for key, array in found.stored.items()},
        )
        names = self._store(run, edit, found, going)
        if going:
            run.drop_orphans(edit)
        large = [key for key in found.values if key not in going]
        if large:
            run.note(
                f"{_names(run, large)}: storing the value would take more than "
                f"{count(self.grow, 'byte')}; `grow` says how many it may take"
            )
        for reason, keys in found.left.items():
            run.note(f"{_names(run, keys)}: {reason}")
        stored = f" into {count(len(names), 'parameter')} ({listed(names)})" if names else ""
        return (
            f"folded {count(len(going), 'operator')}{stored}; {_changed(parameters.nbytes - size)}"
        )

    def _store(self, run: Run, edit: Edit, found: _Constants, going: set[int]) -> list[str]:
        """Give what reads the operators that go variables to read; return their names."""
        graph, parameters = run.graph, run.model.parameters
        taken = {*graph.names, *parameters}
        variables: dict[ValueKey, int] = {}
        names = []
        for reader in [key for key in graph.order() if key not in going]:
            if going.isdisjoint(graph.sources(reader)):
                continue
            inputs = list(graph.inputs(reader))
            for slot, entry in enumerate(inputs):
                if entry.node not in going:
                    continue
                value = entry.value
                if value not in variables:
                    array = found.values[entry.node][entry.output]
                    name = free_name(graph.output_name(entry), taken)
                    names.append(name)
                    taken.add(name)
                    variables[value] = edit.add_variable(name, _hints(array))
                    run.store(name, array)
                    run.copied(variables[value], Entry(*value))
                inputs[slot] = Entry(variables[value])
            edit.set_inputs(reader, inputs)
        return names


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


class _Constants:
    """The operators that read nothing but stored arguments and each other, evaluated at inference.

    Left alone are heads, operators that another one waits for or whose output another one writes
    to, those without a rule for their value, those without a known shape, and those that inference
    has a conflict for: MXNet runs some of these nevertheless. All values together may take `room`
    bytes. Linear in the graph and in the elements of the values.
    """

    def __init__(self, model: Model, room: int) -> None:
        graph = self._graph = model.graph
        self._room = room
        self.stored = _stored(model)
        """Arguments with a value that nothing writes to."""
        self.values: dict[int, list[Array]] = {}
        """Operators on these, and on each other, each after what it reads -> their outputs."""
        self.left: dict[str, list[int]] = {}
        """Why operators that read nothing else were left alone -> these operators."""
        self._fixed = set(graph.variable_keys().writers)
        for key in graph.order():
            self._fixed.update(graph.control_dependencies(key))
        self._inference: Inference | None = None
        self._conflicts: dict[int, str] = {}
        for key in graph.order():
            if graph.is_variable(key) or any(
                source not in self.values and source not in self.stored
                for source in graph.sources(key)
            ):
                continue
            try:
                why_not = self._why_not(key) or self._evaluate(key)
            except AttributeValueError as error:
                why_not = str(error)
            if why_not:
                self.left.setdefault(why_not, []).append(key)

    def _why_not(self, key: int) -> str | None:
        graph = self._graph
        if graph.subgraphs(key) or not repeats(graph, key, "inference"):
            return "not the same in every run"
        if meaning(graph.op(key)).value is None:
            return f"graphpass can't evaluate {graph.op(key)}"
        if graph.is_head(key):
            return "a head, which keeps its name"
        if key in self._fixed:
            return "an operator waits for it, or writes to it"
        if not has_own_shape(graph, key):
            return "its shape depends on what reads it"
        return None

    def _evaluate(self, key: int) -> str | None:
        """Evaluate an operator, or return why that can't be."""
        graph = self._graph
        shapes, dtypes = self._inferred(key)
        if key in self._conflicts:
            return f"graphpass can't say what MXNet makes of this: {self._conflicts[key]}"
        if shapes is None or dtypes is None:
            return "its shape is not known"
        sizes = map(prod, shapes)
        size = sum(n * np.dtype(dtype).itemsize for n, dtype in zip(sizes, dtypes, strict=True))
        if size > self._room:
            return "it is too large"
        inputs = [
            self.values[entry.node][entry.output]
            if entry.node in self.values
            else self.stored[entry.node]
            for entry in graph.inputs(key)
        ]
        found = evaluate(graph.op(key), graph.attrs(key), inputs, shapes, dtypes)
        if found is None:
            return f"graphpass can't say what MXNet's {graph.op(key)} gives for these numbers"
        self._room -= size
        self.values[key] = [*map(spilled, found)]
        return None

    def _inferred(self, key: int) -> tuple[list[tuple[int, ...]] | None, list[str] | None]:
        """Return shapes and dtypes of the outputs of an operator, None where they are not known."""
        graph = self._graph
        if self._inference is None:
            names = {graph.name(each): array for each, array in self.stored.items()}
            self._inference = infer(
                graph,
                {name: array.shape for name, array in names.items()},
                {name: array.dtype.name for name, array in names.items()},
            )
            self._conflicts = {each.key: each.message for each in self._inference.conflicts}
        shapes, dtypes = [], []
        for output in range(graph.signature(key).num_outputs):
            shape = self._inference.shape(Entry(key, output))
            dtype = self._inference.dtype(Entry(key, output))
            if shape is None or dtype is None:
                return None, None
            shapes.append(tuple([extent for extent in shape if extent is not None]))
            dtypes.append(dtype)
            if len(shapes[-1]) != len(shape):
                return None, None
        return shapes, dtypes


def _stored(model: Model) -> dict[int, Array]:
    """Return the arguments whose stored value is what an operator reads."""
    graph, parameters = model.graph, model.parameters
    overwritten = overwritten_gammas(graph)
    found = {}
    for key in graph.variable_keys().arguments:
        array = parameters.get(graph.name(key))
        if array is None or key in overwritten:
            continue
        hints = graph.attrs(key)
        if hints.get("__storage_type__", "0") == "0" and dtype_hint(hints) in (None, array.dtype):
            found[key] = array
    return found


def within(
    limit: int,
    graph: Graph,
    sizes: Mapping[int, tuple[int, ...]],
    stored: Mapping[int, int],
) -> set[int]:
    """Return which constant operators to do away with, so that the file grows by `limit` at most.

    What the others read of them has to be stored; stored variables that only they read need not be
    any more. As long as that makes too much, the operator whose staying helps most stays.

    Parameters
    ----------
    limit : int
        Bytes.
    graph : Graph
        The graph.
    sizes : mapping of int to tuple of int
        Operators that read nothing but each other and stored variables -> bytes of their outputs.
    stored : mapping of int to int
        Stored variables -> bytes.

    Notes
    -----
    O(n log n) in the operators and their edges.
    """
    selection = _Selection(graph, sizes, stored)
    selection.shrink(limit)
    return selection.going


class _Selection:
    """Which operators go, what has to be stored for that, and how much the file grows by it."""

    def __init__(
        self, graph: Graph, sizes: Mapping[int, tuple[int, ...]], stored: Mapping[int, int]
    ) -> None:
        self._graph = graph
        self._sizes = sizes
        self._stored = stored
        self.going = set(sizes)
        self._kept: set[ValueKey] = set()
        """Outputs of what goes that something reads which stays."""
        self._alive: set[int] = set()
        """Stored variables that something reads which stays."""
        self._above: Counter[int] = Counter()
        """Operator that goes -> how many others that go read it."""
        for reader in graph.order():
            if reader in sizes:
                self._above.update(graph.sources(reader).keys() & sizes.keys())
            else:
                self._keep_what_it_reads(reader)
        self._alive.update(head.node for head in graph.heads)
        freed = {variable for key in sizes for variable in self._variables(key)} - self._alive
        self._growth = sum(map(self._size, self._kept)) - sum(stored[each] for each in freed)

    def shrink(self, limit: int) -> None:
        """Let operators stay, one that all of its readers do before those that it reads."""
        heap = [(-self._gain(key), key) for key in self.going if not self._above[key]]
        heapq.heapify(heap)
        while self._growth > limit and heap:
            negative, key = heapq.heappop(heap)
            if key not in self.going:
                continue
            gain = self._gain(key)
            if gain != -negative:
                heapq.heappush(heap, (-gain, key))
                continue
            self._growth -= gain
            graph = self._graph
            self.going.discard(key)
            self._kept.difference_update([(key, n) for n in range(len(self._sizes[key]))])
            known = {source for source in self._variables(key) if source not in self._alive}
            known |= {value[0] for value in self._values(key) if value not in self._kept}
            self._keep_what_it_reads(key)
            for source in graph.sources(key):
                self._above[source] -= 1
            near = {reader for source in known for reader in graph.readers(source)}
            near |= graph.sources(key).keys()  # their gain is greater now, or they are next
            for each in near & self.going:
                if not self._above[each]:
                    heapq.heappush(heap, (-self._gain(each), each))

    def _keep_what_it_reads(self, key: int) -> None:
        self._kept.update(self._values(key))
        self._alive.update(self._variables(key))

    def _gain(self, key: int) -> int:
        """Return how many bytes it saves that an operator stays, all that reads it staying."""
        outputs = enumerate(self._sizes[key])
        saved = sum(size for output, size in outputs if (key, output) in self._kept)
        new = sum(self._size(value) for value in self._values(key) if value not in self._kept)
        revived = sum(self._stored[v] for v in self._variables(key) if v not in self._alive)
        return saved - new - revived

    def _size(self, value: ValueKey) -> int:
        return self._sizes[value[0]][value[1]]

    def _values(self, key: int) -> set[ValueKey]:
        """Return the values that an operator reads of those that go."""
        inputs = self._graph.inputs(key)
        return {entry.value for entry in inputs if entry.node in self.going}

    def _variables(self, key: int) -> set[int]:
        """Return the stored variables that an operator reads."""
        return self._graph.sources(key).keys() & self._stored.keys()
