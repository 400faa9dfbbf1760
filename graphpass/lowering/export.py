"""`export`: a model of MXNet's to an ONNX file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from graphpass.errors import OperationError, SaveError, UsageError, count
from graphpass.formats.files import make_folder
from graphpass.formats.onnx import (
    Initializer,
    OnnxFile,
    digest,
    external_name,
    import_onnx,
    write_onnx,
)
from graphpass.formats.saving import refuse_existing, write_together
from graphpass.formats.symbol_write import as_bytes, dumps
from graphpass.lowering.driver import Lowered, lower
from graphpass.lowering.python_lowerings import PYTHON_LOWERINGS
from graphpass.lowering.shapes import GivenInputs, given_inputs
from graphpass.lowering.target import TargetGraph, TargetNode, TargetValue
from graphpass.model import Model
from graphpass.ops.onnx import DTYPES, OPSETS
from graphpass.rules import apply
from graphpass.rules.operations.lower import Lower
from graphpass.rules.pass_files.loading import Pass, PassSource, load_pass, shipped_lowering_names
from graphpass.rules.rewrite.lowering import Lowering

__all__ = ["ExportReport", "export", "lowerings_of", "prepared", "shipped_lowerings"]

BEFORE = ("strip-training", "optimize-for-inference")
"""The passes that run before the model is lowered."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What `export` did."""

    lowered: Lowered
    """The graph, and which lowering took how many nodes."""

    files: tuple[Path, ...]
    """What was written; empty for a dry run."""

    passes: tuple[str, ...]
    """What ran before."""

    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return some lines."""
        graph = self.lowered.graph
        shapes = [f"{each.name} {_spelled(each)}" for each in graph.inputs]
        heads = [f"{each.name} {_spelled(each)}" for each in graph.outputs]
        lines = [
            f"opset {self.lowered.opset}: {count(len(graph.nodes), 'node')}, "
            f"{count(len(graph.constants()), 'initializer')}",
            f"  inputs:  {', '.join(shapes) or 'none'}",
            f"  outputs: {', '.join(heads)}",
        ]
        if self.passes:
            lines.append(f"  before: {', '.join(self.passes)}")
        used = ", ".join(f"{name} {number}" for name, number in sorted(self.lowered.rules.items()))
        lines.append(f"  lowerings: {used or 'none'}")
        lines += [f"note: {each}" for each in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        graph = self.lowered.graph
        return {
            "opset": self.lowered.opset,
            "files": list(map(str, self.files)),
            "passes": list(self.passes),
            "inputs": {each.name: _plain_shape(each) for each in graph.inputs},
            "outputs": {each.name: _plain_shape(each) for each in graph.outputs},
            "nodes": [
                {"op": node.op, "name": node.name, "lowering": node.rule, "of": node.made_of}
                for node in graph.nodes
            ],
            "lowerings": dict(sorted(self.lowered.rules.items())),
            "notes": list(self.notes),
        }


def _plain_shape(value: TargetValue) -> dict[str, Any]:
    shape = None if value.shape is None else list(value.shape)
    return {"dtype": value.dtype, "shape": shape}


def _spelled(value: TargetValue) -> str:
    shape = value.shape
    inside = "?" if shape is None else ", ".join("?" if e is None else str(e) for e in shape)
    return f"{value.dtype or '?'} ({inside})"


def export(
    model: Model,
    out: str | PathLike[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    dtypes: Mapping[str, str] | None = None,
    opset: int | None = None,
    optimize: bool = True,
    lowerings: Sequence[PassSource] = (),
    external_data: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
) -> ExportReport:
    """Write a model as ONNX.

    Parameters
    ----------
    model : Model
        The model, which stays as it is.
    out : path
        The file to write; its folder is made if it does not exist.
    inputs : mapping of str to tuple, optional
        Shapes of inputs. A letter in the place of a number leaves that extent open:
        ``{"data": ("N", 3, 224, 224)}``. An array may stand for its shape and dtype.
    dtypes : mapping of str to str, optional
        Dtypes of inputs; float32 where nothing tells.
    opset : int, optional
        17 to 21; if absent 18, or 19 where an operator needs it.
    optimize : bool
        Whether to run the passes strip-training and optimize-for-inference before.
    lowerings : sequence, optional
        Pass files with lowerings of your own, which are tried before the shipped ones.
    external_data : bool
        Whether initializers over 1 KB go to ``OUT.data``; above 1.5 GB they do in any case.
    overwrite : bool
        Whether a file that is there already may be replaced.
    dry_run : bool
        Whether to write nothing.

    Returns
    -------
    ExportReport
        What was done.

    Raises
    ------
    OperationError
        If no lowering takes a node; the message says why not, per lowering.
    UsageError
        If an input is none, or shapes do not fit.
    SaveError
        If a file can't be written; nothing is written then.
    BackendError
        If the package ``onnx`` is not installed.

    Notes
    -----
    Linear in the nodes and the bytes. No stored array is read before it is written.
    """
    path = Path(out)
    if opset is not None and opset not in OPSETS:
        raise UsageError(f"opset {opset}: choose one from {OPSETS[0]} to {OPSETS[-1]}")
    if not dry_run:
        import_onnx()
        refuse_target(model, path, overwrite=overwrite)
    given = given_inputs(model, inputs or {}, dtypes or {})
    rules = [each for source in lowerings for each in lowerings_of(load_pass(source))]
    ready, notes = prepared(model, given) if optimize else (model, [])
    lowered = lower(
        ready, [*rules, *shipped_lowerings()], given.of(ready.graph.arguments), opset=opset
    )
    passes = BEFORE if optimize else ()
    files: tuple[Path, ...] = ()
    if not dry_run:
        content = onnx_file(lowered, model, passes)
        files = save(content, path, external_data=external_data, overwrite=overwrite)
    return ExportReport(lowered, files, passes, tuple(notes))


def prepared(model: Model, given: GivenInputs) -> tuple[Model, list[str]]:
    """Return a model as it is before it is lowered, and what the user should know of that."""
    ready = model.copy()
    for name in BEFORE:
        known = set(ready.graph.arguments) - set(ready.parameters)
        shapes = {name: shape for name, shape in given.open_shapes.items() if name in known}
        apply(name, ready, inputs=shapes)
    gone = [name for name in given.shapes if name not in set(ready.graph.arguments)]
    notes = [
        f"the input {name} feeds nothing that inference needs, and is left out" for name in gone
    ]
    return ready, notes


# -- lowerings -------------------------------------------------------------------------------------


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


def refuse_target(model: Model, path: Path, *, overwrite: bool) -> None:
    """Refuse a file that is there already, or that the model was read from."""
    for each in (path, path.with_name(external_name(path))):
        model.refuse_input(each)
    if path.is_dir():
        raise SaveError(f"{path}: it is a folder; name a file, such as {path / 'model.onnx'}")
    refuse_existing(path, overwrite=overwrite)


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
