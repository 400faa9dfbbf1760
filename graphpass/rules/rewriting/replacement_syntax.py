"""Replacement text -> `Replacement`. Python's syntax, parsed with `ast` and never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText, elements, parse_python
from graphpass.graph import VARIABLE
from graphpass.rules.expressions import Expression, compile_expression
from graphpass.rules.rewrite.pattern import Pattern
from graphpass.rules.rewriting.checks import check_replacement
from graphpass.rules.rewriting.replacement import (
    Application,
    Assignment,
    AttributeSource,
    CopyAttributes,
    Named,
    Operand,
    Replacement,
    SetAttribute,
    Spread,
)

__all__ = ["parse_replacement"]


def parse_replacement(text: str, pattern: Pattern, lets: Iterable[str] = ()) -> Replacement:
    """Parse a replacement.

    Parameters
    ----------
    text : str
        One statement a line; docs/rewrites.md has the grammar.
    pattern : Pattern
        The pattern.
    lets : iterable of str
        Names that the rewrite computes.

    Raises
    ------
    TextError
        If it is malformed, reads a name that nothing gives, or does not say what takes the place of
        each root. The message has line, column and a caret.
    """
    parsed = parse_python(text, "replacement")
    replacement = _Reader(parsed, pattern, lets).read()
    check_replacement(replacement, parsed.error, pattern.optional)
    return replacement


@dataclass(slots=True)
class _New:
    """A name that the replacement gives."""

    unpacked: bool
    line: int


class _Reader:
    """Reads statement by statement."""

    def __init__(self, text: PythonText, pattern: Pattern, lets: Iterable[str]) -> None:
        self._text = text
        self._pattern = pattern
        self._lets = frozenset(lets)
        self._new: dict[str, _New] = {}
        self._assignments: list[Assignment] = []
        self._results: list[Named | Application] | None = None

    def read(self) -> Replacement:
        last: ast.stmt | None = None
        for statement in self._text.tree.body:
            if self._results is not None:
                self._text.fail(statement, "nothing may follow the return")
            last = statement
            self._statement(statement)
        if last is None:
            raise self._text.error(None, "there is nothing to put in; write a value or an operator")
        results = self._results
        if results is None:
            results = self._implied(last)
        wanted = len(self._pattern.roots)
        if len(results) != wanted:
            self._text.fail(
                last,
                f"the pattern returns {wanted} value{'s' * (wanted != 1)}, "
                f"but {len(results)} take their place",
            )
        replacement = Replacement(tuple(self._assignments), tuple(results))
        self._refuse_unused(replacement)
        return replacement

    def _refuse_unused(self, replacement: Replacement) -> None:
        read = {
            operand.name
            for operand in replacement.operands()
            if isinstance(operand, Named) and operand.is_new
        }
        for assignment in replacement.assignments:
            names = [name for name in assignment.names if name is not None]
            if read.isdisjoint(names):
                raise self._text.error(
                    assignment.mark,
                    f"{', '.join(names)} is not used; read it in another line, or return it",
                )

    def _implied(self, last: ast.stmt) -> list[Named | Application]:
        """Return the results of a text without ``return``: by the roots' names, or the last one."""
        roots = self._pattern.root_names
        if roots and all(root is not None and root in self._new for root in roots):
            return [Named(root, None, True) for root in roots if root is not None]
        names = [name for name in self._assignments[-1].names if name is not None]
        if len(roots) == len(names):
            return [Named(name, None, True) for name in names]
        listed = ", ".join(root or "_" for root in roots)
        self._text.fail(
            last, f"end with return, one value for each that the pattern returns ({listed})"
        )

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            self._assign(statement)
        elif isinstance(statement, ast.Return | ast.Expr):
            self._results = self._returned(statement)
        else:
            self._text.fail(statement, "a line of a replacement is a = Op(x), Op(x), x or return a")

    def _assign(self, statement: ast.Assign) -> None:
        targets = self._text.targets(statement)
        unpacks = isinstance(statement.targets[0], ast.Tuple)
        if not isinstance(statement.value, ast.Call):
            self._text.fail(statement.value, "only a new operator is given a name, as in a = Op(x)")
        application = self._application(statement.value)
        names: list[str | None] = []
        for each in targets:
            name = self._name(each)
            if name is not None:
                self._refuse_taken(each, name, names)
            names.append(name)
        if not any(names):
            self._text.fail(targets[0], "_ names nothing; give what is new a name")
        mark = self._text.place(statement)
        self._assignments.append(Assignment(tuple(names), application, unpacks, mark))
        for name in names:
            if name is not None:
                self._new[name] = _New(unpacks, mark.line)

    def _refuse_taken(self, node: ast.expr, name: str, names: list[str | None]) -> None:
        if name in self._new or name in names:
            self._text.fail(node, f"{name} is given already")
        if name in self._lets:
            self._text.fail(node, f"{name} is computed by let; choose another name")
        if name in self._pattern.all_names and name not in self._pattern.root_names:
            self._text.fail(
                node,
                f"{name} is bound by the pattern and not returned by it; choose another name",
            )

    # -- operands ----------------------------------------------------------------------------

    def _returned(self, statement: ast.Return | ast.Expr) -> list[Named | Application]:
        value = statement.value
        if value is None:
            self._text.fail(statement, "return what takes the place of the match")
        return [self._result(each) for each in elements(value)]

    def _result(self, node: ast.expr) -> Named | Application:
        operand = self._operand(node)
        if isinstance(operand, Spread):
            self._text.fail(node, "return one value, not several")
        if isinstance(operand, Named) and operand.name in self._lets:
            self._text.fail(node, f"{operand.name} is an array; let an operator read it")
        return operand

    def _operand(self, node: ast.expr) -> Operand:
        if isinstance(node, ast.Name):
            return self._value(node)
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Name):
            name = self._name(node.value)
            if name is None or name not in self._pattern.rests:
                self._text.fail(node, f"*{name or '_'} stands nowhere in the pattern")
            return Spread(name, self._text.place(node))
        if isinstance(node, ast.Call):
            if self._is_optional(node):
                return self._value(node.args[0])
            return self._application(node)
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare):
            self._text.fail(node, "compute arrays under let, and name the result here")
        self._text.fail(node, "an input is a name, a[1], *xs or an operator Op(x)")

    def _is_optional(self, node: ast.Call) -> bool:
        function = node.func
        return (
            isinstance(function, ast.Name)
            and function.id == "optional"
            and self._text.backquoted(function) is None
            and len(node.args) == 1
            and not node.keywords
        )

    def _value(self, node: ast.expr) -> Named:
        if not isinstance(node, ast.Name):
            self._text.fail(node, "optional takes a name: optional(b)")
        name = self._name(node)
        if name is None:
            self._text.fail(node, "_ stands for no value here; name it in the pattern")
        if name in self._pattern.rests and name not in self._new:
            self._text.fail(node, f"{name} stands for several values; write *{name}")
        known = {*self._new, *self._lets, *self._pattern.all_names}
        if name not in known:
            self._text.fail(node, f"nothing is called {name}{suggestion(name, known)}")
        return Named(name, None, name in self._new, self._text.place(node))

    def _output(self, node: ast.Subscript) -> Named:
        index = node.slice
        if not isinstance(index, ast.Constant) or type(index.value) is not int:
            self._text.fail(node, "an output is written as a[1]")
        named = self._value(node.value)
        new = self._new.get(named.name)
        is_node = not new.unpacked if new is not None else named.name in self._pattern.nodes
        if not is_node:
            self._text.fail(node, f"{named.name} is one value; only a node has outputs")
        return Named(named.name, index.value, named.is_new, self._text.place(node))

    def _application(self, node: ast.Call) -> Application:
        if not isinstance(node.func, ast.Name):
            self._text.fail(node.func, "an operator is written as Op(x); a replacement names one")
        operator = self._operator(node.func)
        name: Expression | None = None
        attributes: list[AttributeSource] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                attributes.append(self._copied(keyword))
            elif keyword.arg == "name":
                name = self._expression(keyword.value)
            else:
                key, value = self._text.key(keyword), self._expression(keyword.value)
                attributes.append(SetAttribute(key, value, self._text.place(keyword)))
        inputs = tuple([self._operand(argument) for argument in node.args])
        return Application(operator, inputs, tuple(attributes), name, self._text.place(node))

    def _operator(self, node: ast.Name) -> str:
        if self._text.backquoted(node) in ("", VARIABLE):
            self._text.fail(node, "that is no operator; a replacement can't make a variable")
        return self._text.operator(node)

    def _name(self, node: ast.Name) -> str | None:
        """Return a name, or None for ``_``."""
        return None if node.id == "_" else self._text.spelled(node)

    def _copied(self, keyword: ast.keyword) -> CopyAttributes:
        value = keyword.value
        if (
            isinstance(value, ast.Attribute)
            and value.attr == "attrs"
            and isinstance(value.value, ast.Name)
        ):
            name = self._name(value.value)
            if name in self._pattern.nodes:
                assert name is not None
                return CopyAttributes(name, self._text.place(keyword))
            near = suggestion(name or "_", self._pattern.nodes)
            self._text.fail(value, f"{name or '_'} is no node of the pattern{near}")
        self._text.fail(
            value, "attributes are taken over by **conv.attrs, conv being a matched node"
        )

    def _expression(self, node: ast.expr) -> Expression:
        expression = compile_expression(node, self._text)
        known: Mapping[str, object] = {**self._pattern.all_names, **dict.fromkeys(self._lets)}
        for name in sorted(expression.names - known.keys()):
            self._text.fail(node, f"nothing is called {name}{suggestion(name, known)}")
        return expression
