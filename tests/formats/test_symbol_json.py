"""Symbol JSON against the corpus of real files, and for other releases."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import graphpass
from graphpass.errors import SymbolError
from graphpass.formats import symbol_read
from graphpass.formats.symbol_write import as_bytes

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def expected(corpus: Path) -> list[dict[str, Any]]:
    """What MXNet 1.9.1 says of each file of the corpus."""
    lines = (corpus / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_file_of_the_corpus_is_read_and_printed_as_mxnet_does(
    corpus: Path, expected: list[dict[str, Any]]
) -> None:
    loadable = [row for row in expected if "error" not in row]
    assert len(loadable) > 400
    wrong = []
    for row in loadable:
        graph = graphpass.loads((corpus / row["file"]).read_bytes())
        lists = (graph.arguments, graph.auxiliary_states, graph.outputs)
        digest = hashlib.sha256(as_bytes(graphpass.dumps(graph))).hexdigest()
        if lists != (row["arguments"], row["aux"], row["outputs"]):
            wrong.append(f"{row['file']}: lists")
        if digest != row["tojson_sha256"]:
            wrong.append(f"{row['file']}: text")
    assert not wrong


def test_files_written_by_1_9_1_come_back_byte_for_byte(corpus: Path, tmp_path: Path) -> None:
    files = [
        *(corpus / "versions" / "1.9.1").glob("*-symbol.json"),
        *FIXTURES.glob("*-symbol.json"),
    ]
    stamped = [path for path in files if b'["int", 10901]' in path.read_bytes()]
    assert len(stamped) > 50
    for path in stamped:
        saved = graphpass.load(path).save(tmp_path / "model", overwrite=True)
        assert saved.symbol is not None
        assert saved.symbol.read_bytes() == path.read_bytes(), path.name


def test_files_with_a_custom_operator_are_carried(
    corpus: Path, expected: list[dict[str, Any]]
) -> None:
    rows = [row for row in expected if "error" in row]
    assert len(rows) == 6
    for row in rows:
        graph = graphpass.loads((corpus / row["file"]).read_bytes())
        assert "Custom" in {node.op for node in graph}
        text = graphpass.dumps(graph)
        again = graphpass.loads(text)
        assert graphpass.dumps(again) == text
        assert (again.arguments, again.outputs) == (graph.arguments, graph.outputs)


def test_a_dialect_before_1_0_spells_attr() -> None:
    graph = graphpass.loads((FIXTURES / "perceptron-symbol.json").read_bytes())
    tree = json.loads(graphpass.dumps(graph, dialect="0.11"))
    assert all("attrs" not in node for node in tree["nodes"])
    assert any("attr" in node for node in tree["nodes"])
    assert tree["attrs"]["mxnet_version"] == ["int", 1100]
    again = graphpass.loads(json.dumps(tree))
    assert graphpass.dumps(again) == graphpass.dumps(graph)


@pytest.mark.parametrize(
    ("dialect", "version"),
    [
        ("0.9", 900),
        ("0.9.5", 905),
        ("1.0", 10000),
        ("1.6.0", 10600),
        ("1.9", 10901),
        ("1.x", 10901),
    ],
)
def test_a_dialect_is_stamped_with_its_version(dialect: str, version: int) -> None:
    graph = graphpass.loads((FIXTURES / "conv1-symbol.json").read_bytes())
    tree = json.loads(graphpass.dumps(graph, dialect=dialect))
    assert tree["attrs"]["mxnet_version"] == ["int", version]


@pytest.mark.parametrize("dialect", ["0.8", "2.0", "onnx", "1.9.2.3", ""])
def test_there_are_no_other_dialects_to_write(dialect: str) -> None:
    graph = graphpass.loads((FIXTURES / "conv1-symbol.json").read_bytes())
    with pytest.raises(SymbolError, match="there is no dialect"):
        graphpass.dumps(graph, dialect=dialect)


def test_old_spellings_of_one_net_print_alike() -> None:
    texts = {
        name: json.loads(
            graphpass.dumps(graphpass.loads((FIXTURES / f"{name}-symbol.json").read_bytes()))
        )
        for name in ("perceptron", "perceptron-0.8", "perceptron-0.11", "perceptron-plain")
    }
    shapes = {
        name: [(node["op"], node["name"], node["inputs"]) for node in tree["nodes"]]
        for name, tree in texts.items()
    }
    stamps = [[entry[:2] for entry in inputs] for _, _, inputs in shapes["perceptron"]]
    for tree in shapes.values():
        assert [name for _, name, _ in tree] == [name for _, name, _ in shapes["perceptron"]]
        assert [[entry[:2] for entry in inputs] for _, _, inputs in tree] == stamps


def test_subgraphs_are_graphs_of_their_own(corpus: Path) -> None:
    path = corpus / "versions" / "1.9.1" / "foreach_lstm_nested-symbol.json"
    graph = graphpass.loads(path.read_bytes())
    (loop,) = [node for node in graph if node.op == "_foreach"]
    (body,) = loop.subgraphs
    assert "cell_i2h_weight" in body.arguments
    assert len(body.outputs) == 3
    assert "cell_t0_i2h" not in {node.name for node in graph}
    with pytest.raises(SymbolError, match=r"_foreach \(since 1\.3\)"):
        graphpass.dumps(graph, dialect="1.2")


def cached(inner: dict[str, Any], **rest: Any) -> str:
    node = {"op": "_CachedOp", "name": "co", "inputs": [[0, 0, 0]], **rest}
    nodes = [{"op": "null", "name": "data", "inputs": []}, node]
    version = {"mxnet_version": ["int", 10901]}
    return json.dumps({"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": version})


INNER = {
    "nodes": [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "relu", "name": "r", "inputs": [[0, 0, 0]]},
    ],
    "arg_nodes": [0],
    "heads": [[1, 0, 0]],
}


@pytest.mark.mxnet
def test_a_cached_op_is_written_so_that_mxnet_can_use_it(mx: ModuleType) -> None:
    text = graphpass.dumps(graphpass.loads(cached(INNER, subgraphs=[INNER])))
    symbol = mx.sym.load_json(text)
    assert symbol.list_outputs() == graphpass.loads(text).outputs == ["co_r_output"]
    assert symbol.tojson(remove_amp_cast=False) == text
    executor = symbol.bind(mx.cpu(), {"data": mx.nd.array([-1, 2])})
    assert executor.forward()[0].asnumpy().tolist() == [0, 2]


@pytest.mark.mxnet
def test_what_the_parser_of_mxnet_writes_is_written(mx: ModuleType) -> None:
    variables = [{"op": "null", "name": name, "inputs": []} for name in "abcdef"]
    attrs = {"mode": "lstm", "num_layers": "1", "state_size": "1"}
    inputs = [[i, 0, 0] for i in range(6)]
    rnn = {"op": "_contrib_quantized_rnn", "name": "q", "attrs": attrs, "inputs": inputs}
    text = json.dumps({"nodes": [*variables, rnn], "arg_nodes": [], "heads": [[6, 0, 0]]})
    expected = mx.sym.load_json(text).tojson(remove_amp_cast=False)
    assert graphpass.dumps(graphpass.loads(text)) == expected


def test_what_no_head_reaches_is_left_out_and_remembered() -> None:
    tree = {
        "nodes": [
            {"op": "null", "name": "x", "inputs": []},
            {"op": "null", "name": "lost", "inputs": []},
            {"op": "null", "name": "w", "inputs": []},
            {"op": "relu", "name": "left", "inputs": [[2, 0, 0]]},
            {"op": "relu", "name": "y", "inputs": [[0, 0, 0]]},
        ],
        "arg_nodes": [0, 1, 2],
        "heads": [[4, 0, 0]],
    }
    graph = graphpass.loads(json.dumps(tree))
    assert [node.name for node in graph] == ["x", "y"]
    assert graph.origin is not None
    assert [tuple(each) for each in graph.origin.unreached] == [
        ("null", "lost", False),
        ("null", "w", True),
        ("relu", "left", False),
    ]
    again = graphpass.loads(graphpass.dumps(graph))
    assert again.origin is not None
    assert again.origin.unreached == ()


def plain(*nodes: dict[str, Any]) -> str:
    """Return a symbol of 1.9.1 whose last node is its head."""
    tree = {"nodes": list(nodes), "arg_nodes": [], "heads": [[len(nodes) - 1, 0, 0]]}
    return json.dumps({**tree, "attrs": {"mxnet_version": ["int", 10901]}})


def dense_block(at: int, name: str) -> list[dict[str, Any]]:
    """Return a FullyConnected that reads node 0, with its weight, as nodes from position `at`."""
    hint = {"__init__": '["uniform", {"scale": 0.1}]'}
    return [
        {"op": "null", "name": f"{name}_weight", "attrs": hint, "inputs": []},
        {
            "op": "FullyConnected",
            "name": name,
            "attrs": {"num_hidden": "2", "no_bias": "True"},
            "inputs": [[0, 0, 0], [at, 0, 0]],
        },
    ]


DATA = {"op": "null", "name": "data", "inputs": []}
SUM = {"op": "elemwise_add", "name": "sum", "inputs": [[2, 0, 0], [4, 0, 0]]}
TWINS = plain(DATA, *dense_block(1, "left"), *dense_block(3, "right"), SUM)


def test_nodes_of_one_operator_and_text_share_attributes_and_edges() -> None:
    graph = graphpass.loads(TWINS)
    assert graph.attrs(1) is graph.attrs(3)
    assert graph.attrs(2) is graph.attrs(4)
    assert graph.attrs(2) == {"num_hidden": "2", "no_bias": "True"}
    assert graph.sources(2)[0] is graph.sources(4)[0]
    with graph.edit() as edit:
        edit.update_attrs(2, {"num_hidden": "3"})
        edit.set_input(4, 1, graph.inputs(2)[1])
        edit.sweep()
    assert graph.attrs(4) == {"num_hidden": "2", "no_bias": "True"}
    assert graph.inputs(2) == ((0, 0, 0), (1, 0, 0))


@pytest.mark.parametrize(
    "text",
    [
        TWINS,
        plain(DATA, {**SUM, "name": "a:b", "inputs": [[0, 0, 0], [0, 0, 0]]}),
        TWINS.replace("10901", "10500"),
        TWINS.replace('"num_hidden": ', '"num_hidden" : '),
    ],
    ids=["quoted colons", "a colon in a name", "1.5", "blanks before colons"],
)
def test_what_nearly_all_files_hold_goes_the_short_way(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = graphpass.dumps(symbol_read._read_any(text.encode()))
    if '" :' not in text:
        monkeypatch.delattr(symbol_read, "_read_any")
    assert graphpass.dumps(graphpass.loads(text)) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TWINS.replace('"2", ', '"2", "num_hidden": "2", ', 1), r"nodes\[2\]\.attrs"),
        (TWINS.replace('"name": "sum"', '"name": "sum", "name" : "sum"'), r"nodes\[5\]"),
        (plain(DATA, {**SUM, "inputs": [[0, 0, 0]] * 2}).replace(
            '"name": "sum"', '"name": "a:b", "name": "a:b"'), r"nodes\[1\]"),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_is_found_on_every_way(text: str, place: str) -> None:
    with pytest.raises(SymbolError, match=rf"{place}.*stands twice"):
        graphpass.loads(text)


def test_one_value_may_be_read_by_many_slots() -> None:
    attrs = {"num_args": "200"}
    concat = {"op": "Concat", "name": "c", "attrs": attrs, "inputs": [[0, 0, 0]] * 200}
    graph = graphpass.loads(plain(DATA, concat))
    assert len(graph.inputs(1)) == 200
    assert graphpass.dumps(graphpass.loads(graphpass.dumps(graph))) == graphpass.dumps(graph)


def fused(op: str, attrs: dict[str, str], inner: dict[str, str] | None = None) -> str:
    """Return the symbol of an operator that runs a subgraph, as MXNet 1.5 wrote it."""
    null = {"op": "null", "inputs": []}
    kind, own = {
        "_sg_mkldnn_conv": ("Convolution", {"kernel": "(3, 3)", "num_filter": "2"}),
        "_sg_mkldnn_fully_connected": ("FullyConnected", {"num_hidden": "2"}),
    }[op]
    reads = [[0, 0, 0], [1, 0, 0]]
    layer = {"op": kind, "name": "c", "attrs": {**own, "no_bias": "True", **(inner or {})}}
    block = {
        "nodes": [{**null, "name": "d0"}, {**null, "name": "w0"}, {**layer, "inputs": reads}],
        "arg_nodes": [0, 1],
        "node_row_ptr": [0, 1, 2, 3],
        "heads": [[2, 0, 0]],
    }
    node = {"op": op, "name": "sg", "attrs": attrs, "inputs": reads, "subgraphs": [block]}
    nodes = [{**null, "name": "data"}, {**null, "name": "w"}, node]
    stamp = {"mxnet_version": ["int", 10500]}
    return json.dumps({**block, "nodes": nodes, "attrs": stamp})


RENAMED = [
    ("_sg_mkldnn_conv", {"with_relu": "true"}, {"with_act": "true"}),
    ("_sg_mkldnn_conv", {"with_relu": "1", "with_act": "false"}, {"with_act": "1"}),
    ("_sg_mkldnn_conv", {"with_sum": "true", "with_postsum_relu": "true", "with_relu": "false"},
     {"with_act": "false", "with_postsum_act": "true", "with_sum": "true"}),
    ("_sg_mkldnn_fully_connected", {"with_relu": "true"}, {"with_eltwise": "true"}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attrs", "renamed"), RENAMED)
def test_attributes_that_the_parser_renames(
    op: str, attrs: dict[str, str], renamed: dict[str, str]
) -> None:
    graph = graphpass.loads(fused(op, attrs))
    assert graph.attrs(2) == renamed
    # The same inside a subgraph, which no upgrade enters.
    outer = json.loads(plain(DATA, {"op": "relu", "name": "r", "inputs": [[0, 0, 0]]}))
    inner = json.loads(fused(op, attrs))
    del inner["attrs"]
    outer["nodes"][1]["subgraphs"] = [inner]
    (block,) = graphpass.loads(json.dumps(outer)).subgraphs(1)
    assert block.attrs(2) == renamed


@pytest.mark.mxnet
@pytest.mark.parametrize(("op", "attrs", "renamed"), RENAMED)
def test_mxnet_renames_the_same(
    mx: ModuleType, op: str, attrs: dict[str, str], renamed: dict[str, str]
) -> None:
    text = fused(op, attrs)
    theirs = mx.sym.load_json(text).tojson(remove_amp_cast=False)
    assert json.loads(theirs)["nodes"][2]["attrs"] == renamed
    assert graphpass.dumps(graphpass.loads(text)) == theirs


def test_an_attribute_that_nobody_knows_is_carried_and_not_written() -> None:
    text = fused("_sg_mkldnn_conv", {"sparkle": "7"}, {"glitter": "8"})
    model = graphpass.Model(graphpass.loads(text))
    assert model.graph.attrs(2) == {"sparkle": "7"}
    found = [each for each in graphpass.check(model).findings if each.code == "unknown-attribute"]
    assert len(found) == 2
    graphpass.apply([{"rename": {"from": "data", "to": "image"}}, {"prefix": "a_"}], model)
    graphpass.apply({"set": {"select": "a_sg", "attrs": {"with_act": "true"}}}, model)
    with pytest.raises(SymbolError, match=r"_sg_mkldnn_conv 'a_sg': MXNet 1.9.1 has no attribute"):
        graphpass.dumps(model.graph)
    graphpass.apply({"set": {"select": "a_sg", "attrs": {"sparkle": None}}}, model)
    with pytest.raises(SymbolError, match=r"Convolution 'c': .* 'glitter' of Convolution"):
        graphpass.dumps(model.graph)
    # What the file does not have is a mistake, as before.
    with pytest.raises(graphpass.GraphpassError, match="no attribute 'glimmer'"):
        graphpass.apply({"set": {"select": "a_sg", "attrs": {"glimmer": "1"}}}, model)
