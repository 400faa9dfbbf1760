"""Parsing and printing attribute values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.ops.values import describe_type, format_value, parse_value

INTEGERS = st.integers(-(2**31), 2**31 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
VALUES = {
    "boolean": st.booleans(),
    "boolean or None": st.none() | st.booleans(),
    "int": INTEGERS,
    "int or None": st.none() | INTEGERS,
    "long": st.integers(-(2**63), 2**63 - 1),
    "double or None": st.none() | NUMBERS,
    "Shape(tuple)": st.lists(INTEGERS).map(tuple),
    "Shape or None": st.none() | st.lists(INTEGERS).map(tuple),
    "tuple of <int or None>": st.lists(st.none() | INTEGERS).map(tuple),
    "tuple of <double>": st.lists(NUMBERS).map(tuple),
    "tuple of <tuple of <int>>": st.lists(st.lists(INTEGERS).map(tuple)).map(tuple),
    "string": st.text(),
}


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda t: st.tuples(st.just(t), VALUES[t])))
def test_parse_reads_what_format_prints(case: tuple[str, object]) -> None:
    type_name, value = case
    read = parse_value(type_name, format_value(value))
    assert read == value
    assert type(read) is type(value)


@given(st.floats(1e-30, 1e30))
def test_double_fields_read_what_format_prints(value: float) -> None:
    assert parse_value("double", format_value(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((3, 3), "(3, 3)"),
        ((3,), "(3,)"),
        ((), "()"),
        ([1, 2], "[1, 2]"),
        ((None, 1), "(None, 1)"),
        (True, "True"),
        (None, "None"),
        (1e-7, "1e-07"),
        (1.0, "1.0"),
        ("relu", "relu"),
        (("a", "b"), "('a', 'b')"),
        (np.int64(3), "3"),
        (np.bool_(True), "True"),
        ((np.int64(3), np.float32(0.5)), "(3, 0.5)"),
        (np.float32, "float32"),
        (np.dtype("int8"), "int8"),
    ],
)
def test_format_value(value: object, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize("type_name", [t for t in VALUES if t not in ("string",)])
def test_the_example_of_a_type_is_of_the_type(type_name: str) -> None:
    phrase = describe_type(type_name)
    example = phrase.split(" such as ")[1].split(" or None")[0]
    assert type_name in phrase
    parse_value(type_name, example)
