"""What differs between two graphs or models, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.graph.graph import paused_collector
from graphpass.model import Model
from graphpass.verify.alignment import align
from graphpass.verify.attributes import attribute_changes, same_attributes
from graphpass.verify.isomorphism import graph_of, isomorphic
from graphpass.verify.parameter_diff import ParameterDiff, diff_parameters

__all__ = ["Diff", "GraphDiff", "NodeChange", "NodeName", "diff"]


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

    def to_json(self) -> dict[str, Any]:
        """Return the node as plain data."""
        return {"key": self.key, "op": self.op, "name": self.name}


@dataclass(frozen=True, slots=True)
class NodeChange:
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

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "inputs": {place: list(values) for place, values in self.inputs.items()},
        }


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

    changed: tuple[NodeChange, ...]
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
            "only_in_a": [node.to_json() for node in self.only_in_a],
            "only_in_b": [node.to_json() for node in self.only_in_b],
            "changed": [change.to_json() for change in self.changed],
            "heads": [
                {"position": position, "a": old, "b": new}
                for position, (old, new) in self.heads.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Diff:
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
        parameters = diff_parameters(a.parameters, b.parameters, _renamed(graph))
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


def _change(a: Graph, b: Graph, key_a: int, mapping: Mapping[int, int]) -> NodeChange:
    key_b = mapping[key_a]
    name_a, name_b = _name(a, key_a), _name(b, key_b)
    attributes = _changed_attributes(a, b, key_a, key_b)
    inputs = {
        f"input {slot}": values
        for slot, values in _moved(a, b, a.inputs(key_a), b.inputs(key_b), mapping)
    }
    after_a, after_b = a.control_dependencies(key_a), b.control_dependencies(key_b)
    if after_a or after_b:
        control_a, control_b = list(map(Entry, after_a)), list(map(Entry, after_b))
        for index, values in _moved(a, b, control_a, control_b, mapping):
            inputs[f"control dependency {index}"] = values
    return NodeChange(name_a, name_b, attributes, inputs)


def _changed_attributes(a: Graph, b: Graph, key_a: int, key_b: int) -> dict[str, tuple[str, str]]:
    op_a, op_b = a.op(key_a), b.op(key_b)
    attrs_a, attrs_b = a.attrs(key_a), b.attrs(key_b)
    found = {}
    if op_a != op_b or not same_attributes(op_a, attrs_a, attrs_b):
        for name, old, new in attribute_changes(op_a, attrs_a, op_b, attrs_b):
            # The defaults of another operator are no news beside the operator itself.
            if op_a == op_b or name in attrs_a or name in attrs_b:
                found[name] = (old, new)
    subgraphs_a, subgraphs_b = len(a.subgraphs(key_a)), len(b.subgraphs(key_b))
    if subgraphs_a != subgraphs_b:
        found["number of subgraphs"] = (str(subgraphs_a), str(subgraphs_b))
    return found


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
            yield position, (_value(a, old), _value(b, new))


def _value(graph: Graph, entry: Entry | None) -> str | None:
    return None if entry is None else graph.output_name(entry)


def _name(graph: Graph, key: int) -> NodeName:
    return NodeName(key, graph.op(key), graph.name(key))


def _renamed(graph: GraphDiff) -> dict[str, str]:
    """Return the names of variables that are called otherwise in B."""
    renamed: dict[str, str] = {}
    for change in graph.changed:
        if change.a.op == VARIABLE and change.renamed:
            renamed.setdefault(change.a.name, change.b.name)
    return renamed


def _subgraphs(outer: GraphDiff, a: Graph, b: Graph) -> Iterator[tuple[str, Graph, Graph]]:
    start = f"{outer.place}, " if outer.place else ""
    for key_a, key_b in outer.mapping.items():
        pairs = zip(a.subgraphs(key_a), b.subgraphs(key_b), strict=False)
        for index, (inner_a, inner_b) in enumerate(pairs):
            yield f"{start}subgraph {index} of {_name(a, key_a)}", inner_a, inner_b
