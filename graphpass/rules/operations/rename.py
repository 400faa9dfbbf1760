"""``rename`` and ``prefix``: new names for nodes, and for the parameters of variables."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from graphpass.errors import OperationError, count
from graphpass.graph import Edit, Graph
from graphpass.graph.invariants import describe
from graphpass.graph.names import FreeNames
from graphpass.rules.operations.names import NameTemplate, fill_all, rename_nodes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.reading import check_regular
from graphpass.rules.selectors import Kind, NameMatch, Selector, select, select_matches, select_one

__all__ = ["Prefix", "Rename"]

_MAX_BYTES = 2**26
"""The largest table of names that is read: far more rows than a graph has nodes."""

_HEADERS = (("from", "to"), ("old", "new"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(Operation):
    r"""Rename one node, those of a map, or all that a selector selects.

    All at once, so that names can be swapped: ``rename: {map: {a: b, b: a}}``.

    Examples
    --------
    ``rename: {select: "regex:stage(\\d)_(.*)", to: 'block\\1/\\2'}`` uses the groups of the
    expression; ``to: tower_{name}`` works with every selector. ``rename: {select: "glob:*",
    repeated: true, to: "{name}{unique}"}`` tells apart what has one name.
    """

    keyword: ClassVar[str] = "rename"

    from_: Selector | None = None
    """The one node to rename to `to`."""

    to: str | None = None
    """The new name; with `select`, a template."""

    map: Mapping[str, str] | str | None = None
    """Selector -> new name, or a CSV file with two columns, exact old names and new ones."""

    select: Selector | None = None
    """The nodes to rename after the template."""

    repeated: bool = False
    """Whether only those are meant whose name another node keeps."""

    kind: Kind | Literal["parameters"] = "both"
    """Which nodes are meant."""

    optional: bool = False
    """Whether nodes that do not exist, or that nothing reads where a template asks what does, are
    passed over."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Rename the nodes. Linear in the graph."""
        graph = run.graph
        if self.select is not None:
            return rename_nodes(run, edit, self._by_template(run, self.select))
        kind: Kind = "variables" if self.kind == "parameters" else self.kind
        names: dict[int, str] = {}
        for old, new in self._pairs(run):
            if self.optional and not select(graph, old, kind=kind, optional=True):
                continue
            key = select_one(graph, old, kind=kind)
            if names.setdefault(key, new) != new:
                raise OperationError(
                    f"{describe(graph, key)} would be called both {names[key]!r} and {new!r}"
                )
        return rename_nodes(run, edit, names)

    def _pairs(self, run: Run) -> Iterator[tuple[Selector, str]]:
        if isinstance(self.map, str):
            yield from _read_csv(run.reading.path(self.map), run.graph)
        elif self.map is not None:
            yield from self.map.items()
        elif self.from_ is not None and self.to is not None:
            yield self.from_, self.to

    def _by_template(self, run: Run, selector: Selector) -> dict[int, str]:
        graph = run.graph
        template = NameTemplate(self.to or "", run)
        matches = self._selected(run, selector)
        if self.optional:
            matches = {key: match for key, match in matches.items() if template.fits(key)}
        names = {key: template.fill(key, match) for key, match in matches.items()}
        if template.is_free:  # of its kind, or, for what has a name that another has, of all nodes
            taken: dict[bool, set[str]] = {True: set(), False: set()}
            for key in graph.all_keys:
                if self.repeated or key not in names:
                    taken[graph.is_variable(key)].add(graph.name(key))
            taken[True].update(name for name in run.model.parameters if not run.variables(name))
            if self.repeated:
                taken[True] = taken[False] = taken[True] | taken[False]
            free = {kind: FreeNames(known) for kind, known in taken.items()}
            return {
                key: template.claim(base, free[graph.is_variable(key)])
                for key, base in names.items()
            }
        owners: dict[str, int] = {}
        for key, name in names.items():
            other = owners.setdefault(name, key)
            if graph.name(other) != graph.name(key):
                raise OperationError(
                    f"the template {self.to!r} names both {describe(graph, other)} and "
                    f"{describe(graph, key)} {name!r}; tell them apart by {{name}} or a group, "
                    "or number them with {index}"
                )
        return names

    def _selected(self, run: Run, selector: Selector) -> dict[int, NameMatch | None]:
        """Return the nodes to rename, with what a regular expression matched of their names."""
        graph = run.graph
        kind: Kind = "variables" if self.kind == "parameters" else self.kind
        optional = self.optional or self.repeated
        found = select_matches(graph, selector, kind=kind, optional=optional)
        if self.kind == "parameters":
            inputs = set(run.model.inputs)
            found = {key: match for key, match in found.items() if graph.name(key) not in inputs}
        if self.repeated:
            again = _repeated_names(graph, found)
            found = {key: match for key, match in found.items() if key in again}
        return found


