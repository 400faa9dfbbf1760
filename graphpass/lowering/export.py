"""`export`: a model of MXNet's to an ONNX file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from graphpass.errors import SaveError, UsageError, count
from graphpass.formats.onnx import OnnxFile, external_name, import_onnx
from graphpass.formats.saving import refuse_existing
from graphpass.lowering.driver import Lowered, lower
from graphpass.lowering.files import lowerings_of, onnx_file, save, shipped_lowerings
from graphpass.lowering.shapes import GivenInputs, given_inputs
from graphpass.lowering.target import TargetValue
from graphpass.lowering.verify import verify_file
from graphpass.model import Model
from graphpass.ops.onnx import OPSETS
from graphpass.rules import apply
from graphpass.rules.pass_files.loading import PassSource, load_pass
from graphpass.verify.result import VerifyResult

__all__ = ["ExportReport", "export", "prepared"]

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

    verified: VerifyResult | None = None
    """Whether the file computes what the model does, where that was asked for."""

    def __bool__(self) -> bool:
        return self.verified is None or bool(self.verified)

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
        lines += [] if self.verified is None else [str(self.verified)]
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
            "verify": None if self.verified is None else self.verified.to_json(),
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
    verify: bool = False,
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
    verify : bool
        Whether to compare the file with the model before it takes its place, see `verify_file`. If
        they are not proved equal, nothing is written.

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
    found: VerifyResult | None = None
    if not dry_run:
        content = onnx_file(lowered, model, passes)
        if verify:
            found = _verified(content, model, given)
            if not found:
                return ExportReport(lowered, (), passes, tuple(notes), found)
            said = {"graphpass.verified": str(found).splitlines()[0]}
            content = replace(content, metadata={**content.metadata, **said})
        files = save(content, path, external_data=external_data, overwrite=overwrite)
    return ExportReport(lowered, files, passes, tuple(notes), found)


def _verified(content: OnnxFile, model: Model, given: GivenInputs) -> VerifyResult:
    """Compare what is to be written with the model; an open extent is 2."""
    shapes = {
        name: tuple([each if isinstance(each, int) else 2 for each in shape])
        for name, shape in given.shapes.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save(content, path)
        return verify_file(model, path, inputs=shapes, isolated=True)


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


def refuse_target(model: Model, path: Path, *, overwrite: bool) -> None:
    """Refuse a file that is there already, or that the model was read from."""
    for each in (path, path.with_name(external_name(path))):
        model.refuse_input(each)
    if path.is_dir():
        raise SaveError(f"{path}: it is a folder; name a file, such as {path / 'model.onnx'}")
    refuse_existing(path, overwrite=overwrite)
