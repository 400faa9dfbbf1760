"""Small models, one operation on them, what a refusal must leave, and what MXNet computes.

Fixtures hand out functions, so that a test reads as: this net, this rule, that net.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from graphpass import Graph, Model, Parameters, dumps, loads
from graphpass.ops import format_value
from graphpass.rules.operations import operation_class
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.pass_files.schema import schema_faults
from graphpass.rules.reading import Reading

Arrays = Mapping[str, np.ndarray]


def read_net(
    text: str,
    hints: Mapping[str, Mapping[str, str]] | None = None,
    names: Mapping[str, str] | None = None,
) -> Graph:
    """Read lines such as ``fc1 = FullyConnected(data, w, b, num_hidden=2)`` and ``return fc1``.

    A name that no line defines, or a text, is a variable; ``split0[1]`` is another output than the
    first. `hints` are attributes of variables; `names` replaces names by odder ones.
    """
    nodes: list[dict[str, Any]] = []
    ids: dict[str, int] = {}

    def add(name: str, op: str, attrs: Mapping[str, str], inputs: Sequence[list[int]]) -> int:
        ids[name] = len(nodes)
        nodes.append({"op": op, "name": name, "attrs": dict(attrs), "inputs": list(inputs)})
        return ids[name]

    def entry(value: ast.expr) -> list[int]:
        output = 0
        if isinstance(value, ast.Subscript):
            value, output = value.value, ast.literal_eval(value.slice)
        name = value.id if isinstance(value, ast.Name) else ast.literal_eval(value)
        if name not in ids:
            add(name, "null", (hints or {}).get(name, {}), [])
        return [ids[name], output, 0]

    heads: list[list[int]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("return "):
            returned = ast.parse(line.removeprefix("return "), mode="eval").body
            values = returned.elts if isinstance(returned, ast.Tuple) else [returned]
            heads = [entry(value) for value in values]
            continue
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.Assign)
        call = statement.value
        assert isinstance(call, ast.Call)
        attrs = {
            str(keyword.arg): format_value(ast.literal_eval(keyword.value))
            for keyword in call.keywords
        }
        inputs = [entry(argument) for argument in call.args]
        target = statement.targets[0]
        assert isinstance(target, ast.Name)
        assert isinstance(call.func, ast.Name)
        add(target.id, call.func.id, attrs, inputs)
    variables = [i for i, node in enumerate(nodes) if node["op"] == "null"]
    symbol = {
        "nodes": nodes,
        "arg_nodes": variables,
        "heads": heads,
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    for node in nodes:
        node["name"] = (names or {}).get(node["name"], node["name"])
    return stamped(loads(json.dumps(symbol)))


def stamped(graph: Graph) -> Graph:
    """Give every mutation the stamp that composing in saved order gives it."""
    counts: dict[int, int] = {}
    with graph.edit() as edit:
        for key in graph.order():
            inputs = [e._replace(version=counts.get(e.node, 0)) for e in graph.inputs(key)]
            for slot in graph.signature(key).mutable_slots:
                counts[inputs[slot].node] = counts.get(inputs[slot].node, 0) + 1
                inputs[slot] = inputs[slot]._replace(version=counts[inputs[slot].node])
            edit.set_inputs(key, inputs)
    return graph


@pytest.fixture
def net() -> Callable[..., Model]:
    """A model from text, with ``name=shape`` or ``name=array`` for its parameters."""

    def make(
        text: str, hints: Mapping[str, Mapping[str, str]] | None = None, **values: Any
    ) -> Model:
        graph = read_net(text, hints)
        random = np.random.default_rng(7)
        parameters = Parameters()
        for name, value in values.items():
            array = (
                np.asarray(value, "float32")
                if isinstance(value, np.ndarray | list)
                else random.uniform(0.5, 1.5, value).astype("float32")
            )
            parameters.set(name, array, "aux" if name in graph.auxiliary_states else "arg")
        return Model(graph, parameters)

    return make


@pytest.fixture
def namesakes(net: Callable[..., Model]) -> Callable[[str, str, str], Model]:
    """A model two of whose variables have one name, as MXNet loads it and no edit makes it."""

    def make(text: str, name: str, other: str) -> Model:
        symbol = json.loads(dumps(net(text).graph))
        for node in symbol["nodes"]:
            node["name"] = name if node["name"] == other else node["name"]
        return Model(loads(json.dumps(symbol)))

    return make


class Done:
    """What one operation did."""

    def __init__(self, summary: str, notes: list[str]) -> None:
        self.summary = summary
        self.notes = notes


@pytest.fixture
def perform() -> Callable[..., Done]:
    """Apply one operation to a model: ``perform(model, "tie", ["a", "b"])``.

    What stands in the rule is checked against the schema, unless it is a thing of Python's.
    """

    def run_one(model: Model, keyword: str, value: Any, **context: Any) -> Done:
        with suppress(TypeError):
            plain = json.loads(json.dumps(value))
            assert not schema_faults({"graphpass": 1, "rules": [{keyword: plain}]})
        return apply_one(model, keyword, value, **context)

    return run_one


def apply_one(model: Model, keyword: str, value: Any, **context: Any) -> Done:
    operation: Operation = operation_class(keyword).from_value(value)
    if "folder" in context:
        context["reading"] = Reading(context.pop("folder"))
    run = Run(model=model, **context)
    with model.edit() as edit:
        summary = operation.apply(run, edit)
    return Done(summary, run.notes)


@pytest.fixture
def refused(state: Callable[[Model], Any]) -> Callable[..., str]:
    """Apply an operation that must be refused; return the message. The model is as before."""

    def run_one(
        model: Model, keyword: str, value: Any, error: type[Exception], **context: Any
    ) -> str:
        before = state(model)
        with pytest.raises(error) as caught:
            apply_one(model, keyword, value, **context)
        assert state(model) == before
        return str(caught.value)

    return run_one


@pytest.fixture
def same_net() -> Callable[[Model | Graph, str], None]:
    """Assert that a graph prints as the one that a text describes does."""

    def check(found: Model | Graph, text: str, **options: Any) -> None:
        graph = found.graph if isinstance(found, Model) else found
        assert dumps(graph) == dumps(read_net(text, **options))

    return check


@pytest.fixture
def compute(mx: ModuleType) -> Callable[..., list[np.ndarray]]:
    """What MXNet computes: ``compute(model, data=array)`` gives one array per head."""

    def forward(model: Model, *, train: bool = False, **inputs: Any) -> list[np.ndarray]:
        text = dumps(model.graph)
        symbol = mx.sym.load_json(text)
        assert symbol.tojson(remove_amp_cast=False) == text
        assert symbol.list_arguments() == model.graph.arguments
        assert symbol.list_auxiliary_states() == model.graph.auxiliary_states
        assert symbol.list_outputs() == model.graph.outputs
        values = {
            name: mx.nd.array(array, dtype=array.dtype) for name, array in model.parameters.items()
        }
        values |= {name: mx.nd.array(array) for name, array in inputs.items()}
        executor = symbol.bind(
            mx.cpu(),
            {name: values[name] for name in model.graph.arguments},
            aux_states={name: values[name] for name in model.graph.auxiliary_states},
            grad_req="null",
        )
        return [output.asnumpy() for output in executor.forward(is_train=train)]

    return forward


def _node(op: str, name: str, *inputs: int, **attrs: str) -> dict[str, Any]:
    return {"op": op, "name": name, "attrs": attrs, "inputs": [[i, 0, 0] for i in inputs]}


@pytest.fixture
def mlp() -> Callable[[], Model]:
    """``data`` -> ``fc1`` -> ``bn1`` -> ``relu1`` -> ``drop1`` -> ``fc2``, keys 0 to 12."""
    nodes = [
        _node("null", "data"),
        _node("null", "fc1_weight"),
        _node("null", "fc1_bias"),
        _node("FullyConnected", "fc1", 0, 1, 2, num_hidden="4"),
        _node("null", "bn1_gamma"),
        _node("null", "bn1_beta"),
        _node("null", "bn1_moving_mean"),
        _node("null", "bn1_moving_var"),
        _node("BatchNorm", "bn1", 3, 4, 5, 6, 7),
        _node("Activation", "relu1", 8, act_type="relu"),
        _node("Dropout", "drop1", 9, p="0.5"),
        _node("null", "fc2_weight"),
        _node("FullyConnected", "fc2", 10, 11, no_bias="True", num_hidden="2"),
    ]
    text = json.dumps(
        {
            "nodes": nodes,
            "arg_nodes": [i for i, node in enumerate(nodes) if node["op"] == "null"],
            "heads": [[12, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10901]},
        }
    )
    shapes = {"fc1_weight": (4, 3), "fc1_bias": (4,), "fc2_weight": (2, 4)}
    states = ("bn1_moving_mean", "bn1_moving_var")

    def make() -> Model:
        parameters = Parameters(
            {name: np.full(shape, 0.5, "float32") for name, shape in shapes.items()}
        )
        for name in ("bn1_gamma", "bn1_beta", *states):
            parameters.set(name, np.ones(4, "float32"), "aux" if name in states else "arg")
        return Model(loads(text), parameters)

    return make


@pytest.fixture
def state() -> Callable[[Model], Any]:
    """All that a model is: text, keys, names, wiring, heads, and each array by identity."""

    def of(model: Model) -> Any:
        graph, parameters = model.graph, model.parameters
        return (
            dumps(graph),
            {key: (dict(data), graph.inputs(key)) for key, data in graph.dag.nodes.items()},
            {name: graph.named(name) for name in graph.names},
            graph.heads,
            [(name, parameters.class_of(name), id(parameters[name])) for name in parameters],
        )

    return of
