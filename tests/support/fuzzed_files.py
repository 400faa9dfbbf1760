"""Symbols and parameters that are damaged, each by a seed. `fuzzing` tries them."""

from __future__ import annotations

import json
import random
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import graphpass
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.npz import export_npz
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params
from graphpass.formats.safetensors import export_safetensors

__all__ = ["FILES", "damaged_symbol", "params_seeds"]

_FIXTURES = Path(__file__).parents[2] / "fixtures"

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 7, 2**31, 2**32, 2**63, 10**30, 1.0, 1.5, 1e300, "", "0",
    "x", "relu", "null", "(1,)", "(2, 3)", "True", "None", "nan", "1e999", "9" * 5000, "a\0b",
    "\ud800", "é", "a:b", "\\", '"', [], {}, [[]], [[0, 0, 0]], [0, 0], [[0, 0]], {"a": "b"},
    ["int", 10901], ["int", 0], ["str", "x"], ["list_int", [1]], [["int", 1]],
)  # fmt: skip

_KEYS = (
    "op", "name", "inputs", "attrs", "attr", "param", "control_deps", "subgraphs", "nodes",
    "backward_source_id", "arg_nodes", "heads", "node_row_ptr", "mxnet_version", "is_np_shape",
    "num_hidden", "kernel", "no_bias", "axis", "shape", "act_type", "__shape__", "lr_mult",
    "weight_lr_mult", "ctx_group", "num_args", "subgraph", "x",
)  # fmt: skip

_OPERATORS = (
    "null", "relu", "Flatten", "BatchNorm", "BatchNorm_v1", "Convolution", "FullyConnected",
    "elemwise_add", "_Plus", "Concat", "SliceChannel", "Reshape", "Dropout", "_foreach", "_cond",
    "_while_loop", "_CachedOp", "Custom", "NoSuchOp", "Embedding", "RNN", "argmax", "broadcast_add",
    "_contrib_MultiBoxPrior", "UpSampling", "LeakyReLU", "Activation", "_zeros", "topk", "",
)  # fmt: skip

_BYTES = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b'"', b",", b":",
    b"\\u0000", b"\\ud800",
    b"NaN", b"-1", b"1e9", b"0x1", b"00", b"9" * 400, b"null", b"\n", b"[" * 3000, b"'", b"//",
)  # fmt: skip


