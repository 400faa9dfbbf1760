"""What the names of one graph in the text form stand for, and the records of its nodes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from graphpass.errors import suggestion
from graphpass.formats.symbol_records import EntryRecord, GraphRecord, NodeRecord
from graphpass.formats.text_source import Place, TextSource, shortened
from graphpass.formats.text_values import described
from graphpass.graph import VARIABLE

__all__ = ["LONG_NAME", "Scope", "Value"]

LONG_NAME = 100
"""No similar names are looked for beyond this length."""

Value: TypeAlias = "tuple[int, int, int | None]"
"""Position of a node, output, and the version stamp if it is given."""

_MAX_INDEX = 2**32 - 1
_MAX_OPAQUE_OUTPUTS = 1_000_000


class _Bound(NamedTuple):
    """What a name on the left stands for."""

    position: int
    """Of the node."""

    output: int | None
    """None: the node itself."""

    line: int


@dataclass(slots=True)
class _Allowance:
    """Outputs that opaque operators may still be given: each costs memory, and a few digits ask."""

    left: int = _MAX_OPAQUE_OUTPUTS


@dataclass(slots=True)
class Scope:
    """The nodes of one graph so far, and their names."""

    source: TextSource
    allowance: _Allowance = field(default_factory=_Allowance)
    """Shared by all graphs of a text."""
    nodes: list[NodeRecord] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """Where each node's call begins."""
    outputs: list[int] = field(default_factory=list)
    """How many each node has."""
    opaque: set[int] = field(default_factory=set)
    """Positions of nodes whose outputs only the text can tell."""
    stamped: set[tuple[int, int]] = field(default_factory=set)
    """Position and slot of every edge whose stamp is given."""
    names: dict[str, _Bound] = field(default_factory=dict)

    def add(
        self, node: NodeRecord, call: ast.Call, inputs: list[Value], outputs: int | None
    ) -> int:
        """Add a node and return its position; `outputs` is None where only the text can tell."""
        position = len(self.nodes)
        self.nodes.append(node)
        self.places.append(self.source.place(call))
        self.outputs.append(1 if outputs is None else outputs)
        if outputs is None:
            self.opaque.add(position)
        for slot, (_, _, stamp) in enumerate(inputs):
            if stamp is not None:
                self.stamped.add((position, slot))
        return position

    def bind(self, target: ast.Name, position: int, output: int | None) -> None:
        """Give a node, or one of its outputs, a name."""
        name = self.source.name(target.id)
        known = self.names.get(name)
        if known is not None:
            raise self.source.error(
                target,
                f"{shortened(name)} has a meaning since line {known.line}; choose another word, "
                'and give a node of the same name name="…" in its call',
            )
        self.names[name] = _Bound(position, output, self.places[position].line)

    def named(self, node: ast.Name) -> Value:
        """Return the value that a name stands for."""
        position, output, _ = self._bound(node)
        return position, output or 0, None

    def indexed(self, node: ast.Subscript) -> Value:
        """Return what ``NAME[OUTPUT]`` or ``NAME[OUTPUT, STAMP]`` stands for."""
        if not isinstance(node.value, ast.Name):
            raise self.source.error(node, f"{described(node.value)} has no outputs; name it first")
        bound = self._bound(node.value)
        if bound.output is not None:
            raise self.source.error(node, "the name stands for one output, which has no outputs")
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            output, stamp = map(self._whole_number, node.slice.elts)
            if self.nodes[bound.position].op != VARIABLE:
                self.check_output(node, bound.position, output)
            return bound.position, output, stamp
        output = self._whole_number(node.slice)
        self.check_output(node, bound.position, output)
        return bound.position, output, None

    def check_output(self, node: ast.expr, position: int, output: int) -> None:
        """Refuse an output that a node does not have; an opaque node gets it."""
        count = self.outputs[position]
        if output < count:
            return
        if position in self.opaque:
            self._allow(node, output + 1 - count)
            self.outputs[position] = output + 1
            return
        record = self.nodes[position]
        kind = "variable" if record.op == VARIABLE else record.op
        raise self.source.error(
            node,
            f"{kind} {shortened(record.name)} has {count} output{'s' * (count != 1)}, so there is "
            f"no output {output}",
        )

    def set_outputs(self, node: ast.expr, position: int) -> None:
        """Take over how many outputs the text says that an opaque node has."""
        if position not in self.opaque:
            raise self.source.error(
                node, f"the outputs of {self.nodes[position].op} follow from its attributes"
            )
        outputs = self._whole_number(node)
        if not outputs:
            raise self.source.error(node, "an operator has one output at least")
        self._allow(node, outputs)
        self.outputs[position] = outputs

    def record(self, heads: list[EntryRecord]) -> GraphRecord:
        """Return the records of the whole graph."""
        pointers = [0, *accumulate(self.outputs)] if self.opaque else []
        return GraphRecord(self.nodes, [], heads, node_row_ptr=pointers)

    def _bound(self, node: ast.Name) -> _Bound:
        name = self.source.name(node.id)
        bound = self.names.get(name)
        if bound is None:
            near = suggestion(name, self.names) if len(name) < LONG_NAME else ""
            raise self.source.error(
                node,
                f"nothing above is called {shortened(name)}{near}; a variable is declared by "
                "NAME = variable()",
            )
        return bound

    def _whole_number(self, node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value <= _MAX_INDEX:
            return node.value
        raise self.source.error(
            node,
            "expected a whole number; an index is an output, or an output and a version stamp",
        )

    def _allow(self, node: ast.expr, outputs: int) -> None:
        self.allowance.left -= outputs
        if self.allowance.left < 0:
            raise self.source.error(
                node, f"operators in backquotes have more than {_MAX_OPAQUE_OUTPUTS} outputs in all"
            )
