"""Variables whose stored values are equal become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphpass.errors import OperationError, count, listed, shortened
from graphpass.graph import Edit, Entry
from graphpass.rules.operations.operation import Run
from graphpass.rules.surgery.equality import equal_parameters
from graphpass.rules.surgery.repeating import overwritten_gammas
from graphpass.rules.surgery.uses import give_control_to

__all__ = ["tie_equal"]

_SHOWN = 6


def tie_equal(run: Run, edit: Edit, keys: Iterable[int]) -> str:
    """Tie the arguments among some variables whose stored values are equal, and say which.

    The first stays, or the first that is a head. Auxiliary states stay apart, and so do heads. A
    gamma that BatchNorm fills with ones is equal to another such one only.

    Raises
    ------
    OperationError
        If the graph is to be trained: what is equal today would not stay so.

    Notes
    -----
    Linear in the graph, and in the bytes of the arrays compared.
    """
    if run.purpose == "training":
        raise OperationError(
            "values that are equal now would differ after training, and tied ones could not; name "
            "the variables that are to be one weight, and leave `equal` out"
        )
    graph, parameters = run.graph, run.model.parameters
    stored = [key for key in keys if graph.name(key) in parameters]
    states = set(graph.variable_keys().auxiliary_states)
    gammas = overwritten_gammas(graph)
    size = parameters.nbytes
    ties = [
        *_groups(run, [key for key in stored if key not in states and key not in gammas]),
        *_groups(run, [key for key in stored if key in gammas and key not in states]),
    ]
    tied: list[tuple[str, str]] = []
    for stays, others in ties:
        for key in others:
            tied.append((graph.name(key), graph.name(stays)))
            edit.redirect(Entry(key), Entry(stays))
            give_control_to(graph, edit, key, stays)
    if tied:
        run.drop_orphans(edit)
    for group in equal_parameters(run.model, [key for key in stored if key in states]):
        names = listed(map(graph.name, group))
        run.note(f"{names} are equal, but are auxiliary states, which stay apart")
    shown = shortened([f"{old!r} into {new!r}" for old, new in tied], _SHOWN)
    return (
        f"tied {count(len(tied), 'variable')}{f' ({shown})' if tied else ''}; "
        f"{count(size - parameters.nbytes, 'byte')} left the parameters"
    )


def _groups(run: Run, keys: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return which variable stays, and which others it takes the place of."""
    graph = run.graph
    found = []
    for group in equal_parameters(run.model, keys):
        heads = [key for key in group if graph.is_head(key)]
        if len(heads) > 1:
            run.note(f"{listed(map(graph.name, heads))} are equal, but are heads, which stay apart")
        stays = heads[0] if heads else group[0]
        others = [key for key in group if key != stays and key not in heads]
        if others:
            found.append((stays, others))
    return found
