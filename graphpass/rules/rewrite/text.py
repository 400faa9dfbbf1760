"""Pattern text -> `Pattern`. The text is Python's syntax, parsed with `ast` and never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NoReturn, TypeGuard

from graphpass.errors import suggestion
from graphpass.formats.python_text import Mark, PythonText, parse_python
from graphpass.ops import find, operator_names
from graphpass.ops.values import Value as Constant
from graphpass.rules.rewrite.builder import (
    Asked,
    BuiltOperand,
    BuiltOutput,
    BuiltPart,
    PatternBuilder,
)
from graphpass.rules.rewrite.pattern import KINDS, WORDS, Anything, Pattern, Value

__all__ = ["TextReader", "parse_pattern"]

_LARGEST = 2**64


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern.

    Parameters
    ----------
    text : str
        One statement a line; docs/patterns.md has the grammar.

    Returns
    -------
    Pattern
        Equal patterns print as equal texts.

    Raises
    ------
    TextError
        If it is malformed, names an unknown operator or attribute, or can never match. The message
        has line, column and a caret.

    Examples
    --------
    >>> [part.ops for part in parse_pattern("y = tanh(relu(x))").parts]
    [('relu',), ('tanh',)]

    Notes
    -----
    Linear in the text, which is at most 10,000 characters.
    """
    return _PatternReader(parse_python(text, "pattern")).read()


class TextReader:
    """Reads a text in Python's syntax, and knows where everything stands."""

    def __init__(self, text: PythonText) -> None:
        self._text = text

    def _operator(self, node: ast.Name) -> str:
        """Return the name of an operator; in backquotes it may be one that MXNet does not know."""
        quoted = self._text.backquoted(node)
        if quoted is not None:
            return quoted
        if find(node.id) is None:
            self._fail(
                node, f"MXNet 1.9.1 has no operator {node.id!r}"
                f"{suggestion(node.id, operator_names())}; one that it does not know "
                "is written in backquotes",
            )  # fmt: skip
        return node.id

    def _name(self, node: ast.Name) -> str | None:
        """Return a name, or None for ``_``."""
        quoted = self._text.backquoted(node)
        if quoted is not None:
            return quoted
        return None if node.id == "_" else node.id

    def _mark(self, node: ast.expr | ast.stmt | ast.keyword) -> Mark:
        return self._text.place(node)

    def _fail(self, node: ast.expr | ast.stmt | ast.keyword, reason: str) -> NoReturn:
        raise self._text.error(self._text.place(node), reason)


