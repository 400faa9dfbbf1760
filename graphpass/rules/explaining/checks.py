"""A miss, or a match, line by line: the operators of the pattern, then the conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphpass.graph import VARIABLE, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.explaining.miss import Halt, Miss, Subject, part_text, step_of, steps
from graphpass.rules.report.changes import NodeRef
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.match import Fault, Match
from graphpass.rules.rewrite.pattern import OptionalOperand, Pattern, Produced

__all__ = ["Check", "checks_of_match", "checks_of_miss", "node_ref"]


class Check(NamedTuple):
    """One operator of the pattern, or one condition."""

    what: str
    """As it is written: ``conv = Convolution``, ``out.axis == 1``."""

    holds: bool | None
    """None: it was not reached."""

    node: NodeRef | None = None
    """What an operator stands for."""

    reason: str = ""
    """What was found, and what was wanted."""

    def to_json(self) -> dict[str, Any]:
        """Return the check as a dict of plain values."""
        node = None if self.node is None else self.node._asdict()
        return {"what": self.what, "holds": self.holds, "node": node, "reason": self.reason}


def node_ref(graph: Graph, key: int) -> NodeRef:
    """Return a node as reports name it."""
    return NodeRef(key, graph.op(key), graph.name(key))


def checks_of_match(match: Match, subject: Subject) -> tuple[Check, ...]:
    """Return the operators of a match, and the conditions, all of which hold."""
    nodes = {number: -1 if key is None else key for number, key in enumerate(match.nodes)}
    return (
        *_operators(subject.pattern, match.graph, nodes),
        *(Check(text, True) for stage, text in steps(subject) if stage == "where" and text),
    )


def checks_of_miss(miss: Miss, subject: Subject, graph: Graph) -> tuple[Check, ...]:
    """Return the operators and conditions, the failing one with its reason."""
    failing = miss.cause if isinstance(miss.cause, Fault) else None
    if failing is not None and failing.code == "distinct":
        failing = None
    return (
        *_operators(subject.pattern, graph, miss.nodes, miss if failing else None, subject),
        *_conditions(miss, subject, graph),
    )


def _operators(
    pattern: Pattern,
    graph: Graph,
    nodes: Mapping[int, int],
    miss: Miss | None = None,
    subject: Subject | None = None,
) -> Iterator[Check]:
    fault = None if miss is None else miss.cause
    for number in _from_the_roots(pattern):
        what, key = part_text(pattern, number), nodes.get(number)
        if isinstance(fault, Fault) and fault.part == number:
            assert miss is not None and subject is not None
            at = key if key is not None and key >= 0 else next(iter(fault.nodes), None)
            reason = miss.reason(subject, graph)
            if at is None:
                yield Check(what, False, None, reason)
            else:
                yield Check(what, False, node_ref(graph, at), _predicate(fault, reason, graph, at))
        elif key is None:
            yield Check(what, None)
        elif key < 0:
            yield Check(what, True, None, "absent")
        else:
            yield Check(what, True, node_ref(graph, key))


def _predicate(fault: Fault, reason: str, graph: Graph, key: int) -> str:
    """Return a reason as it goes on behind the name of a node, without its operator."""
    if fault.code == "operator":
        found = "a variable" if fault.found == VARIABLE else fault.found
        return f"is {found}, not {' or '.join(fault.wanted)}"
    node = describe(graph, key)
    return reason.removeprefix(f"{node} ").replace(f" of {node} is ", " is ", 1)


def _from_the_roots(pattern: Pattern) -> list[int]:
    """Return the operators, each before what it reads, roots and operands from left to right."""
    found: dict[int, None] = {}
    pending = [root.value.part for root in reversed(pattern.roots)]
    while pending:
        number = pending.pop()
        if number in found:
            continue
        found[number] = None
        operands = [
            each.operand if isinstance(each, OptionalOperand) else each
            for each in pattern.parts[number].operands
        ]
        pending += [each.part for each in reversed(operands) if isinstance(each, Produced)]
    return list(found)


def _conditions(miss: Miss, subject: Subject, graph: Graph) -> Iterator[Check]:
    """Yield the conditions in the order of evaluation, and what else stopped the rewrite."""
    cause = miss.cause
    if isinstance(cause, Fault):
        if cause.code == "distinct":
            yield Check(miss.what(subject), False, None, miss.reason(subject, graph))
        return
    order = steps(subject)
    failing = step_of(cause, order) if isinstance(cause, Refusal) else -1
    passed = len(order) if isinstance(cause, Halt) and cause.decided else failing
    for number, (stage, text) in enumerate(order):
        if number == failing:
            yield Check(miss.what(subject), False, None, miss.reason(subject, graph))
        elif stage == "where" and text is not None:
            yield Check(text, number < passed or None)
    if failing < 0:
        yield Check(miss.what(subject), False, None, miss.reason(subject, graph))
