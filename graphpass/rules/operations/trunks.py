"""What branches compute alike, where these start, and where the batch axis of each value is.

Two nodes have one color if they run the same operator with the same attributes on values of one
color, output by output. A data input has the color of every other, anything else that is not
computed from data only its own: so what reads a tied weight here and there can have one color, and
what reads equal copies of it can't. Colors are found in saved order, each from those before it.

Everything that batches rests on one statement about a value: *run on the branches' inputs joined
along their batch axis, a node gives the branches' values joined along such and such an axis*. The
row of an operator (`graphpass.ops.meaning`) tells the axis of the outputs from those of the inputs,
or refuses, because the statement would not hold: samples mix, or a size is baked in. An operator
without such a rule is not batched: those that mix samples (ROIPooling, Proposal, MultiBoxTarget),
and those that nobody can look into (Custom, control flow).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from graphpass.errors import AttributeValueError, OperationError, listed
from graphpass.graph import Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.ops.families.creating import filled
from graphpass.ops.meaning import meaning, randomness
from graphpass.ops.sites import Axis, BatchSite
from graphpass.rules.operations.operation import Run
from graphpass.shapes import Inference
from graphpass.verify.isomorphism import comparable

__all__ = [
    "Branches",
    "Coloring",
    "Tracking",
    "Trunk",
    "assumption",
    "color",
    "find_trunks",
    "follow_constants",
    "may_join",
    "refuse_two_lengths",
    "shapes_of",
    "trunk_of",
]


def shapes_of(run: Run) -> Inference:
    """Return what is known of the shapes of a model's values. Linear in the graph."""
    inputs = run.model.inputs
    return run.model.infer({name: run.shapes[name] for name in inputs if name in run.shapes})


@dataclass(slots=True)
class Tracking:
    """Follows the batch axis from node to node."""

    graph: Graph
    shapes: Inference
    training: bool

    axes: dict[ValueKey, Axis] = field(default_factory=dict)
    """The axis of each value along which it is joined, as far as it has been followed. A value that
    does not stand here is the same in all branches."""

    def run(self, keys: Iterable[int]) -> None:
        """Follow the axes through some nodes, each after what it reads.

        Raises
        ------
        OperationError
            Naming the operator at which samples mix.
        """
        for key in keys:
            self.step(key)

    def step(self, key: int) -> None:
        """Follow the axes through one node.

        Raises
        ------
        OperationError
            If samples mix there, or nobody can tell.
        """
        graph = self.graph
        try:
            found = self._outputs(key)
        except (AttributeValueError, OperationError) as error:
            raise OperationError(
                f"{describe(graph, key)} can't run on several batches at once: {error}"
            ) from None
        self.axes.update({(key, output): axis for output, axis in enumerate(found)})

    def _outputs(self, key: int) -> tuple[Axis, ...]:
        graph = self.graph
        node = graph.node(key)
        count = graph.signature(key).num_outputs
        draws = randomness(node.op, node.attrs)
        if draws == "always" or (draws == "training" and self.training):
            raise OperationError("it draws random numbers, so its outputs would be others")
        read = graph.inputs(key)
        axes = tuple([self.axes.get(entry.value) for entry in read])
        if draws == "never" and not node.subgraphs and not any(axis is not None for axis in axes):
            return (None,) * count
        rule = meaning(node.op).batch
        if rule is None or node.operator is None or node.subgraphs:
            raise OperationError("it is not known to leave the samples of a batch apart")
        shapes = tuple([self.shapes.shape(entry) for entry in read])
        found = rule(BatchSite(node.op, node.attributes, axes, shapes, self.training))
        if not isinstance(found, tuple):
            return (found,) * count
        return (*found, *(None,) * count)[:count]


# -- constants that are as long as the batch -------------------------------------------------------


