"""The JSON of TVM's graph executor, and of the NNVM compiler before it, as graphs and back.

Both look like symbol JSON. Every operator of TVM is ``tvm_op``, a compiled function that an
attribute names. The graph's lists (``shape``, ``dltype``, ``storage_id``, ``device_index``) have
one element per entry; entry ``node_row_ptr[n] + i`` is output i of node n, and nodes run in the
order of the file. A graph keeps each element with the node that it is about, as a hidden attribute,
so that whatever renames, cuts or clones nodes keeps the lists right.

Source: ``src/runtime/graph_executor/graph_executor.{h,cc}`` of apache/tvm 0.6 to 0.18.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from graphpass.errors import CycleError, SymbolError
from graphpass.graph import VARIABLE, Entry, Graph, Origin
from graphpass.graph.structure import opaque_signature

__all__ = ["dumps_tvm", "is_nnvm", "is_tvm", "loads_tvm"]

_KEY = "__tvm_{}__"
_REQUIRED = ("dltype", "storage_id", "shape")
_Id = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
_MOST_OUTPUTS = 100_000


class _Node(msgspec.Struct, forbid_unknown_fields=True):
    op: str
    name: str
    inputs: list[tuple[_Id, _Id, _Id]]
    attrs: dict[str, str] = {}
    attr: dict[str, str] = {}
    control_deps: list[_Id] = []


class _Graph(msgspec.Struct):
    nodes: list[_Node]
    arg_nodes: list[_Id]
    heads: list[tuple[_Id, _Id, _Id]]
    attrs: dict[str, tuple[str, Any]]
    node_row_ptr: list[_Id]


def is_tvm(data: bytes) -> bool:
    """Return whether text is that of TVM's executor: it has a type that no symbol of MXNet has."""
    return b'"list_shape"' in data or b'"tvm_op"' in data


_NNVM_OPERATORS = {
    "conv2d", "conv2d_transpose", "dense", "max_pool2d", "avg_pool2d", "global_max_pool2d",
    "global_avg_pool2d", "batch_norm", "strided_slice", "leaky_relu",
}  # fmt: skip


def is_nnvm(ops: set[str], version: int | None) -> bool:
    """Return whether a file without a version has operators of the NNVM compiler alone."""
    return version is None and not _NNVM_OPERATORS.isdisjoint(ops)


def loads_tvm(data: bytes) -> Graph:
    """Read the JSON of TVM's graph executor.

    Raises
    ------
    SymbolError
        If TVM would refuse it, with the place.
    CycleError
        If a node reads one that does not come before it.
    """
    try:
        record = msgspec.json.decode(data, type=_Graph)
        order = list(json.loads(data)["attrs"])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SymbolError(f"the TVM graph is malformed: {error}") from None
    pointers, count = record.node_row_ptr, len(record.nodes)
    if len(pointers) != count + 1 or pointers[0] != 0 or sorted(pointers) != pointers:
        raise SymbolError(
            f"node_row_ptr: {len(pointers)} numbers from 0 up are wanted, one more than nodes"
        )
    entries = pointers[-1]
    lists: dict[str, tuple[str, Any]] = {}
    others: dict[str, tuple[str, Any]] = {}
    for key in order:
        kind, values = record.attrs[key]
        per_entry = isinstance(values, list) and kind.startswith("list_")
        if per_entry and len(values) != entries:
            raise SymbolError(f"attrs.{key}: {len(values)} elements for {entries} entries")
        (lists if per_entry else others)[key] = (kind, values)
    for key in _REQUIRED:
        if key not in lists:
            raise SymbolError(f"attrs.{key}: the list is missing, which TVM needs")
    graph = Graph()
    listed = set(record.arg_nodes)
    with graph.edit() as edit:
        for position, node in enumerate(record.nodes):
            place = f"nodes[{position}] (node {node.name!r})"
            if node.op not in (VARIABLE, "tvm_op"):
                raise SymbolError(f"{place}: TVM runs tvm_op alone, not {node.op!r}")
            if (node.op == VARIABLE) != (position in listed):
                raise SymbolError(f"{place}: arg_nodes lists the variables, all of them")
            outputs = pointers[position + 1] - pointers[position]
            if outputs > _MOST_OUTPUTS or outputs < 1:
                raise SymbolError(f"{place}: node_row_ptr gives it {outputs} outputs")
            attrs = {**(node.attrs or node.attr)}
            if node.op != VARIABLE:
                _check_call(attrs, place, len(node.inputs), outputs)
            for source, output, _ in node.inputs:
                if source >= position:
                    raise CycleError(f"{place} reads node {source}, which does not come before it")
                if output >= pointers[source + 1] - pointers[source]:
                    raise SymbolError(f"{place}: node {source} has no output {output}")
            for key, (_, values) in lists.items():
                own = values[pointers[position] : pointers[position + 1]]
                attrs[_KEY.format(key)] = json.dumps(own, separators=(",", ":"))
            if node.op == VARIABLE:
                edit.add_variable(node.name, attrs)
            else:
                edit.add_node(
                    node.op,
                    node.name,
                    attrs,
                    [Entry(*entry) for entry in node.inputs],
                    carried=opaque_signature(outputs),
                )
        for index, (source, output, _) in enumerate(record.heads):
            if source >= count or output >= pointers[source + 1] - pointers[source]:
                raise SymbolError(f"heads[{index}]: there is no output {output} of node {source}")
        edit.set_heads([Entry(*head) for head in record.heads])
    graph.origin = Origin("tvm", None, notes={
        "kinds": {key: kind for key, (kind, _) in lists.items()},
        "others": others,
        "order": order,
    })  # fmt: skip
    return graph


