"""What a pattern function said -> `Pattern`, as the equal text would give it.

A node that is read once, and has no name, stands where it is read; every other one gets a line of
its own. Where such a line needs a name and the function gives none, it is made of the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from graphpass.rules.patterns.pattern import (
    Binding,
    Call,
    Distinct,
    Operand,
    Optional,
    Pattern,
    Reference,
    Rest,
    Restricted,
    Root,
    Value,
)
from graphpass.rules.python.handles import Handle, Leaf, Maybe, NodeHandle, OutputHandle
from graphpass.rules.python.said import Said

__all__ = ["assemble"]

_MAX_DEPTH = 50
"""How deep calls may be nested, as in texts."""


def assemble(said: Said, roots: Sequence[NodeHandle | OutputHandle]) -> Pattern:
    """Return the pattern that a function said.

    Parameters
    ----------
    said : Said
        What it said.
    roots : sequence of handles
        What it returned.

    Raises
    ------
    TextError
        If an operator is not used, or a name stands for two things.

    Notes
    -----
    Linear in the pattern.
    """
    return _Assembly(said, roots).pattern()


class _Assembly:
    def __init__(self, said: Said, roots: Sequence[NodeHandle | OutputHandle]) -> None:
        self._said = said
        self._roots = roots
        self._uses: Counter[NodeHandle] = Counter()
        self._lines: set[NodeHandle] = set()
        """Nodes that get a line of their own."""
        self._used: dict[tuple[NodeHandle, int], None] = {}
        """Outputs that something reads, each by itself."""
        self._names: dict[NodeHandle, str] = {}
        self._outputs: dict[NodeHandle, tuple[str | None, ...]] = {}
        self._calls: dict[NodeHandle, Call] = {}
        self._depths: dict[NodeHandle, int] = {}

    def pattern(self) -> Pattern:
        self._look()
        self._name()
        bindings = []
        for node in self._said.nodes:
            call = self._calls[node] = self._call(node)
            if node in self._outputs:
                bindings.append(Binding(self._outputs[node], call, True, call.mark))
            elif node in self._lines:
                bindings.append(Binding((self._names[node],), call, False, call.mark))
        roots = tuple([self._root(root) for root in self._roots])
        shared = tuple([self._node(node) for node in self._said.shared])
        distinct = [
            Distinct(tuple([self._compared(each) for each in values]), mark)
            for values, mark in self._said.distinct
        ]
        return Pattern(tuple(bindings), roots, shared, tuple(distinct))

    # -- lines and names ---------------------------------------------------------------------

    def _look(self) -> None:
        """See what is read where, and so which nodes get a line of their own."""
        for node in self._said.nodes:
            for operand in node.applied.operands:
                self._use(operand)
        for root in self._roots:
            self._use(root)
        for node in self._said.nodes:
            named = node.name is not None or any(node.unpacked or ())
            if not self._uses[node] and not named:
                operators = " or ".join(node.applied.operators)
                raise self._said.error(
                    node.applied.mark,
                    f"{operators} is not used; read it in another operator, or return it too",
                )
            if node.name is not None or node.unpacked is not None or self._uses[node] > 1:
                self._lines.add(node)
        self._lines.update(self._said.shared)
        for values, _ in self._said.distinct:
            for value in values:
                if isinstance(value, OutputHandle):
                    self._lines.add(value.node)
                    self._used[value.node, value.output] = None
                elif isinstance(value, NodeHandle):
                    self._lines.add(value)
                    self._used[value, 0] = None
        if len(self._roots) > 1:
            self._lines.update([root for root in self._roots if isinstance(root, NodeHandle)])

    def _use(self, operand: Handle) -> None:
        while isinstance(operand, Maybe):
            operand = operand.inner
        if isinstance(operand, NodeHandle):
            self._uses[operand] += 1
            self._used[operand, 0] = None
        elif isinstance(operand, OutputHandle):
            self._uses[operand.node] += 1
            self._used[operand.node, operand.output] = None
            self._lines.add(operand.node)

    def _name(self) -> None:
        taken = set(self._given())
        for node in self._said.nodes:
            if node in self._lines and node.unpacked is None:
                self._names[node] = node.name or _free(node, taken)
            elif node.unpacked is not None:
                if node in self._said.shared:
                    self._used[node, 0] = None
                self._outputs[node] = tuple(
                    [
                        name or (_free(node, taken) if (node, output) in self._used else None)
                        for output, name in enumerate(node.unpacked)
                    ]
                )

    def _given(self) -> Iterator[str]:
        """Yield the names that the function gives, and refuse one that stands for two things."""
        values, rests = self._leaves()
        for name in rests & values:
            raise self._said.error(None, f"{name} stands for one value and for several")
        bound: set[str] = set()
        for node in self._said.nodes:
            for given in (node.name, *(node.unpacked or ())):
                if given is None:
                    continue
                if given in bound or given in values or given in rests:
                    raise self._said.error(
                        node.applied.mark, f"{given} stands for something else already"
                    )
                bound.add(given)
        yield from (*values, *rests, *bound)

    def _leaves(self) -> tuple[set[str], set[str]]:
        """Return the names of values, and those of several values."""
        values, rests = set(), set()
        for node in self._said.nodes:
            for operand in node.applied.operands:
                while isinstance(operand, Maybe):
                    operand = operand.inner
                read = operand.operand if isinstance(operand, Leaf) else None
                if isinstance(read, Rest) and read.name is not None:
                    rests.add(read.name)
                elif isinstance(read, Value | Restricted) and read.name is not None:
                    values.add(read.name)
        return values, rests

    # -- parts of the pattern ----------------------------------------------------------------

    def _call(self, node: NodeHandle) -> Call:
        applied = node.applied
        depth = 1
        for operand in applied.operands:
            while isinstance(operand, Maybe):
                operand = operand.inner
            if isinstance(operand, NodeHandle) and operand not in self._lines:
                depth = max(depth, self._depths[operand] + 1)
        if depth > _MAX_DEPTH:
            raise self._said.error(
                applied.mark,
                f"operators are nested deeper than {_MAX_DEPTH}; give one in between a name: "
                '.named("a")',
            )
        self._depths[node] = depth
        inputs = tuple([self._operand(each) for each in applied.operands])
        return Call(applied.operators, inputs, applied.attributes, applied.maybe, applied.mark)

    def _operand(self, operand: Handle) -> Operand:
        if isinstance(operand, Maybe):
            return Optional(self._operand(operand.inner))
        if isinstance(operand, Leaf):
            return operand.operand
        if isinstance(operand, OutputHandle):
            return self._output(operand)
        assert isinstance(operand, NodeHandle)
        if operand not in self._lines:
            return self._calls[operand]
        return self._node(operand)

    def _node(self, node: NodeHandle) -> Reference:
        if node.unpacked is not None:
            return self._output(OutputHandle(self._said, node, 0, node.applied.mark))
        return Reference(self._names[node], None, node.applied.mark)

    def _output(self, handle: OutputHandle) -> Reference:
        node, output = handle.node, handle.output
        if node.unpacked is None:
            return Reference(self._names[node], output, handle.mark)
        names = self._outputs[node]
        if output >= len(names):
            raise self._said.error(
                handle.mark, f"output {output} is none of the {len(names)} that are unpacked"
            )
        name = names[output]
        assert name is not None
        return Reference(name, None, handle.mark)

    def _root(self, root: NodeHandle | OutputHandle) -> Root:
        if isinstance(root, OutputHandle):
            return self._output(root)
        if root.unpacked is not None:
            raise self._said.error(
                root.applied.mark, "the node is unpacked; return its outputs, not the node"
            )
        return self._node(root) if root in self._lines else self._calls[root]

    def _compared(self, value: Handle) -> Value | Reference:
        if isinstance(value, Leaf):
            assert isinstance(value.operand, Value)
            return value.operand
        found = self._operand(value)
        assert isinstance(found, Reference)
        if found.output is not None:
            raise self._said.error(
                found.mark, "distinct takes nodes and outputs that are unpacked; write .outputs(2)"
            )
        return found


def _free(node: NodeHandle, taken: set[str]) -> str:
    """Return a name for a node that the function gives none, and note that it is taken."""
    base = node.applied.operators[0].strip("_").lower() or "node"
    name = next(name for n in count(1) if (name := f"{base}{n}") not in taken)
    taken.add(name)
    return name
