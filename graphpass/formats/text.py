r"""The text form: a graph as short statements in Python's syntax, for people and for diffs.

A graph prints as, and can be read from::

    data, conv0_weight = variable(), variable()
    conv0 = Convolution(data, conv0_weight, kernel=(3, 3), num_filter=8, no_bias=True)
    `sha-relu0` = Activation(conv0, act_type="relu")
    return `sha-relu0`

========================================  =========================================================
text                                      means
========================================  =========================================================
``x = variable(__shape__=(1, 3))``        a variable with an attribute
``y = relu(x)``                           an operator: inputs by slot, then attributes
``` `conv/0` ```                          any name at all, with escapes such as ``\n`` and ``\x1b``
``pad=(1, 1)``, ``pad="(1,1)"``           the text that MXNet's front end writes for a value; a text
``s[1]``                                  the second output of the node ``s``
``a, b = SliceChannel(x, …)``             names for the first outputs; the node is called ``a``
``mean[0, 7]``                            output 0 under the version stamp 7, where the stamp is not
                                          the one that composing in saved order gives
``relu0_1 = relu(x, name="relu0")``       a second node of one name
``after=[x]``                             control dependencies
``subgraphs=[body]``                      blocks that the operator runs, each written above it as
                                          ``def body():``; nothing outside is known inside
``` `MyOp`(x, outputs=2) ```              an operator, attributes or inputs that MXNet 1.9.1 does
                                          not take: in backquotes nothing is checked
``return y, s[1]``                        the heads
========================================  =========================================================

This module reads it, `.text_print` prints it, and `.python_text` is the syntax that it shares with
patterns and replacements. Statements become records, and these a graph as those of a file do.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError, SymbolError, suggestion
from graphpass.formats.python_text import Offset, PythonText, described, elements, shortened
from graphpass.formats.symbol_read import build_graph
from graphpass.formats.symbol_records import EntryRecord, GraphRecord, NodeRecord
from graphpass.formats.text_print import SPECIAL, natural_stamps, print_graph
from graphpass.graph import VARIABLE, Graph, paused_collector
from graphpass.graph.edges import edge_data
from graphpass.graph.structure import is_opaque
from graphpass.ops import Operator, find, format_value
from graphpass.ops.attributes import is_hidden_key

__all__ = ["parse_graph", "print_graph"]


def parse_graph(text: str) -> Graph:
    """Read the text form of a graph.

    Parameters
    ----------
    text : str
        What `print_graph` prints, or what a person writes. It is parsed, never executed.

    Returns
    -------
    Graph
        The graph, without the statements that its heads do not reach.

    Raises
    ------
    TextError
        With line, column, the line itself and a caret.

    Examples
    --------
    >>> graph = parse_graph('''
    ... data = variable()
    ... left, right = SliceChannel(data, num_outputs=2)
    ... return relu(left), right
    ... ''')
    >>> graph.outputs
    ['relu0_output', 'left_output1']

    Notes
    -----
    Linear in the length of the text.
    """
    with paused_collector():
        source = PythonText(text, "text", is_long=True)
        block = _Block(source, [_MAX_OPAQUE_OUTPUTS])
        block.read(source.statements())
        if block.heads is None:
            source.fail(source.end, "the text ends without: return NAME")
        try:
            graph = build_graph(block.record())
        except SymbolError as error:  # the path to a record leads to the call that it was made of
            reason, place, end = str(error), source.end, 0
            inner = block
            while step := _STEP.match(reason, end):
                end, number = step.end(), int(step[2])
                if step[1] == "nodes":
                    position, place = number, inner.offsets[number]
                else:
                    inner = inner.inner[position][number]
            raise source.error(place, reason[end:].partition(": ")[2] or reason) from None
        _stamp(block, graph)
        return graph


_STEP = re.compile(r"\.?(nodes|subgraphs)\[(\d+)\]")


def _stamp(block: _Block, graph: Graph) -> None:
    """Set the version stamps that the text leaves out."""
    for (key, slot), stamp in natural_stamps(graph).items():
        if (key, slot) not in block.stamped:
            source = graph.inputs(key)[slot].node
            into = graph._pred[key]
            edges = into[source] | {slot: edge_data(into[source][slot]["output"], stamp)}
            into[source] = graph._succ[source][key] = edges
    for position, blocks in block.inner.items():
        if position in graph:
            for inner, subgraph in zip(blocks, graph.subgraphs(position), strict=True):
                _stamp(inner, subgraph)


_MAX_INDEX = 2**32 - 1
_MAX_OPAQUE_OUTPUTS = 1_000_000
_LONG_NAME = 100
"""No similar names are looked for beyond this length."""

_NO_ARGUMENTS = ast.dump(ast.arguments([], [], None, [], [], None, []))

_Value: TypeAlias = tuple[int, int, int | None]
"""Position of a node, output, and the version stamp if it is given."""


class _Bound(NamedTuple):
    """What a name on the left stands for."""

    position: int
    """Of the node."""

    output: int | None
    """None: the node itself."""

    line: int


class _Block:
    """One graph: the whole text, or the body of a ``def``.

    Attributes
    ----------
    heads : list of (int, int, int), or None
        What the graph returns; None until its return has been read.
    nodes : list of NodeRecord
        Its nodes.
    offsets : list of Offset
        Where each node's call begins.
    stamped : set of (int, int)
        Position and slot of every edge whose stamp is given.
    inner : dict of int to list of _Block
        Position of a node -> the blocks that it runs.
    """

    def __init__(self, source: PythonText, allowance: list[int]) -> None:
        self.heads: list[EntryRecord] | None = None
        self.nodes: list[NodeRecord] = []
        self.offsets: list[Offset] = []
        self.stamped: set[tuple[int, int]] = set()
        self.inner: dict[int, list[_Block]] = {}
        self._source = source
        self._allowance = allowance
        """How many outputs opaque operators of the whole text may still be given: each costs
        memory, and a few digits ask for many."""
        self._outputs: list[int] = []
        self._opaque: set[int] = set()
        """Positions of nodes whose outputs only the text can tell."""
        self._names: dict[str, _Bound] = {}
        self._unnamed: list[int] = []
        self._pending: dict[str, tuple[Offset, _Block]] = {}
        """Blocks that no operator runs yet."""

    def read(self, statements: Iterable[ast.stmt]) -> None:
        """Read all statements; the first that is wrong raises a TextError."""
        source = self._source
        for statement in statements:
            if self.heads is not None:
                source.fail(statement, "nothing may follow the return")
            if isinstance(statement, ast.Assign):
                self._assign(statement)
            elif isinstance(statement, ast.Return):
                heads = [self._value(each) for each in elements(statement.value)]
                self.heads = [(position, output, stamp or 0) for position, output, stamp in heads]
            elif isinstance(statement, ast.FunctionDef):
                self._define(statement)
            else:
                source.fail(
                    statement,
                    f"{described(statement)} is no statement of the text form, which has "
                    "NAME = OPERATOR(…), def and return",
                )
        for name, (offset, _) in self._pending.items():
            source.fail(offset, f"no operator runs the block {shortened(name)}")
        # operators that stand inside calls are named as MXNet does: relu0, relu1
        taken = {*self._names, *(record.name for record in self.nodes)} if self._unnamed else set()
        counts: Counter[str] = Counter()
        for position in self._unnamed:
            record = self.nodes[position]
            base = record.op.lower()
            while (name := f"{base}{counts[base]}") in taken:
                counts[base] += 1
            taken.add(name)
            record.name = name

    def record(self) -> GraphRecord:
        """Return the records of a graph that has been read."""
        pointers = [0, *accumulate(self._outputs)] if self._opaque else []
        return GraphRecord(self.nodes, [], self.heads or [], node_row_ptr=pointers)

    # -- statements --------------------------------------------------------------------------

    def _assign(self, statement: ast.Assign) -> None:
        targets, value = self._source.targets(statement), statement.value
        unpacks = isinstance(statement.targets[0], ast.Tuple)
        if unpacks and isinstance(value, ast.Call):
            position = self._call(value, targets[0])
            self._check_output(value, position, len(targets) - 1)
            for output, target in enumerate(targets):
                self._bind(target, position, output)
            return
        values = elements(value) if unpacks else [value]
        if len(values) != len(targets):
            self._source.fail(value, f"{len(targets)} names, but {len(values)} values")
        positions = [self._call(*each) for each in zip(values, targets, strict=True)]
        for target, position in zip(targets, positions, strict=True):
            self._bind(target, position, None)

    def _bind(self, target: ast.Name, position: int, output: int | None) -> None:
        """Give a node, or one of its outputs, a name."""
        name = self._source.spelled(target)
        known = self._names.get(name)
        if known is not None:
            self._source.fail(
                target,
                f"{shortened(name)} has a meaning since line {known.line}; choose another word, "
                'and give a node of the same name name="…" in its call',
            )
        self._names[name] = _Bound(position, output, self.offsets[position].line)

    def _define(self, statement: ast.FunctionDef) -> None:
        source = self._source
        name = source.block_name(statement)
        takes = ast.dump(statement.args) != _NO_ARGUMENTS
        if takes or statement.decorator_list or statement.returns:
            source.fail(statement, "a block is written def NAME(): and takes nothing")
        if name in self._pending:
            source.fail(statement, f"there is a block {shortened(name)} already")
        block = _Block(source, self._allowance)
        block.read(statement.body)
        if block.heads is None:
            source.fail(statement, f"the block {shortened(name)} ends without: return NAME")
        self._pending[name] = (source.offset(statement), block)

    # -- values ------------------------------------------------------------------------------

    def _value(self, node: ast.expr) -> _Value:
        """Return what ``NAME``, ``NAME[OUTPUT]``, ``NAME[OUTPUT, STAMP]`` or a call stands for."""
        if isinstance(node, ast.Name):
            position, output, _ = self._bound(node)
            return position, output or 0, None
        if isinstance(node, ast.Call):
            return self._call(node, None), 0, None
        if not isinstance(node, ast.Subscript):
            self._source.fail(
                node, f"{described(node)} is no value; write NAME, NAME[OUTPUT] or OPERATOR(…)"
            )
        if not isinstance(node.value, ast.Name):
            self._source.fail(node, f"{described(node.value)} has no outputs; name it first")
        bound = self._bound(node.value)
        if bound.output is not None:
            self._source.fail(node, "the name stands for one output, which has no outputs")
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            output, stamp = map(self._whole_number, node.slice.elts)
            if self.nodes[bound.position].op != VARIABLE:
                self._check_output(node, bound.position, output)
            return bound.position, output, stamp
        output = self._whole_number(node.slice)
        self._check_output(node, bound.position, output)
        return bound.position, output, None

    def _bound(self, node: ast.Name) -> _Bound:
        name = self._source.spelled(node)
        bound = self._names.get(name)
        if bound is None:
            near = suggestion(name, self._names) if len(name) < _LONG_NAME else ""
            self._source.fail(
                node,
                f"nothing above is called {shortened(name)}{near}; a variable is declared by "
                "NAME = variable()",
            )
        return bound

    def _whole_number(self, node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value <= _MAX_INDEX:
            return node.value
        self._source.fail(
            node,
            "expected a whole number; an index is an output, or an output and a version stamp",
        )

    def _check_output(self, node: ast.expr, position: int, output: int) -> None:
        """Refuse an output that a node does not have; an opaque node gets it."""
        count = self._outputs[position]
        if output < count:
            return
        if position in self._opaque:
            self._set_outputs(node, position, output + 1, output + 1 - count)
            return
        record = self.nodes[position]
        kind = "variable" if record.op == VARIABLE else record.op
        self._source.fail(
            node,
            f"{kind} {shortened(record.name)} has {count} output{'s' * (count != 1)}, so there is "
            f"no output {output}",
        )

    def _set_outputs(self, node: ast.expr, position: int, outputs: int, cost: int) -> None:
        self._allowance[0] -= cost
        if self._allowance[0] < 0:
            self._source.fail(
                node, f"operators in backquotes have more than {_MAX_OPAQUE_OUTPUTS} outputs in all"
            )
        self._outputs[position] = outputs

    # -- calls -------------------------------------------------------------------------------

    def _call(self, node: ast.expr, target: ast.Name | None) -> int:
        """Read a call and return the position of its node."""
        source = self._source
        if not isinstance(node, ast.Call):
            source.fail(node, f"{described(node)} is no call of an operator")
        op, operator, checked = self._operator(node.func)
        inputs = [self._value(each) for each in node.args]
        attrs: dict[str, str] = {}
        special: dict[str, ast.expr] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                source.fail(keyword, "** is of no use here; write every attribute")
            key, is_special = source.key(keyword), keyword.arg in SPECIAL
            if key in (special if is_special else attrs):
                source.fail(keyword, f"{shortened(key)} is given twice")
            if is_special:
                special[key] = keyword.value
            else:
                value = source.literal(keyword.value)
                attrs[key] = value if isinstance(value, str) else format_value(value)
        outputs = 1
        position = len(self.nodes)
        if is_opaque(op):
            self._opaque.add(position)
        elif operator is not None:
            if operator.required_counter is not None:
                attrs.setdefault(operator.required_counter, str(len(inputs)))
            outputs = self._num_outputs(operator, node, attrs, checked=checked)
        name = "" if target is None else source.spelled(target)
        entries = [(number, output, stamp or 0) for number, output, stamp in inputs]
        self.nodes.append(NodeRecord(op, name, entries, attrs))
        self.offsets.append(source.offset(node))
        self._outputs.append(outputs)
        for slot, (_, _, given) in enumerate(inputs):
            if given is not None:
                self.stamped.add((position, slot))
        if target is None and "name" not in special:
            if op == VARIABLE:
                source.fail(node, "a variable needs a name: write NAME = variable() above")
            self._unnamed.append(position)
        for key, special_value in special.items():
            self._set_special(position, key, special_value)
        return position

    def _operator(self, function: ast.expr) -> tuple[str, Operator | None, bool]:
        """Return the operator as the graph stores it, and whether MXNet has to take the call."""
        if isinstance(function, ast.Name) and self._source.backquoted(function) is None:
            if function.id == "variable":
                return VARIABLE, None, False
            if function.id == VARIABLE:
                self._source.fail(function, "a variable is declared by NAME = variable()")
        name = self._source.operator(function, "variable")
        assert isinstance(function, ast.Name)
        operator = None if name == VARIABLE else find(name)
        if self._source.backquoted(function) is not None or operator is None:
            return name, operator, False
        return operator.name, operator, True

    def _num_outputs(
        self, operator: Operator, call: ast.Call, attrs: dict[str, str], *, checked: bool
    ) -> int:
        """Return how many outputs an operator has under its attributes.

        What is `checked` is refused if MXNet 1.9.1 refuses it: attributes, and too few inputs or
        too many. Attributes that are missing without which nobody can tell are refused anyway.
        """
        source = self._source
        try:
            if checked:
                operator.check(attrs)
            signature = operator.signature(attrs)
        except AttributeValueError as error:
            refused: ast.keyword | ast.Call = call
            for keyword in reversed(call.keywords):  # the first that is refused by itself
                key = source.key(keyword)
                spec = operator.attributes.get(key)
                try:
                    if key in attrs and spec is not None:
                        spec.parse(attrs[key])
                    elif key in attrs and not (operator.open_keys or is_hidden_key(key)):
                        refused = keyword
                except AttributeValueError:
                    refused = keyword
            source.fail(refused, str(error))
        wanted, given = signature.num_inputs, len(call.args)
        if checked and wanted is not None and wanted != given:
            listed = f" ({', '.join(signature.input_names)})" if signature.input_names else ""
            source.fail(
                call,
                f"{operator.name} takes {wanted} input{'s' * (wanted != 1)}{listed} under its "
                f"attributes, but is given {given}",
            )
        return signature.num_outputs

    def _set_special(self, position: int, key: str, node: ast.expr) -> None:
        """Take over what stands under a keyword that is no attribute."""
        source, record = self._source, self.nodes[position]
        if key == "name":
            if not isinstance(node, ast.Constant) or type(node.value) is not str:
                source.fail(node, f'{described(node)} is no name; write name="…"')
            record.name = node.value
        elif key == "outputs":
            if position not in self._opaque:
                source.fail(node, f"the outputs of {record.op} follow from its attributes")
            outputs = self._whole_number(node)
            if not outputs:
                source.fail(node, "an operator has one output at least")
            self._set_outputs(node, position, outputs, outputs)
        else:
            if not isinstance(node, ast.List):
                source.fail(node, f"write {key}=[NAME, …]")
            names: list[ast.Name] = []
            for name in node.elts:
                if not isinstance(name, ast.Name):
                    source.fail(name, f"{described(name)} is no name; write {key}=[NAME, …]")
                names.append(name)
            if key == "after":
                record.control_deps = [self._value(name)[0] for name in names]
            else:
                blocks = self.inner[position] = []
                for name in names:
                    word = source.spelled(name)
                    if word not in self._pending:
                        near = suggestion(word[:_LONG_NAME], self._pending)
                        source.fail(
                            name,
                            f"there is no block {shortened(word)} left{near}; an operator runs "
                            "blocks of its own, written above it as def NAME():",
                        )
                    blocks.append(self._pending.pop(word)[1])
                record.subgraphs = [block.record() for block in blocks]
