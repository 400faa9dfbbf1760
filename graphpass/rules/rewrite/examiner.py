"""The examiner: one rewrite on one graph, asked node by node whether it applies, and why not.

The matcher closes a match in as early as it can: it drops a node that is a head, or that has more
users than the pattern has operators, before it looks at what the node reads. Whoever asks for a
reason wants to know first whether the rest would fit. So the examiner leaves that check to the
end, where the matcher makes it once more; which matches there are is the same either way.

Of all attempts at one node, one is told. They are compared by these, the weightiest first:

1. how many operators of the pattern they had found when they stopped;
2. whether they stopped at a node that is the operator wanted, and only differs otherwise: that
   ``p`` is 0.3 and not 0.5 tells more than that a ``Dropout`` is no ``relu``;
3. how many operators they had done without: one that may be absent, and is, is no obstacle, so the
   attempt that goes on without it stopped at what is lacking;
4. how far they would have come if the one obstacle had been none, best of all to the end: of the
   ways to arrange the operands of a commutative operator, that is the one with a single obstacle;
5. what was lacking, in the order in which it is looked at.

The first one wins among equals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

from graphpass.errors import GraphpassError
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry
from graphpass.model import Model
from graphpass.rules.limits import Limits
from graphpass.rules.report.changes import NodeRef, node_ref
from graphpass.rules.report.firings import REFUSED, Level, NearMiss
from graphpass.rules.rewrite.draft import Refusal, Stage, TextBody
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import decide
from graphpass.rules.rewrite.match import CODES, Fault, Match, describe_fault
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import Part, Pattern, Produced
from graphpass.rules.rewrite.prepare import Twins, prepare
from graphpass.rules.rewrite.python_rewrite import PythonBody
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.search import ABSENT, Search

__all__ = ["Examiner", "Miss", "near_misses", "nearest", "part_text"]

_STEPS = 5000
"""Steps at one node after which the best so far is good enough for a reason."""

_COMPARED = 8
"""How many attempts that came equally far are compared by how far they would have come."""

_STEPS_FURTHER = 500
"""Steps that each of them may take."""

_RIGHT_OPERATOR = frozenset({"output", "taken", "attribute", "outputs"})
"""Kinds of obstacles at a node that is the operator wanted, and is not counted as found yet."""

_MOST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Miss:
    """A node that could be the first root of a match, and is not: where the attempt to tell ended.

    What can be told of it is worked out when it is asked for: few misses are shown.
    """

    examiner: Examiner

    key: int

    nodes: Mapping[int, int | None]
    """Operators of the pattern, by number, with the nodes that they stood for; None if absent."""

    cause: Fault | Refusal | GraphpassError
    """What the pattern lacks; what a condition or the rest of the graph lacks; or the error with
    which the rewrite would stop the whole run."""

    match: Match | None = None
    """The match that was refused, where the pattern holds."""

    is_decided: bool = False
    """Whether the conditions hold, and what takes the place of the match can't be put in."""

    @property
    def passed(self) -> int:
        """How many of the examiner's stages it got through; for an error, all."""
        cause, stages = self.cause, self.examiner.stages
        if not isinstance(cause, Refusal):
            return len(stages)
        for stopped in ((cause.stage, cause.condition), (cause.stage, None)):
            if stopped in stages:
                return stages.index(stopped)
        return 0

    @property
    def rank(self) -> tuple[int, int, int]:
        """How far the attempt came: operators first, then the kind of condition."""
        if isinstance(self.cause, Fault):
            return 0, self.cause.depth, CODES.index(self.cause.code)
        return 1, len(self.nodes), self.passed

    @property
    def kind(self) -> Hashable:
        """What misses that lack the same thing have in common."""
        cause = self.cause
        if isinstance(cause, Refusal):
            return cause.stage, cause.condition
        if not isinstance(cause, Fault):
            return "error"
        detail: Hashable = None
        if cause.code == "attribute":
            detail = cause.found.name
        elif cause.code in ("operator", "output", "inputs", "outputs"):
            detail = cause.found
        elif cause.code in ("kind", "reader"):
            detail = cause.wanted
        return cause.code, cause.part, detail

    def told(self) -> tuple[str, str, str]:
        """Return what failed, as `NearMiss` has it: code, part of the rewrite, and reason."""
        cause, pattern = self.cause, self.examiner.pattern
        if isinstance(cause, Fault):
            is_distinct = cause.code == "distinct"
            names = f"distinct({', '.join(cause.wanted)})" if is_distinct else None
            reason = describe_fault(cause, pattern, self.examiner.facts.graph)
            return cause.code, names or part_text(pattern, cause.part), reason
        if isinstance(cause, Refusal):
            condition = cause.condition if cause.stage == "where" else None
            return cause.stage, cause.stage if condition is None else condition, cause.reason
        return "error", "apply", f"stops with an error: {cause}"


