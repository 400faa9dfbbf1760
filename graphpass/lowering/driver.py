"""The driver: the first lowering that matches a node is taken, once per node, into a second graph.

Nodes are looked at in saved order from the end, so that what a lowering of several operators takes
with it is never asked for; the pieces are put together in saved order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphpass.errors import GraphpassError, OperationError, count, prefixed
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry, Graph, paused_collector
from graphpass.graph.names import FreeNames
from graphpass.lowering.evaluate import LoweredMatch, Piece, carry_out, outputs_of
from graphpass.lowering.fold import fold_constants
from graphpass.lowering.python_lowerings import PYTHON_LOWERINGS
from graphpass.lowering.shapes import GivenInputs, KnownShapes, TargetFacts, known_shapes
from graphpass.lowering.target import (
    TargetBuilder,
    TargetConstant,
    TargetGraph,
    TargetNode,
    TargetValue,
)
from graphpass.model import Model
from graphpass.ops.onnx import OPSETS
from graphpass.rules.expressions import Scope
from graphpass.rules.limits import Limits
from graphpass.rules.report.firings import REFUSED
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.lowering import Lowering
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.matcher import Matcher

__all__ = ["Lowered", "NotLowered", "lower"]

DEFAULT_OPSET = 18
_MOST_TOLD = 8
_SHAPELESS = re.compile(r"shape of .* (is not|is) known")
_MOST_COMPARED = 2**20
"""Bytes of a constant that is compared with others."""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A graph of the target, and how it came about."""

    graph: TargetGraph
    opset: int

    rules: Mapping[str, int]
    """Lowering -> how many nodes it took."""


@dataclass(frozen=True, slots=True)
class NotLowered:
    """Why no lowering took a node."""

    key: int
    name: str
    op: str

    reasons: tuple[tuple[str, str], ...]
    """Lowering, and what it lacked."""

    def __str__(self) -> str:
        """Return one sentence."""
        here = f"{self.op} {self.name!r}"
        refused = [reason for lowering, reason in self.reasons if not lowering]
        if refused:
            return f"{here} can't be lowered: {refused[0]}"
        if not self.reasons:
            return (
                f"nothing lowers {here}; write a lowering for {self.op} and give it by "
                "--lower FILE, or cut the graph above it"
            )
        told = "; ".join(f"{lowering}: {reason}" for lowering, reason in self.reasons[:_MOST_TOLD])
        shapeless = any(_SHAPELESS.search(reason) for _, reason in self.reasons)
        remedy = "; say what the inputs are, as in --input data:1,3,224,224" if shapeless else ""
        return f"no lowering takes {here}: {told}{remedy}"


def lower(
    model: Model,
    lowerings: Sequence[Lowering],
    given: GivenInputs | None = None,
    *,
    opset: int | None = None,
) -> Lowered:
    """Lower a model, whatever is in it.

    Parameters
    ----------
    model : Model
        The model, ready for inference. It stays as it is.
    lowerings : sequence of Lowering
        In the order in which they are tried.
    given : GivenInputs, optional
        Shapes and dtypes of its inputs.
    opset : int, optional
        The opset; if absent 18, or a later one if a lowering needs it.

    Raises
    ------
    OperationError
        If no lowering takes a node; the message says why not, per lowering.
    UsageError
        If the shapes do not fit.

    Notes
    -----
    Linear in the nodes, times the lowerings that there are for one operator.
    """
    given = given or GivenInputs()
    with paused_collector():
        known = known_shapes(model, given)
        wanted, is_fixed = opset or DEFAULT_OPSET, opset is not None
        while True:
            driver = Driver(model, lowerings, known, wanted, is_fixed=is_fixed)
            missing = driver.choose()
            later = max(map(_needed, driver.chosen.values()), default=0)
            if later <= wanted:
                break
            wanted = later
        if missing:
            more = len(missing) - 1
            rest = f"; and {count(more, 'node')} more" if more else ""
            raise OperationError(f"{missing[0]}{rest}")
        return driver.put_together(given)


