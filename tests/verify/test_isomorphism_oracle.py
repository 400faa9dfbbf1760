"""`isomorphic` against networkx's VF2, which knows neither slots nor heads nor linear time.

Each graph is spelled for VF2 as a plain DiGraph: every input slot, control dependency and head is
a node of its own between what it reads and what reads it, labelled with slot and output. So slots,
double edges and the order of heads are part of the structure that VF2 compares.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import networkx as nx
import pytest
from networkx.algorithms.isomorphism import DiGraphMatcher

from graphpass import Entry, Graph
from graphpass.graph.structure import opaque_signature
from graphpass.verify.isomorphism import isomorphic

TWO_OUTPUTS = opaque_signature(2)

PAIRS_PER_SEED = 100


def spelled(graph: Graph) -> nx.DiGraph:
    """Return the graph as VF2 can compare it."""
    plain = nx.DiGraph()
    for key in graph.order():
        plain.add_node(key, label=(graph.op(key), tuple(sorted(graph.attrs(key).items()))))
    for key in graph.order():
        for slot, entry in enumerate(graph.inputs(key)):
            plain.add_node((key, slot), label=("slot", slot, entry.output))
            plain.add_edge(entry.node, (key, slot))
            plain.add_edge((key, slot), key)
        for index, source in enumerate(graph.control_dependencies(key)):
            plain.add_node((key, "control", index), label=("control", index))
            plain.add_edge(source, (key, "control", index))
            plain.add_edge((key, "control", index), key)
    for position, head in enumerate(graph.heads):
        plain.add_node(("head", position), label=("head", position, head.output))
        plain.add_edge(head.node, ("head", position))
    return plain


def judged(a: Graph, b: Graph) -> bool:
    plain_a, plain_b = spelled(a), spelled(b)
    same_label: Callable[[dict, dict], bool] = lambda x, y: x["label"] == y["label"]  # noqa: E731
    return DiGraphMatcher(plain_a, plain_b, node_match=same_label).is_isomorphic()


def random_graph(dice: random.Random) -> Graph:
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable(f"x{n}") for n in range(dice.randint(1, 3))]
        variables = len(keys)
        for number in range(dice.randint(1, 6)):
            inputs = [value(dice, keys, variables) for _ in range(dice.randint(0, 3))]
            control = [dice.choice(keys)] if dice.random() < 0.15 else []
            attrs = {"k": dice.choice("12")} if dice.random() < 0.3 else {}
            op = dice.choice(["Alpha", "Beta"])
            keys.append(
                edit.add_node(op, f"n{number}", attrs, inputs, control=control, carried=TWO_OUTPUTS)
            )
        edit.set_heads([value(dice, keys, variables) for _ in range(dice.randint(1, 3))])
    return graph


def value(dice: random.Random, keys: list[int], variables: int) -> Entry:
    index = dice.randrange(len(keys))
    return Entry(keys[index], 0 if index < variables else dice.choice([0, 0, 1]))


def rebuilt(graph: Graph, dice: random.Random) -> Graph:
    """Return the same graph with other keys and names, built in another order."""
    waiting = list(graph.order())
    dice.shuffle(waiting)
    twin = Graph()
    keys: dict[int, int] = {}
    with twin.edit() as edit:
        while waiting:
            for key in waiting:
                control = graph.control_dependencies(key)
                needed = [entry.node for entry in graph.inputs(key)] + list(control)
                if all(source in keys for source in needed):
                    break
            waiting.remove(key)
            keys[key] = edit.add_node(
                graph.op(key),
                f"m{len(keys)}",
                graph.attrs(key),
                [Entry(keys[entry.node], entry.output) for entry in graph.inputs(key)],
                control=[keys[source] for source in control],
                carried=None if graph.is_variable(key) else TWO_OUTPUTS,
            )
        edit.set_heads([Entry(keys[head.node], head.output) for head in graph.heads])
    return twin


def swap_slots(graph: Graph, dice: random.Random) -> None:
    key = dice.choice(graph.order())
    inputs = list(graph.inputs(key))
    dice.shuffle(inputs)
    with graph.edit() as edit:
        edit.set_inputs(key, inputs)


def change_op(graph: Graph, dice: random.Random) -> None:
    operators = [key for key in graph.order() if not graph.is_variable(key)]
    if operators:
        with graph.edit() as edit:
            edit.set_op(dice.choice(operators), dice.choice(["Alpha", "Beta"]), carried=TWO_OUTPUTS)


def change_attribute(graph: Graph, dice: random.Random) -> None:
    key = dice.choice(graph.order())
    if not graph.is_variable(key):
        with graph.edit() as edit:
            edit.set_attrs(key, {"k": dice.choice("12")})


def move_edge(graph: Graph, dice: random.Random) -> None:
    order = graph.order()
    position = dice.randrange(len(order))
    inputs = list(graph.inputs(order[position]))
    if inputs and position:
        source = dice.choice(order[:position])
        output = 0 if graph.is_variable(source) else dice.choice([0, 1])
        inputs[dice.randrange(len(inputs))] = Entry(source, output)
        with graph.edit() as edit:
            edit.set_inputs(order[position], inputs)


def split_node(graph: Graph, dice: random.Random) -> None:
    """Give one use of a node a copy of the node."""
    key = dice.choice(graph.order())
    uses = graph.uses(key)
    if uses:
        use = dice.choice(uses)
        with graph.edit() as edit:
            twin = edit.add_node(
                graph.op(key),
                f"{graph.name(key)}_twin",
                graph.attrs(key),
                graph.inputs(key),
                control=graph.control_dependencies(key),
                carried=None if graph.is_variable(key) else TWO_OUTPUTS,
            )
            output = graph.inputs(use.node)[use.slot].output
            edit.set_input(use.node, use.slot, Entry(twin, output))


def merge_nodes(graph: Graph, dice: random.Random) -> None:
    """Make all uses of a variable read another one."""
    variables = [key for key in graph.order() if graph.is_variable(key)]
    if len(variables) > 1:
        kept, gone = dice.sample(variables, 2)
        with graph.edit() as edit:
            edit.redirect(Entry(gone), Entry(kept))


def change_heads(graph: Graph, dice: random.Random) -> None:
    heads = list(graph.heads)
    dice.shuffle(heads)
    if dice.random() < 0.3:
        heads.append(dice.choice(heads))
    with graph.edit() as edit:
        edit.set_heads(heads)


def move_control(graph: Graph, dice: random.Random) -> None:
    order = graph.order()
    position = dice.randrange(1, len(order)) if len(order) > 1 else 0
    if position:
        sources = dice.sample(order[:position], dice.randint(0, min(2, position)))
        with graph.edit() as edit:
            edit.set_inputs(order[position], graph.inputs(order[position]), control=sources)


def leave(graph: Graph, dice: random.Random) -> None:
    """Change nothing."""


CHANGES = [
    swap_slots,
    change_op,
    change_attribute,
    move_edge,
    split_node,
    merge_nodes,
    change_heads,
    move_control,
    leave,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_vf2(change: Callable[[Graph, random.Random], None], seed: int) -> None:
    dice = random.Random(f"{change.__name__} {seed}")
    verdicts = {True: 0, False: 0}
    for _ in range(PAIRS_PER_SEED):
        a = random_graph(dice)
        b = rebuilt(a, dice)
        change(b, dice)
        found = isomorphic(a, b)
        expected = judged(a, b)
        assert bool(found) == expected, (found.difference, spelled(a).edges, spelled(b).edges)
        if found:
            assert_is_isomorphism(a, b, found.mapping)
        verdicts[expected] += 1
    assert verdicts[True], "the change never leaves a graph as it is"
    assert verdicts[False] or change is leave, "the change never makes a difference"


def assert_is_isomorphism(a: Graph, b: Graph, mapping: object) -> None:
    assert isinstance(mapping, dict) or hasattr(mapping, "items")
    pairs = dict(mapping.items())
    assert sorted(pairs) == sorted(a.order())
    assert sorted(pairs.values()) == sorted(b.order())
    for key, twin in pairs.items():
        assert [(pairs[e.node], e.output) for e in a.inputs(key)] == [
            (e.node, e.output) for e in b.inputs(twin)
        ]
    assert [(pairs[h.node], h.output) for h in a.heads] == [(h.node, h.output) for h in b.heads]
