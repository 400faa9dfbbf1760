"""A model under construction: values with their shapes, parameters with their arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphpass.errors import UsageError
from graphpass.formats.ndarray_binary import Array
from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.names import free_name
from graphpass.shapes import Inference, infer
from graphpass.testing.draws import ODD_NAMES, Dice

__all__ = ["LOUDEST", "Builder", "Recipe", "Sides", "Value"]

Sides = tuple[int, ...]
"""A shape that is known."""

LOUDEST = 100.0
"""Products of values that may be larger than this are not built: floats must stay exact enough."""


@dataclass(frozen=True, slots=True)
class Value:
    """An entry of which the shape is known."""

    entry: Entry
    shape: Sides
    loudness: float = 1.0
    """A rough bound of what its numbers look like, so that no model overflows."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to let a model grow."""

    op: str
    """The operator that it adds; of a recipe of your own, any name."""

    fits: Callable[[Sides], bool]
    """Whether a value of this shape can be the first input."""

    add: Callable[[Builder, Value], object]
    """Adds the operator to a model, reading the value."""


@dataclass(slots=True)
class Builder:
    """Grows a graph and its parameters, one operator at a time."""

    dice: Dice
    graph: Graph
    edit: Edit
    numbers: np.random.Generator
    dtype: str
    odd_names: bool
    parameters: Parameters = field(default_factory=Parameters)
    values: list[Value] = field(default_factory=list)
    shapes: dict[str, Sides] = field(default_factory=dict)
    """Of every input."""
    bounds: dict[str, int] = field(default_factory=dict)
    """Of every input that holds whole numbers: all are below the bound."""
    private: set[int] = field(default_factory=set)
    """Variables that MXNet writes to when it runs their operator: nothing else may read them."""
    _inference: Inference = field(init=False)
    _stock: dict[Sides, list[int]] = field(default_factory=dict)
    """Parameters that others may share, by shape."""
    _statistics: dict[Sides, list[tuple[int, int]]] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self._inference = infer(self.graph)

    # -- values --------------------------------------------------------------------------------

    def candidates(self, fits: Callable[[Sides], bool]) -> list[Value]:
        """Return the values whose shapes fit."""
        return [value for value in self.values if fits(value.shape)]

    def add_input(self, hint: str, shape: Sides, bound: int | None = None) -> Value:
        """Add a variable without a stored array; its numbers are whole and below a bound."""
        name = self.variable_name(hint)
        hints = self.dice.pick(({}, {}, {}, {"__shape__": str(shape)}, {"mood": "calm"}))
        self.shapes[name] = shape
        if bound is not None:
            self.bounds[name] = bound
        return Value(Entry(self._add_variable(name, hints, shape)), shape)

    def add_operator(
        self,
        op: str,
        inputs: Sequence[Value | Entry],
        shapes: Sequence[Sides] | None = None,
        loudness: float | None = None,
        *,
        name: str | None = None,
        **attrs: object,
    ) -> Value:
        """Add an operator; its visible outputs become values, and the first one is returned.

        Parameters
        ----------
        op : str
            The operator.
        inputs : sequence of Value or Entry
            What it reads.
        shapes : sequence of tuple, optional
            The shapes of its visible outputs; inferred where they are left out.
        loudness : float, optional
            About how large its numbers get; by default as large as those that it reads.
        name : str, optional
            Its name; by default `next_name`.
        **attrs
            Its attributes; one that is None is left out.

        Raises
        ------
        UsageError
            If the shapes are left out and can't be inferred.
        """
        texts = {key: str(value) for key, value in attrs.items() if value is not None}
        if self.dice.one_in(20):
            texts["__mood__"] = "calm"
        entries = [each.entry if isinstance(each, Value) else each for each in inputs]
        control = [self._ancestor(entries[0].node)] if entries and self.dice.one_in(40) else []
        name = self.next_name(op) if name is None else name
        key = self.edit.add_node(op, name, texts, entries, control=control)
        self._inference.follow([key])
        if shapes is None:
            count = self.graph.signature(key).num_visible_outputs
            shapes = [self._inferred(Entry(key, output)) for output in range(count)]
        if loudness is None:
            loudness = max((each.loudness for each in inputs if isinstance(each, Value)), default=1)
        made = [Value(Entry(key, at), shape, loudness) for at, shape in enumerate(shapes)]
        self.values += made
        return made[0]

    def _inferred(self, entry: Entry) -> Sides:
        shape = self._inference.shape(entry)
        if shape is None or None in shape:
            raise UsageError(
                f"the shape of {self.graph.op(entry.node)!r} can't be inferred from its inputs; "
                "give add_operator the shapes of its outputs"
            )
        return tuple(side for side in shape if side is not None)

    def _ancestor(self, key: int) -> int:
        """Return a node that a node's value depends on.

        MXNet refuses some operators of which nothing but a control dependency is left.
        """
        for _ in range(self.dice.below(4)):
            inputs = self.graph.inputs(key)
            if not inputs:
                break
            key = inputs[0].node
        return key

    # -- parameters ----------------------------------------------------------------------------

    def weight(self, owner: str, shape: Sides) -> Entry:
        """Return a weight that keeps its product with a value as loud as the value."""
        fan_in = math.prod(shape[1:])
        return self.parameter(owner, "weight", self.numbers.standard_normal(shape) / fan_in**0.5)

    def vector(self, owner: str, role: str, shape: Sides, spread: float = 0.5) -> Entry:
        """Return a bias, a beta or the like."""
        return self.parameter(owner, role, spread * self.numbers.standard_normal(shape))

    def gamma(self, owner: str, shape: Sides, *, private: bool) -> Entry:
        """Return a gamma, negative and almost zero in places.

        MXNet sets the gamma of a BatchNorm with `fix_gamma` to one whenever it runs, so nothing
        else may read that one.
        """
        array = self.numbers.choice([1.0, -0.7, 1e-4, 1.5, 0.3], shape)
        if private:
            key = self._new_parameter(owner, "gamma", array, "arg")
            self.private.add(key)
            return Entry(key)
        return self.parameter(owner, "gamma", array)

    def statistics(self, owner: str, shape: Sides) -> tuple[Entry, Entry]:
        """Return a moving mean and a moving variance, at times those of another BatchNorm."""
        stock = self._statistics.setdefault(shape, [])
        if stock and self.dice.one_in(4):
            mean, variance = self.dice.pick(stock)
            return Entry(mean, 0, 2), Entry(variance, 0, 2)
        means = 0.5 * self.numbers.standard_normal(shape)
        mean = self._new_parameter(owner, "moving_mean", means, "aux")
        variances = self.numbers.uniform(0.3, 2.0, shape)
        variance = self._new_parameter(owner, "moving_var", variances, "aux")
        stock.append((mean, variance))
        self.private |= {mean, variance}
        return Entry(mean, 0, 1), Entry(variance, 0, 1)

    def open_arguments(self) -> list[Entry]:
        """Return the variables that anything may read."""
        graph = self.graph
        keys = (key for key in graph.dag if graph.is_variable(key) and key not in self.private)
        return [Entry(key) for key in keys]

    def parameter(self, owner: str, role: str, array: Array) -> Entry:
        """Return a parameter: new, shared with another operator, or an equal twin of one."""
        stock = self._stock.setdefault(array.shape, [])
        choice = self.dice.below(6) if stock else 0
        if choice >= 4:
            return Entry(self.dice.pick(stock))
        if choice >= 2:
            array = self.parameters[self.graph.name(self.dice.pick(stock))]
        key = self._new_parameter(owner, role, array, "arg")
        stock.append(key)
        return Entry(key)

    def _new_parameter(self, owner: str, role: str, array: Array, class_: ParameterClass) -> int:
        name = self.variable_name(f"{owner}_{role}" if owner else role)
        self.parameters.set(name, np.asarray(array, self.dtype), class_)
        hints = {
            1: {"__shape__": str(array.shape)},
            2: {"__lr_mult__": "0.1"},
            3: {"__wd_mult__": "0.0", "__lr_mult__": "2"},
            4: {"__init__": '["zero", {}]'},
            5: {"mood": 'größe \\ "calm"'},
        }
        return self._add_variable(name, hints.get(self.dice.below(20), {}), array.shape)

    def _add_variable(self, name: str, hints: dict[str, str], shape: Sides) -> int:
        key = self.edit.add_variable(name, hints)
        self._inference.follow([key], {name: shape})
        return key

    # -- names ---------------------------------------------------------------------------------

    def next_name(self, op: str) -> str:
        """Return a name for an operator: fresh as a rule, at times odd, taken, or empty."""
        plain = f"{op.strip('_').lower()}{self._count}"
        self._count += 1
        if not self.odd_names:
            return plain
        choice = self.dice.below(24)
        if choice == 23:
            return self.dice.pick([self.graph.name(key) for key in self.graph.dag])
        if choice in (21, 22):
            return self.dice.pick(ODD_NAMES)
        return "" if choice == 20 else plain

    def variable_name(self, plain: str) -> str:
        """Return a name for a variable that no other variable has."""
        name = plain
        if self.odd_names and self.dice.one_in(8):
            name = self.dice.pick(ODD_NAMES)
        graph = self.graph
        taken = {graph.name(key) for key in graph.dag if graph.is_variable(key)}
        return free_name(name, taken)
