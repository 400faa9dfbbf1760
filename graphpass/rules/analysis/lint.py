"""`lint`: everything that can be said of a pass before it meets a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphpass.rules.analysis.critical_pairs import (
    TOO_MANY,
    CriticalPair,
    Outcome,
    critical_pairs,
)
from graphpass.rules.analysis.findings import Finding, findings_of
from graphpass.rules.analysis.groups import Member, groups_of
from graphpass.rules.analysis.places import Places
from graphpass.rules.analysis.repetition import Repetition, repetitions
from graphpass.rules.analysis.rule_tests import RuleTest, run_tests
from graphpass.rules.analysis.termination import Termination, terminates
from graphpass.rules.analysis.uses import BadUse, used_passes
from graphpass.rules.loaded_pass import Pass

__all__ = ["GroupReport", "LintReport", "lint"]


_SHOWN = 3
"""How many pairs are named for which one reason holds."""

_OUTCOMES: tuple[Outcome, ...] = ("order matters", "names differ", "not decided", "joins")


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What is known of rewrites that run together."""

    rules: tuple[str, ...]
    """Their ids, in order."""

    places: tuple[str, ...]
    """Where they stand."""

    termination: Termination

    pairs: tuple[CriticalPair, ...]
    """Pairs that can meet at one operator."""

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data, rules by their ids."""
        pairs = [pair.to_json() for pair in self.pairs]
        for pair in pairs:
            pair["rules"] = [self.rules[number] for number in pair["rules"]]
        termination = self.termination.to_json()
        if "blockers" in termination:
            termination["blockers"] = [self.rules[n] for n in termination["blockers"]]
        return {"rules": list(self.rules), "termination": termination, "critical_pairs": pairs}


@dataclass(frozen=True, slots=True)
class LintReport:
    """What `lint` found."""

    name: str
    """The pass."""

    rules: int
    """How many rules it has, operations included."""

    groups: tuple[GroupReport, ...]
    findings: tuple[Finding, ...]
    tests: tuple[RuleTest, ...] = ()
    repetitions: tuple[Repetition, ...] = ()
    """What is known of rules that repeat passes until nothing changes."""

    uses: tuple[LintReport, ...] = ()
    """The same for every pass that it uses, and that those use."""

    def fails(self, *, strict: bool = False) -> bool:
        """Return whether something is wrong.

        Parameters
        ----------
        strict : bool
            Whether a warning is wrong too, and that names depend on the order.
        """
        graver = {"error", "warning"} if strict else {"error"}
        outcomes = {"order matters", "names differ"} if strict else {"order matters"}
        return (
            any(each.severity in graver for each in self.findings)
            or not all(self.tests)
            or any(pair.outcome in outcomes for each in self.groups for pair in each.pairs)
            or any(each.fails(strict=strict) for each in self.uses)
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from self._own_lines()
        for used in self.uses:
            yield from used._own_lines(notes=False)
        yield _summary([self, *self.uses])

    def _own_lines(self, *, notes: bool = True) -> Iterator[str]:
        rewrites = sum(len(group.rules) for group in self.groups)
        yield f"{self.name}: {_count(self.rules, 'rule')}, {_count(rewrites, 'rewrite')}"
        for each in self.repetitions:
            yield f"  {each.rule}, repeated: {each}"
        if not self.groups and not self.repetitions:
            yield f"  nothing to prove{' here' * bool(self.uses)}: operations run once, in order"
        for group in self.groups:
            yield f"  {', '.join(group.rules)}: {group.termination}"
        for finding in self.findings:
            if notes or finding.severity != "note":
                yield str(finding)
        for test in self.tests:
            if not test:
                yield str(test)
        for group in self.groups:
            for pair in group.pairs:
                if notes or pair.outcome != "not decided":
                    yield from _pair_lines(pair, group)
            if notes:
                yield from _unseen_lines(group)

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "pass": self.name,
            "rules": self.rules,
            "groups": [group.to_json() for group in self.groups],
            **(
                {"repetitions": [each.to_json() for each in self.repetitions]}
                if self.repetitions
                else {}
            ),
            "findings": [finding.to_json() for finding in self.findings],
            "tests": [test.to_json() for test in self.tests],
            **({"uses": [used.to_json() for used in self.uses]} if self.uses else {}),
        }


def lint(loaded: Pass) -> LintReport:
    """Look for what is wrong, odd or unproved in a pass; run its tests.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in. The passes that it uses are looked into as well.

    Examples
    --------
    >>> from graphpass.rules import load_pass
    >>> print(lint(load_pass({"rewrite": {"match": "y = Dropout(x)", "replace": "x", "id": "d"}})))
    rules: 1 rule, 1 rewrite
      d: terminates: proved (weights Dropout 1)
    rule 1 (rewrite): note: d: it has no tests; add `tests:`, before and after
    0 errors; 0 warnings
    """
    uses, bad = used_passes(loaded)
    return replace(
        _lint(loaded, bad),
        tests=tuple(run_tests(loaded)),
        uses=tuple(
            # Its tests are those of its author, who wrote them for parameters as they are.
            replace(_lint(used, bad), tests=tuple(run_tests(used.unbound or used)))
            for used in uses
        ),
    )


def _lint(loaded: Pass, bad_uses: Iterable[BadUse]) -> LintReport:
    """Look into one pass, those that it uses left aside."""
    places = Places(loaded)
    groups = list(groups_of(loaded))
    findings = [_finding(bad, places) for bad in bad_uses if bad.user is loaded]
    findings += [f for members in groups for each in members for f in findings_of(each, places)]
    return LintReport(
        name=loaded.name,
        rules=len(loaded.rules),
        groups=tuple(_group(members, places) for members in groups),
        findings=tuple(findings),
        repetitions=tuple(repetitions(loaded)),
    )


def _finding(bad: BadUse, places: Places) -> Finding:
    rule = bad.rule
    place = places.spell(("rules", rule.index - 1, rule.operation.keyword))
    return Finding("error", "bad-use", rule.id or f"rule {rule.index}", place, str(bad.error))


def _summary(reports: Sequence[LintReport]) -> str:
    severities = Counter(finding.severity for each in reports for finding in each.findings)
    tests = [test for each in reports for test in each.tests]
    outcomes = Counter(
        pair.outcome for each in reports for group in each.groups for pair in group.pairs
    )
    said = [_count(severities["error"], "error"), _count(severities["warning"], "warning")]
    if tests:
        said.append(f"{sum(map(bool, tests))} of {_count(len(tests), 'test')} passed")
    if outcomes:
        listed = ", ".join(f"{word} {outcomes[word]}" for word in _OUTCOMES if outcomes[word])
        said.append(f"critical pairs: {listed}")
    return "; ".join(said)


def _group(members: list[Member], places: Places) -> GroupReport:
    rewrites = [member.rewrite for member in members]
    return GroupReport(
        rules=tuple(each.id for each in rewrites),
        places=tuple(places.spell(member.path) for member in members),
        termination=terminates(rewrites),
        pairs=tuple(critical_pairs(rewrites)),
    )


def _pair_lines(pair: CriticalPair, group: GroupReport) -> Iterator[str]:
    if pair.outcome == "joins" or _is_unseen(pair):
        return
    first, second = group.rules[pair.first], group.rules[pair.second]
    names = _names(pair, group)
    if pair.outcome == "not decided":
        yield f"{group.places[pair.second]}: note: {names}: not decided whether order matters: " + (
            pair.reason
        )
        return
    what = "order matters" if pair.outcome == "order matters" else "names depend on the order"
    yield f"{group.places[pair.second]}: {names}: {what}, as on"
    yield from _indented(pair.witness)
    turns = (first, second) if pair.first != pair.second else ("the lower match", "the upper one")
    for number, (turn, end) in enumerate(zip(turns, pair.ends, strict=True)):
        yield f"  if {turn} fires first, it ends as {'AB'[number]}"
        yield from _indented(end)
    yield f"  {pair.reason}"


def _is_unseen(pair: CriticalPair) -> bool:
    return pair.outcome == "not decided" and not pair.witness


def _names(pair: CriticalPair, group: GroupReport) -> str:
    first, second = group.rules[pair.first], group.rules[pair.second]
    return f"{first} and {second}" if pair.first != pair.second else f"{first} and itself"


def _unseen_lines(group: GroupReport) -> Iterator[str]:
    """Yield one line for all pairs that are not decided for one reason, without a graph."""
    reasons: dict[str, list[CriticalPair]] = {}
    for pair in filter(_is_unseen, group.pairs):
        reasons.setdefault(pair.reason, []).append(pair)
    for reason, pairs in reasons.items():
        if reason == TOO_MANY:
            yield (
                f"{group.places[0]}: note: {_count(len(pairs), 'pair')} of rewrites not decided: "
                f"{TOO_MANY}; split it with group:"
            )
            continue
        names = [_names(pair, group) for pair in pairs]
        more = f" and {_count(len(names) - _SHOWN, 'more pair')}" if len(names) > _SHOWN else ""
        yield (
            f"{group.places[pairs[0].second]}: note: {', '.join(names[:_SHOWN])}{more}: "
            f"not decided whether order matters: {reason}"
        )


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"    {line}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
