"""Symbol text to a graph, as MXNet 1.9.1 holds it after loading.

A plain file goes through one loop from records to the graph. Whatever else there is (an old
spelling, subgraphs, a node that reads a later one or that nothing reads, a mistake) goes the long
way: ids are checked, what the heads reach is walked and upgraded, and the same loop makes the
graph of the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from graphpass.errors import AttributeValueError, CycleError, SymbolError
from graphpass.formats.symbol_records import (
    MAX_OUTPUTS,
    EntryRecord,
    GraphRecord,
    NodeRecord,
    PlainNode,
    decode,
    decode_attrs,
    decode_plain,
    num_colons,
)
from graphpass.formats.symbol_upgrade import (
    NO_UPGRADES,
    hidden_word,
    parsed_attrs,
    reachable,
    upgrade,
)
from graphpass.formats.symbol_write import VERSION, as_bytes, encode
from graphpass.formats.tvm import is_nnvm, is_tvm, loads_tvm
from graphpass.graph import VARIABLE, Entry, Graph, Origin, paused_collector
from graphpass.graph.edges import SINGLE_EDGES, InEdges, in_edges, single_edge, with_edge
from graphpass.graph.store import Unreached
from graphpass.graph.structure import is_opaque, is_plain, opaque_signature
from graphpass.ops import Signature, canonical_name, find

__all__ = ["build_graph", "loads", "tells_outputs"]

_UNSTAMPED = 800
"""The version that MXNet takes a file without ``mxnet_version`` to be."""

_UNPARSED = 1_000_000
"""From this version number on no attributes are checked."""

_WRITTEN_BY_PARSER = {"_contrib_quantized_rnn": {"quantized": "true"}}
"""Attributes that MXNet itself gives a node while it parses the others."""

_RENAMED_BY_PARSER = {
    "_sg_mkldnn_conv": {"with_relu": "with_act", "with_postsum_relu": "with_postsum_act"},
    "_sg_mkldnn_fully_connected": {"with_relu": "with_eltwise"},
}
"""Attributes of MXNet 1.4 and 1.5 that MXNet renames while it parses, in subgraphs too; an old name
wins over a new one beside it. Source: ``mkldnn_conv.cc`` and ``mkldnn_fc.cc`` of MXNet 1.9.1 under
``src/operator/subgraph/mkldnn``, which are the only parsers that do so."""

_MAX_NESTING = 64
"""Deepest nesting of subgraphs that is read. Real files have two levels."""


def loads(text: str | bytes) -> Graph:
    """Read symbol JSON.

    Parameters
    ----------
    text : str or bytes
        What MXNet 0.8 to 2.0 wrote, or TVM for its graph executor. Bytes that are not UTF-8 are
        kept in names as they are.

    Returns
    -------
    Graph
        As MXNet 1.9.1 holds it after loading, its upgrades of old files included. Nodes that the
        heads do not reach are left out. A node's key is its position in the file; variables that
        an upgrade adds follow.

    Raises
    ------
    SymbolError
        With the place in the file and what to do.
    CycleError
        With the names on the cycle.
    UsageError
        If it is neither text nor bytes.

    Examples
    --------
    >>> graph = loads('{"nodes": [{"op": "null", "name": "data", "inputs": []},'
    ...               ' {"op": "relu", "name": "r", "inputs": [[0, 0]]}],'
    ...               ' "arg_nodes": [0], "heads": [[1, 0]]}')
    >>> graph.arguments, graph.outputs
    (['data'], ['r_output'])

    Notes
    -----
    Linear in the length of the text. Nodes of one operator and one text of attributes share one
    dictionary of them.
    """
    data = as_bytes(text)
    if is_tvm(data):
        return loads_tvm(data)
    with paused_collector():
        return _read_plain(data) or _read_any(data)


def build_graph(record: GraphRecord) -> Graph:
    """Make a graph of records whose attributes neither are upgraded nor need be checked.

    Raises
    ------
    SymbolError
        With the path to the record, as `loads` gives it.
    """
    return _build(record, _UNPARSED, "", {})


def tells_outputs(op: str, attrs: Mapping[str, str]) -> bool:
    """Return whether an opaque operator holds its graph as JSON text in an attribute."""
    return "subgraph" in attrs and op.startswith("_CachedOp")


# -- the two ways ----------------------------------------------------------------------------------


def _read_plain(data: bytes) -> Graph | None:
    """Read a file that needs no upgrade and holds nothing unusual; None if it is another."""
    if b"\\u0000" in data:
        return None
    try:
        record = decode_plain(data)
        version, np_shape = record.stamps()
        if version is None or version < NO_UPGRADES:
            return None
        draft = _Draft(version, bytes, "", {})
        count = len(record.nodes)
        left = [None, *reversed(record.nodes)]
        record.nodes.clear()  # the graph takes the memory of records as they are used
        draft.connect(enumerate(iter(left.pop, None)))
        nodes, succ = draft.graph._nodes, draft.graph._succ
        # Every colon of the text belongs to a key or stands in a string, unless a key came twice.
        colons = draft.colons + 4 + len(record.attrs) + bool(record.node_row_ptr)
        more = data.count(b":") - colons
        if more and more != sum(node["name"].count(":") for node in nodes.values()):
            return None
        if any(nodes[position]["op"] != VARIABLE for position in record.arg_nodes):
            return None
        heads = {head for head, _, _ in record.heads}
        if any([not readers and key not in heads for key, readers in succ.items()]):
            return None
        if version < VERSION and draft.has_hidden_keys():
            return None
        graph = draft.finish(record.heads, record.node_row_ptr, count)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, SymbolError, KeyError):
        return None  # a KeyError: a node reads, or a head is, one that has not come yet
    graph.origin = Origin(_dialect(version), version, np_shape, foreign=draft.foreign)
    return graph


def _read_any(data: bytes) -> Graph:
    record = decode(data)
    if b"\\u0000" in data or b"\0" in data:
        record.refuse_nul()
    version, np_shape = record.stamps()
    dialect = _dialect(version)
    if is_nnvm({node.op for node in record.nodes}, version):
        dialect, version = "nnvm", _UNPARSED
    elif any(node.backward_source_id is not msgspec.UNSET for node in record.nodes):
        dialect = "0.8"
    elif any(node.attr for node in record.nodes):
        dialect = "0.9"
    foreign: dict[str, set[str]] = {}
    graph = _build(record, _UNSTAMPED if version is None else version, "", foreign)
    nodes = record.nodes
    unreached: tuple[Unreached, ...] = ()
    if len(graph) < len(nodes):
        read = {source for node in nodes for source, _, _ in node.inputs}
        read |= {source for node in nodes for source in node.control_deps}
        unreached = tuple(
            Unreached(node.op, node.name, position in read)
            for position, node in enumerate(nodes)
            if position not in graph
        )
    graph.origin = Origin(dialect, version, np_shape, unreached, foreign)
    if foreign:  # rules work in each subgraph by itself
        inside = [graph]
        for scope in inside:
            inside += [each for key in scope.order() for each in scope.subgraphs(key)]
        for scope in inside[1:]:
            scope.origin = Origin(dialect, version, np_shape, foreign=foreign)
    return graph


def _dialect(version: int | None) -> str:
    """Name the spelling of a file after the oldest release that wrote it so."""
    if version is not None and version >= 20000:
        return "2.0"
    return "1.0" if version is None or version >= 10000 else "0.9"


# -- the long way ----------------------------------------------------------------------------------


def _build(record: GraphRecord, version: int, where: str, foreign: dict[str, set[str]]) -> Graph:
    """Make a graph of the records of a symbol, or of a subgraph at the place `where`."""
    nodes = record.nodes
    record.check_ids(where)
    for position, node in enumerate(nodes):
        node.op = canonical_name(node.op)
        node.attrs = node.attrs or node.attr
        if node.param is not msgspec.UNSET:
            node.attrs = {**node.param, **node.attrs}
        if node.subgraphs and node.op.startswith("_CachedOp"):
            # MXNet 1.9.1 writes the graph under `subgraphs`, loads that, and fails on the first
            # use of the symbol; it can use what it finds in the attribute.
            if "subgraph" not in node.attrs:
                place = f"{where}nodes[{position}].subgraphs[0]."
                inner = _build(node.subgraphs[0], VERSION, place, foreign)
                node.attrs = {**node.attrs, "subgraph": encode(inner)}
            node.subgraphs = []
    order = reachable(nodes, record.heads)
    if not where:  # no upgrade enters a subgraph
        order = upgrade(nodes, order, version)
    draft = _Draft(version, _items, where, foreign)
    draft.connect((position, nodes[position]) for position in order)
    graph = draft.graph
    for position in order:
        node = nodes[position]
        if node.control_deps:
            graph._wire(position, in_edges(graph.inputs(position), node.control_deps))
        if node.subgraphs:
            place = f"{where}nodes[{position}]"
            if place.count(".subgraphs[") >= _MAX_NESTING:
                raise SymbolError(
                    f"{place.split('.', 1)[0]}: subgraphs are nested more than {_MAX_NESTING} "
                    "deep; MXNet itself crashes on files like that"
                )
            graph._nodes[position]["subgraphs"] = tuple(
                _build(subgraph, VERSION, f"{place}.subgraphs[{index}].", foreign)
                for index, subgraph in enumerate(node.subgraphs)
            )
    return draft.finish(record.heads, record.node_row_ptr, len(nodes))


def _items(attrs: dict[str, str]) -> Hashable:
    return tuple(attrs.items())


# -- records to a graph ----------------------------------------------------------------------------


class _Learnt(NamedTuple):
    """What a node's name of an operator and attributes come to, worked out once for all alike."""

    op: str
    attrs: dict[str, str]
    colons: int
    """How many the attributes take in a plain file."""

    least: int
    """The fewest inputs with which MXNet does not crash."""


