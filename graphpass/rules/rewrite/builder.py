"""`PatternBuilder`: how texts and Python functions make a pattern, and what is wrong with one.

Only what is certain is refused before any graph is seen; a pattern that passes may still match
nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from graphpass.errors import AttributeValueError, TextError
from graphpass.formats.python_text import Mark
from graphpass.ops import Operator, canonical_name, find, format_value
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.operator import Bounds, input_bounds, output_bounds
from graphpass.ops.values import Value as Constant
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    Operand,
    OptionalOperand,
    Part,
    Pattern,
    Produced,
    Rest,
    Restricted,
    Root,
    Route,
    ValueKind,
    compile_pattern,
    print_operators,
)

__all__ = [
    "Asked",
    "BuiltOperand",
    "BuiltOptional",
    "BuiltOutput",
    "BuiltPart",
    "Complain",
    "PatternBuilder",
]

Complain: TypeAlias = Callable[[Mark | None, str], TextError]
"""Makes the error about what stands at a mark."""

Asked: TypeAlias = tuple[str, Constant, Mark | None]
"""What is asked of an attribute: its name, its value, and where that stands."""

_MAX_DEPTH = 50
"""How deep operators may be nested, as in texts."""


@dataclass(slots=True, eq=False)
class BuiltPart:
    """An operator of a pattern in the making."""

    operators: tuple[str, ...]
    operands: tuple[BuiltOperand, ...]
    attributes: tuple[tuple[str, Constant], ...]
    maybe: bool
    mark: Mark | None

    outputs: list[tuple[str, Bounds, Bounds]]
    """Per operator that MXNet knows, how many outputs it can have: all, and the visible ones."""

    names: tuple[str | None, ...] = ()
    unpacked: bool = False
    line: Mark | None = None
    shared: bool = False
    shared_at: Mark | None = None

    @property
    def label(self) -> str:
        """How messages call it: its names, or the operators that it may be."""
        if any(name is not None for name in self.names):
            return ", ".join(name or "_" for name in self.names)
        return print_operators(self.operators)


@dataclass(frozen=True, slots=True, eq=False)
class BuiltOutput:
    """A value that an operator of the pattern produces."""

    part: BuiltPart
    output: int = 0
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BuiltOptional:
    """An operand that the node may lack."""

    operand: BuiltOperand
    mark: Mark | None


BuiltOperand: TypeAlias = NamedValue | Anything | Rest | Restricted | BuiltOutput | BuiltOptional


@dataclass(slots=True)
class PatternBuilder:
    """Makes one pattern: operators in an order in which each stands after what it reads.

    Whatever is wrong is raised as the `TextError` that `complain` makes.
    """

    complain: Complain
    parts: list[BuiltPart] = field(default_factory=list)
    bound: dict[str, BuiltOutput] = field(default_factory=dict)
    """What is named so far."""
    values: dict[str, Mark | None] = field(default_factory=dict)
    """The values that are read so far, with the place of the first time."""
    rests: set[str] = field(default_factory=set)
    _distinct: list[tuple[tuple[NamedValue | BuiltOutput, ...], Mark | None]] = field(
        default_factory=list
    )

    # -- operands ----------------------------------------------------------------------------

    def named(self, name: str, mark: Mark | None) -> NamedValue | BuiltOutput:
        """Return what a name stands for: a part that has it, or else a value."""
        if name in self.bound:
            known = self.bound[name]
            return BuiltOutput(known.part, known.output, mark)
        if name in self.rests:
            raise self.complain(mark, f"{name} stands for several values; write *{name}")
        self.values.setdefault(name, mark)
        return NamedValue(name, mark)

    def rest(self, name: str | None, mark: Mark | None) -> Rest:
        """Return the remaining inputs."""
        if name is not None and (name in self.bound or name in self.values):
            raise self.complain(
                mark, f"{name} stands for one value; choose another name for several"
            )
        if name is not None:
            self.rests.add(name)
        return Rest(name, mark)

    def restricted(
        self, kind: ValueKind, name: str | None, mark: Mark | None, place: Mark | None
    ) -> Restricted:
        """Return a value of a kind, whose name stands at `place`."""
        if name is not None and isinstance(self.named(name, place), BuiltOutput):
            raise self.complain(
                place, f"{name} is a node of the pattern; {kind} takes another value"
            )
        return Restricted(kind, name, mark)

    def optional(self, operand: BuiltOperand, mark: Mark | None) -> BuiltOptional:
        """Return an operand that may be absent."""
        if isinstance(operand, Rest | BuiltOptional):
            raise self.complain(mark, "optional takes one operand: optional(b)")
        return BuiltOptional(operand, mark)

    def output(self, part: BuiltPart, output: int, mark: Mark | None) -> BuiltOutput:
        """Return an output of an operator, one that it could have."""
        if output and part.maybe:
            raise self.complain(
                mark, f"{part.label} may be absent, so it has no output but the first"
            )
        for name, outputs, _ in part.outputs:
            if outputs.most is not None and output >= outputs.most:
                raise self.complain(
                    mark, f"{name} has no output {output}; its last one is {outputs.most - 1}"
                )
        return BuiltOutput(part, output, mark)

    # -- operators ---------------------------------------------------------------------------

    def call(
        self,
        operators: Sequence[str],
        operands: Sequence[BuiltOperand],
        attributes: Sequence[Asked] = (),
        *,
        maybe: bool = False,
        mark: Mark | None = None,
    ) -> BuiltPart:
        """Add an operator, or one of several, with what it reads and what is asked of it."""
        rests = [operand for operand in operands if isinstance(operand, Rest)]
        optional = [operand for operand in operands if isinstance(operand, BuiltOptional)]
        if not operators:
            raise self.complain(mark, "name an operator")
        if len(rests) > 1:
            raise self.complain(
                rests[1].mark, "only one operand can stand for the remaining inputs"
            )
        if rests and optional:
            raise self.complain(
                optional[0].mark, "* stands for none or more inputs already; leave out optional"
            )
        if maybe and (not operands or isinstance(operands[0], Rest | BuiltOptional)):
            raise self.complain(
                mark, "an operator that may be absent stands for its first input; name that"
            )
        given = Bounds(len(operands) - len(rests) - len(optional), None if rests else len(operands))
        outputs = []
        for name in operators:
            operator = find(name)
            known = self._typed(operator, attributes)
            if operator is not None:
                self._check_inputs(operator, known, given, mark)
                try:
                    outputs.append((operator.name, *output_bounds(operator, known)))
                except AttributeValueError as error:
                    raise self.complain(mark, f"{operator.name}: {error}") from None
        asked = tuple([(name, value) for name, value, _ in attributes])
        self.parts.append(BuiltPart(tuple(operators), tuple(operands), asked, maybe, mark, outputs))
        return self.parts[-1]

    def _typed(self, operator: Operator | None, asked: Sequence[Asked]) -> dict[str, Constant]:
        """Return what is asked of an operator's declared attributes, as values of their types."""
        seen: set[str] = set()
        known: dict[str, Constant] = {}
        for key, value, mark in asked:
            if key in seen:
                raise self.complain(mark, f"{key} is asked for twice")
            seen.add(key)
            if operator is None:
                continue
            spec, text = operator.attributes.get(key), format_value(value)
            try:
                if spec is not None:
                    known[key] = spec.parse(text)
                elif not (operator.open_keys or operator.unparsed or is_hidden_key(key)):
                    operator.check({key: text})
            except AttributeValueError as error:
                reason = str(error)
                owner = "" if reason.startswith(operator.name) else f"{operator.name}: "
                raise self.complain(mark, f"{owner}{reason}") from None
        return known

    def _check_inputs(
        self, operator: Operator, known: dict[str, Constant], given: Bounds, mark: Mark | None
    ) -> None:
        try:
            bounds = input_bounds(operator, known)
        except AttributeValueError as error:
            raise self.complain(mark, f"{operator.name}: {error}") from None
        if (bounds.most is None or given.least <= bounds.most) and (
            given.most is None or bounds.least <= given.most
        ):
            return
        names = [name for item in operator.template.inputs for name, _ in item.names if name != "_"]
        listed = f" ({', '.join(names)})" if names and bounds.most is not None else ""
        under = " with these attributes" if known else ""
        raise self.complain(
            mark,
            f"{operator.name} has {bounds} input{'s' * (str(bounds) != '1')}{listed}{under}, "
            f"but the pattern gives {given}",
        )

    def bind(
        self,
        part: BuiltPart,
        names: Sequence[str | None],
        *,
        unpacked: bool = False,
        line: Mark | None = None,
        marks: Sequence[Mark | None] = (),
    ) -> None:
        """Give a name to an operator; or if it is `unpacked`, one to each visible output.

        The line of the binding begins at `line`, and the names stand at `marks`.
        """
        for number, name in enumerate(names):
            if name is None:
                continue
            mark = marks[number] if marks else line
            if name in self.bound or name in names[:number]:
                raise self.complain(mark, f"{name} is bound already")
            if name in self.values:
                first = self.values[name]
                if first is None:
                    raise self.complain(mark, f"{name} stands for a value already")
                raise self.complain(
                    mark, f"{name} is read on line {first.line}, before it is bound; bind it first"
                )
            if name in self.rests:
                raise self.complain(mark, f"{name} stands for several values already")
        if unpacked and part.maybe:
            raise self.complain(
                line, "an operator that may be absent has one output; give it one name"
            )
        for operator, _, visible in part.outputs if unpacked else ():
            too_many = visible.most is not None and len(names) > visible.most
            if len(names) < visible.least or too_many:
                raise self.complain(
                    line,
                    f"{operator} has {visible} visible output{'s' * (str(visible) != '1')}, "
                    f"but {len(names)} are named",
                )
        part.names, part.unpacked, part.line = tuple(names), unpacked, line
        for number, name in enumerate(names):
            if name is not None:
                self.bound[name] = BuiltOutput(part, number, line)

    # -- what is asked of the whole ----------------------------------------------------------

    def share(self, part: BuiltPart, mark: Mark | None) -> None:
        """Let the rest of the graph use an operator although it is no root."""
        part.shared, part.shared_at = True, mark

    def distinct(self, values: Sequence[NamedValue | BuiltOutput], mark: Mark | None) -> None:
        """Ask that no two values are the same."""
        if len(values) < 2:
            raise self.complain(mark, "distinct takes two values or more")
        keys = [
            each.name if isinstance(each, NamedValue) else (each.part, each.output)
            for each in values
        ]
        for value, number in zip(values, map(keys.count, keys), strict=True):
            if number > 1:
                raise self.complain(
                    mark,
                    f"{_spelled(value)} stands in distinct twice, and no value is another than "
                    "itself; name each once",
                )
        self._distinct.append((tuple(values), mark))

    def pattern(self, roots: Sequence[tuple[BuiltOutput, bool]]) -> Pattern:
        """Return the pattern, with its roots: a value, and whether all of its operator is returned.

        Operators that need a name and have none get one.

        Notes
        -----
        Linear in the pattern for one root; each further root looks at the pattern once more.
        """
        self._check_use(roots)
        self._give_names(roots)
        self._check_roots(roots)
        anchors = [self._anchors(value) for value, _ in roots]
        exported = {anchor.part for found in anchors for anchor in found}
        order = self._order(roots)
        numbers = {part: number for number, part in enumerate(order)}

        def operand(built: BuiltOperand) -> Operand:
            if isinstance(built, BuiltOutput):
                return Produced(numbers[built.part], built.output)
            if isinstance(built, BuiltOptional):
                return OptionalOperand(operand(built.operand), built.mark)
            return built

        parts = [
            Part(
                index=index,
                names=part.names,
                label=part.label,
                operators=part.operators,
                ops=tuple(dict.fromkeys(map(canonical_name, part.operators))),
                attributes=part.attributes,
                operands=tuple(map(operand, part.operands)),
                maybe=part.maybe,
                visible_outputs=len(part.names) if part.unpacked else None,
                interior=not part.shared and part not in exported,
                shared=part.shared,
                mark=part.mark,
                line=part.line,
            )
            for index, part in enumerate(order)
        ]
        certain = _Certain(parts)
        planned: list[Root] = []
        for value, whole in roots:
            produced = Produced(numbers[value.part], value.output)
            route = None
            if planned and produced.part not in certain.parts:
                route = certain.route(produced)
                if route is None:
                    raise self.complain(
                        value.mark,
                        f"{value.part.label} shares no value with the roots before it; roots are "
                        "found through a value that both sides are sure to read",
                    )
            planned.append(Root(produced, whole, route))
            certain.add(produced.part)
        distinct = tuple([tuple(map(_spelled, values)) for values, _ in self._distinct])
        first = tuple([Produced(numbers[each.part], each.output) for each in anchors[0]])
        optional = frozenset(self.values) - certain.names
        return compile_pattern(Pattern(tuple(parts), tuple(planned), distinct, first, optional))

    def _check_use(self, roots: Sequence[tuple[BuiltOutput, bool]]) -> None:
        """Refuse an operator that no root needs, and `shared` of a root."""
        needed = {value.part for value, _ in roots}
        for part in reversed(self.parts):
            if part not in needed:
                place = "operator" if part.label == print_operators(part.operators) else "line"
                raise self.complain(
                    part.line or part.mark,
                    f"{part.label} is not used; read it in another {place}, or return it too",
                )
            needed |= {each.part for each in _outputs(part)}
        for value, whole in roots:
            if whole and value.part.shared:
                raise self.complain(
                    value.part.shared_at,
                    f"{value.part.label} is returned, so it may be used outside anyway",
                )

    def _give_names(self, roots: Sequence[tuple[BuiltOutput, bool]]) -> None:
        """Name what is read several times, or not as a whole: the others stand where they are read.

        What is named in texts has a name already.
        """
        read = [each for part in self.parts for each in _outputs(part)]
        read += [value for value, _ in roots]
        reads = Counter([each.part for each in read])
        named = {each.part for each in read if each.output}
        named |= {value.part for value, whole in roots if not whole or len(roots) > 1}
        for values, mark in self._distinct:
            for value in values:
                if isinstance(value, BuiltOutput):
                    read.append(value)
                    named.add(value.part)
                    if value.output and not value.part.unpacked:
                        raise self.complain(
                            mark,
                            "distinct takes nodes and outputs that are unpacked; write .outputs(2)",
                        )
        for each in read:
            if each.part.unpacked and each.output >= len(each.part.names):
                raise self.complain(
                    each.mark,
                    f"output {each.output} is none of the {len(each.part.names)} that are unpacked",
                )
        used = {(each.part, each.output) for each in read}
        taken = {*self.values, *self.rests, *self.bound}
        for part in self.parts:
            if part.unpacked:
                part.names = tuple(
                    [
                        _free(part, taken) if name is None and (part, output) in used else name
                        for output, name in enumerate(part.names)
                    ]
                )
            elif not part.names and (part.shared or part in named or reads[part] > 1):
                part.names = (_free(part, taken),)

    def _check_roots(self, roots: Sequence[tuple[BuiltOutput, bool]]) -> None:
        """Refuse to return one value twice: nobody could say what takes its place."""
        returned: dict[BuiltPart, set[int | None]] = {}
        for value, whole in roots:
            outputs = returned.setdefault(value.part, set())
            output = None if whole else value.output
            if output in outputs or None in outputs or (output is None and outputs):
                raise self.complain(
                    value.mark,
                    f"{_spelled(value)} is returned already; return each value once, or the "
                    "outputs one by one: a[0], a[1]",
                )
            outputs.add(output)

    def _anchors(self, root: BuiltOutput) -> list[BuiltOutput]:
        """Return what a root may be: its operator's, or what that stands for when it is absent."""
        found: list[BuiltOutput] = []
        operand: BuiltOperand = root
        while isinstance(operand, BuiltOutput):
            found.append(operand)
            if not operand.part.maybe:
                return found
            operand = operand.part.operands[0]
        raise self.complain(
            root.mark,
            "this may be absent, and then nothing of the pattern is left to find; let an operator "
            "that is always there read it",
        )

    def _order(self, roots: Sequence[tuple[BuiltOutput, bool]]) -> list[BuiltPart]:
        """Return the operators as a text has them: what has no name before what reads it."""
        order: list[BuiltPart] = []

        def add(part: BuiltPart, depth: int) -> None:
            if depth > _MAX_DEPTH:
                raise self.complain(
                    part.mark,
                    f"operators are nested deeper than {_MAX_DEPTH}; give one in between a name",
                )
            for each in _outputs(part):
                if not each.part.names:
                    add(each.part, depth + 1)
            order.append(part)

        for part in self.parts:
            if part.names:
                add(part, 1)
        if not roots[0][0].part.names:
            add(roots[0][0].part, 1)
        return order


