"""Text -> `Expression`: the syntax tree is walked once, and each part becomes a closure.

Nothing is compiled or run by Python. Plain numbers and texts take short ways, because most
conditions are about those.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText
from graphpass.formats.text_values import described
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.arithmetic import (
    BINARY,
    SCALARS,
    Operation,
    binary,
    checked,
    checked_place,
    element,
    extent,
    kind_of,
    relation,
    truth,
    unary,
)
from graphpass.rules.expressions.functions import FUNCTIONS, LOOPS
from graphpass.rules.expressions.terms import FAILURES, Loop, Read, Run, Scope, Term, lacking
from graphpass.rules.expressions.values import (
    UNBOUND,
    UnknownError,
    UnknownExtentError,
    ValueView,
    answers,
)
from graphpass.rules.limits import MAX_INT, MAX_LENGTH

__all__ = ["QUESTIONS", "Compiler"]

QUESTIONS = ("bound", "known")
"""What is asked of names, and called like a function."""

_MAX_DEPTH = 60
"""How deep an expression may be nested; a closure takes two frames of Python's stack."""


class Compiler:
    """Compiles the expressions of one text.

    Parameters
    ----------
    text : PythonText
        The text.
    fixed : mapping of ast.expr to object, optional
        Parts whose values are known already.
    """

    def __init__(self, text: PythonText, fixed: Mapping[ast.expr, Any] | None = None) -> None:
        self._text = text
        self._fixed = fixed or {}
        self._loops: dict[str, int] = {}
        self._depth = 0

    def term(self, node: ast.expr) -> Term:
        """Return what a part compiles to.

        Raises
        ------
        TextError
            If it uses something that is not of the language.
        """
        if node in self._fixed:
            return self._constant_of(node, self._fixed[node])
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

    def _term(self, node: ast.expr, parts: Iterable[Term] = (), **facts: Any) -> Term:
        """Return a part that looks at what its own parts look at, yet to be given its closure."""
        parts = tuple(parts)
        reads = facts.pop("reads", None)
        if reads is None:
            reads = frozenset().union(*[part.reads for part in parts])
        return Term(node, self._text, parts, reads, **facts)

    def _applied(self, term: Term, operation: Operation, keywords: Sequence[str] = ()) -> Term:
        """Let a part carry out an operation on the values of its own parts."""
        runs = [part.run for part in term.parts]
        count = len(runs) - len(keywords)

        def of_one(scope: Scope) -> Any:
            value = runs[0](scope)
            try:
                return operation(scope.limits, value)
            except FAILURES as error:
                raise term.failed(error, [value]) from None

        def of_many(scope: Scope) -> Any:
            values = [run(scope) for run in runs]
            try:
                if not keywords:
                    return operation(scope.limits, *values)
                options = dict(zip(keywords, values[count:], strict=True))
                return operation(scope.limits, *values[:count], **options)
            except FAILURES as error:
                raise term.failed(error, values) from None

        term.run = of_one if count == 1 == len(runs) else of_many
        return term

    # -- leaves ------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Term:
        value = node.value
        if value is not None and type(value) not in (bool, int, float, str):
            self._fail(node, f"{described(node)} is not allowed here")
        if type(value) is int and value > MAX_INT:
            self._fail(node, "the integer is larger than 2**63")
        return self._constant_of(node, value)

    def _constant_of(self, node: ast.expr, value: Any) -> Term:
        term = self._term(node, constant=(value,))
        term.run = lambda scope: value
        return term

    def _name(self, node: ast.Name) -> Term:
        quoted = self._text.backquoted(node)
        name = node.id if quoted is None else quoted
        if name in self._loops:
            number = self._loops[name]
            term = self._term(node, reads=frozenset({Read("", "loop", str(number))}))
            term.run = lambda scope: scope.loops[number]
            return term

        def run(scope: Scope) -> Any:
            value = scope.values.get(name)
            if value is None:
                value = scope[name]
                if value is UNBOUND:
                    raise UnknownError(f"{name} is not bound")
            return value

        term = self._term(node, reads=frozenset({Read(name, "value")}), name=name)
        term.run = run
        return term

    def _attribute(self, node: ast.Attribute) -> Term:
        key = node.attr
        if not key.strip("_"):  # what stands in backquotes is underscores by now
            self._fail(node, 'an attribute of such a name is read by attribute(node, "...")')
        if key.startswith("_") and not is_hidden_key(key):
            self._fail(node, f"there is no attribute {key!r}")
        base = self.term(node.value)
        around = frozenset() if base.name else base.reads
        term = self._term(node, [base], reads=around | {Read(base.name, "word", key)})
        run_base, by_kind = base.run, answers(key)

        def run(scope: Scope) -> Any:
            value = run_base(scope)
            try:
                answer = by_kind.get(type(value))
                if answer is None:
                    raise TypeError(f"{kind_of(value)} has no {key!r}")
                return answer(value)
            except FAILURES as error:
                raise term.failed(error) from None

        term.run = run
        return term

    # -- tuples and their elements -----------------------------------------------------------

    def _tuple(self, node: ast.Tuple | ast.List) -> Term:
        return self._tuple_of(node, [self.term(item) for item in node.elts])

    def _tuple_of(self, node: ast.expr, parts: Sequence[Term]) -> Term:
        if all(part.constant for part in parts):
            return self._constant_of(node, tuple([part.value for part in parts]))
        term = self._term(node, parts)
        runs = [part.run for part in parts]

        def run(scope: Scope) -> Any:
            made: list[Any] = []
            for run in runs:
                item = run(scope)
                made.append(item)
                if type(item) in SCALARS:
                    continue
                try:  # let no tuple grow by something so large
                    if type(item) is np.ndarray:
                        arrays = [each for each in made if type(each) is np.ndarray]
                        scope.limits.hold(sum([each.size for each in arrays]))
                    elif type(item) is tuple:
                        scope.limits.step(extent(tuple(made)))
                        checked(tuple(made))
                except FAILURES as error:
                    raise term.failed(error) from None
            return tuple(made)

        term.run = run
        return term

    def _subscript(self, node: ast.Subscript) -> Term:
        base, index = self.term(node.value), self._index(node.slice)
        term = self._term(node, [base, index])

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
                raise term.failed(error, [value]) from None

        term.run = run
        return term

    def _index(self, node: ast.expr) -> Term:
        if isinstance(node, ast.Tuple):
            return self._tuple_of(node, [self._index(each) for each in node.elts])
        if not isinstance(node, ast.Slice):
            return self.term(node)
        bounds = [node.lower, node.upper, node.step]
        terms = [None if bound is None else self.term(bound) for bound in bounds]
        term = self._term(node, [term for term in terms if term is not None])
        runs = [None if term is None else term.run for term in terms]
        term.run = lambda scope: slice(*[None if run is None else run(scope) for run in runs])
        return term

    # -- operators ---------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp) -> Term:
        part = self.term(node.operand)
        if isinstance(node.op, ast.Invert):
            self._fail(node, "write not, or for an array x == False, instead of ~")
        if isinstance(node.op, ast.Not):
            term = self._term(node, [part])
            term.run = lambda scope: not part.holds(scope)
            return term
        if part.constant and type(part.value) in (bool, int, float):
            value = -part.value if isinstance(node.op, ast.USub) else +part.value
            return self._constant_of(node, value)
        return self._applied(self._term(node, [part]), unary(type(node.op)))

    def _binary(self, node: ast.BinOp) -> Term:
        operation = BINARY.get(type(node.op))
        if operation is None:
            self._fail(node, "the operators are + - * / // % ** and @")
        term = self._term(node, [self.term(node.left), self.term(node.right)])
        return self._applied(term, binary(operation))

    def _boolean(self, node: ast.BoolOp) -> Term:
        term = self._term(node, map(self.term, node.values))
        *first, last = term.parts
        until = isinstance(node.op, ast.Or)

        def run(scope: Scope) -> Any:
            for part in first:
                value = part.run(scope)
                holds = value if value is True or value is False else part.is_true(value)
                if holds is until:
                    return value
            return last.run(scope)

        term.run = run
        return term

    def _choice(self, node: ast.IfExp) -> Term:
        test = self.term(node.test)
        if node.test in self._fixed:
            return self.term(node.body if test.is_true(test.value) else node.orelse)
        body, other = self.term(node.body), self.term(node.orelse)
        term = self._term(node, [test, body, other])
        term.run = lambda scope: (body if test.holds(scope) else other).run(scope)
        return term

    def _compare(self, node: ast.Compare) -> Term:
        for operation, right in zip(node.ops, node.comparators, strict=True):
            is_none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operation, ast.Is | ast.IsNot) and not is_none:
                self._fail(right, "is and is not compare with None only; write == or !=")
        term = self._term(node, map(self.term, [node.left, *node.comparators]))
        relations = [relation(type(operation)) for operation in node.ops]
        if len(relations) == 1:
            return self._applied(term, relations[0])

        def run(scope: Scope) -> Any:
            a = term.parts[0].run(scope)
            found: Any = True
            for number, related in enumerate(relations, 1):
                b = term.parts[number].run(scope)
                try:
                    found = related(scope.limits, a, b)
                    if not truth(found):
                        return found
                except FAILURES as error:
                    raise term.failed(error, [a, b], term.parts[number - 1 :]) from None
                a = b
            return found

        term.run = run
        return term

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Term:
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
        misuse = FUNCTIONS[name].misuse(len(node.args), keywords)
        if misuse is not None:
            self._fail(node, misuse)
        counted = node.args[0] if node.args else None
        if name == "len" and isinstance(counted, ast.Attribute) and counted.attr == "users":
            # Counting takes no time; making a tuple of them does.
            count = ast.Attribute(counted.value, "num_users", ast.Load())
            return self._attribute(ast.copy_location(count, node))
        parts = [self.term(each) for each in (*node.args, *[each.value for each in node.keywords])]
        term = self._term(node, parts, function=name)
        if name == "attribute" and parts[0].name:
            term.reads = parts[1].reads | {Read(parts[0].name, "attribute")}
        return self._applied(term, FUNCTIONS[name].call, keywords)

    def _question(self, node: ast.Call, name: str) -> Term:
        if node.keywords or not node.args:
            self._fail(node, f"write {name}(x)")
        parts = [self.term(each) for each in node.args]
        if name == "bound" and (len(parts) > 1 or not parts[0].name):
            self._fail(node, "bound takes a name of the pattern")
        own = [Read(part.name, "bound" if name == "bound" else "known") for part in parts]
        around = frozenset().union(*[part.reads for part in parts if not part.name])
        term = self._term(node, parts, reads=around.union(own), function=name)
        if name == "bound":
            asked = parts[0].name
            term.run = lambda scope: scope[asked] is not UNBOUND
        else:
            term.run = _known(term.parts)
        return term

    def _loop(self, node: ast.Call, name: str, generator: ast.GeneratorExp) -> Term:
        clause = generator.generators[0]
        if len(generator.generators) > 1 or clause.is_async:
            self._fail(generator, "write one for; a second one can stand in a function inside")
        target = clause.target
        if not isinstance(target, ast.Name) or self._text.backquoted(target) is not None:
            self._fail(target, "for takes one name")
        items = self.term(clause.iter)
        outer = self._loops
        number = max(outer.values(), default=-1) + 1
        self._loops = {**outer, target.id: number}
        body = self.term(generator.elt)
        conditions = [self.term(condition) for condition in clause.ifs]
        self._loops = outer
        loop = Loop(number, target.id, sum(1 for _ in ast.walk(generator)))
        term = self._term(node, [items, body, *conditions], function=name, loop=loop)
        term.reads -= {Read("", "loop", str(number))}
        function = FUNCTIONS[name].call
        early = _EARLY.get(name)

        def run(scope: Scope) -> Any:
            rounds = term.rounds(scope)
            if early is not None:
                return early(body.holds(scope) for _ in rounds)
            try:
                return function(scope.limits, _collected(body, rounds, scope))
            except FAILURES as error:
                raise term.failed(error) from None

        term.run = run
        return term


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


_EARLY: Mapping[str, Callable[[Iterable[bool]], Any]] = {"all": all, "any": any, "count": sum}
"""What needs no tuple of what a loop yields."""


def _known(parts: tuple[Term, ...]) -> Run:
    """Return what asks whether all values are known; names that stand for nothing are."""
    asked = [(part.name, (part,)) for part in parts]

    def run(scope: Scope) -> bool:
        for name, part in asked:
            if name:
                value = scope.values.get(name)
                if value is None:
                    value = scope[name]
                if type(value) is ValueView:  # what is asked nearly always, in the short way
                    if value.stored is None:
                        return False
                    continue
            if next(lacking(scope, part), None) is not None:
                return False
        return True

    return run


def _collected(body: Term, rounds: Iterable[Any], scope: Scope) -> tuple[Any, ...]:
    """Return what the body gives in each round, as long as that is not too much for a tuple."""
    found = []
    elements = 0
    for _ in rounds:
        value = body.run(scope)
        if type(value) is np.ndarray:
            elements += value.size
            scope.limits.hold(elements)
        found.append(value)
        if len(found) > MAX_LENGTH:
            raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    return tuple(found)
