"""What differs between two graphs or models, node by node, and between their stored values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from graphpass.graph import VARIABLE, Entry, Graph, paused_collector
from graphpass.lazy import Drawn
from graphpass.model import Model
from graphpass.verify.alignment import align
from graphpass.verify.isomorphism import attribute_changes, graph_of, isomorphic, same_attributes

if TYPE_CHECKING:
    from graphpass.formats.parameters import Parameters
    from graphpass.verify.arrays import Comparison

__all__ = [
    "Diff",
    "GraphDiff",
    "NodeDiff",
    "NodeName",
    "ParameterDiff",
    "StoredParameter",
    "ValueDiff",
    "diff",
    "diff_parameters",
]


@dataclass(frozen=True, slots=True)
class NodeName:
    """How a node is told from others."""

    key: int
    """Its key in its graph."""

    op: str
    """Its operator, ``"null"`` for a variable."""

    name: str
    """Its name."""

    def __str__(self) -> str:
        return f"{'variable' if self.op == 'null' else self.op} {self.name!r} (#{self.key})"


@dataclass(frozen=True, slots=True)
class NodeDiff:
    """A node that both graphs have, and that differs."""

    a: NodeName
    """The node in A."""

    b: NodeName
    """The node in B."""

    attributes: Mapping[str, tuple[str, str]]
    """Attribute to its values in A and B, as Python prints them, or ``absent``."""

    inputs: Mapping[str, tuple[str | None, str | None]]
    """``input 0`` or ``control dependency 0`` to what A and B read there; None for nothing."""

    @property
    def renamed(self) -> bool:
        """Whether the name differs."""
        return self.a.name != self.b.name

    def __len__(self) -> int:
        """Return the number of single changes, by which alignments are judged."""
        own = self.renamed + (self.a.op != self.b.op)
        return own + len(self.attributes) + len(self.inputs)

    def __str__(self) -> str:
        parts = []
        if self.a.op != self.b.op:
            parts.append(f"operator {self.a.op} -> {self.b.op}")
        if self.renamed:
            parts.append(f"renamed {self.b.name!r}")
        parts += [f"{name} {old} -> {new}" for name, (old, new) in self.attributes.items()]
        parts += [
            f"{place} {old or 'nothing'} -> {new or 'nothing'}"
            for place, (old, new) in self.inputs.items()
        ]
        return f"{self.a}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """What differs between two graphs, called A and B."""

    place: str
    """Which subgraph this is about, such as ``subgraph 0 of _foreach 'f' (#3)``; else empty."""

    mapping: Mapping[int, int] = field(repr=False)
    """Key of a node of A to the key of the node of B that is meant by it."""

    only_in_a: tuple[NodeName, ...]
    """Nodes that B lacks, in saved order."""

    only_in_b: tuple[NodeName, ...]
    """Nodes that A lacks, in saved order."""

    changed: tuple[NodeDiff, ...]
    """Nodes with another operator, name, attributes or inputs, in A's saved order."""

    heads: Mapping[int, tuple[str | None, str | None]]
    """Position to the names of the heads in A and B where they differ; None for none."""

    def __len__(self) -> int:
        changes = sum(len(change) for change in self.changed)
        return len(self.only_in_a) + len(self.only_in_b) + changes + len(self.heads)

    def lines(self) -> Iterator[str]:
        """Yield the differences as text, one a line."""
        start = f"{self.place}: " if self.place else ""
        for node in self.only_in_a:
            yield f"{start}only in A: {node}"
        for node in self.only_in_b:
            yield f"{start}only in B: {node}"
        for change in self.changed:
            yield f"{start}{change}"
        for position, (old, new) in self.heads.items():
            yield f"{start}head {position}: {old or 'nothing'} -> {new or 'nothing'}"

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            **({"place": self.place} if self.place else {}),
            "only_in_a": list(to_builtins(self.only_in_a)),
            "only_in_b": list(to_builtins(self.only_in_b)),
            "changed": list(to_builtins(self.changed)),
            "heads": [
                {"position": position, "a": old, "b": new}
                for position, (old, new) in self.heads.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Diff(Drawn):
    """What differs between two models, called A and B."""

    graph: GraphDiff
    """The graphs."""

    subgraphs: tuple[GraphDiff, ...]
    """Those subgraphs of aligned nodes that differ."""

    parameters: ParameterDiff | None
    """The parameters; None where a graph alone was given."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs: structure, names, attributes, heads, parameters."""
        return not (len(self.graph) or self.subgraphs or self.parameters)

    def __repr__(self) -> str:
        parameters = len(self.parameters) if self.parameters is not None else 0
        inner = sum(map(len, self.subgraphs))
        return f"<Diff: {len(self.graph) + inner} in the graph, {parameters} parameters>"

    def __str__(self) -> str:
        """Return one difference a line."""
        if self.equal:
            count = f"equal: {len(self.graph.mapping)} nodes"
            if self.parameters is None:
                return count
            return f"{count}, {self.parameters.count} parameters"
        lines = [*self.graph.lines()]
        for inner in self.subgraphs:
            lines += inner.lines()
        if self.parameters:
            lines.append(str(self.parameters))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "equal": self.equal,
            **self.graph.to_json(),
            "subgraphs": [inner.to_json() for inner in self.subgraphs],
            "parameters": self.parameters.to_json() if self.parameters is not None else None,
        }


def diff(a: Graph | Model, b: Graph | Model) -> Diff:
    """Tell what differs between two graphs or models.

    Parameters
    ----------
    a, b : Graph or Model
        What to compare, called A and B. Parameters are compared where both are models.

    Returns
    -------
    Diff
        With `equal`, a text (one difference a line) and plain data for JSON.

    Examples
    --------
    >>> from graphpass.graph import Entry, Graph
    >>> a = Graph()
    >>> with a.edit() as edit:
    ...     x = edit.add_variable("x")
    ...     r = edit.add_node("Activation", "r", {"act_type": "relu"}, [Entry(x)])
    ...     edit.set_heads([Entry(r)])
    >>> b = a.copy()
    >>> with b.edit() as edit:
    ...     edit.set_attrs(r, {"act_type": "tanh"})
    >>> print(diff(a, b))
    Activation 'r' (#1): act_type 'relu' -> 'tanh'

    Notes
    -----
    Nodes are told to be one by `graphpass.verify.alignment.align`. Where the graphs are isomorphic
    but for names and attributes, that mapping competes with it, and the one with fewer differences
    is reported. Linear in nodes, edges and bytes of parameters.
    """
    outer_a, outer_b = graph_of(a), graph_of(b)
    found = []
    with paused_collector():
        graph = _best("", outer_a, outer_b)
        pending = list(_subgraphs(graph, outer_a, outer_b))
        while pending:
            place, inner_a, inner_b = pending.pop()
            inner = _best(place, inner_a, inner_b)
            if len(inner):
                found.append(inner)
            pending.extend(_subgraphs(inner, inner_a, inner_b))
    found.sort(key=lambda inner: inner.place)
    parameters = None
    if isinstance(a, Model) and isinstance(b, Model):
        renamed: dict[str, str] = {}
        for change in graph.changed:
            if change.a.op == VARIABLE and change.renamed:
                renamed.setdefault(change.a.name, change.b.name)
        parameters = diff_parameters(a.parameters, b.parameters, renamed)
    return Diff(graph, tuple(found), parameters)


def _best(place: str, a: Graph, b: Graph) -> GraphDiff:
    """Return the shorter of the differences under the mappings that come into question."""
    aligned = _compare(place, a, b, align(a, b))
    if not len(aligned):
        return aligned
    if len(a.heads) != len(b.heads) or len(a.order()) != len(b.order()):
        return aligned
    same_shape = isomorphic(a, b, attributes=False)
    if not same_shape:
        return aligned
    return min(_compare(place, a, b, same_shape.mapping), aligned, key=len)


def _compare(place: str, a: Graph, b: Graph, mapping: Mapping[int, int]) -> GraphDiff:
    met = set(mapping.values())
    changes = [_change(a, b, key, mapping) for key in a.order() if key in mapping]
    return GraphDiff(
        place=place,
        mapping=mapping,
        only_in_a=tuple(_name(a, key) for key in a.order() if key not in mapping),
        only_in_b=tuple(_name(b, key) for key in b.order() if key not in met),
        changed=tuple(change for change in changes if change),
        heads=dict(_moved(a, b, a.heads, b.heads, mapping)),
    )


def _change(a: Graph, b: Graph, key_a: int, mapping: Mapping[int, int]) -> NodeDiff:
    key_b = mapping[key_a]
    name_a, name_b = _name(a, key_a), _name(b, key_b)
    attrs_a, attrs_b = a.attrs(key_a), b.attrs(key_b)
    attributes = {}
    if name_a.op != name_b.op or not same_attributes(name_a.op, attrs_a, attrs_b):
        for name, old, new in attribute_changes(name_a.op, attrs_a, name_b.op, attrs_b):
            # The defaults of another operator are no news beside the operator itself.
            if name_a.op == name_b.op or name in attrs_a or name in attrs_b:
                attributes[name] = (old, new)
    inner_a, inner_b = len(a.subgraphs(key_a)), len(b.subgraphs(key_b))
    if inner_a != inner_b:
        attributes["number of subgraphs"] = (str(inner_a), str(inner_b))
    inputs = {
        f"input {slot}": values
        for slot, values in _moved(a, b, a.inputs(key_a), b.inputs(key_b), mapping)
    }
    after_a, after_b = a.control_dependencies(key_a), b.control_dependencies(key_b)
    if after_a or after_b:
        control_a, control_b = list(map(Entry, after_a)), list(map(Entry, after_b))
        for index, values in _moved(a, b, control_a, control_b, mapping):
            inputs[f"control dependency {index}"] = values
    return NodeDiff(name_a, name_b, attributes, inputs)


def _moved(
    a: Graph,
    b: Graph,
    entries_a: Sequence[Entry],
    entries_b: Sequence[Entry],
    mapping: Mapping[int, int],
) -> Iterator[tuple[int, tuple[str | None, str | None]]]:
    """Yield the positions at which two lists of values differ, with the values' names."""
    for position, (old, new) in enumerate(zip_longest(entries_a, entries_b)):
        if old is None or new is None or (mapping.get(old.node), old.output) != new[:2]:
            yield (
                position,
                (old and a.output_name(old), new and b.output_name(new)),
            )


def _name(graph: Graph, key: int) -> NodeName:
    return NodeName(key, graph.op(key), graph.name(key))


def _subgraphs(outer: GraphDiff, a: Graph, b: Graph) -> Iterator[tuple[str, Graph, Graph]]:
    start = f"{outer.place}, " if outer.place else ""
    for key_a, key_b in outer.mapping.items():
        pairs = zip(a.subgraphs(key_a), b.subgraphs(key_b), strict=False)
        for index, (inner_a, inner_b) in enumerate(pairs):
            yield f"{start}subgraph {index} of {_name(a, key_a)}", inner_a, inner_b


# -- stored values ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredParameter:
    """A parameter that only one side has."""

    name: str
    """Its name, without its class."""

    dtype: str
    """MXNet's name of its dtype."""

    shape: tuple[int, ...]
    """Its dimensions."""

    def __str__(self) -> str:
        return f"{self.name!r}: {self.shape} {self.dtype}"


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """A parameter that both sides have, and that differs."""

    names: tuple[str, str]
    """Its name in A and in B."""

    classes: tuple[str, str]
    """``"arg"``, ``"aux"`` or ``""`` in A and in B."""

    values: Comparison | None
    """How far the values are apart; None if they are the same bits."""

    def __str__(self) -> str:
        name, other = self.names
        parts = [repr(name) if name == other else f"{name!r}, in B {other!r}"]
        if self.classes[0] != self.classes[1]:
            parts.append(f"class {self.classes[0] or 'none'} -> {self.classes[1] or 'none'}")
        if self.values is not None:
            parts.append(str(self.values))
            if self.values.equal:
                parts.append("differ only in signs of zero or bits of NaN")
        return ": ".join([parts[0], ", ".join(parts[1:])])

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "names": list(self.names),
            "classes": list(self.classes),
            "values": self.values.to_json() if self.values is not None else None,
        }


