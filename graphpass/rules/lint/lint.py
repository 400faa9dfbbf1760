"""`lint`: everything that can be said of a pass before it meets a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from graphpass.errors import count, shortened
from graphpass.rules.lint.findings import RuleFinding, findings_of
from graphpass.rules.lint.overlaps import Overlap, Verdict, overlaps
from graphpass.rules.lint.rule_tests import RuleTest, graphs_of_tests, indented, run_tests
from graphpass.rules.lint.termination import Termination, terminates
from graphpass.rules.operations.rewrite import GivenRewrite, RewriteOperation
from graphpass.rules.operations.use import UsePasses
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.pass_rewrites import BadUse, groups_of, used_passes

__all__ = ["GroupReport", "LintReport", "Repetition", "lint"]

_SHOWN = 3
"""How many pairs are named for which one thing holds."""

_VERDICTS: dict[Verdict, str] = {
    "differs": "order matters",
    "names differ": "names differ",
    "not tested": "not tested",
    "joins": "joins",
}
"""What the last line counts, the gravest first."""


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What is known of rewrites that run together."""

    rules: tuple[str, ...]
    """Their ids, in order."""

    places: tuple[str, ...]
    """Where they stand."""

    termination: Termination

    overlaps: tuple[Overlap, ...]
    """Pairs that can meet at one operator."""

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data, rules by their ids."""
        pairs = [pair.to_json() for pair in self.overlaps]
        for pair in pairs:
            pair["rules"] = [self.rules[number] for number in pair["rules"]]
        termination = self.termination.to_json()
        if "blockers" in termination:
            termination["blockers"] = [self.rules[n] for n in termination["blockers"]]
        return {"rules": list(self.rules), "termination": termination, "overlaps": pairs}

    def lines(self, *, notes: bool) -> Iterator[str]:
        """Yield what is known of overlaps: where the order shows, and with `notes`, of others."""
        untested: dict[str, list[Overlap]] = {}
        for pair in self.overlaps:
            place = self.places[pair.second]
            if pair.verdict == "not tested":
                untested.setdefault(pair.reason, []).append(pair)
            if not pair.graph:
                continue
            matters = pair.verdict == "differs"
            what = "order matters" if matters else "names depend on the order"
            yield f"{place}: {self._names(pair)}: {what}, as in {pair.place}"
            yield indented(pair.graph)
            turns = [self.rules[pair.first], self.rules[pair.second]]
            if pair.first == pair.second:
                turns = ["the lower match", "the upper one"]
            for letter, turn, end in zip("AB", turns, pair.ends, strict=True):
                yield f"  if {turn} fires first, it ends as {letter}"
                yield indented(end)
            yield f"  {pair.reason}"
        for reason, pairs in untested.items() if notes else ():
            names = shortened(map(self._names, pairs), _SHOWN)
            said = (
                f"whether order matters could not be tried: {reason}"
                if reason
                else "no test says whether order matters; add one where both apply to one operator"
            )
            yield f"{self.places[pairs[0].second]}: note: {names}: {said}"

    def _names(self, pair: Overlap) -> str:
        second = self.rules[pair.second] if pair.first != pair.second else "itself"
        return f"{self.rules[pair.first]} and {second}"


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is known of a rule that repeats passes until nothing changes."""

    rule: str
    """Its id, or its number."""

    rounds: int
    """How many rounds there are at most."""

    operations: tuple[str, ...]
    """Operations among the rules of the passes: nobody knows when they have nothing more to do."""

    termination: Termination
    """Of all rewrites of the passes together, however often those that run once are begun."""

    def __bool__(self) -> bool:
        return bool(self.termination) and not self.operations

    def __str__(self) -> str:
        if self:
            return str(self.termination)
        reason = self.termination.reason or f"no proof for {', '.join(self.operations)}"
        return f"bounded by {self.rounds} rounds: {reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        kind = self.termination.kind if self else "bounded"
        return {**asdict(self), "operations": list(self.operations), "termination": kind}


