"""Linear inequalities over unknowns that are not negative, solved exactly in whole numbers.

The method is the dual simplex. The sum of the unknowns is made as small as it gets; since every
unknown costs something, nothing has to be done to begin with, and a row that can't be mended shows
which inequalities contradict each other. Rows are kept as whole numbers over one common denominator
(J. Edmonds, "Systems of distinct representatives and linear algebra", 1967), so nothing is rounded
and no fraction has to be reduced.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple, TypeAlias

__all__ = ["Contradiction", "Inequality", "Solution", "Unknown", "solve"]

Unknown: TypeAlias = Hashable

MAX_PIVOTS = 2000
"""How many steps are taken at most. A hundred rewrites take some hundred."""


class Inequality(NamedTuple):
    """``sum of coefficient * unknown >= least``."""

    terms: Mapping[Unknown, int]
    least: int


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
        neither was found in `MAX_PIVOTS` steps.

    Examples
    --------
    >>> found = solve([Inequality({"x": 2, "y": -1}, 1), Inequality({"y": 1}, 2)])
    >>> found.values, found.denominator
    ({'x': 3, 'y': 4}, 2)
    >>> solve([Inequality({"x": 1, "y": -1}, 1), Inequality({"y": 1, "x": -1}, 1)])
    Contradiction(inequalities=(0, 1))

    Notes
    -----
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
    for _ in range(MAX_PIVOTS):
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
        column = _mending_column(rows[number], costs, others)
        if column is None:  # nothing can lift this row, so what it is made of contradicts itself
            involved = [basic[number]]
            involved += [key for key, each in zip(others, rows[number][1:], strict=True) if each]
            return Contradiction(tuple(sorted(each - width for each in involved if each >= width)))
        new = _pivot([*rows, costs], number, column, denominator)
        others[column - 1], basic[number] = basic[number], others[column - 1]
        denominator = new
    return None


def _mending_column(row: list[int], costs: list[int], others: list[int]) -> int | None:
    """Return the column of the variable that lifts a row at the least cost; None if none does."""
    best: int | None = None
    for column in range(1, len(row)):
        if row[column] <= 0:
            continue
        here = there = 0
        if best is not None:
            here, there = costs[column] * row[best], costs[best] * row[column]
        if best is None or (here, others[column - 1]) < (there, others[best - 1]):
            best = column
    return best


def _pivot(rows: list[list[int]], number: int, column: int, old: int) -> int:
    """Let a basic variable and another one change places; return the new common denominator."""
    row = rows[number]
    new = row[column]
    for each in rows:
        if each is row:
            continue
        factor = each[column]
        if factor:
            each[:] = [
                (mine * new - factor * theirs) // old
                for mine, theirs in zip(each, row, strict=True)
            ]
            each[column] = factor
        elif new != old:
            each[:] = [mine * new // old for mine in each]
    row[:] = [-value for value in row]
    row[column] = old
    return new
