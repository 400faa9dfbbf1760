"""Exact isomorphism of two graphs, in linear time.

Graph isomorphism is hard in general because nothing says which node to try first. Here the heads
and the input slots are ordered, so there is nothing to try. The saved order, a post-order walk from
the heads by slot, depends on nothing but that structure: an isomorphism keeps it, and so can only
pair the first node of A with the first of B, the second with the second, and so on. What remains is
to check that each pair agrees and reads what is paired already. As places in an order are a
bijection by themselves, a node that one graph shares and the other has twice is told apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from graphpass.errors import AttributeValueError, UsageError
from graphpass.graph import VARIABLE, Entry, Graph, paused_collector
from graphpass.graph.invariants import describe
from graphpass.model import Model
from graphpass.ops import find
from graphpass.ops.attributes import AttributeSpec, is_hidden_key
from graphpass.ops.values import Constant, parse_value, round_to_type

__all__ = [
    "Isomorphism",
    "attribute_changes",
    "comparable",
    "graph_of",
    "isomorphic",
    "same_attributes",
]


@dataclass(frozen=True, slots=True)
class Isomorphism:
    """Whether two graphs are isomorphic; true in a condition if they are."""

    mapping: Mapping[int, int]
    """Key of a node of A to the key of its counterpart in B; empty if they are not isomorphic."""

    difference: str | None
    """One sentence on the first difference in saved order; None if they are isomorphic."""

    def __bool__(self) -> bool:
        return self.difference is None

    def __str__(self) -> str:
        return self.difference or f"isomorphic: {len(self.mapping)} nodes"


def isomorphic(
    a: Graph | Model,
    b: Graph | Model,
    *,
    names: bool = False,
    attributes: bool = True,
    parameters: bool = False,
    versions: bool = False,
) -> Isomorphism:
    """Tell whether two graphs are the same but for the keys of their nodes.

    Compared are the heads, and of every node that they reach the operator, the inputs (by slot, the
    output that is read, and which nodes are one), the control dependencies, and the subgraphs, each
    as a graph of its own.

    Parameters
    ----------
    a, b : Graph or Model
        What to compare, called A and B in messages.
    names : bool
        Whether the names of nodes must agree too.
    attributes : bool
        Whether attributes must agree: as values, defaults filled in, where the operator is known;
        of variables only the hints. See `graphpass.verify.isomorphism.comparable`.
    parameters : bool
        Whether the stored values of paired variables must agree bit for bit; needs two models.
        Parameters of no variable are not looked at.
    versions : bool
        Whether the order stamps of mutated variables must agree, which MXNet never reads.

    Returns
    -------
    Isomorphism
        True in a condition, with the mapping; or false, with the first difference.

    Raises
    ------
    UsageError
        If `parameters` is asked for and something else than two models is given.

    Examples
    --------
    >>> from graphpass.graph import VARIABLE, Entry, Graph
    >>> a = Graph()
    >>> with a.edit() as edit:
    ...     x = edit.add_variable("x")
    ...     edit.set_heads([Entry(edit.add_node("relu", "r", inputs=[Entry(x)]))])
    >>> b = a.copy()
    >>> with b.edit() as edit:
    ...     edit.rename(x, "y")
    >>> bool(isomorphic(a, b))
    True
    >>> print(isomorphic(a, b, names=True))
    variable 'x' (#0) of A is called 'y' in B (#0)

    Notes
    -----
    Linear in nodes, edges and, where compared, the bytes of parameters. Nodes that the heads do not
    reach are no part of the graph: they are not saved either.
    """
    stored = (a, b) if isinstance(a, Model) and isinstance(b, Model) else None
    if parameters and stored is None:
        raise UsageError(
            "a graph alone has no parameters to compare; give two models, or leave out parameters"
        )
    stored = stored if parameters else None
    whole = _Pairing(graph_of(a), graph_of(b), names, attributes, versions, stored)
    pending = [whole]
    while pending:
        pairing = pending.pop()
        with paused_collector():
            difference = pairing.first_difference()
        if difference is not None:
            return Isomorphism(MappingProxyType({}), f"{pairing.place}{difference}")
        pending.extend(reversed(pairing.inner))
    return Isomorphism(MappingProxyType(whole.mapping), None)


def graph_of(model: Graph | Model) -> Graph:
    """Return the graph of a model, or the graph that was given.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if isinstance(model, Model):
        return model.graph
    if not isinstance(model, Graph):
        raise UsageError(
            f"graphs and models are compared, not {type(model).__name__}; graphpass.load reads one"
        )
    return model


@dataclass(slots=True)
class _Pairing:
    """Two graphs whose nodes are paired by their places in saved order."""

    a: Graph
    b: Graph
    names: bool
    attributes: bool
    versions: bool
    models: tuple[Model, Model] | None
    place: str = ""
    mapping: dict[int, int] = field(default_factory=dict)
    inner: list[_Pairing] = field(default_factory=list)

    def first_difference(self) -> str | None:
        """Pair the nodes until two of them disagree; return how they do."""
        order_a, order_b = self.a.order(), self.b.order()
        mapping = self.mapping
        for a, b in zip(order_a, order_b, strict=False):
            if self._plainly_agree(a, b):
                mapping[a] = b
                continue
            difference = (
                self._operators(a, b)
                or self._inputs(a, b)
                or self._control_dependencies(a, b)
                or self._attributes(a, b)
                or self._names(a, b)
                or self._values(a, b)
                or self._subgraphs(a, b)
            )
            if difference is not None:
                return difference
            mapping[a] = b
        if len(order_a) > len(order_b):
            return f"A has {self._a(order_a[len(order_b)])}, which B lacks"
        if len(order_b) > len(order_a):
            return f"B has {self._b(order_b[len(order_a)])}, which A lacks"
        return self._heads()

    def _plainly_agree(self, a: int, b: int) -> bool:
        """Return whether two nodes are certainly the same, as nearly all of an equal graph are."""
        data_a, data_b = self.a._nodes[a], self.b._nodes[b]
        into_a, into_b = self.a._pred[a], self.b._pred[b]
        if (
            data_a["op"] != data_b["op"]
            or data_a["attrs"] != data_b["attrs"]
            or len(into_a) != len(into_b)
            or "subgraphs" in data_a
            or "subgraphs" in data_b
            or (self.names and data_a["name"] != data_b["name"])
            or (self.models is not None and data_a["op"] == VARIABLE)
        ):
            return False
        mapping = self.mapping
        # In-edges stand in the order of their first slot, in both graphs.
        for (source_a, edges_a), (source_b, edges_b) in zip(
            into_a.items(), into_b.items(), strict=True
        ):
            if mapping.get(source_a) != source_b or edges_a != edges_b:
                return False
        return True

    def _operators(self, a: int, b: int) -> str | None:
        if self.a.op(a) == self.b.op(b):
            return None
        return f"where A has {self._a(a)}, B has {self._b(b)}"

    def _inputs(self, a: int, b: int) -> str | None:
        entries_a, entries_b = self.a.inputs(a), self.b.inputs(b)
        if len(entries_a) != len(entries_b):
            return self._counts(a, b, "inputs", len(entries_a), len(entries_b))
        for slot, (entry_a, entry_b) in enumerate(zip(entries_a, entries_b, strict=True)):
            if not self._same_value(entry_a, entry_b):
                values = self._values_read(entry_a, entry_b)
                return f"input {slot} of {self._both(a, b)} is {values}"
        return None

    def _heads(self) -> str | None:
        heads_a, heads_b = self.a.heads, self.b.heads
        if len(heads_a) != len(heads_b):
            return f"A has {len(heads_a)} heads and B has {len(heads_b)}"
        for position, (head_a, head_b) in enumerate(zip(heads_a, heads_b, strict=True)):
            if not self._same_value(head_a, head_b):
                values = self._values_read(head_a, head_b)
                return f"head {position} is {values}"
        return None

    def _same_value(self, a: Entry, b: Entry) -> bool:
        return (
            self.mapping.get(a.node) == b.node
            and a.output == b.output
            and (not self.versions or a.version == b.version)
        )

    def _values_read(self, a: Entry, b: Entry) -> str:
        text = f"output {a.output} of {self._a(a.node)} in A"
        stamp = self.versions and a.version != b.version
        versions = f", versions {a.version} and {b.version}" if stamp else ""
        return f"{text} and output {b.output} of {self._b(b.node)} in B{versions}"

    def _control_dependencies(self, a: int, b: int) -> str | None:
        keys_a, keys_b = self.a.control_dependencies(a), self.b.control_dependencies(b)
        if len(keys_a) != len(keys_b):
            return self._counts(a, b, "control dependencies", len(keys_a), len(keys_b))
        for index, (key_a, key_b) in enumerate(zip(keys_a, keys_b, strict=True)):
            if self.mapping.get(key_a) != key_b:
                return (
                    f"control dependency {index} of {self._both(a, b)} is {self._a(key_a)} in A "
                    f"and {self._b(key_b)} in B"
                )
        return None

    def _attributes(self, a: int, b: int) -> str | None:
        op, attrs_a, attrs_b = self.a.op(a), self.a.attrs(a), self.b.attrs(b)
        if not self.attributes or same_attributes(op, attrs_a, attrs_b):
            return None
        name, value_a, value_b = next(attribute_changes(op, attrs_a, op, attrs_b))
        return f"attribute {name} of {self._both(a, b)} is {value_a} in A and {value_b} in B"

    def _names(self, a: int, b: int) -> str | None:
        if not self.names or self.a.name(a) == self.b.name(b):
            return None
        return f"{self._a(a)} of A is called {self.b.name(b)!r} in B (#{b})"

    def _values(self, a: int, b: int) -> str | None:
        if self.models is None or not self.a.is_variable(a):
            return None
        value_a = self.models[0].parameters.get(self.a.name(a))
        value_b = self.models[1].parameters.get(self.b.name(b))
        if value_a is None or value_b is None:
            if value_a is value_b:
                return None
            return f"only in {'A' if value_b is None else 'B'}, {self._both(a, b)} has a value"
        from graphpass.verify.arrays import compare, same_bits

        if same_bits(value_a, value_b):
            return None
        return f"the value of {self._both(a, b)} differs: {compare(value_a, value_b)}"

    def _subgraphs(self, a: int, b: int) -> str | None:
        subgraphs_a, subgraphs_b = self.a.subgraphs(a), self.b.subgraphs(b)
        if len(subgraphs_a) != len(subgraphs_b):
            return self._counts(a, b, "subgraphs", len(subgraphs_a), len(subgraphs_b))
        for index, (inner_a, inner_b) in enumerate(zip(subgraphs_a, subgraphs_b, strict=True)):
            place = f"{self.place}in subgraph {index} of {self._both(a, b)}: "
            flags = (self.names, self.attributes, self.versions)
            self.inner.append(_Pairing(inner_a, inner_b, *flags, models=None, place=place))
        return None

    def _counts(self, a: int, b: int, what: str, count_a: int, count_b: int) -> str:
        return f"{self._both(a, b)} has {count_a} {what} in A and {count_b} in B"

    def _a(self, key: int) -> str:
        return describe(self.a, key)

    def _b(self, key: int) -> str:
        return describe(self.b, key)

    def _both(self, a: int, b: int) -> str:
        """Return how messages name a pair: as in A, with what is different in B."""
        if self.a.name(a) == self.b.name(b) and a == b:
            return self._a(a)
        return f"{self._a(a)}, in B {self._b(b)},"


# -- what of a node's attributes counts -----------------------------------------------------------


def comparable(op: str, attrs: Mapping[str, str]) -> Mapping[str, Constant]:
    """Return what a node's attributes say, however they are spelled.

    * An operator of the operator table: every declared attribute as its value, by the default
      where it is absent, decimals rounded to the type in which MXNet stores them. An attribute that
      the operator does not declare, or whose text can't be parsed, is its text.
    * An unknown operator: the texts.
    * A variable: its hints (``__shape__``, ``__lr_mult__``, …) and nothing else. MXNet copies the
      attributes of an operator onto the variables that it creates for it and never reads them
      there, so two files of one model differ in them for no reason but how they were made. A hint
      has no default that MXNet promises, so an absent one equals none.

    Parameters
    ----------
    op : str
        Operator name, ``"null"`` for a variable.
    attrs : mapping of str to str
        Attribute texts.

    Examples
    --------
    >>> comparable("null", {"num_hidden": "2", "__shape__": "(2,3)"})
    mappingproxy({'__shape__': (2, 3)})

    Notes
    -----
    Remembered by operator and texts: constant for a pair that was seen before.
    """
    return _comparable(op, tuple(sorted(attrs.items())))


def same_attributes(op: str, a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    """Return whether two nodes of one operator say the same."""
    # Values are compared as printed: `nan` is equal to itself, and -0.0 is not 0.0.
    return a == b or repr(comparable(op, a)) == repr(comparable(op, b))


def attribute_changes(
    op_a: str, attrs_a: Mapping[str, str], op_b: str, attrs_b: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield name, value in A, value in B of every attribute in which two nodes differ.

    Values are printed as Python prints them; an attribute that is not there is ``absent``.
    """
    values_a, values_b = comparable(op_a, attrs_a), comparable(op_b, attrs_b)
    for name in sorted({*values_a, *values_b}):
        value_a = repr(values_a[name]) if name in values_a else "absent"
        value_b = repr(values_b[name]) if name in values_b else "absent"
        if value_a != value_b:
            yield name, value_a, value_b


@lru_cache(maxsize=4096)
def _comparable(op: str, pairs: tuple[tuple[str, str], ...]) -> Mapping[str, Constant]:
    texts = dict(pairs)
    if op == VARIABLE:
        hints: dict[str, Constant] = {}
        for key, text in texts.items():
            if is_hidden_key(key):
                hints[key] = text
                with suppress(ValueError, RecursionError):
                    # __init__ is JSON, whose keys Python 2 wrote in any order; or a bare word.
                    hints[key] = (
                        json.dumps(json.loads(text), sort_keys=True)
                        if key == "__init__"
                        else parse_value(_HINT_TYPES.get(key, "string"), text)
                    )
        return MappingProxyType(hints)
    operator = find(op)
    specs = {} if operator is None else operator.attributes
    values: dict[str, Constant] = {}
    for name in sorted({*specs, *texts}):
        spec = specs.get(name)
        given = texts.get(name, spec.default if spec is not None else None)
        if given is not None:
            values[name] = given if spec is None else _value(spec, given)
    return MappingProxyType(values)


_HINT_TYPES = {
    "__dtype__": "int",
    "__lr_mult__": "float",
    "__shape__": "Shape(tuple)",
    "__storage_type__": "int",
    "__wd_mult__": "float",
}


def _value(spec: AttributeSpec, text: str) -> Constant:
    try:
        return _stored(spec.type, spec.parse(text))
    except AttributeValueError:
        return text


def _stored(type_name: str, value: Constant) -> Constant:
    if isinstance(value, tuple):
        return tuple(_stored(type_name, item) for item in value)
    if isinstance(value, float) and "float" in type_name:
        return round_to_type("float", value)
    return value
