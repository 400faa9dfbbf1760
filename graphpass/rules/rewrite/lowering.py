"""A lowering: a pattern, and what takes the place of its match in a graph of other operators.

===========  ==================================================================================
class        as text
===========  ==================================================================================
`Expressed`   ``x``, ``bias``, ``(2, 3)``, ``0.5``, ``xs[0]``: whatever an expression gives
`Given`      ``y``, ``parts``: what a line of the replacement gave a name to
`Picked`     ``parts[i]``: one of several values
`OnnxCall`   ``onnx.Gemm(x, w, b, transB=1)``
`Choice`     ``a if x.ndim == 2 else b``
`Several`    ``*xs``, ``*parts``: all of several values
`Listed`     ``[values, onnx.Cast(places, to="float32")]``: several, one by one
`Repeated`   ``[onnx.Cast(x, to="float32") for x in xs]``
===========  ==================================================================================

A number, a tuple or an array where an operator reads a value is an initializer of the target.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from graphpass.errors import TextError, suggestion
from graphpass.formats.python_text import PythonText, elements, parse_python
from graphpass.ops.onnx import (
    DTYPES,
    OnnxAttribute,
    OnnxOperator,
    onnx_operator,
    unknown_onnx_operator,
)
from graphpass.rules.expressions import Expression, compile_expression
from graphpass.rules.rewrite.draft import TextBody
from graphpass.rules.rewrite.pattern import Pattern, compile_pattern
from graphpass.rules.rewrite.replacement import Replacement
from graphpass.rules.rewrite.rewrite import Rewrite, parse_conditions, raise_first, text_of

__all__ = [
    "CONTEXT",
    "Choice",
    "Expressed",
    "Given",
    "Listed",
    "Lowering",
    "OnnxCall",
    "Picked",
    "Repeated",
    "Several",
    "Target",
    "TargetOperand",
    "TargetText",
    "parse_lowering",
]

CONTEXT = ("opset",)
"""Names that expressions of lowerings may read besides those of the pattern and of ``let``."""

_RESERVED = frozenset({"outputs", "domain", "name"})
"""Keywords of a call that are no attributes: the number of outputs, the domain, the node's name."""


class Target(NamedTuple):
    """The operator set that a pass lowers to."""

    opset: int = 18


class Expressed(NamedTuple):
    """Whatever an expression gives: a value of the graph, a number, a tuple, an array, or None."""

    expression: Expression


class Given(NamedTuple):
    """What a line of the replacement gave a name to."""

    name: str


class Picked(NamedTuple):
    """One of several values."""

    values: TargetOperand
    place: Expression


class Choice(NamedTuple):
    """One of two."""

    test: Expression
    body: TargetOperand
    other: TargetOperand


class Several(NamedTuple):
    """All of several values, as inputs one after the other."""

    values: TargetOperand


class Listed(NamedTuple):
    """Several values, written one by one."""

    parts: tuple[TargetOperand, ...]


class Repeated(NamedTuple):
    """Several values, one for each that a loop goes through."""

    body: TargetOperand
    variable: str
    items: TargetOperand
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class OnnxCall:
    """One new operator."""

    op: str
    operands: tuple[TargetOperand, ...]
    attributes: tuple[tuple[str, Expression], ...]

    domain: str = ""
    """Empty for ONNX's own; nothing is checked in another one."""

    outputs: Expression | None = None
    """How many outputs it has, where that is said."""

    label: str = ""
    """What the lowering calls it, for names."""


TargetOperand: TypeAlias = (
    "Expressed | Given | Picked | Choice | Several | Listed | Repeated | OnnxCall"
)


@dataclass(frozen=True, slots=True)
class TargetText:
    """What takes the place of a match."""

    lines: tuple[tuple[tuple[str | None, ...], bool, TargetOperand], ...]
    """The names of each line, whether they are one name for all that it gives, and what it is."""

    results: tuple[TargetOperand, ...]
    """What the outputs of the match become, in order."""


