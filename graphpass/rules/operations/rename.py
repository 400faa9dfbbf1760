"""``rename``: new names for nodes, and for the parameters of variables."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from graphpass.errors import OperationError
from graphpass.graph import Edit, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.name_expressions import Expression
from graphpass.rules.operation import Operation, Run
from graphpass.rules.selectors import Kind, Selector, parts, select, select_one
from graphpass.rules.surgery.regular_files import check_regular
from graphpass.rules.surgery.renaming import rename_nodes
from graphpass.rules.surgery.wording import count

__all__ = ["Rename"]

_MAX_BYTES = 2**26
"""The largest table of names that is read: far more rows than a graph has nodes."""

_HEADERS = (("from", "to"), ("old", "new"))
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(Operation):
    r"""Rename one node, those of a map, or all that a selector selects.

    All at once, so that names can be swapped: ``rename: {map: {a: b, b: a}}``.

    Examples
    --------
    ``rename: {select: "regex:stage(\\d)_(.*)", to: 'block\\1/\\2'}`` uses the groups of the
    expression; ``to: tower_{name}`` works with every selector.
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

    kind: Kind = "both"
    """Which nodes are meant."""

    optional: bool = False
    """Whether nodes that do not exist are passed over."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Rename the nodes. Linear in the graph."""
        graph = run.graph
        if self.select is not None:
            return rename_nodes(run, edit, self._by_template(graph, self.select))
        names: dict[int, str] = {}
        for old, new in self._pairs(run):
            if self.optional and not select(graph, old, kind=self.kind, optional=True):
                continue
            key = select_one(graph, old, kind=self.kind)
            if names.setdefault(key, new) != new:
                raise OperationError(
                    f"{describe(graph, key)} would be called both {names[key]!r} and {new!r}"
                )
        return rename_nodes(run, edit, names)

    def _pairs(self, run: Run) -> Iterator[tuple[Selector, str]]:
        if isinstance(self.map, str):
            yield from _read_csv(run.folder / self.map, run.graph)
        elif self.map is not None:
            yield from self.map.items()
        elif self.from_ is not None and self.to is not None:
            yield self.from_, self.to

    def _by_template(self, graph: Graph, selector: Selector) -> dict[int, str]:
        names: dict[int, str] = {}
        for part in parts(selector):
            expression = Expression("regex", part.text) if part.form == "regex" else None
            for key in select(graph, part.selector, kind=self.kind, optional=self.optional):
                names.setdefault(key, self._fill(graph.name(key), expression))
        owners: dict[str, int] = {}
        for key, name in names.items():
            other = owners.setdefault(name, key)
            if graph.name(other) != graph.name(key):
                raise OperationError(
                    f"the template {self.to!r} names both {describe(graph, other)} and "
                    f"{describe(graph, key)} {name!r}; tell them apart by {{name}} or a group"
                )
        return names

    def _fill(self, name: str, expression: Expression | None) -> str:
        """Return the new name for an old one; groups are filled in between the fields only."""
        pieces = _FIELD.split(self.to or "")
        for position, piece in enumerate(pieces):
            if position % 2:
                if piece != "name":
                    raise OperationError(
                        f"the template {self.to!r} has a field {{{piece}}}; there is only {{name}}"
                    )
                pieces[position] = name
            elif expression is not None:
                match = expression.fullmatch(name)
                assert match is not None
                pieces[position] = self._expand(match, piece)
        return "".join(pieces)

    def _expand(self, match: re.Match[str], piece: str) -> str:
        try:
            return match.expand(piece)
        except (re.error, IndexError) as error:
            raise OperationError(
                f"the template `{self.to}` does not fit regex:{match.re.pattern}, which has "
                f"{count(match.re.groups, 'group')}: {error}"
            ) from None


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
                        f"{path}:{line}: a row has the old name and the new one, but this is {row}"
                    )
                old, new = row
                header = (old.strip().lower(), new.strip().lower()) in _HEADERS
                if header and not seen and not graph.named(old):
                    continue
                if old in seen:
                    raise OperationError(
                        f"{path}:{line}: {old!r} stands here and in line {seen[old]}"
                    )
                seen[old] = line
                yield {"name": old}, new
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, OperationError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise OperationError(f"{path}: the table of names can't be read: {reason}") from None