def _check_call(attrs: Mapping[str, str], place: str, inputs: int, outputs: int) -> None:
    for key in ("func_name", "num_inputs", "num_outputs", "flatten_data"):
        if key not in attrs:
            raise SymbolError(f"{place}: the attribute {key} is missing, which TVM needs")
    for key, found in (("num_inputs", inputs), ("num_outputs", outputs)):
        if attrs[key] != str(found):
            raise SymbolError(f"{place}: {key} is {attrs[key]!r}, but it has {found}")


def dumps_tvm(graph: Graph) -> str:
    """Print a graph that was read by `loads_tvm`, as TVM's executor reads it.

    Values that would overwrite each other in what the file says of memory, since nodes were cloned
    or run in another order, all get memory of their own.

    Raises
    ------
    SymbolError
        If a node was not read from such a file, so that nobody knows its shapes.
    """
    assert graph.origin is not None
    notes = graph.origin.notes
    order = graph.order()
    ids = {key: position for position, key in enumerate(order)}
    columns: dict[str, list[Any]] = {key: [] for key in notes["kinds"]}
    nodes, pointers = [], [0]
    for key in order:
        attrs = dict(graph.attrs(key))
        outputs = 1 if graph.is_variable(key) else graph.signature(key).num_outputs
        for name, column in columns.items():
            text = attrs.pop(_KEY.format(name), None)
            if text is None:
                raise SymbolError(
                    f"{graph.op(key)} {graph.name(key)!r}: nobody knows its {name}, which a graph "
                    "of TVM's needs; names, heads, cuts and clones can be changed, not operators"
                )
            column += json.loads(text)
        node: dict[str, Any] = {"op": graph.op(key), "name": graph.name(key)}
        if attrs:
            node["attrs"] = attrs
        node["inputs"] = [[ids[source], output, 0] for source, output, _ in graph.inputs(key)]
        waits = [ids[source] for source in graph.control_dependencies(key)]
        nodes.append({**node, "control_deps": waits} if waits else node)
        pointers.append(pointers[-1] + outputs)
    heads = [[ids[source], output, 0] for source, output, _ in graph.heads]
    if not _memory_is_safe(nodes, heads, pointers, columns["storage_id"]):
        columns["storage_id"] = list(range(pointers[-1]))
    tree = {
        "nodes": nodes,
        "arg_nodes": [ids[key] for key in order if graph.is_variable(key)],
        "heads": heads,
        "attrs": {
            key: [notes["kinds"][key], columns[key]] if key in columns else notes["others"][key]
            for key in notes["order"]
        },
        "node_row_ptr": pointers,
    }
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _memory_is_safe(
    nodes: list[dict[str, Any]], heads: list[list[int]], pointers: list[int], storage: list[int]
) -> bool:
    """Return whether no value is overwritten before the last node has read it.

    Inputs and heads keep their memory for good. A node may write over what it reads last.
    """
    end = len(nodes)
    until = [0] * pointers[-1]
    for position, node in enumerate(nodes):
        for source, output, _ in node["inputs"]:
            until[pointers[source] + output] = position
        if node["op"] == VARIABLE:
            until[pointers[position]] = end
    for source, output, _ in heads:
        until[pointers[source] + output] = end
    busy: dict[int, int] = {
        storage[pointers[position]]: end
        for position, node in enumerate(nodes)
        if node["op"] == VARIABLE
    }
    if len(busy) < sum(node["op"] == VARIABLE for node in nodes):
        return False
    for position, node in enumerate(nodes):
        if node["op"] == VARIABLE:
            continue
        written = storage[pointers[position] : pointers[position + 1]]
        if len(set(written)) < len(written) or any(busy.get(s, -1) > position for s in written):
            return False
        for entry in range(pointers[position], pointers[position + 1]):
            busy[storage[entry]] = max(until[entry], position)
    return True
