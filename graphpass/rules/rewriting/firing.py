"""One firing: a match gives way to its replacement, graph and parameters together.

What will go is worked out first. So a name that a firing frees can be used again; a root that goes
is turned into what takes its place, and keeps key, name and users; and a computed parameter moves
into the variable that it replaces if that one would go, and gets a variable of its own if somebody
else still reads it, which is all there is to copy on write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphpass.graph import Entry, Graph
from graphpass.ops import Signature, find
from graphpass.rules.report.changes import NodeRef, node_ref
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewriting.computed_values import ComputedValues
from graphpass.rules.rewriting.departures import departures
from graphpass.rules.rewriting.draft import Draft, Made, NewNode, Source, user_attrs
from graphpass.rules.rewriting.firing_record import Firing
from graphpass.rules.rewriting.surroundings import Surroundings

__all__ = ["PROVENANCE", "Fired", "fire"]

PROVENANCE = "__graphpass__"
"""Attribute of a new node: the rewrite that made it, and the nodes that it was made of."""


@dataclass(slots=True)
class Fired:
    """What one firing did, as the driver goes on with it."""

    firing: Firing
    made: list[int]
    """Keys of the operators that it put in."""
    read_anew: list[int]
    """Operators that read something else now."""
    survivors: list[int]
    """Operators that lost or gained a reader."""


def fire(draft: Draft, match: Match, rule: str, around: Surroundings) -> Fired:
    """Put a draft in the place of a match.

    Parameters
    ----------
    draft : Draft
        What to put in.
    match : Match
        Where.
    rule : str
        What reports call the rewrite.
    around : Surroundings
        The graph and the parameters.

    Raises
    ------
    GraphpassError
        If the result would be no valid graph, or a name that the rewrite asks for is taken.

    Notes
    -----
    Linear in the match, the draft, what goes, and the users of all these.
    """
    return _Firing(draft, match, rule, around).run()


class _Firing:
    """The steps of one firing, in the order in which they stand."""

    def __init__(self, draft: Draft, match: Match, rule: str, around: Surroundings) -> None:
        self._match = match
        self._rule = rule
        self._around = around
        self._edit = around.edit
        self._graph: Graph = around.index.graph
        self._draft = draft
        self._waiting = self._waited()
        self._going, self._living = departures(self._graph, match, draft, self._waiting)
        self._heirs: list[int] = []
        """Roots whose names are given to what takes their place."""
        self._made: list[int] = []
        self._new: list[int] = []
        """New variables and operators."""
        self._values = ComputedValues(around, match, self._going, rule)

    def run(self) -> Fired:
        going, around, values = self._going, self._around, self._values
        first = self._match.roots[0].node
        root, rank = self._ref(first), around.index.ranks[first]
        turned = self._turned()
        self._heirs = list(turned.values())
        were = [self._ref(key) for key in turned.values()]
        below = self._below(going)
        if around.provenance:
            self._mark_origin()
        for position, node in enumerate(self._draft.nodes):
            control = self._waiting if position == len(self._draft.nodes) - 1 else ()
            self._make(position, node, turned.get(position), control)
        read_anew, moved = self._redirect(turned)
        if around.index.has_waiting:
            self._pass_on_waiting(turned)
        below |= self._below(self._made)
        below |= {each.node: None for each in self._draft.results if isinstance(each, Entry)}
        stays = {*turned.values(), *values.variables}
        cut = self._edit.remove_nodes([key for key in going if key not in stays])
        gone = [node_ref((key, data["op"], data["name"])) for key, data, _ in cut]
        dropped = values.drop(gone)
        self._edit.commit(around.index.ranks, rank)
        around.index.follow([ref.key for ref in gone], self._made, moved, values.arrays)
        firing = Firing(
            self._rule,
            root,
            (*were, *gone),
            tuple([self._ref(key) for key in self._new]),
            tuple(values.stored),
            tuple(dropped),
            self._match.path,
            around.count_firing(),
        )
        return Fired(firing, self._made, read_anew, list(below))

    # -- operators ---------------------------------------------------------------------------

    def _turned(self) -> dict[int, int]:
        """Return which new nodes take the place of a root that goes, output by output."""
        found: dict[int, int] = {}
        for entry, result, whole in zip(
            self._match.roots, self._draft.results, self._match.whole, strict=True
        ):
            if (
                isinstance(result, Made)
                and result.node not in found
                and entry.node in self._going
                and entry.node not in found.values()
                and result.output == (0 if whole else entry.output)
            ):
                found[result.node] = entry.node
        return found

    def _make(self, position: int, node: NewNode, root: int | None, control: Sequence[int]) -> None:
        graph, edit = self._graph, self._edit
        signature = _signature(node)
        name = node.name
        if name is None:
            name = graph.name(root) if root is not None else self._name_of(position, node)
        inputs = [
            self._entry(source, node, name, signature, slot)
            for slot, source in enumerate(node.inputs)
        ]
        if root is None:
            key = edit.add_node(node.op, "", node.attrs, inputs, control=control)
        else:
            key = root
            hung = user_attrs(graph.op(root), graph.attrs(root))
            edit.turn(root, node.op, {**hung, **node.attrs}, inputs, control=control)
        if name != graph.name(key):
            if node.name is not None:
                self._around.names.refuse_taken(name, "an operator", self._going)
            edit.rename(key, name)
        self._made.append(key)
        self._new.append(key)

    def _name_of(self, position: int, node: NewNode) -> str:
        """Return a name for a new node that does not become a root itself."""
        roots = self._match.roots
        base = self._graph.name(roots[0].node)
        named = set(self._heirs)
        for entry, result in zip(roots, self._draft.results, strict=True):
            if isinstance(result, Made) and result.node == position:
                base = self._graph.name(entry.node)
                if entry.node in self._going and entry.node not in named:
                    self._heirs.append(entry.node)
                    return base
        return self._around.names.fresh(_extended(base, node.label), self._going)

    def _entry(
        self, source: Source, node: NewNode, name: str, signature: Signature | None, slot: int
    ) -> Entry:
        if isinstance(source, Entry):
            return source
        if isinstance(source, Made):
            return Entry(self._made[source.node], source.output)
        names = () if signature is None else signature.input_names or ()
        is_state = signature is not None and slot in signature.mutable_slots
        label = names[slot] if slot < len(names) else source.label
        key, is_new = self._values.store(source, node.op, name, label, is_state=is_state)
        if is_new:
            self._new.append(key)
        return Entry(key, 0, int(is_state))  # the stamp that MXNet gives the first change

    # -- what is around ----------------------------------------------------------------------

    def _redirect(self, turned: Mapping[int, int]) -> tuple[list[int], dict[Entry, Entry]]:
        """Let the users of each root read what takes its place, all at once: roots may swap."""
        graph, index = self._graph, self._around.index
        moved: dict[Entry, Entry] = {}
        readers: dict[int, None] = {}
        keep = self._living.union(self._made)
        for (key, output, _), result, whole in zip(
            self._match.roots, self._draft.results, self._match.whole, strict=True
        ):
            if result is None:
                continue
            if isinstance(result, Made):
                if turned.get(result.node) == key:
                    continue
                result = Entry(self._made[result.node], result.output)
            for used in sorted(index.outputs_in_use(key)) if whole else (output,):
                shift = used if whole else 0
                readers.update(dict.fromkeys(use.node for use in graph.uses(key, used)))
                moved[Entry(key, used)] = result._replace(output=result.output + shift)
        if moved:
            self._edit.redirect_all(moved, keep=keep)
        return [key for key in readers if key in index.ranks and key not in self._going], moved

    def _pass_on_waiting(self, turned: Mapping[int, int]) -> None:
        """Let who waits for a root that goes wait for the last new node instead."""
        graph, stay = self._graph, set(turned.values())
        for root in self._match.roots:
            if root.node not in self._going or root.node in stay:
                continue
            for reader in [key for key in graph.readers(root.node) if key not in self._going]:
                control = [
                    self._made[-1] if source == root.node else source
                    for source in graph.control_dependencies(reader)
                ]
                self._edit.set_inputs(reader, graph.inputs(reader), control=control)

    def _waited(self) -> tuple[int, ...]:
        """Return the nodes outside that nodes of the match wait for, where something new can."""
        if not self._around.index.has_waiting or not self._draft.nodes:
            return ()
        matched = self._match.matched
        sources = [source for key in matched for source in self._graph.control_dependencies(key)]
        return tuple(dict.fromkeys(source for source in sources if source not in matched))

    def _below(self, keys: Iterable[int]) -> dict[int, None]:
        """Return the operators that stay and that some nodes read or wait for."""
        graph = self._graph
        return {
            source: None
            for key in keys
            for source in graph.sources(key)
            if source not in self._going and not graph.is_variable(source)
        }

    # -- names -------------------------------------------------------------------------------

    def _mark_origin(self) -> None:
        """Let new nodes say where they come from: ``fold: conv0, bn0``."""
        names = [self._graph.name(key) for key in sorted(self._match.matched)]
        origin = f"{self._rule}: {', '.join(names)}"
        for node in self._draft.nodes:
            node.attrs[PROVENANCE] = origin

    def _ref(self, key: int) -> NodeRef:
        return node_ref((key, self._graph.op(key), self._graph.name(key)))


def _extended(base: str, label: str) -> str:
    """Return ``conv0_relu`` of ``conv0`` and ``relu``, and of ``conv0_relu_1`` too."""
    stem = re.sub(rf"_{re.escape(label)}(_[0-9]+)?$", "", base)
    return f"{stem}_{label}" if stem else label


def _signature(node: NewNode) -> Signature | None:
    operator = find(node.op)
    return None if operator is None else operator.signature(node.attrs)