def _spelled(value: NamedValue | BuiltOutput) -> str:
    """Return the name of a value, of an operator without one what it may be."""
    if isinstance(value, NamedValue):
        return value.name
    place = value.output if value.part.unpacked else 0
    name = value.part.names[place] if value.part.names else None
    return value.part.label if name is None else name


def _outputs(part: BuiltPart) -> Iterator[BuiltOutput]:
    """Yield the outputs of other operators that one reads."""
    for operand in part.operands:
        inner = operand.operand if isinstance(operand, BuiltOptional) else operand
        if isinstance(inner, BuiltOutput):
            yield inner


def _free(part: BuiltPart, taken: set[str]) -> str:
    """Return a name for an operator that has none, and note that it is taken."""
    base = part.operators[0].strip("_").lower() or "node"
    name = next(name for n in count(1) if (name := f"{base}{n}") not in taken)
    taken.add(name)
    return name


class _Certain:
    """The names and operators that are bound for certain once some roots are matched.

    What stands under ``optional``, or beside the first input of an operator that may be absent, is
    not certain.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self.names: set[str] = set()
        self.parts: set[int] = set()

    def add(self, root: int) -> None:
        """Take in a root and all that it reads for certain. Linear in that."""
        pending = [root]
        while pending:
            index = pending.pop()
            if index in self.parts:
                continue
            self.parts.add(index)
            for operand in self._operands(index):
                if isinstance(operand, Produced):
                    pending.append(operand.part)
                elif isinstance(operand, NamedValue | Restricted) and operand.name is not None:
                    self.names.add(operand.name)

    def route(self, root: Produced) -> Route | None:
        """Return the shortest way to a root from what is certain, or None if there is none.

        Breadth first, linear in what the root reads.
        """
        pending: deque[tuple[Produced, ...]] = deque([(root,)])
        seen = {root.part}
        while pending:
            path = pending.popleft()
            for operand in self._operands(path[-1].part):
                if isinstance(operand, Produced):
                    if operand.part in self.parts:
                        return Route(operand, path[::-1])
                    if operand.part not in seen:
                        seen.add(operand.part)
                        pending.append((*path, operand))
                elif isinstance(operand, NamedValue | Restricted) and operand.name in self.names:
                    assert operand.name is not None
                    return Route(operand.name, path[::-1])
        return None

    def _operands(self, index: int) -> Iterator[Operand]:
        part = self._parts[index]
        for operand in part.operands[:1] if part.maybe else part.operands:
            if not isinstance(operand, OptionalOperand):
                yield operand