@cache
def _symbols() -> tuple[bytes, ...]:
    files = [path.read_bytes() for path in sorted(_FIXTURES.glob("*-symbol.json"))]
    small = [data for data in files if len(data) < 20_000]
    null = {"op": "null", "inputs": []}
    inner = {
        "nodes": [{**null, "name": "i"}, {"op": "relu", "name": "ir", "inputs": [[0, 0, 0]]}],
        "arg_nodes": [0], "heads": [[1, 0, 0]],
    }  # fmt: skip
    loop = {
        "num_args": "2", "num_outputs": "1", "num_out_data": "1", "in_data_locs": "(0,)",
        "in_state_locs": "()", "remain_locs": "()",
    }  # fmt: skip
    old = {
        "nodes": [
            {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1,
             "attr": {"ctx_group": "a", "lr_mult": "2"}},
            {"op": "null", "param": {}, "name": "w", "inputs": [], "backward_source_id": -1},
            {"op": "FullyConnected", "param": {"num_hidden": "2", "no_bias": "True"}, "name": "fc",
             "inputs": [[0, 0], [1, 0]], "backward_source_id": -1, "attr": {"weight_lr_mult": "3"}},
            {"op": "BatchNorm", "param": {}, "name": "bn", "inputs": [[2, 0]]},
        ],
        "arg_nodes": [0, 1], "heads": [[3, 0]],
    }  # fmt: skip
    new = {
        "nodes": [
            {**null, "name": "a", "attrs": {"__shape__": "(2, 3)"}}, {**null, "name": "b"},
            {"op": "_foreach", "name": "f", "attrs": loop, "inputs": [[0, 0, 0]],
             "subgraphs": [inner]},
            {"op": "elemwise_add", "name": "s", "inputs": [[0, 0, 0], [1, 0, 1]],
             "control_deps": [2]},
            {"op": "SliceChannel", "name": "c", "attrs": {"num_outputs": "2"},
             "inputs": [[3, 0, 0]]},
        ],
        "arg_nodes": [0, 1], "node_row_ptr": [0, 1, 2, 3, 4, 6], "heads": [[4, 1, 0], [2, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901], "is_np_shape": ["int", 1]},
    }  # fmt: skip
    return (*small, *(json.dumps(each).encode() for each in (old, new)))


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place in parsed JSON: its container and key."""
    found, stack = [], [tree]
    while stack:
        value = stack.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            found.append((value, key))
            if isinstance(child, dict | list):
                stack.append(child)
    return found


def _damage_tree(dice: random.Random, tree: Any) -> None:
    places = _places(tree)
    if not places:
        return
    container, key = dice.choice(places)
    value = container[key]
    way = dice.randrange(7)
    if way == 0:
        container[key] = dice.choice(_VALUES)
    elif way == 1 and isinstance(value, int):
        container[key] = value + dice.choice((-1, 1, 2, 7))
    elif way == 2 and isinstance(container, dict):
        container[dice.choice(_KEYS)] = container.pop(key)
    elif way == 3:
        container.pop(key)
    elif way == 4 and isinstance(container, list):
        container.insert(dice.randrange(len(container) + 1), value)
    elif way == 5 and isinstance(container, dict):
        container[dice.choice(_KEYS)] = dice.choice(_VALUES)
    else:
        nodes = [each for each, name in places if name == "op"]
        if nodes:
            dice.choice(nodes)["op"] = dice.choice(_OPERATORS)


def _damage_bytes(dice: random.Random, data: bytes, others: tuple[bytes, ...]) -> bytes:
    at = dice.randrange(len(data) + 1)
    way = dice.randrange(5)
    if way == 0:
        return data[:at]
    if way == 1:
        return data[:at] + dice.choice(_BYTES) + data[at:]
    if way == 2:
        return data[:at] + data[at + dice.randrange(1, 9) :]
    if way == 3:
        return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
    other = dice.choice(others)
    return data[:at] + other[dice.randrange(len(other) + 1) :]


def damaged_symbol(dice: random.Random) -> bytes:
    """Return a symbol, most often with one to four places changed, at times with broken text."""
    data = dice.choice(_symbols())
    if dice.random() < 0.75:
        tree = json.loads(data)
        for _ in range(dice.choice((1, 1, 2, 4))):
            _damage_tree(dice, tree)
        data = json.dumps(tree).encode()
        if dice.random() < 0.9:
            return data
    return _damage_bytes(dice, data, _symbols())


def _judge_symbol(data: bytes) -> None:
    graph = graphpass.loads(data)
    text = graphpass.dumps(graph)
    try:
        again = graphpass.loads(text)
    except graphpass.GraphpassError as error:
        raise AssertionError(f"what was written can't be read: {error}") from error
    assert graphpass.dumps(again) == text


@cache
def params_seeds() -> tuple[bytes, ...]:
    """Return a file of parameters of each kind: dense, mixed, legacy, sparse, and of others."""
    plain = Parameters({"w": np.arange(6, dtype="float32").reshape(2, 3)})
    plain.set("m", np.arange(4, dtype="float32"), "aux")
    mixed = Parameters(np_shape=True)
    for i, dtype in enumerate(("f4", "f8", "f2", "u1", "i4", "i1", "i8", "?", BFLOAT16)):
        mixed.set(f"p{i}", np.zeros((i % 3, 2), dtype), "aux" if i % 2 else "arg")
    mixed.set("scalar", np.float32(1), "")
    legacy = struct.pack("<QQQ", 0x112, 0, 3) + struct.pack("<I", 0)
    legacy += struct.pack("<IIIiiiff", 2, 2, 1, 2, 0, 0, 1, 2)
    legacy += struct.pack("<Iiqiiif", 0xF993FAC8, 1, 1, 1, 0, 0, 1)
    legacy += struct.pack("<QQ1sQ1sQ1s", 3, 1, b"n", 1, b"l", 1, b"v")
    # row_sparse: 2 of 4 rows; csr: 3 values of a (2, 3)
    rows = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<Ii", 0xF993FAC9, 1)
    rows += (
        struct.pack("<iqq", 2, 2, 2) + struct.pack("<iqq", 2, 4, 2) + struct.pack("<iii", 1, 0, 0)
    )
    rows += struct.pack("<iiq", 6, 1, 2) + struct.pack("<4f2q", 1, 2, 3, 4, 0, 2)
    rows += struct.pack("<QQ5s", 1, 5, b"arg:r")
    csr = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<Ii", 0xF993FAC9, 2)
    csr += struct.pack("<iq", 1, 3) + struct.pack("<iqq", 2, 2, 3) + struct.pack("<iii", 1, 0, 0)
    csr += struct.pack("<iiq", 6, 1, 3) + struct.pack("<iiq", 6, 1, 3)
    csr += struct.pack("<3f3q3q", 1, 2, 3, 0, 2, 3, 0, 2, 1) + struct.pack("<QQ5s", 1, 5, b"arg:c")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mixed")
        exported = []
        for export in (export_npz, export_safetensors):
            export(mixed, file, overwrite=True)
            exported.append(file.read_bytes())
    return params_bytes(plain), params_bytes(mixed), legacy, rows, csr, *exported


def _damaged_params(dice: random.Random) -> bytes:
    data = dice.choice(params_seeds())
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        if dice.random() < 0.4:
            data = _damage_bytes(dice, data, params_seeds())
            continue
        made = bytearray(data)
        layout = dice.choice(("<B", "<I", "<Q"))
        size = struct.calcsize(layout)
        if len(made) < size + 4:
            continue
        edge = 2 ** dice.choice((0, 1, 4, 7, 8, 15, 16, 31, 32, 40, 62, 63, 64))
        value = (edge + dice.choice((-2, -1, 0, 1))) % 256**size
        struct.pack_into(layout, made, dice.randrange((len(made) - size) // 4) * 4, value)
        data = bytes(made)
    return data


def _judge_params(data: bytes) -> None:
    parameters = read_params(data)
    for name in parameters:
        parameters[name]  # dense, if it is stored otherwise
    assert read_params(params_bytes(parameters)) == parameters


FILES: dict[str, tuple[Callable[[random.Random], bytes], Callable[[bytes], None]]] = {
    "symbols": (damaged_symbol, _judge_symbol),
    "params": (_damaged_params, _judge_params),
}
"""By kind, how a damaged file is made, and what reads it and what it was taken for."""
