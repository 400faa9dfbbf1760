"""The pattern: what a rewrite matches, with its operators numbered and its names resolved.

Texts and Python functions make it with a `PatternBuilder`, the matcher works from it, and
`print_pattern` prints it again. Equality looks at what a pattern says, not at where it stood.

===================  ===========================================================================
class                as text
===================  ===========================================================================
`NamedValue`         ``x``
`Anything`           ``_``
`Rest`               ``*xs``, ``*_``
`Restricted`         ``param(w)``, ``aux(m)``, ``input(x)``, ``const(c)``
`Produced`           ``a``, ``a[1]``, ``relu(x)``: an output of an operator of the pattern
`OptionalOperand`    ``optional(b)``
`Part`               ``a = Convolution(x, w, kernel=(1, 1))``, ``(Dropout | identity)(x)``,
                     ``maybe(Dropout)(x)``, ``a, b = SliceChannel(x)``
`Root`               one value of ``return a, b[1]``
`Pattern`            all lines together
===================  ===========================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

from graphpass.formats.python_text import Mark, quoted_name
from graphpass.ops import find
from graphpass.ops.values import Constant

__all__ = [
    "KINDS",
    "WORDS",
    "Anything",
    "NamedValue",
    "Operand",
    "OptionalOperand",
    "Part",
    "Pattern",
    "Produced",
    "Rest",
    "Restricted",
    "Root",
    "Route",
    "ValueKind",
    "bare",
    "compile_pattern",
    "print_operators",
    "print_pattern",
]

ValueKind: TypeAlias = Literal["param", "aux", "input", "const"]

KINDS: tuple[ValueKind, ...] = ("param", "aux", "input", "const")
"""What a `Restricted` may ask for."""

WORDS = (*KINDS, "optional", "maybe", "shared", "distinct")
"""Words that mean something where they are called; as operators they stand in backquotes."""


@dataclass(frozen=True, slots=True)
class NamedValue:
    """Any value; the same name is the same value wherever it stands."""

    name: str
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, without a name."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """The inputs that no other operand takes, none included."""

    name: str | None
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Restricted:
    """A value of one kind."""

    kind: ValueKind
    name: str | None
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Produced:
    """A value that an operator of the pattern produces."""

    part: int
    """The operator's number."""

    output: int


@dataclass(frozen=True, slots=True)
class OptionalOperand:
    """An operand that the node may lack, such as a bias."""

    operand: Operand
    mark: Mark | None = field(default=None, compare=False, repr=False)


Operand: TypeAlias = NamedValue | Anything | Rest | Restricted | Produced | OptionalOperand
"""What may stand among the inputs of an operator."""


@dataclass(frozen=True, slots=True)
class Part:
    """One operator of the pattern."""

    index: int
    """Its number; what it reads has lower ones."""

    names: tuple[str | None, ...]
    """Its name; or, if it is unpacked, one per output, None for ``_``. Empty if it has none."""

    label: str
    """How messages call it: its name, or the operators that it may be."""

    operators: tuple[str, ...]
    """The operators that it may be, by name or alias, as written."""

    ops: tuple[str, ...]
    """Their canonical names."""

    attributes: tuple[tuple[str, Constant], ...]
    """What is asked of the attributes: each equal to this value, defaults filled in."""

    operands: tuple[Operand, ...]

    maybe: bool
    """Whether the operator may be absent; then the part stands for its first operand."""

    visible_outputs: int | None
    """How many visible outputs the node must have, if it is unpacked; None: any number."""

    interior: bool
    """Whether the rest of the graph must not use the node: it is no root and not shared."""

    shared: bool

    twins: tuple[int | None, ...] = field(default=(), compare=False, repr=False)
    """Per operand the one before it, if any, with which it may change places without a difference:
    nothing else in the pattern, and nothing that reads its names, tells them apart."""

    mark: Mark | None = field(default=None, compare=False, repr=False)
    """Where the operator stands."""

    line: Mark | None = field(default=None, compare=False, repr=False)
    """Where the line begins that gives it names."""


@dataclass(frozen=True, slots=True)
class Route:
    """How to find a root from what is bound before it."""

    source: str | Produced
    """A value that is bound by then, by name or as an output."""

    steps: tuple[Produced, ...]
    """What reads the source, what reads that, and so on up to the root."""


@dataclass(frozen=True, slots=True)
class Root:
    """One value that the pattern returns."""

    value: Produced

    whole: bool
    """Whether all outputs of the node are returned, not just the one."""

    route: Route | None = None
    """How to find it; None for the first, and for one that an earlier root reads."""


