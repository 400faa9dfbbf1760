"""Which operators compute the same of the same inputs, and which variables keep their values."""

from __future__ import annotations

from graphpass.errors import AttributeValueError
from graphpass.graph import Graph
from graphpass.ops.meaning import randomness
from graphpass.rules.operations.operation import Purpose

__all__ = ["has_own_shape", "overwritten_gammas", "repeats"]

_NORMS = frozenset(
    {"BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm"}
)
"""Operators that write to their auxiliary states in training, and never else."""

_LOSSES = frozenset(
    {
        "LinearRegressionOutput",
        "LogisticRegressionOutput",
        "MAERegressionOutput",
        "MakeLoss",
        "SVMOutput",
        "SoftmaxOutput",
        "make_loss",
    }
)
"""Operators whose gradient is what it is, however many read them: two pull twice as much as one."""

_GAMMA = 1


def repeats(graph: Graph, key: int, purpose: Purpose) -> bool:
    """Return whether an operator computes the same of the same inputs each time, and nothing else.

    A Dropout repeats in inference, where it hands on its input; in training it draws. Operators
    that nobody knows, that run subgraphs or write to what they read do not.

    Raises
    ------
    AttributeValueError
        If an attribute that its signature depends on can't be parsed.

    Notes
    -----
    Source: ``src/operator/nn/batch_norm.cc`` of MXNet 1.9.1, where statistics move only
    ``if (ctx.is_train && !use_global_stats)``.
    """
    if graph.subgraphs(key) or (purpose == "training" and graph.op(key) in _LOSSES):
        return False
    drawing = randomness(graph.op(key), graph.attrs(key))
    if drawing != "never" and (drawing != "training" or purpose == "training"):
        return False
    if not graph.signature(key).mutable_slots:
        return True
    return graph.op(key) in _NORMS and purpose == "inference"


def has_own_shape(graph: Graph, key: int) -> bool:
    """Return whether an operator without inputs says what it makes, shape and type.

    One that leaves extents open gets them from those who read it, which may want different ones.

    Raises
    ------
    AttributeValueError
        If one of these attributes can't be parsed.
    """
    if graph.inputs(key):
        return True
    values = graph.node(key).attributes
    shape = values.get("shape", (1,))
    if not isinstance(shape, tuple) or not shape or not all(_is_extent(size) for size in shape):
        return False
    return values.get("dtype") != -1 and not values.get("infer_range")


def overwritten_gammas(graph: Graph) -> set[int]:
    """Return the variables that may hold ones as soon as the graph has run, whatever is stored.

    They are the gammas of norms whose ``fix_gamma`` is true or absent. SyncBatchNorm, BatchNorm_v1
    and, but for oneDNN, BatchNorm fill them with ones before they use them, so what else reads them
    depends on what runs first. Linear in the graph.
    """
    found = set()
    for key in graph.order():
        if graph.op(key) in _NORMS and _fixes_gamma(graph, key):
            inputs = graph.inputs(key)
            if len(inputs) > _GAMMA:
                found.add(inputs[_GAMMA].node)
    return found


def _fixes_gamma(graph: Graph, key: int) -> bool:
    try:
        return bool(graph.node(key).attributes.get("fix_gamma", True))
    except AttributeValueError:
        return True


def _is_extent(size: object) -> bool:
    return isinstance(size, int) and size > 0
