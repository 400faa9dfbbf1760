"""Attribute values: parse a text as MXNet 1.9.1 does, print a value as its front end does."""

from __future__ import annotations

from graphpass.ops.readers import Value, element_type, field_reader, round_to_type

__all__ = ["Value", "describe_type", "format_value", "parse_value", "round_to_type"]

_EXAMPLES = {
    "boolean": "True",
    "string": "text",
    "character": "L",
    "float": "0.5",
    "double": "0.5",
}


def parse_value(type_name: str, text: str) -> Value:
    """Parse an attribute text as MXNet 1.9.1 does.

    Parameters
    ----------
    type_name
        A type of the operator table, enumerations excepted.
    text
        The text as it stands in the file.

    Returns
    -------
    Value
        ``None`` stands for MXNet's absent value and for a shape of unknown rank alike. Decimals
        are not rounded to the C++ type, so ``1e-07`` equals Python's ``1e-07``.

    Raises
    ------
    ValueError
        MXNet refuses the text.

    Examples
    --------
    >>> parse_value("Shape(tuple)", "[3,3]"), parse_value("tuple of <int or None>", "(None, 1L)")
    ((3, 3), (None, 1))
    >>> parse_value("boolean", "1"), parse_value("float or None", "None")
    (True, None)
    """
    return field_reader(type_name)(text)


def format_value(value: object) -> str:
    """Print a value as MXNet's Python front end writes it into an attribute.

    Examples
    --------
    >>> format_value((3, 3)), format_value(True), format_value(None), format_value(1e-7)
    ('(3, 3)', 'True', 'None', '1e-07')
    >>> import numpy
    >>> format_value([1, (numpy.float32(2.5),)]), format_value(numpy.float16)
    ('[1, (2.5,)]', 'float16')
    """
    if isinstance(value, tuple):
        inner = ", ".join(map(_format_element, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(_format_element, value))}]"
    return value.__name__ if isinstance(value, type) else str(value)


def _format_element(value: object) -> str:
    return repr(value) if isinstance(value, str) else format_value(value)


def describe_type(type_name: str) -> str:
    """Return a phrase for messages: ``a Shape(tuple) such as (3, 3)``.

    Examples
    --------
    >>> describe_type("int or None"), describe_type("tuple of <float>")
    ('an int or None, such as 3 or None', 'a tuple of <float> such as (0.5, 0.5)')
    """
    article = "an" if type_name[:1] in "aeiou" else "a"
    if type_name.endswith(" or None"):
        return f"{article} {type_name}, such as {_example(type_name[:-8])} or None"
    return f"{article} {type_name} such as {_example(type_name)}"


def _example(type_name: str) -> str:
    if type_name.endswith(" or None"):
        return _example(type_name[:-8])
    element = element_type(type_name)
    if element is not None:
        return f"({_example(element)}, {_example(element)})"
    return _EXAMPLES.get(type_name, "3")
