"""Syntax tree -> terms. Each part becomes a closure once; nothing is compiled or run by Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText
from graphpass.formats.text_values import described
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.arithmetic import BINARY
from graphpass.rules.expressions.budget import MAX_INT
from graphpass.rules.expressions.calls import run_call
from graphpass.rules.expressions.closures import (
    run_and,
    run_attribute,
    run_binary,
    run_choice,
    run_constant,
    run_index,
    run_loop_variable,
    run_name,
    run_not,
    run_or,
    run_slice,
    run_tuple,
    run_unary,
)
from graphpass.rules.expressions.comparisons import run_chain, run_comparison
from graphpass.rules.expressions.functions import FUNCTIONS, LOOPS
from graphpass.rules.expressions.loops import run_loop
from graphpass.rules.expressions.questions import QUESTIONS
from graphpass.rules.expressions.terms import Loop, Run, Term

__all__ = ["Compiler"]

_MAX_DEPTH = 60
"""How deep an expression may be nested; a closure takes two frames of Python's stack."""


class Compiler:
    """Compiles the expressions of one text.

    Attributes
    ----------
    names : set of str
        The free names met so far.
    attributes : set of (str, str)
        The attributes of such names.
    """

    def __init__(self, text: PythonText) -> None:
        self._text = text
        self._loops: dict[str, int] = {}
        self._depth = 0
        self.names: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def term(self, node: ast.expr) -> Term:
        """Return what a part compiles to.

        Raises
        ------
        TextError
            If it is not of the language.
        """
        compile_part = _PARTS.get(type(node))
        if compile_part is None:
            self.fail(node, f"{described(node)} is not allowed here")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self.fail(node, f"this is nested deeper than {_MAX_DEPTH}")
        found = compile_part(self, node)
        self._depth -= 1
        return found

    def fail(self, node: ast.expr | ast.keyword, reason: str) -> NoReturn:
        """Raise the error about a part."""
        raise self._text.error(self._text.place(node), reason)

    def _term(
        self,
        node: ast.expr,
        make: Callable[..., Run],
        *details: Any,
        parts: Sequence[Term] = (),
        **facts: Any,
    ) -> Term:
        """Return the term of a node; `make` gets label and text, the details, then the parts."""
        text = self._written(node)
        run = make(self._text.name, text, *details, *parts)
        return Term(node, text, run, tuple(parts), **facts)

    def _written(self, node: ast.expr) -> str:
        """Return how a part was written, on one line."""
        end = ast.Name("", lineno=node.end_lineno or 0, col_offset=node.end_col_offset or 0)
        (first, left), (last, right) = self._text.place(node), self._text.place(end)
        lines = list(self._text.lines[first - 1 : last])
        lines[-1] = lines[-1][: right - 1]
        lines[0] = lines[0][left - 1 :]
        return " ".join(" ".join(lines).split())

    def _constant(self, node: ast.Constant) -> Term:
        value = node.value
        if value is not None and type(value) not in (bool, int, float, str):
            self.fail(node, f"{described(node)} is not allowed here")
        if type(value) is int and value > MAX_INT:
            self.fail(node, "the integer is larger than 2**63")
        return self._term(node, run_constant, value, constant=True)

    def _name(self, node: ast.Name) -> Term:
        name = self._name_of(node)
        if name in self._loops:
            return self._term(node, run_loop_variable, self._loops[name])
        self.names.add(name)
        return self._term(node, run_name, name, name=name)

    def _name_of(self, node: ast.Name) -> str:
        quoted = self._text.backquoted(node)
        return node.id if quoted is None else quoted

    def _attribute(self, node: ast.Attribute) -> Term:
        key = node.attr
        if not key.strip("_"):  # what stands in backquotes is underscores by now
            self.fail(node, 'an attribute of such a name is read by attribute(node, "...")')
        if key.startswith("_") and not is_hidden_key(key):
            self.fail(node, f"there is no attribute {key!r}")
        base = self.term(node.value)
        if isinstance(node.value, ast.Name):
            name = self._name_of(node.value)
            if name in self.names and name not in self._loops:
                self.attributes.add((name, key))
        return self._term(node, run_attribute, key, parts=[base])

    def _tuple(self, node: ast.Tuple | ast.List) -> Term:
        parts = [self.term(item) for item in node.elts]
        constant = all(part.constant for part in parts)
        return self._term(node, run_tuple, constant, parts=parts, constant=constant)

    def _subscript(self, node: ast.Subscript) -> Term:
        parts = [self.term(node.value), self._index(node.slice)]
        return self._term(node, run_index, parts=parts)

    def _index(self, node: ast.expr) -> Term:
        if isinstance(node, ast.Slice):
            return self._slice(node)
        if isinstance(node, ast.Tuple):
            return self._term(node, run_tuple, False, parts=[self._index(e) for e in node.elts])
        return self.term(node)

    def _slice(self, node: ast.Slice) -> Term:
        bounds = [node.lower, node.upper, node.step]
        terms = [None if bound is None else self.term(bound) for bound in bounds]
        parts = [term for term in terms if term is not None]
        run = run_slice(*terms)
        return Term(node, self._written(node), run, tuple(parts))

    def _unary(self, node: ast.UnaryOp) -> Term:
        part = self.term(node.operand)
        if isinstance(node.op, ast.Not):
            return self._term(node, run_not, parts=[part])
        if isinstance(node.op, ast.Invert):
            self.fail(node, "write not, or for an array x == False, instead of ~")
        value: Any = getattr(part.node, "value", None)
        if part.constant and type(value) in (bool, int, float):
            signed = -value if isinstance(node.op, ast.USub) else +value
            return self._term(node, run_constant, signed, constant=True)
        return self._term(node, run_unary, node.op, parts=[part])

    def _binary(self, node: ast.BinOp) -> Term:
        operation = BINARY.get(type(node.op))
        if operation is None:
            self.fail(node, "the operators are + - * / // % ** and @")
        parts = [self.term(node.left), self.term(node.right)]
        return self._term(node, run_binary, operation, parts=parts)

    def _boolean(self, node: ast.BoolOp) -> Term:
        make = run_and if isinstance(node.op, ast.And) else run_or
        return self._term(node, make, parts=[self.term(value) for value in node.values])

    def _compare(self, node: ast.Compare) -> Term:
        operands = [node.left, *node.comparators]
        for operation, right in zip(node.ops, node.comparators, strict=True):
            is_none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operation, ast.Is | ast.IsNot) and not is_none:
                self.fail(right, "is and is not compare with None only; write == or !=")
        parts = [self.term(each) for each in operands]
        kinds = [type(operation) for operation in node.ops]
        if len(kinds) == 1:
            return self._term(node, run_comparison, kinds[0], parts=parts)
        return self._term(node, run_chain, kinds, parts=parts)

    def _choice(self, node: ast.IfExp) -> Term:
        parts = [self.term(each) for each in (node.test, node.body, node.orelse)]
        return self._term(node, run_choice, parts=parts)

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Term:
        function = node.func
        if not isinstance(function, ast.Name) or self._text.backquoted(function) is not None:
            self.fail(function, "only functions can be called, such as sqrt(x)")
        name = function.id
        if name in QUESTIONS:
            return self._question(node, name)
        if name not in FUNCTIONS:
            near = suggestion(name, [*FUNCTIONS, *QUESTIONS])
            self.fail(function, f"there is no function {name!r}{near}")
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            if name not in LOOPS or node.keywords:
                self.fail(node.args[0], f"for stands in {', '.join(LOOPS)} only")
            return self._loop(node, name, node.args[0])
        keywords = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
        if len(keywords) < len(node.keywords) or any(map(self._text.backquoted, node.keywords)):
            self.fail(node, "a function takes plain arguments")
        misuse = FUNCTIONS[name].misuse(len(node.args), keywords)
        if misuse is not None:
            self.fail(node, misuse)
        counted = node.args[0] if node.args else None
        if name == "len" and isinstance(counted, ast.Attribute) and counted.attr == "users":
            # Counting takes no time; making a tuple of them does.
            count = ast.Attribute(counted.value, "num_users", ast.Load())
            return self._attribute(ast.copy_location(count, node))
        parts = [self.term(each) for each in node.args]
        parts += [self.term(keyword.value) for keyword in node.keywords]
        details = (FUNCTIONS[name], keywords)
        return self._term(node, run_call, *details, parts=parts, function=name)

    def _question(self, node: ast.Call, name: str) -> Term:
        if node.keywords or not node.args:
            self.fail(node, f"write {name}(x)")
        parts = [self.term(each) for each in node.args]
        if name == "bound" and (len(parts) > 1 or not parts[0].name):
            self.fail(node, "bound takes a name of the pattern")
        return self._term(node, QUESTIONS[name], parts=parts, function=name)

    def _loop(self, node: ast.Call, name: str, generator: ast.GeneratorExp) -> Term:
        clause = generator.generators[0]
        if len(generator.generators) > 1 or clause.is_async:
            self.fail(generator, "write one for; a second one can stand in a function inside")
        target = clause.target
        if not isinstance(target, ast.Name) or self._text.backquoted(target) is not None:
            self.fail(target, "for takes one name")
        items = self.term(clause.iter)
        outer = self._loops
        number = max(outer.values(), default=-1) + 1
        self._loops = {**outer, target.id: number}
        body = self.term(generator.elt)
        conditions = [self.term(condition) for condition in clause.ifs]
        self._loops = outer
        loop = Loop(number, target.id, sum(1 for _ in ast.walk(generator)))
        parts = [items, body, *conditions]
        return self._term(node, run_loop, name, loop, parts=parts, function=name, loop=loop)


_PARTS: dict[type[ast.expr], Callable[[Compiler, Any], Term]] = {
    ast.Attribute: Compiler._attribute,
    ast.BinOp: Compiler._binary,
    ast.BoolOp: Compiler._boolean,
    ast.Call: Compiler._call,
    ast.Compare: Compiler._compare,
    ast.Constant: Compiler._constant,
    ast.IfExp: Compiler._choice,
    ast.List: Compiler._tuple,
    ast.Name: Compiler._name,
    ast.Subscript: Compiler._subscript,
    ast.Tuple: Compiler._tuple,
    ast.UnaryOp: Compiler._unary,
}
