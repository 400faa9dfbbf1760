"""One graph of the text form, statement by statement."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence

from graphpass.errors import suggestion
from graphpass.formats.symbol_read import is_opaque
from graphpass.formats.symbol_records import EntryRecord, GraphRecord, NodeRecord
from graphpass.formats.text_operators import called, num_outputs
from graphpass.formats.text_scope import LONG_NAME, Scope, Value
from graphpass.formats.text_source import Place, TextSource, shortened
from graphpass.formats.text_values import SPECIAL, attribute_text, described
from graphpass.graph import VARIABLE

__all__ = ["Block"]

_NO_ARGUMENTS = ast.dump(ast.arguments([], [], None, [], [], None, []))


class Block:
    """One graph: the whole text, or the body of a ``def``.

    Attributes
    ----------
    heads : list of (int, int, int), or None
        What the graph returns; None until its return has been read.
    scope : Scope
        Its nodes and their names.
    inner : dict of int to list of Block
        Position of a node -> the blocks that it runs.
    """

    __slots__ = ("_pending", "_source", "_unnamed", "heads", "inner", "scope")

    def __init__(self, scope: Scope) -> None:
        self.heads: list[EntryRecord] | None = None
        self.scope = scope
        self.inner: dict[int, list[Block]] = {}
        self._source: TextSource = scope.source
        self._unnamed: list[int] = []
        self._pending: dict[str, tuple[Place, Block]] = {}  # blocks that no operator runs yet

    def read(self, statements: Iterable[ast.stmt]) -> None:
        """Read all statements.

        Raises
        ------
        TextError
            At the first that is wrong.
        """
        error = self._source.error
        for statement in statements:
            if self.heads is not None:
                raise error(statement, "nothing may follow the return")
            if isinstance(statement, ast.Assign):
                self._assign(statement)
            elif isinstance(statement, ast.Return):
                heads = self._values(_elements(statement.value))
                self.heads = [(position, output, stamp or 0) for position, output, stamp in heads]
            elif isinstance(statement, ast.FunctionDef):
                self._define(statement)
            else:
                raise error(
                    statement,
                    f"{described(statement)} is no statement of the text form, which has "
                    "NAME = OPERATOR(…), def and return",
                )
        if self._pending:
            name, (place, _) = next(iter(self._pending.items()))
            raise error(place, f"no operator runs the block {shortened(name)}")
        self._name_unnamed()

    def record(self) -> GraphRecord:
        """Return the records of a graph that has been read."""
        return self.scope.record(self.heads or [])

    # -- statements -------------------------------------------------------------------------------

    def _assign(self, statement: ast.Assign) -> None:
        if len(statement.targets) > 1:
            raise self._source.error(statement.targets[1], "a statement has one =")
        (target,), value = statement.targets, statement.value
        if isinstance(target, ast.Name):
            self.scope.bind(target, self._call(value, target), None)
            return
        if not isinstance(target, ast.Tuple) or not target.elts:
            raise self._source.error(target, f"{described(target)} can't be given a value")
        names = [self._name(element, "can't be given a value") for element in target.elts]
        if isinstance(value, ast.Call):
            position = self._call(value, names[0])
            self.scope.check_output(value, position, len(names) - 1)
            for output, name in enumerate(names):
                self.scope.bind(name, position, output)
            return
        values = _elements(value)
        if len(values) != len(names):
            raise self._source.error(value, f"{len(names)} names, but {len(values)} values")
        positions = [self._call(element, name) for name, element in zip(names, values, strict=True)]
        for name, position in zip(names, positions, strict=True):
            self.scope.bind(name, position, None)

    def _name(self, node: ast.expr, reason: str) -> ast.Name:
        if isinstance(node, ast.Name):
            return node
        raise self._source.error(node, f"{described(node)} {reason}")

    def _define(self, statement: ast.FunctionDef) -> None:
        error = self._source.error
        name = self._source.name(statement.name)
        takes = ast.dump(statement.args) != _NO_ARGUMENTS
        if takes or statement.decorator_list or statement.returns:
            raise error(statement, "a block is written def NAME(): and takes nothing")
        if name in self._pending:
            raise error(statement, f"there is a block {shortened(name)} already")
        block = Block(Scope(self._source, self.scope.allowance))
        block.read(statement.body)
        if block.heads is None:
            raise error(statement, f"the block {shortened(name)} ends without: return NAME")
        self._pending[name] = (self._source.place(statement), block)

    # -- values -----------------------------------------------------------------------------------

    def _values(self, nodes: Iterable[ast.expr]) -> list[Value]:
        return [self._value(node) for node in nodes]

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return self.scope.named(node)
        if isinstance(node, ast.Subscript):
            return self.scope.indexed(node)
        if isinstance(node, ast.Call):
            return self._call(node, None), 0, None
        raise self._source.error(
            node, f"{described(node)} is no value; write NAME, NAME[OUTPUT] or OPERATOR(…)"
        )

    # -- calls ------------------------------------------------------------------------------------

    def _call(self, node: ast.expr, target: ast.Name | None) -> int:
        """Read a call and return the position of its node."""
        source = self._source
        if not isinstance(node, ast.Call):
            raise source.error(node, f"{described(node)} is no call of an operator")
        op, operator, checked = called(node, source)
        inputs = self._values(node.args)
        attrs, special = self._keywords(node)
        outputs: int | None = 1
        if is_opaque(op):
            outputs = None
        elif operator is not None:
            counter = operator.required_counter
            if counter is not None:
                attrs.setdefault(counter, str(len(inputs)))
            outputs = num_outputs(operator, node, attrs, source, checked=checked)
        name = "" if target is None else source.name(target.id)
        entries = [(position, output, stamp or 0) for position, output, stamp in inputs]
        position = self.scope.add(NodeRecord(op, name, entries, attrs), node, inputs, outputs)
        if target is None and "name" not in special:
            if op == VARIABLE:
                raise source.error(node, "a variable needs a name: write NAME = variable() above")
            self._unnamed.append(position)
        for key, value in special.items():
            self._set_special(position, key, value)
        return position

    def _keywords(self, call: ast.Call) -> tuple[dict[str, str], dict[str, ast.expr]]:
        """Return the attributes of a call, and what stands under keywords that are none."""
        source = self._source
        attrs: dict[str, str] = {}
        special: dict[str, ast.expr] = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                raise source.error(keyword, "** is of no use here; write every attribute")
            key, is_special = source.name(keyword.arg), keyword.arg in SPECIAL
            if key in (special if is_special else attrs):
                raise source.error(keyword, f"{shortened(key)} is given twice")
            if is_special:
                special[key] = keyword.value
            else:
                attrs[key] = attribute_text(keyword.value, source)
        return attrs, special

    def _set_special(self, position: int, key: str, node: ast.expr) -> None:
        record = self.scope.nodes[position]
        if key == "name":
            if not isinstance(node, ast.Constant) or type(node.value) is not str:
                raise self._source.error(node, f'{described(node)} is no name; write name="…"')
            record.name = node.value
        elif key == "outputs":
            self.scope.set_outputs(node, position)
        else:
            if not isinstance(node, ast.List):
                raise self._source.error(node, f"write {key}=[NAME, …]")
            names = [self._name(name, f"is no name; write {key}=[NAME, …]") for name in node.elts]
            if key == "after":
                record.control_deps = [self.scope.named(name)[0] for name in names]
            else:
                self.inner[position] = [self._take_block(name) for name in names]
                record.subgraphs = [block.record() for block in self.inner[position]]

    def _take_block(self, node: ast.Name) -> Block:
        name = self._source.name(node.id)
        if name not in self._pending:
            near = suggestion(name[:LONG_NAME], self._pending)
            raise self._source.error(
                node,
                f"there is no block {shortened(name)} left{near}; an operator runs blocks of its "
                "own, written above it as def NAME():",
            )
        return self._pending.pop(name)[1]

    def _name_unnamed(self) -> None:
        """Name the operators that stand inside calls as MXNet does: ``relu0``, ``relu1``."""
        if not self._unnamed:
            return
        taken = {*self.scope.names, *(record.name for record in self.scope.nodes)}
        counts: Counter[str] = Counter()
        for position in self._unnamed:
            record = self.scope.nodes[position]
            base = record.op.lower()
            while (name := f"{base}{counts[base]}") in taken:
                counts[base] += 1
            taken.add(name)
            record.name = name


def _elements(node: ast.expr | None) -> Sequence[ast.expr]:
    """Return the parts of what stands to the right of ``=`` or ``return``."""
    if node is None:
        return ()
    return node.elts if isinstance(node, ast.Tuple) else (node,)
