"""Which release of MXNet has what, held against files that six releases wrote."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from graphpass import dumps, loads
from graphpass.errors import SymbolError
from graphpass.ops.dump.releases import _ask
from graphpass.ops.operator import operator_names
from graphpass.ops.releases import lacking, name_at


@pytest.mark.parametrize("release", ["0.9.5", "0.11.0", "1.0.0", "1.3.1", "1.6.0", "1.9.1"])
def test_every_file_of_a_release_can_be_written_for_it(release: str, corpus: Path) -> None:
    files = sorted((corpus / "versions" / release).glob("*-symbol.json"))
    assert len(files) > 30
    for file in files:
        graph = loads(file.read_bytes())
        written = dumps(graph, dialect=release, np_shape=graph.origin.np_shape)  # type: ignore[union-attr]
        assert loads(written).outputs == graph.outputs, file


@pytest.mark.parametrize(
    ("op", "version", "name"),
    [
        ("elemwise_mul", 10901, "elemwise_mul"),
        ("elemwise_mul", 1200, "elemwise_mul"),
        ("elemwise_mul", 900, "_Mul"),
        ("_sample_uniform", 1100, "sample_uniform"),  # the other name was another operator's
        ("_npx_relu", 900, "_npx_relu"),
        ("Vendor", 900, "Vendor"),
    ],
)
def test_an_operator_is_spelled_as_the_release_spells_it(op: str, version: int, name: str) -> None:
    assert name_at(op, version) == name


@pytest.mark.parametrize(
    ("op", "attrs", "version", "found"),
    [
        ("_npx_relu", [], 10500, {"_npx_relu": "1.6"}),
        ("_npx_relu", [], 10600, {}),
        ("Dropout", ["p", "axes", "cudnn_off"], 10100,
         {"the attribute 'axes' of Dropout": "1.2", "the attribute 'cudnn_off' of Dropout": "1.5"}),
        ("_plus_scalar", ["scalar", "is_int"], 10000, {}),  # it took any key, and read one
        ("Vendor", ["x"], 900, {}),
    ],
)  # fmt: skip
def test_what_a_release_lacks_is_told_with_the_first_that_has_it(
    op: str, attrs: list[str], version: int, found: dict[str, str]
) -> None:
    assert lacking(op, attrs, version) == found


def test_a_model_of_numpy_operators_is_refused_with_their_names(tmp_path: Path) -> None:
    text = """{"nodes": [{"op": "null", "name": "x", "inputs": []},
      {"op": "_npx_relu", "name": "r", "inputs": [[0, 0, 0]]},
      {"op": "Dropout", "name": "d", "attrs": {"axes": "()"}, "inputs": [[1, 0, 0]]}],
      "arg_nodes": [0], "heads": [[2, 0, 0]],
      "attrs": {"is_np_shape": ["int", 1], "mxnet_version": ["int", 10901]}}"""
    with pytest.raises(SymbolError) as caught:
        dumps(loads(text), dialect="1.1", np_shape=True)
    assert str(caught.value) == (
        "MXNet 1.1 does not have NumPy-shape mode (since 1.5), _npx_relu (since 1.6), the "
        "attribute 'axes' of Dropout (since 1.2); choose the dialect 1.6 or a newer one"
    )
    assert '"_npx_relu"' in dumps(loads(text), dialect="1.6", np_shape=True)


@pytest.mark.mxnet
def test_the_library_tells_its_release_and_every_name(mx: ModuleType) -> None:
    number, registry = _ask(mx.libinfo.find_lib_path()[0])
    assert number == 10901
    assert registry.keys() == set(operator_names())
    assert registry["relu"] == ("relu", [])
    assert "no_bias" in registry["Convolution"][1]
