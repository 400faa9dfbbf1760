"""What lies between lowerings and files: the lowerings of passes, and a lowered graph as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graphpass.errors import OperationError, UsageError
from graphpass.formats.files import make_folder
from graphpass.formats.onnx import (
    Initializer,
    OnnxFile,
    digest,
    external_name,
    import_onnx,
    write_onnx,
)
from graphpass.formats.saving import write_together
from graphpass.formats.symbol_write import as_bytes, dumps
from graphpass.lowering.driver import Lowered
from graphpass.lowering.python_lowerings import PYTHON_LOWERINGS
from graphpass.lowering.target import TargetGraph, TargetNode, TargetValue
from graphpass.model import Model
from graphpass.ops.onnx import DTYPES
from graphpass.rules.operations.lower import Lower
from graphpass.rules.pass_files.loading import Pass, load_pass, shipped_lowering_names
from graphpass.rules.rewrite.lowering import Lowering

__all__ = ["graph_proto", "lowerings_of", "onnx_file", "save", "shipped_lowerings"]


def lowerings_of(loaded: Pass) -> list[Lowering]:
    """Return the lowerings of a pass, in order.

    Raises
    ------
    UsageError
        If it has rules that are none, or one names a Python lowering that there is not.
    """
    found = []
    for rule in loaded.rules:
        operation = rule.operation
        if not isinstance(operation, Lower):
            raise UsageError(
                f"{rule.label}: a file of lowerings has rules `lower` only; run what changes the "
                "model before by `graphpass apply`"
            )
        lowering = operation.lowering
        if lowering.python is not None and lowering.python not in PYTHON_LOWERINGS:
            raise UsageError(
                f"{rule.label}: there is no Python lowering {lowering.python!r}; there are "
                f"{', '.join(PYTHON_LOWERINGS) or 'none'}"
            )
        name = rule.id or f"rule {rule.index}"
        found.append(
            replace(lowering, rewrite=replace(lowering.rewrite, id=name), place=rule.place)
        )
    return found


@cache
def shipped_lowerings() -> tuple[Lowering, ...]:
    """Return the lowerings that graphpass ships, file by file."""
    return tuple(
        lowering for name in shipped_lowering_names() for lowering in lowerings_of(load_pass(name))
    )


# -- files -----------------------------------------------------------------------------------------


def save(
    content: OnnxFile, path: Path, *, external_data: bool = False, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write an ONNX file, with a file of initializers beside it if wanted or if it is large."""
    make_folder(path.parent)
    beside = path.with_name(external_name(path))
    paths = [beside, path] if external_data or content.is_large else [path]
    with write_together(*paths, overwrite=overwrite) as files:
        write_onnx(content, files[-1], files[0] if len(files) > 1 else None, beside.name)
    return tuple(reversed(paths))


def onnx_file(lowered: Lowered, source: Model, passes: Sequence[str]) -> OnnxFile:
    """Return what an ONNX file of a lowered model holds."""
    constants = lowered.graph.constants()
    used = ["", *sorted({node.domain for node in lowered.graph.nodes})]
    symbol = as_bytes(dumps(source.graph))
    return OnnxFile(
        graph=graph_proto(lowered.graph),
        initializers=[
            Initializer(each.name, each.dtype or "float32", np.asarray(each.array))
            for each in constants
        ],
        opsets={domain: 1 if domain else lowered.opset for domain in used},
        metadata={
            "graphpass.source": f"sha256:{digest(symbol)}",
            "graphpass.passes": ", ".join(passes),
        },
    )


def graph_proto(graph: TargetGraph, name: str = "graph") -> Any:
    """Return a graph as the ``onnx`` package has it, without initializers."""
    onnx = import_onnx()
    found = onnx.GraphProto(name=name)
    found.input.extend(map(_value_info, graph.inputs))
    found.output.extend(map(_value_info, graph.outputs))
    found.node.extend(map(_node_proto, graph.nodes))
    return found


def _value_info(value: TargetValue) -> Any:
    onnx = import_onnx()
    found = onnx.ValueInfoProto(name=value.name)
    tensor = found.type.tensor_type
    tensor.elem_type = DTYPES.get(value.dtype or "", 0)
    if value.shape is not None:
        tensor.shape.SetInParent()
        for extent in value.shape:
            dim = tensor.shape.dim.add()
            if isinstance(extent, str):
                dim.dim_param = extent
            elif extent is not None:
                dim.dim_value = extent
    return found


def _node_proto(node: TargetNode) -> Any:
    onnx = import_onnx()
    found = onnx.NodeProto(op_type=node.op, domain=node.domain, name=node.name)
    found.input.extend(["" if each is None else each.name for each in node.inputs])
    found.output.extend([each.name for each in node.outputs])
    found.attribute.extend(_attributes(node))
    return found


def _attributes(node: TargetNode) -> Iterator[Any]:
    onnx = import_onnx()
    for key, value in sorted(node.attributes.items()):
        if isinstance(value, TargetGraph):
            value = graph_proto(value, f"{node.name}_{key}")
        elif isinstance(value, np.ndarray):
            value = onnx.numpy_helper.from_array(value)
        if value == ():
            raise OperationError(f"{node.name}: {key} of onnx.{node.op} is empty")
        yield onnx.helper.make_attribute(key, value)
