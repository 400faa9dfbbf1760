"""Real files: the backend computes what is on record, and files equal what is written of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from graphpass import diff, dumps, isomorphic, load, loads
from graphpass.errors import SymbolError
from graphpass.verify.backend_mxnet import MXNetBackend
from graphpass.verify.feeding import prepare
from graphpass.verify.proof import Trial

ROUNDING = {"rtol": 1e-4, "atol": 1e-5}


def on_record(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the symbols of a folder whose inputs and outputs are on record."""
    found = []
    for path in sorted(folder.glob("*.meta.json")):
        record = json.loads(path.read_text())
        if any("file" in output for output in record.get("outputs", ()) if output):
            found.append((path, record))
    return found


@pytest.mark.mxnet
@pytest.mark.parametrize("folder", ["trained", "versions/1.9.1"])
def test_outputs_are_those_on_record(corpus: Path, mx: ModuleType, folder: str) -> None:
    records = on_record(corpus / folder)
    assert records
    compared = 0
    for path, record in records:
        name = path.name.removesuffix(".meta.json")
        if name.startswith("custom_op"):
            continue  # its operator is Python code that is not in the file
        model = load(path.with_name(f"{name}-symbol.json"))
        given = {each["name"]: np.load(path.with_name(each["file"])) for each in record["inputs"]}
        backend = MXNetBackend()
        feeding = prepare(model, model, backend, inputs=given)
        graphs = (model.graph, model.graph)
        (run,) = Trial(backend, graphs, feeding).run([(0, 1.0)])
        for output, expected in zip(run.a.outputs, record["outputs"], strict=True):
            recorded = np.load(path.with_name(expected["file"]))
            assert output.shape == recorded.shape, name
            np.testing.assert_allclose(output, recorded, **ROUNDING, err_msg=name)
            compared += 1
    assert compared > 10


def test_what_is_written_is_what_was_read(corpus: Path) -> None:
    written = 0
    for path in sorted((corpus / "zoo").rglob("*-symbol.json"))[::2]:
        graph = load(path).graph
        try:
            text = dumps(graph, dialect="0.12.1")
        except SymbolError as error:
            assert "MXNet 0.12 does not have" in str(error)
            text = dumps(graph, dialect="1.9.1")
        else:
            written += 1
        again = loads(text)
        assert isomorphic(graph, again, names=True, versions=True), path
        assert diff(graph, again).equal, path
    assert written


def test_releases_differ_in_what_they_mean_only(corpus: Path) -> None:
    """The same program, saved by 0.9.5 and by 1.9.1: spelling, copies and defaults differ."""
    equal = 0
    for path in sorted((corpus / "versions" / "0.9.5").glob("*-symbol.json")):
        newer = corpus / "versions" / "1.9.1" / path.name
        if newer.exists():
            found = isomorphic(load(path).graph, load(newer).graph)
            assert diff(load(path).graph, load(newer).graph).equal <= bool(found)
            equal += bool(found)
    assert equal > 20
