"""Operators as operations meet them: which are meant, how a new one is written, which repeat."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from graphpass.errors import AttributeValueError, OperationError, count, listed, suggestion
from graphpass.graph import Graph
from graphpass.graph.edges import source_at
from graphpass.graph.invariants import describe
from graphpass.ops import Operator, find, format_value, operator_names
from graphpass.ops.meaning import meaning, randomness
from graphpass.rules.operations.operation import Purpose
from graphpass.rules.rewrite.fire import PROVENANCE
from graphpass.rules.selectors import Selector, select

__all__ = [
    "as_tuples",
    "attribute_texts",
    "checked_attrs",
    "find_operator",
    "find_slot",
    "has_own_shape",
    "overwritten_gammas",
    "repeats",
    "repeats_inside",
    "says_own_shape",
    "select_operators",
    "subgraph_identity",
    "value_identity",
]

_GAMMA = 1
_ORIGINS = (PROVENANCE, "__subgraph_name__")
"""Attributes that say where a node comes from, and nothing of what it does."""


def select_operators(graph: Graph, selector: Selector, *, optional: bool = False) -> list[int]:
    """Return the operators that a selector selects, in saved order.

    Raises
    ------
    SelectorError
        If it selects nothing, and `optional` does not allow that.
    OperationError
        If it selects variables only.
    """
    found = select(graph, selector, kind="operators", optional=True)
    if found:
        return found
    variables = select(graph, selector, kind="variables", optional=True)
    if variables:
        raise OperationError(
            f"{describe(graph, variables[0])} is no operator, and only operators can be taken out "
            "or swapped; a variable can be renamed, tied, or left out by extract"
        )
    return select(graph, selector, kind="operators", optional=optional)


def find_operator(name: str) -> Operator:
    """Return the operator of a name or alias.

    Raises
    ------
    OperationError
        If MXNet 1.9.1 has none; the message names the nearest.
    """
    operator = find(name)
    if operator is None:
        raise OperationError(
            f"MXNet 1.9.1 has no operator {name!r}{suggestion(name, operator_names())}"
        )
    return operator


def attribute_texts(attrs: Mapping[str, Any]) -> dict[str, str]:
    """Return attribute values as the texts that MXNet's Python front end writes.

    Examples
    --------
    >>> attribute_texts({"kernel": [3, 3], "no_bias": True, "act_type": "relu"})
    {'kernel': '(3, 3)', 'no_bias': 'True', 'act_type': 'relu'}
    """
    return {
        name: value if isinstance(value, str) else format_value(as_tuples(value))
        for name, value in attrs.items()
    }


def checked_attrs(
    operator: Operator, attrs: Mapping[str, str], inputs: int, where: str
) -> dict[str, str]:
    """Return the attributes of a new operator: complete, and such that MXNet loads them.

    Parameters
    ----------
    operator : Operator
        What the node is to run.
    attrs : mapping of str to str
        Its attributes. An attribute that counts the inputs may be absent.
    inputs : int
        How many inputs the user gave.
    where : str
        Beginning of messages.

    Raises
    ------
    OperationError
        If one is unknown, missing or has no value.
    """
    complete = dict(attrs)
    counter = operator.key_var_num_args
    if counter is not None and counter not in complete:
        complete[counter] = str(inputs)
    try:
        operator.check(complete)
    except AttributeValueError as error:
        raise OperationError(f"{where}: {error}") from None
    return complete


def find_slot(graph: Graph, key: int, wanted: int | str) -> int:
    """Return the input slot of a node that a number or an input's name means.

    Raises
    ------
    OperationError
        Naming the inputs that there are.
    """
    slots = len(graph.inputs(key))
    names = (graph.signature(key).input_names or ())[:slots]
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < slots:
        return wanted
    known = f": {listed(names)}" if names else ""
    raise OperationError(
        f"{describe(graph, key)} has no input {wanted!r}{suggestion(str(wanted), names)}; "
        f"it has {count(slots, 'input')}{known}, counted from 0"
    )


def as_tuples(value: Any) -> Any:
    """Return a value with tuples in the place of YAML's lists, at every depth."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def repeats(graph: Graph, key: int, purpose: Purpose) -> bool:
    """Return whether an operator computes the same of the same inputs each time, and nothing else.

    A Dropout repeats in inference, where it hands on its input; in training it draws. Operators
    that nobody knows, or that write to what they read, do not; those that run subgraphs do if
    all that is in these does.

    Raises
    ------
    AttributeValueError
        If an attribute that its signature depends on can't be parsed.

    Notes
    -----
    Source: ``src/operator/nn/batch_norm.cc`` of MXNet 1.9.1, where statistics move only
    ``if (ctx.is_train && !use_global_stats)``.
    """
    if purpose == "training" and meaning(graph.op(key)).own_gradient:
        return False
    if not all(repeats_inside(inner, purpose) for inner in graph.subgraphs(key)):
        return False
    drawing = randomness(graph.op(key), graph.attrs(key))
    if drawing != "never" and (drawing != "training" or purpose == "training"):
        return False
    if not graph.signature(key).mutable_slots:
        return True
    return meaning(graph.op(key)).moves_states and purpose == "inference"


