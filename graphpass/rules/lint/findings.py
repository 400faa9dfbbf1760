"""What is odd about one rewrite, told without a graph."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from graphpass.errors import AttributeValueError, GraphpassError
from graphpass.graph import Graph
from graphpass.ops import canonical_name, find, format_value, operator_names
from graphpass.ops.meaning import is_commutative
from graphpass.ops.values import Value as Constant
from graphpass.rules.expressions import Expression, Scope, UnknownError
from graphpass.rules.lint.measures import Weighing, features_of, inner_operand
from graphpass.rules.pass_files.loading import Pass
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.pass_rewrites import PassRewrite
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.parts import attribute_tests
from graphpass.rules.rewrite.pattern import (
    Anything,
    Operand,
    OptionalOperand,
    Part,
    Produced,
    Rest,
    Restricted,
    Value,
    bare,
)
from graphpass.rules.rewriting.body import TextBody
from graphpass.rules.rewriting.replacement import (
    Application,
    CopyAttributes,
    Named,
    Replacement,
    Spread,
)
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["RuleFinding", "findings_of"]

Severity: TypeAlias = Literal["error", "warning", "note"]

_STORED = {"const", "param"}

_CLOSE = 0.85
"""How much an unknown operator has to look like a known one to be taken for a slip."""


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """One thing that is odd about a rewrite."""

    severity: Severity
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


def findings_of(member: PassRewrite, loaded: Pass) -> list[RuleFinding]:
    """Return what is odd about a rewrite of a pass, its tests left aside. Linear in the texts."""
    return list(_Inspection(member, loaded).findings())


class _Inspection:
    def __init__(self, member: PassRewrite, loaded: Pass) -> None:
        self._member = member
        self._rewrite: Rewrite = member.rewrite
        self._pass = loaded

    def findings(self) -> Iterator[RuleFinding]:
        yield from self._unknown_operators()
        yield from self._impossible()
        if isinstance(self._rewrite.body, TextBody):
            yield from self._unused_names()
            yield from self._unused_lets(self._rewrite.body)
            yield from self._constant_conditions(self._rewrite.body)
            yield from self._unknown_replacements(self._rewrite.body.replacement)
            if self._goes_on_for_ever(self._rewrite.body):
                yield self._find(
                    "error",
                    "never-ends",
                    "it puts in what it matches, and so goes on for ever; narrow it with where:, "
                    "or let it run once: true",
                    "replace",
                )
        if self._member.text is not None and not self._member.text.tests:
            yield self._find("note", "no-tests", "it has no tests; add `tests:`, before and after")

    def _find(
        self,
        severity: Severity,
        code: str,
        message: str,
        *option: str | int,
        mark: Mark | None = None,
    ) -> RuleFinding:
        line, column = mark or (None, None)
        place = self._pass.place((*self._member.path, *option), line, column)
        return RuleFinding(severity, code, self._rewrite.id, place, message)

    # -- names -------------------------------------------------------------------------------

    def _unused_names(self) -> Iterator[RuleFinding]:
        pattern = self._rewrite.pattern
        counts: Counter[str] = Counter()
        places: dict[str, tuple[str, Mark | None]] = {}
        for operand in pattern.operands():
            if isinstance(operand, Value | Restricted | Rest) and operand.name is not None:
                counts[operand.name] += 1
                instead = "*_" if isinstance(operand, Rest) else "_"
                places.setdefault(operand.name, (instead, operand.mark))
            elif isinstance(operand, Produced):
                part = pattern.parts[operand.part]
                if part.visible_outputs is not None:
                    counts[part.names[operand.output] or "_"] += 1
        read = {*pattern.root_names, *[name for group in pattern.distinct for name in group]}
        for part in pattern.parts:
            if part.visible_outputs is not None:
                places.update({name: ("_", part.line) for name in part.names if name is not None})
            if part.shared:
                read.update(part.names)
        for name, (instead, mark) in places.items():
            often = 0 if name in pattern.names else 1
            if counts[name] <= often and name not in read and name not in self._rewrite.body.reads:
                yield self._find(
                    "warning",
                    "unused-name",
                    f"{name} is bound and never read; write {instead} in its place",
                    "match",
                    mark=mark,
                )

    def _unused_lets(self, body: TextBody) -> Iterator[RuleFinding]:
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

    def _constant_conditions(self, body: TextBody) -> Iterator[RuleFinding]:
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

    def _unknown_operators(self) -> Iterator[RuleFinding]:
        for part in self._rewrite.pattern.parts:
            for name in part.operators:
                yield from self._unknown(name, "match", part.mark)

    def _unknown_replacements(self, replacement: Replacement) -> Iterator[RuleFinding]:
        for _, application in replacement.applications():
            yield from self._unknown(application.operator, "replace", application.mark)

    def _unknown(self, name: str, option: str, mark: Mark | None) -> Iterator[RuleFinding]:
        if find(name) is not None:
            return
        near = difflib.get_close_matches(name, list(operator_names()), n=1, cutoff=_CLOSE)
        if near:
            said = f"MXNet 1.9.1 has no operator `{name}`; is {near[0]} meant?"
            yield self._find("warning", "unknown-operator", said, option, mark=mark)
        else:
            said = f"MXNet 1.9.1 has no operator `{name}`; its inputs are taken as they come"
            yield self._find("note", "unknown-operator", said, option, mark=mark)

    def _impossible(self) -> Iterator[RuleFinding]:
        """Yield what the pattern asks for that no graph has.

        These are attribute values that MXNet does not take together; a value that is to be of two
        kinds; and an auxiliary state that is to be of another kind.
        """
        kinds: dict[str, Restricted] = {}
        never = "the pattern can never match"
        for part in self._rewrite.pattern.parts:
            broken = {name: _broken_rule(name, part) for name in part.operators}
            for name, rule in broken.items():
                if rule is None:
                    continue
                said = f"no {name} has these attributes, as MXNet asks for {rule}"
                if None in broken.values():
                    yield self._never("warning", f"{said}; leave it out", part)
                else:
                    yield self._never("error", f"{said}; {never}", part)
            mutable = frozenset.intersection(*[_mutable_slots(each, part) for each in broken])
            for position, operand in enumerate(part.operands):
                if isinstance(operand, Rest):
                    mutable = frozenset()
                inner = bare(operand)
                if not isinstance(inner, Restricted):
                    continue
                other = kinds.setdefault(inner.name, inner) if inner.name else inner
                if len({inner.kind, other.kind}) > 1 and {inner.kind, other.kind} != _STORED:
                    said = f"{inner.name} is to be {other.kind} and {inner.kind}"
                    yield self._never("error", f"{said}, which no value is; {never}", inner)
                if position in mutable and inner.kind != "aux":
                    yield self._never(
                        "error",
                        f"input {position} of {part.operators[0]} is an auxiliary state, never of "
                        f"kind {inner.kind}; write aux({inner.name or '_'})",
                        inner,
                    )

    def _never(self, severity: Severity, message: str, what: Part | Restricted) -> RuleFinding:
        return self._find(severity, "never-matches", message, "match", mark=what.mark)

    # -- what the rewrite makes --------------------------------------------------------------

    def _goes_on_for_ever(self, body: TextBody) -> bool:
        """Return whether every firing is sure to make what the next one matches."""
        rewrite = self._rewrite
        if rewrite.once or rewrite.refuses:
            return False
        return _Recurrence(rewrite, body).holds()


def _constant(condition: Expression) -> bool | None:
    """Return whether a condition without names holds; None if it can't be computed."""
    try:
        return condition.holds(Scope(Facts(Graph()), {}))
    except (GraphpassError, UnknownError):
        return None


