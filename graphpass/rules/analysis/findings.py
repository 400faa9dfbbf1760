"""What is odd about one rewrite, told without a graph."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from graphpass.errors import GraphpassError, SearchLimitError
from graphpass.graph import Graph
from graphpass.ops import find, operator_names
from graphpass.rules.analysis.groups import Member
from graphpass.rules.analysis.impossible import impossibilities
from graphpass.rules.analysis.places import Places
from graphpass.rules.analysis.sketch import Style, draw, settled_box
from graphpass.rules.analysis.trial import applies, fire_at
from graphpass.rules.analysis.witness import witnesses
from graphpass.rules.expressions import Expression, Scope, UnknownError
from graphpass.rules.patterns.check import calls_of
from graphpass.rules.patterns.pattern import (
    Operand,
    Optional,
    Reference,
    Rest,
    Restricted,
    Value,
)
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewriting.body import TextBody
from graphpass.rules.rewriting.replacement import Replacement
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.source import Mark
from graphpass.verify import isomorphic

__all__ = ["Finding", "findings_of"]

_CLOSE = 0.85
"""How much an unknown operator has to look like a known one to be taken for a slip."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd about a rewrite."""

    severity: Literal["error", "warning", "note"]
    """``error``: it does not do what it says. ``warning``: it may not. ``note``: to be known."""

    code: str
    """Which check found it, such as ``unused-name``."""

    rule: str
    """The id of the rewrite."""

    place: str
    """Where: ``fold.yaml:12:9``."""

    message: str
    """What, and what to do."""

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.rule}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "severity": self.severity,
            "code": self.code,
            "rule": self.rule,
            "place": self.place,
            "message": self.message,
        }


def findings_of(member: Member, places: Places) -> list[Finding]:
    """Return what is odd about a rewrite, its tests left aside.

    Parameters
    ----------
    member : Member
        The rewrite.
    places : Places
        Of its pass.

    Notes
    -----
    Linear in the texts, and a few firings on a graph as large as the pattern.
    """
    return list(_Inspection(member, places).findings())


