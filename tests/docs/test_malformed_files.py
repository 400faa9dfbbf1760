"""The tables of malformed files in the format pages say what graphpass really does."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.errors import GraphpassError
from graphpass.formats.params import params_bytes, read_params

DOCS = Path(__file__).parents[2] / "docs"

_READ = re.compile(r"the same|read|keep|kept|an opaque node|the last one wins|left out")
"""How a row says that graphpass takes the file."""


def rows(page: str, heading: str) -> dict[str, str]:
    """Return the first cell of each row of a table -> the last cell."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: row[-1] for row in cells[1:]}


def check(said: str, read: Callable[[], object]) -> None:
    message = re.search(r"``(.*)``", said)
    if message is None:
        assert _READ.search(said), f"the page does not say what happens: {said}"
        read()
        return
    with pytest.raises(GraphpassError) as caught:
        read()
    assert message[1] in str(caught.value)


# -- symbols ---------------------------------------------------------------------------------------


def node(op: str, name: str, *inputs: list[int], **more: Any) -> dict[str, Any]:
    return {"op": op, "name": name, "inputs": list(inputs), **more}


def graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "nodes": list(nodes),
        "arg_nodes": [i for i, each in enumerate(nodes) if each["op"] == "null"],
        "heads": [[len(nodes) - 1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
        **more,
    }


def without(tree: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name != key}


def variables(*names: str) -> list[dict[str, Any]]:
    return [node("null", name) for name in names]


def dense(attrs: object, **more: Any) -> dict[str, Any]:
    inputs = [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    fully = node("FullyConnected", "f", *inputs, attrs=attrs)
    return graph(*variables("data", "w", "b"), fully, *more.pop("then", ()), **more)


def norm(count: int, **more: Any) -> list[dict[str, Any]]:
    names = ("data", "gamma", "beta", "mean", "var")[:count]
    inputs = [[i, 0, 0] for i in range(count)]
    return [*variables(*names), node("BatchNorm", "bn", *inputs, **more)]


def nested(depth: int) -> str:
    opening = '{"nodes":[{"op":"null","name":"d","inputs":[],"subgraphs":['
    closing = ']}],"arg_nodes":[0],"heads":[[0,0,0]]}'
    inner = json.dumps(without(graph(*variables("d")), "attrs"))
    return opening * depth + inner + closing * depth


DATA = node("null", "data")
RELU = node("relu", "r", [0, 0, 0])
PLAIN = graph(DATA, RELU)
TEXT = json.dumps(PLAIN)
INNER = without(PLAIN, "attrs")

SYMBOLS: Mapping[str, object] = {
    "no `nodes`, `heads` or `arg_nodes`": without(PLAIN, "heads"),
    "no `attrs` of the graph": INNER,
    "an unknown key": graph(DATA, {**RELU, "comment": "x"}),
    "a node without `op`, `name` or `inputs`": graph(DATA, without(RELU, "inputs")),
    "an entry of 1 or 4 numbers": graph(DATA, node("relu", "r", [0, 0, 0, 0])),
    "an input that is no node of the file": graph(DATA, node("relu", "r", [2, 0, 0])),
    "a head on an output that does not exist": graph(*norm(5), heads=[[5, 7, 0]]),
    "an input from an output that does not exist": graph(DATA, RELU, node("relu", "s", [1, 4, 0])),
    "odd versions in entries": graph(DATA, node("relu", "r", [0, 0, 5]), heads=[[1, 0, 7]]),
    "a number of more than 32 bits": graph(DATA, node("relu", "r", [0, 0, 2**63])),
    "a number of 5,000 digits": TEXT.replace("[0, 0, 0]", f"[0, 0, {'9' * 5000}]"),
    "`arg_nodes` empty, partial or repeated": {**PLAIN, "arg_nodes": []},
    "`arg_nodes` names an operator": {**PLAIN, "arg_nodes": [1]},
    "nonsense in `node_row_ptr`": {**PLAIN, "node_row_ptr": [9, 9]},
    "a graph attribute of another type": {**PLAIN, "attrs": {"x": ["float", 1]}},
    "`mxnet_version` as text": {**PLAIN, "attrs": {"mxnet_version": ["str", "10901"]}},
    "a forward reference": graph(node("relu", "r", [1, 0, 0]), DATA, heads=[[0, 0, 0]]),
    "a node that reads itself": graph(node("relu", "r", [0, 0, 0])),
    "a longer cycle": graph(
        node("relu", "a", [1, 0, 0]), node("relu", "b", [0, 0, 0]), heads=[[0, 0, 0]]
    ),
    "a node that waits for itself (`control_deps`)": graph(DATA, {**RELU, "control_deps": [1]}),
    "an unknown operator": graph(DATA, node("NoSuch", "n", [0, 0, 0])),
    "a bad attribute in a part that nothing reaches": dense({"num_hidden": "abc"}, then=[RELU]),
    "a bad attribute value": dense({"num_hidden": "abc"}),
    "an unknown attribute": dense({"num_hidden": "2", "foo": "1"}),
    "a missing attribute": dense({}),
    "an attribute that is no string": dense({"num_hidden": 2}),
    "two variables of one name": graph(
        *variables("x", "x"), node("elemwise_add", "a", [0, 0, 0], [1, 0, 0])
    ),
    "two operators of one name": graph(DATA, RELU, node("relu", "r", [1, 0, 0])),
    "a variable with inputs": graph(
        DATA, node("null", "v", [0, 0, 0]), node("relu", "r", [1, 0, 0])
    ),
    "`attr` and `attrs`": graph(DATA, {**RELU, "attr": {"a": "1"}, "attrs": {"a": "2"}}),
    "a key that stands twice": TEXT.replace('"name": "r"', '"name": "q", "name": "r"'),
    "`\\u0072` in a string": TEXT.replace('"r"', '"\\u0072"'),
    "a lone surrogate, `\\ud800`": TEXT.replace('"r"', '"\\ud800"'),
    "a raw tab in a string": TEXT.replace('"r"', '"r\t1"'),
    "a raw line break in a string": TEXT.replace('"r"', '"r\n1"'),
    "bytes that are not UTF-8": TEXT.encode().replace(b'"r"', b'"gr\xf6\xdfe"'),
    "text after the end": TEXT + " garbage",
    "a file cut after a complete value": TEXT[:-1],
    "a file cut inside a string": TEXT[:60],
    "a trailing comma": TEXT[:-1] + ",}",
    "an empty file": "",
    "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "an HTML page": "<!DOCTYPE html><html></html>",
    "a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\nsize 3\n",
    "`{}`": "{}",
    "BatchNorm with 3 inputs, version 1.9.1": graph(*norm(3)),
    "`moving_mean_lr_mult` on a BatchNorm of 0.8": without(
        graph(*norm(3, attr={"moving_mean_lr_mult": "2"})), "attrs"
    ),
    "`_Native` with an `info`": graph(DATA, node("_Native", "n", [0, 0, 0], attrs={"info": "0x1"})),
    "subgraphs nested 3,000 deep": nested(3000),
    "subgraphs nested 200 deep": nested(200),
    "20,000 opening brackets": "[" * 20_000,
    "a chain of 100,000 operators": graph(
        DATA, *(node("relu", f"r{i}", [i, 0, 0]) for i in range(100_000))
    ),
    "`_CachedOp` with `subgraphs` but no attribute `subgraph`": graph(
        DATA, node("_CachedOp", "c", [0, 0, 0], subgraphs=[INNER])
    ),
    "too few inputs for an operator that mutates none": graph(
        *variables("data", "w"),
        node("FullyConnected", "f", [0, 0, 0], [1, 0, 0], attrs={"num_hidden": "2"}),
    ),
}

SYMBOL_ROWS = rows("format-symbol-json.md", "Malformed files")


def test_every_symbol_of_the_table_is_tried() -> None:
    assert SYMBOL_ROWS.keys() == SYMBOLS.keys()


@pytest.mark.parametrize("row", SYMBOLS)
def test_a_malformed_symbol(row: str) -> None:
    found = SYMBOLS[row]
    text = found if isinstance(found, str | bytes) else json.dumps(found)
    check(SYMBOL_ROWS[row], lambda: graphpass.loads(text))


# -- parameters ------------------------------------------------------------------------------------


def array(
    magic: int = 0xF993FAC9,
    storage: int = 0,
    dims: tuple[int, ...] = (2,),
    dtype: int = 0,
    device: tuple[int, int] = (1, 0),
    values: bytes = struct.pack("<2f", 1, 2),
) -> bytes:
    shape = struct.pack(f"<i{len(dims)}q", len(dims), *dims)
    return struct.pack("<Ii", magic, storage) + shape + struct.pack("<iii", *device, dtype) + values


def container(arrays: list[bytes], names: list[bytes]) -> bytes:
    stored = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    head = struct.pack("<QQQ", 0x112, 0, len(arrays))
    return head + b"".join(arrays) + struct.pack("<Q", len(names)) + stored


def one(data: bytes) -> bytes:
    return container([data], [b"arg:w"])


WHOLE = params_bytes(graphpass.Parameters({"w": np.array([1, 2], "float32")}))

PARAMS: Mapping[str, bytes] = {
    "empty": b"",
    "cut in the values": WHOLE[:60],
    "cut in the names": WHOLE[:-2],
    "another first word": b"\x13" + WHOLE[1:],
    "2 names for 1 array": container([array()], [b"arg:w", b"arg:v"]),
    "no names": container([array()], []),
    "2^60 arrays": WHOLE[:16] + struct.pack("<Q", 2**60) + WHOLE[24:],
    "a name of 2^60 bytes": container([array()], [])[:-8] + struct.pack("<QQ", 1, 2**60),
    "an unknown type": one(array(dtype=99)),
    "a type of MXNet 2.0 (int16)": one(array(dtype=8, values=b"\1\0\2\0")),
    "an unknown storage type": one(array(storage=9)),
    "a sparse array": one(
        struct.pack("<IiiqqiqqiiiiiqQ", 0xF993FAC9, 1, 2, 1, 2, 2, 3, 2, 1, 0, 0, 6, 1, 1, 0)
        + struct.pack("<q", 0)
    ),
    "a dimension of -2": one(array(dims=(-2,))),
    "a dimension of 2^62": one(array(dims=(2**62,))),
    "an unknown version": one(array(magic=0xDEADBEEF)),
    "a name that is not UTF-8": container([array()], [b"arg:\xff"]),
    "another reserved word, or bytes after the end": WHOLE + b"xx",
    "an unknown device": one(array(device=(99, 0))),
    "one name twice": container([array(), array()], [b"arg:w", b"arg:w"]),
    "`arg:w` and `aux:w`": container([array(), array()], [b"arg:w", b"aux:w"]),
    "an array without a value": one(struct.pack("<Iii", 0xF993FAC9, 0, 0)),
    "V3 outside NumPy-shape mode": one(array(magic=0xF993FACA)),
    "a web page": b"<!DOCTYPE html><html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 512\n",
    "a symbol file": b'{"nodes": []}',
    "an `.npz` of MXNet 2.0 that is damaged": b"PK\x03\x04" + b"\0" * 40 + b"arg:w.npy",
}

PARAMS_ROWS = rows("format-params.md", "Malformed files")


def test_every_params_file_of_the_table_is_tried() -> None:
    assert PARAMS_ROWS.keys() == PARAMS.keys()


@pytest.mark.parametrize("row", PARAMS)
def test_a_malformed_params_file(row: str) -> None:
    check(PARAMS_ROWS[row], lambda: read_params(PARAMS[row]))
