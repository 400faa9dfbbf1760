"""Random small models, and random patterns that have a fair chance to match in them."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from graphpass import Graph, Model, Parameters, loads
from graphpass.graph import Entry

COMMUTATIVE = {"elemwise_add", "add_n"}


def random_model(dice: random.Random, size: int) -> Model:
    """Draw a model of two inputs, two parameters and some operators, most of them read."""
    nodes: list[dict[str, Any]] = []
    values: list[list[int]] = []
    names = ["in0", "in1", "p0", "p1"]

    def add(op: str, inputs: list[list[int]], outputs: int = 1, **attrs: str) -> None:
        index = len(nodes)
        name = names[index] if index < len(names) else f"n{index}"
        node = {"op": op, "name": name, "attrs": attrs, "inputs": inputs}
        if op != "null" and index > 4 and dice.random() < 0.12:
            node["control_deps"] = [dice.randrange(len(names), index)]
        nodes.append(node)
        values.extend([index, output, 0] for output in range(outputs))

    for _ in names:
        add("null", [])

    def value() -> list[int]:
        return dice.choice(values[-4:] if dice.random() < 0.6 else values)

    for _ in range(size):
        op = dice.choice(
            ["relu", "relu", "tanh", "Dropout", "Activation", "SliceChannel", "FullyConnected"]
            + ["elemwise_add"] * 3
            + ["add_n", "Concat", "elemwise_sub"]
        )
        if op in ("relu", "tanh", "Dropout"):
            add(op, [value()])
        elif op == "Activation":
            add(op, [value()], act_type=dice.choice(["relu", "tanh"]))
        elif op == "SliceChannel":
            add(op, [value()], 2, num_outputs="2")
        elif op == "FullyConnected":
            bias = dice.random() < 0.5
            inputs = [value() for _ in range(2 + bias)]
            add(op, inputs, num_hidden="1", no_bias=str(not bias))
        elif op in ("elemwise_add", "elemwise_sub"):
            add(op, [value(), value()])
        else:
            count = dice.randint(1, 3)
            add(op, [value() for _ in range(count)], num_args=str(count))
    heads = [values[-1], *(dice.choice(values) for _ in range(dice.choice([0, 0, 1])))]
    text = {
        "nodes": nodes,
        "arg_nodes": [0, 1, 2, 3],
        "heads": heads,
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    parameters = Parameters()
    for name in ("p0", "p1"):
        parameters.set(name, np.ones(1, "float32"), "arg")
    return Model(loads(json.dumps(text)), parameters)


def random_pattern(dice: random.Random, model: Model) -> str:
    """Draw a pattern after some part of a model, with a few liberties."""
    return _Writer(dice, model.graph).write()


class _Writer:
    def __init__(self, dice: random.Random, graph: Graph) -> None:
        self.dice = dice
        self.graph = graph
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.left = 3
        self.values: dict[Entry, str] = {}
        self.rests = 0

    def write(self) -> str:
        operators = [key for key in self.graph.order() if not self.graph.is_variable(key)]
        count = self.dice.choice([1, 1, 1, 2, 2, 3])
        roots = []
        for _ in range(count):
            key = self.dice.choice(operators)
            below = [key for key in self.names if key in operators]
            if below and self.dice.random() < 0.4:
                key = self.dice.choice(below)
            if key not in self.names:
                self.left = min(self.left, 2)
                self.bind(key)
            roots.append(self.names[key])
        used = list(self.values.values())
        bound = list(self.names.values())
        if self.dice.random() < 0.25:
            self.lines.append(f"shared({self.dice.choice(bound)})")
        if self.dice.random() < 0.25:
            listed = [*used, *(name for name in bound if "," not in name)]
            first = self.dice.choice(listed) if listed else ""
            if listed:
                self.lines.append(f"distinct({first}, {self.dice.choice(listed)})")
        self.lines.append(f"return {', '.join(dict.fromkeys(map(self.returned, roots)))}")
        return "\n".join(self.lines)

    def returned(self, name: str) -> str:
        name = name.removesuffix(", _")
        return f"{name}[0]" if "," not in name and self.dice.random() < 0.15 else name

    def bind(self, key: int) -> None:
        call = self.call(key)
        name = f"a{key}"
        if self.graph.op(key) == "SliceChannel" and self.dice.random() < 0.4:
            third = ", _" if self.dice.random() < 0.1 else ""
            self.names[key] = name = f"a{key}, b{key}{third}"
        self.names[key] = name
        self.lines.append(f"{name} = {call}")

    def call(self, key: int) -> str:
        graph, dice = self.graph, self.dice
        op = graph.op(key)
        if dice.random() < 0.08:
            op = dice.choice(["relu", "tanh", "Dropout", "elemwise_add"])
        self.left -= 1
        operands = [self.operand(entry) for entry in graph.inputs(key)]
        if graph.op(key) in COMMUTATIVE:
            dice.shuffle(operands)
        if dice.random() < 0.12 and operands:
            start = dice.randrange(len(operands))
            self.rests += 1
            rest = dice.choice(["*_", f"*r{self.rests % 2}"])
            operands[start : dice.randint(start, len(operands))] = [rest]
        elif dice.random() < 0.15 and operands:
            last = operands.pop() if dice.random() < 0.6 else f"v{dice.randint(0, 9)}"
            operands.append(f"optional({last})")
        function = op
        if dice.random() < 0.15:
            function = f"({op} | {dice.choice(['relu', 'tanh', 'Dropout'])})"
        if dice.random() < (0.5 if op == "Dropout" else 0.08) and operands:
            function = f"maybe({function.strip('()')})"
        attributes = []
        if op == "Activation" and dice.random() < 0.5:
            attributes = [f"act_type={dice.choice(['relu', 'tanh'])!r}"]
        return f"{function}({', '.join([*operands, *attributes])})"

    def operand(self, entry: Entry) -> str:
        dice, key = self.dice, entry.node
        if dice.random() < 0.1 and self.left > 0:
            self.left -= 1
            return f"maybe(Dropout)({self.operand(entry)})"
        if key in self.names and dice.random() < 0.8:
            name = self.names[key]
            if "," in name:
                return name.split(", ")[entry.output]
            return f"{name}[{entry.output}]" if entry.output else name
        if not self.graph.is_variable(key) and self.left > 0 and dice.random() < 0.75:
            if entry.output or dice.random() < 0.4:
                if key not in self.names:
                    self.bind(key)
                name = self.names[key]
                if "," in name:
                    return name.split(", ")[entry.output]
                return f"{name}[{entry.output}]" if entry.output else name
            return self.call(key)
        name = self.values.setdefault(entry, f"v{len(self.values)}")
        if dice.random() < 0.15:
            return "_"
        if dice.random() < 0.12:
            return f"v{dice.randint(0, 9)}"
        if dice.random() < 0.2:
            kind = dice.choice(["param", "input", "const"])
            return f"{kind}({dice.choice([name, '_'])})"
        return name
