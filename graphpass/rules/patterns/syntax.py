"""Pattern text -> `Pattern`. The text is Python's syntax, parsed with `ast` and never executed."""

from __future__ import annotations

import ast

from graphpass.formats.python_text import PythonText, parse_python
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.patterns.check import check_pattern
from graphpass.rules.patterns.compile import compile_pattern
from graphpass.rules.patterns.operands import OperandReader
from graphpass.rules.patterns.pattern import (
    Binding,
    Call,
    Distinct,
    Pattern,
    Reference,
    Root,
)

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
    >>> parse_pattern("y = relu(relu(x))").bindings[0].call.inputs[0].operators
    ('relu',)

    Notes
    -----
    Linear in the text, which is at most 10,000 characters.
    """
    parsed = parse_python(text, "pattern")
    pattern = _Reader(parsed).read()
    check_pattern(pattern, parsed.error)
    compile_pattern(pattern, parsed.error)  # what it refuses is best shown in the text
    return pattern


class _Reader(OperandReader):
    """Reads statement by statement."""

    def __init__(self, text: PythonText) -> None:
        super().__init__(text)
        self._bindings: list[Binding] = []
        self._shared: list[Reference] = []
        self._distinct: list[Distinct] = []
        self._roots: tuple[Root, ...] = ()
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
        return Pattern(
            tuple(self._bindings), self._roots, tuple(self._shared), tuple(self._distinct)
        )

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._refuse_unnamed()
            self._bind(statement.targets[0], statement.value, self._mark(statement))
        elif isinstance(statement, ast.Return) and statement.value is not None:
            self._refuse_unnamed()
            listed = statement.value
            returned = listed.elts if isinstance(listed, ast.Tuple) else [listed]
            self._roots = tuple([self._root(value) for value in returned])
            self._returned = True
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "shared":
            for name in self._names_of(statement.value):
                self._shared.append(self._bound_name(name))
        elif isinstance(statement, ast.Expr) and self._word(statement.value) == "distinct":
            values = [self._known_value(name) for name in self._names_of(statement.value)]
            if len(values) < 2:
                self._fail(statement, "distinct takes two values or more")
            for number, value in enumerate(values):
                if value in values[:number]:
                    self._fail(
                        statement,
                        f"{value.name} stands in distinct twice, and no value is another than "
                        "itself; name each once",
                    )
            self._distinct.append(Distinct(tuple(values), self._mark(statement)))
        elif isinstance(statement, ast.Expr):
            self._refuse_unnamed()
            self._unnamed = statement
            self._roots = (self._call_of(statement.value),)
        else:
            self._fail(
                statement, "a line of a pattern is a = Op(x), Op(x), shared(a), distinct(x, y) "
                "or return a",
            )  # fmt: skip

    def _bind(self, target: ast.expr, value: ast.expr, mark: Mark) -> None:
        unpacks = isinstance(target, ast.Tuple)
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        if not targets:
            self._fail(target, "a binding gives one name at least")
        call = self._call_of(value)
        names: list[str | None] = []
        for each in targets:
            if not isinstance(each, ast.Name):
                self._fail(each, "only a name can be bound, as in a = Op(x) or a, b = Op(x)")
            name = self._name(each)
            if name is not None and (name in self._bound or name in names):
                self._fail(each, f"{name} is bound already")
            if name is not None and name in self._values:
                line = self._values[name].line
                self._fail(
                    each, f"{name} is read on line {line}, before it is bound; bind it first"
                )
            if name in self._rests:
                self._fail(each, f"{name} stands for several values already")
            names.append(name)
        if not any(names):
            self._fail(target, "_ names nothing; write the operator alone, or give it a name")
        binding = Binding(tuple(names), call, unpacks, mark)
        self._bindings.append(binding)
        self._bound.update({name: binding for name in names if name is not None})
        self._roots = self._outputs(binding)

    @staticmethod
    def _outputs(binding: Binding) -> tuple[Root, ...]:
        """Return the values of a binding: what a pattern returns if it ends there."""
        return tuple(
            [Reference(name, None, binding.mark) for name in binding.names if name is not None]
        )

    def _root(self, node: ast.expr) -> Root:
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if not isinstance(node, ast.Name):
            self._fail(node, "a pattern returns names, as in return a, b; give each operator one")
        return self._bound_name(node)

    def _call_of(self, node: ast.expr) -> Call:
        call = self._operand(node)
        if not isinstance(call, Call):
            self._fail(node, "only an operator makes a line, as in Op(x) or a = Op(x)")
        return call

    def _refuse_unnamed(self) -> None:
        """Refuse what follows an operator without a name, since nothing can use that one."""
        if self._unnamed is not None:
            self._fail(self._unnamed, "nothing uses this operator; give it a name and return it")