def _read_csv(path: Path, graph: Graph) -> Iterator[tuple[Selector, str]]:
    """Yield the rows of a table of names; a first row ``from,to`` or ``old,new`` is its header.

    Old names are exact, whatever they look like.
    """
    seen: dict[str, int] = {}
    try:
        check_regular(path, _MAX_BYTES)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                line = reader.line_num
                if not row:
                    continue
                if len(row) != 2 or not all(row):
                    raise OperationError(
                        f"{path}:{line}: a row has the old name and the new one, both not empty; "
                        f"this has {count(len(row), 'field')}"
                    )
                old, new = row
                header = (old.strip().lower(), new.strip().lower()) in _HEADERS
                if header and not seen and not graph.named(old):
                    continue
                if old in seen:
                    raise OperationError(
                        f"{path}:{line}: its old name stands in line {seen[old]} already"
                    )
                seen[old] = line
                yield {"name": old}, new
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, OperationError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise OperationError(f"{path}: the table of names can't be read: {reason}") from None


def _repeated_names(graph: Graph, among: Container[int]) -> set[int]:
    """Return the nodes of `among` whose name another node has a better claim to.

    What is not among them keeps its name in any case. Then come variables, by whose names
    parameters are stored and inputs are fed, then operators that are heads, by whose names outputs
    go, then the others, each in saved order. Of two heads whose outputs have one name though their
    nodes do not, the later operator gives way.

    Linear in the graph.
    """

    def claim(key: int) -> int:
        if key not in among:
            return 0
        return 1 if graph.is_variable(key) else 2 if graph.is_head(key) else 3

    owners: dict[str, int] = {}
    for key in sorted(graph.order(), key=claim):
        owners.setdefault(graph.name(key), key)
    found = {key for key in graph.order() if key in among and owners[graph.name(key)] != key}
    outputs: dict[str, int] = {}
    for head in sorted(graph.heads, key=lambda head: not graph.is_variable(head.node)):
        first = outputs.setdefault(graph.output_name(head), head.node)
        if first != head.node and head.node in among and not graph.is_variable(head.node):
            found.add(head.node)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(Operation):
    """Put a prefix before the names of nodes, and of the parameters of variables.

    Examples
    --------
    ``prefix: {prefix: left_, keep: data}`` renames everything but the input.
    """

    keyword: ClassVar[str] = "prefix"
    shorthand: ClassVar[str | None] = "prefix"

    prefix: str
    """What to put before the names."""

    select: Selector | None = None
    """The nodes to rename; default: all."""

    kind: Kind = "both"
    """Which nodes are meant."""

    keep: Selector = ()
    """Nodes whose names stay."""

    optional: bool = False
    """Whether selecting nothing is fine."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Rename the nodes. Linear in the graph."""
        graph = run.graph
        selected = {"glob": "*"} if self.select is None else self.select
        chosen = select(graph, selected, kind=self.kind, optional=self.optional)
        kept = set(select(graph, self.keep, optional=self.optional))
        keys = [key for key in chosen if key not in kept] if kept else chosen
        before = graph.names_of(keys)
        names = dict(zip(keys, fill_all(run, f"{self.prefix}{{name}}", before), strict=True))
        return rename_nodes(run, edit, names, before)
