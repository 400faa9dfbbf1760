"""``prelu-to-relu`` on slopes of every shape that MXNet 1.9.1 runs, with MXNet as the judge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.text import parse_graph
from graphpass.ops.meaning import evaluate

TEXT = """
x, gamma = variable(), variable()
return LeakyReLU(x, gamma, act_type="prelu")
"""


@pytest.mark.mxnet
@pytest.mark.parametrize("data", [(3,), (3, 4), (4, 4), (2, 3, 4), (2, 4, 5, 5)])
def test_slopes_of_every_shape(judge: Any, data: tuple[int, ...]) -> None:
    batch, channels = data[0], data[min(1, len(data) - 1)]
    shapes = {
        (1,),
        (channels,),
        (batch,),
        (1, channels),
        (batch, 1),
        (batch, channels),
        (1, 1),
        data,
    }
    ran = 0
    for slopes in shapes:
        before = graphpass.Model(parse_graph(TEXT))
        random = np.random.default_rng(2)
        before.parameters["gamma"] = random.uniform(0.1, 0.9, slopes).astype("float32")
        values = {"x": random.normal(size=data).astype("float32")}
        after = before.copy()
        try:
            (wanted,) = judge.outputs(before, values)
        except judge.mx.MXNetError:
            continue
        ran += 1
        assert not graphpass.check(before, {"x": data}).fails(), slopes
        assert graphpass.apply("prelu-to-relu", after, inputs={"x": data}).changed, slopes
        (found,) = judge.outputs(after, values)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        read = [values["x"], before.parameters["gamma"]]
        folded = evaluate("LeakyReLU", {"act_type": "prelu"}, read, [data], ["float32"])
        assert folded is not None
        np.testing.assert_array_equal(folded[0], wanted)
    assert ran >= (2 if len(data) == 1 else 5)
