"""What a firing will come to, decided before anything changes: what goes, lives on or turns.

A rewrite decides on a match in this order: conditions and computed values give a draft of what is
new; then the fate of every node that the draft and the match touch is worked out, once, and read by
all that follows. A match that is refused leaves no trace.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from graphpass.errors import CycleError
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry, Graph
from graphpass.rules.expressions import Scope
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.draft import Draft, Refusal
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.replacement import Made
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["Decision", "Fates", "decide"]


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the nodes of a match and of what only they read."""

    going: dict[int, None]
    """Nodes that go, each before what it reads. A root that turns is among them."""

    living: set[int]
    """Matched nodes that live on because the replacement reads them, or what reads them. They go on
    reading what they read; everybody else reads what takes the place of a root."""

    turned: dict[int, int]
    """Position of a new node -> the root that turns into it, and keeps key, name and users."""

    waiting: tuple[int, ...]
    """Nodes outside that nodes of the match waited for; the last new node waits for them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A match that a rewrite takes, and what it puts in."""

    rule: str
    """What reports call the rewrite."""

    match: Match
    draft: Draft
    fates: Fates


def decide(
    rewrite: Rewrite,
    match: Match,
    facts: Facts,
    parameters: Parameters | None,
    *,
    quiet: bool = False,
    limits: Limits | None = None,
) -> Decision:
    """Return what a rewrite does at a match.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite.
    match : Match
        Where its pattern holds.
    facts : Facts
        Of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    quiet : bool
        Whether the caller keeps NumPy from warning, and wants no reasons in words.
    limits : Limits, optional
        What the run may take.

    Raises
    ------
    Refusal
        If it does not take the match: a condition does not hold, or the rest of the graph uses
        something that the replacement does not give.
    GraphpassError
        If the rewrite makes no sense there.

    Notes
    -----
    Linear in the match, the draft, what goes, and the users of all these.
    """
    if len(match.roots) > 1:
        _refuse_equal_roots(match)
    optional = rewrite.pattern.optional
    scope = Scope(facts, match.bindings, parameters, optional, quiet=quiet, limits=limits)
    draft = rewrite.body.draft(scope, match.bindings)
    fates = _fates(facts, match, draft)
    if len(match.roots) > 1 or not all(match.whole):
        needed = _needed_results(facts, match, draft, fates)
        if not any(needed):
            raise Refusal("nothing uses what the pattern returns", stage="outputs")
        if not all(needed):
            draft = draft.pruned(needed)
            fates = _fates(facts, match, draft)
    if not draft.nodes and all(
        result is None or (isinstance(result, Entry) and result[:2] == root[:2])
        for result, root in zip(draft.results, match.roots, strict=True)
    ):
        raise Refusal("what is to take its place is there already", stage="replace")
    _check_outputs(draft, match, facts)
    if facts.has_waiting:
        _check_control(draft, match, facts)
    if parameters is None and draft.has_parameters:
        raise Refusal(
            "it computes a parameter, and inside a subgraph there are none", stage="subgraph"
        )
    _refuse_cycle(draft, match, facts)
    return Decision(rewrite.id, match, draft, fates)


# -- refusals ------------------------------------------------------------------------------------


def _refuse_equal_roots(match: Match) -> None:
    """Refuse a match that returns one value twice, because an operator is absent."""
    seen: dict[int, set[int | None]] = {}
    for root, whole in zip(match.roots, match.whole, strict=True):
        outputs = seen.setdefault(root.node, set())
        if outputs if whole else {root.output, None} & outputs:
            raise Refusal("two of the values that the pattern returns are one here")
        outputs.add(None if whole else root.output)


def _check_outputs(draft: Draft, match: Match, facts: Facts) -> None:
    """Refuse a replacement that lacks an output of a root which something uses."""
    for root, result, whole in zip(match.roots, draft.results, match.whole, strict=True):
        if not whole or result is None:
            continue
        used = max(facts.outputs_in_use(root.node), default=0)
        if used and used >= (draft.num_outputs(result) if isinstance(result, Made) else 1):
            raise Refusal(
                f"output {used} of {facts.describe(root.node)} is used, "
                "and the replacement has none such",
                stage="outputs",
            )


def _check_control(draft: Draft, match: Match, facts: Facts) -> None:
    """Refuse to lose an order that a control dependency asks for."""
    graph = facts.graph
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
            raise Refusal(f"{facts.describe(key)} waits for another node", stage="control")
        if key in made:
            continue
        for reader, edges in graph.readers(key).items():
            if reader not in matched and any(type(slot) is tuple for slot in edges):
                raise Refusal(
                    f"{facts.describe(reader)} waits for {facts.describe(key)}", stage="control"
                )


