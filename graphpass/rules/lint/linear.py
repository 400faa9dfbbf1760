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

__all__ = ["Conflict", "Inequality", "Solution", "Unknown", "solve"]

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
class Conflict:
    """Inequalities that can't hold together."""

    inequalities: tuple[int, ...]
    """Their positions."""


def solve(inequalities: Sequence[Inequality]) -> Solution | Conflict | None:
    """Return values of the unknowns, none negative, that meet every inequality.

    Returns
    -------
    Solution, Conflict or None
        The values with the least sum; or inequalities that contradict each other; or None, if
        neither was found in `MAX_PIVOTS` steps.

    Examples
    --------
    >>> found = solve([Inequality({"x": 2, "y": -1}, 1), Inequality({"y": 1}, 2)])
    >>> found.values, found.denominator
    ({'x': 3, 'y': 4}, 2)
    >>> solve([Inequality({"x": 1, "y": -1}, 1), Inequality({"y": 1, "x": -1}, 1)])
    Conflict(inequalities=(0, 1))

    Notes
    -----
    A step costs the number of inequalities times that of unknowns. Ties are broken by position,
    which keeps the method from going in circles (R. G. Bland, "New finite pivoting rules for the
    simplex method", 1977).
    """
    tableau = _Tableau(inequalities)
    for _ in range(MAX_PIVOTS):
        row = tableau.broken_row()
        if row is None:
            return tableau.solution()
        column = tableau.mending_column(row)
        if column is None:
            return tableau.conflict(row)
        tableau.pivot(row, column)
    return None


class _Tableau:
    """Basic variables in terms of the others: ``denominator * basic = row[0] + row[1:] . others``.

    Variables are numbered: the unknowns first, then the excess of each inequality.
    """

    def __init__(self, inequalities: Sequence[Inequality]) -> None:
        self._unknowns = list(dict.fromkeys(key for each in inequalities for key in each.terms))
        places = {key: number for number, key in enumerate(self._unknowns, 1)}
        width = len(self._unknowns)
        self._others = list(range(width))
        self._basic = list(range(width, width + len(inequalities)))
        self._denominator = 1
        self._rows: list[list[int]] = []
        for terms, least in inequalities:
            row = [-least] + [0] * width
            for key, coefficient in terms.items():
                row[places[key]] += coefficient
            self._rows.append(row)
        self._costs = [0] + [1] * width

    def broken_row(self) -> int | None:
        """Return the row of the first variable that is negative."""
        broken = [number for number, row in enumerate(self._rows) if row[0] < 0]
        return min(broken, key=self._basic.__getitem__, default=None)

    def mending_column(self, number: int) -> int | None:
        """Return the column of the variable that lifts a row at the least cost."""
        row, costs = self._rows[number], self._costs
        best: int | None = None
        for column in range(1, len(row)):
            if row[column] <= 0:
                continue
            if best is None:
                best = column
                continue
            here, there = costs[column] * row[best], costs[best] * row[column]
            if here < there or (
                here == there and self._others[column - 1] < self._others[best - 1]
            ):
                best = column
        return best

    def pivot(self, number: int, column: int) -> None:
        """Let a basic variable and another one change places."""
        row, old = self._rows[number], self._denominator
        new = row[column]
        for each in (*self._rows, self._costs):
            if each is not row:
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
        self._denominator = new
        entering = self._others[column - 1]
        self._others[column - 1], self._basic[number] = self._basic[number], entering

    def solution(self) -> Solution:
        """Return what the unknowns are where every other variable is zero."""
        values = dict.fromkeys(self._unknowns, 0)
        for variable, row in zip(self._basic, self._rows, strict=True):
            if variable < len(self._unknowns):
                values[self._unknowns[variable]] = row[0]
        common = gcd(self._denominator, *values.values())
        return Solution(
            {key: value // common for key, value in values.items()}, self._denominator // common
        )

    def conflict(self, number: int) -> Conflict:
        """Return the inequalities that a row which nothing can lift is made of."""
        row, first = self._rows[number], len(self._unknowns)
        involved = [self._basic[number]]
        involved += [other for other, value in zip(self._others, row[1:], strict=True) if value]
        return Conflict(tuple(sorted(each - first for each in involved if each >= first)))