def part_text(pattern: Pattern, number: int) -> str:
    """Return how an operator of the pattern is written, without its operands."""
    part = pattern.parts[number]
    text = " | ".join(part.ops)
    if part.maybe:
        text = f"maybe({text})"
    for target in pattern.names.values():
        if (target.part if isinstance(target, Produced) else target) == number:
            return f"{part.label} = {text}"
    return text


def near_misses(
    rewrite: Rewrite, facts: Facts, parameters: Parameters | None
) -> tuple[NearMiss, ...]:
    """Return what came near on one graph, subgraphs left aside.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite. Nodes at which it applies are passed over.
    facts : Facts
        Of the graph as it is.
    parameters : Parameters or None
        The model's; None inside a subgraph.

    Returns
    -------
    tuple of NearMiss
        At most ten groups, those first that came furthest.

    Notes
    -----
    One attempt for each node whose operator the first root may be, each of a bounded number of
    steps; none any more when all that may be computed to find out is used up.
    """
    examiner = Examiner(rewrite, facts, parameters, prepares=False)

    def misses() -> Iterator[Miss]:
        for key in examiner.matcher.candidates():
            if examiner.limits.is_exceeded:
                return
            found = examiner.look(key, exact=False)
            if isinstance(found, Miss):
                yield found

    return nearest(misses())


def nearest(misses: Iterable[Miss]) -> tuple[NearMiss, ...]:
    """Return misses by what they lack: at most ten groups, those first that came furthest."""
    counts: Counter[Hashable] = Counter()
    first: dict[Hashable, Miss] = {}
    ranks: dict[Hashable, tuple[int, ...]] = {}
    for miss in misses:
        kind, rank = miss.kind, miss.rank
        counts[kind] += 1
        first.setdefault(kind, miss)
        ranks[kind] = max(rank, ranks.get(kind, rank))
    found = []
    for kind in sorted(counts, key=ranks.__getitem__, reverse=True)[:_MOST_GROUPS]:
        miss = first[kind]
        examiner = miss.examiner
        root = examiner.node_ref(miss.key)
        found.append(NearMiss(counts[kind], *miss.told(), root, examiner.path))
    return tuple(found)


class Examiner:
    """A rewrite, or a pattern, on one graph, subgraphs left aside.

    Parameters
    ----------
    subject : Rewrite or Pattern
        What to explain; a pattern as `compile_pattern` makes it.
    facts : Facts
        Of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    path : tuple of Level
        The way to the graph from the outermost one.
    prepares : bool
        Whether to see, too, if what takes the place of a match can be put in.
    """

    def __init__(
        self,
        subject: Rewrite | Pattern,
        facts: Facts,
        parameters: Parameters | None,
        path: tuple[Level, ...] = (),
        *,
        prepares: bool = True,
    ) -> None:
        self.rewrite = subject if isinstance(subject, Rewrite) else None
        self.pattern = subject.pattern if isinstance(subject, Rewrite) else subject
        self.facts = facts
        self.path = path
        self.limits = Limits.of(Model(facts.graph, parameters))
        """What the expressions may compute, at all nodes together."""
        self._parameters = parameters
        self._prepares = prepares
        self.matcher = Matcher(self.pattern, facts.graph, path=path, facts=facts)
        self._patient = self._patient_matcher()
        self._one_node = len({root.value.part for root in self.pattern.roots}) == 1

    def _patient_matcher(self, eased: Part | None = None) -> Matcher:
        """Return a matcher that checks only whole matches for being closed.

        One part of the pattern may ask less than it does.
        """
        parts = list(self.pattern.parts)
        if eased is not None:
            parts[eased.index] = eased
        parts = [replace(part, interior=False) for part in parts]
        pattern = replace(self.pattern, parts=tuple(parts))
        return Matcher(pattern, self.facts.graph, path=self.path, facts=self.facts)

    @cached_property
    def stages(self) -> list[tuple[Stage, str | None]]:
        """What is looked at once the pattern holds, in order: a stage, and which condition."""
        body = None if self.rewrite is None else self.rewrite.body
        found: list[tuple[Stage, str | None]] = [("where", None)]
        if isinstance(body, PythonBody):
            found = [("where", label) for label in body.labels]
        elif isinstance(body, TextBody):
            early, late = body.conditions
            found = [("where", each.text) for each in early]
            found.append(("let", None))
            found += [("where", each.text) for each in late]
            if body.refusal is not None:
                found.append(("where", REFUSED))
        return [*found, *((stage, None) for stage in get_args(Stage)[2:])]

    def node_ref(self, key: int) -> NodeRef:
        """Return a node as reports name it."""
        graph = self.facts.graph
        return node_ref((key, graph.op(key), graph.name(key)))

    def look(self, key: int, *, exact: bool = True) -> list[Match] | Miss:
        """Return the matches that the driver would take at a node, or why it takes none.

        For a single root, that is the first match only.

        Parameters
        ----------
        key : int
            The node.
        exact : bool
            Whether to go on, after a fixed number of steps, for as long as the driver would;
            otherwise what was found by then is the answer.
        """
        attempts = _Attempts()
        ways = [attempts.counted(self._patient.assignments(key, attempts))]
        if exact:
            ways.append(self.matcher.assignments(key))
        taken: list[Match] = []
        best: Miss | None = None
        for matches in ways:
            taken = []
            with suppress(_EnoughError):
                for match in matches:
                    miss = self.refused(match)
                    if miss is None:
                        taken.append(match)
                    elif best is None or miss.rank > best.rank:
                        best = miss
                    stops = miss is not None and isinstance(miss.cause, GraphpassError)
                    if stops or (taken and self._one_node):
                        break
                break
        return taken or best or self._unmatched(key, list(attempts.foremost.values()))

    def _unmatched(self, key: int, faults: list[Fault]) -> Miss:
        """Return the fault to tell, of those of the attempts that came furthest."""
        if not faults:
            return Miss(self, key, {}, self.matcher.unfit(key))

        def reach(fault: Fault) -> tuple[tuple[bool, int], int]:
            ways = [_Overlooking(self._patient, each, fault) for each in self.matcher.anchors(key)]
            return max(way.reach() for way in ways), CODES.index(fault.code)

        fault = max(faults, key=reach) if len(faults) > 1 else faults[0]
        nodes = {number: None if node == ABSENT else node for number, node in fault.bound}
        return Miss(self, key, nodes, fault)

    def refused(self, match: Match, rewrite: Rewrite | None = None) -> Miss | None:
        """Return why the driver would not take a match; None if it would.

        Another rewrite of the same pattern may be asked about.
        """
        rewrite = rewrite or self.rewrite
        if rewrite is None:
            return None
        is_decided = False
        try:
            decision = decide(rewrite, match, self.facts, self._parameters, limits=self.limits)
            is_decided = True
            if self._prepares:
                prepare(decision, match.matched, self.facts, self._parameters, Twins())
        except (Refusal, GraphpassError) as cause:
            nodes = dict(enumerate(match.nodes))
            return Miss(self, match.roots[0].node, nodes, cause, match, is_decided)
        return None

    def would_match(self, key: int, eased: Part, node: int) -> bool:
        """Return whether the driver would take a match if a part of the pattern asked less.

        Parameters
        ----------
        key : int
            Where the first root is.
        eased : Part
            The part, such as it would be.
        node : int
            What it stands for.
        """
        attempts = _Attempts()
        matches = self._patient_matcher(eased).assignments(key, attempts)
        with suppress(_EnoughError):
            for match in attempts.counted(matches):
                if match.nodes[eased.index] == node and self.refused(match) is None:
                    return True
        return False