class _Draft:
    """A graph that is being made of records.

    Attributes
    ----------
    graph : Graph
        It is whole after `finish`.
    colons : int
        How many colons the nodes take in a plain file, those in names left out.
    foreign : dict
        Operator -> attributes that MXNet 1.9.1 does not give it.
    """

    __slots__ = ("_key_of", "_known", "_version", "_where", "_wide", "colons", "foreign", "graph")

    def __init__(
        self,
        version: int,
        key_of: Callable[[Any], Hashable],
        where: str,
        foreign: dict[str, set[str]],
    ) -> None:
        self.graph = Graph()
        self.colons = 0
        self.foreign = foreign
        self._version = version
        self._key_of = key_of
        self._where = where
        self._known: dict[str, dict[Hashable, _Learnt]] = {}
        self._wide: dict[int, int] = {}  # node -> its highest output that is read, beyond the first

    def connect(self, records: Iterable[tuple[int, PlainNode | NodeRecord]]) -> None:
        """Make nodes and edges of records, each after what it reads.

        Raises
        ------
        SymbolError
            If MXNet would refuse the attributes of one, or crash for want of inputs.
        KeyError
            If one reads a record that comes later.
        """
        nodes, succ, pred = self.graph._nodes, self.graph._succ, self.graph._pred
        known, wide, key_of = self._known, self._wide, self._key_of
        unset, singles, many = msgspec.UNSET, SINGLE_EDGES, len(SINGLE_EDGES)
        colons = 0
        for position, node in records:
            by_attrs = known.get(node.op)
            if by_attrs is None:
                by_attrs = known[node.op] = {}
            raw = node.attrs
            key = raw if raw is unset else key_of(raw)
            found = by_attrs.get(key)
            if found is None:
                try:
                    found = by_attrs[key] = self._learn(node.op, raw)
                except AttributeValueError as error:
                    place = f"{self._where}nodes[{position}] (node {node.name!r})"
                    raise SymbolError(f"{place}: {error}") from None
            op, attrs, count, least = found
            colons += count
            nodes[position] = {"op": op, "name": node.name, "attrs": attrs}
            inputs = node.inputs
            if len(inputs) < least:
                self._refuse_few(position, len(inputs))
            into: InEdges = {}
            pred[position] = into
            if not inputs:
                succ[position] = {}
                continue
            for slot, (source, output, stamp) in enumerate(inputs):
                if output or stamp or slot >= many:
                    edges = single_edge(slot, output, stamp)
                    if output > wide.get(source, 0):
                        wide[source] = output
                else:
                    edges = singles[slot]
                if source in into:
                    edges = with_edge(into[source], slot, edges[slot])
                into[source] = succ[source][position] = edges
            succ[position] = {}
        self.colons = colons + 3 * len(nodes)

    def _learn(self, name: str, raw: Any) -> _Learnt:
        """Check attributes that are new here, as MXNet does when it parses them.

        Those that MXNet 1.9.1 does not know are carried, as unknown operators are.

        Raises
        ------
        AttributeValueError
            If MXNet 1.9.1 would refuse others.
        """
        op, version = canonical_name(name), self._version
        attrs: dict[str, str] = {}
        colons = 0
        if isinstance(raw, dict):
            attrs = raw
        elif raw is not msgspec.UNSET:
            attrs = decode_attrs(raw)
            colons = 1 + num_colons(attrs)
            if colons != 1 + bytes(raw).count(b":"):
                raise AttributeValueError("a key stands twice")
        operator = None if op == VARIABLE else find(op)
        if operator is not None and version < _UNPARSED:
            if op in _WRITTEN_BY_PARSER:
                attrs = {**attrs, **_WRITTEN_BY_PARSER[op]}
            if op in _RENAMED_BY_PARSER:
                for old, new in _RENAMED_BY_PARSER[op].items():
                    if old in attrs:
                        value = attrs[old]
                        attrs = {key: attrs[key] for key in attrs if key != old} | {new: value}
            parsed = parsed_attrs(op, attrs, version)
            undeclared = operator.undeclared(parsed)
            if undeclared:
                self.foreign.setdefault(op, set()).update(undeclared)
            operator.check(parsed, allowed=undeclared)
        slots = operator.signature(attrs).mutable_slots if operator and is_plain(op) else ()
        return _Learnt(op, attrs, colons, max(slots, default=-1) + 1)

    def has_hidden_keys(self) -> bool:
        """Return whether some attribute is one that an upgrade hides."""
        return any(
            hidden_word(key) is not None
            for by_attrs in self._known.values()
            for learnt in by_attrs.values()
            for key in learnt.attrs
        )

    def finish(
        self, heads: Sequence[EntryRecord], row_pointers: Sequence[int], next_key: int
    ) -> Graph:
        """Set the heads, describe operators that the table can't, and return the graph.

        Raises
        ------
        SymbolError
            If something is read that its operator does not produce.
        """
        graph, wide = self.graph, self._wide
        graph._heads = tuple([Entry(*head) for head in heads])
        graph._next_key = next_key
        for head, output, _ in heads:
            graph._nodes[head]
            wide[head] = max(output, wide.get(head, 0))
        if max(wide.values(), default=0) >= MAX_OUTPUTS:
            raise SymbolError(f"no operator has an output {max(wide.values())}")
        special = {op for op in map(canonical_name, self._known)
                   if op != VARIABLE and not is_plain(op)}  # fmt: skip
        if special:
            steps = [after - before for before, after in itertools.pairwise(row_pointers)]
            for key, data in graph._nodes.items():
                if data["op"] in special:
                    shown = steps[key] if key < len(steps) and steps[key] <= MAX_OUTPUTS else 1
                    self._describe(key, data, max(shown, wide.get(key, 0) + 1, 1))
        for key, output in wide.items():
            if output and not graph.is_variable(key):
                count = graph.signature(key).num_outputs
                if output >= count:
                    self._refuse_output(key, count)
        return graph

    def _describe(self, key: int, data: dict[str, Any], num_outputs: int) -> None:
        """Give a node the signature that only the file can tell."""
        graph, op, attrs = self.graph, data["op"], data["attrs"]
        if tells_outputs(op, attrs):
            place = f"{self._where}nodes[{key}].attrs.subgraph"
            try:
                inner = loads(attrs["subgraph"])
            except (SymbolError, CycleError) as error:
                raise SymbolError(f"{place}: {error}") from None
            variables = [each for each in inner.order() if inner.is_variable(each)]
            states = set(inner.variable_keys().auxiliary_states)
            data["carried"] = Signature(
                num_inputs=len(variables),
                input_names=tuple(inner.name(each) for each in variables),
                mutable_slots=tuple(slot for slot, each in enumerate(variables) if each in states),
                num_outputs=len(inner.heads),
                num_visible_outputs=len(inner.heads),
                output_names=tuple(inner.outputs),
                initializers={},
            )
        elif is_opaque(op):
            # A variable that an operator mutates bears a version stamp on the edge into it.
            slots = [
                slot
                for slot, (source, _, stamp) in enumerate(graph.inputs(key))
                if stamp > 0 and graph.is_variable(source)
            ]
            data["carried"] = opaque_signature(num_outputs, slots)
        given = len(graph.inputs(key))
        if find(op) is not None and max(graph.signature(key).mutable_slots, default=-1) >= given:
            self._refuse_few(key, given)

    def _refuse_few(self, key: int, given: int) -> None:
        """Refuse what MXNet loads and then crashes on."""
        graph = self.graph
        signature = graph.signature(key)
        listed = f" ({', '.join(signature.input_names)})" if signature.input_names else ""
        raise SymbolError(
            f"{self._where}nodes[{key}] (node {graph.name(key)!r}): {graph.op(key)} mutates its "
            f"input {signature.mutable_slots[-1]} but is given {given} inputs; MXNet crashes on "
            f"that: connect all {signature.num_inputs} inputs{listed}"
        )

    def _refuse_output(self, key: int, count: int) -> None:
        """Refuse the first use of an output that a node does not have."""
        graph = self.graph
        lists = [(f"nodes[{reader}].inputs", graph.inputs(reader)) for reader in graph.readers(key)]
        place, output = next(
            (f"{self._where}{place}[{index}]", entry.output)
            for place, entries in [*lists, ("heads", graph.heads)]
            for index, entry in enumerate(entries)
            if entry.node == key and entry.output >= count
        )
        raise SymbolError(
            f"{place}: {graph.op(key)} {graph.name(key)!r} (node {key}) has "
            f"{count} output{'s' * (count != 1)}, so there is no output {output}"
        )
