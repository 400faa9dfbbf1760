"""What is told of the number of axes is so on MXNet."""

from __future__ import annotations

from types import ModuleType

import pytest
from batching_cases import cases
from batching_draws import Case
from hypothesis import assume, given, settings

from graphpass import dumps
from graphpass.rules.batching.ranks import rank_behind

OPERATORS = [
    "BatchNorm", "Concat", "Convolution", "Deconvolution", "Embedding", "Flatten", "FullyConnected",
    "L2Normalization", "LayerNorm", "LeakyReLU", "Pooling", "Reshape", "SliceChannel",
    "SoftmaxOutput", "SwapAxis", "_mul_scalar", "broadcast_add", "elemwise_add", "expand_dims",
    "im2col", "one_hot", "relu", "reverse", "slice", "slice_axis", "softmax", "transpose",
]  # fmt: skip


@pytest.mark.mxnet
@pytest.mark.parametrize("op", OPERATORS)
def test_the_number_of_axes(mx: ModuleType, op: str) -> None:
    answered = 0

    @settings(max_examples=10, derandomize=True, database=None)
    @given(case=cases(op))
    def check(case: Case) -> None:
        nonlocal answered
        graph = case.graph()
        (key,) = graph.named("node")
        ranks = [len(each.shape) for each in case.inputs]
        found = rank_behind(case.op, graph.node(key).attributes, ranks)
        symbol = mx.sym.load_json(dumps(graph))
        shapes = {f"x{slot}": each.shape for slot, each in enumerate(case.inputs)}
        try:
            _, outputs, _ = symbol.infer_shape(**shapes)
        except mx.MXNetError:
            assume(False)
        assert found in (None, len(outputs[0]))
        answered += found is not None

    check()
    assert answered


def test_it_answers_only_where_it_knows() -> None:
    assert rank_behind("softmax", {}, [None]) is None
    assert rank_behind("no_such_operator", {}, [4]) is None
    assert rank_behind("Convolution", {"kernel": (3, 3)}, [None, None]) == 4
    assert rank_behind("FullyConnected", {"flatten": True}, [None, 2]) == 2
    assert rank_behind("broadcast_add", {}, [None, 4]) is None