class _EnoughError(Exception):
    """Ends a search that goes on for too long."""


class _Attempts:
    """A recorder that keeps what stopped the attempts that came furthest.

    Parameters
    ----------
    steps : int
        How many there may be before it ends the search.
    """

    def __init__(self, steps: int = _STEPS) -> None:
        self._left = steps
        self._rank = (-1, False, -1)
        self.foremost: dict[tuple[str, int, tuple[int, ...]], Fault] = {}

    def counted(self, matches: Iterable[Match]) -> Iterator[Match]:
        """Yield matches, each of which is a step."""
        for match in matches:
            self._count()
            yield match

    def tried(self, part: int, key: int) -> None:
        """See `Recorder`."""
        self._count()

    def failed(self, fault: Fault) -> None:
        """See `Recorder`."""
        depth = fault.depth
        rank = (depth, fault.code in _RIGHT_OPERATOR, len(fault.bound) - depth)
        if rank > self._rank:
            self._rank = rank
            self.foremost.clear()
        if rank == self._rank and len(self.foremost) < _COMPARED:
            self.foremost.setdefault((fault.code, fault.part, fault.nodes), fault)
        self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _EnoughError


class _Overlooking(Search):
    """A search that takes one obstacle for none, and stops at the next."""

    __slots__ = ("_depth", "_overlooked")

    def __init__(self, matcher: Matcher, first: Entry, overlooked: Fault) -> None:
        # A further root may hang on what lies below the obstacle, which nobody looks at.
        agenda = (matcher.first, first, None, None)
        super().__init__(matcher.context, agenda, _Attempts(_STEPS_FURTHER))
        self._overlooked = overlooked
        self._depth = 0

    def reach(self) -> tuple[bool, int]:
        """Return whether the first root fits now, and how many operators were found."""
        try:
            whole = self.solve()
        except _EnoughError:
            whole = False
        return whole, self._depth

    def fail(
        self, code: str, part: int, nodes: tuple[int, ...], found: object, wanted: object
    ) -> bool:
        overlooked = self._overlooked
        bound = tuple(self.nodes.items())
        self._depth = max(self._depth, sum(key >= 0 for _, key in bound))
        if (code, part, nodes) == overlooked[:3] and bound == overlooked.bound:
            if nodes and part not in self.nodes:
                self.nodes[part] = nodes[0]
            return True
        return super().fail(code, part, nodes, found, wanted)
