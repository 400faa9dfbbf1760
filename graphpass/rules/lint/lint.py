"""`lint`: everything that can be said of a pass before it meets a model."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from os import PathLike
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError, GraphpassError, count, shortened
from graphpass.formats.python_text import Mark
from graphpass.graph import Graph
from graphpass.ops import find, format_value, operator_names
from graphpass.rules.expressions import Scope, UnknownError
from graphpass.rules.lint.measures import Weighing, features_of, paths
from graphpass.rules.lint.overlaps import Overlap, Verdict, overlaps
from graphpass.rules.lint.rule_tests import RuleTest, graphs_of_tests, indented, run_tests
from graphpass.rules.lint.termination import Termination, terminates
from graphpass.rules.operations.rewrite import GivenRewrite, RewriteOperation
from graphpass.rules.operations.use import UsePasses
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.pass_rewrites import BadUse, PassRewrite, groups_of, used_passes
from graphpass.rules.reading import Reading
from graphpass.rules.rewrite import pattern as patterns
from graphpass.rules.rewrite.draft import TextBody
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.parts import attribute_tests
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    Pattern,
    Produced,
    Rest,
    Restricted,
)
from graphpass.rules.rewrite.replacement import Made, NewOperand, NewPart, Spread

__all__ = ["GroupReport", "LintReport", "Repetition", "RuleFinding", "findings_of", "lint"]

RuleSeverity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """One thing that is odd about a rewrite."""

    severity: RuleSeverity
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
        return asdict(self)


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


def lint(loaded: Pass, *, allow_paths: Sequence[str | PathLike[str]] = ()) -> LintReport:
    """Look for what is wrong, odd or unproved in a pass; run its tests.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in. The passes that it uses are looked into as well.
    allow_paths : sequence of path, optional
        Folders that a pass file may read besides its own.

    Examples
    --------
    >>> from graphpass.rules import load_pass
    >>> print(lint(load_pass({"rewrite": {"match": "y = Dropout(x)", "replace": "x", "id": "d"}})))
    rules: 1 rule, 1 rewrite
      d: terminates: proved (weights Dropout 1)
    rule 1 (rewrite): note: d: it has no tests; add `tests:`, before and after
    0 errors; 0 warnings
    """
    reading = Reading.allowing(allow_paths)
    uses, bad = used_passes(loaded, reading)
    # The tests of a pass that is used are those of its author, for parameters as they are.
    return replace(
        _lint(loaded, loaded, bad, reading),
        uses=tuple([_lint(used, used.unbound or used, bad, reading) for used in uses]),
    )


def _lint(loaded: Pass, tested: Pass, bad_uses: Iterable[BadUse], reading: Reading) -> LintReport:
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
    repetitions = []
    for rule in loaded.rules:
        use = rule.operation
        if not isinstance(use, UsePasses) or not use.repeat:
            continue
        passes = used_passes(replace(loaded, rules=(rule,)), reading).passes
        members = [each for used in passes for group in groups_of(used) for each in group]
        rewrites = [replace(member.rewrite, once=False) for member in members]
        inner = [each.operation for used in passes for each in used.rules]
        no_operation = UsePasses | RewriteOperation | GivenRewrite
        others = {each.keyword for each in inner if not isinstance(each, no_operation)}
        operations = tuple(sorted(others - {"expect"}))
        name = rule.id or f"rule {rule.index}"
        repetitions.append(Repetition(name, use.most_rounds, operations, terminates(rewrites)))
    return LintReport(
        name=loaded.name,
        rules=len(loaded.rules),
        groups=tuple(groups),
        findings=tuple(findings),
        tests=tuple(run_tests(tested)),
        repetitions=tuple(repetitions),
    )


# -- what is odd about one rewrite ----------------------------------------------------------------


class _Oddity(NamedTuple):
    severity: RuleSeverity
    code: str
    message: str
    option: tuple[str | int, ...] = ()
    """The way to it from the rewrite."""

    mark: Mark | None = None


def findings_of(member: PassRewrite, loaded: Pass) -> list[RuleFinding]:
    """Return what is odd about a rewrite of a pass, its tests left aside. Linear in the texts."""
    rewrite, text, body = member.rewrite, member.text, member.rewrite.body
    found: list[_Oddity] = []
    for part in rewrite.pattern.parts:
        found += _unknown(part.operators, "match", part.mark)
    found += _impossible(rewrite.pattern)
    if isinstance(body, TextBody):
        found += _unused(rewrite.pattern, body)
        for number, condition in enumerate(body.where):
            single = text is not None and isinstance(text.where, str)
            path = ("where",) if single else ("where", number)
            if condition.names:
                continue
            with suppress(GraphpassError, UnknownError):
                if condition.holds(Scope(Facts(Graph()), {})):
                    said = f"{condition.text} holds at every match; take it out"
                    found.append(_Oddity("warning", "constant-condition", said, path))
                else:
                    said = f"{condition.text} holds at no match, so the rewrite never fires"
                    found.append(_Oddity("error", "never-fires", said, path))
        for made in body.replacement.parts:
            found += _unknown([made.operator], "replace", made.mark)
        if not (rewrite.once or rewrite.refuses) and _matches_again(rewrite.pattern, body):
            said = (
                "it puts in what it matches, and so goes on for ever; narrow it with where:, "
                "or let it run once: true"
            )
            found.append(_Oddity("error", "never-ends", said, ("replace",)))
    if text is not None and not text.tests:
        said = "it has no tests; add `tests:`, before and after"
        found.append(_Oddity("note", "no-tests", said))
    return [
        RuleFinding(
            each.severity,
            each.code,
            rewrite.id,
            loaded.place((*member.path, *each.option), *(each.mark or ())),
            each.message,
        )
        for each in found
    ]


_CLOSE = 0.85
"""How much an unknown operator has to look like a known one to be taken for a slip."""


def _unknown(names: Iterable[str], option: str, mark: Mark | None) -> Iterator[_Oddity]:
    for name in names:
        if find(name) is not None:
            continue
        near = difflib.get_close_matches(name, list(operator_names()), n=1, cutoff=_CLOSE)
        said = f"is {near[0]} meant?" if near else "its inputs are taken as they come"
        said = f"MXNet 1.9.1 has no operator `{name}`; {said}"
        yield _Oddity("warning" if near else "note", "unknown-operator", said, (option,), mark)


def _unused(pattern: Pattern, body: TextBody) -> Iterator[_Oddity]:
    counts: Counter[str] = Counter()
    places: dict[str, tuple[str, Mark | None]] = {}
    for operand in pattern.operands():
        if isinstance(operand, NamedValue | Restricted | Rest) and operand.name is not None:
            counts[operand.name] += 1
            instead = "*_" if isinstance(operand, Rest) else "_"
            places.setdefault(operand.name, (instead, operand.mark))
        elif isinstance(operand, Produced):
            part = pattern.parts[operand.part]
            if part.visible_outputs is not None:
                counts[part.names[operand.output] or "_"] += 1
    read = {*pattern.root_names, *[name for group in pattern.distinct for name in group]}
    read |= body.reads
    for part in pattern.parts:
        if part.visible_outputs is not None:
            places.update({name: ("_", part.line) for name in part.names if name is not None})
        if part.shared:
            read.update(part.names)
    for name, (instead, mark) in places.items():
        if counts[name] <= (name not in pattern.names) and name not in read:
            said = f"{name} is bound and never read; write {instead} in its place"
            yield _Oddity("warning", "unused-name", said, ("match",), mark)
    for name in body.let:
        if name not in body.reads:
            said = f"{name} is computed and never read; take it out"
            yield _Oddity("warning", "unused-let", said, ("let", name))


def _impossible(pattern: Pattern) -> Iterator[_Oddity]:
    """Yield what the pattern asks for that no graph has.

    These are attribute values that MXNet does not take together; a value that is to be of two
    kinds; and an auxiliary state that is to be of another kind.
    """
    kinds: dict[str, patterns.ValueKind] = {}
    end = "the pattern can never match"
    for part in pattern.parts:
        broken: dict[str, str | None] = {}  # what MXNet asks for that the attributes rule out
        states: list[frozenset[int]] = []  # which inputs are auxiliary states
        for name, operator in zip(part.operators, map(find, part.operators), strict=True):
            if operator is None:
                broken[name] = None
                states.append(frozenset())
                continue
            asked = dict(attribute_tests(operator.name, part.attributes))
            ruled_out = [r for r in operator.requirements if r.condition.decided(asked) is False]
            broken[name] = ruled_out[0].text if ruled_out else None
            texts = {key: format_value(value) for key, value in asked.items()}
            states.append(frozenset())
            with suppress(AttributeValueError):
                states[-1] = frozenset(operator.signature(texts).mutable_slots)
        severity: RuleSeverity = "warning" if None in broken.values() else "error"
        last = "leave it out" if None in broken.values() else end
        for name, rule in broken.items():
            if rule is not None:
                said = f"no {name} has these attributes, as MXNet asks for {rule}; {last}"
                yield _Oddity(severity, "never-matches", said, ("match",), part.mark)
        mutable = frozenset.intersection(*states)
        for position, operand in enumerate(part.operands):
            inner = patterns.bare(operand)
            if isinstance(inner, Rest):
                mutable = frozenset()
            if not isinstance(inner, Restricted):
                continue
            other = kinds.setdefault(inner.name, inner.kind) if inner.name else inner.kind
            if other != inner.kind and {inner.kind, other} != {"const", "param"}:
                said = f"{inner.name} is to be {other} and {inner.kind}, which no value is"
                said = f"{said}; {end}"
                yield _Oddity("error", "never-matches", said, ("match",), inner.mark)
            if position in mutable and inner.kind != "aux":
                said = (
                    f"input {position} of {part.operators[0]} is an auxiliary state, never of "
                    f"kind {inner.kind}; write aux({inner.name or '_'})"
                )
                yield _Oddity("error", "never-matches", said, ("match",), inner.mark)


def _matches_again(pattern: Pattern, body: TextBody) -> bool:
    """Return whether a replacement is sure to match: the same tree of operators as the pattern.

    Values may have changed places in it. Where there is a condition, it must be that of one
    operator with its attributes, which reads what the matched one read.
    """
    replacement = body.replacement
    weighing = Weighing(0, pattern, replacement)
    images: dict[int, NewPart] = {}
    values: dict[str, str] = {}

    def meets(operand: patterns.Operand, given: NewOperand) -> bool:
        operand = patterns.bare(operand)
        if isinstance(given, Made):
            if not isinstance(operand, Produced) or operand.output or given.output:
                return False
            part, made = pattern.parts[operand.part], replacement.parts[given.node]
            if images.setdefault(part.index, made) is not made:
                return False
            return (
                made.op in part.ops
                and part.visible_outputs is None
                and len(part.operands) == len(made.operands)
                and all(weighing.fact(each, made) == "yes" for each in features_of(part, made.op))
                and all(map(meets, part.operands, made.operands))
            )
        if isinstance(operand, Produced):  # kept as it is, with all that it reads
            _, kept = paths(pattern, operand.part)
            same = given.name in pattern.names and pattern.names[given.name] == operand.part
            return same and all(values.setdefault(name, name) == name for name in kept)
        if isinstance(operand, Rest) != isinstance(given, Spread):
            return False
        if isinstance(operand, Anything) or operand.name is None:
            return True
        same = given.name == operand.name or isinstance(operand, NamedValue)
        return same and values.setdefault(operand.name, given.name) == given.name

    results = replacement.results
    if not all(
        isinstance(result, Made) and meets(root.value, result)
        for root, result in zip(pattern.roots, results, strict=True)
    ):
        return False
    distinct = {id(made) for made in images.values()}
    if not len(distinct) == len(images) == len(replacement.parts):
        return False
    if not (body.where or pattern.distinct):
        return True
    [(number, made), *others] = images.items()
    names = [name for name, target in pattern.names.items() if target == number]
    operator = find(made.operator)
    as_it_was = any(made.attributes == (name,) for name in names) or (
        operator is not None and not operator.attributes and not made.attributes
    )
    return (
        not others
        and as_it_was
        and made.name is None
        and len(pattern.parts[number].ops) == 1
        and all(name == value for name, value in values.items())
    )