def _refuse_cycle(draft: Draft, match: Match, facts: Facts) -> None:
    """Refuse to read a node outside the match that is computed from one of its roots.

    Only a function in Python can name such a node: a pattern of several roots does not match there.

    Notes
    -----
    Nothing to look at where the draft reads what the match reads; otherwise linear in the nodes
    that lie between the first root and what is read, in saved order.
    """
    graph, ranks = facts.graph, facts.ranks
    known = {source for key in match.matched for source in graph.sources(key)}
    known.update(match.matched)
    starts = [key for key in draft.read_nodes() if key not in known]
    roots = {entry.node for entry in match.roots}
    first = min(ranks[key] for key in roots) if starts else 0
    seen: set[int] = set()
    pending = starts[:]
    while pending:
        key = pending.pop()
        if key in seen or ranks.get(key, first) < first:
            continue
        if key in roots:
            raise CycleError(
                f"the replacement reads {facts.describe(starts[0])}, which is computed from "
                f"{facts.describe(key)}, and so from what takes its place; read what the match "
                "reads"
            )
        seen.add(key)
        pending.extend(graph.sources(key))


# -- fates ---------------------------------------------------------------------------------------


def _fates(facts: Facts, match: Match, draft: Draft) -> Fates:
    """Return what goes when a draft takes the place of a match.

    A root goes unless the replacement reads it, or something that does; an inner node unless
    somebody outside reads it either; what only they read goes with them.
    """
    graph, matched = facts.graph, match.matched
    waiting: tuple[int, ...] = ()
    if facts.has_waiting and draft.nodes:
        sources = [source for key in matched for source in graph.control_dependencies(key)]
        waiting = tuple(dict.fromkeys(source for source in sources if source not in matched))
    kept = draft.read_nodes().union(waiting)
    roots = {entry.node for entry in match.roots}
    if not all(match.whole):
        kept |= _still_used(facts, match)
    living = _below(graph, kept.intersection(matched), matched)
    going = _unread(graph, roots, kept | living, roots)
    turned: dict[int, int] = {}
    for entry, result, whole in zip(match.roots, draft.results, match.whole, strict=True):
        if (
            isinstance(result, Made)
            and result.node not in turned
            and entry.node in going
            and entry.node not in turned.values()
            and result.output == (0 if whole else entry.output)
        ):
            turned[result.node] = entry.node
    return Fates(going, living, turned, waiting)


def _unread(
    graph: Graph, starts: Iterable[int], kept: Container[int], roots: Container[int]
) -> dict[int, None]:
    """Return what goes, roots first, then what nothing reads any more."""
    gone: dict[int, None] = {}
    pending = list(starts)
    while pending:
        key = pending.pop()
        if key in gone or key in kept:
            continue
        if key not in roots and (
            graph.is_head(key) or any(reader not in gone for reader in graph.readers(key))
        ):
            continue
        gone[key] = None
        pending.extend(graph.sources(key))
    return gone


def _below(graph: Graph, keys: Iterable[int], among: Container[int]) -> set[int]:
    """Return nodes, and what they read, and so on, as far as it is among some."""
    found = set(keys)
    pending = list(found)
    while pending:
        new = [key for key in graph.sources(pending.pop()) if key in among and key not in found]
        found.update(new)
        pending += new
    return found


def _still_used(facts: Facts, match: Match) -> set[int]:
    """Return the roots that somebody outside uses through an output that is not returned."""
    returned: dict[int, set[int]] = {}
    whole: set[int] = set()
    for (key, output, _), is_whole in zip(match.roots, match.whole, strict=True):
        returned.setdefault(key, set()).add(output)
        if is_whole:
            whole.add(key)
    return {
        key
        for key in returned.keys() - whole
        if facts.outputs_in_use(key, match.matched) - returned[key]
    }


def _needed_results(facts: Facts, match: Match, draft: Draft, fates: Fates) -> Sequence[bool]:
    """Return, per root, whether anything uses what takes its place.

    Who only waits for a node that goes is content with any new node in the place of an output.
    """
    found: list[bool] = []
    waited: set[int] = set()
    for (key, output, _), whole in zip(match.roots, match.whole, strict=True):
        edges = [
            data
            for reader, several in facts.graph.readers(key).items()
            if reader not in fates.going and reader not in fates.living
            for data in several.values()
        ]
        used = {data["output"] for data in edges if "output" in data}
        if key in fates.going and any("output" not in data for data in edges):
            waited.add(key)
        used |= facts.heads.get(key, set())
        found.append(bool(used) if whole else output in used)
    for key in waited:
        made = [
            number
            for number, (root, result) in enumerate(zip(match.roots, draft.results, strict=True))
            if root.node == key and isinstance(result, Made)
        ]
        if made and not any(found[number] for number in made):
            found[made[0]] = True
    return found
