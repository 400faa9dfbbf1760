"""`explain`: where a rewrite or a pattern applies in a model, and why not elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from graphpass.errors import GraphpassError, SelectorError
from graphpass.graph import VARIABLE, Graph, paused_collector
from graphpass.graph.invariants import describe
from graphpass.model import Model
from graphpass.rules.report.changes import NodeRef
from graphpass.rules.report.firings import Level, NearMiss
from graphpass.rules.rewrite.draft import Refusal, TextBody
from graphpass.rules.rewrite.examiner import Examiner, Miss, nearest, part_text
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Fault, Match
from graphpass.rules.rewrite.pattern import Pattern, Produced, bare, compile_pattern
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.text import parse_pattern
from graphpass.rules.selectors import Selector, select, select_one

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphpass.shapes import Shape

__all__ = ["At", "Check", "Explanation", "Found", "explain"]

_USERS_SHOWN = 3
_SHOWN = 5
_MARKS = {True: "✓", False: "✗", None: "·"}


class Check(NamedTuple):
    """One operator of the pattern, or one condition."""

    what: str
    """As it is written: ``conv = Convolution``, ``out.axis == 1``."""

    holds: bool | None
    """None: it was not reached."""

    node: NodeRef | None = None
    """What an operator stands for."""

    reason: str = ""
    """What was found, and what was wanted."""

    @property
    def stands_for(self) -> str:
        """What an operator stands for, as text: a node, or that it is absent."""
        if self.node is not None:
            return f"{self.node.name} (#{self.node.key})"
        return self.reason if self.holds else ""

    def to_json(self) -> dict[str, Any]:
        """Return the check as a dict of plain values."""
        node = None if self.node is None else self.node._asdict()
        return {"what": self.what, "holds": self.holds, "node": node, "reason": self.reason}


class Found(NamedTuple):
    """One match."""

    match: Match

    root: NodeRef
    """The node of its first root."""

    inside: str = ""
    """The way to it, if it is inside a subgraph: ``loop (#4), subgraph 0``."""


@dataclass(frozen=True, slots=True)
class At:
    """The answer for one node as the first root."""

    root: NodeRef
    """The node."""

    checks: tuple[Check, ...]
    """Operators of the pattern, roots first, then conditions; of the attempt that came furthest."""

    remedy: str | None = None
    """What alone would make it match: ``conv1 had no other user: relu3 reads it``."""

    inside: str = ""
    """The way to the node, if it is inside a subgraph."""

    path: tuple[Level, ...] = ()
    """The same as data."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a rewrite, or a pattern alone, applies, and why not elsewhere. True if it does."""

    subject: str
    """The id of the rewrite, or ``pattern``."""

    matches: tuple[Found, ...]
    """What the driver would take as the graph is now, in saved order; for one node at most one."""

    at: At | None = None
    """The node that was asked about, if one was."""

    near_misses: tuple[NearMiss, ...] = ()
    """What came near where no node was asked about, at most ten groups."""

    lacking: tuple[str, ...] = ()
    """Operators that the first root may be, if the model has none of them."""

    def __bool__(self) -> bool:
        return bool(self.matches)

    def __str__(self) -> str:
        """Return the answer in lines, without one at the end."""
        at, number = self.at, len(self.matches)
        if at is not None:
            answer = "match" if self.matches else "no match"
            lines = [f"{self.subject} at {_spell_root(at.root, at.inside)}: {answer}"]
            width = max((len(check.what) for check in at.checks if check.stands_for), default=0)
            for check in at.checks:
                line = check.what
                if check.stands_for:
                    line = f"{line:<{width}}  {check.stands_for}"
                if check.reason and not check.holds:
                    line += f": {check.reason}"
                lines.append(f"  {_MARKS[check.holds]} {line}")
            lines += [f"  would match if {at.remedy}"] if at.remedy is not None else []
            return "\n".join(lines)
        answer = "no match" if not number else "1 match" if number == 1 else f"{number} matches"
        lines = [f"{self.subject}: {answer}"]
        lines += [f"  {_spell_root(found.root, found.inside)}" for found in self.matches[:_SHOWN]]
        if number > _SHOWN:
            lines.append(f"  and {number - _SHOWN} more")
        if self.lacking:
            lines.append(f"  the model has no {' or '.join(self.lacking)}")
        if self.near_misses:
            lines += ["near misses:", *(f"  {near}" for near in self.near_misses)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as dicts and lists of plain values."""
        facts: dict[str, Any] = {"rule": self.subject, "matches": bool(self.matches)}
        if self.at is not None:
            return facts | {
                "at": self.at.root._asdict(),
                "path": [level._asdict() for level in self.at.path],
                "checks": [check.to_json() for check in self.at.checks],
                "would_match_if": self.at.remedy,
            }
        return facts | {
            "count": len(self.matches),
            "roots": [
                found.root._asdict() | {"path": [level._asdict() for level in found.match.path]}
                for found in self.matches
            ],
            "near_misses": [near.to_json() for near in self.near_misses],
            "lacking": list(self.lacking),
        }


def _spell_root(root: NodeRef, inside: str) -> str:
    kind = "variable" if root.op == "null" else root.op
    return f"{kind} {root.name!r} (#{root.key}){f' inside {inside}' if inside else ''}"


def explain(
    rewrite: Rewrite | Pattern | str,
    model: Model | Graph,
    at: Selector | None = None,
    *,
    inputs: Mapping[str, Shape] | None = None,
) -> Explanation:
    """Say where a rewrite applies, and what it lacks where it does not.

    Parameters
    ----------
    rewrite : Rewrite, Pattern or str
        A rewrite, or a pattern alone, which may be text.
    model : Model or Graph
        Where to look. It stays as it is.
    at : selector, optional
        One operator, which would be the first root: its name, or ``id:17``; where the outermost
        graph has none such, one inside a subgraph. Without it, all are looked at.
    inputs : mapping of str to tuple, optional
        Shapes of inputs that conditions may count on, as for `graphpass.apply`.

    Returns
    -------
    Explanation
        True if it applies. It tells what the driver would do at each node with the graph as it is
        now; when it has done so at one node, another may not match any more.

    Raises
    ------
    TextError
        If the pattern is malformed or can never match.
    SelectorError
        If `at` selects no operator, or several.

    Examples
    --------
    >>> from graphpass.formats.text import parse_graph
    >>> graph = parse_graph("x = variable(); a = relu(x); b = relu(a); return b, tanh(a)")
    >>> print(explain("y = relu(relu(x))", graph, "b"))
    pattern at relu 'b' (#2): no match
      ✓ y = relu  b (#2)
      ✗ relu      a (#1): is also used by tanh 'tanh0' (#3)
      would match if a had no other user: tanh0 reads it

    Notes
    -----
    One attempt for each node whose operator the first root may be, as the driver makes it.
    """
    if isinstance(rewrite, str):
        rewrite = parse_pattern(rewrite)
    subject = rewrite if isinstance(rewrite, Rewrite) else compile_pattern(rewrite)
    name = subject.id if isinstance(subject, Rewrite) else "pattern"
    outer = model if isinstance(model, Model) else Model(model)
    if len(outer.graph) != len(outer.graph.order()):  # the driver drops what no head reaches
        graph = outer.graph.copy()
        with graph.edit() as edit:
            edit.sweep()
        outer = Model(graph, outer.parameters)

    def examiner(graph: Graph, path: tuple[Level, ...]) -> Examiner:
        if path:
            return Examiner(subject, Facts(graph), None, path)
        return Examiner(subject, Facts(graph, outer.inputs, shapes), outer.parameters)

    with paused_collector():
        shapes = outer.input_shapes(inputs)
        if at is None:
            paths = _graphs(outer.graph)
            return _everywhere(
                name, ((examiner(*each), _spell(outer.graph, each[1])) for each in paths)
            )
        graph, path, key = _place(outer.graph, at)
        asked, inside = examiner(graph, path), _spell(outer.graph, path)
        found, root = asked.look(key), asked.node_ref(key)
        checks = list(_operators(found, asked))
        remedy: str | None = None
        matches: tuple[Found, ...] = ()
        if isinstance(found, Miss):
            checks += _conditions(found)
            remedy = _remedy(found)
        else:
            checks += [
                Check(text, True) for stage, text in asked.stages if stage == "where" and text
            ]
            matches = (Found(found[0], root, inside),)
        return Explanation(name, matches, At(root, tuple(checks), remedy, inside, path))


def _graphs(graph: Graph) -> Iterator[tuple[Graph, tuple[Level, ...]]]:
    """Yield a graph and all those inside it, each with the way there."""
    for inner, path in graph.nested():
        yield inner, tuple([Level(*step) for step in path])


def _place(outermost: Graph, selector: Selector) -> tuple[Graph, tuple[Level, ...], int]:
    """Return the one operator that a selector selects, and the graph that it is in."""
    try:
        return outermost, (), select_one(outermost, selector, kind="operators")
    except SelectorError:
        below = [
            (graph, path, key)
            for graph, path in _graphs(outermost)
            if path
            for key in select(graph, selector, kind="operators", optional=True)
        ]
        if len(below) != 1 or select(outermost, selector, kind="operators", optional=True):
            raise
        return below[0]


def _spell(graph: Graph, path: tuple[Level, ...]) -> str:
    """Return the way to a subgraph: ``loop (#4), subgraph 0``."""
    found = []
    for key, number in path:
        found.append(f"{graph.name(key)} (#{key}), subgraph {number}")
        graph = graph.subgraphs(key)[number]
    return "; ".join(found)


def _everywhere(name: str, examiners: Iterable[tuple[Examiner, str]]) -> Explanation:
    """Return the answer for the graphs of a model, each with the way there in words."""
    matches: list[Found] = []
    operators: tuple[str, ...] = ()

    def misses() -> Iterator[Miss]:
        nonlocal operators
        for examiner, inside in examiners:
            operators = examiner.matcher.operators
            seen: set[frozenset[int]] = set()
            for key in examiner.matcher.candidates():
                found = examiner.look(key)
                if isinstance(found, Miss):
                    yield found
                    continue
                for match in found:
                    roots = frozenset([entry.node for entry in match.roots])
                    if roots not in seen:
                        seen.add(roots)
                        matches.append(Found(match, examiner.node_ref(key), inside))

    near = nearest(misses())
    lacking = () if matches or near else operators
    return Explanation(name, tuple(matches), near_misses=near, lacking=lacking)


# -- a miss, or a match, line by line ----------------------------------------------------------


def _operators(found: list[Match] | Miss, examiner: Examiner) -> Iterator[Check]:
    """Yield the operators of the pattern, each before what it reads; operands from the left."""
    pattern, graph = examiner.pattern, examiner.facts.graph
    fault = found.cause if isinstance(found, Miss) else None
    nodes = found.nodes if isinstance(found, Miss) else dict(enumerate(found[0].nodes))
    numbers: dict[int, None] = {}
    pending = [root.value.part for root in reversed(pattern.roots)]
    while pending:
        number = pending.pop()
        if number not in numbers:
            numbers[number] = None
            operands = map(bare, reversed(pattern.parts[number].operands))
            pending += [each.part for each in operands if isinstance(each, Produced)]
    for number in numbers:
        what, key = part_text(pattern, number), nodes.get(number)
        if isinstance(fault, Fault) and fault.part == number and fault.code != "distinct":
            assert isinstance(found, Miss)
            reason = found.told()[2]
            key = next(iter(fault.nodes), None) if key is None else key
            if key is None:
                yield Check(what, False, None, reason)
                continue
            # The reason goes on behind the name of the node.
            node = describe(graph, key)
            reason = reason.removeprefix(f"{node} ").replace(f" of {node} is ", " is ", 1)
            if fault.code == "operator":
                is_now = "a variable" if fault.found == VARIABLE else fault.found
                reason = f"is {is_now}, not {' or '.join(fault.wanted)}"
            yield Check(what, False, examiner.node_ref(key), reason)
        elif key is not None:
            yield Check(what, True, examiner.node_ref(key))
        elif number in nodes:
            yield Check(what, True, None, "absent")
        else:
            yield Check(what, None)


def _conditions(miss: Miss) -> Iterator[Check]:
    """Yield the conditions in the order of evaluation, and what else stopped the rewrite."""
    _, what, reason = miss.told()
    failing = Check(what, False, None, reason)
    if isinstance(miss.cause, Fault):
        if miss.cause.code == "distinct":
            yield failing
        return
    stopped = isinstance(miss.cause, GraphpassError)
    held = 0 if stopped and not miss.is_decided else miss.passed
    for number, (stage, text) in enumerate(miss.examiner.stages):
        if number == miss.passed:
            yield failing
        elif stage == "where" and text is not None:
            yield Check(text, number < held or None)
    if stopped:
        yield failing


# -- what would have to be otherwise -------------------------------------------------------------


def _remedy(miss: Miss) -> str | None:
    """Return what would make a miss a match, as in ``conv1 had no other user: relu3 reads it``.

    Nothing is said that was not tried: the pattern without the condition has to match at the same
    node, and the driver has to take the match. So there is no remedy where two things are lacking.
    """
    cause, examiner = miss.cause, miss.examiner
    if isinstance(cause, Refusal):
        rewrite = examiner.rewrite
        if cause.stage != "where" or rewrite is None or not isinstance(rewrite.body, TextBody):
            return None
        assert miss.match is not None
        left = tuple([each for each in rewrite.body.where if each.text != cause.condition])
        eased = replace(rewrite, body=replace(rewrite.body, where=left))
        return "this condition held" if examiner.refused(miss.match, eased) is None else None
    if not isinstance(cause, Fault):
        return None
    part = examiner.pattern.parts[cause.part]
    if cause.code in ("head", "used") and not cause.wanted:
        if examiner.would_match(miss.key, replace(part, shared=True), cause.nodes[0]):
            return _closed(miss, cause.nodes[0])
    elif cause.code == "attribute":
        name, _, wanted = cause.found
        others = tuple([each for each in part.attributes if each[0] != name])
        if examiner.would_match(miss.key, replace(part, attributes=others), cause.nodes[0]):
            return f"{examiner.facts.graph.name(cause.nodes[0])} had {name}={wanted!r}"
    return None


def _closed(miss: Miss, key: int) -> str:
    """Return of a matched node that nothing else used it: ``a had no other user: b reads it``."""
    facts, inside = miss.examiner.facts, set(miss.nodes.values())
    name = facts.graph.name
    lacks = [f"{name(key)} were no head"] if facts.heads.get(key) else []
    users = facts.ranks.sorted([each for each in facts.readers(key) if each not in inside])
    if users:
        shown, more = list(map(name, users[:_USERS_SHOWN])), len(users) - _USERS_SHOWN
        if more > 0:
            read = f"{', '.join(shown)} and {more} more read"
        elif len(shown) == 1:
            read = f"{shown[0]} reads"
        else:
            read = f"{', '.join(shown[:-1])} and {shown[-1]} read"
        lacks.append(f"{'it' if lacks else name(key)} had no other user: {read} it")
    return " and ".join(lacks)
