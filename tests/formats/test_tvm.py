"""TVM's graph JSON, judged by a reader that follows the rules of TVM's executor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphpass
from graphpass.errors import GraphpassError, SymbolError

FILES = (
    "LiGuihong__nonn__nonn__x86__wrn_fc", "MirrorYuChen__tvm_insightface__deploy_graph",
    "YiChunHung__MobileNet_pretrain__squeezenet__deploy_squ_graph", "tvm_crt_load_test",
    "tvm_easy_model",
)  # fmt: skip


def run(text: str) -> list[Any]:
    """Run a graph as `GraphExecutor` does, on symbols: what each head is a function of.

    A value is what was last written into its storage, so a plan that overwrites shows.
    """
    tree = json.loads(text)
    assert set(tree) == {"nodes", "arg_nodes", "heads", "attrs", "node_row_ptr"}
    nodes, rows, attrs = tree["nodes"], tree["node_row_ptr"], tree["attrs"]
    assert len(rows) == len(nodes) + 1
    for kind, values in attrs.values():
        assert not kind.startswith("list_") or len(values) == rows[-1]
    storage, shapes, dtypes = (attrs[k][1] for k in ("storage_id", "shape", "dltype"))
    assert tree["arg_nodes"] == [i for i, node in enumerate(nodes) if node["op"] == "null"]
    memory: dict[int, Any] = {}

    def entry(node: int, index: int) -> int:
        assert index < rows[node + 1] - rows[node]
        return int(rows[node]) + index

    for position, node in enumerate(nodes):
        if node["op"] == "null":
            memory[storage[rows[position]]] = node["name"]
    for position, node in enumerate(nodes):
        if node["op"] == "null":
            continue
        call = node["attrs"]
        assert node["op"] == "tvm_op"
        assert int(call["num_inputs"]) == len(node["inputs"])
        assert int(call["num_outputs"]) == rows[position + 1] - rows[position]
        assert all(source < position for source, _, _ in node["inputs"])
        read = [memory[storage[entry(source, index)]] for source, index, _ in node["inputs"]]
        for each in range(rows[position], rows[position + 1]):
            made = (call["func_name"], each - rows[position], shapes[each], dtypes[each], read)
            memory[storage[each]] = repr(made) if len(repr(made)) < 300 else hash(repr(made))
    return [memory[storage[entry(node, index)]] for node, index, _ in tree["heads"]]


@pytest.mark.parametrize("name", FILES)
def test_what_is_read_is_written_alike(corpus: Path, name: str) -> None:
    text = (corpus / "tvm" / f"{name}.json").read_text()
    graph = graphpass.loads(text)
    assert graph.origin is not None
    assert graph.origin.dialect == "tvm"
    before, after = json.loads(text), json.loads(graphpass.dumps(graph))
    assert run(graphpass.dumps(graph)) == run(text)
    if [node["name"] for node in before["nodes"]] == [node["name"] for node in after["nodes"]]:
        assert after == before


TVM = {
    "nodes": [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "null", "name": "p0", "inputs": []},
        {"op": "tvm_op", "name": "a", "inputs": [[0, 0, 0], [1, 0, 0]],
         "attrs": {"num_outputs": "2", "num_inputs": "2", "func_name": "f", "flatten_data": "0"}},
        {"op": "tvm_op", "name": "b", "inputs": [[2, 1, 0]],
         "attrs": {"num_outputs": "1", "num_inputs": "1", "func_name": "g", "flatten_data": "0"}},
        {"op": "tvm_op", "name": "c", "inputs": [[3, 0, 0], [2, 0, 0]],
         "attrs": {"num_outputs": "1", "num_inputs": "2", "func_name": "h", "flatten_data": "0"}},
    ],
    "arg_nodes": [0, 1],
    "heads": [[4, 0, 0]],
    "attrs": {
        "dltype": ["list_str", ["float32"] * 6],
        "storage_id": ["list_int", [0, 1, 2, 3, 4, 3]],
        "shape": ["list_shape", [[1, 4], [4], [1, 2], [1, 3], [1, 3], [1, 5]]],
        "device_index": ["list_int", [1] * 6],
    },
    "node_row_ptr": [0, 1, 2, 4, 5, 6],
}  # fmt: skip


def model() -> graphpass.Model:
    return graphpass.Model(graphpass.loads(json.dumps(TVM)))


def test_a_graph_with_several_outputs_comes_back_whole() -> None:
    assert json.loads(graphpass.dumps(model().graph)) == TVM


def test_names_cuts_and_clones_keep_the_lists_right(tmp_path: Path) -> None:
    whole = run(json.dumps(TVM))
    changed = model()
    graphpass.apply([{"prefix": "n_"}, {"rename": {"from": "n_b", "to": "middle"}}], changed)
    text = graphpass.dumps(changed.graph)
    assert [n["name"] for n in json.loads(text)["nodes"]] == ["n_x", "n_p0", "n_a", "middle", "n_c"]
    assert json.loads(text)["attrs"] == TVM["attrs"]

    cut = model()
    graphpass.apply({"extract": {"outputs": "b"}}, cut)
    found = json.loads(graphpass.dumps(cut.graph))
    assert found["node_row_ptr"] == [0, 1, 2, 4, 5]
    assert found["attrs"]["shape"][1] == [[1, 4], [4], [1, 2], [1, 3], [1, 3]]
    run(graphpass.dumps(cut.graph))

    twins = model()
    graphpass.apply({"clone": {"from": "x", "to": "c", "name": "{name}_right"}}, twins)
    heads = run(graphpass.dumps(twins.graph))
    assert len(heads) == 2
    assert heads[0] == whole[0]
    assert str(heads[1]).replace("x_right", "x") == whole[0]  # nothing of it was overwritten


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["attrs"]["shape"][1].pop(), "attrs.shape: 5 elements for 6 entries"),
        (lambda t: t["attrs"].pop("dltype"), "attrs.dltype: the list is missing"),
        (lambda t: t.pop("node_row_ptr"), "missing required field `node_row_ptr`"),
        (lambda t: t["node_row_ptr"].pop(), "node_row_ptr: 5 numbers"),
        (lambda t: t["arg_nodes"].pop(), "arg_nodes lists the variables"),
        (lambda t: t["nodes"][3].update(op="relu"), "TVM runs tvm_op alone, not 'relu'"),
        (lambda t: t["nodes"][3]["attrs"].pop("func_name"), "the attribute func_name is missing"),
        (
            lambda t: t["nodes"][3]["attrs"].update(num_inputs="2"),
            "num_inputs is '2', but",
        ),
        (lambda t: t["nodes"][3].update(inputs=[[2, 2, 0]]), "node 2 has no output 2"),
        (lambda t: t["nodes"][3].update(inputs=[[4, 0, 0]]), "does not come before it"),
        (lambda t: t.update(heads=[[4, 1, 0]]), "heads[0]: there is no output 1 of node 4"),
        (lambda t: t.update(heads=[[9, 0, 0]]), "heads[0]: there is no output 0 of node 9"),
    ],
)
def test_malformed(change: Any, message: str) -> None:
    tree = json.loads(json.dumps(TVM))
    change(tree)
    with pytest.raises(GraphpassError) as caught:
        graphpass.loads(json.dumps(tree))
    assert message in str(caught.value)


def test_an_operator_of_mxnet_in_it_is_not_written() -> None:
    changed = model()
    with changed.edit() as edit:
        key = edit.add_node("relu", "r", {}, [changed.graph.heads[0]])
        edit.set_heads([graphpass.Entry(key)])
    with pytest.raises(SymbolError, match="relu 'r': nobody knows its dltype"):
        graphpass.dumps(changed.graph)


def test_a_file_of_the_nnvm_compiler_is_told_apart(corpus: Path) -> None:
    graph = graphpass.loads((corpus / "tvm" / "allegrofb__LeNet__deploy_graph.json").read_bytes())
    assert graph.origin is not None
    assert graph.origin.dialect == "nnvm"
    assert graph.arguments[0] == "data"
    with pytest.raises(SymbolError, match="the NNVM compiler"):
        graphpass.dumps(graph)


def test_mutated_files_are_read_or_refused() -> None:
    import random

    text, dice = json.dumps(TVM), random.Random(7)
    taken = 0
    for _ in range(3000):
        broken = list(text)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(broken))
            broken[at : at + dice.randint(0, 3)] = dice.choice(
                ["9", "-1", '"', "[", "]", "", "x", ","]
            )
        try:
            graphpass.dumps(graphpass.loads("".join(broken)))
            taken += 1
        except GraphpassError as error:
            assert "\n" not in str(error)
    assert taken > 100
