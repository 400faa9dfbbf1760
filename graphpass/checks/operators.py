"""Operators: shapes in conflict, names, what MXNet does not run, parameters of BatchNorm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from graphpass.checks.batch import freeing, target
from graphpass.checks.subject import CheckedModel, FoundNode, Hit, ScopedGraph, Spot, finds
from graphpass.errors import AttributeValueError, GraphError, suggestion
from graphpass.graph.invariants import check_arity
from graphpass.ops import find, operator_names
from graphpass.ops.families.common import data_dtype, first_dtype
from graphpass.ops.families.normalization import ONE_SHAPE, batch_norm_dtype
from graphpass.ops.meaning import meaning
from graphpass.shapes import printed

# -- shapes and types ------------------------------------------------------------------------------

_ONE_TYPE = (batch_norm_dtype, data_dtype, first_dtype)
"""How types follow where the data give all other inputs one and the same."""


def wants_one_shape(op: str) -> bool:
    """Return whether what an operator reads beside its data has to be of one shape."""
    return meaning(op).shape in ONE_SHAPE


@finds(
    "shape-conflict",
    "error",
    "shapes or types that can't be, from what `--input` gives and what is stored",
)
def conflicts(subject: CheckedModel) -> Iterator[Hit]:
    """Yield what inference trips over, and what it leaves open where the data are not known.

    There the parameters of an operator may be of several types, or shapes, and have to be of one.
    Source: ``InferType`` (``This layer requires uniform type``) and ``InferShape`` in
    ``src/operator/nn/*.cc``.
    """
    graph, known = subject.graph, subject.from_all
    told = set()
    for conflict in known.conflicts:
        spot = subject.spot(conflict.key)
        told.add(conflict.key)
        extent = next(iter(target(spot)), 0) if spot.op == "Reshape" else 0
        remedy = freeing(extent) if extent > 0 else ""
        yield Hit((spot.node,), conflict.message, remedy=remedy)
    for op, spots in subject.spots.items():
        one_type = meaning(op).dtype in _ONE_TYPE
        for spot in spots:
            if spot.inside or spot.key in told:
                continue
            read = graph.inputs(spot.key)[1:]
            types = [known.dtype(entry) for entry in read]
            if one_type and len({*types} - {None}) > 1:
                yield Hit((spot.node,), f"{_listed(spot, types)}, which have to be of one type")
            shapes = [None if shape is None else printed(shape) for shape in map(known.shape, read)]
            if wants_one_shape(op) and len({*shapes} - {None}) > 1:
                yield Hit((spot.node,), f"{_listed(spot, shapes)}, which have to be of one shape")


def _listed(spot: Spot, facts: Sequence[str | None]) -> str:
    """Return what an operator reads beside its data, by the names of its inputs."""
    try:
        names = spot.graph.signature(spot.key).input_names or ()
    except AttributeValueError:
        names = ()
    listed = [
        f"{names[slot] if slot < len(names) else f'input {slot}'} {fact}"
        for slot, fact in enumerate(facts, 1)
        if fact is not None
    ]
    return f"it reads {', '.join(listed)}"


# -- names -----------------------------------------------------------------------------------------


def _bearers(scope: ScopedGraph) -> Iterator[tuple[str, list[FoundNode]]]:
    """Yield the names that several nodes of a graph have, those nodes in saved order."""
    graph = scope.graph
    repeated = {name: graph.named(name) for name in graph.names if len(graph.named(name)) > 1}
    if not repeated:
        return
    positions = {key: number for number, key in enumerate(graph.order())}
    for name, keys in repeated.items():
        reached = sorted(positions.keys() & keys, key=positions.__getitem__)
        yield name, [scope.found(key) for key in reached]


@finds(
    "repeated-variable-name",
    "error",
    "two variables of one name, which MXNet does not bind",
    "apply unique-names",
)
def repeated_variables(subject: CheckedModel) -> Iterator[Hit]:
    for name, nodes in _bearers(subject.scopes[0]):
        variables = tuple(node for node in nodes if node.op == "null")
        if len(variables) > 1:
            yield Hit(
                variables,
                f"{len(variables)} variables are called {name!r}, and parameters are bound by "
                "name; MXNet refuses to bind them",
            )


@finds("repeated-operator-name", "warning", "two operators of one name", "apply unique-names")
def repeated_operators(subject: CheckedModel) -> Iterator[Hit]:
    """Yield operators of one name; inside a subgraph, whose nodes no pass renames, for good."""
    for scope in subject.scopes:
        for name, nodes in _bearers(scope):
            operators = tuple(node for node in nodes if node.op != "null")
            if len(operators) > 1:
                yield Hit(
                    operators,
                    f"{len(operators)} operators are called {name!r}; converters and "
                    "get_internals() need one name for each",
                    remedy="" if scope.inside else None,
                )


@finds("shared-name", "warning", "an operator that is named like a variable", "apply unique-names")
def shared_names(subject: CheckedModel) -> Iterator[Hit]:
    for scope in subject.scopes:
        for name, nodes in _bearers(scope):
            if len({node.op == "null" for node in nodes}) > 1:
                yield Hit(
                    tuple(nodes),
                    f"a variable and an operator are both called {name!r}; tools that know nodes "
                    "by name take one for the other",
                    remedy="" if scope.inside else None,
                )


# -- what MXNet runs -------------------------------------------------------------------------------


@finds("unknown-operator", "error", "an operator that MXNet 1.9.1 does not have")
def unknown(subject: CheckedModel) -> Iterator[Hit]:
    origin = subject.graph.origin
    if origin is not None and origin.dialect in ("tvm", "nnvm"):
        return  # its operators are no one's but TVM's
    for op, spots in subject.spots.items():
        if find(op) is None:
            reason = f"MXNet 1.9.1 has no operator {op!r}{suggestion(op, operator_names())}"
            for spot in spots:
                yield Hit((spot.node,), reason)


@finds("custom-operator", "warning", "an operator that is Python code elsewhere")
def custom(subject: CheckedModel) -> Iterator[Hit]:
    for spot in subject.of("Custom"):
        kind = spot.attribute("op_type", "?")
        yield Hit(
            (spot.node,),
            f"MXNet runs it only where Python code has registered the custom operator {kind!r}",
        )


@finds(
    "unknown-attribute",
    "error",
    "an attribute that MXNet 1.9.1 does not have, or a value that it does not take",
)
def attributes(subject: CheckedModel) -> Iterator[Hit]:
    for op, spots in subject.spots.items():
        operator = find(op)
        if operator is None:
            continue
        for spot in spots:
            try:
                operator.check(spot.graph.attrs(spot.key))
            except AttributeValueError as error:
                yield Hit((spot.node,), f"{error}; MXNet 1.9.1 refuses to load it")


@finds("wrong-arity", "error", "an operator with too few inputs, or too many")
def arity(subject: CheckedModel) -> Iterator[Hit]:
    for spots in subject.spots.values():
        for spot in spots:
            try:
                check_arity(spot.graph, [spot.key])
            except GraphError as error:
                _, _, told = str(error).partition(") ")
                yield Hit((spot.node,), f"it {told}; MXNet refuses to bind it")
            except AttributeValueError:
                continue  # `attributes` says so


DEPRECATED: Mapping[str, tuple[str, str]] = {
    "BatchNorm_v1": ("BatchNorm", ""),
    "Convolution_v1": ("Convolution", ""),
    "Crop": ("slice or slice_like", ""),
    "Pooling_v1": ("Pooling", ""),
    "SoftmaxActivation": ("softmax", "apply softmax-activation"),
    "_contrib_SparseEmbedding": ("Embedding", ""),
    "batch_take": ("pick", ""),
}
"""Operator -> what MXNet has in its place, and what writes it so.

Source: the documentation of each operator in MXNet 1.9.1, where it says "deprecated" of the
operator and not of one of its names."""


@finds(
    "deprecated-operator",
    "warning",
    "an operator that MXNet deprecates; the remedy is for SoftmaxActivation",
    "apply softmax-activation",
)
def deprecated(subject: CheckedModel) -> Iterator[Hit]:
    for op, (instead, remedy) in DEPRECATED.items():
        for spot in subject.of(op):
            yield Hit(
                (spot.node,),
                f"MXNet deprecates {op}, and converters often do not know it; its place has "
                f"{instead}",
                remedy=remedy,
            )


# -- BatchNorm -------------------------------------------------------------------------------------


def _norms(subject: CheckedModel, slot: str) -> Iterator[tuple[Spot, str, float, float]]:
    """Yield BatchNorms and their kin: name of a stored input, its least value, and max|value-1|."""
    import numpy as np

    from graphpass.verify.arrays import widened

    for op, spots in subject.spots.items():
        operator = find(op)
        if operator is None or "fix_gamma" not in operator.attributes:
            continue
        for spot in spots:
            stored = subject.stored(spot, slot)
            if stored is not None:
                name, values = subject.graph.name(stored[0]), widened(stored[1])
                far = float(np.abs(values - 1.0).max(initial=0))
                yield spot, name, float(values.min(initial=0)), far


@finds(
    "fix-gamma",
    "warning",
    "a BatchNorm with `fix_gamma`, absent or not, whose stored gamma is not 1",
    "apply bake-fix-gamma",
)
def fixed_gammas(subject: CheckedModel) -> Iterator[Hit]:
    """Yield where a gamma is stored that MXNet takes for 1: ``fix_gamma`` is true if absent."""
    for spot, name, _, far in _norms(subject, "gamma"):
        if far == 0 or not spot.attribute("fix_gamma"):
            continue
        remedy = ""  # in a subgraph, which stores no gamma
        if not spot.inside and spot.op == "BatchNorm":
            remedy = "apply bake-fix-gamma"
        elif spot.op == "_contrib_SyncBatchNorm" and not (
            spot.inside or spot.attribute("output_mean_var")
        ):
            remedy = "apply '[{use: syncbn-to-bn}, {use: bake-fix-gamma}]'"
        given = spot.graph.attrs(spot.key).get("fix_gamma")
        says = f"fix_gamma={given}" if given is not None else "fix_gamma absent, which means True"
        yield Hit(
            (spot.node,),
            f"{says}, so MXNet computes with a gamma of 1, but {name!r} is stored with "
            f"max|gamma-1|={far:.6g}; converters take what is stored",
            remedy=remedy,
        )


@finds(
    "negative-variance",
    "error",
    "a moving variance less than 0; a warning if `eps` makes up for it",
)
def negative_variances(subject: CheckedModel) -> Iterator[Hit]:
    for spot, name, low, _ in _norms(subject, "moving_var"):
        if not low < 0:  # NaN is told by another check
            continue
        eps = float(spot.attribute("eps", 0))
        if low + eps > 0:
            told = f"the variance {name!r} holds {low:.6g}, and eps={eps:g} just makes up for it"
            yield Hit((spot.node,), f"{told}; a variance is 0 or more", "warning")
        else:
            told = f"the variance {name!r} holds {low:.6g}, so MXNet computes NaN or infinity"
            yield Hit((spot.node,), f"{told}; a variance is 0 or more")
