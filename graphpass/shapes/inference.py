"""Inference over a whole graph, in both directions, and what it found.

What is known of a value is a fact: its shape as far as it is known, and its dtype. The rules of an
operator (`graphpass.ops.meaning`) add to the facts of what it reads and makes. Every fact stays,
and a value has few (its axes, and each extent), so rules are asked again only a few times.

Operators that run the same with the same attributes on the same facts are asked about once: a deep
network has few kinds of layers.

An extent that is not known is None, wherever it stands: ``(None, 3, 224, 224)`` has an open batch.
Rules do arithmetic on known extents alone and hand None on, so an axis that is left open stays None
from the inputs to the heads, through whatever keeps it, joins it or computes it. Two open axes are
not told apart, nor is ``2 * None`` from None: whether an open extent is the batch is for the caller
to say, by telling two sizes of it and comparing the answers.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

from graphpass.errors import AttributeValueError, GraphpassError
from graphpass.graph import VARIABLE, Entry, Graph, paused_collector
from graphpass.ops import Attributes, find
from graphpass.ops.meaning import meaning
from graphpass.ops.shape import (
    ConflictError,
    Shape,
    given_shape,
    is_known,
    merge_dtypes,
    merge_shapes,
)
from graphpass.ops.sites import DtypeSite, FactSite, Meaning, ShapeSite
from graphpass.shapes.variables import dtype_hint, shape_hint

__all__ = ["Conflict", "Inference", "Subgraph", "infer", "inner_graphs"]

T = TypeVar("T")

Fact: TypeAlias = "tuple[Shape | None, str | None]"
"""What is known of a value: shape and dtype."""

_MEMO_LIMIT = 2**12


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

    __slots__ = ("_dtype_conflicts", "_facts", "_graph", "_memory", "_misfits", "_np_shape",
                 "_shape_conflicts", "_unknown")  # fmt: skip

    def __init__(self, graph: Graph, np_shape: bool) -> None:
        self._graph = graph
        self._np_shape = np_shape
        self._facts: dict[int, tuple[Fact, ...]] = {}
        self._memory = _Memory()
        self._unknown: dict[int, str] = {}
        self._misfits: dict[int, str] = {}
        self._shape_conflicts: dict[int, str] = {}
        self._dtype_conflicts: dict[int, str] = {}

    def shape(self, entry: Entry) -> Shape | None:
        """Return the shape of a value: None where not even the number of axes is known.

        Constant. A value of a node that inference never saw has no known shape.
        """
        found = self._facts.get(entry.node, ())
        return found[entry.output][0] if entry.output < len(found) else None

    def dtype(self, entry: Entry) -> str | None:
        """Return the dtype of a value by MXNet's name, such as ``"float32"``; None is unknown."""
        found = self._facts.get(entry.node, ())
        return found[entry.output][1] if entry.output < len(found) else None

    @property
    def np_shape(self) -> bool:
        """Whether an extent of 0 is empty rather than unknown."""
        return self._np_shape

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Operators that MXNet would refuse."""
        return self._conflicts_of({*self._misfits, *self._shape_conflicts, *self._dtype_conflicts})

    def _conflicts_of(self, keys: Iterable[int]) -> tuple[Conflict, ...]:
        graph, found = self._graph, []
        for key in sorted(keys):
            said = self._misfits.get(key) or self._shape_conflicts.get(key)
            said = said or self._dtype_conflicts.get(key)
            if said is not None and key in graph:
                found.append(Conflict(key, graph.name(key), graph.op(key), said))
        return tuple(found)

    def _forget(self) -> None:
        """Forget what rules said if that is much."""
        if max(len(self._memory.layers), len(self._memory.answers)) > _MEMO_LIMIT:
            self._memory = _Memory()

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
        kept = (self._misfits, self._shape_conflicts, self._dtype_conflicts, self._unknown)
        for found in filter(None, kept):
            for key in nodes:
                found.pop(key, None)
        _Walk(self, shapes or {}, dtypes or {}).once(nodes)
        self._forget()
        return self._conflicts_of(nodes)


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
        _Walk(found, shapes or {}, dtypes or {}).run(graph.order())
        found._forget()
    return found


def inner_graphs(graph: Graph, key: int) -> Sequence[Graph]:
    """Return the graphs that a node runs; a ``_CachedOp`` has its own as text, in `subgraph`."""
    text = graph.attrs(key).get("subgraph")
    if text is None or not graph.op(key).startswith("_CachedOp"):
        return graph.subgraphs(key)
    inner, keys = Graph(), list[int]()
    try:
        record = json.loads(text)
        with inner.edit() as edit:
            for node in record["nodes"]:
                attrs = {**node.get("param", {}), **node.get("attr", {}), **node.get("attrs", {})}
                if node["op"] == VARIABLE:
                    keys.append(edit.add_variable(node["name"], attrs))
                else:
                    read = [Entry(keys[entry[0]], entry[1]) for entry in node["inputs"]]
                    keys.append(edit.add_node(node["op"], node["name"], attrs, read))
            edit.set_heads([Entry(keys[entry[0]], entry[1]) for entry in record["heads"]])
    except (AttributeError, GraphpassError, LookupError, RecursionError, TypeError, ValueError):
        return ()
    return (inner,)


class Subgraph:
    """A graph that an operator runs, as the operator's rules see it."""

    __slots__ = ("graph",)

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @property
    def variables(self) -> int:
        """How many variables it has."""
        return sum(map(self.graph.is_variable, self.graph.order()))

    def inside(
        self, site: FactSite[T], given: Sequence[T | None]
    ) -> tuple[list[T | None], list[T | None]]:
        """Infer inside as `look` does, and return what is known of variables and heads."""
        found, graph = self.look(site, given), self.graph
        known: Any = found.shape if isinstance(site, ShapeSite) else found.dtype
        variables = [known(Entry(key)) for key in graph.order() if graph.is_variable(key)]
        return variables, [known(head) for head in graph.heads]

    def look(self, site: FactSite[T], given: Sequence[T | None]) -> Inference:
        """Infer shapes or dtypes inside, whichever the site is for, and raise a conflict there.

        `given` has what is known of the variables, in saved order. Subgraphs nest as deep as their
        author nested them, and no deeper.
        """
        graph, of_shapes = self.graph, isinstance(site, ShapeSite)
        variables = [key for key in graph.order() if graph.is_variable(key)]
        if len(variables) != len(given):
            raise ConflictError(f"{len(given)} values for {len(variables)} variables of a subgraph")
        found = Inference(graph, site.np_shape)
        walk = _Walk(found, {}, {})
        walk.known = dict(zip(variables, [(fact, of_shapes) for fact in given], strict=True))
        walk.run(graph.order())
        conflicts = found._shape_conflicts if of_shapes else found._dtype_conflicts
        for key, message in conflicts.items():
            raise ConflictError(f"inside, {graph.name(key)!r}: {message}")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """What operators have in common that run the same with the same attributes."""

    op: str
    attributes: Attributes
    subgraphs: tuple[Subgraph, ...]
    row: Meaning
    unknown: tuple[Fact, ...]
    """Of its outputs before anything is known."""
    misfit: str | None
    """Why nothing can be said of it."""


