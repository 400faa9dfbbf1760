"""Why an attempt to match failed, in words.

==============  ================================================================================
code            what does not hold
==============  ================================================================================
``operator``    the node is another operator than the pattern names, or a variable
``output``      another output of the node is read
``attribute``   an attribute has another value
``inputs``      the node has more or fewer inputs
``outputs``     the node has more or fewer visible outputs than the pattern names
``operand``     no input of a commutative operator is what an operand asks for
``kind``        the value is no parameter, auxiliary state, input or constant
``value``       a name stands for another value already
``node``        an operator stands for another node already
``taken``       another operator of the pattern stands for the node already
``reader``      nothing that reads the bound values is an operator that a further root names
``distinct``    two names stand for one value
``head``        an interior node is a head
``used``        something outside uses an interior node
``cycle``       the match reads what is computed from one of its roots
==============  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphpass.graph import Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.matching.match import Fault
from graphpass.rules.patterns.pattern import Rest, Restricted, Value
from graphpass.rules.patterns.plan import OptionalOperand, Plan, PlanOperand, Produced
from graphpass.rules.wording import count

__all__ = ["CODES", "describe_fault"]


def describe_fault(fault: Fault, plan: Plan, graph: Graph) -> str:
    """Return one sentence, without a full stop: what was found, and what was wanted."""
    return _WORDS[fault.code](fault, plan, graph)


def _operator(fault: Fault, plan: Plan, graph: Graph) -> str:
    return f"{describe(graph, fault.nodes[0])} is no {' or '.join(fault.wanted)}"


def _output(fault: Fault, plan: Plan, graph: Graph) -> str:
    node = describe(graph, fault.nodes[0])
    return f"output {fault.found} of {node} is read, not output {fault.wanted}"


def _attribute(fault: Fault, plan: Plan, graph: Graph) -> str:
    name, found, wanted = fault.found
    return f"{describe(graph, fault.nodes[0])} has {name}={found!r}, not {wanted!r}"


def _inputs(fault: Fault, plan: Plan, graph: Graph) -> str:
    operands: Sequence[PlanOperand] = fault.wanted
    rest = any(isinstance(operand, Rest) for operand in operands)
    least = sum(not isinstance(operand, Rest | OptionalOperand) for operand in operands)
    most = len(operands)
    wanted = f"{least} or more" if rest else str(least) if most == least else f"{least} to {most}"
    node = describe(graph, fault.nodes[0])
    return f"{node} has {count(fault.found, 'input')}; the pattern gives {wanted}"


def _outputs(fault: Fault, plan: Plan, graph: Graph) -> str:
    node = describe(graph, fault.nodes[0])
    return f"{node} has {count(fault.found, 'visible output')}; the pattern names {fault.wanted}"


def _no_operand(fault: Fault, plan: Plan, graph: Graph) -> str:
    return f"no input of {describe(graph, fault.nodes[0])} is {_spell(fault.wanted, plan)}"


def _kind(fault: Fault, plan: Plan, graph: Graph) -> str:
    noun = {
        "param": "a parameter",
        "aux": "an auxiliary state",
        "input": "an input",
        "const": "computed from parameters alone",
    }[fault.wanted]
    return f"{_value_name(graph, fault.found)} is not {noun}"


def _value(fault: Fault, plan: Plan, graph: Graph) -> str:
    name, known = fault.wanted
    return f"{name} is {_several(graph, known)} already, not {_several(graph, fault.found)}"


def _node(fault: Fault, plan: Plan, graph: Graph) -> str:
    label = plan.parts[fault.part].label
    found, wanted = _value_name(graph, fault.found), _value_name(graph, fault.wanted)
    return f"{label} is {wanted} already, not {found}"


def _taken(fault: Fault, plan: Plan, graph: Graph) -> str:
    first, second = plan.parts[fault.found].label, plan.parts[fault.part].label
    node = describe(graph, fault.nodes[0])
    return f"{node} stands for {first} already and can't stand for {second} too"


def _reader(fault: Fault, plan: Plan, graph: Graph) -> str:
    return f"no {' or '.join(fault.wanted)} reads what is matched so far, as {_label(fault, plan)}"


def _distinct(fault: Fault, plan: Plan, graph: Graph) -> str:
    first, second = fault.found
    return f"{first} and {second} are both {describe(graph, fault.nodes[0])}"


def _head(fault: Fault, plan: Plan, graph: Graph) -> str:
    return f"output {fault.found} of {describe(graph, fault.nodes[0])} is a head"


def _used(fault: Fault, plan: Plan, graph: Graph) -> str:
    node, user = (describe(graph, key) for key in fault.nodes)
    return f"{node} is also used by {user}"


def _cycle(fault: Fault, plan: Plan, graph: Graph) -> str:
    root, start = (describe(graph, key) for key in fault.nodes)
    return f"{start}, which the match reads, is computed from its root {root}"


_WORDS: dict[str, Callable[[Fault, Plan, Graph], str]] = {
    "operator": _operator,
    "output": _output,
    "attribute": _attribute,
    "inputs": _inputs,
    "outputs": _outputs,
    "operand": _no_operand,
    "kind": _kind,
    "value": _value,
    "node": _node,
    "taken": _taken,
    "reader": _reader,
    "distinct": _distinct,
    "head": _head,
    "used": _used,
    "cycle": _cycle,
}

CODES = tuple(_WORDS)
"""Roughly in the order in which the conditions are looked at."""


def _label(fault: Fault, plan: Plan) -> str:
    return plan.parts[fault.part].label


def _value_name(graph: Graph, entry: Entry) -> str:
    """Return how messages call a value: its node, and the output where that is not the first."""
    node = describe(graph, entry.node)
    return f"output {entry.output} of {node}" if entry.output else node


def _several(graph: Graph, value: Entry | tuple[Entry, ...]) -> str:
    if isinstance(value, Entry):
        return _value_name(graph, value)
    return f"({', '.join(_value_name(graph, entry) for entry in value)})"


def _spell(operand: PlanOperand, plan: Plan) -> str:
    if isinstance(operand, OptionalOperand):
        return _spell(operand.operand, plan)
    if isinstance(operand, Produced):
        return plan.parts[operand.part].label
    if isinstance(operand, Restricted):
        return f"{operand.kind}({operand.name or '_'})"
    return operand.name or "_" if isinstance(operand, Value | Rest) else "_"
