"""Whether a group of rewrites ends on every graph: weights of operators that prove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any, Literal, TypeAlias

from graphpass.errors import shortened
from graphpass.rules.lint.measures import (
    Feature,
    Inequality,
    Unknown,
    Weighing,
    Weight,
    features_of,
)
from graphpass.rules.rewrite.draft import TextBody
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["Contradiction", "Solution", "Termination", "solve", "terminates"]

Measure: TypeAlias = Literal["nodes", "paths"]


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
        shown = shortened(listed, _SHOWN)
        along = ", along every path" if self.measure == "paths" else ""
        return f"terminates: proved (weights {shown}{along})"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        if self.kind == "once":
            return {"kind": "once"}
        if self.kind == "bounded":
            return {"kind": "bounded", "reason": self.reason, "blockers": list(self.blockers)}
        return {"kind": "proved", "measure": self.measure, "weights": dict(self.weights)}


_SHOWN = 6
_MOST_NAMED = 4
_MOST_NARROWED = 20

_MOST_PIVOTS = 2000
"""How many steps are taken at most. A hundred rewrites take some hundred."""


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
    Suppose that each operator can be given a weight, a positive whole number, such that each firing
    of each rewrite makes the sum of the weights in the graph smaller. The sum begins somewhere, is
    never negative, and falls by one at least each time: so there are no more firings than it was in
    the beginning. Whether such weights exist is a question of linear inequalities, one or a few for
    each rewrite; `graphpass.rules.lint.measures` says what they are and why they hold at every
    match. An answer in fractions is as good as one in whole numbers, since all weights may be
    multiplied by one number.

    A rewrite that runs once needs no proof and does the others no harm. The driver looks for it
    only at the nodes that were there in the beginning, each at most once. So it fires a bounded
    number of times, and however much weight it adds, between two of its firings, and after the
    last, the others come to an end.

    Orphans that are swept, and subgraphs, of which each is rewritten by itself, change nothing
    about this. Conditions are not looked at: they only make firings fewer. A rewrite whose body is
    written in Python puts in what nobody can foresee, so there is no proof for its group.

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
    rows: dict[Measure, dict[int, list[Inequality] | None]] = {"nodes": {}, "paths": {}}
    for number in many:
        body = rewrites[number].body
        assert isinstance(body, TextBody)
        weighing = Weighing(number, rewrites[number].pattern, body.replacement, features)
        rows["nodes"][number], rows["paths"][number] = weighing.by_nodes(), weighing.by_paths()

    def attempt(numbers: Sequence[int]) -> Termination | list[int] | None:
        """Return a proof; or rewrites that have none; or None if the search was given up."""
        blocked: set[int] = set()
        given_up = False
        for measure, known in rows.items():
            hopeless = [number for number in numbers if known[number] is None]
            if hopeless:
                blocked.add(hopeless[0])
                continue
            owned = [(number, each) for number in numbers for each in known[number] or ()]
            found = solve([each for _, each in owned])
            if isinstance(found, Solution):
                return Termination("proved", _whole(found), measure)
            given_up = given_up or found is None
            blocked.update(owned[row][0] for row in (found.inequalities if found else ()))
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


@dataclass(frozen=True, slots=True)
class Solution:
    """Values that meet every inequality: `values` divided by `denominator`."""

    values: Mapping[Unknown, int]
    denominator: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Inequalities that can't hold together."""

    inequalities: tuple[int, ...]
    """Their positions."""


def solve(inequalities: Sequence[Inequality]) -> Solution | Contradiction | None:
    """Return values of the unknowns, none negative, that meet every inequality.

    Returns
    -------
    Solution, Contradiction or None
        The values with the least sum; or inequalities that contradict each other; or None, if
        neither was found in some 2,000 steps.

    Examples
    --------
    >>> found = solve([Inequality({"x": 2, "y": -1}, 1), Inequality({"y": 1}, 2)])
    >>> found.values, found.denominator
    ({'x': 3, 'y': 4}, 2)
    >>> solve([Inequality({"x": 1, "y": -1}, 1), Inequality({"y": 1, "x": -1}, 1)])
    Contradiction(inequalities=(0, 1))

    Notes
    -----
    The method is the dual simplex. The sum of the unknowns is made as small as it gets; since every
    unknown costs something, nothing has to be done to begin with, and a row that can't be mended
    shows which inequalities contradict each other. Rows are kept as whole numbers over one common
    denominator (J. Edmonds, "Systems of distinct representatives and linear algebra", 1967), so
    nothing is rounded and no fraction has to be reduced.

    A step costs the number of inequalities times that of unknowns. Ties are broken by position,
    which keeps the method from going in circles (R. G. Bland, "New finite pivoting rules for the
    simplex method", 1977).
    """
    # Variables are numbered, the unknowns first, then the excess of each inequality. Each row is a
    # basic variable in terms of the others: denominator * basic = row[0] + row[1:] . others.
    unknowns = list(dict.fromkeys(key for each in inequalities for key in each.terms))
    places = {key: number for number, key in enumerate(unknowns, 1)}
    width = len(unknowns)
    rows = [[-least, *[0] * width] for _, least in inequalities]
    for row, (terms, _) in zip(rows, inequalities, strict=True):
        for key, coefficient in terms.items():
            row[places[key]] += coefficient
    costs = [0, *[1] * width]
    basic = [*range(width, width + len(rows))]
    others = [*range(width)]
    denominator = 1
    for _ in range(_MOST_PIVOTS):
        broken = [number for number, row in enumerate(rows) if row[0] < 0]
        if not broken:
            values = dict.fromkeys(unknowns, 0)
            for variable, row in zip(basic, rows, strict=True):
                if variable < width:
                    values[unknowns[variable]] = row[0]
            common = gcd(denominator, *values.values())
            reduced = {key: value // common for key, value in values.items()}
            return Solution(reduced, denominator // common)
        number = min(broken, key=basic.__getitem__)
        broken_row = rows[number]
        column: int | None = None  # of the variable that lifts the row at the least cost
        for each in range(1, width + 1):
            if broken_row[each] <= 0:
                continue
            here = there = 0
            if column is not None:
                here, there = costs[each] * broken_row[column], costs[column] * broken_row[each]
            if column is None or (here, others[each - 1]) < (there, others[column - 1]):
                column = each
        if column is None:  # nothing can lift this row, so what it is made of contradicts itself
            involved = [basic[number]]
            involved += [key for key, each in zip(others, rows[number][1:], strict=True) if each]
            return Contradiction(tuple(sorted(each - width for each in involved if each >= width)))
        # The basic variable and the other one change places.
        new = broken_row[column]
        for row in (*rows, costs):
            factor = row[column]
            if row is broken_row or not (factor or new != denominator):
                continue
            pairs = zip(row, broken_row, strict=True)
            row[:] = [(mine * new - factor * theirs) // denominator for mine, theirs in pairs]
            if factor:
                row[column] = factor
        broken_row[:] = [-value for value in broken_row]
        broken_row[column] = denominator
        others[column - 1], basic[number] = basic[number], others[column - 1]
        denominator = new
    return None
