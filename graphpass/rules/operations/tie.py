"""``tie`` and ``untie``: several variables become one node, and one becomes several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphpass.errors import OperationError, count, listed, shortened, suggestion
from graphpass.formats.parameters import Parameters
from graphpass.graph import Edit, Entry, Graph
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.operations.names import fill, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import overwritten_gammas
from graphpass.rules.operations.region import restamp, users_of
from graphpass.rules.operations.weights import (
    copy_parameter,
    dtype_hint,
    equal_parameters,
    same_shape,
    shape_hint,
)
from graphpass.rules.selectors import Selector, select, select_one
from graphpass.verify.arrays import same_bits

__all__ = ["Tie", "Untie"]

_SHOWN = 6


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
            return _tie_equal(run, edit, self._selected(run.graph))
        graph, parameters = run.graph, run.model.parameters
        tied = self._selected(graph)
        names = graph.names_of(tied)
        if len(tied) < 2:
            raise OperationError(f"tying takes two variables or more, and {listed(names)} is one")
        into = names[0] if self.into is None else self.into
        if into not in names:
            refuse_clashes(run, variables=[into], advice="choose another name under into")
        stays = tied[names.index(into)] if into in names else tied[0]
        states = set(graph.variable_keys().auxiliary_states)
        auxiliary = [key for key in tied if key in states]
        arguments = [key for key in tied if key not in states]
        if auxiliary and arguments:
            raise OperationError(
                f"{graph.name(arguments[0])!r} is an argument and {graph.name(auxiliary[0])!r} an "
                "auxiliary state, which operators write to during training; one variable can't be "
                "both, so tie arguments with arguments"
            )
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
        winner = self._winner(parameters, names, graph.name(stays))
        kept = graph.attrs(stays)
        for key in tied:
            attrs = graph.attrs(key)
            for hint in filter(is_hidden_key, sorted(kept.keys() | attrs.keys())):
                if kept.get(hint) != attrs.get(hint):
                    first, second = (
                        f"{graph.name(each)!r} has {'none' if text is None else repr(text)}"
                        for each, text in ((stays, kept.get(hint)), (key, attrs.get(hint)))
                    )
                    run.note(f"{hint} differs: {first}, which stays, and {second}")
        others = [key for key in tied if key != stays]
        edit.redirect_all({Entry(key): Entry(stays) for key in others})
        edit.replace_nodes(dict.fromkeys(others, stays))
        for name in names:
            if winner is not None and name not in parameters:
                run.note(f"{name!r} had no stored value, and now has that of {winner!r}")
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
            for name in valued[1:]:
                if not same_bits(parameters[valued[0]], parameters[name]):
                    raise OperationError(
                        f"the values of {valued[0]!r} and {name!r} differ; say whose stays by "
                        f"keep: {valued[0]}, keep: {name}, keep: first or keep: last"
                    )
            return stays if stays in valued else valued[0]
        if self.keep in names:
            if self.keep not in valued:
                raise OperationError(
                    f"keep names {self.keep!r}, which has no stored value; {listed(valued)} has"
                )
            return self.keep
        return valued[0] if self.keep == "first" else valued[-1]


def _tie_equal(run: Run, edit: Edit, keys: Iterable[int]) -> str:
    """Tie the arguments among some variables whose stored values are equal, and say which.

    The first stays, or the first that is a head. Auxiliary states stay apart, and so do heads. A
    gamma that BatchNorm fills with ones is equal to another such one only.

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
    tied: list[tuple[str, str]] = []
    stands: dict[int, int] = {}
    for overwritten in (False, True):
        alike = [key for key in stored if key not in states and (key in gammas) == overwritten]
        for group in equal_parameters(run.model, alike):
            heads = [key for key in group if graph.is_head(key)]
            if len(heads) > 1:
                named = listed(graph.names_of(heads))
                run.note(f"{named} are equal, but are heads, which stay apart")
            stays = heads[0] if heads else group[0]
            for key in group:
                if key != stays and key not in heads:
                    tied.append((graph.name(key), graph.name(stays)))
                    stands[key] = stays
    if tied:
        edit.replace_nodes(stands)
        run.drop_orphans(edit)
    for group in equal_parameters(run.model, [key for key in stored if key in states]):
        names = listed(map(graph.name, group))
        run.note(f"{names} are equal, but are auxiliary states, which stay apart")
    shown = shortened([f"{old!r} into {new!r}" for old, new in tied], _SHOWN)
    return (
        f"tied {count(len(tied), 'variable')}{f' ({shown})' if tied else ''}; "
        f"{count(size - parameters.nbytes, 'byte')} left the parameters"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Untie(Operation):
    """Give every operator that reads a variable one of its own, with the same value.

    An operator that reads the variable twice goes on reading one. Where the variable is a head, the
    first operator's is.
    """

    keyword: ClassVar[str] = "untie"
    shorthand: ClassVar[str | None] = "variable"

    variable: Selector
    """The variable."""

    names: Sequence[str] | str | None = None
    """Names of the variables, one per operator in saved order; or their template, such as
    ``{user}_weight``. Default: the first operator keeps the variable, the others get
    ``{name}_{user}``."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Untie the variable. Linear in the graph."""
        graph, parameters = run.graph, run.model.parameters
        shared = select_one(graph, self.variable, kind="variables")
        old = graph.name(shared)
        users = users_of(graph, shared)
        if len(users) < 2:
            readers = listed(map(graph.name, users)) if users else "no operator"
            raise OperationError(f"{readers} alone reads {old!r}, so it is not tied")
        names = self._names(run, old, users)
        refuse_clashes(
            run,
            variables=names,
            leaving={shared},
            advice="choose other names under names, one per operator",
        )
        was_state = shared in graph.variable_keys().auxiliary_states
        if names[0] != old:
            parameters.rename({old: names[0]})
            edit.rename(shared, names[0])
        variables = [shared]
        for user, name in zip(users[1:], names[1:], strict=True):
            twin = edit.add_variable(name, graph.attrs(shared))
            variables.append(twin)
            run.copied(twin, Entry(shared))
            copy_parameter(parameters, names[0], name)
            inputs = graph.inputs(user)
            edit.set_inputs(
                user, [e._replace(node=twin) if e.node == shared else e for e in inputs]
            )
        restamp(graph, edit, variables)
        states = graph.variable_keys().auxiliary_states
        arguments = [key for key in variables if was_state and key not in states]
        if arguments:
            run.note(
                f"{listed(graph.names_of(arguments))} is no auxiliary state any more: no operator "
                "that reads it updates it"
            )
        return f"untied {old!r}: {count(len(users), 'operator')} now read {listed(names)}"

    def _names(self, run: Run, old: str, users: Sequence[int]) -> list[str]:
        owners = [run.graph.name(user) for user in users]
        if self.names is None:
            template = "{name}_{user}"
            return [old, *(fill(run, template, name=old, user=owner) for owner in owners[1:])]
        if isinstance(self.names, str):
            if "{user}" not in self.names:
                raise OperationError(
                    f"the name {self.names!r} would be every variable's; write {{user}} "
                    "where the operator's name goes, such as '{user}_weight'"
                )
            return [fill(run, self.names, name=old, user=owner) for owner in owners]
        if len(self.names) != len(users):
            raise OperationError(
                f"names has {count(len(self.names), 'name')} for "
                f"{count(len(users), 'operator')} that read {old!r}: {listed(owners)}; "
                "give one name each, in this order"
            )
        return list(self.names)
