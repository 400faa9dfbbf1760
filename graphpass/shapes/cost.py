"""What a forward pass costs: multiply-adds and parameter bytes, node by node."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph
from graphpass.ops import Attributes, find
from graphpass.ops.meaning import meaning
from graphpass.ops.shape import ConflictError, Shape, is_known, size
from graphpass.ops.sites import ShapeSite
from graphpass.shapes.inference import Inference, Subgraph, inner_graphs

__all__ = ["cost", "multiply_adds", "parameter_bytes"]

_ITEM_SIZES = {"float64": 8, "int64": 8, "float16": 2, "bfloat16": 2, "uint8": 1, "int8": 1,
               "bool": 1}  # fmt: skip


def cost(graph: Graph, key: int, inference: Inference) -> int | None:
    """Return the multiply-adds of one node in a forward pass.

    Returns
    -------
    int or None
        None where the operator has no rule, or a shape that decides it is not known.

    Notes
    -----
    =====================================  =========================================================
    operators                              multiply-adds
    =====================================  =========================================================
    Convolution, also deformable           elements of the output x elements of one filter
    Deconvolution                          elements of the input x weights per input channel
    FullyConnected                         elements of the output x inputs
    dot, batch_dot, linalg_gemm2           elements of the output x length of the sums
    interleaved attention                  elements of the output x length of the sums
    RNN                                    steps x batch x weights, biases apart
    BatchNorm and the other norms          elements of the output
    elementwise and broadcast arithmetic   elements of the output
    _foreach                               steps x the multiply-adds inside
    fused subgraphs                        the multiply-adds inside
    _while_loop, _cond                     not known
    all others                             none
    =====================================  =========================================================

    Biases, activations, pooling, comparisons and the movement of data count nothing.
    """
    if graph.is_variable(key):
        return 0
    op = graph.op(key)
    row = meaning(op)
    if row.shape is None:
        return None
    if row.cost is None:
        return 0
    operator, attrs = find(op), graph.attrs(key)
    inputs = [inference.shape(entry) for entry in graph.inputs(key)]
    try:
        count = graph.signature(key).num_outputs
    except AttributeValueError:
        return None
    outputs = [inference.shape(Entry(key, output)) for output in range(count)]
    given = inputs[: row.cost_needs]
    if not all(map(is_known, (outputs[0], *given))):
        return None
    site = ShapeSite(
        op,
        Attributes(op, {}, attrs) if operator is None else operator.view(attrs),
        inputs,
        outputs,
        tuple(map(_CountedSubgraph, inner_graphs(graph, key))),
        inference.np_shape,
    )
    try:
        return row.cost(site, *given)
    except (AttributeValueError, ConflictError, KeyError, ZeroDivisionError):
        return None


class _CountedSubgraph(Subgraph):
    """A graph that an operator runs, of which a rule may ask what it costs."""

    __slots__ = ()

    def multiply_adds(self, site: ShapeSite, given: Sequence[Shape | None]) -> int | None:
        """Return the multiply-adds inside; None where those of some node are not known."""
        return multiply_adds(self.graph, self.look(site, given))


def multiply_adds(graph: Graph, inference: Inference) -> int | None:
    """Return the multiply-adds of a forward pass; None where those of some node are not known.

    Linear in the graph.
    """
    total = 0
    for key in graph.order():
        each = cost(graph, key, inference)
        if each is None:
            return None
        total += each
    return total


def parameter_bytes(
    graph: Graph, key: int, inference: Inference, parameters: Collection[str]
) -> int | None:
    """Return the bytes of the parameters that a node reads; None where some are not known.

    Of a variable: its own bytes, if it is a parameter.

    Parameters
    ----------
    graph, key, inference
        The node, and what is known of its inputs.
    parameters : collection of str
        Names of the variables that are parameters rather than inputs.
    """
    sources = [key] if graph.is_variable(key) else dict.fromkeys(graph.sources(key))
    total = 0
    for source in sources:
        if graph.is_variable(source) and graph.name(source) in parameters:
            entry = Entry(source)
            elements, dtype = size(inference.shape(entry)), inference.dtype(entry)
            if elements is None or dtype is None:
                return None
            total += elements * _ITEM_SIZES.get(dtype, 4)
    return total
