"""Put one trunk in the place of branches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphpass.graph import Edit, Entry, Graph, Value
from graphpass.rules.batching.tracking import Tracking
from graphpass.rules.batching.trunk import Trunk
from graphpass.rules.operations.region import give_control_to
from graphpass.rules.rewrite.fire import FreshNames

__all__ = ["join"]


@dataclass(slots=True)
class _Joining:
    graph: Graph
    edit: Edit
    trunk: Trunk
    tracking: Tracking
    names: FreshNames
    inside: set[int]
    """The nodes of all branches of the trunk."""

    def starts(self) -> dict[Value, Entry]:
        """Join what corresponds among the starts that the trunk reads."""
        graph = self.graph
        read = {entry.value for key in self.trunk.twins for entry in graph.inputs(key)}
        joined: dict[Value, Entry] = {}
        for column in zip(*self.trunk.branches, strict=True):
            value = column[0].value
            if value in read:
                attrs = {"dim": str(self.tracking.axes[value]), "num_args": str(len(column))}
                name = self.names.fresh(f"{graph.name(value[0])}_batch")
                joined[value] = Entry(self.edit.add_node("Concat", name, attrs, column))
        return joined

    def rewire(self, joined: Mapping[Value, Entry]) -> None:
        """Make the first branch read the joined starts."""
        for key in self.trunk.twins:
            read, waits = self.graph.inputs(key), self.graph.control_dependencies(key)
            inputs = tuple([joined.get(entry.value, entry) for entry in read])
            control = tuple([joined.get((other, 0), Entry(other)).node for other in waits])
            if (inputs, control) != (read, waits):
                self.edit.set_inputs(key, inputs, control=control)

    def outside(self) -> list[Value]:
        """Return the values of the trunk that something else uses in some branch."""
        graph, inside = self.graph, self.inside
        used: dict[Value, None] = {}
        heads = {head.value for head in graph.heads}
        for key, twins in self.trunk.twins.items():
            for output in range(graph.signature(key).num_outputs):
                if any(
                    (twin, output) in heads
                    or any(use.node not in inside for use in graph.uses(twin, output))
                    for twin in twins
                ):
                    used[key, output] = None
        return list(used)

    def split(self, value: Value) -> None:
        """Let the users of a value, in each branch, read that branch's part of it."""
        key, output = value
        twins = self.trunk.twins[key]
        axis = self.tracking.axes.get(value)
        if axis is None:
            parts = [Entry(key, output)] * len(twins)
        else:
            name = self.names.fresh(f"{self.graph.name(key)}_split")
            attrs = {"axis": str(axis), "num_outputs": str(len(twins))}
            node = self.edit.add_node("SliceChannel", name, attrs, [Entry(key, output)])
            parts = [Entry(node, part) for part in range(len(twins))]
            self.inside.add(node)
        for twin, part in zip(twins, parts, strict=True):
            if (twin, output) != part.value:
                self.edit.redirect(Entry(twin, output), part, keep=self.inside)


def join(graph: Graph, edit: Edit, trunk: Trunk, tracking: Tracking) -> list[tuple[str, str]]:
    """Run one trunk on the joined starts of all branches.

    Parameters
    ----------
    graph : Graph
        The graph.
    edit : Edit
        A transaction on it.
    trunk : Trunk
        What all branches compute. The first branch becomes the trunk; of the others nothing is left
        that anybody uses.
    tracking : Tracking
        Where the batch axes of its values are.

    Returns
    -------
    list
        Former and new name of each output that could not keep its name.

    Notes
    -----
    Linear in the trunk and its users.
    """
    outputs = graph.outputs
    names = {key: graph.name(key) for twins in trunk.twins.values() for key in twins}
    joining = _Joining(graph, edit, trunk, tracking, FreshNames(graph), trunk.nodes)
    heads = graph.heads
    used = joining.outside()
    joining.rewire(joining.starts())
    for value in used:
        joining.split(value)
    for key, twins in trunk.twins.items():
        for twin in twins[1:]:
            give_control_to(graph, edit, twin, key)
    _name_heads(joining, heads, outputs, names)
    return [
        (before, after)
        for before, after in zip(outputs, graph.outputs, strict=True)
        if before != after
    ]


def _name_heads(
    joining: _Joining, former: tuple[Entry, ...], outputs: list[str], names: Mapping[int, str]
) -> None:
    """Let an identity with the name of the former operator return each part that is a head."""
    graph, edit = joining.graph, joining.edit
    named: dict[Value, Entry] = {}
    heads = list(graph.heads)
    for position, (head, before, output) in enumerate(zip(heads, former, outputs, strict=True)):
        if head.value == before.value or before.node not in names:
            continue
        name = names[before.node]
        if output != (f"{name}_output" if name else "output"):
            continue
        if before.value not in named:
            if before.node in joining.trunk.twins:
                edit.rename(before.node, joining.names.fresh(f"{name}_batch"))
            named[before.value] = Entry(edit.add_node("_copy", name, {}, [head]))
        heads[position] = named[before.value]
    edit.set_heads(heads)
