"""``tie``: several variables become one node, so that all their consumers read the same weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.formats.parameters import Parameters
from graphpass.graph import Edit, Entry, Graph
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.selectors import Selector, select
from graphpass.rules.surgery.equal_weights import tie_equal
from graphpass.rules.surgery.naming import refuse_clashes
from graphpass.rules.surgery.stamps import restamp
from graphpass.rules.surgery.uses import give_control_to
from graphpass.rules.surgery.values import dtype_hint, same_bits, same_shape, shape_hint

__all__ = ["Tie"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie(Operation):
    """Make variables one node; their other arrays leave the parameters.

    Examples
    --------
    ``tie: [src_embed_weight, tgt_embed_weight]`` keeps the first. ``tie: {variables: "glob:*",
    equal: true}`` stores equal arrays once.
    """

    keyword: ClassVar[str] = "tie"
    shorthand: ClassVar[str | None] = "variables"

    variables: Selector
    """The variables, two or more."""

    into: str | None = None
    """Name of the one that stays, or a new name for the first; default: the first's."""

    keep: str | None = None
    """Whose value stays where they differ: a name, ``first`` or ``last``."""

    equal: bool = False
    """Whether to tie only those whose stored values are equal, however many of each there are."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Tie the variables. Linear in the graph, and in the bytes of the arrays compared."""
        if self.equal:
            return tie_equal(run, edit, self._selected(run.graph))
        graph, parameters = run.graph, run.model.parameters
        tied = self._tied(graph)
        names = [graph.name(key) for key in tied]
        into = names[0] if self.into is None else self.into
        if into not in names:
            refuse_clashes(run, variables=[into], advice="choose another name under into")
        stays = tied[names.index(into)] if into in names else tied[0]
        _refuse_mixed_classes(graph, tied)
        _refuse_misfits(graph, parameters, tied)
        winner = self._winner(parameters, names, graph.name(stays))
        _note_hints(run, stays, tied)

        others = [key for key in tied if key != stays]
        for key in others:
            edit.redirect(Entry(key), Entry(stays))
            give_control_to(graph, edit, key, stays)
        _note_values(run, names, winner)
        if winner not in (None, graph.name(stays)):
            parameters.set(graph.name(stays), parameters[winner], parameters.class_of(winner))
        if graph.name(stays) != into:
            parameters.rename({graph.name(stays): into})
            edit.rename(stays, into)
        freed = sum(
            parameters[name].nbytes for name in names if name != into and name in parameters
        )
        run.drop_orphans(edit)
        restamp(graph, edit, [stays])
        return (
            f"tied {listed(names)} into {into!r}, which {count(len(graph.uses(stays)), 'input')} "
            f"now read; {count(freed, 'byte')} left the parameters"
        )

    def _selected(self, graph: Graph) -> list[int]:
        selectors = self.variables
        if isinstance(selectors, str) or not isinstance(selectors, Sequence):
            selectors = [selectors]
        found: dict[int, None] = {}
        for selector in selectors:
            found.update(
                dict.fromkeys(select(graph, selector, kind="variables", optional=self.equal))
            )
        return list(found)

    def _tied(self, graph: Graph) -> list[int]:
        found = self._selected(graph)
        if len(found) < 2:
            raise OperationError(
                f"tying takes two variables or more, and {listed(map(graph.name, found))} is one"
            )
        return found

    def _winner(self, parameters: Parameters, names: Sequence[str], stays: str) -> str | None:
        """Return whose value stays; None where nobody has one."""
        valued = [name for name in names if name in parameters]
        if self.keep is not None and self.keep not in (*names, "first", "last"):
            raise OperationError(
                f"keep can't be {self.keep!r}{suggestion(self.keep, names)}; it is first, "
                f"last, or one of {listed(names)}"
            )
        if not valued:
            return None
        if self.keep is None:
            _refuse_unequal(parameters, valued)
            return stays if stays in valued else valued[0]
        if self.keep in names:
            if self.keep not in valued:
                raise OperationError(
                    f"keep names {self.keep!r}, which has no stored value; {listed(valued)} has"
                )
            return self.keep
        return valued[0] if self.keep == "first" else valued[-1]


def _refuse_mixed_classes(graph: Graph, tied: Iterable[int]) -> None:
    states = set(graph.variable_keys().auxiliary_states)
    auxiliary = [key for key in tied if key in states]
    arguments = [key for key in tied if key not in states]
    if auxiliary and arguments:
        raise OperationError(
            f"{graph.name(arguments[0])!r} is an argument and {graph.name(auxiliary[0])!r} an "
            "auxiliary state, which operators write to during training; one variable can't be "
            "both, so tie arguments with arguments"
        )


def _refuse_misfits(graph: Graph, parameters: Parameters, tied: Sequence[int]) -> None:
    """Refuse variables whose shapes or types, as far as they are known, differ."""
    shapes: dict[tuple[int, ...] | None, str] = {}
    dtypes: dict[np.dtype[Any] | None, str] = {}
    for key in tied:
        name, attrs = graph.name(key), graph.attrs(key)
        array = parameters.get(name)
        shape = shape_hint(attrs) if array is None else array.shape
        dtype = dtype_hint(attrs) if array is None else array.dtype
        for known, other in shapes.items():
            if not same_shape(shape, known):
                raise OperationError(
                    f"{other!r} has the shape {known} and {name!r} has {shape}; one variable "
                    "can't have both, so they can't be tied"
                )
        for type_, other in dtypes.items():
            if None not in (dtype, type_) and dtype != type_:
                raise OperationError(
                    f"{other!r} is of {type_} and {name!r} of {dtype}; convert one of them "
                    "before they are tied"
                )
        shapes.setdefault(shape, name)
        dtypes.setdefault(dtype, name)


def _refuse_unequal(parameters: Parameters, names: Sequence[str]) -> None:
    first = names[0]
    for name in names[1:]:
        if not same_bits(parameters[first], parameters[name]):
            raise OperationError(
                f"the values of {first!r} and {name!r} differ; say whose stays by "
                f"keep: {first}, keep: {name}, keep: first or keep: last"
            )


def _note_hints(run: Run, stays: int, tied: Iterable[int]) -> None:
    graph = run.graph
    kept = graph.attrs(stays)
    for key in tied:
        attrs = graph.attrs(key)
        for hint in sorted(kept.keys() | attrs.keys()):
            if is_hidden_key(hint) and kept.get(hint) != attrs.get(hint):
                run.note(
                    f"{hint} differs: {graph.name(stays)!r} has {_spell(kept.get(hint))}, which "
                    f"stays, and {graph.name(key)!r} has {_spell(attrs.get(hint))}"
                )


def _note_values(run: Run, names: Iterable[str], winner: str | None) -> None:
    parameters = run.model.parameters
    for name in names:
        if winner is not None and name not in parameters:
            run.note(f"{name!r} had no stored value, and now has that of {winner!r}")


def _spell(hint: str | None) -> str:
    return "none" if hint is None else repr(hint)