def follow_constants(tracking: Tracking, inputs: Collection[int]) -> set[int]:
    """Let tracking know the axes along which constants are open, and return these nodes.

    MXNet infers an extent of 0 in ``_zeros(shape=(0, 8))``, such as the state that a recurrent net
    begins with, from how the value is used, and so behind operators that read nothing but
    parameters and such a value. In a trunk they are as long as the joined batch, and in a branch as
    one.

    Parameters
    ----------
    tracking : Tracking
        It learns the axes.
    inputs : collection of int
        The variables that are data inputs.

    Notes
    -----
    Linear in the graph.
    """
    graph = tracking.graph
    if graph.origin is not None and graph.origin.np_shape:
        return set()
    found: set[int] = set()
    constant: set[int] = set()
    for key in graph.order():
        sources = graph.sources(key)
        if graph.is_variable(key):
            if key not in inputs:
                constant.add(key)
        elif all(source in constant for source in sources):
            constant.add(key)
            row = meaning(graph.op(key))
            fills = row.shape is filled and row.random == "never"
            shape = graph.node(key).attributes.get("shape") if fills else None
            if isinstance(shape, tuple) and shape.count(0) == 1:
                tracking.axes[key, 0] = shape.index(0)
                found.add(key)
            elif not found.isdisjoint(sources):
                with suppress(OperationError):
                    tracking.step(key)
                    if tracking.axes.get((key, 0)) is not None:
                        found.add(key)
    return found


def refuse_two_lengths(graph: Graph, constants: Collection[int], trunk: Iterable[int]) -> None:
    """Refuse a constant that would have to be as long as one batch and as all of them.

    Raises
    ------
    OperationError
        Naming it and who else reads it.
    """
    inside = set(trunk)
    pending = [source for key in inside for source in graph.sources(key) if source in constants]
    needed: set[int] = set()
    while pending:
        key = pending.pop()
        if key not in needed:
            needed.add(key)
            pending += [source for source in graph.sources(key) if source in constants]
    for key in needed:
        others = [use.node for use in graph.uses(key) if use.node not in inside | needed]
        if others or graph.is_head(key):
            reader = f"{describe(graph, others[0])} reads it" if others else "it is a head"
            raise OperationError(
                f"{describe(graph, key)} would be as long as the joined batch in the trunk, and "
                f"{reader} outside; give the trunk its own"
            )


_MOST_INPUTS = 256
"""A value that is computed from more inputs is not considered to be a branch."""


@cache
def _identity(op: str, attrs: tuple[tuple[str, str], ...]) -> str:
    return repr(comparable(op, dict(attrs)))


def says(graph: Graph, key: int) -> tuple[str, str]:
    """Return what operators have in common that run the same with the same attributes."""
    op = graph.op(key)
    return op, _identity(op, tuple(sorted(graph.attrs(key).items())))


@dataclass(slots=True)
class Coloring:
    """The colors of the nodes that the heads reach."""

    colors: dict[int, int] = field(default_factory=dict)
    """Node to color."""

    inputs: dict[int, tuple[int, ...] | None] = field(default_factory=dict)
    """Node to the inputs that it is computed from, in the order of the first visit; None if they
    are too many."""

    weighted: set[int] = field(default_factory=set)
    """Nodes that are computed from a variable that is no input."""


def color(graph: Graph, inputs: Collection[int]) -> Coloring:
    """Color a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    inputs : collection of int
        The variables that are data inputs.

    Notes
    -----
    Linear in nodes and edges, times the number of inputs that a node is computed from.
    """
    found = Coloring()
    known: dict[Hashable, int] = {}
    for key in graph.order():
        if key in inputs:
            found.inputs[key] = (key,)
            identity: Hashable = "input"
        elif graph.is_variable(key):
            found.inputs[key] = ()
            found.weighted.add(key)
            identity = key
        else:
            sources = list(graph.sources(key))
            parts = [part for source in sources if (part := found.inputs[source]) != ()]
            found.inputs[key] = parts[0] if parts else ()
            if None in parts:
                found.inputs[key] = None
            elif any(part is not parts[0] for part in parts):
                united = tuple(dict.fromkeys([each for part in parts for each in part or ()]))
                found.inputs[key] = united if len(united) <= _MOST_INPUTS else None
            if not found.weighted.isdisjoint(sources):
                found.weighted.add(key)
            is_constant = found.inputs[key] == ()
            draws = randomness(graph.op(key), graph.attrs(key))
            identity = (
                key
                if is_constant and (draws != "never" or graph.subgraphs(key))
                else (
                    says(graph, key),
                    _colored(found, graph.inputs(key)),
                    _colored(found, map(Entry, graph.control_dependencies(key))),
                )
            )
        found.colors[key] = known.setdefault(identity, len(known))
    return found


def _colored(found: Coloring, entries: Iterable[Entry]) -> tuple[tuple[int, int], ...]:
    return tuple([(found.colors[entry.node], entry.output) for entry in entries])


