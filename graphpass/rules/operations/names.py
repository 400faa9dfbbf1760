r"""New names: templates of them, their clashes, and how nodes that exist get them.

In a template may stand:

===========  ====================================================================================
field        is
===========  ====================================================================================
``{name}``   the old name
``{op}``     of an operator: what it runs, in short: ``conv``, ``bn``, ``fc``, ``elemwise_add``
``{user}``   of a variable: the name of the first operator that reads it
``{input}``  of a variable: what that operator calls the input, such as ``weight``
``{index}``  0, 1, …: the first number that makes the name free
``{unique}`` nothing if the name is free, else ``_1``, ``_2``, …
===========  ====================================================================================

In what stands between the fields, ``\1`` is a group of a ``regex:`` selector.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from operator import eq

from graphpass.errors import OperationError, SelectorError, count, suggestion
from graphpass.graph import VARIABLE, Edit
from graphpass.graph.invariants import describe
from graphpass.graph.names import FreeNames
from graphpass.rules.operations.operation import Run
from graphpass.rules.selectors import NameMatch

__all__ = [
    "NameTemplate",
    "fill",
    "fill_all",
    "free_prefix",
    "refuse_clashes",
    "rename_nodes",
    "short_name",
]

_FIELD = re.compile(r"\{(\w+)\}")
_FIELDS = ("name", "op", "user", "input", "index", "unique")
_NUMBER = "\0"
"""Stands for the number until it is known; no name holds it."""

_SHORT = {
    "Activation": "act",
    "BatchNorm": "bn",
    "Convolution": "conv",
    "Deconvolution": "deconv",
    "FullyConnected": "fc",
    "Pooling": "pool",
}


def short_name(op: str) -> str:
    """Return what an operator is called in names.

    Examples
    --------
    >>> short_name("Convolution"), short_name("_contrib_ROIAlign"), short_name("_plus_scalar")
    ('conv', 'roialign', 'plus_scalar')
    """
    return _SHORT.get(op) or op.lower().lstrip("_").removeprefix("contrib_")


def fill(run: Run, template: str, **values: str) -> str:
    """Return a template with its fields filled in; braces around other words stay.

    Raises
    ------
    OperationError
        If the names that the run gives are longer than they may be, all together.
    """
    pieces = _FIELD.split(template)
    for position in range(1, len(pieces), 2):
        pieces[position] = values.get(pieces[position], f"{{{pieces[position]}}}")
    return _joined(run, pieces)


def _joined(run: Run, pieces: Sequence[str]) -> str:
    run.limits.names.take(sum(map(len, pieces)))
    return "".join(pieces)


def fill_all(run: Run, template: str, names: Sequence[str]) -> list[str]:
    """Return a template with each of some names in the place of ``{name}``, as `fill` does."""
    before, field, after = template.partition("{name}")
    if field and "{" not in before and "{" not in after:
        more = len(before) + len(after)
        run.limits.names.take(sum(map(len, names)) + more * len(names))
        return [f"{before}{name}{after}" for name in names]
    return [fill(run, template, name=name) for name in names]


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
    wanted, known = [*variables], [*operators]
    stored = run.model.parameters.keys()
    if (
        len(set(wanted)) == len(wanted)
        and stored.isdisjoint(wanted)
        and graph.names.holds_none([*wanted, *known])
    ):
        return
    for name, often in Counter(wanted).items():
        if often > 1:
            raise OperationError(f"{often} new variables would be called {name!r}; {advice}")
        owners = [key for key in graph.named(name) if key not in leaving]
        for key in owners:
            if graph.is_variable(key):
                raise OperationError(
                    f"a new variable can't be called {name!r}: {describe(graph, key)} is there "
                    f"already; {advice}"
                )
        if name in stored and not run.variables(name):
            raise OperationError(
                f"a new variable can't be called {name!r}: the parameters hold an array of that "
                f"name, which no variable uses and which would become its value; {advice}, or drop "
                "the array first (`prune`)"
            )
    for name in dict.fromkeys(known):
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
        If two variables would have one name, or two operators that had not before. Both are named,
        and nothing is renamed then. A variable and an operator may share one, as in MXNet.

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
        owners: dict[tuple[str, bool], list[int]] = {}
        for key, name in names.items():
            owners.setdefault((name, graph.is_variable(key)), []).append(key)
        for (name, is_variable), keys in owners.items():
            others = [key for key in graph.named(name) if key not in names]
            staying = [key for key in others if graph.is_variable(key) == is_variable]
            were_one = not is_variable and not staying and len(set(graph.names_of(keys))) == 1
            if len(staying) + len(keys) == 1 or were_one:
                continue
            first, second, *more = [describe(graph, key) for key in (*staying, *keys)]
            rest = f", and {len(more)} more," if more else ""
            advice = "choose another name, or rename both in one rule"
            if any(not graph.reaches(key) for key in staying):
                advice = "the heads do not reach the one that has the name: `prune` drops it"
            raise OperationError(
                f"{first} and {second}{rest} would both be called {name!r}; {advice}"
            )
    variables = {key: names[key] for key in graph.by_op().get(VARIABLE, ()) if key in names}
    were_unique = (len(set(before)) if are_all else len(graph.names)) == len(graph)
    moved = _move_parameters(run, variables, were_unique=were_unique)
    edit.rename_all(names)
    operators = len(names) - len(variables)
    numbers = {"variable": len(variables), "operator": operators, "parameter": moved}
    parts = [count(number, noun) for noun, number in numbers.items() if number]
    return f"renamed {', '.join(parts) or 'nothing'}"


def _move_parameters(run: Run, variables: Mapping[int, str], *, were_unique: bool) -> int:
    """Rename the arrays of variables, and return how many got a new name.

    A file may hold several variables of one name, which share its array; those that are named
    apart go on sharing it.
    """
    graph, parameters = run.graph, run.model.parameters
    stored = parameters.keys()
    pairs = [*zip(graph.names_of(variables), variables.values(), strict=True)]
    if not stored.isdisjoint(variables.values()):
        for key, (old, name) in zip(variables, pairs, strict=True):
            if name not in stored or run.variables(name):
                continue
            if old in stored:
                raise OperationError(
                    f"{describe(graph, key)} can't be called {name!r}: the parameters hold an "
                    "array of that name, which no variable uses; `prune` drops it"
                )
            run.note(f"the array {name!r}, which no variable used, is now the value of a variable")
    if were_unique:
        moving = {old: name for old, name in pairs if old in stored}
        parameters.rename(moving)
        return len(moving)
    new_names: dict[str, list[str]] = {}
    for old, name in pairs:
        if old in stored:
            new_names.setdefault(old, []).append(name)
    moving = {}
    copies: list[tuple[str, str]] = []
    for old, several in new_names.items():
        if all(key in variables for key in run.variables(old)):
            moving[old] = several.pop(0)
        copies.extend((moving.get(old, old), name) for name in several)
    parameters.rename(moving)
    for source, name in copies:
        parameters.set(name, parameters[source], parameters.class_of(source))
        run.note(f"the variables {source!r} and {name!r} had one name, and share the array still")
    return len(moving) + len(copies)


class NameTemplate:
    """A template, taken apart, for the nodes of one graph.

    Raises
    ------
    OperationError
        If a field is unknown, or both ``{index}`` and ``{unique}`` are there.
    """

    def __init__(self, text: str, run: Run) -> None:
        self.text = text
        self._run = run
        self._graph = run.graph
        self._position: dict[int, int] = {}
        self._pieces = _FIELD.split(text)
        fields = self._pieces[1::2]
        for name in fields:
            if name not in _FIELDS:
                raise OperationError(
                    f"the template {text!r} has a field {{{name}}}{suggestion(name, _FIELDS)}; "
                    f"there are {', '.join(f'{{{each}}}' for each in _FIELDS)}"
                )
        if {"index", "unique"} <= set(fields):
            raise OperationError(
                f"the template {text!r} has both {{index}} and {{unique}}; one of them is enough"
            )
        self._numbered = "index" in fields
        self._asks_readers = not {"user", "input"}.isdisjoint(fields)
        self.is_free = self._numbered or "unique" in fields
        """Whether no two nodes get one name."""

    def fits(self, key: int) -> bool:
        """Return whether a node has something for every field; a head that nothing reads has not.

        Constant, after a walk over the graph.
        """
        return not self._asks_readers or bool(self._uses(key))

    def fill(self, key: int, match: NameMatch | None = None) -> str:
        """Return the name for a node, with a mark for its number.

        Parameters
        ----------
        key : int
            The node.
        match : NameMatch, optional
            Where a regular expression selected it: its groups are filled in between the fields.

        Raises
        ------
        OperationError
            If the node has nothing for a field, or the expression no such group.
        """
        pieces = list(self._pieces)
        for position, piece in enumerate(pieces):
            if position % 2:
                pieces[position] = self._value(key, piece)
            elif match is not None:
                try:
                    pieces[position] = match.expand(piece)
                except SelectorError as error:
                    raise OperationError(
                        f"the template `{self.text}` does not fit regex:{match.expression}, which "
                        f"has {count(len(match.groups) - 1, 'group')}: {error}"
                    ) from None
        return _joined(self._run, pieces)

    def claim(self, base: str, free: FreeNames) -> str:
        """Return the first free name of what `fill` gave.

        The number of ``{index}`` is there always, from 0; that of ``{unique}`` stands behind a
        ``_``, from 1, where it has to be.
        """
        plain = base.replace(_NUMBER, "")
        if not self._numbered and plain not in free:
            return free.claim(plain)
        before, start = ("", 0) if self._numbered else ("_", 1)
        return free.claim_numbered(
            base, lambda number: base.replace(_NUMBER, f"{before}{number}"), start
        )

    def _value(self, key: int, field: str) -> str:
        graph = self._graph
        if field in ("index", "unique"):
            return _NUMBER
        if field == "name":
            return graph.name(key)
        if graph.is_variable(key) == (field == "op"):
            kind = "operators" if field == "op" else "variables"
            raise OperationError(
                f"the template {self.text!r} has {{{field}}}, which is for {kind}, and selects "
                f"{describe(graph, key)}; say `kind: {kind}`"
            )
        if field == "op":
            return short_name(graph.op(key))
        uses = self._uses(key)
        if not uses:
            raise OperationError(
                f"the template {self.text!r} has {{{field}}}, and no operator reads "
                f"{describe(graph, key)}"
            )
        _, slot, reader = min(uses)
        if field == "user":
            return graph.name(reader)
        names = graph.signature(reader).input_names or ()
        return names[slot] if slot < len(names) else f"input{slot}"

    def _uses(self, key: int) -> list[tuple[int, int, int]]:
        """Return who reads a node: places in saved order, slots, and nodes."""
        if not self._position:
            self._position = {each: at for at, each in enumerate(self._graph.order())}
        place = self._position
        return [
            (place[reader], slot, reader)
            for reader, slot in self._graph.uses(key)
            if reader in place
        ]
