"""What is odd about one rewrite, told without a graph."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError, GraphpassError
from graphpass.formats.python_text import Mark
from graphpass.graph import Graph
from graphpass.ops import find, format_value, operator_names
from graphpass.rules.expressions import Scope, UnknownError
from graphpass.rules.lint.measures import Weighing, features_of, paths
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.pass_rewrites import PassRewrite
from graphpass.rules.rewrite.body import TextBody
from graphpass.rules.rewrite.draft import Made
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.parts import attribute_tests
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    Operand,
    Part,
    Pattern,
    Produced,
    Rest,
    Restricted,
    ValueKind,
    bare,
)
from graphpass.rules.rewrite.replacement import NewOperand, NewPart, Spread

__all__ = ["RuleFinding", "findings_of"]

RuleSeverity: TypeAlias = Literal["error", "warning", "note"]

_CLOSE = 0.85
"""How much an unknown operator has to look like a known one to be taken for a slip."""


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
    kinds: dict[str, ValueKind] = {}
    end = "the pattern can never match"
    for part in pattern.parts:
        settled = [_settled(name, part) for name in part.operators]
        broken = dict(zip(part.operators, [rule for rule, _ in settled], strict=True))
        severity: RuleSeverity = "warning" if None in broken.values() else "error"
        last = "leave it out" if None in broken.values() else end
        for name, rule in broken.items():
            if rule is not None:
                said = f"no {name} has these attributes, as MXNet asks for {rule}; {last}"
                yield _Oddity(severity, "never-matches", said, ("match",), part.mark)
        mutable = frozenset.intersection(*[states for _, states in settled])
        for position, operand in enumerate(part.operands):
            inner = bare(operand)
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


def _settled(op: str, part: Part) -> tuple[str | None, frozenset[int]]:
    """Return what MXNet asks for that the attributes rule out, and which inputs are states."""
    operator = find(op)
    if operator is None:
        return None, frozenset()
    asked = dict(attribute_tests(operator.name, part.attributes))
    broken = [each.text for each in operator.requirements if each.condition.decided(asked) is False]
    texts = {key: format_value(value) for key, value in asked.items()}
    try:
        states = frozenset(operator.signature(texts).mutable_slots)
    except AttributeValueError:
        states = frozenset()
    return next(iter(broken), None), states


def _matches_again(pattern: Pattern, body: TextBody) -> bool:
    """Return whether a replacement is sure to match: the same tree of operators as the pattern.

    Values may have changed places in it. Where there is a condition, it must be that of one
    operator with its attributes, which reads what the matched one read.
    """
    replacement = body.replacement
    weighing = Weighing(0, pattern, replacement)
    images: dict[int, NewPart] = {}
    values: dict[str, str] = {}

    def meets(operand: Operand, given: NewOperand) -> bool:
        operand = bare(operand)
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
