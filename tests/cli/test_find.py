"""``graphpass find``."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_a_table_of_matches(cli: Any, folder: Any) -> None:
    done = cli("find", "c = Convolution(x, w, *_)\ny = BatchNorm(c, *_)", "age")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["id", "op", "name", "bindings"]
    assert "BatchNorm" in done.out
    assert "c=conv0, y=bn0, x=data, w=conv0_weight" in done.out


def test_json(cli: Any, folder: Any) -> None:
    done = cli("find", "y = FullyConnected(x, param(w), *rest)", "age", "--json")
    assert done.code == 0
    (match,) = json.loads(done.out)
    assert match["roots"] == [{"id": 12, "output": 0, "name": "fc1_output"}]
    assert match["bindings"]["y"] == {"id": 12, "op": "FullyConnected", "name": "fc1"}
    assert match["bindings"]["w"]["name"] == "fc1_weight"
    assert [each["name"] for each in match["bindings"]["rest"]] == ["fc1_bias"]
    assert match["interior"] == []
    assert match["inside"] == []


@pytest.mark.parametrize(
    ("options", "out"), [([], "no match\n"), (["--count"], "0\n"), (["--json"], "[]\n")]
)
def test_no_match_is_an_answer(cli: Any, folder: Any, options: list[str], out: str) -> None:
    done = cli("find", "tanh(x)", "age", *options)
    assert (done.code, done.out, done.err) == (1, out, "")


def test_count(cli: Any, folder: Any) -> None:
    assert cli("find", "Convolution(*_)", "age", "--count").out == "1\n"
    done = cli("find", "Convolution(*_)", "age", "--count", "--json")
    assert json.loads(done.out) == {"count": 1}


def test_a_wrong_pattern_is_shown_with_a_caret(cli: Any, folder: Any) -> None:
    done = cli("find", "y = Convlution(x)", "age")
    assert done.code == 2
    place, line, caret = done.err.splitlines()
    assert place.startswith("error: pattern:1:5: MXNet 1.9.1 has no operator 'Convlution'; nearest")
    assert (line, caret) == ("y = Convlution(x)", "    ^")


def test_a_match_in_a_subgraph_says_where(cli: Any, folder: Any) -> None:
    inner = {
        "nodes": [
            {"op": "null", "name": "i", "inputs": []},
            {"op": "relu", "name": "inside", "inputs": [[0, 0, 0]]},
        ],
        "arg_nodes": [0],
        "heads": [[1, 0, 0]],
    }
    attrs = {"num_args": "2", "num_outputs": "1", "num_out_data": "1", "in_data_locs": "(0,)"}
    attrs |= {"in_state_locs": "()", "remain_locs": "()"}
    loop = {"op": "_foreach", "name": "loop", "attrs": attrs, "inputs": [[0, 0, 0]]}
    nodes = [{"op": "null", "name": "x", "inputs": []}, {**loop, "subgraphs": [inner]}]
    text = {"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10901]}}  # fmt: skip
    (folder / "loop-symbol.json").write_text(json.dumps(text))
    done = cli("find", "relu(v)", "loop")
    assert "loop (#1), subgraph 0" in done.out
    (match,) = json.loads(cli("find", "relu(v)", "loop", "--json").out)
    assert match["inside"] == [{"id": 1, "name": "loop", "subgraph": 0}]
