"""One test: a graph before, and what becomes of it or why it is left alone."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphpass.errors import GraphpassError, TextError, UsageError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Graph
from graphpass.model import Lineage, Model
from graphpass.rules.analysis.failure import Failure
from graphpass.rules.analysis.places import Places
from graphpass.rules.analysis.room import Room
from graphpass.rules.analysis.stated_values import hints_of, stated_values, take
from graphpass.rules.source import Path
from graphpass.verify import isomorphic, verify
from graphpass.verify.backend import Backend

__all__ = ["Case", "RuleTest"]

_NODE = re.compile(r"\S+ '([^']*)' \(#\d+\)")
"""A node as reasons name it: ``BatchNorm 'bn1' (#7)``."""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test, run. True in a condition if it passed."""

    rule: str
    """The id of the rewrite; the name of the pass, if it is a test of the whole."""

    number: int
    """Which of its tests, from 1."""

    place: str
    """Where it stands: ``fold.yaml:31:9``."""

    failure: str | None = None
    """What is wrong, one line or several; None if it passed."""

    note: str = ""
    """Why outputs were not compared, where they were to be."""

    def __bool__(self) -> bool:
        return self.failure is None

    def __str__(self) -> str:
        said = "passed" if self.failure is None else f"failed: {self.failure}"
        said += f"; outputs not compared: {self.note}" if self.note else ""
        return f"{self.place}: {self.rule}, test {self.number}: {said}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "rule": self.rule,
            "test": self.number,
            "place": self.place,
            "passed": self.failure is None,
            "failure": self.failure,
            "note": self.note,
        }


class Case(ABC):
    """One test, to be run.

    Parameters
    ----------
    rule : str
        What results call that which it tests.
    test : mapping
        What it says.
    path : tuple of str and int
        The way from the top of the pass to the list that it stands in.
    number : int
        Where it stands there, from 0.
    """

    idle: ClassVar[str]
    """What is said of that which it tests where it leaves a graph alone."""

    may_refuse: ClassVar[bool]
    """Whether an error is a way to leave a graph alone."""

    def __init__(self, rule: str, test: Mapping[str, Any], path: Path, number: int) -> None:
        self.rule = rule
        self.test = test
        self.path: Path = (*path, number)
        self._number = number

    def run(self, places: Places, room: Room, backend: Backend | None) -> RuleTest:
        """Run it; with a backend, also compare outputs before and after."""
        failure: str | None = None
        note = ""
        place = places.spell(self.path)
        try:
            note = self._check(room, backend)
        except Failure as found:
            failure = str(found)
            place = places.spell((*self.path, *found.where), found.line, found.column)
        return RuleTest(self.rule, self._number + 1, place, failure, note)

    @abstractmethod
    def change(self, model: Model) -> tuple[bool, Lineage | None]:
        """Do to a model what is tested.

        Returns
        -------
        bool, Lineage or None
            Whether it changed, and what stands for what in it; None: the same by position.

        Raises
        ------
        GraphpassError
            If it is refused.
        """

    @abstractmethod
    def reasons(self, before: Model) -> list[str]:
        """Return why a model was left alone.

        Raises
        ------
        GraphpassError
            If that can't be told.
        """

    def _check(self, room: Room, backend: Backend | None) -> str:
        """Check everything; return why outputs were not compared, if they were to be."""
        before = Model(self._graph("before"))
        before.parameters = stated_values(before.graph, self.test.get("parameters") or {}, room)
        if backend is not None:
            hints = hints_of(before.graph)
            for name in before.inputs:
                take(room, name, hints.get(name, ()), "before")
        after = before.copy()
        changed, lineage = False, None
        refusal: GraphpassError | None = None
        try:
            changed, lineage = self.change(after)
        except GraphpassError as error:
            refusal = error
        if "unchanged" in self.test and (refusal is None or self.may_refuse):
            self._check_unchanged(before, after, changed=changed, refusal=refusal)
        elif refusal is not None:
            raise Failure(f"it is refused: {refusal}", "before")
        else:
            self._check_after(after, changed=changed)
        if not changed or backend is None:
            return ""
        return _compare_outputs(before, after, lineage, backend)

    def _graph(self, key: str) -> Graph:
        try:
            return parse_graph(self.test[key])
        except TextError as error:
            raise Failure(f"{key} is no graph: {error.reason}", key, error=error) from None

    def _check_unchanged(
        self, before: Model, after: Model, *, changed: bool, refusal: GraphpassError | None
    ) -> None:
        if changed:
            raise Failure(
                f"it was to leave the graph alone, but made of it\n{_indented(after.graph)}",
                "unchanged",
            )
        try:
            found = self.reasons(before) if refusal is None else [str(refusal)]
        except GraphpassError as error:
            raise Failure(f"why it left the graph alone can't be told: {error}", "before") from None
        wanted = " ".join(self.test["unchanged"].split())
        reasons = [" ".join(reason.split()) for reason in found]
        if not any(wanted in text for each in reasons for text in _spellings(each)):
            listed = "".join(f"\n    {reason}" for reason in reasons)
            raise Failure(
                f"it left the graph alone, but not because {wanted}; the reasons are{listed}",
                "unchanged",
            )

    def _check_after(self, after: Model, *, changed: bool) -> None:
        wanted = self._graph("after")
        same = isomorphic(after.graph, wanted, names=True)
        if same:
            return
        did = "made" if changed else f"{self.idle}, which left"
        raise Failure(
            f"it {did} A, and B was wanted: {same}\n  A:\n{_indented(after.graph)}\n"
            f"  B:\n{_indented(wanted)}",
            "after",
        )


def _spellings(reason: str) -> Iterable[str]:
    """Return a reason as it is, and with nodes by their names alone."""
    return reason, _NODE.sub(r"\1", reason)


def _compare_outputs(before: Model, after: Model, lineage: Lineage | None, backend: Backend) -> str:
    """Run both; return why that could not be done."""
    try:
        result = verify(before, after, lineage=lineage, backend=backend)
    except UsageError as error:
        return str(error)
    except GraphpassError as error:
        raise Failure(f"the graphs can't be run: {error}", "before") from None
    if result.verdict == "different":
        raise Failure(f"outputs differ:\n{result}", "before")
    return "" if result else str(result)


def _indented(graph: Graph) -> str:
    return "\n".join(f"    {line}" for line in print_graph(graph).splitlines())
