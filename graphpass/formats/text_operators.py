"""Which operator a call in the text form means, and whether it may have what it is given."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from graphpass.errors import AttributeValueError, suggestion
from graphpass.formats.text_source import TextSource, shortened
from graphpass.graph import VARIABLE
from graphpass.ops import Operator, find, operator_names
from graphpass.ops.attributes import is_hidden_key

__all__ = ["Called", "called", "num_outputs"]


class Called(NamedTuple):
    """What stands before the bracket of a call."""

    op: str
    """As the graph stores it."""

    operator: Operator | None
    """None for a variable, and for an operator that MXNet 1.9.1 does not have."""

    checked: bool
    """Whether MXNet 1.9.1 has to take what the call gives it."""


def called(call: ast.Call, source: TextSource) -> Called:
    """Find the operator of a call.

    Raises
    ------
    TextError
        If there is none of that name, unless it stands in backquotes.
    """
    function = call.func
    if not isinstance(function, ast.Name):
        raise source.error(function, "an operator is called by its name")
    name = source.name(function.id)
    if source.is_quoted(function.id):
        return Called(name, None if name == VARIABLE else find(name), checked=False)
    if name == "variable":
        return Called(VARIABLE, None, checked=False)
    if name == VARIABLE:
        raise source.error(function, "a variable is declared by NAME = variable()")
    operator = find(name)
    if operator is None:
        near = suggestion(name, [*operator_names(), "variable"]) if len(name) < 100 else ""
        raise source.error(
            function,
            f"MXNet 1.9.1 has no operator {shortened(name)}{near}; an operator of another origin "
            "stands in backquotes",
        )
    return Called(operator.name, operator, checked=True)


def num_outputs(
    operator: Operator,
    call: ast.Call,
    attrs: Mapping[str, str],
    source: TextSource,
    *,
    checked: bool,
) -> int:
    """Return how many outputs an operator has under its attributes.

    Parameters
    ----------
    checked : bool
        Whether to refuse what MXNet 1.9.1 refuses: attributes, and too few inputs or too many.

    Raises
    ------
    TextError
        If the call is refused, or attributes are missing without which nobody can tell.
    """
    try:
        if checked:
            operator.check(attrs)
        signature = operator.signature(attrs)
    except AttributeValueError as error:
        raise source.error(_blamed(operator, call, attrs, source), str(error)) from None
    wanted, given = signature.num_inputs, len(call.args)
    if checked and wanted is not None and wanted != given:
        listed = f" ({', '.join(signature.input_names)})" if signature.input_names else ""
        raise source.error(
            call,
            f"{operator.name} takes {wanted} input{'s' * (wanted != 1)}{listed} under its "
            f"attributes, but is given {given}",
        )
    return signature.num_outputs


def _blamed(
    operator: Operator, call: ast.Call, attrs: Mapping[str, str], source: TextSource
) -> ast.keyword | ast.Call:
    """Return the first attribute that is refused by itself, or the call."""
    for keyword in call.keywords:
        key = source.name(keyword.arg or "")
        spec = operator.attributes.get(key)
        if spec is None:
            if key in attrs and not (operator.open_keys or is_hidden_key(key)):
                return keyword
            continue
        try:
            spec.parse(attrs[key])
        except AttributeValueError:
            return keyword
    return call