# -- what all branches compute ---------------------------------------------------------------------

_NO_BRANCH = -1

Branches: TypeAlias = "Sequence[Sequence[Entry]]"
"""For each branch the values where it starts; those at one position correspond."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """Nodes that compute the same in all branches."""

    branches: Branches

    twins: dict[int, tuple[int, ...]]
    """Node of the first branch to the node of every branch, itself the first; in saved order."""

    @property
    def columns(self) -> list[tuple[Entry, ...]]:
        """For each start of a branch, those of all branches that correspond to it."""
        return list(zip(*self.branches, strict=True))

    @property
    def saved(self) -> int:
        """How many operators fewer there are with one trunk."""
        return len(self.twins) * (len(self.branches) - 1)

    @property
    def nodes(self) -> set[int]:
        """The nodes of all branches."""
        return {key for twins in self.twins.values() for key in twins}

    def upto(self, graph: Graph, ends: Sequence[Entry]) -> Trunk:
        """Return the part that some values of the first branch are computed from.

        Raises
        ------
        OperationError
            If a value does not belong to the trunk.
        """
        wanted: set[int] = set()
        for end in ends:
            if end.node not in self.twins:
                raise OperationError(
                    f"to: {graph.output_name(end)!r} is not computed in the same way by all "
                    "branches, or not by the first one"
                )
            wanted.add(end.node)
        for key in reversed(self.twins):
            if key in wanted:
                wanted.update(graph.sources(key))
        kept = {key: twins for key, twins in self.twins.items() if key in wanted}
        return Trunk(self.branches, kept)


def trunk_of(
    graph: Graph, coloring: Coloring, branches: Branches, others: Iterable[int] = ()
) -> Trunk:
    """Return what all branches compute from where they start.

    Parameters
    ----------
    graph : Graph
        The graph.
    coloring : Coloring
        Its colors.
    branches : list of lists of Entry
        Where the branches start.
    others : iterable of int
        Further inputs, which no node of the trunk may depend on.

    Raises
    ------
    OperationError
        If a branch starts at a value that is computed from where one starts.

    Notes
    -----
    A node belongs to it if each branch has one that runs the same operator with the same attributes
    on what corresponds: on the starts, on nodes of the trunk, or on the same values outside. Nodes
    of one branch that can't be told apart so correspond in saved order.

    Linear in nodes and edges.
    """
    starts = {(key, 0): (_NO_BRANCH, key) for key in others} | {
        entry.value: (branch, position)
        for branch, entries in enumerate(branches)
        for position, entry in enumerate(entries)
    }
    found = _Search(graph, coloring, starts)
    for key in graph.order():
        found.visit(key)
    shared = set.intersection(*map(set, found.nodes_of(len(branches))))
    columns = [
        [key for identity, key in nodes.items() if identity in shared]
        for nodes in found.nodes_of(len(branches))
    ]
    by_identity = [{found.identities[key]: key for key in column} for column in columns]
    twins = {key: tuple(each[found.identities[key]] for each in by_identity) for key in columns[0]}
    return Trunk(branches, twins)


class _Search:
    """Gives each node of a branch an identity that its twins in the other branches have too."""

    def __init__(
        self, graph: Graph, coloring: Coloring, starts: dict[ValueKey, tuple[int, int]]
    ) -> None:
        self._graph = graph
        self._coloring = coloring
        self._starts = starts
        self._starting: Collection[int] = {node for node, _ in starts}
        self._owners: dict[int, frozenset[int]] = {}
        self._numbers: dict[Hashable, int] = {}
        self._nodes: dict[int, dict[Hashable, int]] = {}
        self._repeats: Counter[Hashable] = Counter()
        self.identities: dict[int, Hashable] = {}

    def nodes_of(self, count: int) -> list[dict[Hashable, int]]:
        """Return identity -> node of each branch, in saved order."""
        return [self._nodes.get(branch, {}) for branch in range(count)]

    def visit(self, key: int) -> None:
        """Find out to which branches a node belongs, and give it an identity if that is one."""
        graph = self._graph
        read = graph.inputs(key)
        waited_for = [Entry(other) for other in graph.control_dependencies(key)]
        owners: frozenset[int] = frozenset()
        for entry in (*read, *waited_for):
            start = self._starts.get(entry.value)
            owned = self._owners.get(entry.node, frozenset())
            owners |= owned if start is None else frozenset([start[0]])
        if not owners:
            return
        if key in self._starting:
            raise OperationError(
                f"{describe(graph, key)}, where a branch starts, is computed from where one "
                "starts, so the branches can't run at once"
            )
        self._owners[key] = owners
        if len(owners) > 1:
            return
        (branch,) = owners
        identity = (
            says(graph, key),
            tuple(map(self._described, read)),
            tuple(map(self._described, waited_for)),
        )
        number = self._numbers.setdefault(identity, len(self._numbers))
        self._repeats[branch, number] += 1
        known = self.identities[key] = (number, self._repeats[branch, number])
        self._nodes.setdefault(branch, {})[known] = key

    def _described(self, entry: Entry) -> Hashable:
        start = self._starts.get(entry.value)
        if start is not None:
            return "start", start[1]
        if entry.node in self.identities:
            return "twin", self.identities[entry.node], entry.output
        if self._coloring.inputs[entry.node] == ():
            return "equal", self._coloring.colors[entry.node], entry.output
        return "same", *entry.value


# -- where branches start --------------------------------------------------------------------------


def find_trunks(graph: Graph, coloring: Coloring, shapes: Inference) -> list[Trunk]:
    """Return trunks that no input is common to, those first that save the most operators.

    Nodes of one color compute the same of different inputs. Walked from such nodes, the order of
    the inputs says which of them correspond, and that is all there is to choose. Considered are
    branches that have no input in common, and nodes that read a weight.

    Notes
    -----
    Linear in the graph for each choice of inputs, of which there is one in a net of tied towers.
    """
    inputs = {key for key, read in coloring.inputs.items() if read == (key,)}
    choices = dict.fromkeys(_choices(graph, coloring, shapes))
    trunks = []
    for choice in choices:
        others = inputs.difference(*choice)
        branches = [[Entry(key) for key in branch] for branch in choice]
        trunks.append(trunk_of(graph, coloring, branches, others))
    trunks.sort(key=lambda trunk: -trunk.saved)
    taken: set[int] = set()
    best = []
    for trunk in trunks:
        starts = {entry.node for branch in trunk.branches for entry in branch}
        if trunk.twins and taken.isdisjoint(starts):
            taken |= starts
            best.append(trunk)
    return best


def may_join(shapes: Inference, entries: Sequence[Entry]) -> bool:
    """Return whether values can be of one shape and one type, as far as is known."""
    dtypes = {dtype for entry in entries if (dtype := shapes.dtype(entry)) is not None}
    known = [shape for entry in entries if (shape := shapes.shape(entry)) is not None]
    if len(dtypes) > 1 or len({len(shape) for shape in known}) > 1:
        return False
    return all(len({*extents} - {None}) <= 1 for extents in zip(*known, strict=True))


def assumption(graph: Graph, shapes: Inference, entries: Sequence[Entry]) -> str | None:
    """Say what nobody has checked: that values are of one shape; None if all shapes are known."""
    known = [shapes.shape(entry) for entry in entries]
    if all(shape is not None and None not in shape for shape in known):
        return None
    return (
        f"{listed(map(graph.output_name, entries))} have to be fed batches of one size and shape "
        "from now on; nothing says that they are (--input NAME:SHAPE would)"
    )


def _choices(
    graph: Graph, coloring: Coloring, shapes: Inference
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield, for each color, the inputs of nodes that have it: branches without a common input."""
    alike: dict[int, dict[tuple[int, ...], None]] = {}
    for key, color in coloring.colors.items():
        inputs = coloring.inputs[key]
        if inputs and key in coloring.weighted:
            alike.setdefault(color, {})[inputs] = None
    for candidates in alike.values():
        taken: set[int] = set()
        branches: list[tuple[int, ...]] = []
        for inputs in candidates:
            if taken.isdisjoint(inputs) and _fits(shapes, branches, inputs):
                branches.append(inputs)
                taken.update(inputs)
        if len(branches) > 1:
            yield tuple(branches)


def _fits(shapes: Inference, branches: list[tuple[int, ...]], inputs: tuple[int, ...]) -> bool:
    if not branches:
        return True
    return len(branches[0]) == len(inputs) and all(
        may_join(shapes, [Entry(one), Entry(other)])
        for one, other in zip(branches[0], inputs, strict=True)
    )
