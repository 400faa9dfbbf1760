"""Files of Gluon's save_parameters, joined to a symbol by order."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.errors import ParamsError
from graphpass.formats.params import params_bytes, read_params

pytestmark = pytest.mark.mxnet


def network(mx: ModuleType, folder: Path) -> Any:
    """Write a block's symbol and its parameters as Gluon names them; return the block."""
    nn = mx.gluon.nn
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(4, 3, in_channels=2), nn.BatchNorm(in_channels=4), nn.PReLU(), nn.Flatten(),
        nn.Dense(3, in_units=36), nn.Dense(2, in_units=3, use_bias=False),
    )  # fmt: skip
    net.initialize(mx.init.Normal(0.5))
    net(mx.sym.var("data")).save(str(folder / "net-symbol.json"))
    net.save_parameters(str(folder / "net-0000.params"))
    return net


def test_a_file_is_joined_by_order_and_computes_the_same(mx: ModuleType, tmp_path: Path) -> None:
    net = network(mx, tmp_path)
    model = graphpass.load(tmp_path / "net")
    pairs = model.files.joined
    assert list(pairs)[:3] == ["0.weight", "0.bias", "1.gamma"]
    assert pairs["0.weight"] == model.graph.arguments[1]
    assert pairs["1.running_var"].endswith("_running_var")
    assert model.inputs == ["data"]
    assert set(model.graph.auxiliary_states) == {
        name for name in model.parameters if model.parameters.class_of(name) == "aux"
    }
    given = mx.nd.random.normal(shape=(2, 2, 5, 5))
    expected = net(given).asnumpy()
    symbol, arg_params, aux_params = model.to_mxnet()
    bound = symbol.bind(mx.cpu(), {**arg_params, "data": given}, aux_states=aux_params)
    assert np.allclose(bound.forward()[0].asnumpy(), expected, atol=1e-6)


def rewritten(folder: Path, change: Any) -> None:
    path = folder / "net-0000.params"
    parameters = read_params(path)
    path.write_bytes(params_bytes(change(parameters)))


def test_what_does_not_tell_is_refused(mx: ModuleType, tmp_path: Path) -> None:
    network(mx, tmp_path)

    def without_bias(parameters: graphpass.Parameters) -> graphpass.Parameters:
        del parameters["4.bias"]
        return parameters

    rewritten(tmp_path, without_bias)
    with pytest.raises(ParamsError, match=r"ambiguous .* the symbol has 10 and the file 9"):
        graphpass.load(tmp_path / "net")


def test_shapes_that_do_not_fit_are_refused(mx: ModuleType, tmp_path: Path) -> None:
    network(mx, tmp_path)

    def wider(parameters: graphpass.Parameters) -> graphpass.Parameters:
        parameters["5.weight"] = np.zeros((7, 3), "float32")
        return parameters

    rewritten(tmp_path, wider)
    with pytest.raises(ParamsError, match="its shapes do not fit"):
        graphpass.load(tmp_path / "net")
