"""Operands of pattern texts: names, calls and the words of the grammar -> the pattern's parts."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TypeGuard

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText
from graphpass.ops.values import Value as Constant
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.patterns.pattern import (
    KINDS,
    WORDS,
    Anything,
    Attribute,
    Binding,
    Call,
    Kind,
    Operand,
    Optional,
    Reference,
    Rest,
    Restricted,
    Value,
)
from graphpass.rules.patterns.text_reader import TextReader

__all__ = ["OperandReader"]

_LARGEST = 2**64


class OperandReader(TextReader):
    """Reads what stands on one line, and knows which names are bound already."""

    def __init__(self, text: PythonText) -> None:
        super().__init__(text)
        self._bound: dict[str, Binding] = {}
        self._values: dict[str, Mark] = {}
        self._rests: set[str] = set()

    def _operand(self, node: ast.expr) -> Operand:
        mark = self._mark(node)
        if isinstance(node, ast.Name):
            name = self._name(node)
            if name is None:
                return Anything(mark)
            return Reference(name, None, mark) if name in self._bound else self._value(name, mark)
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if isinstance(node, ast.Starred):
            return self._rest(node)
        if not isinstance(node, ast.Call):
            self._fail(node, f"{_spelled(node)} is no operand; write a name, a call or _")
        word = self._word(node)
        if word == "optional":
            operand = self._operand(self._only_argument(node))
            if isinstance(operand, Rest | Optional):
                self._fail(node, "optional takes one operand: optional(b)")
            return Optional(operand, mark)
        for kind in KINDS:
            if kind == word:
                return self._restricted(kind, node)
        if word == "maybe":
            self._fail(node, "write what the operator reads too: maybe(Op)(x)")
        if word is not None:
            self._fail(node, f"{word}(…) is a line of its own; for an operator, write `{word}`(…)")
        return self._call(node)

    def _value(self, name: str, mark: Mark) -> Value:
        if name in self._rests:
            raise self._text.error(mark, f"{name} stands for several values; write *{name}")
        self._values.setdefault(name, mark)
        return Value(name, mark)

    def _output(self, node: ast.Subscript) -> Reference:
        index = node.slice
        if not isinstance(node.value, ast.Name) or not (
            isinstance(index, ast.Constant) and type(index.value) is int
        ):
            self._fail(node, "an output is written as a[1]")
        binding = self._bound_name(node.value)
        if self._bound[binding.name].unpacks:
            self._fail(node, f"{binding.name} is one output already; give the node a name instead")
        return Reference(binding.name, index.value, self._mark(node))

    def _rest(self, node: ast.Starred) -> Rest:
        if not isinstance(node.value, ast.Name):
            self._fail(node, "the remaining inputs are written as *xs")
        name = self._name(node.value)
        if name is not None and (name in self._bound or name in self._values):
            self._fail(node, f"{name} stands for one value; choose another name for several")
        if name is not None:
            self._rests.add(name)
        return Rest(name, self._mark(node))

    def _restricted(self, kind: Kind, node: ast.Call) -> Restricted:
        argument = self._only_argument(node)
        if not isinstance(argument, ast.Name):
            self._fail(argument, f"{kind} takes the name of a value: {kind}(x)")
        name = self._name(argument)
        if name is not None and name in self._bound:
            self._fail(argument, f"{name} is a node of the pattern; {kind} takes another value")
        if name is not None:
            self._value(name, self._mark(argument))
        return Restricted(kind, name, self._mark(node))

    def _call(self, node: ast.Call) -> Call:
        function, maybe = node.func, False
        if isinstance(function, ast.Call) and self._word(function) == "maybe":
            function, maybe = self._only_argument(function), True
        operators = tuple([self._operator(name) for name in self._alternatives(function)])
        return Call(
            operators,
            tuple([self._operand(argument) for argument in node.args]),
            tuple([self._attribute(each) for each in node.keywords]),
            maybe,
            self._mark(node),
        )

    def _alternatives(self, node: ast.expr) -> Iterable[ast.Name]:
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

    def _attribute(self, node: ast.keyword) -> Attribute:
        if node.arg is None:
            self._fail(node, "a pattern asks for attributes one by one: kernel=(1, 1)")
        name = self._text.backquoted(node)
        return Attribute(
            node.arg if name is None else name, self._literal(node.value), self._mark(node)
        )

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

    def _bound_name(self, node: ast.Name) -> Reference:
        name = self._name(node) or "_"
        if name not in self._bound:
            self._fail(node, f"{name} is no node of the pattern{suggestion(name, self._bound)}")
        return Reference(name, None, self._mark(node))

    def _known_value(self, node: ast.Name) -> Value | Reference:
        name = self._name(node) or "_"
        if name in self._bound:
            return Reference(name, None, self._mark(node))
        if name not in self._values:
            known = [*self._values, *self._bound]
            self._fail(node, f"{name} is no value of the pattern so far{suggestion(name, known)}")
        return Value(name, self._mark(node))

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
