"""Operators as operations meet them: which ones are meant, and how a new one is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphpass.errors import AttributeValueError, OperationError, suggestion
from graphpass.graph import Graph
from graphpass.graph.invariants import describe
from graphpass.ops import Operator, find, format_value, operator_names
from graphpass.rules.selectors import Selector, select

__all__ = ["attribute_texts", "checked_attrs", "find_operator", "select_operators"]


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
        name: value if isinstance(value, str) else format_value(_tuples(value))
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


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