@dataclass(frozen=True, slots=True)
class LintReport:
    """What `lint` found."""

    name: str
    """The pass."""

    rules: int
    """How many rules it has, operations included."""

    groups: tuple[GroupReport, ...]
    findings: tuple[RuleFinding, ...]
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
        verdicts = {"differs", "names differ"} if strict else {"differs"}
        return (
            any(each.severity in graver for each in self.findings)
            or not all(self.tests)
            or any(pair.verdict in verdicts for each in self.groups for pair in each.overlaps)
            or any(each.fails(strict=strict) for each in self.uses)
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from self._own_lines(notes=True)
        for used in self.uses:
            yield from used._own_lines(notes=False)
        reports = [self, *self.uses]
        severities = Counter(finding.severity for each in reports for finding in each.findings)
        tests = [test for each in reports for test in each.tests]
        pairs = [pair for each in reports for group in each.groups for pair in group.overlaps]
        verdicts = Counter(pair.verdict for pair in pairs)
        said = [count(severities["error"], "error"), count(severities["warning"], "warning")]
        if tests:
            said.append(f"{sum(map(bool, tests))} of {count(len(tests), 'test')} passed")
        if pairs:
            counts = {word: verdicts[verdict] for verdict, word in _VERDICTS.items()}
            listed = [f"{word} {number}" for word, number in counts.items() if number]
            said.append(f"overlaps: {', '.join(listed)}")
        yield "; ".join(said)

    def _own_lines(self, *, notes: bool) -> Iterator[str]:
        rewrites = sum(len(group.rules) for group in self.groups)
        yield f"{self.name}: {count(self.rules, 'rule')}, {count(rewrites, 'rewrite')}"
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
            yield from group.lines(notes=notes)

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        found: dict[str, Any] = {"pass": self.name, "rules": self.rules}
        for key in ("groups", "repetitions", "findings", "tests", "uses"):
            listed = [each.to_json() for each in getattr(self, key)]
            found |= {key: listed} if listed or key not in ("repetitions", "uses") else {}
        return found


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
    # The tests of a pass that is used are those of its author, for parameters as they are.
    return replace(
        _lint(loaded, loaded, bad),
        uses=tuple([_lint(used, used.unbound or used, bad) for used in uses]),
    )


def _lint(loaded: Pass, tested: Pass, bad_uses: Iterable[BadUse]) -> LintReport:
    """Look into one pass, those that it uses left aside."""
    findings = []
    for user, rule, error in bad_uses:
        if user is loaded:
            place = loaded.place(("rules", rule.index - 1, rule.operation.keyword))
            name = rule.id or f"rule {rule.index}"
            findings.append(RuleFinding("error", "bad-use", name, place, str(error)))
    groups = []
    graphs = list(graphs_of_tests(tested))
    for members in groups_of(loaded):
        rewrites = [member.rewrite for member in members]
        groups.append(
            GroupReport(
                rules=tuple(each.id for each in rewrites),
                places=tuple(loaded.place(member.path) for member in members),
                termination=terminates(rewrites),
                overlaps=tuple(overlaps(rewrites, graphs)),
            )
        )
        findings += [finding for each in members for finding in findings_of(each, loaded)]
    return LintReport(
        name=loaded.name,
        rules=len(loaded.rules),
        groups=tuple(groups),
        findings=tuple(findings),
        tests=tuple(run_tests(tested)),
        repetitions=tuple(_repetitions(loaded)),
    )


def _repetitions(loaded: Pass) -> Iterator[Repetition]:
    """Yield what is known of each rule of a pass that repeats others."""
    for rule in loaded.rules:
        use = rule.operation
        if not isinstance(use, UsePasses) or not use.repeat:
            continue
        passes = used_passes(replace(loaded, rules=(rule,))).passes
        rewrites = [
            replace(member.rewrite, once=False)
            for each in passes
            for members in groups_of(each)
            for member in members
        ]
        others = {
            inner.operation.keyword
            for each in passes
            for inner in each.rules
            if not isinstance(inner.operation, UsePasses | RewriteOperation | GivenRewrite)
        }
        name = rule.id or f"rule {rule.index}"
        operations = tuple(sorted(others - {"expect"}))
        yield Repetition(name, use.most_rounds, operations, terminates(rewrites))
