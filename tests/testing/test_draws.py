"""What random graphs are drawn from: dice and names."""

from __future__ import annotations

import json

from hypothesis import find, given, settings
from hypothesis import strategies as st

import graphpass
from graphpass.graph import Entry, Graph
from graphpass.testing.draws import ATTRIBUTE_KEYS, ATTRIBUTE_TEXTS, NODE_NAMES, ODD_NAMES, Dice

SEARCH = settings(database=None, max_examples=2000, derandomize=True)


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


@given(name=NODE_NAMES, key=ATTRIBUTE_KEYS, text=ATTRIBUTE_TEXTS)
def test_a_symbol_can_hold_what_is_drawn(name: str, key: str, text: str) -> None:
    graph = Graph()
    with graph.edit() as edit:
        edit.set_heads([Entry(edit.add_variable(name, {key: text}))])
    written = graphpass.dumps(graph)
    (node,) = json.loads(written, strict=False)["nodes"]
    assert node["name"] == name
    assert node["attrs"] == {key: text}
    assert graphpass.dumps(graphpass.loads(written)) == written


def test_odd_names_differ() -> None:
    assert len(set(ODD_NAMES)) == len(ODD_NAMES)


def test_plain_odd_empty_and_arbitrary_names_are_drawn() -> None:
    assert find(NODE_NAMES, lambda name: True, settings=SEARCH) == "data"
    assert find(NODE_NAMES, lambda name: name == "", settings=SEARCH) == ""
    assert find(NODE_NAMES, lambda name: name in ODD_NAMES, settings=SEARCH)
    assert find(NODE_NAMES, lambda name: any(ord(each) < 32 for each in name), settings=SEARCH)