@dataclass(frozen=True)
class Lowering:
    """One lowering. `parse_lowering` makes it."""

    rewrite: Rewrite
    """Pattern, conditions, ``let`` and refusal; its replacement is empty."""

    text: TargetText | None = None
    """What takes the place of a match; None if a function makes that, or it refuses."""

    python: str | None = None
    """The name of the function that makes it."""

    target: Target = field(default_factory=Target)

    place: str = ""
    """``convolution.yaml:7``, empty where there is no text."""

    @property
    def id(self) -> str:
        """What reports call it."""
        return self.rewrite.id

    @property
    def pattern(self) -> Pattern:
        """What it matches."""
        return self.rewrite.pattern

    @property
    def body(self) -> TextBody:
        """Conditions, ``let`` and refusal."""
        assert isinstance(self.rewrite.body, TextBody)
        return self.rewrite.body

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that a node may be which it lowers, canonical."""
        pattern = self.pattern
        return pattern.parts[pattern.roots[0].value.part].ops


def parse_lowering(
    match: str,
    replace: str | None = None,
    *,
    python: str | None = None,
    refuse: str | None = None,
    where: str | Sequence[str] = (),
    let: Mapping[str, str] | None = None,
    id: str = "lowering",
    target: Target | None = None,
) -> Lowering:
    """Make a lowering of texts.

    Parameters
    ----------
    match : str
        The pattern, of one operator that is lowered and perhaps some that go with it.
    replace : str, optional
        What takes its place.
    python : str, optional
        In its stead: the name of a function of `graphpass.lowering` that makes it.
    refuse : str, optional
        In its stead: why matches can't be lowered.
    where, let : optional
        As for `parse_rewrite`.
    id : str
        What reports and errors call it.
    target : Target, optional
        The operator set.

    Raises
    ------
    TextError
        If a text is malformed, or does not fit the table of the target. `TextError.path` says which
        one it is.

    Examples
    --------
    >>> parse_lowering("y = relu(x)", "y = onnx.Relu(x)").operators
    ('relu',)
    """
    target = target or Target()
    if sum(each is not None for each in (replace, python, refuse)) != 1:
        raise TextError("a lowering has one of replace, python and refuse")
    faults: list[TextError] = []
    pattern, conditions, lets = parse_conditions(match, where, let, faults, CONTEXT)
    with text_of(faults, "match"):
        if len({root.value.part for root in pattern.roots}) != 1:
            raise TextError("a lowering takes one operator; return values of that one only")
    text = None
    if replace is not None:
        with text_of(faults, "replace"):
            reader = _TargetReader(parse_python(replace, "replacement"), pattern, lets, target)
            text = reader.read()
    raise_first(faults)
    body = TextBody(tuple(conditions), lets, Replacement(), refuse)
    pattern = compile_pattern(pattern, told_apart=frozenset(pattern.all_names))
    return Lowering(Rewrite(id, pattern, body), text, python, target)


@dataclass(slots=True)
class _TargetReader:
    """Reads statement by statement."""

    text: PythonText
    pattern: Pattern
    lets: Mapping[str, Expression]
    target: Target
    given: dict[str, ast.stmt] = field(default_factory=dict)
    """Name that the replacement gives -> the line that gives it."""
    used: set[str] = field(default_factory=set)
    loops: list[str] = field(default_factory=list)

    def read(self) -> TargetText:
        """Return the replacement of the whole text."""
        lines: list[tuple[tuple[str | None, ...], bool, TargetOperand]] = []
        results: list[TargetOperand] | None = None
        last: list[TargetOperand] = []
        for statement in self.text.tree.body:
            if results is not None:
                self.text.fail(statement, "nothing may follow the return")
            if isinstance(statement, ast.Assign):
                value = self.operand(statement.value)
                names, unpacks = self.names(statement)
                if isinstance(value, OnnxCall):
                    label = next((name for name in names if name), value.label)
                    roots = self.pattern.root_names
                    value = _labelled(value, "" if label in roots else label)
                lines.append((names, not unpacks, value))
                self.given |= {name: statement for name in names if name is not None}
                last = [Given(name) for name in names if name is not None]
            elif isinstance(statement, ast.Return | ast.Expr) and statement.value is not None:
                results = [self.operand(each) for each in elements(statement.value)]
                if not results:
                    self.text.fail(statement, "return what takes the place of the match")
            else:
                self.text.fail(
                    statement, "a line of a replacement is a = onnx.Op(x), onnx.Op(x) or return a"
                )
        if results is None:
            named = [name for name in self.pattern.root_names if name in self.given]
            whole = len(named) == len(self.pattern.root_names)
            results = [Given(name) for name in named if name is not None] if whole else last
            self.used |= {each.name for each in results if isinstance(each, Given)}
        if not results:
            raise self.text.error(None, "there is nothing to put in; write a value or an operator")
        read = {id(self.given[name]) for name in self.used}
        for name, statement in self.given.items():
            if id(statement) not in read:
                self.text.fail(
                    statement, f"{name} is not used; read it in another line, or return it"
                )
        return TargetText(tuple(lines), tuple(results))

    def names(self, statement: ast.Assign) -> tuple[tuple[str | None, ...], bool]:
        targets = self.text.targets(statement)
        names = tuple([None if each.id == "_" else self.text.spelled(each) for each in targets])
        taken = {*self.given, *self.lets, *CONTEXT, *self.pattern.all_names}
        for name, target in zip(names, targets, strict=True):
            if name in taken and not (name in self.pattern.root_names and name not in self.given):
                self.text.fail(target, f"{name} is given already; choose another name")
        if not any(names):
            self.text.fail(targets[0], "_ names nothing; give what is new a name")
        return names, isinstance(statement.targets[0], ast.Tuple)

    def operand(self, node: ast.expr) -> TargetOperand:
        """Return what stands where a value may."""
        if isinstance(node, ast.Name):
            name = self.text.spelled(node)
            if name in self.given:
                self.used.add(name)
                return Given(name)
        elif isinstance(node, ast.List) and any(map(self.is_made, ast.walk(node))):
            return Listed(tuple(map(self.operand, node.elts)))
        elif isinstance(node, ast.Starred):
            return Several(self.operand(node.value))
        elif isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self.repeated(node)
        elif isinstance(node, ast.IfExp):
            return Choice(
                self.expression(node.test), self.operand(node.body), self.operand(node.orelse)
            )
        elif isinstance(node, ast.Subscript) and self.is_made(node.value):
            return Picked(self.operand(node.value), self.expression(node.slice))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.call(node, node.func)
        return Expressed(self.expression(node))

    def is_made(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return self.text.spelled(node) in self.given
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)

    def repeated(self, node: ast.ListComp | ast.GeneratorExp) -> Repeated:
        clause = node.generators[0]
        if len(node.generators) > 1 or not isinstance(clause.target, ast.Name):
            self.text.fail(node, "write one for with one name: [onnx.Op(x) for x in xs]")
        items, name = self.operand(clause.iter), self.text.spelled(clause.target)
        if name in {*self.given, *self.lets, *self.pattern.all_names}:
            self.text.fail(clause.target, f"{name} is given already; choose another name")
        self.loops.append(name)
        body = self.operand(node.elt)
        conditions = tuple(map(self.expression, clause.ifs))
        self.loops.pop()
        return Repeated(body, name, items, conditions)

    def expression(self, node: ast.expr) -> Expression:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and self.text.spelled(each) in self.given:
                self.text.fail(each, f"{each.id} is made here; only operators read what is made")
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
                self.text.fail(each, "an operator stands where a value does, and not in arithmetic")
        found = compile_expression(node, self.text)
        known = [*self.pattern.all_names, *self.lets, *self.loops, *CONTEXT]
        for name in sorted(found.names - set(known)):
            self.text.fail(node, f"nothing is called {name}{suggestion(name, known)}")
        return found

    # -- calls -----------------------------------------------------------------------------------

    def call(self, node: ast.Call, function: ast.Attribute) -> OnnxCall:
        prefix = function.value
        if not isinstance(prefix, ast.Name) or prefix.id != "onnx":
            self.text.fail(function, "an operator of the target is written as onnx.Op(x)")
        op, said = function.attr, {key.arg: key for key in node.keywords}
        if None in said:
            self.text.fail(node, "attributes are written one by one: axis=1")
        domain = ""
        if "domain" in said:
            value = self.text.literal(said["domain"].value)
            domain = value if isinstance(value, str) else ""
        if "name" in said:
            self.text.fail(said["name"], "a node gets the name of what it takes the place of")
        operands = tuple(map(self.operand, node.args))
        attributes = tuple(
            [
                (self.text.key(key), self.expression(key.value))
                for key in node.keywords
                if key.arg not in _RESERVED
            ]
        )
        outputs = self.expression(said["outputs"].value) if "outputs" in said else None
        if not domain or domain == "ai.onnx":
            operator = onnx_operator(op, self.target.opset)
            if operator is None:
                self.text.fail(function, unknown_onnx_operator(op, self.target.opset))
            self.check(operator, node, operands)
        return OnnxCall(op, operands, attributes, domain, outputs, op.lower())

    def check(
        self, operator: OnnxOperator, node: ast.Call, operands: Sequence[TargetOperand]
    ) -> None:
        """Refuse attributes that the operator does not have or lacks, and a number of inputs."""
        known = operator.attributes
        given = {self.text.key(key): key for key in node.keywords if key.arg not in _RESERVED}
        for name, key in given.items():
            if name not in known:
                near = suggestion(name, known) or f"; it has {', '.join(known) or 'none'}"
                self.text.fail(key, f"onnx.{operator.name} has no attribute {name!r}{near}")
            literal = self.expression(key.value).literal
            if literal is not None and literal[0] is not None:
                fault = attribute_fault(name, known[name], literal[0])
                if fault:
                    self.text.fail(key.value, f"{name} of onnx.{operator.name} {fault}")
        lacking = [name for name, each in known.items() if each.required and name not in given]
        if lacking:
            self.text.fail(node, f"onnx.{operator.name} needs {', '.join(lacking)}")
        certain = sum(not isinstance(each, Several) for each in operands)
        open_ended = certain < len(operands)
        least, most = operator.least_inputs, operator.most_inputs
        if (certain < least and not open_ended) or (most is not None and certain > most):
            wanted = least if most == least else f"{least} or more" if most is None else (
                f"{least} to {most}"
            )  # fmt: skip
            listed = ", ".join([each.name for each in operator.inputs])
            self.text.fail(
                node, f"onnx.{operator.name} has {wanted} inputs ({listed}), not {certain}"
            )


def attribute_fault(name: str, spec: OnnxAttribute, value: object) -> str | None:
    """Return why an attribute can't have a value, or None: ``is a whole number, not 'x'``."""
    kind = spec.kind
    if kind == "INT" and name in ("to", "dtype") and isinstance(value, str):
        return None if value in DTYPES else f"is a dtype ({', '.join(DTYPES)}), not {value!r}"
    is_number = isinstance(value, int | float)
    words, fits = {
        "INT": ("a whole number", isinstance(value, int)),
        "FLOAT": ("a number", is_number),
        "STRING": ("a text", isinstance(value, str)),
        "INTS": ("a tuple of whole numbers", _all(value, int)),
        "FLOATS": ("a tuple of numbers", _all(value, int, float)),
        "STRINGS": ("a tuple of texts", _all(value, str)),
    }.get(kind, (f"a {kind.lower()}", not isinstance(value, str | tuple)))
    return None if fits else f"is {words}, not {value!r}"


def _all(value: object, *types: type) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, types) for each in value)


def _labelled(call: OnnxCall, label: str) -> OnnxCall:
    return OnnxCall(call.op, call.operands, call.attributes, call.domain, call.outputs, label)