@dataclass(frozen=True)
class Pattern:
    """What a match is."""

    parts: tuple[Part, ...]
    """Each after what it reads."""

    roots: tuple[Root, ...]
    """What the match gives to the rest of the graph."""

    distinct: tuple[tuple[str, ...], ...]
    """Names of values no two of which may be the same."""

    anchors: tuple[Produced, ...]
    """What the first root's value may be: its operator's, and where that may be absent, that of the
    operator below it."""

    optional: frozenset[str]
    """Names of values that may stand for nothing at a match."""

    @cached_property
    def names(self) -> Mapping[str, int | Produced]:
        """Name -> the number of the operator it names, or the output."""
        return {
            name: part.index if part.visible_outputs is None else Produced(part.index, output)
            for part in self.parts
            for output, name in enumerate(part.names)
            if name is not None
        }

    @cached_property
    def nodes(self) -> Mapping[str, Part]:
        """Name of a node -> its operator."""
        return {name: self.parts[at] for name, at in self.names.items() if isinstance(at, int)}

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Names of values that the pattern reads."""
        read = [each for each in self.operands() if isinstance(each, NamedValue | Restricted)]
        return tuple(dict.fromkeys([each.name for each in read if each.name is not None]))

    @cached_property
    def rests(self) -> tuple[str, ...]:
        """Names that stand for several values: ``*xs``."""
        read = [each for each in self.operands() if isinstance(each, Rest)]
        return tuple(dict.fromkeys([each.name for each in read if each.name is not None]))

    @cached_property
    def all_names(self) -> Mapping[str, None]:
        """All names, those of operators first."""
        return dict.fromkeys([*self.names, *self.values, *self.rests])

    @cached_property
    def root_names(self) -> tuple[str | None, ...]:
        """Per value that the pattern returns, its name; None where it has none."""
        found: list[str | None] = []
        for root in self.roots:
            part, output = self.parts[root.value.part], root.value.output
            if part.visible_outputs is not None:
                found.append(part.names[output])
            else:
                found.append(part.names[0] if root.whole and part.names else None)
        return tuple(found)

    @cached_property
    def enclosed(self) -> frozenset[int]:
        """Operators of which the rest of the graph may use no output but those that are returned.

        They are neither shared nor returned as a whole.
        """
        whole = {root.value.part for root in self.roots if root.whole}
        return frozenset([part.index for part in self.parts if not part.shared]) - whole

    @cached_property
    def asks_for_constants(self) -> bool:
        """Whether some operand has to be computed from parameters alone."""
        return any(
            isinstance(each, Restricted) and each.kind == "const" for each in self.operands()
        )

    @cached_property
    def first_ops(self) -> frozenset[str]:
        """Operators that the first root may be."""
        return frozenset(op for anchor in self.anchors for op in self.parts[anchor.part].ops)

    def operands(self) -> Iterator[NamedValue | Anything | Rest | Restricted | Produced]:
        """Yield what stands among the inputs of all operators; what is optional, as it is."""
        for part in self.parts:
            for operand in part.operands:
                yield bare(operand)


def bare(operand: Operand) -> NamedValue | Anything | Rest | Restricted | Produced:
    """Return an operand without the ``optional`` around it."""
    while isinstance(operand, OptionalOperand):
        operand = operand.operand
    return operand


# -- operands that nothing tells apart -----------------------------------------------------------


def compile_pattern(pattern: Pattern, *, told_apart: Collection[str] = ()) -> Pattern:
    """Prepare a pattern for whoever reads some of its names.

    Parameters
    ----------
    pattern : Pattern
        A pattern; without `told_apart` it is ready as it comes.
    told_apart : collection of str
        Names that conditions or a replacement read, so that two operands of a commutative operator
        with such names can't change places.

    Notes
    -----
    Linear in the pattern.
    """
    counts: Counter[str | int] = Counter()
    for operand in pattern.operands():
        if isinstance(operand, Produced):
            counts[operand.part] += 1
        elif not isinstance(operand, Anything) and operand.name is not None:
            counts[operand.name] += 1
    apart = {key for key, count in counts.items() if count > 1}
    """Names and operators that are more than a place in one operand."""
    apart |= {root.value.part for root in pattern.roots}
    apart |= {part.index for part in pattern.parts if part.shared}
    for name in (*told_apart, *[name for group in pattern.distinct for name in group]):
        named = pattern.names.get(name, name)
        apart.add(named.part if isinstance(named, Produced) else named)
    numbers: dict[Hashable, int] = {}
    shapes: list[int | None] = []
    """Per operator, what it looks like when names that stand only once are left out."""

    def shape(operand: Operand) -> int | None:
        """Return the number of what an operand looks like; None if it is like no other.

        Two operands of one operator that look alike can change places: whatever one takes, the
        other could have taken. The matcher need not try both ways.
        """
        if isinstance(operand, OptionalOperand):
            inner = shape(operand.operand)
            key: Hashable = None if inner is None else ("optional", inner)
        elif isinstance(operand, Produced):
            whole = None if operand.part in apart else shapes[operand.part]
            key = None if whole is None else ("output", whole, operand.output)
        elif isinstance(operand, Anything):
            key = ("value", None, False)
        elif isinstance(operand, Rest) or operand.name in apart:
            key = None
        else:
            kind = operand.kind if isinstance(operand, Restricted) else None
            key = ("value", kind, operand.name is not None)
        return None if key is None else numbers.setdefault(key, len(numbers))

    parts = []
    for part in pattern.parts:
        operands = tuple(map(shape, part.operands))
        asked = tuple([(name, repr(value)) for name, value in part.attributes])
        key = (part.operators, part.maybe, part.visible_outputs, asked, operands)
        shapes.append(None if None in operands else numbers.setdefault(key, len(numbers)))
        twins: list[int | None] = []
        last: dict[int, int] = {}
        for position, alike in enumerate(operands):
            twins.append(None if alike is None else last.get(alike))
            if alike is not None:
                last[alike] = position
        parts.append(replace(part, twins=tuple(twins)))
    return replace(pattern, parts=tuple(parts))


# -- printing ------------------------------------------------------------------------------------


def print_pattern(pattern: Pattern) -> str:
    """Print a pattern, one statement a line; `parse_pattern` reads it as the same pattern.

    Examples
    --------
    >>> from graphpass.rules.rewrite.text import parse_pattern
    >>> print(print_pattern(parse_pattern("a=SliceChannel( x ); return a[1] , a[0]")))
    a = SliceChannel(x)
    return a[1], a[0]

    Notes
    -----
    Linear in the pattern.
    """
    return "\n".join(_lines(pattern))


def _lines(pattern: Pattern) -> Iterator[str]:
    last: list[tuple[Produced, bool]] = []
    for part in pattern.parts:
        if not part.names:
            continue
        names = ", ".join("_" if name is None else _name(name) for name in part.names)
        comma = "," if part.visible_outputs == 1 else ""
        yield f"{names}{comma} = {_call(pattern, part)}"
        is_whole = part.visible_outputs is None
        outputs = [number for number, name in enumerate(part.names) if name is not None]
        last = [(Produced(part.index, number), is_whole) for number in outputs]
    top = pattern.parts[pattern.roots[0].value.part]
    if not top.names:
        yield _call(pattern, top)
    for part in pattern.parts:
        if part.shared:
            yield f"shared({next(_name(name) for name in part.names if name is not None)})"
    for values in pattern.distinct:
        yield f"distinct({', '.join(map(_name, values))})"
    if top.names and last != [(root.value, root.whole) for root in pattern.roots]:
        yield f"return {', '.join([_root(pattern, root) for root in pattern.roots])}"


def _root(pattern: Pattern, root: Root) -> str:
    text = _operand(pattern, root.value)
    of_node = pattern.parts[root.value.part].visible_outputs is None
    return f"{text}[0]" if of_node and not root.whole and not root.value.output else text


def _call(pattern: Pattern, part: Part) -> str:
    """Print one operator with what stands below it."""
    function = print_operators(part.operators)
    if part.maybe:
        function = f"maybe({function})"
    elif len(part.operators) > 1:
        function = f"({function})"
    arguments = [_operand(pattern, operand) for operand in part.operands]
    arguments += [f"{quoted_name(name)}={value!r}" for name, value in part.attributes]
    return f"{function}({', '.join(arguments)})"


def print_operators(names: Iterable[str]) -> str:
    """Print operator names as alternatives: ``Dropout | identity``."""
    return " | ".join(
        _quoted(name) if name in WORDS or find(name) is None else quoted_name(name)
        for name in names
    )


def _operand(pattern: Pattern, operand: Operand) -> str:
    if isinstance(operand, Produced):
        part, output = pattern.parts[operand.part], operand.output
        if not part.names:
            return _call(pattern, part)
        if part.visible_outputs is not None:
            return _label(part.names[output])
        return f"{_label(part.names[0])}[{output}]" if output else _label(part.names[0])
    if isinstance(operand, OptionalOperand):
        return f"optional({_operand(pattern, operand.operand)})"
    if isinstance(operand, Restricted):
        return f"{operand.kind}({_label(operand.name)})"
    if isinstance(operand, Rest):
        return f"*{_label(operand.name)}"
    return "_" if isinstance(operand, Anything) else _name(operand.name)


def _label(name: str | None) -> str:
    return "_" if name is None else _name(name)


def _name(name: str) -> str:
    return _quoted(name) if name == "_" else quoted_name(name)


def _quoted(name: str) -> str:
    """Return a name in backquotes, whether or not it needs them."""
    found = quoted_name(name)
    return found if found.startswith("`") else f"`{found}`"
