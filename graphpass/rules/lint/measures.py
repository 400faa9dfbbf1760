"""How much lighter a rewrite makes a graph, as inequalities over the weights of operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from graphpass.errors import GraphpassError
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.operator import output_bounds
from graphpass.ops.values import Constant
from graphpass.rules.expressions import Expression
from graphpass.rules.rewrite.draft import attribute_text
from graphpass.rules.rewrite.parts import AttributeTest, attribute_fault, attribute_tests
from graphpass.rules.rewrite.pattern import (
    NamedValue,
    Operand,
    OptionalOperand,
    Part,
    Pattern,
    Produced,
    Rest,
    Restricted,
    bare,
)
from graphpass.rules.rewrite.replacement import Made, Named, NewOperand, NewPart, Replacement

__all__ = ["Copied", "Feature", "Inequality", "Weighing", "Weight", "features_of", "paths"]

Unknown: TypeAlias = Hashable


class Inequality(NamedTuple):
    """``sum of coefficient * unknown >= least``."""

    terms: Mapping[Unknown, int]
    least: int


class Weight(NamedTuple):
    """What an operator weighs beyond 1."""

    op: str


class Feature(NamedTuple):
    """That a node is of an operator and has a value for an attribute."""

    op: str
    attribute: str
    value: Constant

    def __str__(self) -> str:
        return f"{self.op}({self.attribute}={self.value!r})"


class Copied(NamedTuple):
    """The new node has the feature if and only if a matched one has it."""

    part: int


Known: TypeAlias = Copied | Literal["yes", "no", "maybe"]
"""Whether a new node has a feature."""


class _Extreme(NamedTuple):
    """What the lightest, or the heaviest, of several alternatives weighs."""

    rule: int
    part: int
    lightest: bool


class _Change(NamedTuple):
    """What a rewrite does to a sum of weights."""

    gone: dict[int, int]
    """Number of a part -> how often it goes; negative: comes."""

    made: list[tuple[NewPart, int]]
    """New node and how often it comes."""

    slack: int
    """By how much the sum must fall."""


def features_of(part: Part, op: str) -> list[Feature]:
    """Return the features that a node must have to match."""
    return [Feature(op, *test) for test in attribute_tests(op, part.attributes)]


class Weighing:
    """One rewrite, weighed. Linear in its two texts, times the features.

    A rewrite gives one inequality or several: each says that what goes weighs more than what comes,
    at every match. What weighs is an operator, by its name, and besides a `Feature` where some
    pattern of the group asks for an attribute's value, so that ``BatchNorm(fix_gamma=True)`` may
    weigh more than any other BatchNorm. There are two ways to weigh a graph:

    by nodes
        The sum over the operators that the heads reach. A match takes away its roots, since
        everything that reads them reads the replacement from then on, unless that reads a root
        itself; and its interior, since nothing outside reads that. What the replacement reads
        stays, with everything below it, and so does what is ``shared``. A value that the
        replacement reads may turn out to be the output of an interior node, as ``b`` in
        ``elemwise_add(relu(a), b)`` where one relu is read twice: such a node counts as staying
        too, unless it reads that value itself, which would be a cycle, or ``distinct`` says
        otherwise. New nodes count whether they are read or not.

    by paths
        The sum over all paths from a head down to an operator, so that a value counts as often as
        it is read; that is the weight of the graph unfolded into trees. Sharing is nothing to this
        measure: each root's tree is the pattern's, and becomes the replacement's. It has to be
        lighter, or as light for some of several roots, and to hold no value more often than the
        pattern does, except for variables, which weigh nothing. The trees that the roots are part
        of get lighter by as much, and every root has a path from some head.

    Where the pattern leaves something open, the worst counts: of alternatives the lightest; of what
    may be absent, nothing; of an attribute that the replacement copies or computes, that it has the
    value which weighs more. Where the replacement copies an attribute of a node of its own
    operator, both have the feature or both lack it.

    Parameters
    ----------
    rule : int
        A number that tells the rewrite from others.
    pattern : Pattern
        Its pattern.
    replacement : Replacement
        What takes the place of a match.
    features : collection of Feature
        What may weigh besides operators.
    """

    def __init__(
        self,
        rule: int,
        pattern: Pattern,
        replacement: Replacement,
        features: Collection[Feature] = (),
    ) -> None:
        self._rule = rule
        self._pattern = pattern
        self._replacement = replacement
        found = [paths(pattern, root.value.part, sure_only=True)[0] for root in pattern.roots]
        self._sure = {each for parts in found for each in parts if not pattern.parts[each].maybe}
        """Operators that are there at every match."""
        self._values = {*pattern.values, *pattern.rests} - {
            operand.name
            for operand in pattern.operands()
            if isinstance(operand, Restricted) and operand.kind != "const"
        }
        """Names of values that some match computes."""
        self._made = replacement.parts
        self._features: dict[str, list[Feature]] = {}
        for feature in features:
            self._features.setdefault(feature.op, []).append(feature)

    def by_nodes(self) -> list[Inequality]:
        """Return what must hold for the sum over all nodes to become smaller."""
        pattern = self._pattern

        def may_be(name: str, part: Part) -> bool:
            """Return whether a value of the pattern could be the output of one of its operators.

            A root it can't be: the matcher takes no match whose values are computed from a root.
            """
            if any(root.value.part == part.index for root in pattern.roots):
                return False
            if name in paths(pattern, part.index, sure_only=True)[1]:
                return False
            own = {each for each, target in pattern.names.items() if target == part.index}
            apart = any(name in group and not own.isdisjoint(group) for group in pattern.distinct)
            operators = [find(op) for op in part.ops]
            return not apart or any(
                each is None or output_bounds(each, {})[0].most != 1 for each in operators
            )

        read = {part.index for part in pattern.parts if part.shared}
        for operand in self._replacement.reads():
            target = pattern.names.get(operand.name)
            if target is not None:
                read.add(target.part if isinstance(target, Produced) else target)
            elif operand.name in self._values:
                read |= {each.index for each in pattern.parts if may_be(operand.name, each)}
        staying = {below for each in read for below in paths(pattern, each)[0]}
        gone = {part.index: int(part.index not in staying) for part in pattern.parts}
        return self._inequalities([_Change(gone, [(each, 1) for each in self._made], 1)])

    def by_paths(self) -> list[Inequality] | None:
        """Return what must hold for the sum over all paths to become smaller.

        None if a value stands more often in the replacement than in the pattern.
        """
        pattern = self._pattern
        bound = int(len(pattern.roots) == 1)  # an optional value is below the only root if read
        changes = []
        for root, result in zip(pattern.roots, self._replacement.results, strict=True):
            before, values = paths(pattern, root.value.part, sure_only=True)
            after, values_after, made = self._unfolded(result)
            if any(count > (values[name] or bound) for name, count in values_after.items()):
                return None
            gone = {part.index: before[part.index] - after[part.index] for part in pattern.parts}
            changes.append(_Change(gone, made, 0))
        together = Counter[int]()
        for change in changes:
            together.update(change.gone)
        made = [each for change in changes for each in change.made]
        changes = [] if len(changes) == 1 else changes
        return self._inequalities([*changes, _Change(together, made, 1)])

    def _unfolded(
        self, result: Named | Made
    ) -> tuple[Counter[int], Counter[str], list[tuple[NewPart, int]]]:
        """Return how often each operator, value and new node stands in the tree of a result."""
        pattern = self._pattern
        parts, values, times = Counter[int](), Counter[str](), Counter[int]()

        def read(operand: NewOperand, count: int) -> None:
            if isinstance(operand, Made):
                times[operand.node] += count
            elif (target := pattern.names.get(operand.name)) is not None:
                number = target.part if isinstance(target, Produced) else target
                inner, below = paths(pattern, number)
                parts.update({key: count * each for key, each in inner.items()})
                values.update({name: count * each for name, each in below.items()})
            elif operand.name in self._values:
                values[operand.name] += count

        read(result, 1)
        for number in range(len(self._made) - 1, -1, -1):
            for operand in self._made[number].operands:
                read(operand, times[number])
        made = [(each, times[number]) for number, each in enumerate(self._made) if times[number]]
        return parts, +values, made

    def _inequalities(self, changes: Iterable[_Change]) -> list[Inequality]:
        """Return what must hold for each change to be as much as it has to be.

        What the plain operators weigh, 1 each, is taken over to the right.
        """
        extremes: dict[_Extreme, None] = {}
        found = []
        for change in changes:
            terms, copies, light = Counter[Unknown](), Counter[tuple[int, Feature]](), 0
            for made, times in change.made:
                op = made.op
                terms[Weight(op)] -= times
                light += times
                for feature in self._features.get(op, ()):
                    known = self.fact(feature, made)
                    if isinstance(known, Copied):
                        copies[known.part, feature] += times
                    elif known != "no":
                        terms[feature] -= times
            for part in self._pattern.parts:
                times = change.gone[part.index]
                if part.index not in self._sure:
                    times = min(times, 0)
                if len(part.ops) > 1:
                    if times:
                        extreme = _Extreme(self._rule, part.index, times > 0)
                        extremes[extreme] = None
                        terms[extreme] += times
                else:
                    op = part.ops[0]
                    asked = {each.attribute: each for each in features_of(part, op)}
                    terms[Weight(op)] += times
                    for feature in self._features.get(op, ()):
                        if feature.attribute in asked:
                            terms[feature] += times * (asked[feature.attribute] == feature)
                        else:
                            terms[feature] += min(0, times - copies[part.index, feature])
                light -= times
            found.append(
                Inequality({key: n for key, n in terms.items() if n}, change.slack + light)
            )
        for extreme in extremes:  # it is the weight of the lightest or heaviest alternative
            part, sign = self._pattern.parts[extreme.part], 1 if extreme.lightest else -1
            for op in part.ops:
                asked = {each.attribute: each for each in features_of(part, op)}
                needed: dict[Unknown, int] = {extreme: -sign, Weight(op): sign}
                for feature in self._features.get(op, ()):
                    if feature in asked.values() or (
                        not extreme.lightest and feature.attribute not in asked
                    ):
                        needed[feature] = sign
                found.append(Inequality(needed, 0))
        return found

    def fact(self, feature: Feature, made: NewPart) -> Known:
        """Return whether a new node, of the feature's operator, has the feature.

        ``maybe`` wherever something outside the two texts has a say: keys such as ``__lr_mult__``,
        which a root hands on; the attribute that counts inputs; a key that a root's operator does
        not declare, since an undeclared key is handed on too.
        """
        op, key = feature.op, feature.attribute
        operator = find(op)
        if is_hidden_key(key) or (operator is not None and key == operator.key_var_num_args):
            return "maybe"
        found: tuple[Constant] | Copied | Literal["absent", "unknown"] = "absent"
        for step in made.attributes:
            if isinstance(step, str):
                part = self._pattern.nodes[step]
                if _may_have(part.ops, key):
                    alike = found == "absent" and part.index in self._sure
                    found = Copied(part.index) if alike and part.ops == (op,) else "unknown"
            elif step.name == key:
                if step.value is None:
                    found = "absent"
                else:
                    found = "unknown" if isinstance(step.value, Expression) else (step.value,)
        if found == "unknown":
            return "maybe"
        if isinstance(found, tuple) and not isinstance(found, Copied):
            return _compare(feature, {key: found[0]})
        if self._hands_on(made, key):
            return "maybe"
        if isinstance(found, Copied):
            asked = {
                each.attribute: each for each in features_of(self._pattern.parts[found.part], op)
            }
            return _compare(feature, {key: asked[key].value}) if key in asked else found
        return _compare(feature, {})

    def _hands_on(self, made: NewPart, key: str) -> bool:
        """Return whether a new node may get an attribute of the root whose place it takes."""
        results = [each for each in self._replacement.results if isinstance(each, Made)]
        if not any(self._made[each.node] is made for each in results):
            return False
        for root in self._pattern.roots:  # one that may be absent is looked through
            operand: Operand = root.value
            while isinstance(operand, Produced):
                part = self._pattern.parts[operand.part]
                if not all(_may_have([op], key) for op in part.ops):
                    return True
                if not part.maybe:
                    break
                operand = part.operands[0]
        return False


def _compare(feature: Feature, given: dict[str, Constant]) -> Known:
    try:
        texts = {key: attribute_text(value, key) for key, value in given.items()}
    except GraphpassError:
        return "maybe"
    test = AttributeTest(feature.attribute, feature.value)
    return "yes" if attribute_fault(feature.op, texts, [test]) is None else "no"


def _may_have(ops: Sequence[str], key: str) -> bool:
    """Return whether one of the operators declares a key, or takes any."""
    return any(
        operator is None or operator.open_keys or key in (operator.attributes or (key,))
        for operator in map(find, ops)
    )


def paths(
    pattern: Pattern, number: int, *, sure_only: bool = False
) -> tuple[Counter[int], Counter[str]]:
    """Return on how many paths from an operator each operator and each value of a pattern stands.

    `sure_only` leaves out paths that some matches lack.
    """
    parts, values = Counter({number: 1}), Counter[str]()
    for part in reversed(pattern.parts[: number + 1]):
        times = parts[part.index]
        for position, operand in enumerate(part.operands if times else ()):
            if sure_only and (isinstance(operand, OptionalOperand) or (part.maybe and position)):
                continue
            inner = bare(operand)
            if isinstance(inner, Produced):
                parts[inner.part] += times
            elif isinstance(inner, NamedValue | Rest | Restricted) and inner.name is not None:
                values[inner.name] += times
    return parts, values