def _asked(name: str, part: Part) -> Mapping[str, Constant]:
    tests = attribute_tests(canonical_name(name), part.attributes)
    return {test.name: test.wanted for test in tests}


def _broken_rule(name: str, part: Part) -> str | None:
    """Return what MXNet requires of an operator that what is asked of its attributes rules out."""
    operator = find(name)
    for requirement in () if operator is None else operator.requirements:
        if requirement.condition.decided(_asked(name, part)) is False:
            return requirement.text
    return None


def _mutable_slots(name: str, part: Part) -> frozenset[int]:
    operator = find(name)
    if operator is None:
        return frozenset()
    texts = {key: format_value(value) for key, value in _asked(name, part).items()}
    try:
        return frozenset(operator.signature(texts).mutable_slots)
    except AttributeValueError:
        return frozenset()


class _Recurrence:
    """A replacement laid over the pattern that it takes the place of.

    It is sure to match again where each operator of the pattern has a new node, or a matched one
    that the replacement keeps, for which nothing is left open. Conditions may hold no more then,
    unless the new root is as the old one was, and reads what that read.
    """

    _MOST_STEPS = 10_000

    def __init__(self, rewrite: Rewrite, body: TextBody) -> None:
        self._plan = rewrite.pattern
        self._roots = {root.value.part for root in self._plan.roots}
        self._conditional = bool(body.where or rewrite.pattern.distinct)
        self._replacement = body.replacement
        self._weighing = Weighing(0, rewrite.pattern, body.replacement)
        self._new = {
            name: (each.application, output if each.unpacks else 0)
            for each in body.replacement.assignments
            for output, name in enumerate(each.names)
        }
        self._images: dict[int, Application] = {}
        """Operator of the pattern -> the new node that matches it."""
        self._values: dict[str, object] = {}
        """Value of the pattern -> what the new match has for it."""
        self._steps = 0

    def holds(self) -> bool:
        """Return whether the replacement is sure to match."""
        for root, result in zip(self._plan.roots, self._replacement.results, strict=True):
            made = self._resolved(result)
            if not isinstance(made, tuple) or not self._meets(root.value, made):
                return False
        inside = self._plan.enclosed - self._roots
        images = {id(each) for each in self._images.values()}
        hidden = {id(each) for number, each in self._images.items() if number in inside}
        return not any(
            (isinstance(read, Produced) and read.part in inside)
            or (isinstance(read, tuple) and id(read[0]) in hidden)
            for _, application in self._replacement.applications()
            if id(application) not in images  # it reads something beside the new match
            for read in map(self._resolved, application.inputs)
        )

    def _resolved(
        self, operand: Named | Spread | Application
    ) -> Produced | tuple[Application, int] | str:
        """Return an output of a matched or a new node, or the name of what else it is."""
        if isinstance(operand, Application):
            return operand, 0
        if isinstance(operand, Named) and operand.is_new:
            application, output = self._new[operand.name]
            return application, operand.output or output
        target = self._plan.names.get(operand.name, operand.name)
        output = 0 if isinstance(operand, Spread) else operand.output or 0
        return Produced(target, output) if isinstance(target, int) else target

    def _meets(self, operand: Operand, given: Produced | tuple[Application, int] | str) -> bool:
        """Return whether an operand of the pattern is sure to match what the replacement has."""
        operand = inner_operand(operand)
        self._steps += 1
        if self._steps > self._MOST_STEPS:
            return False
        if isinstance(operand, Produced):
            part = self._plan.parts[operand.part]
            if given == operand:
                _, kept = self._weighing.facts.paths(part.index, sure_only=False)
                return all(self._binds(name, name) for name in kept)
            if isinstance(given, tuple) and given[1] == operand.output:
                before = dict(self._images), dict(self._values)
                if self._matches(part, given[0]):
                    return True
                self._images, self._values = before
            return part.maybe and self._meets(part.operands[0], given)
        if isinstance(operand, Anything | OptionalOperand) or operand.name is None:
            return isinstance(operand, Anything | Rest)
        same = given == operand.name
        return (same or isinstance(operand, Value)) and self._binds(operand.name, given)

    def _binds(self, name: str, given: Produced | tuple[Application, int] | str) -> bool:
        key = (id(given[0]), given[1]) if isinstance(given, tuple) else given
        return self._values.setdefault(name, key) == key and (key == name or not self._conditional)

    def _matches(self, part: Part, made: Application) -> bool:
        """Return whether a new node is sure to be matched by an operator of the pattern."""
        op = canonical_name(made.operator)
        if part.index in self._images:
            return self._images[part.index] is made
        if (
            op not in part.ops
            or part.visible_outputs is not None
            or any(each is made for each in self._images.values())
            or any(self._weighing.fact(each, made) != "yes" for each in features_of(part, op))
            or (self._conditional and not self._is_twin(part, made))
        ):
            return False
        self._images[part.index] = made
        orders = [part.operands]
        if is_commutative(op):
            orders.append(part.operands[::-1])
        for order in orders:
            before = dict(self._images), dict(self._values)
            if self._reads(order, list(map(self._resolved, made.inputs))):
                return True
            self._images, self._values = before
        return False

    def _is_twin(self, part: Part, made: Application) -> bool:
        """Return whether a new root has the operator, attributes and name of the matched one."""
        own = [name for name, target in self._plan.names.items() if target == part.index]
        operator = find(made.operator)
        bare = operator is not None and not operator.attributes and not made.attributes
        copied = any(made.attributes == (CopyAttributes(name),) for name in own)
        return (
            part.index in self._roots and len(part.ops) == 1 and not made.name and (bare or copied)
        )

    def _reads(
        self,
        operands: tuple[Operand, ...],
        given: list[Produced | tuple[Application, int] | str],
    ) -> bool:
        for place, operand in enumerate(operands):
            if isinstance(operand, Rest) and operand.name is None:
                behind = len(operands) - place - 1
                if len(given) < place + behind:
                    return False
                operands = (*operands[:place], *operands[place + 1 :])
                given = [*given[:place], *given[len(given) - behind :]]
        least = sum(not isinstance(each, OptionalOperand) for each in operands)
        return least <= len(given) <= len(operands) and all(map(self._meets, operands, given))
