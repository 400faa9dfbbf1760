"""Pattern text -> `Pattern`. The text is Python's syntax, parsed with `ast` and never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText, described, elements, parse_python
from graphpass.ops.values import Value as Constant
from graphpass.rules.rewrite.builder import (
    Asked,
    BuiltOperand,
    BuiltOutput,
    BuiltPart,
    PatternBuilder,
)
from graphpass.rules.rewrite.pattern import KINDS, WORDS, Anything, Pattern, Value

__all__ = ["parse_pattern"]


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


class _PatternReader:
    """Reads statement by statement."""

    def __init__(self, text: PythonText) -> None:
        self._text = text
        self._builder = PatternBuilder(text.error)
        self._roots: list[tuple[BuiltOutput, bool]] = []
        self._unnamed: ast.stmt | None = None
        self._returned = False

    def read(self) -> Pattern:
        """Return the pattern of the whole text."""
        for statement in self._text.tree.body:
            if self._returned:
                self._text.fail(statement, "nothing may follow the return")
            self._statement(statement)
        if not self._roots:
            raise self._text.error(None, "there is no operator to match; write one, as in relu(x)")
        return self._builder.pattern(self._roots)

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            self._refuse_unnamed()
            self._bind(statement)
        elif isinstance(statement, ast.Return) and statement.value is not None:
            self._refuse_unnamed()
            self._roots = [self._root(value) for value in elements(statement.value)]
            self._returned = True
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "shared":
            for name in self._names_of(statement.value):
                output = self._bound_name(name)
                self._builder.share(output.part, output.mark)
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "distinct":
            values = [self._known_value(name) for name in self._names_of(statement.value)]
            self._builder.distinct(values, self._text.place(statement))
        elif isinstance(statement, ast.Expr):
            self._refuse_unnamed()
            self._unnamed = statement
            part = self._call_of(statement.value)
            self._roots = [(BuiltOutput(part, 0, part.mark), True)]
        else:
            self._text.fail(
                statement, "a line of a pattern is a = Op(x), Op(x), shared(a), distinct(x, y) "
                "or return a",
            )  # fmt: skip

    def _bind(self, statement: ast.Assign) -> None:
        targets, mark = self._text.targets(statement), self._text.place(statement)
        unpacked = isinstance(statement.targets[0], ast.Tuple)
        part = self._call_of(statement.value)
        names = list(map(self._name, targets))
        marks = list(map(self._text.place, targets))
        if not any(name is not None for name in names):
            self._text.fail(
                targets[0], "_ names nothing; write the operator alone, or give it a name"
            )
        self._builder.bind(part, names, unpacked=unpacked, line=mark, marks=marks)
        outputs = [number for number, name in enumerate(names) if name is not None]
        self._roots = [(BuiltOutput(part, number, mark), not unpacked) for number in outputs]

    def _root(self, node: ast.expr) -> tuple[BuiltOutput, bool]:
        if isinstance(node, ast.Subscript):
            return self._output(node), False
        if not isinstance(node, ast.Name):
            self._text.fail(
                node, "a pattern returns names, as in return a, b; give each operator one"
            )
        value = self._bound_name(node)
        return value, not value.part.unpacked

    def _call_of(self, node: ast.expr) -> BuiltPart:
        operand = self._operand(node)
        if not isinstance(node, ast.Call) or not isinstance(operand, BuiltOutput):
            self._text.fail(node, "only an operator makes a line, as in Op(x) or a = Op(x)")
        return operand.part

    def _refuse_unnamed(self) -> None:
        """Refuse what follows an operator without a name, since nothing can use that one."""
        if self._unnamed is not None:
            self._text.fail(
                self._unnamed, "nothing uses this operator; give it a name and return it"
            )

    # -- operands ----------------------------------------------------------------------------

    def _operand(self, node: ast.expr) -> BuiltOperand:
        mark = self._text.place(node)
        if isinstance(node, ast.Name):
            name = self._name(node)
            return Anything(mark) if name is None else self._builder.named(name, mark)
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if isinstance(node, ast.Starred):
            if not isinstance(node.value, ast.Name):
                self._text.fail(node, "the remaining inputs are written as *xs")
            return self._builder.rest(self._name(node.value), mark)
        if not isinstance(node, ast.Call):
            self._text.fail(node, f"{described(node)} is no operand; write a name, a call or _")
        word = self._word(node)
        if word == "optional":
            return self._builder.optional(self._operand(self._only_argument(node)), mark)
        for kind in KINDS:
            if kind == word:
                argument = self._only_argument(node)
                if not isinstance(argument, ast.Name):
                    self._text.fail(argument, f"{kind} takes the name of a value: {kind}(x)")
                place = self._text.place(argument)
                return self._builder.restricted(kind, self._name(argument), mark, place)
        if word == "maybe":
            self._text.fail(node, "write what the operator reads too: maybe(Op)(x)")
        if word is not None:
            self._text.fail(
                node, f"{word}(…) is a line of its own; for an operator, write `{word}`(…)"
            )
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
            self._text.fail(node, "an output is written as a[1]")
        part = self._bound_name(node.value).part
        if part.unpacked:
            name = self._name(node.value)
            self._text.fail(node, f"{name} is one output already; give the node a name instead")
        return self._builder.output(part, index.value, self._text.place(node))

    def _alternatives(self, node: ast.expr) -> Iterator[ast.Name]:
        found: list[ast.expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            found.append(node.right)
            node = node.left
        for each in (node, *reversed(found)):
            if not isinstance(each, ast.Name):
                self._text.fail(each, "an operator is written as Op(x), (A | B)(x) or maybe(Op)(x)")
            yield each

    def _operator(self, node: ast.Name) -> str:
        if node.id in WORDS and self._text.backquoted(node) is None:
            self._text.fail(
                node, f"{node.id} is a word of patterns; for an operator, write `{node.id}`"
            )
        return self._text.operator(node)

    def _attribute(self, node: ast.keyword) -> Asked:
        if node.arg is None:
            self._text.fail(node, "a pattern asks for attributes one by one: kernel=(1, 1)")
        value = _as_tuples(self._text.literal(node.value))
        return self._text.key(node), value, self._text.place(node)

    # -- names -------------------------------------------------------------------------------

    def _name(self, node: ast.Name) -> str | None:
        """Return a name, or None for ``_``."""
        return None if node.id == "_" else self._text.spelled(node)

    def _bound_name(self, node: ast.Name) -> BuiltOutput:
        name, bound = self._name(node) or "_", self._builder.bound
        if name not in bound:
            self._text.fail(node, f"{name} is no node of the pattern{suggestion(name, bound)}")
        return BuiltOutput(bound[name].part, bound[name].output, self._text.place(node))

    def _known_value(self, node: ast.Name) -> Value | BuiltOutput:
        name, known = self._name(node) or "_", [*self._builder.values, *self._builder.bound]
        if name not in known:
            self._text.fail(
                node, f"{name} is no value of the pattern so far{suggestion(name, known)}"
            )
        return self._builder.named(name, self._text.place(node))

    def _word(self, node: ast.expr) -> str | None:
        """Return which word of the grammar a call calls, or None."""
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(function, ast.Name) or self._text.backquoted(function) is not None:
            return None
        return function.id if function.id in WORDS else None

    def _only_argument(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            self._text.fail(node, f"{self._word(node)} takes one argument")
        return node.args[0]

    def _names_of(self, node: ast.expr) -> Sequence[ast.Name]:
        assert isinstance(node, ast.Call)
        if not node.args or node.keywords or not _all_names(node.args):
            self._text.fail(node, f"{self._word(node)} takes names")
        return node.args


def _all_names(nodes: list[ast.expr]) -> TypeGuard[list[ast.Name]]:
    return all(isinstance(node, ast.Name) for node in nodes)


def _as_tuples(value: Any) -> Constant:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
