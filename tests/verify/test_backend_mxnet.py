"""MXNet as the judge: odd graphs, dtypes, gradients, crashes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from graphpass import Entry, Graph
from graphpass.errors import BackendError
from graphpass.verify.backend_mxnet import Child, MXNetBackend

Build = Callable[..., Graph]

pytestmark = pytest.mark.mxnet


@pytest.fixture(scope="module")
def backend(mx: ModuleType) -> MXNetBackend:
    """Return MXNet in this process."""
    return MXNetBackend()


@pytest.fixture(scope="module")
def isolated(mx: ModuleType) -> Iterator[MXNetBackend]:
    """Return MXNet in a process of its own."""
    with MXNetBackend(isolated=True) as found:
        yield found


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def test_name(backend: MXNetBackend, isolated: MXNetBackend) -> None:
    assert backend.name == isolated.name == "MXNet 1.9.1"


def test_shapes_of_inner_values_are_inferred(backend: MXNetBackend, build: Build) -> None:
    attrs = {"num_hidden": "4"}
    rows = [("x", "null"), ("w", "null"), ("b", "null")]
    graph = build(
        *rows,
        ("fc", "FullyConnected", attrs, ["x", "w", "b"]),
        ("s", "SliceChannel", {"num_outputs": "2"}, ["fc"]),
        heads=[("s", 1)],
    )
    found = backend.infer(graph, {0: (5, 3)}, {0: "float16"})
    assert found.shapes[Entry(1)] == (4, 3)
    assert found.shapes[Entry(4, 1)] == (5, 2)
    assert found.dtypes == {0: "float16", 1: "float16", 2: "float16"}
    partly = backend.infer(graph, {1: (4, 3)}, {})
    assert Entry(0) not in partly.shapes
    assert partly.problem == ""


def test_a_contradiction_is_a_problem_not_an_error(backend: MXNetBackend, build: Build) -> None:
    graph = build(("x", "null"), ("y", "null"), ("s", "elemwise_add", {}, ["x", "y"]), heads=["s"])
    found = backend.infer(graph, {0: (2, 3), 1: (3, 2)}, {})
    assert "s" in found.problem
    assert found.shapes == {}
    with pytest.raises(BackendError, match=r"MXNet 1\.9\.1 says: Error in operator s:"):
        backend.run(graph, {}, [{0: normal(2, 3), 1: normal(3, 2)}])


def test_hints_on_variables_are_read(backend: MXNetBackend, build: Build) -> None:
    attrs = {"__shape__": "(0, 3)", "__dtype__": "2"}
    graph = build(("x", "null", attrs), ("r", "relu", {}, ["x"]), heads=["r"])
    found = backend.infer(graph, {}, {})
    assert found.shapes[Entry(0)] == (0, 3)
    assert found.dtypes == {0: "float16"}


def test_names_do_not_matter(backend: MXNetBackend) -> None:
    """Names that repeat, that Python's functions know, that are no UTF-8: all bind."""
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable(name) for name in ("self", "", "\udcff", 'a"b\t')]
        total = edit.add_node("add_n", "\udcff", {"num_args": "4"}, [Entry(key) for key in keys])
        edit.set_heads([Entry(total)])
    graph._nodes[keys[1]]["name"] = "self"
    values = {key: normal(2, seed=key) for key in keys}
    (run,) = backend.run(graph, {}, [values])
    assert np.allclose(run.outputs[0], sum(values.values()))


def test_odd_heads(backend: MXNetBackend, build: Build) -> None:
    """A variable, an auxiliary state, one value twice, and hidden outputs can all be heads."""
    rows = [(name, "null") for name in ("x", "g", "b", "m", "v")]
    graph = build(
        *rows,
        ("bn", "BatchNorm", {"fix_gamma": "False", "eps": "0.001"}, ["x", "g", "b", "m", "v"]),
        heads=["bn", ("bn", 1), "x", "m", "bn"],
    )
    x, scale = normal(4, 3), np.ones(3, "float32")
    constants = {1: scale, 2: scale * 2, 3: scale * 0.5, 4: scale}
    (run,) = backend.run(graph, constants, [{0: x}])
    assert np.allclose(run.outputs[0], (x - 0.5) / np.sqrt(1.001) + 2, atol=1e-5)
    assert np.array_equal(run.outputs[0], run.outputs[4])
    assert np.array_equal(run.outputs[2], x)
    assert np.array_equal(run.outputs[3], scale * 0.5)
    assert run.auxiliary_states.keys() == {3, 4}


def test_every_run_in_training_starts_from_the_same_states(
    backend: MXNetBackend, build: Build
) -> None:
    rows = [(name, "null") for name in ("x", "g", "b", "m", "v")]
    graph = build(*rows, ("bn", "BatchNorm", {}, ["x", "g", "b", "m", "v"]), heads=["bn"])
    scale = np.ones(3, "float32")
    constants = {1: scale, 2: scale, 3: scale * 0.5, 4: scale}
    x = normal(4, 3)
    feeds = [{0: x}, {0: x}]
    first, second = backend.run(graph, constants, feeds, training=True, gradients_of=[0])
    assert not np.array_equal(first.auxiliary_states[3], scale * 0.5)
    assert np.array_equal(first.auxiliary_states[3], second.auxiliary_states[3])
    (still,) = backend.run(graph, constants, [{0: x}])
    assert np.array_equal(still.auxiliary_states[3], scale * 0.5)