def _needed(lowering: Lowering) -> int:
    """Return the opset that a lowering can't do without: what 18 has, 17 has in other words."""
    return lowering.target.opset if lowering.target.opset > DEFAULT_OPSET else OPSETS[0]


class Driver:
    """Lowers one graph.

    Parameters
    ----------
    model : Model
        The model.
    lowerings : sequence of Lowering
        In the order in which they are tried.
    known : KnownShapes
        What is known of its values.
    opset : int
        The opset.
    is_fixed : bool
        Whether lowerings that need a later one are refused.
    """

    def __init__(
        self,
        model: Model,
        lowerings: Sequence[Lowering],
        known: KnownShapes,
        opset: int,
        *,
        is_fixed: bool,
    ) -> None:
        self.model = model
        self.lowerings = lowerings
        self.graph = model.graph
        self.known = known
        self.is_fixed = is_fixed
        self.opset = opset
        self.facts = TargetFacts(model.graph, model.inputs, known)
        self.limits = Limits.of(model)
        self.chosen: dict[int, Lowering] = {}
        self.pieces: dict[int, Piece] = {}
        self._by_op: dict[str, list[Lowering]] = {}
        for each in lowerings:
            for op in each.operators:
                self._by_op.setdefault(op, []).append(each)
        self._matchers: dict[int, Matcher] = {}

    # -- choosing --------------------------------------------------------------------------------

    def choose(self) -> list[NotLowered]:
        """Choose a lowering for every node that is needed; return those that none takes."""
        graph = self.graph
        needed = {head.node for head in graph.heads}
        missing = []
        for key in reversed(graph.order()):
            if key not in needed or graph.is_variable(key):
                continue
            piece = self.piece(key)
            if piece is None:
                missing.append(self.why_not(key))
                needed.update(entry.node for entry in graph.inputs(key))
                continue
            self.pieces[key] = piece
            needed.update(entry.node for entry in piece.reads())
        return missing[::-1]

    def piece(self, key: int) -> Piece | None:
        """Return what the first lowering that takes a node makes of it."""
        for lowering in self._by_op.get(self.graph.op(key), ()):
            for match in self.matches(lowering, key):
                try:
                    piece = self.carried_out(lowering, match, quiet=True)
                except Refusal as refusal:
                    if refusal.condition == REFUSED:
                        return None
                    continue
                self.chosen[key] = lowering
                return piece
        return None

    def matches(self, lowering: Lowering, key: int) -> Iterator[Match]:
        """Yield the matches of a lowering at a node."""
        matcher = self.matcher(lowering)
        return matcher.assignments(key) if matcher.allows(key) else iter(())

    def matcher(self, lowering: Lowering) -> Matcher:
        found = self._matchers.get(id(lowering))
        if found is None:
            found = Matcher(lowering.pattern, self.graph, facts=self.facts)
            self._matchers[id(lowering)] = found
        return found

    def carried_out(self, lowering: Lowering, match: Match, *, quiet: bool) -> Piece:
        """Return what a lowering makes of a match.

        Raises
        ------
        Refusal
            If it does not take the match.
        GraphpassError
            If it makes no sense there; the message begins with the lowering and the node.
        """
        root, needed = match.roots[0].node, _needed(lowering)
        if needed > self.opset and self.is_fixed:
            raise Refusal(f"it needs opset {needed}; leave --opset out, or ask for that")
        optional = lowering.pattern.optional
        scope = Scope(
            self.facts, match.bindings, self.model.parameters, optional,
            quiet=quiet, limits=self.limits,
        )  # fmt: skip
        scope.define("opset", self.opset)
        try:
            with np.errstate(all="ignore"):
                lowering.body.settle(scope)
                opset = max(self.opset, needed)
                build = TargetBuilder(opset, self.known.dtype)
                if lowering.text is not None:
                    made = carry_out(lowering.text, scope, build)
                else:
                    function = PYTHON_LOWERINGS[lowering.python or ""]
                    given = function(
                        LoweredMatch(match, scope, build, self.inside, self.known.shape)
                    )
                    made = given if isinstance(given, list) else [given]
        except Refusal:
            raise
        except GraphpassError as error:
            place = f"{lowering.place}: {lowering.id}" if lowering.place else lowering.id
            raise prefixed(error, f"{place} at {self.facts.describe(root)}") from error
        finally:
            scope.release()
            self.limits.end_match()
        for node in build.graph.nodes:
            node.rule, node.made_of = lowering.id, self.graph.name(root)
        piece = Piece(build.graph.nodes, outputs_of(match, made))
        used = self.facts.outputs_in_use(root)
        lacking = [each for each in used if Entry(root, each) not in piece.results]
        if lacking:
            raise Refusal(f"output {min(lacking)} is in use, and it gives none such")
        return piece

    def inside(self, graph: Graph, sources: Sequence[Any], build: TargetBuilder) -> list[Any]:
        """Lower a subgraph into the nodes of a builder, and return what its heads are.

        Raises
        ------
        OperationError
            If no lowering takes a node inside.
        """
        variables = [key for key in graph.order() if graph.is_variable(key)]
        stored, shapes, dtypes = Parameters(), {}, {}
        for key, source in zip(variables, sources, strict=True):
            name = graph.name(key)
            outer = self.graph.name(source.node) if isinstance(source, Entry) else ""
            is_variable = isinstance(source, Entry) and self.graph.is_variable(source.node)
            if is_variable and outer in self.model.parameters:
                stored[name] = self.model.parameters[outer]
            shape = self.known.shape(source) if isinstance(source, Entry) else source.shape
            if shape is not None:
                shapes[name] = tuple([e if isinstance(e, int) else None for e in shape])
            dtypes[name] = build.dtype(source) or "float32"
        model = Model(graph, stored)
        known = known_shapes(model, GivenInputs(shapes, dtypes))
        driver = Driver(model, self.lowerings, known, self.opset, is_fixed=True)
        missing = driver.choose()
        if missing:
            raise OperationError(f"in its subgraph, {missing[0]}")
        values = {(key, 0): source for key, source in zip(variables, sources, strict=True)}
        for key in graph.order():
            piece = driver.pieces.get(key)
            if piece is None:
                continue
            piece.resolve(values)
            for node in piece.nodes:
                node.label = f"{graph.name(key)}_{node.label}"
                for each in node.outputs:
                    each.label = f"{graph.name(key)}_{each.label}"
            for entry, source in piece.results.items():
                if isinstance(source, TargetValue):
                    source.shape = source.shape or known.shape(entry)
            build.graph.nodes += piece.nodes
        return [values[head[:2]] for head in graph.heads]

    def why_not(self, key: int, before: Lowering | None = None) -> NotLowered:
        """Return why no lowering takes a node, or none of those that stand before one."""
        graph = self.graph
        reasons: list[tuple[str, str]] = []
        for lowering in self._by_op.get(graph.op(key), ()):
            if lowering is before:
                break
            reason = "it takes the node"
            for match in self.matches(lowering, key):
                try:
                    self.carried_out(lowering, match, quiet=False)
                except Refusal as refusal:
                    reason = refusal.reason
                    if refusal.condition == REFUSED:
                        reasons = [("", reason)]
                        return NotLowered(key, graph.name(key), graph.op(key), tuple(reasons))
                    break
            else:
                found = self.matcher(lowering).at(key)
                reason = getattr(found, "reason", reason)
            reasons.append((lowering.id, reason))
        return NotLowered(key, graph.name(key), graph.op(key), tuple(reasons))

    # -- putting together ------------------------------------------------------------------------

    def put_together(self, given: GivenInputs) -> Lowered:
        """Return the whole graph, each piece where it belongs, named."""
        graph, target = self.graph, TargetGraph()
        names, node_names = FreeNames(), FreeNames()
        variables = [key for key in graph.order() if graph.is_variable(key)]
        values: dict[Any, Any] = {}
        for key in variables:
            name = names.claim(graph.name(key))
            value = values[key, 0] = self._variable(key, name, given)
            target.inputs += [] if isinstance(value, TargetConstant) else [value]
        free = {name for name in graph.outputs if name not in names}
        for name in free:  # no other value may have the name of a head
            names.claim(name)
        for key in graph.order():
            if key in self.pieces:
                self._put(key, values, target, names, node_names)
        target.outputs = [values[head[:2]] for head in graph.heads]
        fold_constants(target)
        outputs, target.outputs = target.outputs, []
        whole = {id(each) for node in target.nodes for each in node.outputs}
        for head, value, wanted in zip(graph.heads, outputs, graph.outputs, strict=True):
            if id(value) not in whole:  # a variable, a constant, or a head already
                made = TargetValue("output", value.dtype)
                node = TargetNode("Identity", [value], [made], name=node_names.claim(wanted))
                node.made_of = graph.name(head.node)
                target.nodes.append(node)
                value = made
            whole.discard(id(value))
            value.name = wanted if wanted in free else names.claim(f"{wanted}_output")
            free.discard(wanted)
            value.shape = self.known.named_shape(head)
            value.dtype = value.dtype or self.known.dtype(head)
            target.outputs.append(value)
        target.drop_unused()
        share_constants(target)
        read = {id(place[slot]) for place, slot in target.reads()}
        target.inputs = [each for each in target.inputs if id(each) in read]
        return Lowered(target, self.opset, Counter(each.id for each in self.chosen.values()))

    def _variable(self, key: int, name: str, given: GivenInputs) -> TargetValue:
        entry, array = Entry(key), self.model.parameters.get(name)
        if array is not None:
            return TargetConstant(name, self.known.dtype(entry), array.shape, name, array, True)
        shape = given.shapes.get(name) or self.known.named_shape(entry)
        return TargetValue(name, self.known.dtype(entry), shape, name)

    def _put(
        self,
        key: int,
        values: dict[Any, Any],
        target: TargetGraph,
        names: FreeNames,
        node_names: FreeNames,
    ) -> None:
        """Put a piece into the graph: what it reads of MXNet's graph is known by now."""
        piece, graph = self.pieces[key], self.graph
        base, results = graph.name(key), piece.results
        piece.resolve(values)
        inner = TargetGraph(nodes=piece.nodes)
        for entry, value in results.items():
            value.name = value.name or names.claim(graph.output_name(entry))
            value.shape = value.shape or self.known.shape(entry)
        main = next((v for v in results.values()), None)
        for node in _all_nodes(piece.nodes):
            is_main = any(each is main for each in node.outputs)
            node.name = node_names.claim(base if is_main else f"{base}_{node.label}")
            node.rule, node.made_of = self.chosen[key].id, base
            for each in (*node.outputs, *[v for g in node.subgraphs() for v in g.inputs]):
                each.name = each.name or names.claim(f"{base}_{each.label}")
        for constant in inner.constants():
            constant.name = constant.name or names.claim(f"{base}_{constant.label}")
        target.nodes += piece.nodes


def _all_nodes(nodes: Sequence[TargetNode]) -> Iterator[TargetNode]:
    for node in nodes:
        yield node
        for graph in node.subgraphs():
            yield from _all_nodes(graph.nodes)


def share_constants(graph: TargetGraph) -> None:
    """Let equal constants be one; parameters keep their names. Linear in what is computed."""
    first: dict[Any, TargetConstant] = {}
    for place, slot in graph.reads():
        each = place[slot]
        if isinstance(each, TargetConstant):
            array = np.asarray(each.array)
            is_own = each.is_parameter or array.nbytes > _MOST_COMPARED
            same = id(each) if is_own else (each.dtype, array.shape, array.tobytes())
            place[slot] = first.setdefault(same, each)