class _PatternReader(TextReader):
    """Reads statement by statement."""

    def __init__(self, text: PythonText) -> None:
        super().__init__(text)
        self._builder = PatternBuilder(text.error)
        self._roots: list[tuple[BuiltOutput, bool]] = []
        self._unnamed: ast.stmt | None = None
        self._returned = False

    def read(self) -> Pattern:
        """Return the pattern of the whole text."""
        for statement in self._text.tree.body:
            if self._returned:
                self._fail(statement, "nothing may follow the values that the pattern returns")
            self._statement(statement)
        if not self._roots:
            raise self._text.error(None, "there is no operator to match; write one, as in relu(x)")
        return self._builder.pattern(self._roots)

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._refuse_unnamed()
            self._bind(statement.targets[0], statement.value, self._mark(statement))
        elif isinstance(statement, ast.Return) and statement.value is not None:
            self._refuse_unnamed()
            listed = statement.value
            returned = listed.elts if isinstance(listed, ast.Tuple) else [listed]
            self._roots = [self._root(value) for value in returned]
            self._returned = True
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "shared":
            for name in self._names_of(statement.value):
                output = self._bound_name(name)
                self._builder.share(output.part, output.mark)
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "distinct":
            values = [self._known_value(name) for name in self._names_of(statement.value)]
            self._builder.distinct(values, self._mark(statement))
        elif isinstance(statement, ast.Expr):
            self._refuse_unnamed()
            self._unnamed = statement
            part = self._call_of(statement.value)
            self._roots = [(BuiltOutput(part, 0, part.mark), True)]
        else:
            self._fail(
                statement, "a line of a pattern is a = Op(x), Op(x), shared(a), distinct(x, y) "
                "or return a",
            )  # fmt: skip

    def _bind(self, target: ast.expr, value: ast.expr, mark: Mark) -> None:
        unpacked = isinstance(target, ast.Tuple)
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        if not targets:
            self._fail(target, "a binding gives one name at least")
        part = self._call_of(value)
        names: list[str | None] = []
        for each in targets:
            if not isinstance(each, ast.Name):
                self._fail(each, "only a name can be bound, as in a = Op(x) or a, b = Op(x)")
            names.append(self._name(each))
        marks = list(map(self._mark, targets))
        if not any(name is not None for name in names):
            self._fail(target, "_ names nothing; write the operator alone, or give it a name")
        self._builder.bind(part, names, unpacked=unpacked, line=mark, marks=marks)
        outputs = [number for number, name in enumerate(names) if name is not None]
        self._roots = [(BuiltOutput(part, number, mark), not unpacked) for number in outputs]

    def _root(self, node: ast.expr) -> tuple[BuiltOutput, bool]:
        if isinstance(node, ast.Subscript):
            return self._output(node), False
        if not isinstance(node, ast.Name):
            self._fail(node, "a pattern returns names, as in return a, b; give each operator one")
        value = self._bound_name(node)
        return value, not value.part.unpacked

    def _call_of(self, node: ast.expr) -> BuiltPart:
        operand = self._operand(node)
        if not isinstance(node, ast.Call) or not isinstance(operand, BuiltOutput):
            self._fail(node, "only an operator makes a line, as in Op(x) or a = Op(x)")
        return operand.part

    def _refuse_unnamed(self) -> None:
        """Refuse what follows an operator without a name, since nothing can use that one."""
        if self._unnamed is not None:
            self._fail(self._unnamed, "nothing uses this operator; give it a name and return it")

    # -- operands ----------------------------------------------------------------------------

    def _operand(self, node: ast.expr) -> BuiltOperand:
        mark = self._mark(node)
        if isinstance(node, ast.Name):
            name = self._name(node)
            return Anything(mark) if name is None else self._builder.named(name, mark)
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if isinstance(node, ast.Starred):
            if not isinstance(node.value, ast.Name):
                self._fail(node, "the remaining inputs are written as *xs")
            return self._builder.rest(self._name(node.value), mark)
        if not isinstance(node, ast.Call):
            self._fail(node, f"{_spelled(node)} is no operand; write a name, a call or _")
        word = self._word(node)
        if word == "optional":
            return self._builder.optional(self._operand(self._only_argument(node)), mark)
        for kind in KINDS:
            if kind == word:
                argument = self._only_argument(node)
                if not isinstance(argument, ast.Name):
                    self._fail(argument, f"{kind} takes the name of a value: {kind}(x)")
                place = self._mark(argument)
                return self._builder.restricted(kind, self._name(argument), mark, place)
        if word == "maybe":
            self._fail(node, "write what the operator reads too: maybe(Op)(x)")
        if word is not None:
            self._fail(node, f"{word}(…) is a line of its own; for an operator, write `{word}`(…)")
        function, maybe = node.func, False
        if isinstance(function, ast.Call) and self._word(function) == "maybe":
            function, maybe = self._only_argument(function), True
        operators = [self._operator(name) for name in self._alternatives(function)]
        operands = [self._operand(argument) for argument in node.args]
        asked = [self._attribute(each) for each in node.keywords]
        return BuiltOutput(self._builder.call(operators, operands, asked, maybe=maybe, mark=mark))

    def _output(self, node: ast.Subscript) -> BuiltOutput:
        index = node.slice
        if not isinstance(node.value, ast.Name) or not (
            isinstance(index, ast.Constant) and type(index.value) is int
        ):
            self._fail(node, "an output is written as a[1]")
        part = self._bound_name(node.value).part
        if part.unpacked:
            name = self._name(node.value)
            self._fail(node, f"{name} is one output already; give the node a name instead")
        return self._builder.output(part, index.value, self._mark(node))

    def _alternatives(self, node: ast.expr) -> Iterator[ast.Name]:
        found: list[ast.expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            found.append(node.right)
            node = node.left
        for each in (node, *reversed(found)):
            if not isinstance(each, ast.Name):
                self._fail(each, "an operator is written as Op(x), (A | B)(x) or maybe(Op)(x)")
            yield each

    def _operator(self, node: ast.Name) -> str:
        if node.id in WORDS and self._text.backquoted(node) is None:
            self._fail(node, f"{node.id} is a word of patterns; for an operator, write `{node.id}`")
        return super()._operator(node)

    def _attribute(self, node: ast.keyword) -> Asked:
        if node.arg is None:
            self._fail(node, "a pattern asks for attributes one by one: kernel=(1, 1)")
        name = self._text.backquoted(node)
        return node.arg if name is None else name, self._literal(node.value), self._mark(node)

    def _literal(self, node: ast.expr) -> Constant:
        if isinstance(node, ast.Tuple | ast.List):
            return tuple([self._literal(each) for each in node.elts])
        sign, number = 1, node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, number = -1, node.operand
        if isinstance(number, ast.Constant):
            value = number.value
            if (type(value) is int and value <= _LARGEST) or (
                type(value) is float and isfinite(value)
            ):
                return -value if sign < 0 else value
            if sign > 0 and (value is None or isinstance(value, bool | str)):
                return value
            if type(value) in (int, float):
                self._fail(
                    node, "the number is larger than any attribute value; write a smaller one"
                )
        self._fail(node, f"{_spelled(node)} is no attribute value; write a number, a text, "
                   "True, False, None or a tuple of them")  # fmt: skip

    # -- names -------------------------------------------------------------------------------

    def _bound_name(self, node: ast.Name) -> BuiltOutput:
        name, bound = self._name(node) or "_", self._builder.bound
        if name not in bound:
            self._fail(node, f"{name} is no node of the pattern{suggestion(name, bound)}")
        return BuiltOutput(bound[name].part, bound[name].output, self._mark(node))

    def _known_value(self, node: ast.Name) -> Value | BuiltOutput:
        name, known = self._name(node) or "_", [*self._builder.values, *self._builder.bound]
        if name not in known:
            self._fail(node, f"{name} is no value of the pattern so far{suggestion(name, known)}")
        return self._builder.named(name, self._mark(node))

    def _word(self, node: ast.expr) -> str | None:
        """Return which word of the grammar a call calls, or None."""
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(function, ast.Name) or self._text.backquoted(function) is not None:
            return None
        return function.id if function.id in WORDS else None

    def _only_argument(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            self._fail(node, f"{_spelled(node.func)} takes one argument")
        return node.args[0]

    def _names_of(self, node: ast.expr) -> Sequence[ast.Name]:
        assert isinstance(node, ast.Call)
        if not node.args or node.keywords or not _all_names(node.args):
            self._fail(node, f"{_spelled(node.func)} takes names")
        return node.args


def _all_names(nodes: list[ast.expr]) -> TypeGuard[list[ast.Name]]:
    return all(isinstance(node, ast.Name) for node in nodes)


_SPELLED = {
    ast.Attribute: "a dotted name",
    ast.BinOp: "arithmetic",
    ast.NamedExpr: "an assignment inside an expression",
    ast.Lambda: "a lambda",
    ast.Constant: "a literal",
    ast.Tuple: "a tuple",
    ast.List: "a list",
}


def _spelled(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return _SPELLED.get(type(node), "this")
