"""The replacement: what a rewrite puts in the place of a match, each new operator numbered.

`ReplacementBuilder` makes it, and refuses operators that MXNet would refuse, as far as can be told
before there is a match.

===================  ===========================================================================
class                as text
===================  ===========================================================================
`Named`              ``x``, ``conv``, ``conv[1]``, ``folded_weight``, ``optional(b)``
`Spread`             ``*xs``
`Made`               ``new``, ``new[1]``, ``relu(x)``: an output of a new operator
`NewPart`            ``new = Convolution(x, w, **conv.attrs, no_bias=False)``, ``a, b = Op(x)``
`SetAttribute`       ``no_bias=False`` in such a call; the name of a node stands for its attributes
`Replacement`        all lines together
===================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError, suggestion
from graphpass.formats.python_text import Mark
from graphpass.ops import Operator, canonical_name, find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.operator import Bounds, output_bounds
from graphpass.ops.values import Constant
from graphpass.rules.expressions import Expression
from graphpass.rules.rewrite.builder import Complain, inputs_fault

__all__ = [
    "AttributeStep",
    "Made",
    "Named",
    "NewOperand",
    "NewPart",
    "Replacement",
    "ReplacementBuilder",
    "SetAttribute",
    "Spread",
]


class Made(NamedTuple):
    """An output of a new node."""

    node: int
    """The node's position among the new ones."""

    output: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A value that the pattern or a ``let`` names.

    A name of the pattern that stands for nothing at a match, because it is optional, is left out.
    """

    name: str
    output: int | None = None
    """Which output of a node; None where the name stands alone."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of a ``*xs`` of the pattern."""

    name: str


NewOperand: TypeAlias = Named | Spread | Made
"""What a new operator reads."""


class SetAttribute(NamedTuple):
    """What a new operator gets under one key."""

    name: str

    value: str | Expression | None
    """Its text, the expression that gives its value, or None to leave it out."""


AttributeStep: TypeAlias = str | SetAttribute
"""Name of a node whose attributes are taken over; or one attribute."""


@dataclass(frozen=True, slots=True)
class NewPart:
    """One new operator."""

    names: tuple[str | None, ...]
    """Its name in the rewrite; or, if it is unpacked, one per output. Empty if it has none."""

    label: str
    """What the rewrite calls it; the node's name is made of it where the rewrite gives none."""

    operator: str
    """The operator by name or alias, as written."""

    op: str
    """Its canonical name."""

    operands: tuple[NewOperand, ...]

    attributes: tuple[AttributeStep, ...]
    """A later one takes precedence over an earlier one."""

    counter: str | None = None
    """The attribute that counts the inputs."""

    name: Expression | None = None
    """Gives the node's name, where the rewrite does."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What takes the place of a match."""

    parts: tuple[NewPart, ...] = ()
    """Each after what it reads, whose `Made.node` counts them."""

    results: tuple[Named | Made, ...] = ()
    """What takes the place of each root of the pattern, in its order."""

    def reads(self) -> Iterator[Named | Spread]:
        """Yield everything of the match, and of ``let``, that is read or returned."""
        for operands in (*[part.operands for part in self.parts], self.results):
            for operand in operands:
                if not isinstance(operand, Made):
                    yield operand

    def expressions(self) -> Iterator[Expression]:
        """Yield everything that is computed at a match."""
        for part in self.parts:
            for step in part.attributes:
                if isinstance(step, SetAttribute) and isinstance(step.value, Expression):
                    yield step.value
            if part.name is not None:
                yield part.name


