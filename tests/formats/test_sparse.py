"""Sparse parameters: against MXNet, carried through passes, made dense, and malformed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.errors import ParamsError
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params
from graphpass.formats.sparse import SparseArray
from graphpass.formats.text import parse_graph

I = np.array  # noqa: E741


@pytest.mark.mxnet
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("kind", ["row_sparse", "csr"])
def test_what_mxnet_saves_is_read_and_written_to_the_byte(
    mx: ModuleType, tmp_path: Path, kind: str, dtype: str
) -> None:
    dense = np.zeros((5, 4), dtype)
    dense[[1, 3, 3], [0, 1, 3]] = [1, 2, 3]
    arrays = {
        "arg:s": mx.nd.array(dense, dtype=dtype).tostype(kind),
        "arg:none": mx.nd.sparse.zeros(kind, (3, 2), dtype=dtype),
        "aux:d": mx.nd.ones(2),
    }
    mx.nd.waitall()  # saving does not wait for the number of rows
    mx.nd.save(str(tmp_path / "s.params"), arrays)
    parameters = read_params(tmp_path / "s.params")
    assert parameters.storages == {"s": kind, "none": kind}
    assert parameters.shapes == {"s": (5, 4), "none": (3, 2), "d": (2,)}
    assert params_bytes(parameters) == (tmp_path / "s.params").read_bytes()
    assert np.array_equal(parameters["s"], dense)
    assert parameters["s"].dtype == dtype
    assert not parameters["none"].any()


@pytest.mark.mxnet
def test_of_two_values_for_one_place_the_last_counts_as_in_mxnet(mx: ModuleType) -> None:
    parts = ([1.0, 2.0, 3.0], [1, 0, 1], [0, 3])
    theirs = mx.nd.sparse.csr_matrix(parts, shape=(1, 2)).asnumpy()
    ours = SparseArray("csr", (1, 2), I(parts[0], "f4"), (I(parts[2]), I(parts[1])))
    assert ours.dense().tolist() == theirs.tolist() == [[2, 3]]


MODEL = """
data, w = variable(), variable()
e = Embedding(data, w, input_dim=4, output_dim=2)
return e
"""


def model() -> graphpass.Model:
    parameters = Parameters()
    rows = SparseArray("row_sparse", (4, 2), I([[1, 2], [3, 4]], "f4"), (I([2, 0]),))
    parameters.set("w", rows, "arg")
    return graphpass.Model(parse_graph(MODEL), parameters)


@pytest.mark.parametrize(
    ("rules", "stored"),
    [
        ({"prefix": "a_"}, ["a_w"]),
        ({"rename": {"from": "w", "to": "v"}}, ["v"]),
        ({"clone": {"name": "{name}_right", "share": "copy"}}, ["w", "w_right"]),
        ("optimize-for-inference", ["w"]),
    ],
)
def test_values_that_no_rule_touches_stay_sparse(rules: Any, stored: list[str]) -> None:
    changed = model()
    graphpass.apply(rules, changed)
    assert changed.parameters.storages == dict.fromkeys(stored, "row_sparse")
    again = read_params(params_bytes(changed.parameters))
    assert again == changed.parameters
    assert again.storages == changed.parameters.storages


def test_an_expression_reads_the_dense_value_and_what_it_makes_is_dense() -> None:
    changed = model()
    rule = {
        "match": "e = Embedding(x, param(w))",
        "let": {"v": "w * 2"},
        "once": True,
        "replace": "Embedding(x, v, **e.attrs)",
    }
    graphpass.apply({"rewrite": rule}, changed)
    (made,) = changed.parameters.values()
    assert made.tolist() == [[6, 8], [0, 0], [2, 4], [0, 0]]
    assert changed.parameters.storages == {}


def test_parameters_are_made_dense_on_request() -> None:
    parameters = model().parameters
    before = parameters.copy()
    assert type(parameters.stored("w")) is SparseArray
    assert parameters.nbytes == 4 * 4 + 2 * 8
    parameters.densify()
    assert parameters.storages == {}
    assert parameters == before  # the same numbers
    assert before.storages == {"w": "row_sparse"}
    assert parameters.nbytes == 8 * 4


def test_in_numpy_mode_there_are_no_sparse_arrays() -> None:
    parameters = model().parameters
    parameters.np_shape = True
    again = read_params(params_bytes(parameters))
    assert again.storages == {}
    assert again == parameters


@pytest.mark.parametrize(
    ("storage", "shape", "values", "indices"),
    [
        ("row_sparse", (4, 2), np.zeros((2, 3)), [np.zeros(2, int)]),
        ("row_sparse", (4, 2), np.zeros((2, 2)), [np.zeros(3, int)]),
        ("row_sparse", (4, 2), np.zeros((2, 2)), [np.zeros(2)]),
        ("row_sparse", (), np.zeros(()), [np.zeros(0, int)]),
        ("csr", (4,), np.zeros(2), [np.zeros(5, int), np.zeros(2, int)]),
        ("csr", (4, 2), np.zeros((2, 1)), [np.zeros(5, int), np.zeros(2, int)]),
        ("csr", (4, 2), np.zeros(2), [np.zeros(4, int), np.zeros(2, int)]),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    storage: str, shape: tuple[int, ...], values: Any, indices: list[Any]
) -> None:
    with pytest.raises(ParamsError, match="the file is damaged"):
        SparseArray(storage, shape, values, tuple(indices))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (SparseArray("row_sparse", (4, 1), np.ones((1, 1)), (I([4]),)), "outside of it, 4"),
        (SparseArray("row_sparse", (4, 1), np.ones((1, 1)), (I([-1]),)), "outside of it, -1"),
        (SparseArray("csr", (1, 2), np.ones(1), (I([0, 1]), I([2]))), "outside of it, 2"),
        (SparseArray("csr", (2, 2), np.ones(1), (I([0, 2, 1]), I([0]))), "not in order"),
        (SparseArray("csr", (1, 2), np.ones(1), (I([0, 0]), I([0]))), "not in order"),
        (SparseArray("row_sparse", (2**60, 9), np.ones((0, 9)), (I([], int),)), "made dense"),
    ],
)
def test_damage_is_told_with_the_name_of_the_parameter(array: SparseArray, message: str) -> None:
    parameters = Parameters()
    parameters.set("w", array, "arg")
    with pytest.raises(ParamsError, match=f"parameter 'w': .*{message}"):
        parameters["w"]


def test_a_sparse_array_takes_memory_for_what_is_stored() -> None:
    array = SparseArray("row_sparse", (10**9, 64), np.ones((2, 64), "f4"), (I([5, 10**9 - 1]),))
    dense = array.dense()
    assert dense.nbytes == 256 * 10**9
    assert dense[5].sum() == 64 == dense[-1].sum()
    assert dense[6].sum() == 0
