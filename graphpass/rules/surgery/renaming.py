"""New names for nodes that exist: checked as a whole, then given all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import eq

from graphpass.errors import OperationError, count
from graphpass.graph import VARIABLE, Edit, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.operations.operation import Run

__all__ = ["rename_nodes"]


def rename_nodes(
    run: Run, edit: Edit, names: Mapping[int, str], before: Sequence[str] | None = None
) -> str:
    """Rename nodes, and the parameters of variables with them; names may be swapped.

    Parameters
    ----------
    run, edit : Run, Edit
        What `Operation.apply` gets.
    names : mapping of int to str
        Node key -> new name.
    before : sequence of str, optional
        The old names, where they are known already.

    Returns
    -------
    str
        What was done: ``renamed 2 variables, 1 operator``.

    Raises
    ------
    OperationError
        If two nodes would have one name; both are named. Nothing is renamed then.

    Notes
    -----
    Linear in the nodes that are renamed and their parameters.
    """
    graph = run.graph
    before = graph.names_of(names) if before is None else before
    if any(map(eq, before, names.values())):
        changed = zip(names.items(), before, strict=True)
        names = {key: name for (key, name), old in changed if name != old}
        before = graph.names_of(names)
    are_all = len(names) == len(graph)
    if len(set(names.values())) < len(names) or not (
        are_all or graph.names.holds_none(names.values())
    ):
        _refuse_clashes(graph, names)
    variables = {key: names[key] for key in graph.by_op().get(VARIABLE, ()) if key in names}
    were_unique = (len(set(before)) if are_all else len(graph.names)) == len(graph)
    moved = _move_parameters(run, variables, were_unique=were_unique)
    edit.rename_all(names)
    operators = len(names) - len(variables)
    numbers = {"variable": len(variables), "operator": operators, "parameter": moved}
    parts = [count(number, noun) for noun, number in numbers.items() if number]
    return f"renamed {', '.join(parts) or 'nothing'}"


def _refuse_clashes(graph: Graph, names: Mapping[int, str]) -> None:
    """Refuse a name for two variables, and one for two operators that did not share one before.

    A variable and an operator may share a name, as in MXNet.
    """
    owners: dict[tuple[str, bool], list[int]] = {}
    for key, name in names.items():
        owners.setdefault((name, graph.is_variable(key)), []).append(key)
    for (name, variable), keys in owners.items():
        staying = [
            key
            for key in graph.named(name)
            if key not in names and graph.is_variable(key) == variable
        ]
        everyone = [*staying, *keys]
        if len(everyone) == 1:
            continue
        if not variable and not staying and len({graph.name(key) for key in keys}) == 1:
            continue
        raise OperationError(
            f"{_listed(graph, everyone)} would both be called {name!r}; {_advice(graph, staying)}"
        )


def _listed(graph: Graph, keys: Iterable[int]) -> str:
    first, second, *more = keys
    rest = f", and {len(more)} more," if more else ""
    return f"{describe(graph, first)} and {describe(graph, second)}{rest}"


def _advice(graph: Graph, staying: Iterable[int]) -> str:
    if any(not graph.reaches(key) for key in staying):
        return "the heads do not reach the one that has the name: `prune` drops it"
    return "choose another name, or rename both in one rule"


def _move_parameters(run: Run, variables: Mapping[int, str], *, were_unique: bool) -> int:
    """Rename the arrays of variables, and return how many got a new name.

    A file may hold several variables of one name, which share its array; those that are named
    apart go on sharing it.
    """
    graph, parameters = run.graph, run.model.parameters
    stored = parameters.keys()
    if not stored.isdisjoint(variables.values()):
        _refuse_unused_arrays(run, variables)
    before = zip(graph.names_of(variables), variables.values(), strict=True)
    if were_unique:
        moving = {old: name for old, name in before if old in stored}
        parameters.rename(moving)
        return len(moving)
    new_names: dict[str, list[str]] = {}
    for old, name in before:
        if old in stored:
            new_names.setdefault(old, []).append(name)
    moving = {}
    copies: list[tuple[str, str]] = []
    for old, several in new_names.items():
        stays = any(key not in variables for key in run.variables(old))
        if not stays:
            moving[old] = several.pop(0)
        copies.extend((moving.get(old, old), name) for name in several)
    parameters.rename(moving)
    for source, name in copies:
        parameters.set(name, parameters[source], parameters.class_of(source))
        run.note(f"the variables {source!r} and {name!r} had one name, and share the array still")
    return len(moving) + len(copies)


def _refuse_unused_arrays(run: Run, variables: Mapping[int, str]) -> None:
    """Refuse a name that an array has which belongs to no variable, unless it is the value."""
    graph, parameters = run.graph, run.model.parameters
    for key, name in variables.items():
        if name not in parameters or run.variables(name):
            continue
        if graph.name(key) in parameters:
            raise OperationError(
                f"{describe(graph, key)} can't be called {name!r}: the parameters hold an array "
                "of that name, which no variable uses; `prune` drops it"
            )
        run.note(f"the array {name!r}, which no variable used, is now the value of a variable")