@dataclass(slots=True)
class ReplacementBuilder:
    """Makes one replacement, each new operator after what it reads.

    Whatever is wrong is raised as the `TextError` that `complain` makes.
    """

    complain: Complain

    optional: Collection[str] = ()
    """Names of the pattern that may stand for nothing, and are left out then."""

    parts: list[NewPart] = field(default_factory=list)
    _lines: dict[int, Mark | None] = field(default_factory=dict)
    """Number of a new operator that has names -> where the line begins that gives them."""

    def call(
        self,
        operator: str,
        operands: Sequence[NewOperand],
        attributes: Sequence[tuple[AttributeStep, Mark | None]],
        name: Expression | None = None,
        mark: Mark | None = None,
    ) -> Made:
        """Add an operator and return its first output."""
        op, known = canonical_name(operator), find(operator)
        counter = None if known is None else known.key_var_num_args
        steps = tuple([step for step, _ in attributes])
        label = op.strip("_").lower()
        part = NewPart((), label, operator, op, tuple(operands), steps, counter, name, mark)
        if known is not None:
            if known.from_subgraph:
                raise self.complain(
                    mark, f"{operator} runs a subgraph, which a replacement can't write down"
                )
            self._check(known, part, attributes)
        self.parts.append(part)
        return Made(len(self.parts) - 1)

    def bind(self, made: Made, names: Sequence[str | None], line: Mark | None) -> None:
        """Give an operator a name, or its outputs one each."""
        part = self.parts[made.node]
        label = next((name for name in names if name), part.label)
        self.parts[made.node] = replace(part, names=tuple(names), label=label)
        self._lines[made.node] = line

    def replacement(self, results: Sequence[Named | Made]) -> Replacement:
        """Return the replacement, all of whose named operators are read or returned."""
        found = Replacement(tuple(self.parts), tuple(results))
        operands = [*results, *[each for part in self.parts for each in part.operands]]
        read = {each.node for each in operands if isinstance(each, Made)}
        for number, line in self._lines.items():
            if number not in read:
                names = [name for name in self.parts[number].names if name is not None]
                raise self.complain(
                    line, f"{', '.join(names)} is not used; read it in another line, or return it"
                )
        return found

    def _check(
        self,
        operator: Operator,
        part: NewPart,
        attributes: Sequence[tuple[AttributeStep, Mark | None]],
    ) -> None:
        """Refuse attributes that the operator does not have or lacks, and a number of inputs."""
        certain = [
            not isinstance(each, Spread)
            and not (isinstance(each, Named) and each.name in self.optional)
            for each in part.operands
        ]
        number = len(certain)
        given: set[str] = set()
        left_out: dict[str, Mark | None] = {}
        known: dict[str, Constant] = {}
        for step, mark in attributes:
            if isinstance(step, str):
                left_out.clear()
                known.clear()
                continue
            key, value = step
            spec = operator.attributes.get(key)
            declared = spec is not None or operator.open_keys or operator.unparsed
            if operator.attributes and not declared and not is_hidden_key(key):
                near = suggestion(key, operator.attributes)
                raise self.complain(mark, f"{part.operator} has no attribute {key!r}{near}")
            known.pop(key, None)
            if isinstance(value, str) and spec is not None and not operator.unparsed:
                try:
                    known[key] = spec.parse(value)
                except AttributeValueError as error:
                    raise self.complain(mark, f"{operator.name}: {error}") from None
            if value is None:
                given.discard(key)
                left_out[key] = mark
                continue
            given.add(key)
            left_out.pop(key, None)
            if key == part.counter and not all(certain):
                raise self.complain(
                    mark,
                    f"{key} counts the inputs, and how many there are depends on the match; "
                    "leave it out, it is filled in",
                )
            if key == part.counter and known.get(key, number) != number:
                raise self.complain(
                    mark,
                    f"{key} is {value}, but the replacement gives {number} "
                    f"input{'s' * (number != 1)}; leave it out, it is filled in",
                )
        required = [] if operator.unparsed else operator.attributes.values()
        missing = [
            spec
            for spec in required
            if spec.required and spec.name not in given and spec.name != part.counter
        ]
        for spec in missing:
            if spec.name in left_out:
                try:
                    spec.parse("None")
                except AttributeValueError:
                    remedy = "write its value"
                else:
                    remedy = f'{spec.name}="None" writes it'
                raise self.complain(
                    left_out[spec.name],
                    f"{part.operator} needs the attribute {spec.name}, and None leaves it out; "
                    f"{remedy}",
                )
        if missing and not any(isinstance(step, str) for step, _ in attributes):
            words = f"attribute{'s' * (len(missing) != 1)}"
            listed = ", ".join([spec.name for spec in missing])
            raise self.complain(part.mark, f"{part.operator} needs the {words} {listed}")
        most = None if any(isinstance(each, Spread) for each in part.operands) else number
        try:
            fault = inputs_fault(operator, known, Bounds(sum(certain), most), "replacement")
            output_bounds(operator, known)
        except AttributeValueError as error:
            raise self.complain(part.mark, f"{operator.name}: {error}") from None
        if fault:
            raise self.complain(part.mark, fault)