class _Part(NamedTuple):
    """What a rule made of shapes, or of dtypes."""

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    conflict: str | None
    again: bool
    """Whether more may follow from what was found."""


class _Answer(NamedTuple):
    """What the rules of an operator made of facts."""

    made: tuple[Fact, ...]
    """What is known of the outputs now."""
    read: tuple[tuple[int, Fact], ...]
    """Slots of inputs of which more is known, with what is known of them now."""
    shape_conflict: str | None
    dtype_conflict: str | None
    again: bool


_Step: TypeAlias = "tuple[_Layer, tuple[Entry, ...], int]"
"""An operator ready for its rules: what it runs, what it reads, and its place in the walk."""


class _Memory:
    """What rules said of layers and facts, which often come again."""

    __slots__ = ("answers", "dtype_parts", "layers", "variables")

    def __init__(self) -> None:
        self.variables: dict[tuple[Any, ...], tuple[Fact]] = {}
        self.layers: dict[tuple[Any, ...], tuple[Mapping[str, str], _Layer]] = {}
        """Layers by operator, identity or content of the attributes, and number of inputs; with the
        attributes, so that no others take their identity."""
        self.answers: dict[tuple[Any, ...], _Answer] = {}
        self.dtype_parts: dict[tuple[Any, ...], _Part] = {}


