"""New names that operations give: templates, and clashes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable

from graphpass.errors import OperationError
from graphpass.graph.invariants import describe
from graphpass.rules.operations.operation import Run

__all__ = ["fill", "free_prefix", "refuse_clashes"]

_FIELD = re.compile(r"\{(\w+)\}")


def fill(template: str, **values: str) -> str:
    """Return a template with its fields filled in; braces around other words stay.

    Examples
    --------
    >>> fill("{name}_{user}", name="embed_weight", user="decoder")
    'embed_weight_decoder'
    """
    return _FIELD.sub(lambda match: values.get(match[1], match[0]), template)


def refuse_clashes(
    run: Run,
    *,
    variables: Iterable[str] = (),
    operators: Iterable[str] = (),
    leaving: Container[int] = (),
    advice: str,
) -> None:
    """Refuse new names that something else has.

    A variable and an operator may share a name, as in MXNet.

    Parameters
    ----------
    run : Run
        Its model is looked at before anything new is added.
    variables : iterable of str
        Names of new variables.
    operators : iterable of str
        Names of new operators; among themselves they may repeat.
    leaving : container of int
        Nodes that are about to go, whose names are therefore free.
    advice : str
        What to do about a clash: the end of the message.

    Raises
    ------
    OperationError
        Naming the owner.
    """
    graph = run.graph
    names = Counter(variables)
    for name, count in names.items():
        if count > 1:
            raise OperationError(f"{count} new variables would be called {name!r}; {advice}")
        owners = [key for key in graph.named(name) if key not in leaving]
        for key in owners:
            if graph.is_variable(key):
                raise OperationError(
                    f"a new variable can't be called {name!r}: {describe(graph, key)} is there "
                    f"already; {advice}"
                )
        if name in run.model.parameters and not run.variables(name):
            raise OperationError(
                f"a new variable can't be called {name!r}: the parameters hold an array of that "
                f"name, which no variable uses and which would become its value; {advice}, or drop "
                "the array first (`prune`)"
            )
    for name in dict.fromkeys(operators):
        for key in graph.named(name):
            if key not in leaving and not graph.is_variable(key):
                raise OperationError(
                    f"a new operator can't be called {name!r}: {describe(graph, key)} is there "
                    f"already; {advice}"
                )


def free_prefix(run: Run, prefix: str) -> str:
    """Return a prefix with which no name of the model begins, for advice."""
    names = [*run.graph.names, *run.model.parameters]
    number = 2
    stem = prefix.rstrip("_-") or "clone"
    end = prefix[len(prefix.rstrip("_-")) :] or "_"
    while any(name.startswith(f"{stem}{number}{end}") for name in names):
        number += 1
    return f"{stem}{number}{end}"
