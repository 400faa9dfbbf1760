"""`PatternBuilder`: how texts and Python functions make a pattern, and what is wrong with one.

Only what is certain is refused before any graph is seen; a pattern that passes may still match
nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple, NoReturn, TypeAlias

from graphpass.errors import AttributeValueError, TextError
from graphpass.formats.python_text import Mark
from graphpass.ops import Operator, canonical_name, find, format_value
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.operator import Bounds, input_bounds, output_bounds
from graphpass.ops.values import Constant
from graphpass.rules.rewrite.pattern import (
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
    bare,
    compile_pattern,
    print_operators,
)

__all__ = ["Asked", "Complain", "PatternBuilder", "Returned", "inputs_fault"]


class Returned(NamedTuple):
    """A value that the pattern is to return."""

    value: Produced

    whole: bool
    """Whether all outputs of its operator are returned."""

    mark: Mark | None


Complain: TypeAlias = Callable[[Mark | None, str], TextError]
"""Makes the error about what stands at a mark."""

Asked: TypeAlias = tuple[str, Constant, Mark | None]
"""What is asked of an attribute: its name, its value, and where that stands."""

_MAX_DEPTH = 50
"""How deep operators may be nested, as in texts."""


@dataclass(slots=True)
class PatternBuilder:
    """Makes one pattern: operators in an order in which each stands after what it reads.

    Whatever is wrong is raised as the `TextError` that `complain` makes.
    """

    complain: Complain
    parts: list[Part] = field(default_factory=list)
    """What becomes of them in the end: names and numbers may change."""

    outputs: list[list[tuple[str, Bounds, Bounds]]] = field(default_factory=list)
    """Per part and operator that MXNet knows, how many outputs there can be: all, and the visible
    ones."""

    bound: dict[str, Produced] = field(default_factory=dict)
    """What is named so far."""

    values: dict[str, Mark | None] = field(default_factory=dict)
    """The values that are read so far, with the place of the first time."""

    rests: set[str] = field(default_factory=set)
    _shared: dict[int, Mark | None] = field(default_factory=dict)
    _distinct: list[tuple[tuple[NamedValue | Produced, ...], Mark | None]] = field(
        default_factory=list
    )

    def _fail(self, mark: Mark | None, reason: str) -> NoReturn:
        raise self.complain(mark, reason)

    # -- operands ----------------------------------------------------------------------------

    def named(self, name: str, mark: Mark | None) -> NamedValue | Produced:
        """Return what a name stands for: a part that has it, or else a value."""
        if name in self.bound:
            return self.bound[name]
        if name in self.rests:
            self._fail(mark, f"{name} stands for several values; write *{name}")
        self.values.setdefault(name, mark)
        return NamedValue(name, mark)

    def rest(self, name: str | None, mark: Mark | None) -> Rest:
        """Return the remaining inputs."""
        if name is not None and (name in self.bound or name in self.values):
            self._fail(mark, f"{name} stands for one value; choose another name for several")
        if name is not None:
            self.rests.add(name)
        return Rest(name, mark)

    def restricted(
        self, kind: ValueKind, name: str | None, mark: Mark | None, place: Mark | None
    ) -> Restricted:
        """Return a value of a kind, whose name stands at `place`."""
        if name is not None and isinstance(self.named(name, place), Produced):
            self._fail(place, f"{name} is a node of the pattern; {kind} takes another value")
        return Restricted(kind, name, mark)

    def optional(self, operand: Operand, mark: Mark | None) -> OptionalOperand:
        """Return an operand that may be absent."""
        if isinstance(operand, Rest | OptionalOperand):
            self._fail(mark, "optional takes one operand: optional(b)")
        return OptionalOperand(operand, mark)

    def output(self, index: int, output: int, mark: Mark | None) -> Produced:
        """Return an output of an operator, one that it could have."""
        part = self.parts[index]
        if output and part.maybe:
            self._fail(mark, f"{part.label} may be absent, so it has no output but the first")
        for name, bounds, _ in self.outputs[index]:
            if bounds.most is not None and output >= bounds.most:
                self._fail(
                    mark, f"{name} has no output {output}; its last one is {bounds.most - 1}"
                )
        return Produced(index, output)

    # -- operators ---------------------------------------------------------------------------

    def call(
        self,
        operators: Sequence[str],
        operands: Sequence[Operand],
        attributes: Sequence[Asked] = (),
        *,
        maybe: bool = False,
        mark: Mark | None = None,
    ) -> Produced:
        """Add an operator, or one of several, with what it reads; return its first output."""
        rests = [operand for operand in operands if isinstance(operand, Rest)]
        optional = [operand for operand in operands if isinstance(operand, OptionalOperand)]
        if not operators:
            self._fail(mark, "name an operator")
        if len(rests) > 1:
            self._fail(rests[1].mark, "only one operand can stand for the remaining inputs")
        if rests and optional:
            self._fail(
                optional[0].mark, "* stands for none or more inputs already; leave out optional"
            )
        if maybe and (not operands or isinstance(operands[0], Rest | OptionalOperand)):
            self._fail(mark, "an operator that may be absent stands for its first input; name that")
        least = len(operands) - len(rests) - len(optional)
        given = Bounds(least, None if rests else len(operands))
        outputs = []
        for name in operators:
            operator = find(name)
            known = self._typed(operator, attributes)
            if operator is not None:
                try:
                    fault = inputs_fault(operator, known, given, "pattern")
                    if fault:
                        self._fail(mark, fault)
                    outputs.append((operator.name, *output_bounds(operator, known)))
                except AttributeValueError as error:
                    self._fail(mark, f"{operator.name}: {error}")
        self.outputs.append(outputs)
        self.parts.append(
            Part(
                index=len(self.parts),
                names=(),
                label=print_operators(operators),
                operators=tuple(operators),
                ops=tuple(dict.fromkeys(map(canonical_name, operators))),
                attributes=tuple([(name, value) for name, value, _ in attributes]),
                operands=tuple(operands),
                maybe=maybe,
                visible_outputs=None,
                interior=True,
                shared=False,
                mark=mark,
            )
        )
        return Produced(len(self.parts) - 1, 0)

    def _typed(self, operator: Operator | None, asked: Sequence[Asked]) -> dict[str, Constant]:
        """Return what is asked of an operator's declared attributes, as values of their types."""
        seen: set[str] = set()
        known: dict[str, Constant] = {}
        for key, value, mark in asked:
            if key in seen:
                self._fail(mark, f"{key} is asked for twice")
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
                self._fail(mark, f"{owner}{reason}")
        return known

    def bind(
        self,
        index: int,
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
                self._fail(mark, f"{name} is bound already")
            if name in self.values:
                first = self.values[name]
                if first is None:
                    self._fail(mark, f"{name} stands for a value already")
                self._fail(
                    mark, f"{name} is read on line {first.line}, before it is bound; bind it first"
                )
            if name in self.rests:
                self._fail(mark, f"{name} stands for several values already")
        part = self.parts[index]
        if unpacked and part.maybe:
            self._fail(line, "an operator that may be absent has one output; give it one name")
        for operator, _, visible in self.outputs[index] if unpacked else ():
            too_many = visible.most is not None and len(names) > visible.most
            if len(names) < visible.least or too_many:
                self._fail(
                    line,
                    f"{operator} has {visible} visible output{'s' * (str(visible) != '1')}, "
                    f"but {len(names)} are named",
                )
        self._name(
            index, names, replace(part, visible_outputs=len(names) if unpacked else None, line=line)
        )

    def _name(self, index: int, names: Sequence[str | None], part: Part) -> None:
        named = any(name is not None for name in names)
        label = ", ".join(name or "_" for name in names) if named else part.label
        self.parts[index] = replace(part, names=tuple(names), label=label)
        for output, name in enumerate(names):
            if name is not None:
                self.bound[name] = Produced(index, output)

    # -- what is asked of the whole ----------------------------------------------------------

    def share(self, index: int, mark: Mark | None) -> None:
        """Let the rest of the graph use an operator although it is no root."""
        self.parts[index] = replace(self.parts[index], shared=True)
        self._shared[index] = mark

    def distinct(self, values: Sequence[NamedValue | Produced], mark: Mark | None) -> None:
        """Ask that no two values are the same."""
        if len(values) < 2:
            self._fail(mark, "distinct takes two values or more")
        for value in values:
            if values.count(value) > 1:
                self._fail(
                    mark,
                    f"{self._spelled(value)} stands in distinct twice, and no value is another "
                    "than itself; name each once",
                )
        self._distinct.append((tuple(values), mark))

    def pattern(self, roots: Sequence[Returned]) -> Pattern:
        """Return the pattern that returns some values.

        Operators that need a name and have none get one.

        Notes
        -----
        Linear in the pattern for one root; each further root looks at the pattern once more.
        """
        self._check_use(roots)
        self._give_names(roots)
        anchors = [self._anchors(each) for each in roots]
        exported = {anchor.part for found in anchors for anchor in found}
        order = self._order(roots[0].value.part)
        numbers = {index: number for number, index in enumerate(order)}

        def renumbered(operand: Operand) -> Operand:
            if isinstance(operand, OptionalOperand):
                return OptionalOperand(renumbered(operand.operand), operand.mark)
            return moved(operand) if isinstance(operand, Produced) else operand

        def moved(produced: Produced) -> Produced:
            return Produced(numbers[produced.part], produced.output)

        parts = [
            replace(
                part,
                index=numbers[part.index],
                operands=tuple(map(renumbered, part.operands)),
                interior=not part.shared and part.index not in exported,
            )
            for part in map(self.parts.__getitem__, order)
        ]
        known: set[int | str] = set()
        planned: list[Root] = []
        for each in roots:
            value = moved(each.value)
            route = None
            if planned and value.part not in known:
                route = _route(known, parts, value)
                if route is None:
                    self._fail(
                        each.mark,
                        f"{parts[value.part].label} shares no value with the roots before it; "
                        "roots are found through a value that both sides are sure to read",
                    )
            planned.append(Root(value, each.whole, route))
            _add(known, parts, value.part)
        distinct = tuple([tuple(map(self._spelled, values)) for values, _ in self._distinct])
        first = tuple(map(moved, anchors[0]))
        optional = frozenset(self.values) - known
        return compile_pattern(Pattern(tuple(parts), tuple(planned), distinct, first, optional))

    def _check_use(self, roots: Sequence[Returned]) -> None:
        """Refuse an operator that no root needs, `shared` of a root, and a value returned twice."""
        needed = {each.value.part for each in roots}
        for part in reversed(self.parts):
            if part.index not in needed:
                place = "operator" if part.label == print_operators(part.operators) else "line"
                self._fail(
                    part.line or part.mark,
                    f"{part.label} is not used; read it in another {place}, or return it too",
                )
            needed |= {each.part for each in _outputs(part)}
        returned: dict[int, set[int | None]] = {}
        for each in roots:
            name, outputs = self._spelled(each.value), returned.setdefault(each.value.part, set())
            if each.whole and each.value.part in self._shared:
                self._fail(
                    self._shared[each.value.part],
                    f"{name} is returned, so it may be used outside anyway",
                )
            output = None if each.whole else each.value.output
            if output in outputs or None in outputs or (output is None and outputs):
                self._fail(
                    each.mark,
                    f"{name} is returned already; return each value once, or the outputs one by "
                    "one: a[0], a[1]",
                )
            outputs.add(output)

    def _give_names(self, roots: Sequence[Returned]) -> None:
        """Name what is read several times, or not as a whole: the others stand where they are read.

        What is named in texts has a name already.
        """
        read = [(each, part.mark) for part in self.parts for each in _outputs(part)]
        read += [(each.value, each.mark) for each in roots]
        reads = Counter([each.part for each, _ in read])
        named = {each.part for each, _ in read if each.output} | set(self._shared)
        named |= {each.value.part for each in roots if not each.whole or len(roots) > 1}
        for values, mark in self._distinct:
            compared = [value for value in values if isinstance(value, Produced)]
            read += [(value, mark) for value in compared]
            named |= {value.part for value in compared}
            for value in compared:
                if value.output and self.parts[value.part].visible_outputs is None:
                    self._fail(
                        mark,
                        "distinct takes nodes and outputs that are unpacked; write .outputs(2)",
                    )
        used = {(each.part, each.output) for each, _ in read}
        for each, mark in read:
            count = self.parts[each.part].visible_outputs
            if count is not None and each.output >= count:
                self._fail(mark, f"output {each.output} is none of the {count} that are unpacked")
        taken = {*self.values, *self.rests, *self.bound}
        for part in self.parts:
            names = part.names
            if part.visible_outputs is not None:
                names = tuple(
                    [
                        _free(part, taken)
                        if name is None and (part.index, output) in used
                        else name
                        for output, name in enumerate(names)
                    ]
                )
            elif not names and (part.index in named or reads[part.index] > 1):
                names = (_free(part, taken),)
            if names != part.names:
                self._name(part.index, names, part)

    def _anchors(self, root: Returned) -> list[Produced]:
        """Return what a root may be: its operator's, or what that stands for when it is absent."""
        found: list[Produced] = []
        operand: Operand = root.value
        while isinstance(operand, Produced):
            found.append(operand)
            part = self.parts[operand.part]
            if not part.maybe:
                return found
            operand = part.operands[0]
        self._fail(
            root.mark,
            "this may be absent, and then nothing of the pattern is left to find; let an operator "
            "that is always there read it",
        )

    def _order(self, first: int) -> list[int]:
        """Return the operators as a text has them: what has no name right before what reads it."""
        order: list[int] = []

        def add(index: int, depth: int) -> None:
            part = self.parts[index]
            if depth > _MAX_DEPTH:
                self._fail(
                    part.mark,
                    f"operators are nested deeper than {_MAX_DEPTH}; give one in between a name",
                )
            for each in _outputs(part):
                if not self.parts[each.part].names:
                    add(each.part, depth + 1)
            order.append(index)

        for part in self.parts:
            if part.names:
                add(part.index, 1)
        if not self.parts[first].names:
            add(first, 1)
        return order

    def _spelled(self, value: NamedValue | Produced) -> str:
        """Return the name of a value, of an operator without one what it may be."""
        if isinstance(value, NamedValue):
            return value.name
        part = self.parts[value.part]
        place = 0 if part.visible_outputs is None else value.output
        name = part.names[place] if place < len(part.names) else None
        return part.label if name is None else name


def inputs_fault(operator: Operator, known: dict[str, Constant], given: Bounds, who: str) -> str:
    """Return what is wrong with a number of inputs under some attributes; empty if nothing is.

    Raises
    ------
    AttributeValueError
        If the attributes count more inputs than any operator has.
    """
    bounds = input_bounds(operator, known)
    too_many = bounds.most is not None and given.least > bounds.most
    if not too_many and (given.most is None or bounds.least <= given.most):
        return ""
    names = [name for item in operator.template.inputs for name, _ in item.names if name != "_"]
    listed = f" ({', '.join(names)})" if names and bounds.most is not None else ""
    under = " with these attributes" if known else ""
    inputs = f"{bounds} input{'s' * (str(bounds) != '1')}{listed}{under}"
    return f"{operator.name} has {inputs}, but the {who} gives {given}"


def _outputs(part: Part) -> Iterator[Produced]:
    """Yield the outputs of other operators that one reads."""
    for operand in part.operands:
        inner = bare(operand)
        if isinstance(inner, Produced):
            yield inner


def _free(part: Part, taken: set[str]) -> str:
    """Return a name for an operator that has none, and note that it is taken."""
    base = part.operators[0].strip("_").lower() or "node"
    name = next(name for n in count(1) if (name := f"{base}{n}") not in taken)
    taken.add(name)
    return name


# -- the way to further roots --------------------------------------------------------------------


def _certain(part: Part) -> Iterator[tuple[int | str, str | Produced]]:
    """Yield what is bound for certain where a part is: by number or name, and as it is read.

    What stands under ``optional``, or beside the first input of an operator that may be absent, is
    not certain.
    """
    for operand in part.operands[:1] if part.maybe else part.operands:
        if isinstance(operand, Produced):
            yield operand.part, operand
        elif isinstance(operand, NamedValue | Restricted) and operand.name is not None:
            yield operand.name, operand.name


def _add(known: set[int | str], parts: Sequence[Part], root: int) -> None:
    """Note a root and all that it reads for certain as known. Linear in that."""
    pending: list[int | str] = [root]
    while pending:
        key = pending.pop()
        if key not in known:
            known.add(key)
            pending += [each for each, _ in _certain(parts[key])] if isinstance(key, int) else ()


def _route(known: set[int | str], parts: Sequence[Part], root: Produced) -> Route | None:
    """Return the shortest way to a root from what is known, or None if there is none.

    Breadth first, linear in what the root reads.
    """
    pending: deque[tuple[Produced, ...]] = deque([(root,)])
    seen = {root.part}
    while pending:
        path = pending.popleft()
        for key, source in _certain(parts[path[-1].part]):
            if key in known:
                return Route(source, path[::-1])
            if isinstance(source, Produced) and source.part not in seen:
                seen.add(source.part)
                pending.append((*path, source))
    return None
