"""Which values are random."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphpass import Entry, Graph
from graphpass.verify.result import random_sources

Build = Callable[..., Graph]


@pytest.mark.parametrize(
    ("op", "attrs", "inference", "training"),
    [
        ("Dropout", {}, False, True),
        ("Dropout", {"p": "0"}, False, False),
        ("Dropout", {"mode": "always"}, True, True),
        ("Dropout", {"mode": "always", "p": "0.0"}, False, False),
        ("LeakyReLU", {}, False, False),
        ("LeakyReLU", {"act_type": "rrelu"}, False, True),
        ("_shuffle", {}, True, True),
        ("_random_normal_like", {}, True, True),
        ("_sample_multinomial", {}, True, True),
        ("relu", {}, False, False),
        ("NoSuchOperator", {}, False, False),
    ],
)
def test_operators(
    build: Build, op: str, attrs: dict[str, str], inference: bool, training: bool
) -> None:
    graph = build(("x", "null"), ("r", op, attrs, ["x"]), ("e", "tanh", {}, ["r"]), heads=["e"])
    assert random_sources(graph, training=False) == ({1: 1, 2: 1} if inference else {})
    assert random_sources(graph, training=True) == ({1: 1, 2: 1} if training else {})


def test_recurrent_dropout(build: Build) -> None:
    attrs = {"mode": "rnn_tanh", "state_size": "2", "num_layers": "2", "p": "0.5"}
    rows = [("x", "null"), ("w", "null"), ("s", "null")]
    graph = build(*rows, ("r", "RNN", attrs, ["x", "w", "s"]), heads=["r"])
    assert random_sources(graph, training=False) == {}
    assert random_sources(graph, training=True) == {3: 3}


def test_densities_are_not_random(build: Build) -> None:
    rows = [("x", "null"), ("m", "null"), ("s", "null")]
    graph = build(*rows, ("p", "_random_pdf_normal", {}, ["x", "m", "s"]), heads=["p"])
    assert random_sources(graph, training=True) == {}


def test_a_random_subgraph_makes_its_operator_random(build: Build) -> None:
    inner = build(("x", "null"), ("d", "Dropout", {}, ["x"]), heads=["d"])
    middle = build(("x", "null"), ("l", "NoSuchLoop", {}, ["x"]), heads=["l"])
    with middle.edit() as edit:
        edit.set_subgraphs(1, [inner])
    graph = build(("x", "null"), ("l", "NoSuchLoop", {}, ["x"]), heads=["l"])
    with graph.edit() as edit:
        edit.set_subgraphs(1, [middle])
    assert random_sources(graph, training=True) == {1: 1}
    assert random_sources(graph, training=False) == {}


def test_only_what_depends_on_it_is_random(build: Build) -> None:
    graph = build(
        ("x", "null"), ("d", "Dropout", {}, ["x"]), ("r", "relu", {}, ["x"]), heads=["d", "r"]
    )
    assert random_sources(graph, training=True) == {1: 1}
    with graph.edit() as edit:
        edit.set_input(2, 0, Entry(1))
    assert random_sources(graph, training=True) == {1: 1, 2: 1}
