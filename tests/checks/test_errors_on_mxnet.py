"""What is called an error is one: real MXNet refuses the model, or computes what is no number."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from check_cases import CASES, Source

from graphpass.cli.options import parse_shapes

SHAPES = {"x": (2, 4), "z": (2, 4)}
"""Shapes of inputs that fit the cases which give none; a BatchNorm gets three channels."""


SILENT = ("shape-conflict", 0)
"""A Reshape to more elements than there are: MXNet 1.9.1 makes up the rest."""


def runs(mx: ModuleType, prefix: str, shapes: dict[str, tuple[int, ...]]) -> bool:
    """Return whether MXNet loads a checkpoint, binds it, and computes numbers."""
    try:
        symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
        module = mx.mod.Module(symbol, data_names=sorted(shapes), label_names=None)
        module.bind([(name, shapes[name]) for name in sorted(shapes)], for_training=False)
        module.set_params(arguments, states)
        if arguments:
            files = f"{prefix}-symbol.json", sorted(shapes), f"{prefix}-0000.params"
            mx.gluon.SymbolBlock.imports(*files)
        data = [mx.nd.ones(shapes[name]) for name in sorted(shapes)]
        fed = dict(zip(sorted(shapes), data, strict=True))
        symbol.bind(mx.cpu(), {**arguments, **fed}, aux_states=states)  # no array is converted
        module.forward(mx.io.DataBatch(data), is_train=False)
        return all(np.isfinite(output.asnumpy()).all() for output in module.get_outputs())
    except (mx.MXNetError, AssertionError, RuntimeError, ValueError):
        return False


def saved(folder: Path, source: Source, name: str) -> str:
    """Save a source, with an empty parameters file if it stores nothing."""
    from graphpass import Parameters
    from graphpass.formats.params import write_params

    prefix = source.save(folder, name)
    if not source.stored:
        with Path(f"{prefix}-0000.params").open("wb") as file:
            write_params(Parameters(), file)
    return prefix


NAMED = [
    pytest.param(code, number, id=f"{code}-{number}")
    for code, cases in CASES.items()
    for number, case in enumerate(cases)
    if case.severity == "error" and (code, number) != SILENT
]


@pytest.mark.mxnet
@pytest.mark.parametrize(("code", "number"), NAMED)
def test_mxnet_goes_wrong(tmp_path: Path, mx: ModuleType, code: str, number: int) -> None:
    case = CASES[code][number]
    inputs = parse_shapes(case.inputs)
    if not inputs:
        names = set(case.sound.model().inputs)
        inputs = {name: shape for name, shape in SHAPES.items() if name in names}
        if "n_beta" in case.sound.text:
            inputs = {"x": (2, 3)}
    assert not runs(mx, saved(tmp_path, case.faulty, "faulty"), inputs)
    assert runs(mx, saved(tmp_path, case.sound, "sound"), inputs)
