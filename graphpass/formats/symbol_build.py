"""Records to a graph: ids, order, upgrades, and what the operator table says of each node."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from graphpass.errors import AttributeValueError, CycleError, SymbolError
from graphpass.formats.legacy import UNPARSED, VERSION, parsed_attrs, upgrade
from graphpass.formats.symbol_decode import EntryRecord, GraphRecord, NodeRecord, decode
from graphpass.formats.symbol_encode import encode
from graphpass.formats.symbol_reach import reachable
from graphpass.graph import VARIABLE, Entry, Graph, Origin
from graphpass.graph.graph import build, paused_collector
from graphpass.graph.origin import Unreached
from graphpass.graph.signatures import opaque_signature
from graphpass.ops import Signature, canonical_name, find

__all__ = ["build_graph", "is_opaque", "read_symbol", "tells_outputs"]

UNSTAMPED = 800
"""The version that MXNet takes a file without ``mxnet_version`` to be."""

_WRITTEN_BY_PARSER = {"_contrib_quantized_rnn": {"quantized": "true"}}
"""Attributes that MXNet itself gives a node while it parses the others."""

MAX_OUTPUTS = 100_000
"""Most outputs that an unknown operator is believed to have: each has a name in memory."""

MAX_NESTING = 64
"""Deepest nesting of subgraphs that is read. Real files have two levels."""

_GRAPH_ATTR_TYPES = ("int", "str", "list_int", "list_str")


def read_symbol(data: bytes) -> Graph:
    """Read symbol JSON of any MXNet version.

    Parameters
    ----------
    data : bytes
        The file's bytes.

    Returns
    -------
    Graph
        What MXNet 1.9.1 would hold after loading the file, nodes that the heads do not reach left
        out. A node's key is its position in the file; added variables follow.

    Raises
    ------
    SymbolError
        With the place in the file.
    CycleError
        With the names on the cycle.

    Notes
    -----
    Linear in nodes, edges and attributes.
    """
    with paused_collector():
        record = decode(data)
        if b"\\u0000" in data or b"\0" in data:
            _refuse_nul(record)
        version, np_shape = _graph_attrs(record)
        count = len(record.nodes)
        graph = _build(record, version, "")
        unreached = _unreached(record.nodes[:count], graph) if len(graph) < count else ()
        graph.origin = Origin(_dialect(record, version), version, np_shape, unreached)
        return graph


def _unreached(nodes: Sequence[NodeRecord], graph: Graph) -> tuple[Unreached, ...]:
    """Return the nodes that a file holds and the graph does not."""
    read = {source for node in nodes for source, _, _ in node.inputs}
    read |= {source for node in nodes for source in node.control_deps}
    return tuple(
        Unreached(node.op, node.name, position in read)
        for position, node in enumerate(nodes)
        if position not in graph
    )


def build_graph(record: GraphRecord) -> Graph:
    """Make a graph of records whose attributes neither are upgraded nor need be checked.

    Raises
    ------
    SymbolError
        With the path to the record, as `read_symbol` gives it.
    """
    return _build(record, UNPARSED, "")


def _refuse_nul(record: GraphRecord) -> None:
    for position, node in enumerate(record.nodes):
        texts = [node.name, node.op]
        for attrs in (node.attrs, node.attr, node.param):
            if isinstance(attrs, dict):
                texts += [*attrs, *attrs.values()]
        if any("\0" in text for text in texts):
            raise SymbolError(
                f"nodes[{position}] (node {node.name!r}): a NUL character stands in a name or an "
                "attribute; it ends a C string, so MXNet can't hold it: remove it"
            )


def _dialect(record: GraphRecord, version: int | None) -> str:
    """Name the spelling of the file after the oldest release that wrote it so."""
    unset = msgspec.UNSET
    if any(node.backward_source_id is not unset for node in record.nodes):
        return "0.8"
    if any(node.attr is not unset for node in record.nodes):
        return "0.9"
    if version is not None and version >= 20000:
        return "2.0"
    return "1.0" if version is None or version >= 10000 else "0.9"


def _graph_attrs(record: GraphRecord) -> tuple[int | None, bool]:
    attrs = {} if record.attrs is msgspec.UNSET else record.attrs
    for key, (kind, _) in attrs.items():
        if kind not in _GRAPH_ATTR_TYPES:
            tvm = " (the file looks like a TVM graph, which is another format)"
            raise SymbolError(
                f"attrs.{key}: a graph attribute of type {kind!r} is unknown to MXNet, which has "
                f"{', '.join(_GRAPH_ATTR_TYPES)}{tvm if 'dltype' in attrs else ''}"
            )
    for key in ("mxnet_version", "is_np_shape"):
        kind, value = attrs.get(key, ("int", 0))
        if kind != "int" or type(value) is not int:
            raise SymbolError(f'attrs.{key}: expected ["int", number], found {[kind, value]}')
    version = attrs["mxnet_version"][1] if "mxnet_version" in attrs else None
    return version, bool(attrs.get("is_np_shape", ("int", 0))[1])


def _build(record: GraphRecord, version: int | None, where: str) -> Graph:
    nodes = record.nodes
    facts = _settle(record, where)
    number = UNSTAMPED if version is None else version
    order = reachable(record, in_order=number < VERSION or facts.forward)
    if not where:  # no upgrade enters a subgraph
        order = _upgrade(nodes, order, number)
    if number < UNPARSED:
        _check_attrs(nodes, order, where, number)
    data = {position: _data(nodes[position], position, where) for position in order}
    for position, signature in _carried(record, order, facts, where).items():
        data[position]["carried"] = signature
    graph = build(
        data,
        ((position, nodes[position].inputs) for position in order),
        {position: control for position in order if (control := nodes[position].control_deps)},
        [Entry(*head) for head in record.heads],
        len(nodes),
    )
    _check_against_table(graph, facts, where)
    return graph


@dataclass(slots=True)
class _Facts:
    """What one look at every node tells, so that rare things cost nothing where they are absent."""

    forward: bool = False
    """Whether a node reads a later one."""

    wide: list[tuple[str, EntryRecord]] = field(default_factory=list)
    """Uses of an output other than the first, with their places."""


def _settle(record: GraphRecord, where: str) -> _Facts:
    """Give nodes one spelling of operator and attributes, and check every id."""
    unset = msgspec.UNSET
    count = len(record.nodes)
    facts = _Facts()
    names: dict[str, str] = {}
    for position, node in enumerate(record.nodes):
        op = names.get(node.op)
        if op is None:
            op = names[node.op] = canonical_name(node.op)
        node.op = op
        attrs = node.attrs
        if attrs is unset:
            attrs = node.attrs = {} if node.attr is unset else node.attr
        if node.param is not unset:
            node.attrs = {**node.param, **attrs}
        for slot, entry in enumerate(node.inputs):
            if entry[0] >= position or entry[1]:
                _look_closer(entry, count, facts, f"{where}nodes[{position}].inputs[{slot}]")
                facts.forward = facts.forward or entry[0] >= position
        if node.subgraphs and op.startswith("_CachedOp"):
            _embed_subgraph(node, f"{where}nodes[{position}]")
        for index, source in enumerate(node.control_deps):
            if source >= count:
                _refuse_id(source, count, f"{where}nodes[{position}].control_deps[{index}]")
            facts.forward = facts.forward or source >= position
    for index, entry in enumerate(record.heads):
        _look_closer(entry, count, facts, f"{where}heads[{index}]")
    _check_arg_nodes(record, where)
    return facts


def _embed_subgraph(node: NodeRecord, place: str) -> None:
    """Move the graph of a `_CachedOp` into its attribute ``subgraph``.

    MXNet 1.9.1 writes it under ``subgraphs``, loads that, and fails on the first use of the symbol;
    it can use what it finds in the attribute.
    """
    if "subgraph" not in _texts(node):
        inner = _build(node.subgraphs[0], VERSION, f"{place}.subgraphs[0].")
        node.attrs = {**_texts(node), "subgraph": encode(inner)}
    node.subgraphs = []


def _look_closer(entry: EntryRecord, count: int, facts: _Facts, place: str) -> None:
    source, output, _ = entry
    if source >= count:
        _refuse_id(source, count, place)
    if output >= MAX_OUTPUTS:
        raise SymbolError(f"{place}: no operator has an output {output}; correct the entry")
    if output:
        facts.wide.append((place, entry))


def _refuse_id(source: int, count: int, place: str) -> None:
    raise SymbolError(f"{place}: node {source} does not exist (the file has {count})")


def _check_arg_nodes(record: GraphRecord, where: str) -> None:
    count = len(record.nodes)
    for index, position in enumerate(record.arg_nodes):
        if position >= count:
            _refuse_id(position, count, f"{where}arg_nodes[{index}]")
        node = record.nodes[position]
        if node.op != VARIABLE:
            raise SymbolError(
                f"{where}arg_nodes[{index}]: node {position} ({node.name!r}) is an operator "
                f"({node.op}), not a variable; list only variables, or nothing"
            )


def _upgrade(nodes: list[NodeRecord], order: list[int], version: int) -> list[int]:
    try:
        return upgrade(nodes, order, version)
    except AttributeValueError:
        _check_attrs(nodes, order, "", version)
        raise


def _texts(node: NodeRecord) -> dict[str, str]:
    assert isinstance(node.attrs, dict)
    return node.attrs


def _check_attrs(
    nodes: Sequence[NodeRecord], order: Iterable[int], where: str, version: int
) -> None:
    """Check attribute strings as MXNet parses them; a newer MXNet may know more attributes."""
    for position in order:
        node = nodes[position]
        operator = None if node.op == VARIABLE else find(node.op)
        if operator is None:
            continue
        if node.op in _WRITTEN_BY_PARSER:
            node.attrs = {**_texts(node), **_WRITTEN_BY_PARSER[node.op]}
        try:
            operator.check(parsed_attrs(node, version), allow_unknown=version > VERSION)
        except AttributeValueError as error:
            raise SymbolError(f"{where}nodes[{position}] (node {node.name!r}): {error}") from None


def _data(node: NodeRecord, position: int, where: str) -> dict[str, object]:
    data: dict[str, object] = {"op": node.op, "name": node.name, "attrs": node.attrs}
    if node.subgraphs:
        where = f"{where}nodes[{position}]"
        if where.count(".subgraphs[") >= MAX_NESTING:
            raise SymbolError(
                f"{where.split('.', 1)[0]}: subgraphs are nested more than {MAX_NESTING} deep; "
                "MXNet itself crashes on files like that"
            )
        data["subgraphs"] = tuple(
            _build(subgraph, VERSION, f"{where}.subgraphs[{index}].")
            for index, subgraph in enumerate(node.subgraphs)
        )
    return data


def _carried(
    record: GraphRecord, order: Sequence[int], facts: _Facts, where: str
) -> dict[int, Signature]:
    """Return the signatures of nodes that only the file can describe."""
    nodes = record.nodes
    opaque_ops = {op for op in {nodes[position].op for position in order} if is_opaque(op)}
    opaque = [position for position in order if nodes[position].op in opaque_ops]
    if not opaque:
        return {}
    counts = _output_counts(record, facts)
    found: dict[int, Signature] = {}
    for position in opaque:
        node = nodes[position]
        assert isinstance(node.attrs, dict)
        if tells_outputs(node.op, node.attrs):
            place = f"{where}nodes[{position}].attrs.subgraph"
            found[position] = _embedded_signature(node.attrs["subgraph"], place)
            continue
        # A variable that an operator mutates bears a version stamp on the edge into it.
        slots = [
            slot
            for slot, (source, _, stamp) in enumerate(node.inputs)
            if stamp > 0 and nodes[source].op == VARIABLE
        ]
        found[position] = opaque_signature(counts.get(position, 1), slots)
    return found


def is_opaque(op: str) -> bool:
    """Return whether only the file can tell how many outputs an operator has."""
    if op == VARIABLE:
        return False
    operator = find(op)
    return operator is None or operator.opaque or op.startswith("_CachedOp")


def tells_outputs(op: str, attrs: Mapping[str, str]) -> bool:
    """Return whether an opaque operator holds its graph as JSON text in an attribute."""
    return "subgraph" in attrs and op.startswith("_CachedOp")


def _output_counts(record: GraphRecord, facts: _Facts) -> dict[int, int]:
    """Return per position the outputs that ``node_row_ptr`` shows, or the highest used."""
    counts: dict[int, int] = {}
    pointers = record.node_row_ptr
    if pointers is not msgspec.UNSET and pointers:
        steps = [after - before for before, after in itertools.pairwise(pointers)]
        counts = {i: step for i, step in enumerate(steps) if step <= MAX_OUTPUTS}
    for _, (source, output, _) in facts.wide:
        counts[source] = max(counts.get(source, 1), output + 1)
    return {position: max(count, 1) for position, count in counts.items()}


def _embedded_signature(text: str, place: str) -> Signature:
    """Describe a `_CachedOp` that holds its graph as JSON text in an attribute."""
    try:
        inner = read_symbol(text.encode("utf-8", "surrogateescape"))
    except (SymbolError, CycleError) as error:
        raise SymbolError(f"{place}: {error}") from None
    keys = inner.variable_keys()
    states = set(keys.auxiliary_states)
    variables = [key for key in inner.order() if inner.is_variable(key)]
    return Signature(
        num_inputs=len(variables),
        input_names=tuple(inner.name(key) for key in variables),
        mutable_slots=tuple(slot for slot, key in enumerate(variables) if key in states),
        num_outputs=len(inner.heads),
        num_visible_outputs=len(inner.heads),
        output_names=tuple(inner.outputs),
        initializers={},
    )


def _may_mutate(op: str) -> bool:
    operator = None if op == VARIABLE else find(op)
    if operator is None:
        return False
    constant = operator.constant_signature
    return constant is None or bool(constant.mutable_slots)


def _check_against_table(graph: Graph, facts: _Facts, where: str) -> None:
    """Refuse what MXNet loads and then crashes on."""
    nodes = graph._nodes
    candidates = {op for op in {data["op"] for data in nodes.values()} if _may_mutate(op)}
    for key in [key for key, data in nodes.items() if data["op"] in candidates]:
        signature = graph.signature(key)
        if not signature.mutable_slots:
            continue
        given = len(graph.inputs(key))
        if signature.mutable_slots[-1] >= given:
            listed = f" ({', '.join(signature.input_names)})" if signature.input_names else ""
            raise SymbolError(
                f"{where}nodes[{key}] (node {graph.name(key)!r}): {graph.op(key)} mutates its "
                f"input {signature.mutable_slots[-1]} but is given {given} inputs; MXNet "
                f"crashes on that: connect all {signature.num_inputs} inputs{listed}"
            )
    for place, (source, output, _) in facts.wide:
        if source in graph and not graph.is_variable(source):
            count = graph.signature(source).num_outputs
            if output >= count:
                raise SymbolError(
                    f"{place}: {graph.op(source)} {graph.name(source)!r} (node {source}) has "
                    f"{count} output{'s' * (count != 1)}, so there is no output {output}"
                )
