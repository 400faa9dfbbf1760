"""Names that stand for more than one node."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.finding import FoundNode
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Scope, Subject

__all__ = ["CHECKS"]


def _bearers(scope: Scope) -> Iterator[tuple[str, list[FoundNode]]]:
    """Yield the names that several nodes of a graph have, those nodes in saved order."""
    graph = scope.graph
    repeated = {name: graph.named(name) for name in graph.names if len(graph.named(name)) > 1}
    if not repeated:
        return
    positions = {key: number for number, key in enumerate(graph.order())}
    for name, keys in repeated.items():
        reached = sorted(positions.keys() & keys, key=positions.__getitem__)
        yield name, [scope.found(key) for key in reached]


def _remedy(scope: Scope) -> str | None:
    """Return what mends it: nothing inside a subgraph, whose nodes no pass renames."""
    return "" if scope.inside else None


def _repeated_variables(subject: Subject) -> Iterator[Found]:
    for name, nodes in _bearers(subject.scopes[0]):
        variables = tuple(node for node in nodes if node.op == "null")
        if len(variables) > 1:
            yield Found(
                variables,
                f"{len(variables)} variables are called {name!r}, and parameters are bound by "
                "name; MXNet refuses to bind them",
            )


def _repeated_operators(subject: Subject) -> Iterator[Found]:
    for scope in subject.scopes:
        for name, nodes in _bearers(scope):
            operators = tuple(node for node in nodes if node.op != "null")
            if len(operators) > 1:
                yield Found(
                    operators,
                    f"{len(operators)} operators are called {name!r}; converters and "
                    "get_internals() need one name for each",
                    remedy=_remedy(scope),
                )


def _shared_names(subject: Subject) -> Iterator[Found]:
    for scope in subject.scopes:
        for name, nodes in _bearers(scope):
            if len({node.op == "null" for node in nodes}) > 1:
                yield Found(
                    tuple(nodes),
                    f"a variable and an operator are both called {name!r}; tools that know nodes "
                    "by name take one for the other",
                    remedy=_remedy(scope),
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
