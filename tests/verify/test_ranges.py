"""Which values an input may be given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphpass import Entry, Graph
from graphpass.verify.inputs import is_limited, range_of

Build = Callable[..., Graph]

SIZES = {"x": (5, 4, 6, 7), "i": (5, 2), "d": (5, 4), "t": (9, 5, 4)}


def limits(build: Build, op: str, attrs: dict[str, str], inputs: list[str], of: str) -> object:
    """Return the range that one operator gives one of its inputs."""
    names = list(dict.fromkeys(inputs))
    graph = build(*[(name, "null") for name in names], ("r", op, attrs, inputs), heads=["r"])
    shapes = {Entry(names.index(name)): SIZES[name] for name in names if name in SIZES}
    found = range_of(graph, names.index(of), shapes)
    assert (found is None) or found.reader == f"{op} 'r'"
    return None if found is None else (found.low, found.high)


@pytest.mark.parametrize(
    ("op", "attrs", "inputs", "of", "expected"),
    [
        ("Embedding", {"input_dim": "10", "output_dim": "3"}, ["i", "w"], "i", (0, 9)),
        ("Embedding", {"input_dim": "10", "output_dim": "3"}, ["i", "w"], "w", None),
        ("one_hot", {"depth": "7"}, ["i"], "i", (0, 6)),
        ("take", {}, ["x", "i"], "i", (0, 4)),
        ("take", {"axis": "-1"}, ["x", "i"], "i", (0, 6)),
        ("take", {"axis": "3"}, ["d", "i"], "i", None),
        ("pick", {}, ["d", "i"], "i", (0, 3)),
        ("pick", {"axis": "0"}, ["d", "i"], "i", (0, 4)),
        ("batch_take", {}, ["d", "i"], "i", (0, 3)),
        ("gather_nd", {}, ["x", "i"], "i", (0, 3)),
        ("SoftmaxOutput", {}, ["d", "l"], "l", (0, 3)),
        ("SoftmaxOutput", {}, ["x", "l"], "l", (0, 4 * 6 * 7 - 1)),
        ("SoftmaxOutput", {"multi_output": "True"}, ["x", "l"], "l", (0, 3)),
        ("SoftmaxOutput", {"preserve_shape": "1"}, ["x", "l"], "l", (0, 6)),
        ("SoftmaxOutput", {}, ["unknown", "l"], "l", None),
        ("SVMOutput", {}, ["d", "l"], "l", (0, 3)),
        ("softmax_cross_entropy", {}, ["d", "l"], "l", (0, 3)),
        ("CTCLoss", {}, ["t", "i"], "i", (1, 3)),
        ("CTCLoss", {"blank_label": "last"}, ["t", "i"], "i", (0, 2)),
        ("SequenceMask", {"use_sequence_length": "1"}, ["t", "l"], "l", (1, 9)),
        ("SequenceMask", {"use_sequence_length": "1", "axis": "1"}, ["t", "l"], "l", (1, 5)),
        ("softmax", {"use_length": "True"}, ["d", "l"], "l", (1, 4)),
        ("where", {}, ["i", "a", "b"], "i", (0, 1)),
        ("relu", {}, ["i"], "i", None),
        ("NoSuchOperator", {}, ["i"], "i", None),
    ],
)
def test_what_operators_read(
    build: Build, op: str, attrs: dict[str, str], inputs: list[str], of: str, expected: object
) -> None:
    assert limits(build, op, attrs, inputs, of) == expected


def test_a_probability_label_is_of_any_decimals_from_0_to_1(build: Build) -> None:
    graph = build(("x", "null"), ("l", "null"), ("s", "SoftmaxOutput", {}, ["x", "l"]), heads=["s"])
    found = range_of(graph, 1, {Entry(0): (2, 3), Entry(1): (2, 3)})
    assert found is not None
    assert not found.integral
    assert str(found) == "0 to 1, as SoftmaxOutput 's' reads it"


def test_boxes(build: Build) -> None:
    attrs = {"pooled_size": "(2, 2)", "spatial_scale": "0.5"}
    graph = build(("x", "null"), ("b", "null"), ("p", "ROIPooling", attrs, ["x", "b"]), heads=["p"])
    found = range_of(graph, 1, {Entry(0): (2, 3, 11, 21)})
    assert str(found) == (
        "rows of 0 to 1, 0 to 20, 0 to 10, 20 to 40, 10 to 20, as ROIPooling 'p' reads it"
    )


def test_what_an_input_passes_through_is_followed(build: Build) -> None:
    graph = build(
        ("i", "null"),
        ("w", "null"),
        ("c", "Cast", {"dtype": "int32"}, ["i"]),
        ("r", "Reshape", {"shape": "(-1,)"}, ["c"]),
        ("p", "_plus_scalar", {"scalar": "2"}, ["r"]),
        ("m", "_minus_scalar", {"scalar": "5"}, ["p"]),
        ("e", "Embedding", {"input_dim": "10", "output_dim": "3"}, ["m", "w"]),
        heads=["e"],
    )
    found = range_of(graph, 0, {})
    assert found is not None
    assert (found.low, found.high) == (3, 12)
    assert is_limited(graph, 0)
    assert not is_limited(graph, 1)


def test_the_narrowest_range_counts(build: Build) -> None:
    graph = build(
        ("i", "null"),
        ("a", "one_hot", {"depth": "10"}, ["i"]),
        ("b", "one_hot", {"depth": "4"}, ["i"]),
        ("c", "one_hot", {"depth": "6"}, ["i"]),
        heads=["a", "b", "c"],
    )
    found = range_of(graph, 0, {})
    assert found is not None
    assert found.high == 3


def test_a_limit_of_unknown_size_is_a_limit_all_the_same(build: Build) -> None:
    graph = build(("x", "null"), ("i", "null"), ("t", "take", {}, ["x", "i"]), heads=["t"])
    assert range_of(graph, 1, {}) is None
    assert is_limited(graph, 1)


def test_readers_that_no_head_reaches_do_not_limit(build: Build) -> None:
    graph = build(
        ("i", "null"),
        ("a", "one_hot", {"depth": "3"}, ["i"]),
        ("r", "relu", {}, ["i"]),
        heads=["r"],
    )
    assert range_of(graph, 0, {}) is None
    assert not is_limited(graph, 0)
