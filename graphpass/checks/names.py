"""Names that stand for more than one node."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.finding import FoundNode
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject

__all__ = ["CHECKS"]


def _bearers(subject: Subject) -> Iterator[tuple[str, list[FoundNode]]]:
    """Yield the names that several nodes have, those nodes in saved order."""
    graph = subject.graph
    for name in graph.names:
        keys = graph.named(name)
        if len(keys) > 1:
            reached = sorted(filter(graph.reaches, keys), key=subject.position)
            yield name, [subject.found(key) for key in reached]


def _repeated_variables(subject: Subject) -> Iterator[Found]:
    for name, nodes in _bearers(subject):
        variables = tuple(node for node in nodes if node.op == "null")
        if len(variables) > 1:
            yield Found(
                variables,
                f"{len(variables)} variables are called {name!r}, and parameters are bound by "
                "name; MXNet refuses to bind them",
            )


def _repeated_operators(subject: Subject) -> Iterator[Found]:
    for name, nodes in _bearers(subject):
        operators = tuple(node for node in nodes if node.op != "null")
        if len(operators) > 1:
            yield Found(
                operators,
                f"{len(operators)} operators are called {name!r}; converters and get_internals() "
                "need one name for each",
            )


def _shared_names(subject: Subject) -> Iterator[Found]:
    for name, nodes in _bearers(subject):
        if len({node.op == "null" for node in nodes}) > 1:
            yield Found(
                tuple(nodes),
                f"a variable and an operator are both called {name!r}; tools that know nodes by "
                "name take one for the other",
            )


CHECKS = (
    Check(
        "repeated-variable-name",
        "error",
        "two variables of one name, which MXNet does not bind",
        "apply unique-names",
        _repeated_variables,
    ),
    Check(
        "repeated-operator-name",
        "warning",
        "two operators of one name",
        "apply unique-names",
        _repeated_operators,
    ),
    Check(
        "shared-name",
        "warning",
        "an operator that is named like a variable",
        "apply unique-names",
        _shared_names,
    ),
)
