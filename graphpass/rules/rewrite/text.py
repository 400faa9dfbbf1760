"""Pattern and replacement texts -> `Pattern`, `Replacement`; and the names that texts may use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from graphpass.errors import suggestion
from graphpass.formats.python_text import Mark, PythonText, described, elements, parse_python
from graphpass.graph import VARIABLE
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.values import Constant
from graphpass.rules.expressions import (
    ARRAY_WORDS,
    NODE_WORDS,
    VALUE_WORDS,
    Expression,
    compile_expression,
)
from graphpass.rules.rewrite.builder import Asked, PatternBuilder, Returned
from graphpass.rules.rewrite.draft import literal_text
from graphpass.rules.rewrite.pattern import (
    KINDS,
    WORDS,
    Anything,
    Operand,
    Pattern,
    Produced,
)
from graphpass.rules.rewrite.replacement import (
    AttributeStep,
    Made,
    Named,
    NewOperand,
    Replacement,
    ReplacementBuilder,
    SetAttribute,
    Spread,
)

__all__ = ["check_names", "parse_pattern", "parse_replacement"]


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
        self._roots: list[Returned] = []

    def read(self) -> Pattern:
        """Return the pattern of the whole text."""
        unnamed, returned = None, False
        for statement in self._text.tree.body:
            if returned:
                self._text.fail(statement, "nothing may follow the return")
            word = self._word(statement.value) if isinstance(statement, ast.Expr) else None
            if word == "shared":
                for node in self._names_of(statement):
                    self._builder.share(self._bound_name(node).part, self._text.place(node))
                continue
            if word == "distinct":
                known = [*self._builder.values, *self._builder.bound]
                values = []
                for node in self._names_of(statement):
                    name = self._text.spelled(node)
                    if name not in known:
                        near = suggestion(name, known)
                        self._text.fail(node, f"{name} is no value of the pattern so far{near}")
                    values.append(self._builder.named(name, self._text.place(node)))
                self._builder.distinct(values, self._text.place(statement))
                continue
            if unnamed is not None:  # nothing can use it
                self._text.fail(unnamed, "nothing uses this operator; give it a name and return it")
            if isinstance(statement, ast.Assign):
                self._bind(statement)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                self._roots = [self._root(value) for value in elements(statement.value)]
                returned = True
            elif isinstance(statement, ast.Expr):
                unnamed, mark = statement, self._text.place(statement.value)
                self._roots = [Returned(self._call_of(statement.value), True, mark)]
            else:
                self._text.fail(
                    statement, "a line of a pattern is a = Op(x), Op(x), shared(a), distinct(x, y) "
                    "or return a",
                )  # fmt: skip
        if not self._roots:
            raise self._text.error(None, "there is no operator to match; write one, as in relu(x)")
        return self._builder.pattern(self._roots)

    def _bind(self, statement: ast.Assign) -> None:
        targets, mark = self._text.targets(statement), self._text.place(statement)
        unpacked = isinstance(statement.targets[0], ast.Tuple)
        part = self._call_of(statement.value).part
        names = list(map(self._name, targets))
        marks = list(map(self._text.place, targets))
        if not any(name is not None for name in names):
            self._text.fail(
                targets[0], "_ names nothing; write the operator alone, or give it a name"
            )
        self._builder.bind(part, names, unpacked=unpacked, line=mark, marks=marks)
        outputs = [number for number, name in enumerate(names) if name is not None]
        self._roots = [Returned(Produced(part, each), not unpacked, mark) for each in outputs]

    def _root(self, node: ast.expr) -> Returned:
        if isinstance(node, ast.Subscript):
            return Returned(self._output(node), False, self._text.place(node))
        if not isinstance(node, ast.Name):
            self._text.fail(
                node, "a pattern returns names, as in return a, b; give each operator one"
            )
        value = self._bound_name(node)
        return Returned(value, not self._is_unpacked(value), self._text.place(node))

    def _call_of(self, node: ast.expr) -> Produced:
        operand = self._operand(node)
        if not isinstance(node, ast.Call) or not isinstance(operand, Produced):
            self._text.fail(node, "only an operator makes a line, as in Op(x) or a = Op(x)")
        return operand

    # -- operands ----------------------------------------------------------------------------

    def _operand(self, node: ast.expr) -> Operand:
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
        return self._builder.call(operators, operands, asked, maybe=maybe, mark=mark)

    def _output(self, node: ast.Subscript) -> Produced:
        index = node.slice
        if not isinstance(node.value, ast.Name) or not (
            isinstance(index, ast.Constant) and type(index.value) is int
        ):
            self._text.fail(node, "an output is written as a[1]")
        value = self._bound_name(node.value)
        if self._is_unpacked(value):
            name = self._name(node.value)
            self._text.fail(node, f"{name} is one output already; give the node a name instead")
        return self._builder.output(value.part, index.value, self._text.place(node))

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

    def _bound_name(self, node: ast.Name) -> Produced:
        name, bound = self._name(node) or "_", self._builder.bound
        if name not in bound:
            self._text.fail(node, f"{name} is no node of the pattern{suggestion(name, bound)}")
        return bound[name]

    def _is_unpacked(self, value: Produced) -> bool:
        return self._builder.parts[value.part].visible_outputs is not None

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

    def _names_of(self, statement: ast.stmt) -> list[ast.Name]:
        """Return the names in a line such as ``shared(a, b)``."""
        assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        call = statement.value
        names = [each for each in call.args if isinstance(each, ast.Name)]
        if not names or call.keywords or len(names) < len(call.args):
            self._text.fail(call, f"{self._word(call)} takes names")
        return names


def _as_tuples(value: Any) -> Constant:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


# -- replacements --------------------------------------------------------------------------------


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
    return _ReplacementReader(parse_python(text, "replacement"), pattern, lets).read()


class _ReplacementReader:
    """Reads statement by statement."""

    def __init__(self, text: PythonText, pattern: Pattern, lets: Iterable[str]) -> None:
        self._text = text
        self._pattern = pattern
        self._lets = dict.fromkeys(lets)
        self._builder = ReplacementBuilder(text.error, pattern.optional)
        self._new: dict[str, tuple[Made, bool]] = {}
        """Name that the replacement gives -> what it stands for, and whether it is a node."""
        self._last: list[Made] = []
        """What the last line with names gives names to."""
        self._results: list[Named | Made] | None = None

    def read(self) -> Replacement:
        """Return the replacement of the whole text."""
        statements = self._text.tree.body
        for statement in statements:
            if self._results is not None:
                self._text.fail(statement, "nothing may follow the return")
            if isinstance(statement, ast.Assign):
                self._assign(statement)
            elif isinstance(statement, ast.Return | ast.Expr):
                if statement.value is None:
                    self._text.fail(statement, "return what takes the place of the match")
                self._results = [self._result(each) for each in elements(statement.value)]
            else:
                self._text.fail(
                    statement, "a line of a replacement is a = Op(x), Op(x), x or return a"
                )
        if not statements:
            raise self._text.error(None, "there is nothing to put in; write a value or an operator")
        roots, results = self._pattern.root_names, self._results
        if results is None:  # by the names of the roots, or else what the last line names
            named = [self._new[root][0] for root in roots if root is not None and root in self._new]
            results = [*(named if len(named) == len(roots) else self._last)]
            if len(results) != len(roots):
                listed = ", ".join(root or "_" for root in roots)
                self._text.fail(
                    statements[-1],
                    f"end with return, one value for each that the pattern returns ({listed})",
                )
        wanted = len(roots)
        if len(results) != wanted:
            self._text.fail(
                statements[-1],
                f"the pattern returns {wanted} value{'s' * (wanted != 1)}, "
                f"but {len(results)} take their place",
            )
        return self._builder.replacement(results)

    def _assign(self, statement: ast.Assign) -> None:
        targets, value = self._text.targets(statement), statement.value
        unpacks = isinstance(statement.targets[0], ast.Tuple)
        if not isinstance(value, ast.Call):
            self._text.fail(value, "only a new operator is given a name, as in a = Op(x)")
        made = self._call(value)
        names = [None if each.id == "_" else self._text.spelled(each) for each in targets]
        for number, (name, target) in enumerate(zip(names, targets, strict=True)):
            if name is None:
                continue
            if name in self._new or name in names[:number]:
                self._text.fail(target, f"{name} is given already")
            if name in self._lets:
                self._text.fail(target, f"{name} is computed by let; choose another name")
            if name in self._pattern.all_names and name not in self._pattern.root_names:
                self._text.fail(
                    target,
                    f"{name} is bound by the pattern and not returned by it; choose another name",
                )
        if not any(name is not None for name in names):
            self._text.fail(targets[0], "_ names nothing; give what is new a name")
        self._builder.bind(made, names, self._text.place(statement))
        self._last = []
        for output, name in enumerate(names):
            if name is not None:
                self._new[name] = (Made(made.node, output), not unpacks)
                self._last.append(self._new[name][0])

    # -- operands ----------------------------------------------------------------------------

    def _result(self, node: ast.expr) -> Named | Made:
        operand = self._operand(node)
        if isinstance(operand, Spread):
            self._text.fail(node, "return one value, not several")
        if isinstance(operand, Named) and operand.name in self._lets:
            self._text.fail(node, f"{operand.name} is an array; let an operator read it")
        return operand

    def _operand(self, node: ast.expr) -> NewOperand:
        if isinstance(node, ast.Name):
            return self._value(node)[0]
        if isinstance(node, ast.Subscript):
            return self._output(node)
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Name):
            name = self._text.spelled(node.value)
            if name not in self._pattern.rests:
                self._text.fail(node, f"*{name} stands nowhere in the pattern")
            return Spread(name)
        if isinstance(node, ast.Call):
            is_word = isinstance(node.func, ast.Name) and node.func.id == "optional"
            if is_word and len(node.args) == 1 and not node.keywords:
                return self._value(node.args[0])[0]
            return self._call(node)
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare):
            self._text.fail(node, "compute arrays under let, and name the result here")
        self._text.fail(node, "an input is a name, a[1], *xs or an operator Op(x)")

    def _value(self, node: ast.expr) -> tuple[Named | Made, bool]:
        """Return what a name stands for, and whether it is a node."""
        if not isinstance(node, ast.Name):
            self._text.fail(node, "optional takes a name: optional(b)")
        if node.id == "_":
            self._text.fail(node, "_ stands for no value here; name it in the pattern")
        name = self._text.spelled(node)
        if name in self._new:
            return self._new[name]
        if name in self._pattern.rests:
            self._text.fail(node, f"{name} stands for several values; write *{name}")
        known = {*self._new, *self._lets, *self._pattern.all_names}
        if name not in known:
            self._text.fail(node, f"nothing is called {name}{suggestion(name, known)}")
        return Named(name), name in self._pattern.nodes

    def _output(self, node: ast.Subscript) -> Named | Made:
        index = node.slice
        if not isinstance(index, ast.Constant) or type(index.value) is not int:
            self._text.fail(node, "an output is written as a[1]")
        value, is_node = self._value(node.value)
        if not is_node:
            assert isinstance(node.value, ast.Name)
            name = self._text.spelled(node.value)
            self._text.fail(node, f"{name} is one value; only a node has outputs")
        if isinstance(value, Made):
            return Made(value.node, index.value)
        return Named(value.name, index.value)

    def _call(self, node: ast.Call) -> Made:
        if not isinstance(node.func, ast.Name):
            self._text.fail(node.func, "an operator is written as Op(x); a replacement names one")
        if self._text.backquoted(node.func) in ("", VARIABLE):
            self._text.fail(node.func, "that is no operator; a replacement can't make a variable")
        operator = self._text.operator(node.func)
        name: Expression | None = None
        attributes: list[tuple[AttributeStep, Mark]] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                attributes.append((self._copied(keyword), self._text.place(keyword)))
            elif keyword.arg == "name":
                name = self._expression(keyword.value)
            else:
                value = literal_text(self._expression(keyword.value))
                step = SetAttribute(self._text.key(keyword), value)
                attributes.append((step, self._text.place(keyword)))
        operands = [self._operand(argument) for argument in node.args]
        return self._builder.call(operator, operands, attributes, name, self._text.place(node))

    def _copied(self, keyword: ast.keyword) -> str:
        value = keyword.value
        if (
            isinstance(value, ast.Attribute)
            and value.attr == "attrs"
            and isinstance(value.value, ast.Name)
        ):
            name = self._text.spelled(value.value)
            if name in self._pattern.nodes:
                return name
            near = suggestion(name, self._pattern.nodes)
            self._text.fail(value, f"{name} is no node of the pattern{near}")
        self._text.fail(
            value, "attributes are taken over by **conv.attrs, conv being a matched node"
        )

    def _expression(self, node: ast.expr) -> Expression:
        expression = compile_expression(node, self._text)
        check_names(expression, self._pattern, self._lets)
        return expression


# -- names in expressions ------------------------------------------------------------------------


def check_names(expression: Expression, pattern: Pattern, computed: Iterable[str]) -> None:
    """Refuse names that nothing gives, and attributes that no operator of a node has.

    Raises
    ------
    TextError
        For the first such name, with its place.
    """
    known = dict.fromkeys([*pattern.all_names, *computed])
    source = expression.source

    def fail(node: ast.expr, reason: str) -> NoReturn:
        raise source.error(source.place(node), f"{expression.text}: {reason}")

    parts = [each for each in ast.walk(expression.node) if isinstance(each, ast.expr)]
    for node in parts:
        word, asked = "", node
        if isinstance(node, ast.Attribute):
            word, asked = node.attr, node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            match node.args:
                case [ast.Name() as asked, ast.Constant(str() as word)]:
                    word = word if node.func.id == "attribute" else ""
        if not isinstance(asked, ast.Name) or source.spelled(asked) not in expression.names:
            continue
        name = source.spelled(asked)
        if name not in known:
            fail(
                asked,
                f"nothing is called {name}{suggestion(name, known)}; the pattern "
                f"and let give {', '.join(known) or 'no name'}",
            )
        part = pattern.nodes.get(name)
        if not word or is_hidden_key(word) or name in pattern.rests or name not in known:
            continue
        if part is None:
            if name in pattern.all_names and word not in VALUE_WORDS and asked is not node:
                fail(
                    asked,
                    f"a value has no {word!r}{suggestion(word, VALUE_WORDS)}; "
                    "for an attribute, name the node that has it",
                )
            continue
        if isinstance(node, ast.Attribute) and word in NODE_WORDS | ARRAY_WORDS:
            continue
        operators = [find(each) for each in part.operators]
        if any(each is None or word in each.attributes or each.open_keys for each in operators):
            continue
        keys = [key for each in operators if each is not None for key in each.attributes]
        fail(
            node,
            f"{' or '.join(part.operators)} has no attribute {word!r}"
            f"{suggestion(word, [*keys, *NODE_WORDS])}",
        )
