"""Models that go over from MXNet's memory and back."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import graphpass
from graphpass.errors import UsageError

pytestmark = pytest.mark.mxnet


def checkpoint(mx: ModuleType) -> tuple[object, dict[str, object], dict[str, object]]:
    data = mx.sym.var("data")
    net = mx.sym.BatchNorm(
        mx.sym.Convolution(data, kernel=(3, 3), num_filter=2, name="c"), name="b"
    )
    bound = net.simple_bind(mx.cpu(), data=(1, 1, 5, 5))
    arguments = {n: mx.nd.random.normal(shape=a.shape) for n, a in bound.arg_dict.items()}
    del arguments["data"]
    return net, arguments, {n: a.copy() + 1 for n, a in bound.aux_dict.items()}


def test_a_model_goes_over_and_comes_back(mx: ModuleType, tmp_path: Path) -> None:
    symbol, arguments, states = checkpoint(mx)
    model = graphpass.from_mxnet(symbol, arguments, states)
    assert model.inputs == ["data"]
    assert {model.parameters.class_of(name) for name in states} == {"aux"}
    again, arg_params, aux_params = model.to_mxnet()
    assert again.tojson(remove_amp_cast=False) == symbol.tojson(remove_amp_cast=False)  # type: ignore[attr-defined]
    assert arg_params.keys() == arguments.keys()
    assert aux_params.keys() == states.keys()
    for name, array in {**arg_params, **aux_params}.items():
        assert np.array_equal(array.asnumpy(), {**arguments, **states}[name].asnumpy())  # type: ignore[attr-defined]
    # The same as over files.
    mx.model.save_checkpoint(str(tmp_path / "m"), 0, symbol, arguments, states)
    assert graphpass.load(tmp_path / "m").parameters == model.parameters


@pytest.mark.parametrize("kind", ["row_sparse", "csr"])
def test_sparse_arrays_and_bfloat16_stay_what_they_are(mx: ModuleType, kind: str) -> None:
    sparse = mx.nd.array([[0, 0], [1, 0], [0, 2]]).tostype(kind)
    half = mx.nd.array([1.5, -2]).astype([("bfloat16", "<u2")])
    symbol = mx.sym.Group([mx.sym.var("s"), mx.sym.var("h")])
    model = graphpass.from_mxnet(symbol, {"s": sparse, "h": half})
    assert model.parameters.storages == {"s": kind}
    assert model.parameters.dtypes["h"] == "bfloat16"
    _, arrays, _ = model.to_mxnet()
    assert arrays["s"].stype == kind
    assert arrays["s"].asnumpy().tolist() == [[0, 0], [1, 0], [0, 2]]
    assert arrays["h"].asnumpy().tobytes() == half.asnumpy().tobytes()


def test_load_takes_a_symbol_and_a_block(mx: ModuleType) -> None:
    symbol, _, _ = checkpoint(mx)
    assert graphpass.load(symbol).graph.arguments == symbol.list_arguments()  # type: ignore[attr-defined]
    block = mx.gluon.nn.HybridSequential()
    block.add(mx.gluon.nn.Dense(3, in_units=4), mx.gluon.nn.BatchNorm(in_channels=3))
    block.initialize()
    with pytest.raises(UsageError, match="hybridize it and run it once"):
        graphpass.load(block)
    block.hybridize()
    given = mx.nd.ones((2, 4))
    expected = block(given).asnumpy()
    model = graphpass.load(block)
    assert model.files.symbol is None
    network, arg_params, aux_params = model.to_mxnet()
    bound = network.bind(mx.cpu(), {**arg_params, "data": given}, aux_states=aux_params)
    assert np.array_equal(bound.forward()[0].asnumpy(), expected)


def test_what_is_no_symbol_is_refused(mx: ModuleType) -> None:
    with pytest.raises(UsageError, match="int is no symbol"):
        graphpass.from_mxnet(3)
    with pytest.raises(UsageError, match="both an argument and an auxiliary state"):
        graphpass.from_mxnet(mx.sym.var("x"), {"x": mx.nd.ones(1)}, {"x": mx.nd.ones(1)})
