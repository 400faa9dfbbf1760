"""Multiply-adds and parameter bytes, counted by hand."""

from __future__ import annotations

import pytest

from graphpass.formats.text import parse_graph
from graphpass.shapes import Shape, cost, infer, multiply_adds, parameter_bytes


@pytest.mark.parametrize(
    ("line", "shapes", "expected"),
    [
        (
            "y = Convolution(a, b, kernel=(3, 3), num_filter=8, no_bias=True)",
            {"a": (2, 4, 7, 7)},
            2 * 8 * 5 * 5 * 4 * 9,
        ),
        (
            "y = Convolution(a, b, c, kernel=(3, 3), num_filter=8, num_group=4)",
            {"a": (2, 4, 7, 7)},
            2 * 8 * 5 * 5 * 9,
        ),
        (
            "y = Deconvolution(a, b, kernel=(3, 3), num_filter=8, num_group=2)",
            {"a": (2, 4, 7, 7)},
            2 * 4 * 7 * 7 * 4 * 9,
        ),
        ("y = FullyConnected(a, b, c, num_hidden=5)", {"a": (2, 3, 4)}, 2 * 5 * 12),
        (
            "y = FullyConnected(a, b, c, num_hidden=5, flatten=False)",
            {"a": (2, 3, 4)},
            2 * 3 * 5 * 4,
        ),
        ("y = dot(a, b)", {"a": (2, 3), "b": (3, 5)}, 2 * 5 * 3),
        ("y = dot(a, b, transpose_a=True)", {"a": (3, 2), "b": (3, 5)}, 2 * 5 * 3),
        ("y = batch_dot(a, b, transpose_b=True)", {"a": (6, 2, 3), "b": (6, 5, 3)}, 6 * 2 * 5 * 3),
        ("y = _linalg_gemm2(a, b)", {"a": (6, 2, 3), "b": (6, 3, 5)}, 6 * 2 * 5 * 3),
        (
            "y = _contrib_interleaved_matmul_selfatt_qk(a, heads=2)",
            {"a": (7, 3, 12)},
            3 * 2 * 7 * 7 * 2,
        ),
        (
            "y = _contrib_interleaved_matmul_selfatt_valatt(a, b, heads=2)",
            {"a": (7, 3, 12), "b": (6, 7, 7)},
            7 * 3 * 4 * 7,
        ),
        (
            "y = RNN(a, b, c, d, mode='lstm', state_size=5, num_layers=2, bidirectional=True)",
            {"a": (7, 3, 4)},
            7 * 3 * 2 * 4 * 5 * ((4 + 5) + (10 + 5)),
        ),
        ("y = BatchNorm(a, b, c, d, e)", {"a": (2, 4, 7, 7)}, 2 * 4 * 7 * 7),
        (
            "y = Correlation(a, b, kernel_size=3, max_displacement=2, pad_size=3)",
            {"a": (2, 4, 7, 7), "b": (2, 4, 7, 7)},
            2 * 25 * 7 * 7 * 4 * 9,
        ),
        ("y = broadcast_mul(a, b)", {"a": (2, 3), "b": (2, 1)}, 6),
        ("y = relu(a)", {"a": (2, 3)}, 0),
        ("y = Pooling(a, kernel=(2, 2))", {"a": (2, 3, 4, 4)}, 0),
        ("y = FullyConnected(a, b, c, num_hidden=5)", {}, None),
        ("y = Custom(a, op_type='mine')", {"a": (2, 3)}, None),
        (
            "y = _contrib_quantized_conv(a, b, c, d, e, e, kernel=(3, 3), num_filter=8, "
            "no_bias=True)",
            {"a": (2, 4, 7, 7)},
            2 * 8 * 5 * 5 * 4 * 9,
        ),
    ],
)
def test_multiply_adds(line: str, shapes: dict[str, Shape], expected: int | None) -> None:
    graph = parse_graph(f"a, b, c, d, e = {', '.join(['variable()'] * 5)}\n{line}\nreturn y\n")
    (key,) = graph.named("y")
    found = infer(graph, shapes)
    assert cost(graph, key, found) == expected
    assert multiply_adds(graph, found) == expected


def test_parameter_bytes_count_a_value_that_is_read_twice_once() -> None:
    graph = parse_graph(
        "x, w = variable(), variable(__dtype__=2)\ny = dot(w, w)\nz = dot(y, x)\nreturn z\n"
    )
    found = infer(graph, {"x": (3, 3), "w": (3, 3)})
    (y,), (z,), (w,), (x,) = map(graph.named, "yzwx")
    assert parameter_bytes(graph, y, found, {"w"}) == 18
    assert parameter_bytes(graph, z, found, {"w"}) == 0
    assert parameter_bytes(graph, w, found, {"w"}) == 18
    assert parameter_bytes(graph, x, found, {"w"}) == 0
    assert parameter_bytes(graph, y, infer(graph), {"w"}) is None
