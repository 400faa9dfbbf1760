"""What of a node's attributes counts when two nodes are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from graphpass.errors import AttributeValueError
from graphpass.graph import VARIABLE
from graphpass.ops import find
from graphpass.ops.attributes import AttributeSpec, is_hidden_key
from graphpass.ops.values import Constant, parse_value, round_to_type

__all__ = ["attribute_changes", "comparable", "same_attributes"]


def comparable(op: str, attrs: Mapping[str, str]) -> Mapping[str, Constant]:
    """Return what a node's attributes say, however they are spelled.

    * An operator of the operator table: every declared attribute as its value, by the default
      where it is absent, decimals rounded to the type in which MXNet stores them. An attribute that
      the operator does not declare, or whose text can't be parsed, is its text.
    * An unknown operator: the texts.
    * A variable: its hints (``__shape__``, ``__lr_mult__``, …) and nothing else. MXNet copies the
      attributes of an operator onto the variables that it creates for it and never reads them
      there, so two files of one model differ in them for no reason but how they were made. A hint
      has no default that MXNet promises, so an absent one equals none.

    Parameters
    ----------
    op : str
        Operator name, ``"null"`` for a variable.
    attrs : mapping of str to str
        Attribute texts.

    Examples
    --------
    >>> comparable("null", {"num_hidden": "2", "__shape__": "(2,3)"})
    mappingproxy({'__shape__': (2, 3)})

    Notes
    -----
    Remembered by operator and texts: constant for a pair that was seen before.
    """
    return _comparable(op, tuple(sorted(attrs.items())))


def same_attributes(op: str, a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    """Return whether two nodes of one operator say the same."""
    # Values are compared as printed: `nan` is equal to itself, and -0.0 is not 0.0.
    return a == b or repr(comparable(op, a)) == repr(comparable(op, b))


def attribute_changes(
    op_a: str, attrs_a: Mapping[str, str], op_b: str, attrs_b: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield name, value in A, value in B of every attribute in which two nodes differ.

    Values are printed as Python prints them; an attribute that is not there is ``absent``.
    """
    values_a, values_b = comparable(op_a, attrs_a), comparable(op_b, attrs_b)
    for name in sorted({*values_a, *values_b}):
        value_a = repr(values_a[name]) if name in values_a else "absent"
        value_b = repr(values_b[name]) if name in values_b else "absent"
        if value_a != value_b:
            yield name, value_a, value_b


@lru_cache(maxsize=4096)
def _comparable(op: str, pairs: tuple[tuple[str, str], ...]) -> Mapping[str, Constant]:
    texts = dict(pairs)
    if op == VARIABLE:
        hints = {key: _hint(key, text) for key, text in texts.items() if is_hidden_key(key)}
        return MappingProxyType(hints)
    operator = find(op)
    specs = {} if operator is None else operator.attributes
    values: dict[str, Constant] = {}
    for name in sorted({*specs, *texts}):
        spec = specs.get(name)
        text = texts.get(name, spec.default if spec is not None else None)
        if text is not None:
            values[name] = text if spec is None else _value(spec, text)
    return MappingProxyType(values)


_HINT_TYPES = {
    "__dtype__": "int",
    "__lr_mult__": "float",
    "__shape__": "Shape(tuple)",
    "__storage_type__": "int",
    "__wd_mult__": "float",
}


def _hint(key: str, text: str) -> Constant:
    try:
        if key == "__init__":
            # JSON, whose keys Python 2 wrote in any order; or a bare word.
            return json.dumps(json.loads(text), sort_keys=True)
        return parse_value(_HINT_TYPES.get(key, "string"), text)
    except (ValueError, RecursionError):
        return text


def _value(spec: AttributeSpec, text: str) -> Constant:
    try:
        return _stored(spec.type, spec.parse(text))
    except AttributeValueError:
        return text


def _stored(type_name: str, value: Constant) -> Constant:
    if isinstance(value, tuple):
        return tuple(_stored(type_name, item) for item in value)
    if isinstance(value, float) and "float" in type_name:
        return round_to_type("float", value)
    return value
