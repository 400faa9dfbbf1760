"""Near misses, one for each kind of condition, word for word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from graphpass import Model, Parameters
from graphpass.formats.text import parse_graph
from graphpass.rules import explain, parse_pattern
from graphpass.rules.explaining.near_misses import NearMiss
from graphpass.rules.matching.mismatch import CODES
from graphpass.rules.rewriting.rewrite import parse_rewrite


@dataclass
class Case:
    """A rewrite, or a pattern alone, that does not apply at a node, and what is said of that."""

    code: str
    graph: str
    match: str
    at: str
    said: str
    replace: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


CASES = [
    Case(
        "operator",
        "x = variable(); a = tanh(x); b = relu(a); return b",
        "y = relu(relu(x))",
        "b",
        "",
    ),
    Case(
        "operator",
        "x, g, t, m, v = variable(), variable(), variable(), variable(), variable()\n"
        "n = BatchNorm(x, g, t, m, v); return n",
        "conv = Convolution(z, *_)\nout = BatchNorm(conv, *_)",
        "n",
        "",
    ),
    Case(
        "operator",
        "x = variable(); a = tanh(x); return a",
        "maybe(Dropout)(relu(x))",
        "a",
        "",
    ),
    Case(
        "output",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); y = tanh(t); return y",
        "y = tanh(SliceChannel(z))",
        "y",
        "",
    ),
    Case(
        "attribute",
        "x, w = variable(), variable()\n"
        "c = Convolution(x, w, kernel=(1, 1), num_filter=4, no_bias=True); return relu(c)",
        "conv = Convolution(x, w, kernel=(3, 3)); y = relu(conv)",
        "relu0",
        "",
    ),
    Case(
        "attribute",
        "x, w = variable(), variable()\n"
        "c = Convolution(x, w, kernel=(1, 1), num_filter=4, no_bias=True); return relu(c), c",
        "conv = Convolution(x, w, kernel=(3, 3)); y = relu(conv)",
        "relu0",
        "",
    ),
    Case(
        "inputs",
        "x, w, b = variable(), variable(), variable()\n"
        "c = Convolution(x, w, b, kernel=(1, 1), num_filter=4); return c",
        "Convolution(x, w)",
        "c",
        "",
    ),
    Case(
        "outputs",
        "x = variable(); s = SliceChannel(x, num_outputs=2); return s[0], s[1]",
        "p, q, _ = SliceChannel(x)",
        "s",
        "",
    ),
    Case(
        "operand",
        "x, y = variable(), variable(); a = elemwise_add(tanh(x), y); return a",
        "sum = elemwise_add(tanh(z), sigmoid(_))",
        "a",
        "",
    ),
    Case(
        "kind",
        "x, w = variable(), variable(); f = dot(x, w); return f",
        "dot(x, param(p))",
        "f",
        "",
        shapes={"x": (2, 2)},
    ),
    Case(
        "value",
        "x, y = variable(), variable(); a = elemwise_sub(x, y); return a",
        "elemwise_sub(z, z)",
        "a",
        "",
    ),
    Case(
        "node",
        "x = variable(); a = relu(x); b = relu(a); c = elemwise_sub(a, b); return c",
        "r = relu(z); elemwise_sub(r, r)",
        "c",
        "",
    ),
    Case(
        "taken",
        "x = variable(); a = relu(x); b = elemwise_sub(a, a); return b",
        "p = relu(x); q = relu(x); elemwise_sub(p, q)",
        "b",
        "",
    ),
    Case(
        "reader",
        "x = variable(); a = relu(x); return a",
        "p = relu(x); q = tanh(x); return p, q",
        "a",
        "",
    ),
    Case(
        "distinct",
        "x = variable(); a = relu(x); b = elemwise_sub(a, a); return b",
        "y = elemwise_sub(p, q); distinct(p, q)",
        "b",
        "",
    ),
    Case(
        "head",
        "x = variable(); a = relu(x); b = relu(a); return b, a",
        "y = relu(relu(x))",
        "b",
        "",
    ),
    Case(
        "head",
        "x = variable(); a = relu(x); b = relu(a); return b, a, tanh(a)",
        "y = relu(relu(x))",
        "b",
        "",
    ),
    Case(
        "used",
        "x, w1, w2 = variable(), variable(), variable()\n"
        "fc1 = FullyConnected(x, w1, num_hidden=4, no_bias=True)\n"
        "dropout1 = Dropout(fc1); relu1 = relu(dropout1)\n"
        "fc2 = FullyConnected(dropout1, w2, num_hidden=4, no_bias=True); return relu1, fc2",
        "y = relu(Dropout(z))",
        "relu1",
        "",
    ),
    Case(
        "used",
        "x = variable(); a = relu(x); b = relu(a)\n"
        "return b, tanh(a), sigmoid(a), abs(a), negative(a), square(a)",
        "y = relu(relu(x))",
        "b",
        "",
    ),
    Case(
        "used",
        "x = variable(); a = relu(x); b = relu(a); c = relu(b); return c, tanh(a), sin(b)",
        "y = relu(relu(relu(x)))",
        "c",
        "",
    ),
    Case(
        "used",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); y = tanh(s); return y, relu(t)",
        "s, t = SliceChannel(x); return s",
        "s",
        "",
    ),
    Case(
        "cycle",
        "x = variable(); a = relu(x); b = elemwise_add(x, a); return a, b",
        "p = relu(x); q = elemwise_add(x, y); return p, q",
        "a",
        "",
    ),
    Case(
        "where",
        "x = variable(); a = Flatten(x); s = softmax(a, axis=1); return s",
        "y = softmax(Flatten(x))",
        "s",
        "",
        replace="y = softmax(x)",
        options={"where": ["known(x) or True", "y.axis == -1", "y.temperature is None"]},
    ),
    Case(
        "where",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        "",
        replace="y = FullyConnected(x, w, **y.attrs)",
        options={"where": ["known(w)"]},
    ),
    Case(
        "where",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        "",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"where": ["min(half) > 0", "y.flatten"], "let": {"half": "w / 2"}},
        shapes={"w": (4, 3)},
    ),
    Case(
        "let",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        "",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"where": ["y.flatten", "min(half) > 0"], "let": {"half": "w / 2"}},
    ),
    Case(
        "replace",
        "x = variable(); a = Flatten(x); return a",
        "y = Flatten(x)",
        "a",
        "",
        replace="y = Reshape(x, shape=(x.shape[0], -1))",
    ),
    Case(
        "replace",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w, optional(b))",
        "f",
        "",
        replace="return b",
    ),
    Case(
        "outputs",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); return s, t",
        "y = SliceChannel(x)",
        "s",
        "",
        replace="y = relu(x)",
    ),
    Case(
        "control",
        "x = variable(); a = tanh(x); d = identity(x, after=[a]); return d, a",
        "y = identity(x)",
        "d",
        "",
        replace="return x",
    ),
    Case(
        "control",
        "x = variable(); d = identity(x); a = tanh(x, after=[d]); return d, a",
        "y = identity(x)",
        "d",
        "",
        replace="return x",
    ),
    Case(
        "subgraph",
        "def body():\n"
        "    v, w = variable(), variable()\n"
        "    return FullyConnected(v, w, num_hidden=4, no_bias=True, name='inner')\n"
        "x, u = variable(), variable()\n"
        "loop = _foreach(x, u, subgraphs=[body], num_args=3, num_outputs=1, num_out_data=1,\n"
        "    in_data_locs=(0,), in_state_locs=(), remain_locs=(1,))\n"
        "return loop",
        "y = FullyConnected(x, w)",
        "inner",
        "",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"let": {"half": "ones((4, 3))"}},
    ),
    Case(
        "error",
        "x = variable(); a = softmax(x, axis=0); return a",
        "y = softmax(x)",
        "a",
        "",
        replace="y = softmax(x)",
        options={"where": ["1 / y.axis > 0"]},
    ),
]


def model_of(case: Case) -> Model:
    parameters = Parameters(
        {name: np.linspace(-1, 1, 12, dtype="float32").reshape(shape)[: shape[0]] if False
         else np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
         for name, shape in case.shapes.items()}
    )
    return Model(parse_graph(case.graph), parameters)
