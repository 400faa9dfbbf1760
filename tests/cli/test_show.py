"""``show``: the graph as text, shapes and costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphpass
from graphpass.formats.text import parse_graph


def test_the_text_is_the_graph(cli: Any, folder: Path) -> None:
    done = cli("show", "nasty_names", "--text")
    assert done.code == 0
    graph = graphpass.loads((folder / "nasty_names-symbol.json").read_bytes())
    assert graphpass.dumps(parse_graph(done.out)) == graphpass.dumps(graph)


def test_the_text_as_data(cli: Any, folder: Path) -> None:
    done = cli("show", "conv1", "--text", "--json")
    assert json.loads(done.out)["text"] + "\n" == cli("show", "conv1", "--text").out


def test_shapes_of_every_node(cli: Any, folder: Path) -> None:
    done = cli("show", "residual", "--shapes", "--input", "data:1,3,32,32")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert ["2", "Convolution", "conv0", "(1,", "4,", "32,", "32)", "float32"] in lines
    assert ["9", "variable", "conv1_weight", "(4,", "4,", "3,", "3)", "float32"] in lines


def test_costs_end_in_a_total(cli: Any, folder: Path) -> None:
    done = cli("show", "residual", "--cost", "--input", "data:1,3,32,32")
    assert done.code == 0
    assert done.out.splitlines()[-1].split() == ["total", "270,348", "1,196"]


def test_costs_as_data(cli: Any, folder: Path) -> None:
    done = cli("show", "residual", "--cost", "--input", "data:1,3,32,32", "--json")
    costs = json.loads(done.out)
    assert costs["multiply_adds"] == sum(node["multiply_adds"] for node in costs["nodes"])
    (conv,) = [node for node in costs["nodes"] if node["name"] == "conv0"]
    assert conv["outputs"] == [{"shape": [1, 4, 32, 32], "dtype": "float32"}]
    assert costs["conflicts"] == [] and costs["operators_without_a_rule"] == []


def test_a_shape_that_does_not_fit_is_reported(cli: Any, folder: Path) -> None:
    done = cli("show", "residual", "--shapes", "--input", "data:1,5,32,32")
    assert done.code == 0
    assert done.err.startswith("conflict: Convolution 'conv0': input 1: ")


def test_an_input_without_a_question_is_refused(cli: Any, folder: Path) -> None:
    done = cli("show", "residual", "--input", "data:1,3,32,32")
    assert done.code == 2
    assert "--shapes or --cost" in done.err
