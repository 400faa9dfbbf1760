"""Whether a group of rewrites ends on every graph.

Suppose that each operator can be given a weight, a positive whole number, such that each firing of
each rewrite makes the sum of the weights in the graph smaller. The sum begins somewhere, is never
negative, and falls by one at least each time: so there are no more firings than it was in the
beginning. Whether such weights exist is a question of linear inequalities, one or a few for each
rewrite; `graphpass.rules.lint.measures` says what they are and why they hold at every match.
An answer in fractions is as good as one in whole numbers, since all weights may be multiplied by
one number.

A rewrite that runs once needs no proof and does the others no harm. The driver looks for it only at
the nodes that were there in the beginning, each at most once. So it fires a bounded number of
times, and however much weight it adds, between two of its firings, and after the last, the others
come to an end.

Orphans that are swept, and subgraphs, of which each is rewritten by itself, change nothing about
this. Conditions are not looked at: they only make firings fewer. A rewrite whose body is written in
Python puts in what nobody can foresee, so there is no proof for its group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from graphpass.rules.lint.linear import Contradiction, Inequality, Solution, solve
from graphpass.rules.lint.measures import Feature, Weighing, Weight, features_of
from graphpass.rules.rewrite.body import TextBody
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["Termination", "terminates"]

Measure: TypeAlias = Literal["nodes", "paths"]

_MEASURES: tuple[Measure, ...] = ("nodes", "paths")
_SHOWN = 6
_MOST_NAMED = 4
_MOST_NARROWED = 20


@dataclass(frozen=True, slots=True)
class Termination:
    """What is known of whether a group ends; true in a condition if it always does."""

    kind: Literal["proved", "once", "bounded"]
    """``once``: every rewrite leaves alone what it made. ``bounded``: not proved, so that only the
    budget is sure to end it."""

    weights: Mapping[str, int] = field(default_factory=dict)
    """Operator, or operator with an attribute's value -> weight; the latter adds to the former."""

    measure: Measure = "nodes"
    """What is weighed: each operator once, or as often as there are paths from a head to it."""

    blockers: tuple[int, ...] = ()
    """Positions of the rewrites that together have no proof, as few as could be found."""

    reason: str = ""
    """Why there is no proof."""

    def __bool__(self) -> bool:
        return self.kind != "bounded"

    def __str__(self) -> str:
        if self.kind == "once":
            return "once"
        if self.kind == "bounded":
            return f"bounded by budget: {self.reason}"
        listed = [
            f"{name} {'+' if '(' in name else ''}{weight}"
            for name, weight in sorted(self.weights.items(), key=lambda each: (-each[1], each[0]))
        ]
        if not listed:
            return "terminates: proved (nothing fires)"
        more = len(listed) - _SHOWN
        shown = ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        along = ", along every path" if self.measure == "paths" else ""
        return f"terminates: proved (weights {shown}{along})"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        if self.kind == "once":
            return {"kind": "once"}
        if self.kind == "bounded":
            return {"kind": "bounded", "reason": self.reason, "blockers": list(self.blockers)}
        return {"kind": "proved", "measure": self.measure, "weights": dict(self.weights)}


def terminates(rewrites: Sequence[Rewrite]) -> Termination:
    """Try to prove that rewrites which run together end on every graph.

    Parameters
    ----------
    rewrites : sequence of Rewrite
        The rewrites of one group.

    Returns
    -------
    Termination
        The weights that prove it; or which rewrites have no proof. That there is none does not mean
        that they go on for ever.

    Examples
    --------
    >>> from graphpass.rules.rewrite.rewrite import parse_rewrite
    >>> drop = parse_rewrite("y = Dropout(x)", "x", id="drop")
    >>> swap = parse_rewrite("y = tanh(x)", "y = relu(x)", id="swap")
    >>> back = parse_rewrite("y = relu(x)", "y = tanh(x)", id="back")
    >>> print(terminates([drop, swap]))
    terminates: proved (weights tanh 2, Dropout 1, relu 1)
    >>> print(terminates([drop, swap, back]))
    bounded by budget: no weights make both swap and back lighter

    Notes
    -----
    The inequalities are linear in the texts; solving them takes some steps for each rewrite, each
    of which costs rewrites times operators, and there is a limit to them.
    """
    firing = [number for number, each in enumerate(rewrites) if not each.refuses]
    many = [number for number in firing if not rewrites[number].once]
    if firing and not many:
        return Termination("once")
    opaque = [n for n in many if not isinstance(rewrites[n].body, TextBody)]
    if opaque:
        names = _names(rewrites, opaque)
        said = f"what {names} puts in is decided in Python"
        return Termination("bounded", blockers=tuple(opaque), reason=said)
    features = dict.fromkeys(
        feature
        for number in many
        for part in rewrites[number].pattern.parts
        for op in part.ops
        for feature in features_of(part, op)
    )
    rows: dict[str, dict[int, list[Inequality] | None]] = {"nodes": {}, "paths": {}}
    for number in many:
        body = rewrites[number].body
        assert isinstance(body, TextBody)
        weighing = Weighing(number, rewrites[number].pattern, body.replacement, features)
        rows["nodes"][number], rows["paths"][number] = weighing.by_nodes(), weighing.by_paths()

    def attempt(numbers: Sequence[int]) -> Termination | list[int] | None:
        """Return a proof; or rewrites that have none; or None if the search was given up."""
        blocked: set[int] = set()
        given_up = False
        for measure in _MEASURES:
            found = _solved({number: rows[measure][number] for number in numbers})
            if isinstance(found, Solution):
                return Termination("proved", _whole(found), measure)
            given_up = given_up or found is None
            blocked.update(found or ())
        return None if given_up else sorted(blocked)

    found = attempt(many)
    if isinstance(found, Termination):
        return found
    if found is None:
        reason = "the search for weights was given up as too long"
        return Termination("bounded", blockers=tuple(many), reason=reason)
    blockers = found
    for number in found if len(found) <= _MOST_NARROWED else ():
        rest = [each for each in blockers if each != number]
        if rest and not isinstance(attempt(rest), Termination):
            blockers = rest
    all_of = {1: "", 2: "both "}.get(len(blockers), "all of ")
    reason = f"no weights make {all_of}{_names(rewrites, blockers)} lighter"
    return Termination("bounded", blockers=tuple(blockers), reason=reason)


def _solved(rows: Mapping[int, list[Inequality] | None]) -> Solution | list[int] | None:
    """Return what meets the inequalities of rewrites; or rewrites whose own contradict each other.

    None if the search was given up.
    """
    listed: list[Inequality] = []
    owners: list[int] = []
    for number, own in rows.items():
        if own is None:
            return [number]
        listed += own
        owners += [number] * len(own)
    found = solve(listed)
    return (
        [owners[row] for row in found.inequalities] if isinstance(found, Contradiction) else found
    )


def _whole(solution: Solution) -> dict[str, int]:
    """Return whole numbers in proportion: 1 and what the solution adds for operators."""
    scale = solution.denominator
    weights = {
        key.op: scale + value for key, value in solution.values.items() if isinstance(key, Weight)
    }
    for key, value in solution.values.items():
        if isinstance(key, Feature) and value:
            weights.setdefault(key.op, scale)
            weights[str(key)] = value
    return weights


def _names(rewrites: Sequence[Rewrite], numbers: Sequence[int]) -> str:
    names = [rewrites[number].id for number in numbers]
    if len(names) > _MOST_NAMED:
        names = [*names[: _MOST_NAMED - 1], f"{len(names) - _MOST_NAMED + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