class _Inspection:
    def __init__(self, member: Member, places: Places) -> None:
        self._member = member
        self._rewrite: Rewrite = member.rewrite
        self._places = places

    def findings(self) -> Iterator[Finding]:
        yield from self._unknown_operators()
        yield from self._impossible()
        if isinstance(self._rewrite.body, TextBody):
            yield from self._unused_names()
            yield from self._unused_lets(self._rewrite.body)
            yield from self._constant_conditions(self._rewrite.body)
            yield from self._unknown_replacements(self._rewrite.body.replacement)
        yield from self._repeats_itself()
        if self._member.text is not None and not self._member.text.tests:
            yield self._find("note", "no-tests", "it has no tests; add `tests:`, before and after")

    def _find(
        self,
        severity: Literal["error", "warning", "note"],
        code: str,
        message: str,
        *option: str | int,
        mark: Mark | None = None,
    ) -> Finding:
        line, column = mark or (None, None)
        place = self._places.spell((*self._member.path, *option), line, column)
        return Finding(severity, code, self._rewrite.id, place, message)

    # -- names -------------------------------------------------------------------------------

    def _unused_names(self) -> Iterator[Finding]:
        pattern = self._rewrite.pattern
        counts: Counter[str] = Counter()
        places: dict[str, tuple[str, Mark | None]] = {}
        for operand in self._operands():
            if isinstance(operand, Value | Restricted | Rest) and operand.name is not None:
                counts[operand.name] += 1
                instead = "*_" if isinstance(operand, Rest) else "_"
                places.setdefault(operand.name, (instead, operand.mark))
            elif isinstance(operand, Reference):
                counts[operand.name] += 1
        for binding in pattern.bindings:
            if binding.unpacks:
                for name in binding.names:
                    if name is not None:
                        places[name] = ("_", binding.mark)
        read = {root.name for root in pattern.roots if isinstance(root, Reference)}
        read |= {value.name for each in pattern.distinct for value in each.values}
        read |= {value.name for value in pattern.shared}
        for name, (instead, mark) in places.items():
            often = 0 if name in {n for each in pattern.bindings for n in each.names} else 1
            if counts[name] <= often and name not in read and name not in self._rewrite.body.reads:
                yield self._find(
                    "warning",
                    "unused-name",
                    f"{name} is bound and never read; write {instead} in its place",
                    "match",
                    mark=mark,
                )

    def _operands(self) -> Iterator[Operand]:
        for call in calls_of(self._rewrite.pattern):
            for operand in call.inputs:
                yield operand.operand if isinstance(operand, Optional) else operand

    def _unused_lets(self, body: TextBody) -> Iterator[Finding]:
        for name in body.let:
            if name not in body.reads:
                yield self._find(
                    "warning",
                    "unused-let",
                    f"{name} is computed and never read; take it out",
                    "let",
                    name,
                )

    # -- conditions --------------------------------------------------------------------------

    def _constant_conditions(self, body: TextBody) -> Iterator[Finding]:
        text = self._member.text
        several = text is None or not isinstance(text.where, str)
        for number, condition in enumerate(body.where):
            holds = None if condition.names else _constant(condition)
            path = ("where", number) if several else ("where",)
            if holds is True:
                said = f"{condition.text} holds at every match; take it out"
                yield self._find("warning", "constant-condition", said, *path)
            elif holds is False:
                said = f"{condition.text} holds at no match, so the rewrite never fires"
                yield self._find("error", "never-fires", said, *path)

    # -- operators and attributes ------------------------------------------------------------

    def _unknown_operators(self) -> Iterator[Finding]:
        for call in calls_of(self._rewrite.pattern):
            for name in call.operators:
                yield from self._unknown(name, "match", call.mark)

    def _unknown_replacements(self, replacement: Replacement) -> Iterator[Finding]:
        for _, application in replacement.applications():
            yield from self._unknown(application.operator, "replace", application.mark)

    def _unknown(self, name: str, option: str, mark: Mark | None) -> Iterator[Finding]:
        if find(name) is not None:
            return
        near = difflib.get_close_matches(name, list(operator_names()), n=1, cutoff=_CLOSE)
        if near:
            said = f"MXNet 1.9.1 has no operator `{name}`; is {near[0]} meant?"
            yield self._find("warning", "unknown-operator", said, option, mark=mark)
        else:
            said = f"MXNet 1.9.1 has no operator `{name}`; its inputs are taken as they come"
            yield self._find("note", "unknown-operator", said, option, mark=mark)

    def _impossible(self) -> Iterator[Finding]:
        for severity, message, mark in impossibilities(self._rewrite.pattern):
            yield self._find(severity, "never-matches", message, "match", mark=mark)

    # -- what the rewrite makes --------------------------------------------------------------

    def _repeats_itself(self) -> Iterator[Finding]:
        if self._rewrite.once or self._rewrite.refuses:
            return
        try:
            repeats = _puts_in_what_it_matches(self._rewrite)
        except SearchLimitError as error:
            said = f"not decided whether it puts in what it matches: {error}"
            yield self._find("note", "not-decided", said, "match")
            return
        if not repeats:
            return
        yield self._find(
            "error",
            "never-ends",
            "it puts in what it matches, and so goes on for ever; narrow it with where:, or let "
            "it run once: true",
            "replace",
        )


def _constant(condition: Expression) -> bool | None:
    """Return whether a condition without names holds; None if it can't be computed."""
    try:
        return condition.holds(Scope(Facts(Graph()), {}))
    except (GraphpassError, UnknownError):
        return None


def _puts_in_what_it_matches(rewrite: Rewrite) -> bool:
    """Return whether there is a small graph that a firing leaves as it is, ready for the next."""
    drawing = draw(rewrite.plan, 0, Style(True, True))
    if drawing is None:
        return False
    holding = settled_box(drawing.boxes[rewrite.plan.roots[0].value.part])
    for witness in witnesses([drawing], [rewrite]):
        model, root = witness.model, witness.roots[0]
        match = applies(rewrite, model, root, witness.keys[holding])
        if match is None or isinstance(match, str):
            continue
        after = model.copy()
        try:
            with after.edit() as edit:
                fire_at(rewrite, match, after, edit)
        except GraphpassError:
            return False
        same = isomorphic(model, after)
        if not same:
            return False
        again = same.mapping[root]
        found = applies(rewrite, after, again, again)
        return found is not None and not isinstance(found, str)
    return False
