"""Copies of nodes, inside one graph or from another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphpass.graph import Edit, Entry, Graph
from graphpass.rules.surgery.region import Value, value_of

__all__ = ["Copying"]


@dataclass(slots=True)
class Copying:
    """Copies nodes one by one, each after what it reads, and knows what became of every value.

    Attributes, subgraphs, control dependencies, stamps and carried signatures are copied with the
    node.
    """

    source: Graph
    """The graph that holds the originals."""

    edit: Edit
    """A transaction on the graph that gets the copies; it may be the same graph."""

    values: Mapping[Value, Entry]
    """Values of the source for which the copies read something else."""

    twins: dict[int, int] = field(default_factory=dict)
    """Original to copy. A node that stands here already is not copied but read."""

    def value(self, entry: Entry) -> Entry:
        """Return what a copy reads where the original reads `entry`."""
        other = self.values.get(value_of(entry))
        if other is not None:
            return Entry(other.node, other.output, entry.version)
        return Entry(self.twins.get(entry.node, entry.node), entry.output, entry.version)

    def node(self, key: int) -> int:
        """Return which node a copy waits for where the original waits for `key`.

        A node that was not copied but replaced in one of its values is represented by what
        replaced it.
        """
        if key in self.twins:
            return self.twins[key]
        for output in range(self.source.signature(key).num_outputs):
            if (key, output) in self.values:
                return self.values[key, output].node
        return key

    def copy(self, key: int, name: str) -> int:
        """Copy a node under another name and return the copy's key."""
        source = self.source
        twin = self.edit.add_node(
            source.op(key),
            name,
            source.attrs(key),
            [self.value(entry) for entry in source.inputs(key)],
            control=[self.node(other) for other in source.control_dependencies(key)],
            subgraphs=[subgraph.copy() for subgraph in source.subgraphs(key)],
            carried=source.carried(key),
        )
        self.twins[key] = twin
        return twin
