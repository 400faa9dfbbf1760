"""`solve`: the dual simplex in whole numbers."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from graphpass.rules.lint.measures import Inequality
from graphpass.rules.lint.termination import Contradiction, Solution, solve

UNKNOWNS = ("x", "y", "z")

INEQUALITIES = st.lists(
    st.builds(
        Inequality,
        st.dictionaries(st.sampled_from(UNKNOWNS), st.integers(-3, 3), max_size=3),
        st.integers(-3, 3),
    ),
    max_size=6,
)


def holds(each: Inequality, values: dict[str, int], denominator: int = 1) -> bool:
    total = sum(coefficient * values.get(str(key), 0) for key, coefficient in each.terms.items())
    return total >= each.least * denominator


@given(INEQUALITIES)
def test_a_solution_meets_every_inequality(inequalities: list[Inequality]) -> None:
    found = solve(inequalities)
    if isinstance(found, Solution):
        values = {str(key): value for key, value in found.values.items()}
        assert found.denominator > 0
        assert all(value >= 0 for value in values.values())
        assert all(holds(each, values, found.denominator) for each in inequalities)


@given(INEQUALITIES)
def test_it_finds_what_trying_small_numbers_finds(inequalities: list[Inequality]) -> None:
    tried = [
        sum(values)
        for values in product(range(5), repeat=3)
        if all(holds(each, dict(zip(UNKNOWNS, values, strict=True))) for each in inequalities)
    ]
    found = solve(inequalities)
    assert found is not None
    if tried:
        assert isinstance(found, Solution)
        assert sum(found.values.values()) <= min(tried) * found.denominator


@given(INEQUALITIES)
def test_a_conflict_is_one_by_itself(inequalities: list[Inequality]) -> None:
    found = solve(inequalities)
    if isinstance(found, Contradiction):
        assert found.inequalities
        chosen = [inequalities[number] for number in found.inequalities]
        assert isinstance(solve(chosen), Contradiction)


def test_the_least_sum_need_not_be_whole() -> None:
    found = solve([Inequality({"x": 2, "y": -1}, 1), Inequality({"y": 1}, 2)])
    assert found == Solution({"x": 3, "y": 4}, 2)


def test_nothing_asked_is_solved() -> None:
    assert solve([]) == Solution({}, 1)


def test_an_inequality_without_unknowns() -> None:
    assert solve([Inequality({}, 1)]) == Contradiction((0,))
    assert solve([Inequality({}, 0)]) == Solution({}, 1)


def test_doubling_a_hundred_times_stays_exact() -> None:
    chain = [Inequality({n: 1, n + 1: -2}, 1) for n in range(100)]
    found = solve(chain)
    assert isinstance(found, Solution)
    assert found.values[0] == 2**100 - 1