def test_a_graph_without_variables_runs(backend: MXNetBackend, build: Build) -> None:
    graph = build(("z", "_ones", {"shape": "(2, 3)"}), ("r", "negative", {}, ["z"]), heads=["r"])
    (run,) = backend.run(graph, {}, [{}])
    assert np.array_equal(run.outputs[0], -np.ones((2, 3), "float32"))


def test_gradients_add_up_over_uses(backend: MXNetBackend, build: Build) -> None:
    graph = build(
        ("x", "null"), ("w", "null"), ("p", "elemwise_mul", {}, ["x", "w"]), heads=["p", "w"]
    )
    x, w, slope = normal(3), normal(3, seed=1), normal(3, seed=2)
    (run,) = backend.run(
        graph, {1: w}, [{0: x}], training=True, gradients_of=[0, 1], head_gradients=[[slope, slope]]
    )
    assert np.allclose(run.gradients[0], slope * w)
    assert np.allclose(run.gradients[1], slope * x + slope)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8"])
def test_dtypes(backend: MXNetBackend, build: Build, dtype: str) -> None:
    graph = build(("x", "null"), ("s", "elemwise_add", {}, ["x", "x"]), heads=["s"])
    values = np.array([1, 2, 3], dtype)
    (run,) = backend.run(graph, {}, [{0: values}])
    assert run.outputs[0].dtype == np.dtype(dtype)
    assert run.outputs[0].tolist() == [2, 4, 6]


def test_operators_that_do_not_exist(isolated: MXNetBackend, build: Build) -> None:
    graph = build(("x", "null"), ("r", "NoSuchOperator", {}, ["x"]), heads=["r"])
    with pytest.raises(BackendError, match="Operator NoSuchOperator is not registered"):
        isolated.infer(graph, {}, {})


def malformed() -> Graph:
    """Return a graph that makes MXNet 1.9.1 read past its arrays: a head that does not exist."""
    graph = Graph()
    with graph.edit() as edit:
        relu = edit.add_node("relu", "r", inputs=[Entry(edit.add_variable("x"))])
        edit.set_heads([Entry(relu)])
    graph._heads = (Entry(relu, 50_000_000),)
    return graph


def test_a_crash_is_an_error_and_the_next_call_works(isolated: MXNetBackend, build: Build) -> None:
    with pytest.raises(
        BackendError, match=r"the process that runs MXNet ended \(.+\); MXNet checks"
    ):
        isolated.run(malformed(), {}, [{0: normal(2, 3)}])
    good = build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"])
    (run,) = isolated.run(good, {}, [{0: normal(2, 3)}])
    assert run.outputs[0].shape == (2, 3)


def test_both_processes_compute_the_same(
    backend: MXNetBackend, isolated: MXNetBackend, build: Build
) -> None:
    attrs = {"kernel": "(3, 3)", "num_filter": "4", "no_bias": "True"}
    graph = build(
        ("x", "null"), ("w", "null"), ("c", "Convolution", attrs, ["x", "w"]), heads=["c"]
    )
    constants, feeds = {1: normal(4, 3, 3, 3)}, [{0: normal(1, 3, 8, 8)}]
    (here,) = backend.run(graph, constants, feeds)
    (there,) = isolated.run(graph, constants, feeds)
    assert np.array_equal(here.outputs[0], there.outputs[0])


def fused_head(build: Build) -> tuple[Graph, dict[int, np.ndarray], list[dict[int, np.ndarray]]]:
    """Return a convolution and its relu, both heads: MKLDNN's subgraph backend fuses them."""
    attrs = {"kernel": "(3, 3)", "num_filter": "4", "no_bias": "True"}
    graph = build(
        ("x", "null"),
        ("w", "null"),
        ("c", "Convolution", attrs, ["x", "w"]),
        ("r", "Activation", {"act_type": "relu"}, ["c"]),
        heads=["r", "c"],
    )
    return graph, {1: normal(4, 3, 3, 3)}, [{0: normal(1, 3, 8, 8)}]


@pytest.mark.parametrize("wish", ["MKLDNN", None])
def test_the_subgraph_backend_is_off(
    mx: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch, wish: str | None
) -> None:
    if wish is None:
        monkeypatch.delenv("MXNET_SUBGRAPH_BACKEND", raising=False)
    else:
        monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", wish)
    for isolated in (False, True):
        with MXNetBackend(isolated=isolated) as backend:
            (run,) = backend.run(*fused_head(build))
        relu, convolution = run.outputs
        assert (convolution < 0).any()
        assert np.array_equal(relu, np.maximum(convolution, 0))
    assert os.environ.get("MXNET_SUBGRAPH_BACKEND") == wish


def test_the_terminal_stays_clean(
    mx: ModuleType, build: Build, capfd: pytest.CaptureFixture[str]
) -> None:
    graph = build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"])
    for isolated in (False, True):
        with MXNetBackend(isolated=isolated) as backend:
            backend.run(graph, {}, [{0: normal(2, 3)}])
            with pytest.raises(BackendError):
                backend.run(graph, {}, [{}])
    assert capfd.readouterr() == ("", "")
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_a_child_ends_with_its_backend(mx: ModuleType) -> None:
    with MXNetBackend(isolated=True) as backend:
        assert backend.name
        assert backend._child is not None
        process = backend._child._process
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None


def test_a_child_that_never_started_can_be_closed() -> None:
    child = Child()
    child.close()
    child.close()


def test_an_interpreter_that_can_not_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "graphpass").mkdir()
    (tmp_path / "graphpass" / "__init__.py").write_text("raise ImportError('torn')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    child = Child()
    with pytest.raises(BackendError, match="torn"):
        child.call("version")