@dataclass(frozen=True, slots=True)
class ParameterDiff:
    """What differs between two sets of parameters, called A and B."""

    only_in_a: tuple[StoredParameter, ...] = ()
    """Parameters that B lacks."""

    only_in_b: tuple[StoredParameter, ...] = ()
    """Parameters that A lacks."""

    changed: tuple[ValueDiff, ...] = ()
    """Parameters of another class, dtype, shape or value."""

    count: int = 0
    """How many parameters were compared."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not len(self)

    def __len__(self) -> int:
        return len(self.only_in_a) + len(self.only_in_b) + len(self.changed)

    def __str__(self) -> str:
        if self.equal:
            return f"equal: {self.count} parameters"
        return "\n".join(
            [f"parameter only in A: {parameter}" for parameter in self.only_in_a]
            + [f"parameter only in B: {parameter}" for parameter in self.only_in_b]
            + [f"parameter {change}" for change in self.changed]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "equal": self.equal,
            "only_in_a": list(to_builtins(self.only_in_a)),
            "only_in_b": list(to_builtins(self.only_in_b)),
            "changed": [change.to_json() for change in self.changed],
        }


def diff_parameters(
    a: Parameters, b: Parameters, names: Mapping[str, str] | None = None
) -> ParameterDiff:
    """Compare two sets of parameters.

    Parameters
    ----------
    a, b : Parameters
        What to compare, called A and B.
    names : mapping of str to str, optional
        Name in A to name in B, for those whose names differ. Other names stand for themselves,
        unless another parameter has taken theirs.

    Returns
    -------
    ParameterDiff
        In the order of A, then of B.

    Examples
    --------
    >>> import numpy as np
    >>> from graphpass.formats.parameters import Parameters
    >>> a = Parameters({"w": np.array([1.0, 2.0], "float32"), "b": np.zeros(1, "float32")})
    >>> b = Parameters({"w": np.array([1.0, 2.5], "float32")})
    >>> print(diff_parameters(a, b))
    parameter only in A: 'b': (1,) float32
    parameter 'w': (2,) float32, max abs 0.5, max rel 0.2, 1 of 2 values differ

    Notes
    -----
    Linear in the bytes; values that are the same bits are read once and in blocks.
    """
    from graphpass.verify.arrays import compare, same_bits

    known = {old: new for old, new in (names or {}).items() if old in a and new in b}
    taken = set(known.values())
    pairs = dict(known)
    pairs.update(
        (name, name) for name in a if name not in known and name in b and name not in taken
    )
    met = set(pairs.values())
    changes = []
    for name in a:
        if name in pairs:
            other = pairs[name]
            classes = a.class_of(name), b.class_of(other)
            same = same_bits(a[name], b[other])
            if not same or classes[0] != classes[1]:
                values = None if same else compare(a[name], b[other])
                changes.append(ValueDiff((name, other), classes, values))
    return ParameterDiff(
        only_in_a=tuple(_stored(a, name) for name in a if name not in pairs),
        only_in_b=tuple(_stored(b, name) for name in b if name not in met),
        changed=tuple(changes),
        count=len(pairs),
    )


def _stored(parameters: Parameters, name: str) -> StoredParameter:

    array = parameters[name]
    return StoredParameter(name, array.dtype.name, array.shape)
