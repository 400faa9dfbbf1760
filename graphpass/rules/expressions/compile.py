"""Text -> `Expression`: the syntax tree is walked once, and each part becomes a closure.

Nothing is compiled or run by Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from math import isinf
from typing import Any, NoReturn

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText, described, parse_python
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.arithmetic import (
    BINARY,
    Computation,
    binary,
    checked_place,
    element,
    gathered,
    kind_of,
    relation,
    truth,
    unary,
)
from graphpass.rules.expressions.expression import (
    FAILURES,
    Expression,
    Loop,
    Read,
    lacking,
)
from graphpass.rules.expressions.functions import FUNCTIONS, LOOPS, signature
from graphpass.rules.expressions.values import (
    UNBOUND,
    Scope,
    UnknownError,
    UnknownExtentError,
    answers,
)
from graphpass.rules.limits import MAX_INT

__all__ = ["QUESTIONS", "compile_expression", "parse_expression"]

QUESTIONS = ("bound", "known")
"""What is asked of names, and called like a function."""

_MAX_DEPTH = 60
"""How deep an expression may be nested; a closure takes two frames of Python's stack."""


def parse_expression(text: str, name: str = "expression") -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text : str
        One expression; docs/expressions.md has the language.
    name : str
        What messages call it.

    Raises
    ------
    TextError
        If it is malformed, or uses something that is not of the language. The message has line,
        column and a caret.
    """
    parsed = parse_python(text, name)
    body = parsed.tree.body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise parsed.error(None, "write one expression")
    return compile_expression(body[0].value, parsed)


def compile_expression(node: ast.expr, text: PythonText) -> Expression:
    """Take an expression out of a longer text, such as a replacement.

    Parameters
    ----------
    node : ast.expr
        The expression in the tree of the text.
    text : PythonText
        The text.

    Raises
    ------
    TextError
        If it uses something that is not of the language.
    """
    return Compiler(text).compiled(node)


class Compiler:
    """Compiles the expressions of one text."""

    def __init__(self, text: PythonText) -> None:
        self._text = text
        self._loops: dict[str, int] = {}
        self._depth = 0

    def compiled(self, node: ast.expr) -> Expression:
        """Return what a part compiles to."""
        compile_part = _PARTS.get(type(node))
        if compile_part is None:
            self._fail(node, f"{described(node)} is not allowed here")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail(node, f"this is nested deeper than {_MAX_DEPTH}")
        found = compile_part(self, node)
        self._depth -= 1
        return found

    def _fail(self, node: ast.expr | ast.keyword, reason: str) -> NoReturn:
        """Raise the error about a part."""
        raise self._text.error(self._text.place(node), reason)

    def _part(
        self,
        node: ast.expr,
        run: Callable[[Scope], Any],
        parts: Iterable[Expression] = (),
        reads: frozenset[Read] | None = None,
        **facts: Any,
    ) -> Expression:
        """Return a part; if nothing is said, it looks at what its own parts look at."""
        parts = tuple(parts)
        if reads is None:
            reads = frozenset().union(*[part.reads for part in parts])
        return Expression(node, self._text, parts, reads, run, **facts)

    def _applied(
        self,
        node: ast.expr,
        operation: Computation,
        parts: Sequence[Expression],
        keywords: Sequence[str] = (),
        **facts: Any,
    ) -> Expression:
        """Return a part that carries out an operation on the values of its own parts."""
        runs = [part.run for part in parts]
        count = len(runs) - len(keywords)

        def of_one(scope: Scope) -> Any:
            value = runs[0](scope)
            try:
                return operation(scope.limits, value)
            except FAILURES as error:
                raise this.failed(error, [value]) from None

        def of_two(scope: Scope) -> Any:
            left, right = runs[0](scope), runs[1](scope)
            try:
                return operation(scope.limits, left, right)
            except FAILURES as error:
                raise this.failed(error, [left, right]) from None

        def of_many(scope: Scope) -> Any:
            values = [run(scope) for run in runs]
            options = dict(zip(keywords, values[count:], strict=True))
            try:
                return operation(scope.limits, *values[:count], **options)
            except FAILURES as error:
                raise this.failed(error, values) from None

        run = of_many if keywords or not 0 < count < 3 else of_one if count == 1 else of_two
        this = self._part(node, run, parts, **facts)
        return this

    # -- leaves ------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Expression:
        value = node.value
        if value is not None and type(value) not in (bool, int, float, str):
            self._fail(node, f"{described(node)} is not allowed here")
        if type(value) is int and value > MAX_INT:
            self._fail(node, "the integer is larger than 2**63 - 1")
        if type(value) is float and isinf(value):
            self._fail(node, "the number is too large")
        return self._constant_of(node, value)

    def _constant_of(self, node: ast.expr, value: Any) -> Expression:
        return self._part(node, lambda scope: value, literal=(value,))

    def _name(self, node: ast.Name) -> Expression:
        quoted = self._text.backquoted(node)
        name = node.id if quoted is None else quoted
        if name in self._loops:
            number = self._loops[name]
            own = frozenset({Read("", "loop", str(number))})
            return self._part(node, lambda scope: scope.loops[number], reads=own)

        def run(scope: Scope) -> Any:
            value = scope.values.get(name)
            if value is None:
                value = scope[name]
                if value is UNBOUND:
                    raise UnknownError(f"{name} is not bound")
            return value

        return self._part(node, run, reads=frozenset({Read(name, "value")}), name=name)

    def _attribute(self, node: ast.Attribute) -> Expression:
        key = node.attr
        if not key.strip("_"):  # what stands in backquotes is underscores by now
            self._fail(node, 'an attribute of such a name is read by attribute(node, "...")')
        if key.startswith("_") and not is_hidden_key(key):
            self._fail(node, f"there is no attribute {key!r}")
        base = self.compiled(node.value)
        run_base, by_kind = base.run, answers(key)

        def run(scope: Scope) -> Any:
            value = run_base(scope)
            try:
                answer = by_kind.get(type(value))
                if answer is None:
                    raise TypeError(f"{kind_of(value)} has no {key!r}")
                return answer(value)
            except FAILURES as error:
                raise this.failed(error) from None

        around = frozenset() if base.name else base.reads
        this = self._part(node, run, [base], around | {Read(base.name, "word", key)})
        return this

    # -- tuples and their elements -----------------------------------------------------------

    def _tuple(self, node: ast.Tuple | ast.List) -> Expression:
        return self._tuple_of(node, [self.compiled(item) for item in node.elts])

    def _tuple_of(self, node: ast.expr, parts: Sequence[Expression]) -> Expression:
        if all(part.literal for part in parts):
            return self._constant_of(
                node, tuple([part.literal[0] for part in parts if part.literal])
            )
        runs = [part.run for part in parts]

        def run(scope: Scope) -> Any:
            try:
                return gathered(scope.limits, (run(scope) for run in runs))
            except FAILURES as error:
                raise this.failed(error) from None

        this = self._part(node, run, parts)
        return this

    def _subscript(self, node: ast.Subscript) -> Expression:
        base, index = self.compiled(node.value), self._index(node.slice)

        def run(scope: Scope) -> Any:
            try:
                value = base.run(scope)
            except UnknownExtentError as unknown:  # what is asked for may be known yet
                found: Any = None
                with suppress(TypeError, IndexError):
                    found = unknown.shape[checked_place(index.run(scope))]
                if found is None or (type(found) is tuple and None in found):
                    raise
                return found
            place = index.run(scope)
            try:
                return element(scope.limits, value, place)
            except FAILURES as error:
                raise this.failed(error, [value]) from None

        this = self._part(node, run, [base, index])
        return this

    def _index(self, node: ast.expr) -> Expression:
        if isinstance(node, ast.Tuple):
            return self._tuple_of(node, [self._index(each) for each in node.elts])
        if not isinstance(node, ast.Slice):
            return self.compiled(node)
        none = ast.copy_location(ast.Constant(None), node)
        bounds = [self.compiled(each or none) for each in (node.lower, node.upper, node.step)]
        return self._applied(node, lambda limits, *places: slice(*places), bounds)

    # -- operators ---------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp) -> Expression:
        part = self.compiled(node.operand)
        if isinstance(node.op, ast.Invert):
            self._fail(node, "write not, or for an array x == False, instead of ~")
        if isinstance(node.op, ast.Not):
            return self._part(node, lambda scope: not part.test(scope), [part])
        if part.literal and type(part.literal[0]) in (bool, int, float):
            (value,) = part.literal
            return self._constant_of(node, -value if isinstance(node.op, ast.USub) else +value)
        return self._applied(node, unary(type(node.op)), [part])

    def _binary(self, node: ast.BinOp) -> Expression:
        operation = BINARY.get(type(node.op))
        if operation is None:
            self._fail(node, "the operators are + - * / // % ** and @")
        parts = [self.compiled(node.left), self.compiled(node.right)]
        return self._applied(node, binary(operation), parts)

    def _boolean(self, node: ast.BoolOp) -> Expression:
        *first, last = map(self.compiled, node.values)
        until = isinstance(node.op, ast.Or)

        def run(scope: Scope) -> Any:
            for part in first:
                value = part.run(scope)
                holds = value if value is True or value is False else part.is_true(value)
                if holds is until:
                    return value
            return last.run(scope)

        return self._part(node, run, [*first, last])

    def _choice(self, node: ast.IfExp) -> Expression:
        test = self.compiled(node.test)
        body, other = self.compiled(node.body), self.compiled(node.orelse)

        def run(scope: Scope) -> Any:
            return body.run(scope) if test.test(scope) else other.run(scope)

        return self._part(node, run, [test, body, other])

    def _compare(self, node: ast.Compare) -> Expression:
        for operation, right in zip(node.ops, node.comparators, strict=True):
            is_none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operation, ast.Is | ast.IsNot) and not is_none:
                self._fail(right, "is and is not compare with None only; write == or !=")
        parts = list(map(self.compiled, [node.left, *node.comparators]))
        relations = [relation(type(operation)) for operation in node.ops]
        if len(relations) == 1:
            return self._applied(node, relations[0], parts)

        def run(scope: Scope) -> Any:
            a = parts[0].run(scope)
            found: Any = True
            for number, related in enumerate(relations, 1):
                b = parts[number].run(scope)
                try:
                    found = related(scope.limits, a, b)
                    if not truth(found):
                        return found
                except FAILURES as error:
                    raise this.failed(error, [a, b], parts[number - 1 :]) from None
                a = b
            return found

        this = self._part(node, run, parts)
        return this

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Expression:
        function = node.func
        if not isinstance(function, ast.Name) or self._text.backquoted(function) is not None:
            self._fail(function, "only functions can be called, such as sqrt(x)")
        name = function.id
        if name in QUESTIONS:
            return self._question(node, name)
        if name not in FUNCTIONS:
            near = suggestion(name, [*FUNCTIONS, *QUESTIONS])
            self._fail(function, f"there is no function {name!r}{near}")
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            if name not in LOOPS or node.keywords:
                self._fail(node.args[0], f"for stands in {', '.join(LOOPS)} only")
            return self._loop(node, name, node.args[0])
        keywords = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
        if len(keywords) < len(node.keywords) or any(map(self._text.backquoted, node.keywords)):
            self._fail(node, "a function takes plain arguments")
        try:
            signature(name).bind(*node.args, **dict.fromkeys(keywords))
        except TypeError:
            self._fail(node, f"write {name}{signature(name)}")
        counted = node.args[0] if node.args else None
        if name == "len" and isinstance(counted, ast.Attribute) and counted.attr == "users":
            # Counting takes no time; making a tuple of them does.
            count = ast.Attribute(counted.value, "num_users", ast.Load())
            return self._attribute(ast.copy_location(count, node))
        parts = [
            self.compiled(each) for each in (*node.args, *[each.value for each in node.keywords])
        ]
        reads = None
        if name == "attribute" and parts[0].name:
            reads = parts[1].reads | {Read(parts[0].name, "attribute")}
        return self._applied(node, FUNCTIONS[name], parts, keywords, reads=reads, function=name)

    def _question(self, node: ast.Call, name: str) -> Expression:
        if node.keywords or not node.args:
            self._fail(node, f"write {name}(x)")
        parts = [self.compiled(each) for each in node.args]
        if name == "bound" and (len(parts) > 1 or not parts[0].name):
            self._fail(node, "bound takes a name of the pattern")
        own = [Read(part.name, "bound" if name == "bound" else "known") for part in parts]
        reads = frozenset(own).union(*[part.reads for part in parts if not part.name])

        def run(scope: Scope) -> bool:
            if name == "bound":
                return scope[parts[0].name] is not UNBOUND
            return next(lacking(scope, parts), None) is None

        return self._part(node, run, parts, reads, function=name)

    def _loop(self, node: ast.Call, name: str, generator: ast.GeneratorExp) -> Expression:
        clause = generator.generators[0]
        if len(generator.generators) > 1 or clause.is_async:
            self._fail(generator, "write one for; a second one can stand in a function inside")
        target = clause.target
        if not isinstance(target, ast.Name) or self._text.backquoted(target) is not None:
            self._fail(target, "for takes one name")
        items = self.compiled(clause.iter)
        outer = self._loops
        number = max(outer.values(), default=-1) + 1
        self._loops = {**outer, target.id: number}
        body = self.compiled(generator.elt)
        conditions = [self.compiled(condition) for condition in clause.ifs]
        self._loops = outer
        loop = Loop(number, target.id, sum(1 for _ in ast.walk(generator)))
        function = FUNCTIONS[name]
        early = _EARLY.get(name)

        def run(scope: Scope) -> Any:
            rounds = this.rounds(scope)
            if early is not None:
                return early(body.test(scope) for _ in rounds)
            try:
                found = gathered(scope.limits, (body.run(scope) for _ in rounds))
                return function(scope.limits, found)
            except FAILURES as error:
                raise this.failed(error) from None

        this = self._part(node, run, [items, body, *conditions], function=name, loop=loop)
        this.reads -= {Read("", "loop", str(number))}
        return this


_PARTS: dict[type[ast.expr], Callable[[Compiler, Any], Expression]] = {
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


_EARLY: Mapping[str, Callable[[Iterable[bool]], Any]] = {"all": all, "any": any, "count": sum}
"""What needs no tuple of what a loop yields."""