class _Walk:
    """One walk over nodes."""

    def __init__(
        self, found: Inference, shapes: Mapping[str, Shape], dtypes: Mapping[str, str]
    ) -> None:
        self.found = found
        self.graph = found._graph
        self.facts = found._facts
        self.memory = found._memory
        self.shapes = shapes
        self.dtypes = dtypes
        self.known: Mapping[int, tuple[Any, bool]] = {}
        """Variable -> what is known of it beyond doubt, or None, and whether that is a shape."""
        self.steps: dict[int, _Step] = {}

    def run(self, keys: Iterable[int]) -> None:
        """Ask the rules of a whole graph, in saved order first, until nothing new follows."""
        again: dict[int, None] = {}
        steps, readers = self.steps, self.graph.readers
        for key in keys:
            if not self.enter(key):
                continue
            answer, changed = self.visit(key)
            if answer.again:
                again[key] = None
            for node in changed:
                users = readers(node)
                if len(users) > 1 or node in steps:  # a variable that nothing else reads is done
                    again |= {
                        near: None for near in (node, *users) if near in steps and near != key
                    }
        pending = deque(sorted(again, key=lambda key: steps[key][2], reverse=True))
        queued = set(pending)
        while pending:
            key = pending.popleft()
            queued.discard(key)
            before = self.facts[key]
            answer, changed = self.visit(key)
            if answer.made != before:
                changed.append(key)
            for node in changed:
                for near in (node, *readers(node)):
                    if near in steps and near not in queued:
                        queued.add(near)
                        pending.append(near)

    def once(self, keys: Sequence[int]) -> None:
        """Ask the rules of nodes once, in the given order; only what these nodes make changes."""
        own = set(keys)
        for key in keys:
            if self.enter(key):
                others = {entry.node for entry in self.steps[key][1] if entry.node not in own}
                before = {node: self.facts[node] for node in others}
                self.visit(key)
                self.facts.update(before)

    def enter(self, key: int) -> bool:
        """Make room for what is known of a node, and return whether it has rules to ask."""
        graph, facts = self.graph, self.facts
        op = graph.op(key)
        if op == VARIABLE:
            facts[key] = self.of_variable(key)
            return False
        inputs = graph.inputs(key)
        layer = self.layer(key, op, len(inputs))
        facts[key] = layer.unknown
        if layer.misfit is not None:
            self.found._misfits[key] = layer.misfit
            return False
        for node, output, _ in inputs:
            if node not in facts:
                facts[node] = self.layer(node, graph.op(node), len(graph.inputs(node))).unknown
            if output >= len(facts[node]):
                self.found._misfits[key] = f"it reads output {output} of {graph.name(node)!r}"
                return False
        if layer.row.shape is None:
            self.found._unknown[key] = op
            return False
        self.steps[key] = (layer, inputs, len(self.steps))
        return True

    def of_variable(self, key: int) -> tuple[Fact]:
        """Return what is known of a variable: MXNet asks the hint unless all is given."""
        attrs, name = self.graph.attrs(key), self.graph.name(key)
        shape, dtype = self.shapes.get(name), self.dtypes.get(name)
        said = (shape, attrs.get("__shape__"), dtype, attrs.get("__dtype__"))
        found = self.memory.variables.get(said)
        if found is None:
            np_shape = self.found.np_shape
            if shape is not None:
                shape = given_shape(shape, np_shape)
            if not is_known(shape):
                shape = shape_hint(attrs, np_shape) or shape
            found = self.memory.variables[said] = ((shape, dtype or dtype_hint(attrs)),)
        fact, is_shape = self.known.get(key, (None, False))
        if fact is None:
            return found
        return ((fact, found[0][1]),) if is_shape else ((found[0][0], fact),)

    def layer(self, key: int, op: str, inputs: int) -> _Layer:
        """Return what a node has in common with others; a reader shares equal attributes."""
        graph, layers = self.graph, self.memory.layers
        if graph.subgraphs(key) or graph.carried(key) is not None:
            return self.new_layer(key, op, inputs)
        attrs = graph.attrs(key)
        same = (op, id(attrs), inputs)
        found = layers.get(same)
        if found is None:
            equal = (op, tuple(attrs.items()), inputs)
            known = layers.get(equal) or (attrs, self.new_layer(key, op, inputs))
            layers[equal] = known
            found = layers[same] = (attrs, known[1])
        return found[1]

    def new_layer(self, key: int, op: str, inputs: int) -> _Layer:
        operator, row, attrs = find(op), meaning(op), self.graph.attrs(key)
        misfit, count = None, 1
        try:
            signature = self.graph.signature(key)
            count = signature.num_outputs
            if signature.num_inputs not in (None, inputs) and row.shape is not None:
                misfit = f"it reads {inputs} inputs of {signature.num_inputs}"
        except AttributeValueError as error:
            misfit = str(error)
        attributes = Attributes(op, {}, attrs) if operator is None else operator.view(attrs)
        subgraphs = tuple(map(Subgraph, inner_graphs(self.graph, key)))
        return _Layer(op, attributes, subgraphs, row, ((None, None),) * count, misfit)

    def visit(self, key: int) -> tuple[_Answer, list[int]]:
        """Ask the rules of a node, and return the nodes that it reads of which more is known now.

        What a rule found before it met a conflict counts: one mistake is then reported once, and
        not again by everything below it.
        """
        facts, found = self.facts, self.found
        layer, inputs, _ = self.steps[key]
        read = tuple([facts[node][output] for node, output, _ in inputs])
        asked = (layer, read, facts[key])
        answer = self.memory.answers.get(asked)
        if answer is None:
            answer = self.memory.answers[asked] = self.ask(*asked)
        facts[key] = answer.made
        if answer.shape_conflict is not None:
            found._shape_conflicts.setdefault(key, answer.shape_conflict)
        if answer.dtype_conflict is not None:
            found._dtype_conflicts.setdefault(key, answer.dtype_conflict)
        changed: list[int] = []
        for slot, fact in answer.read:
            node, output, _ = inputs[slot]
            held = facts[node]
            if held[output] != read[slot]:  # another slot reads the same value
                (shape, dtype), (new_shape, new_dtype) = held[output], fact
                fact = (
                    _both(shape, new_shape, merge_shapes, found._shape_conflicts, key),
                    _both(dtype, new_dtype, merge_dtypes, found._dtype_conflicts, key),
                )
            facts[node] = (*held[:output], fact, *held[output + 1 :])
            changed.append(node)
        return answer, changed

    def ask(self, layer: _Layer, read: tuple[Fact, ...], made: tuple[Fact, ...]) -> _Answer:
        row = layer.row
        shapes = self.part(
            ShapeSite, layer, row.shape, [it for it, _ in read], [it for it, _ in made]
        )
        # What is said of dtypes is the same for many shapes.
        asked = (layer, tuple([it for _, it in read]), tuple([it for _, it in made]))
        dtypes = self.memory.dtype_parts.get(asked)
        if dtypes is None:
            dtypes = self.part(DtypeSite, layer, row.dtype, list(asked[1]), list(asked[2]))
            self.memory.dtype_parts[asked] = dtypes
        now = zip(shapes.inputs, dtypes.inputs, strict=True)
        return _Answer(
            tuple(zip(shapes.outputs, dtypes.outputs, strict=True)),
            tuple([(slot, fact) for slot, fact in enumerate(now) if fact != read[slot]]),
            shapes.conflict,
            dtypes.conflict,
            shapes.again or dtypes.again,
        )

    def part(
        self,
        kind: Any,
        layer: _Layer,
        rule: Callable[..., Any] | None,
        inputs: list[Any],
        outputs: list[Any],
    ) -> _Part:
        if _complete(inputs) and _complete(outputs):
            return _Part(inputs, outputs, None, False)
        needs = layer.row.shape_needs if kind is ShapeSite else layer.row.dtype_needs
        site: FactSite[Any] = kind(
            layer.op, layer.attributes, [*inputs], [*outputs], layer.subgraphs, self.found.np_shape
        )
        conflict = _apply(site, rule, needs)
        if not _complete(site.outputs):
            again = site.inputs != inputs or site.outputs != outputs
        else:
            again = site.inputs != inputs and not _complete(site.inputs)
        return _Part(site.inputs, site.outputs, conflict, again)


def _complete(facts: Sequence[Any]) -> bool:
    """Return whether everything is known of these shapes, or dtypes."""
    return None not in facts and not any([None in fact for fact in facts if type(fact) is tuple])


def _apply(site: FactSite[Any], rule: Callable[..., Any] | None, needs: int) -> str | None:
    """Ask a rule, and return the conflict that it meets."""
    given = site.inputs[:needs]
    if rule is None or len(given) < needs or None in given:
        return None
    try:
        made = rule(site, *given)
        if made is not None and site.outputs:
            site.output(0, made)
    except (ConflictError, AttributeValueError) as error:
        return str(error)
    except KeyError as error:
        return f"{site.op} needs the attribute {error.args[0]}"
    except (ArithmeticError, IndexError, TypeError, ValueError):
        # Attributes of a broken file, that no rule has to foresee: a stride of the wrong length, a
        # missing axis. MXNet refuses them as well.
        return "its attributes do not fit its inputs"
    return None


def _both(held: T, new: T, merge: Callable[[T, T], T], conflicts: dict[int, str], key: int) -> T:
    """Return what is held of a value and what a node found out say together; the node may err."""
    try:
        return merge(held, new)
    except ConflictError as error:
        conflicts.setdefault(key, str(error))
        return held
