from __future__ import annotations

from hypothesis import find, given, settings
from hypothesis import strategies as st

from graphpass.testing.dice import Dice

SEARCH = settings(database=None, max_examples=2000)


@st.composite
def throws(draw: st.DrawFn) -> dict[str, object]:
    dice = Dice(draw)
    return {
        "below": dice.below(3),
        "between": dice.between(4, 6),
        "pick": dice.pick("abc"),
        "latest": dice.latest("abc"),
        "one_in": dice.one_in(3),
    }


@given(drawn=throws())
def test_draws_lie_in_their_ranges(drawn: dict[str, object]) -> None:
    assert drawn["below"] in (0, 1, 2)
    assert drawn["between"] in (4, 5, 6)
    assert drawn["pick"] in ("a", "b", "c")
    assert drawn["latest"] in ("a", "b", "c")
    assert drawn["one_in"] in (False, True)


def test_draws_shrink_to_the_plainest_choice() -> None:
    plainest = find(throws(), lambda drawn: True, settings=SEARCH)
    assert plainest == {"below": 0, "between": 4, "pick": "a", "latest": "c", "one_in": False}


def test_every_choice_can_be_drawn() -> None:
    wanted = {"below": 2, "between": 6, "pick": "c", "latest": "a", "one_in": True}
    assert find(throws(), lambda drawn: drawn == wanted, settings=SEARCH) == wanted


def test_of_one_choice_nothing_is_drawn() -> None:
    dice = Dice(lambda strategy, label=None: 1 / 0)
    assert dice.below(1) == 0
    assert dice.pick(["only"]) == "only"


@st.composite
def runs(draw: st.DrawFn) -> list[int]:
    dice = Dice(draw)
    found: list[int] = []
    dice.repeat(lambda: found.append(dice.below(5)), least=1, most=6)
    return found


@given(drawn=runs())
def test_steps_are_repeated_as_often_as_is_said(drawn: list[int]) -> None:
    assert 1 <= len(drawn) <= 6


def test_a_repetition_shrinks_to_the_steps_that_matter() -> None:
    assert find(runs(), lambda drawn: True, settings=SEARCH) == [0]
    assert find(runs(), lambda drawn: 4 in drawn, settings=SEARCH) == [4]
    assert len(find(runs(), lambda drawn: len(drawn) == 6, settings=SEARCH)) == 6