def repeats_inside(graph: Graph, purpose: Purpose) -> bool:
    """Return whether all operators of a subgraph do what `repeats` says. Linear in it."""
    operators = [key for key in graph.order() if not graph.is_variable(key)]
    return all(repeats(graph, key, purpose) for key in operators)


def subgraph_identity(graph: Graph) -> Hashable:
    """Return what subgraphs that compute the same have in common: all but the names in them.

    Variables stand for what the operator around gives them, in saved order.

    Raises
    ------
    AttributeValueError
        If an attribute can't be parsed.

    Notes
    -----
    Linear in the subgraph. Subgraphs nest as deep as MXNet lets them.
    """
    places = {key: place for place, key in enumerate(graph.order())}
    nodes = [
        (
            graph.op(key),
            value_identity(graph, key),
            *((places[entry.node], entry.output) for entry in graph.inputs(key)),
            -1,
            *(places[other] for other in graph.control_dependencies(key)),
            *map(subgraph_identity, graph.subgraphs(key)),
        )
        for key in places
    ]
    return tuple(nodes), tuple([(places[head.node], head.output) for head in graph.heads])


def value_identity(graph: Graph, key: int) -> Hashable:
    """Return what attributes of the same meaning have in common, of a node with the same operator.

    Raises
    ------
    AttributeValueError
        If one can't be parsed.
    """
    is_variable = graph.is_variable(key)
    values: Mapping[str, Any] = graph.attrs(key) if is_variable else graph.node(key).attributes
    return frozenset([(name, repr(values[name])) for name in values if name not in _ORIGINS])


def has_own_shape(graph: Graph, key: int) -> bool:
    """Return whether an operator reads something, or says by itself what it makes.

    Raises
    ------
    AttributeValueError
        If an attribute that says so can't be parsed.
    """
    return bool(graph.sources(key)) or says_own_shape(graph, key)


def says_own_shape(graph: Graph, key: int) -> bool:
    """Return whether the attributes of an operator, one that reads nothing, say what it makes.

    One that leaves extents open gets them from those who read it, which may want different ones.

    Raises
    ------
    AttributeValueError
        If one of these attributes can't be parsed.
    """
    values = graph.node(key).attributes
    shape = values.get("shape", (1,))
    if not isinstance(shape, tuple) or not shape:
        return False
    if not all(isinstance(size, int) and size > 0 for size in shape):
        return False
    return values.get("dtype") != -1 and not values.get("infer_range")


def overwritten_gammas(graph: Graph) -> set[int]:
    """Return the variables that may hold ones as soon as the graph has run, whatever is stored.

    They are the gammas of norms whose ``fix_gamma`` is true or absent. SyncBatchNorm, BatchNorm_v1
    and, but for oneDNN, BatchNorm fill them with ones before they use them, so what else reads them
    depends on what runs first. Linear in the graph.
    """
    by_op = graph.by_op()
    fixed: dict[int, bool] = {}
    found: set[int] = set()
    norms = [op for op in by_op if meaning(op).moves_states]
    for key in [key for op in norms for key in by_op[op]]:
        shared = id(graph.attrs(key))  # nodes share what a file says of several of them
        if shared not in fixed:
            try:
                fixed[shared] = bool(graph.node(key).attributes.get("fix_gamma", True))
            except AttributeValueError:
                fixed[shared] = True
        if fixed[shared]:
            gamma = source_at(graph.sources(key), _GAMMA)
            found.update(() if gamma is None else (gamma,))
    return found
