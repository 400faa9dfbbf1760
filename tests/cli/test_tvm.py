"""Verbs on a graph of TVM's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CALL = {"num_outputs": "1", "num_inputs": "1", "func_name": "f", "flatten_data": "0"}
TVM = {
    "nodes": [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "tvm_op", "name": "a", "inputs": [[0, 0, 0]], "attrs": CALL},
    ],
    "arg_nodes": [0],
    "heads": [[1, 0, 0]],
    "attrs": {
        "dltype": ["list_str", ["float32"] * 2],
        "storage_id": ["list_int", [0, 1]],
        "shape": ["list_shape", [[1, 4], [4]]],
    },
    "node_row_ptr": [0, 1, 2],
}


def test_every_verb_that_needs_no_operators_of_mxnet(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps(TVM))
    path = str(tmp_path / "g.json")
    shown = cli("show", path)
    assert shown.code == 0
    assert "TVM, for its graph executor" in shown.out
    assert cli("check", path).code == 0
    assert cli("diff", path, path).code == 0
    assert cli("apply", "{prefix: a_}", path, "-o", str(tmp_path / "out")).code == 0
    written = json.loads((tmp_path / "out-symbol.json").read_text())
    assert [node["name"] for node in written["nodes"]] == ["a_x", "a_a"]
    assert written["attrs"] == TVM["attrs"]
    assert cli("convert", path, "--to", "1.3", "-o", str(tmp_path / "old")).code == 2
