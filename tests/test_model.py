"""Models: found by name, loaded, saved as a pair, edited in one transaction."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import graphpass
from graphpass.errors import GraphError, ParamsError, SaveError, SymbolError, UsageError
from graphpass.graph import Entry
from graphpass.model import Model

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in FIXTURES.glob("residual-*"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["residual", "residual:0", "residual-symbol.json", "residual-0000.params"],
)
def test_a_model_is_found_by_each_of_its_names(folder: Path, name: str) -> None:
    model = graphpass.load(folder / name)
    assert model.files.epoch == 0
    assert model.inputs == ["data"]
    assert len(model.parameters) == 12


def test_the_newest_epoch_is_taken_unless_one_is_named(folder: Path) -> None:
    shutil.copy(folder / "residual-0000.params", folder / "residual-0012.params")
    assert graphpass.load(folder / "residual").files.epoch == 12
    assert graphpass.load(folder / "residual", 0).files.epoch == 0
    assert graphpass.load(folder / "residual", epoch=0).files.epoch == 0


def test_parameters_are_optional(folder: Path) -> None:
    (folder / "residual-0000.params").unlink()
    model = graphpass.load(folder / "residual")
    assert len(model.parameters) == 0
    assert model.inputs == ["data"]


@pytest.mark.parametrize(
    ("name", "epoch", "message"),
    [
        ("residul", None, "residul-symbol.json: there is no such file; nearest: residual-symbol"),
        ("nowhere/residual", None, "nor its folder"),
        ("residual", 7, "residual-0007.params: there is no such file; epochs beside"),
        ("residual:7", None, "epochs beside residual-symbol.json: 0"),
    ],
)
def test_what_is_not_there_is_named(
    folder: Path, name: str, epoch: int | None, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        graphpass.load(folder / name, epoch)
    assert message in str(caught.value)


def test_errors_begin_with_the_file(folder: Path) -> None:
    (folder / "residual-symbol.json").write_text("{}")
    with pytest.raises(SymbolError) as caught:
        graphpass.load(folder / "residual")
    assert str(caught.value).startswith(str(folder / "residual-symbol.json"))


def test_truncated_parameters_are_refused(folder: Path) -> None:
    path = folder / "residual-0000.params"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ParamsError) as caught:
        graphpass.load(folder / "residual")
    assert str(path) in str(caught.value)


def test_saving_writes_the_same_bytes(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    saved = model.save(folder / "out" / "copy", epoch=3)
    assert saved.symbol == folder / "out" / "copy-symbol.json"
    assert saved.params == folder / "out" / "copy-0003.params"
    assert saved.symbol.read_bytes() == (folder / "residual-symbol.json").read_bytes()
    assert saved.params.read_bytes() == (folder / "residual-0000.params").read_bytes()


def test_the_input_is_not_overwritten_unless_told_to(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / "link").symlink_to(folder)
    for prefix in (folder / "residual", folder / "link" / "residual"):
        with pytest.raises(SaveError, match="is there already"):
            model.save(prefix)
    assert {path: path.read_bytes() for path in before} == before
    with model.edit() as edit:
        edit.rename(model.graph.named("fc0")[0], "head")
    model.save(folder / "residual", overwrite=True)
    assert graphpass.load(folder / "residual").graph.outputs == ["head_output"]


def test_saving_onto_the_mapped_file_keeps_the_arrays(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    before = {name: np.array(array) for name, array in model.parameters.items()}
    model.save(folder / "residual", overwrite=True)
    again = graphpass.load(folder / "residual")
    assert all(np.array_equal(again.parameters[name], before[name]) for name in before)
    assert all(np.array_equal(model.parameters[name], before[name]) for name in before)


def test_nothing_is_written_if_the_dialect_does_not_fit(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    with pytest.raises(SymbolError):
        model.save(folder / "out" / "m", dialect="9.9")
    assert not (folder / "out").exists()


def test_graph_and_parameters_are_undone_together(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    names = list(model.parameters)
    text = graphpass.dumps(model.graph)
    with pytest.raises(GraphError), model.edit() as edit:
        del model.parameters["fc0_bias"]
        model.parameters.rename({"conv0_weight": "moved"})
        edit.add_variable("data")
    assert list(model.parameters) == names
    assert graphpass.dumps(model.graph) == text


def test_a_copy_is_independent_and_shares_arrays(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    twin = model.copy()
    assert twin.parameters["fc0_bias"] is model.parameters["fc0_bias"]
    del twin.parameters["fc0_bias"]
    with twin.edit() as edit:
        edit.set_heads([Entry(twin.graph.named("flatten0")[0])])
    assert "fc0_bias" in model.parameters
    assert model.graph.outputs == ["fc0_output"]


def test_a_parameter_takes_the_class_of_its_variable(folder: Path) -> None:
    model = graphpass.load(folder / "residual")
    array = model.parameters["bn0_moving_mean"]
    model.parameters.set("bn0_moving_mean", array, "arg")
    saved = model.save(folder / "out")
    assert saved.params is not None
    assert graphpass.load(folder / "out").parameters.class_of("bn0_moving_mean") == "aux"


def test_a_symbol_without_parameters_tells_inputs_from_weights(corpus: Path) -> None:
    symbols = [
        path
        for path in (corpus / "versions" / "1.9.1").glob("gluonzoo_*-symbol.json")
        if path.is_file()
    ]
    assert symbols
    for path in symbols:
        assert Model(graphpass.loads(path.read_bytes())).inputs == ["data"], path.name


def test_a_model_is_not_saved_in_the_middle_of_an_edit(tmp_path: Path) -> None:
    model = graphpass.load(FIXTURES / "conv1")
    with model.edit() as edit:
        edit.rename(0, "image")
        with pytest.raises(SaveError, match="while a transaction on it is open"):
            model.save(tmp_path / "half")
    assert not list(tmp_path.iterdir())
    model.save(tmp_path / "whole")


@pytest.mark.parametrize("name", ["residul-symbol.json", "residual-0007.params"])
def test_a_missing_file_is_called_by_its_name(folder: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        graphpass.load(folder / name)
    assert str(caught.value).startswith(f"{folder / name}: there is no such file")


NUMPY = """{"nodes": [{"op": "null", "name": "data", "inputs": []},
  {"op": "_ones", "name": "one", "attrs": {"shape": "(2, 3)"}, "inputs": []},
  {"op": "elemwise_add", "name": "two", "inputs": [[1, 0, 0], [1, 0, 0]]},
  {"op": "broadcast_mul", "name": "y", "inputs": [[0, 0, 0], [2, 0, 0]]}],
  "arg_nodes": [0], "heads": [[3, 0, 0]],
  "attrs": {"is_np_shape": ["int", 1], "mxnet_version": ["int", 10901]}}"""


@pytest.mark.mxnet
def test_what_a_pass_stores_in_a_model_of_numpy_mode_loads_in_that_mode(
    tmp_path: Path, mx: ModuleType
) -> None:
    model = Model(graphpass.loads(NUMPY))
    graphpass.apply("fold-constants", model)
    files = model.save(tmp_path / "folded")
    assert files.params is not None
    with mx.util.np_shape(True):
        (stored,) = mx.nd.load(str(files.params)).values()
        assert stored.asnumpy().tolist() == [[2.0] * 3] * 2
    assert not model.parameters.np_shape  # the model itself is as it was
