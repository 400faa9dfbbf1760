"""The state of a search: what is bound, which goals are left, and the way back from a wrong choice.

A goal asks for one thing: this operand is that value, this operator is that node. Solving a goal
binds something, sets further goals or offers alternatives, or fails. The search goes on with the
first alternative; when it fails, what was bound since is undone and the next one is tried. It keeps
its own stack, so a pattern of any depth needs none of Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from graphpass.errors import SearchLimitError
from graphpass.graph import Entry
from graphpass.rules.limits import Limits
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Binding, Fault, Match, Recorder
from graphpass.rules.rewrite.pattern import Pattern, Produced

__all__ = ["ABSENT", "Agenda", "Goal", "Search", "SearchContext", "same_value"]

ABSENT = -1
"""Stands for the node of an operator that is absent; keys begin at 0."""

Goal: TypeAlias = "tuple[Callable[[Any, Any, Any], bool], Any, Any]"
"""What solves it, and two arguments after the search itself."""

Agenda: TypeAlias = "tuple[Callable[[Any, Any, Any], bool], Any, Any, Agenda] | None"
"""Goals that are left, as a linked list: alternatives share what they have in common."""


class SearchContext:
    """What all searches for one pattern in one graph share.

    Parameters
    ----------
    pattern : Pattern
        The pattern.
    facts : Facts
        Facts of the graph.
    path : tuple of Level
        The way to the graph from the outermost one.
    patience : int
        How many alternatives one search may try.
    """

    __slots__ = ("facts", "named_parts", "path", "patience", "pattern", "tried")

    def __init__(
        self, pattern: Pattern, facts: Facts, path: tuple[Level, ...], patience: int
    ) -> None:
        self.pattern = pattern
        self.facts = facts
        self.path = path
        self.patience = patience
        self.named_parts = [
            (name, target.part, target.output)
            if isinstance(target, Produced)
            else (name, target, None)
            for name, target in pattern.names.items()
        ]
        """Name, operator and output; no output for the node itself."""
        self.tried = Limits.alternatives(len(facts.ranks))
        """Alternatives that all searches may try."""


class Search:
    """Yields itself with every match bound that has a given first root, in canonical order.

    Operands that nothing tells apart are taken in the order of their slots only. The tables only
    grow at their ends, so going back to an earlier extent undoes what was bound since then.
    """

    __slots__ = ("_choices", "_turns", "agenda", "context", "nodes", "owners", "recorder",
                 "stand_ins", "values")  # fmt: skip

    def __init__(
        self, context: SearchContext, agenda: Agenda, recorder: Recorder | None = None
    ) -> None:
        self.context = context
        self.recorder = recorder
        self.agenda = agenda
        self.nodes: dict[int, int] = {}
        """Number of an operator -> node, or `ABSENT`."""
        self.owners: dict[int, int] = {}
        """Node -> number of the operator that it stands for."""
        self.stand_ins: dict[int, Entry] = {}
        """Number of an absent operator -> the value in its place."""
        self.values: dict[str, Entry | tuple[Entry, ...]] = {}
        """Name of a value variable, or of several values -> what it stands for."""
        self._turns = 0
        self._choices: list[tuple[Iterator[Sequence[Goal]], Agenda, tuple[int, ...]]] = []

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> Search:
        """Bind the next match, and return itself; what is bound is good until the next call."""
        going = self.agenda is not None or self._turn_back()
        while going and self.solve():
            if self._is_whole():
                return self
            going = self._turn_back()
        raise StopIteration

    def solve(self) -> bool:
        """Solve all goals; return False if there is no way to."""
        while self.agenda is not None:
            goal, first, second, self.agenda = self.agenda
            if not goal(self, first, second) and not self._turn_back():
                return False
        return True

    def offer(self, alternatives: Sequence[Sequence[Goal]]) -> bool:
        """Go on with the first of several lists of goals; the others are tried when it fails."""
        if len(alternatives) == 1:
            self._set(alternatives[0])
            return True
        extent = tuple(map(len, self._tables()))
        self._choices.append((iter(alternatives), self.agenda, extent))
        return self._turn_back()

    def _turn_back(self) -> bool:
        """Go on with the next alternative of the last choice; return False if none is left.

        Raises
        ------
        SearchLimitError
            If there are too many ways for a pattern from anybody.
        """
        while self._choices:
            self.context.tried.take()
            self.spend(1)
            alternatives, agenda, extent = self._choices[-1]
            for table, length in zip(self._tables(), extent, strict=True):
                while len(table) > length:
                    table.popitem()
            goals = next(alternatives, None)
            if goals is not None:
                self.agenda = agenda
                self._set(goals)
                return True
            self._choices.pop()
        self.agenda = None
        return False

    def _tables(self) -> tuple[dict[Any, Any], ...]:
        return self.nodes, self.owners, self.stand_ins, self.values

    def _set(self, goals: Sequence[Goal]) -> None:
        """Set goals, to be solved in this order before all others."""
        agenda = self.agenda
        for goal, first, second in reversed(goals):
            agenda = (goal, first, second, agenda)
        self.agenda = agenda

    def spend(self, turns: int) -> None:
        """Count what has been tried; see `_turn_back`."""
        self._turns += turns
        if self._turns > self.context.patience:
            raise SearchLimitError(
                "the pattern could hold in too many ways here: more than "
                f"{self.context.patience:,} were tried; let fewer operators be absent, or ask for "
                "more of operands that look alike"
            )

    def fail(
        self, code: str, part: int, nodes: tuple[int, ...], found: object, wanted: object
    ) -> bool:
        """Tell who listens why a goal fails, and return False."""
        if self.recorder is not None:
            self.recorder.failed(Fault(code, part, nodes, found, wanted, tuple(self.nodes.items())))
        return False

    # -- what is bound -----------------------------------------------------------------------

    def value(self, produced: Produced) -> Entry:
        """Return what an output of an operator is; the operator is bound."""
        key = self.nodes[produced.part]
        return self.stand_ins[produced.part] if key == ABSENT else Entry(key, produced.output)

    def roots(self) -> tuple[Entry, ...]:
        """Return the values that the pattern returns."""
        return tuple([self.value(root.value) for root in self.context.pattern.roots])

    def named(self, name: str) -> Entry | None:
        """Return the one value that a name stands for, if any; a node stands for its first."""
        target = self.context.pattern.names.get(name)
        if target is None:
            value = self.values.get(name)
            return value if isinstance(value, Entry) else None
        produced = target if isinstance(target, Produced) else Produced(target, 0)
        return self.value(produced) if produced.part in self.nodes else None

    def bindings(self) -> dict[str, Binding]:
        """Return what all names stand for."""
        nodes = self.nodes
        found: dict[str, Binding] = {}
        for name, part, output in self.context.named_parts:
            key = nodes.get(part)
            if key is None:
                continue
            if key == ABSENT:
                found[name] = self.stand_ins[part]
            else:
                found[name] = key if output is None else Entry(key, output)
        found.update(self.values)
        return found

    def match(self) -> Match:
        """Return what is bound as a match; later changes of the bindings do not touch it."""
        context, nodes = self.context, self.nodes
        pattern, facts = context.pattern, context.facts
        roots = self.roots()
        returned = {entry.node for entry in roots}
        interior = [key for key in self.owners if key not in returned]
        if len(interior) > 1:
            interior.sort(key=facts.ranks.__getitem__)
        return Match(
            roots,
            self.bindings(),
            tuple(interior),
            facts.graph,
            context.path,
            tuple([root.whole and nodes[root.value.part] != ABSENT for root in pattern.roots]),
            tuple(
                [
                    None if nodes.get(n) == ABSENT else nodes.get(n)
                    for n in range(len(pattern.parts))
                ]
            ),
        )

    # -- what must hold of a match as a whole ------------------------------------------------

    def _is_whole(self) -> bool:
        """Return whether complete bindings are a match: closed, distinct, free of cycles.

        Notes
        -----
        Linear in the users of the matched nodes; for several roots also in the nodes that lie
        between the first root and the values that the match reads, in saved order.
        """
        pattern = self.context.pattern
        if pattern.distinct and not self._is_distinct():
            return False
        if not self._is_apart() and not self._is_closed():
            return False
        return len(pattern.roots) == 1 or self._has_no_cycle()

    def _is_distinct(self) -> bool:
        for names in self.context.pattern.distinct:
            seen: dict[tuple[int, int], str] = {}
            for name in names:
                entry = self.named(name)
                if entry is None:
                    continue
                other = seen.setdefault(entry[:2], name)
                if other != name:
                    return self.fail("distinct", 0, (entry.node,), (other, name), names)
        return True

    def _is_apart(self) -> bool:
        """Return whether the match alone uses what is closed in, whichever outputs it returns.

        So it is, almost always; only otherwise those outputs have to be looked at.
        """
        context, owners = self.context, self.owners
        enclosed, heads = context.pattern.enclosed, context.facts.heads
        readers = context.facts.graph.all_readers
        for key, number in owners.items():
            if number in enclosed and (key in heads or not readers[key].keys() <= owners.keys()):
                return False
        return True

    def _is_closed(self) -> bool:
        """Refuse a use, outside the match, of a value that the pattern does not give away."""
        facts, given = self.context.facts, dict[int, set[int]]()
        for entry in self.roots():
            given.setdefault(entry.node, set()).add(entry.output)
        for number, key in self.nodes.items():
            if number not in self.context.pattern.enclosed or key == ABSENT:
                continue
            outputs = given.get(key, set())
            for output in sorted(facts.heads.get(key, set()) - outputs):
                return self.fail("head", number, (key,), output, sorted(outputs))
            for reader in facts.readers(key):
                if reader in self.owners:
                    continue
                for used in facts.used_outputs(key, reader):
                    if used not in outputs and not (used is None and outputs):
                        return self.fail("used", number, (key, reader), used, sorted(outputs))
        return True

    def _has_no_cycle(self) -> bool:
        """Refuse a value that is read from outside, or named, and computed from a root.

        Only several roots can do that: what a single root is computed from is not computed from it.
        """
        roots = {entry.node for entry in self.roots()}
        if len(roots) == 1:
            return True
        ranks, owners, sources = (
            self.context.facts.ranks,
            self.owners,
            self.context.facts.graph.sources,
        )
        first = min(ranks[key] for key in roots)
        starts = [
            entry.node
            for value in self.values.values()
            for entry in ([value] if isinstance(value, Entry) else value)
        ]
        starts += [source for key in owners for source in sources(key) if source not in owners]
        seen: set[int] = set()
        for start in dict.fromkeys(starts):
            pending = [start]
            while pending:
                key = pending.pop()
                if key in seen or ranks[key] < first:
                    continue
                if key in roots:
                    return self.fail("cycle", owners.get(key, 0), (key, start), start, None)
                seen.add(key)
                pending.extend(sources(key))
        return True


def same_value(first: Any, second: Any) -> bool:
    """Return whether two entries are one value; versions tell nothing about that."""
    return bool(first[0] == second[0] and first[1] == second[1])
