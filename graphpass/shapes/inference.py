"""Inference over a whole graph, and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph
from graphpass.graph.graph import paused_collector
from graphpass.ops import Attributes, find
from graphpass.shapes.hints import dtype_hint, given_shape, shape_hint
from graphpass.shapes.propagation import Propagation, Step
from graphpass.shapes.shape import ConflictError, Shape, is_known
from graphpass.shapes.site import DtypeSite, ShapeSite, Site
from graphpass.shapes.table import rule_of

__all__ = ["Conflict", "Inference", "infer", "infer_inside", "look_inside"]

T = TypeVar("T")


class Conflict(NamedTuple):
    """An operator whose inputs or attributes can't be as they are; MXNet refuses to bind it."""

    key: int
    """The node's key."""
    name: str
    op: str
    message: str
    """What contradicts what, such as ``70 elements into 6720``."""


class Inference:
    """Shapes and dtypes of the values of one graph, as `infer` found them.

    It keeps what was found; after edits to the graph, `follow` adds the nodes that are new.
    """

    __slots__ = ("_dtypes", "_graph", "_misfits", "_np_shape", "_shapes", "_unknown")

    def __init__(self, graph: Graph, np_shape: bool) -> None:
        self._graph = graph
        self._np_shape = np_shape
        self._unknown: dict[int, str] = {}
        self._misfits: dict[int, str] = {}
        self._shapes: Propagation[Shape] = Propagation(
            graph, ShapeSite, lambda rule, site: rule.shape(site), is_known, np_shape
        )
        self._dtypes: Propagation[str] = Propagation(
            graph, DtypeSite, lambda rule, site: rule.dtype(site), _is_dtype, np_shape
        )

    def shape(self, entry: Entry) -> Shape | None:
        """Return the shape of a value: None where not even the number of axes is known.

        Constant. A value of a node that inference never saw has no known shape.
        """
        found = self._shapes.values.get(entry.node, ())
        return found[entry.output] if entry.output < len(found) else None

    def dtype(self, entry: Entry) -> str | None:
        """Return the dtype of a value by MXNet's name, such as ``"float32"``; None is unknown."""
        found = self._dtypes.values.get(entry.node, ())
        return found[entry.output] if entry.output < len(found) else None

    @property
    def np_shape(self) -> bool:
        """Whether an extent of 0 is empty rather than unknown."""
        return self._np_shape

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Operators that MXNet would refuse."""
        said = {**self._dtypes.conflicts, **self._shapes.conflicts, **self._misfits}
        return self._described(said)

    @property
    def unknown(self) -> Mapping[str, tuple[int, ...]]:
        """Operators that inference has no rule for -> keys of their nodes."""
        found: dict[str, list[int]] = {}
        for key, op in self._unknown.items():
            if key in self._graph:
                found.setdefault(op, []).append(key)
        return {op: tuple(keys) for op, keys in found.items()}

    def follow(
        self,
        keys: Iterable[int],
        shapes: Mapping[str, Shape] | None = None,
        dtypes: Mapping[str, str] | None = None,
    ) -> tuple[Conflict, ...]:
        """Infer the given nodes anew from what they read, and return their conflicts.

        For a rewriting engine: nodes that were added, or turned into other operators. Only values
        that these nodes produce change.

        Parameters
        ----------
        keys : iterable of int
            Nodes, each after those among them that it reads.
        shapes, dtypes : mapping, optional
            Of variables among them, by name.

        Notes
        -----
        The cost is that of these nodes alone, whatever the size of the graph.
        """
        nodes = list(dict.fromkeys(keys))
        for found in (self._misfits, self._shapes.conflicts, self._dtypes.conflicts, self._unknown):
            for key in nodes:
                found.pop(key, None)
        steps = self._enter(nodes, shapes or {}, dtypes or {})
        self._shapes.follow(steps, nodes)
        self._dtypes.follow(steps, nodes)
        said = {**self._dtypes.conflicts, **self._shapes.conflicts, **self._misfits}
        return self._described({key: said[key] for key in nodes if key in said})

    def _described(self, said: Mapping[int, str]) -> tuple[Conflict, ...]:
        graph = self._graph
        return tuple(
            Conflict(key, graph.name(key), graph.op(key), said[key])
            for key in sorted(said)
            if key in graph
        )

    def _enter(
        self, keys: Iterable[int], shapes: Mapping[str, Shape], dtypes: Mapping[str, str]
    ) -> dict[int, Step]:
        """Make room for the values of nodes, and return the operators that have a rule."""
        graph = self._graph
        shape_values, dtype_values = self._shapes.values, self._dtypes.values
        steps: dict[int, Step] = {}
        for key in keys:
            op = graph.op(key)
            if graph.is_variable(key):
                name, attrs = graph.name(key), graph.attrs(key)
                shape_values[key] = [self._variable_shape(shapes.get(name), attrs)]
                dtype_values[key] = [dtypes.get(name) or dtype_hint(attrs)]
                continue
            step, count = self._step(key, op)
            shape_values[key] = [None] * count
            dtype_values[key] = [None] * count
            if step is not None:
                steps[key] = step
        return steps

    def _variable_shape(self, given: Shape | None, attrs: Mapping[str, str]) -> Shape | None:
        """Return what is known of a variable: MXNet asks the hint unless all is given."""
        shape = None if given is None else given_shape(given, self._np_shape)
        if not is_known(shape) and "__shape__" in attrs:
            return shape_hint(attrs, self._np_shape) or shape
        return shape

    def _step(self, key: int, op: str) -> tuple[Step | None, int]:
        """Return an operator ready for its rule, if it has one, and the number of its outputs."""
        graph = self._graph
        inputs = graph.inputs(key)
        try:
            signature = graph.signature(key)
        except AttributeValueError as error:
            self._misfits[key] = str(error)
            return None, 1
        count = signature.num_outputs
        for node, output, _ in inputs:
            if node not in self._shapes.values:
                self._never_seen(node)
            if output >= len(self._shapes.values[node]):
                self._misfits[key] = f"it reads output {output} of {graph.name(node)!r}"
                return None, count
        rule = rule_of(op)
        if rule is None:
            self._unknown[key] = op
            return None, count
        if signature.num_inputs is not None and signature.num_inputs != len(inputs):
            self._misfits[key] = f"it reads {len(inputs)} inputs of {signature.num_inputs}"
            return None, count
        operator = find(op)
        attrs = graph.attrs(key)
        attributes = Attributes(op, {}, attrs) if operator is None else operator.view(attrs)
        return Step(key, op, attributes, inputs, graph.subgraphs(key), rule), count

    def _never_seen(self, key: int) -> None:
        """Make room for a node that no head reached: nothing is known of its values."""
        try:
            count = self._graph.signature(key).num_outputs
        except AttributeValueError:
            count = 1
        self._shapes.values[key] = [None] * count
        self._dtypes.values[key] = [None] * count


def _is_dtype(dtype: str | None) -> bool:
    return dtype is not None


def infer(
    graph: Graph,
    shapes: Mapping[str, Shape] | None = None,
    dtypes: Mapping[str, str] | None = None,
    *,
    np_shape: bool | None = None,
) -> Inference:
    """Infer shape and dtype of every value of a graph, in both directions, as MXNet does.

    Parameters
    ----------
    graph : Graph
        The graph. It is not changed.
    shapes : mapping of str to Shape, optional
        Shapes of variables by name: inputs, and ``array.shape`` of stored parameters. None stands
        for an unknown extent; so does 0, or -1 in NumPy-shape mode.
    dtypes : mapping of str to str, optional
        Dtypes of variables by name, such as ``"float32"``.
    np_shape : bool, optional
        Whether an extent of 0 is empty rather than unknown; by default as the graph's file says.

    Returns
    -------
    Inference
        It holds conflicts too; none is raised.

    Notes
    -----
    Linear in nodes and edges. Attributes ``__shape__`` and ``__dtype__`` of variables count where
    the mappings leave something open.
    """
    if np_shape is None:
        np_shape = graph.origin is not None and graph.origin.np_shape
    with paused_collector():
        found = Inference(graph, np_shape)
        steps = found._enter(graph.order(), shapes or {}, dtypes or {})
        found._shapes.run(steps)
        found._dtypes.run(steps)
    return found


def look_inside(site: Site[T], graph: Graph, given: Sequence[T | None]) -> Inference:
    """Infer shapes or dtypes inside a subgraph of a node.

    Parameters
    ----------
    site : Site
        The node, for shapes or for dtypes.
    graph : Graph
        One of its subgraphs.
    given : sequence
        What is known of the subgraph's variables, in saved order.

    Raises
    ------
    ConflictError
        There is one inside.

    Notes
    -----
    Subgraphs nest as deep as their author nested them, and no deeper.
    """
    found = Inference(graph, site.np_shape)
    steps = found._enter(graph.order(), {}, {})
    propagation: Any = found._shapes if isinstance(site, ShapeSite) else found._dtypes
    variables = [key for key in graph.order() if graph.is_variable(key)]
    if len(variables) != len(given):
        raise ConflictError(f"{len(given)} values for {len(variables)} variables of a subgraph")
    for key, fact in zip(variables, given, strict=True):
        if fact is not None:
            propagation.values[key] = [fact]
    propagation.run(steps)
    for key, message in propagation.conflicts.items():
        raise ConflictError(f"inside, {graph.name(key)!r}: {message}")
    return found


def infer_inside(
    site: Site[T], graph: Graph, given: Sequence[T | None]
) -> tuple[list[T | None], list[T | None]]:
    """Infer inside as `look_inside` does, and return what is known of variables and heads."""
    found = look_inside(site, graph, given)
    propagation: Any = found._shapes if isinstance(site, ShapeSite) else found._dtypes
    values: dict[int, list[T | None]] = propagation.values
    return [values[key][0] for key in graph.order() if graph.is_variable(key)], [
        values[head.node][head.output] for head in graph.heads
    ]
