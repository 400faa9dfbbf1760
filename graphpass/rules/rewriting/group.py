"""A group of rewrites on a graph: one match at a time, until none is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphpass.errors import GraphpassError, RunawayError, SearchLimitError, prefixed
from graphpass.formats.parameters import Parameters
from graphpass.graph import VARIABLE, Edit, Entry, Graph
from graphpass.model import Model
from graphpass.rules.expressions import Scope
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Level, Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewriting.departures import departures, needed_results
from graphpass.rules.rewriting.draft import Draft, Made
from graphpass.rules.rewriting.firing import Fired, fire
from graphpass.rules.rewriting.firing_record import Firing
from graphpass.rules.rewriting.fresh_names import FreshNames
from graphpass.rules.rewriting.refusal import Refusal
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.rewriting.runaway import Watch
from graphpass.rules.rewriting.surroundings import Surroundings
from graphpass.rules.rewriting.worklist import Reach, Worklist

if TYPE_CHECKING:
    from graphpass.shapes import Shape

__all__ = ["Group", "Member", "decide"]


def decide(
    rewrite: Rewrite,
    match: Match,
    index: Facts,
    parameters: Parameters | None,
    *,
    quiet: bool = False,
    limits: Limits | None = None,
) -> Draft:
    """Return what a rewrite puts in at a match.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite.
    match : Match
        Where its pattern holds.
    index : Facts
        Of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    quiet : bool
        Whether the caller keeps NumPy from warning, and wants no reasons in words.
    limits : Limits, optional
        What all matches may compute together.

    Raises
    ------
    Refusal
        If it does not take the match: a condition does not hold, or the rest of the graph uses
        something that the replacement does not give.
    GraphpassError
        If the rewrite makes no sense there.
    """
    if len(match.roots) > 1:
        _check_roots(match)
    optional = rewrite.pattern.optional
    scope = Scope(index, match.bindings, parameters, optional, quiet=quiet, limits=limits)
    draft = rewrite.body.draft(scope, match.bindings)
    if len(match.roots) > 1 or not all(match.whole):
        fates = departures(index.graph, match, draft)
        needed = needed_results(index, match, draft, fates)
        if not any(needed):
            raise Refusal("nothing uses what the pattern returns", stage="outputs")
        draft = draft.pruned(needed)
    if not draft.nodes and all(
        result is None or (isinstance(result, Entry) and result[:2] == root[:2])
        for result, root in zip(draft.results, match.roots, strict=True)
    ):
        raise Refusal("what is to take its place is there already", stage="replace")
    _check_outputs(draft, match, index)
    if index.has_waiting:
        _check_control(draft, match, index)
    if parameters is None and draft.has_parameters:
        raise Refusal(
            "it computes a parameter, and inside a subgraph there are none", stage="subgraph"
        )
    return draft


def _check_roots(match: Match) -> None:
    """Refuse a match that returns one value twice, because an operator is absent."""
    seen: dict[int, set[int | None]] = {}
    for root, whole in zip(match.roots, match.whole, strict=True):
        outputs = seen.setdefault(root.node, set())
        if outputs if whole else {root.output, None} & outputs:
            raise Refusal("two of the values that the pattern returns are one here")
        outputs.add(None if whole else root.output)


def _check_outputs(draft: Draft, match: Match, index: Facts) -> None:
    """Refuse a replacement that lacks an output of a root which something uses."""
    for root, result, whole in zip(match.roots, draft.results, match.whole, strict=True):
        if not whole or result is None:
            continue
        used = max(index.outputs_in_use(root.node), default=0)
        if used and used >= (draft.num_outputs(result) if isinstance(result, Made) else 1):
            raise Refusal(
                f"output {used} of {index.describe(root.node)} is used, "
                "and the replacement has none such",
                stage="outputs",
            )


def _check_control(draft: Draft, match: Match, index: Facts) -> None:
    """Refuse to lose an order that a control dependency asks for."""
    graph = index.graph
    matched = match.matched
    made = {
        root.node
        for root, result in zip(match.roots, draft.results, strict=True)
        if isinstance(result, Made)
    }
    for key in sorted(matched):
        if not draft.nodes and any(
            source not in matched for source in graph.control_dependencies(key)
        ):
            raise Refusal(f"{index.describe(key)} waits for another node", stage="control")
        if key in made:
            continue
        for reader, edges in graph.readers(key).items():
            if reader not in matched and any(type(slot) is tuple for slot in edges):
                raise Refusal(
                    f"{index.describe(reader)} waits for {index.describe(key)}", stage="control"
                )


class Member(NamedTuple):
    """A rewrite of a group."""

    rewrite: Rewrite

    label: str
    """What errors call it."""


@dataclass(slots=True)
class Group:
    """Rewrites that run together: always the first in the list that applies, where it does first.

    Those whose conditions look beyond the match are tried everywhere once more when nothing else
    applies: whether they do can change by a firing anywhere.

    Parameters
    ----------
    members : sequence of Member
        In the order of the pass.
    budget : int, optional
        How many firings there may be; by default what `Watch` allows.
    provenance : bool
        Whether new nodes say which rewrite made them, and of what.
    """

    members: Sequence[Member]
    budget: int | None = None
    provenance: bool = False
    firings: list[list[Firing]] = field(init=False)
    """Per rewrite what it did, in order."""

    def __post_init__(self) -> None:
        self.firings = [[] for _ in self.members]

    def run(
        self,
        graph: Graph,
        edit: Edit,
        parameters: Parameters | None,
        inputs: Collection[str] | None,
        path: tuple[Level, ...] = (),
        shapes: Mapping[str, Shape] | None = None,
        limits: Limits | None = None,
    ) -> int:
        """Rewrite a graph, subgraphs left aside, until no rewrite applies.

        Parameters
        ----------
        graph : Graph
            The graph.
        edit : Edit
            An open transaction on it.
        parameters : Parameters or None
            The model's; None for a subgraph.
        inputs : collection of str or None
            Names of the arguments without a stored value; hints tell if None.
        path : tuple of Level
            The way to the graph from the outermost one.
        shapes : mapping of str to Shape, optional
            Shapes of inputs, as far as they are known.
        limits : Limits, optional
            What the expressions may compute, if that is not for this graph alone.

        Returns
        -------
        int
            How many firings there were.

        Raises
        ------
        RunawayError
            If they go on for ever.
        GraphpassError
            If a firing would break the graph; the message begins with the rewrite.

        Notes
        -----
        Linear in nodes plus firings, as long as each node is decided in a bounded number of steps;
        see `graphpass.rules.rewrite.matcher`.
        """
        with np.errstate(all="ignore"):
            return _Run(self, graph, edit, parameters, inputs, path, shapes, limits).run()


class _Run:
    """A group on one graph."""

    def __init__(
        self,
        group: Group,
        graph: Graph,
        edit: Edit,
        parameters: Parameters | None,
        inputs: Collection[str] | None,
        path: tuple[Level, ...],
        shapes: Mapping[str, Shape] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._members = group.members
        self._rewrites = [rewrite for rewrite, _ in group.members]
        self._firings = group.firings
        self._parameters = parameters
        self._path = path
        self._index = Facts(graph, inputs, shapes)
        self._matchers = [
            Matcher(each.pattern, graph, path=path, facts=self._index) for each in self._rewrites
        ]
        self._worklist = Worklist([Reach.of(each.pattern) for each in self._rewrites], self._index)
        self._watch = Watch(
            graph,
            sum(map(len, self._index.by_op.values())) - len(self._index.by_op.get(VARIABLE, ())),
            group.budget,
        )
        self._around = Surroundings(
            self._index,
            edit,
            parameters,
            FreshNames(graph),
            provenance=group.provenance,
            firings=sum(map(len, group.firings)),
        )
        self._limits = limits or Limits.of(Model(graph, parameters))
        self._counts = group.budget is None
        self._own: list[set[int]] = [set() for _ in self._rewrites]
        """What each rewrite that runs once has made."""
        self._far = [n for n, each in enumerate(self._rewrites) if not each.is_local]
        self._many = [n for n, each in enumerate(self._rewrites) if not each.once]

    def run(self) -> int:
        count = 0
        self._worklist.begin()
        again = False
        while True:
            taken = self._worklist.take()
            if taken is not None:
                fired = self._look(*taken)
                count += fired
                again = again or fired
            elif again and self._far:
                again = False
                self._index.forget_inference()
                for number in self._far:
                    if not self._rewrites[number].once:
                        self._worklist.add_all(number)
            else:
                return count

    def _look(self, number: int, key: int) -> bool:
        """Fire a rewrite at a node if it applies there, and say whether it did."""
        try:
            return self._try(number, key)
        except SearchLimitError as error:
            raise self._named(number, self._index.describe(key), error) from error

    def _try(self, number: int, key: int) -> bool:
        rewrite = self._rewrites[number]
        own = self._own[number]
        for match in self._matchers[number].assignments(key):
            matched = match.matched
            if own and not own.isdisjoint(matched):
                continue
            root = self._index.describe(match.roots[0].node)  # a firing may turn it
            try:
                draft = decide(
                    rewrite, match, self._index, self._parameters, quiet=True, limits=self._limits
                )
                self._watch.begin()
                fired = fire(draft, match, rewrite.id, self._around)
            except Refusal:
                continue
            except GraphpassError as error:
                raise self._named(number, root, error) from error
            self._take_in(number, matched, fired)
            return True
        return False

    def _take_in(self, number: int, matched: Sequence[int], fired: Fired) -> None:
        self._firings[number].append(fired.firing)
        if self._rewrites[number].once:
            self._own[number].update(fired.made)
        try:
            self._watch.record(fired.firing, matched, fired.made)
            if self._counts:
                self._limits.firings.take()
        except RunawayError as error:
            raise RunawayError(f"{self._members[number].label}: {error}") from None
        changed = [*fired.made, *fired.read_anew, *matched]
        self._worklist.add_around(self._many, changed, fired.survivors)

    def _named(self, number: int, root: str, error: GraphpassError) -> GraphpassError:
        return prefixed(error, f"{self._members[number].label} at {root}")
