"""Operations on everything, against what the ONNX libraries have for the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chains import OPERATORS_PER_BLOCK, onnx_chain, plain_model
from speed import TABLE, Peer, Prepare

import graphpass
from graphpass.rules import load_pass

pytestmark = pytest.mark.benchmark

SIZES = {"10,000 operators": 1_667, "100,000 operators": 16_667}


def ours(rule: dict[str, Any], blocks: int) -> Prepare:
    """Apply an operation; the job tells how many operators there are then."""
    bound = load_pass([rule])

    def prepare() -> Callable[[], object]:
        model = plain_model(blocks)

        def job() -> Callable[[], int]:
            graphpass.apply(bound, model)
            graph = model.graph
            return lambda: sum(not graph.is_variable(key) for key in graph.dag)

        return job

    return prepare


def compose(blocks: int) -> Prepare:
    """Prefix every name with ``onnx.compose.add_prefix``."""
    import onnx
    from onnx.compose import add_prefix

    data = onnx_chain(blocks)

    def prepare() -> Callable[[], object]:
        model = onnx.load_model_from_string(data)

        def job() -> Callable[[], int]:
            add_prefix(model, "p_", inplace=True)
            return lambda: len(model.graph.node)

        return job

    return prepare


def graphsurgeon(blocks: int) -> Prepare:
    """Clone a graph on tied weights, as a user of graphsurgeon writes it."""
    import onnx
    import onnx_graphsurgeon as gs

    data = onnx_chain(blocks)

    def clone(graph: Any) -> None:
        copies: dict[int, Any] = {}

        def copy(tensor: Any) -> Any:
            if isinstance(tensor, gs.Constant):
                return tensor
            if id(tensor) not in copies:
                copies[id(tensor)] = gs.Variable(f"p_{tensor.name}", tensor.dtype, tensor.shape)
            return copies[id(tensor)]

        nodes = [
            gs.Node(
                op=node.op,
                name=f"p_{node.name}",
                attrs=dict(node.attrs),
                inputs=[copy(each) for each in node.inputs],
                outputs=[copy(each) for each in node.outputs],
            )
            for node in graph.nodes
        ]
        graph.inputs += [copy(each) for each in list(graph.inputs)]
        graph.outputs += [copy(each) for each in list(graph.outputs)]
        graph.nodes.extend(nodes)

    def prepare() -> Callable[[], object]:
        graph = gs.import_onnx(onnx.load_model_from_string(data))

        def job() -> Callable[[], int]:
            clone(graph)
            return lambda: len(graph.nodes)

        return job

    return prepare


def common_subexpressions(blocks: int) -> Prepare:
    """Merge what computes the same with onnx-ir's pass."""
    import onnx
    import onnx_ir
    from onnx_ir.passes.common import CommonSubexpressionEliminationPass

    data = onnx_chain(blocks)

    def prepare() -> Callable[[], object]:
        model = onnx_ir.serde.deserialize_model(onnx.load_model_from_string(data))

        def job() -> Callable[[], int]:
            after = CommonSubexpressionEliminationPass()(model).model
            return lambda: len(after.graph)

        return job

    return prepare


JOBS: dict[str, tuple[dict[str, Any], str, Callable[[int], Prepare], float]] = {
    "prefix of everything": (
        {"prefix": {"prefix": "p_"}}, "onnx.compose.add_prefix", compose, 1),
    "clone on tied weights": (
        {"clone": {"prefix": "p_"}}, "graphsurgeon, by hand", graphsurgeon, 1),
    "deduplicate": (
        {"deduplicate": {}}, "onnx-ir's CSE pass", common_subexpressions, 1.5),
}  # fmt: skip


@pytest.mark.parametrize("job", JOBS)
def test_operation(job: str) -> None:
    for module in ("onnx", "onnx_graphsurgeon", "onnx_ir"):
        pytest.importorskip(module)
    rule, name, theirs, at_most = JOBS[job]
    for size, blocks in SIZES.items():
        peer = Peer(name, theirs(blocks), at_most)
        TABLE.race(job, size, ours(rule, blocks), peer, count=blocks * OPERATORS_PER_BLOCK,
                   small=(ours(rule, 2), theirs(2)))  # fmt: skip


ALONE = {job: rule for job, (rule, *_) in JOBS.items()} | {
    "extract": {"extract": {"inputs": {"conv0": "features"}}},
    "rename by a regular expression": {"rename": {"select": "regex:(.*)", "to": r"p_\1"}},
    "remove": {"remove": "op:identity"},
}


@pytest.mark.parametrize("job", ALONE)
def test_cost_of_an_operator_does_not_grow(job: str) -> None:
    rule = ALONE[job]
    figures = {}
    for size, blocks in {"10,000 nodes": 833, "1,000,000 nodes": 83_333}.items():
        rounds = 1 if blocks > 50_000 else 5
        count = blocks * OPERATORS_PER_BLOCK * 2
        figures[size] = TABLE.race(f"{job}, alone", size, ours(rule, blocks), count=count,
                                   rounds=rounds, small=(ours(rule, 2),))  # fmt: skip
    TABLE.growth(f"{job}, for each node", figures)
