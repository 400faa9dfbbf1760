"""Arrays that MXNet 1.9.1 can't load: carried where they were, never made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphpass import apply
from graphpass.errors import OperationError

NET = """
    a = broadcast_add(x, w)
    return a
"""


def insert(dtype: str) -> dict[str, Any]:
    made = {"shape": [1], "init": "ones", "dtype": dtype}
    return {
        "insert": {
            "op": "FullyConnected",
            "name": "fc",
            "after": "a",
            "attrs": {"num_hidden": 1, "no_bias": True},
            "parameters": {"weight": made},
        }
    }


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint32", "uint64"])
def test_a_rule_may_not_make_them(net: Any, dtype: str) -> None:
    model = net(NET, w=(1,))
    with pytest.raises(OperationError) as caught:
        apply([insert(dtype)], model)
    assert str(caught.value).endswith(
        f": the parameter 'fc_weight' would be of {dtype}, which MXNet 1.9.1 can't "
        "load; make it float32, int32 or int64, say"
    )
    assert list(model.parameters) == ["w"]


def test_nor_may_a_rewrite(net: Any) -> None:
    model = net("a = broadcast_add(v, w)\nb = broadcast_add(x, a)\nreturn b")
    model.parameters["v"] = np.ones(1, "uint8")
    model.parameters["w"] = np.ones(1, "int8")
    rule = {
        "rewrite": {
            "match": "broadcast_add(param(v), param(w))",
            "let": {"s": "v + w"},
            "replace": "y = identity(s)\nreturn y",
        }
    }
    with pytest.raises(OperationError, match=r"rewrite.*would be of int16, which MXNet 1\.9\.1"):
        apply([rule], model)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float16", "bool"])
def test_others_it_may(net: Any, dtype: str) -> None:
    model = net(NET, w=(1,))
    apply([insert(dtype)], model)
    assert model.parameters["fc_weight"].dtype == dtype


def test_what_is_there_stays_and_is_copied(net: Any) -> None:
    model = net(NET)
    model.parameters["w"] = np.ones(1, "uint16")
    apply([{"prefix": "p_"}, {"clone": {"prefix": "c_", "share": "copy"}}], model)
    assert {array.dtype.name for array in model.parameters.values()} == {"uint16"}
