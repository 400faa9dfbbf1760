"""Which texts each attribute type takes."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.ops import find, operator_names
from graphpass.ops.dump.declarations import accepts, parses
from graphpass.ops.dump.prober import Prober
from graphpass.ops.values import element_type, field_reader, round_to_type

TAKEN = [
    ("Shape(tuple)", "(3, 3)", (3, 3)),
    ("Shape(tuple)", "[3,3]", (3, 3)),
    ("Shape(tuple)", "( 3 , 3 )", (3, 3)),
    ("Shape(tuple)", " (3,3) ", (3, 3)),
    ("Shape(tuple)", "(3,3,)", (3, 3)),
    ("Shape(tuple)", "(3L, 3L)", (3, 3)),
    ("Shape(tuple)", "(3,3]", (3, 3)),
    ("Shape(tuple)", "3", (3,)),
    ("Shape(tuple)", "-1", (-1,)),
    ("Shape(tuple)", "()", ()),
    ("Shape(tuple)", "[]", ()),
    ("Shape(tuple)", "None", None),
    ("Shape(tuple)", "(+3,3)", (3, 3)),
    ("Shape(tuple)", "(3000000000,)", (3000000000,)),
    ("Shape or None", "None", None),
    ("Shape or None", "(0,)", (0,)),
    ("tuple of <int or None>", "(None, 1)", (None, 1)),
    ("tuple of <int or None>", "[None,1]", (None, 1)),
    ("tuple of <int or None>", "(0L, 1L)", (0, 1)),
    ("tuple of <float>", "(0.5,)", (0.5,)),
    ("tuple of <float>", "[0.5, 1]", (0.5, 1.0)),
    ("tuple of <float>", "0.5", (0.5,)),
    ("tuple of <tuple of <int>>", "((1, 2), (3,))", ((1, 2), (3,))),
    ("boolean", "tRuE", True),
    ("boolean", "0", False),
    ("boolean or None", "none", None),
    ("boolean or None", " True ", True),
    ("int", " 4 ", 4),
    ("int", "+4", 4),
    ("int", "04", 4),
    ("int (non-negative)", "-1", 2**32 - 1),
    ("long", "9223372036854775807", 2**63 - 1),
    ("int or None", "None", None),
    ("int or None", "4L", 4),
    ("float", ".5", 0.5),
    ("float", "5E-1", 0.5),
    ("float", "0.5f", 0.5),
    ("float", " 0.5", 0.5),
    ("float", "-Infinity", float("-inf")),
    ("float", "1e38", 1e38),
    ("float", "-", 0.0),
    ("float", ".", 0.0),
    ("double", "1e-50", 1e-50),
    ("float or None", "0.5 ", 0.5),
    ("float or None", "1e-50", 1e-50),
    ("character", " L", "L"),
    ("string", "", ""),
]

REFUSED = [
    *[("Shape(tuple)", text) for text in ("3,3", "3 3", "(3", "(3,None)", "(3.0,3)", "(3l,3)")],
    *[("Shape(tuple)", text) for text in ("((3,3))", "(3;3)", "(3 3)", "{3,3}", "", "(3,3)x")],
    *[("Shape or None", text) for text in ("none", "", "Nonex")],
    ("tuple of <int>", "(3000000000,)"),
    *[("boolean", text) for text in ("T", "yes", "2", "-1", "01", " True", "None", "")],
    *[("int", text) for text in ("4L", "4.0", "1e1", "0x4", "True", "None", "", "2147483648")],
    *[("int (non-negative)", text) for text in ("1L", "1.0", "4294967296", "-4294967296")],
    *[("int or None", text) for text in ("(1,)", "none", "")],
    *[("float", text) for text in ("0.5 ", "0x1p3", "0,5", "None", "True", "", "1e39", "1e-50")],
    *[("float", text) for text in ("40e37", "1e-38", "nan(", "infi", "1e400", "é")],
    *[("double", text) for text in ("1e400", "1e-309")],
    *[("float or None", text) for text in ("inf", "nan", "1e", "0.5f", "1e39")],
    ("character", "é"),
    ("ptr", "0x0"),
]


@pytest.mark.parametrize(("type_name", "text", "value"), TAKEN)
def test_taken(type_name: str, text: str, value: object) -> None:
    read = field_reader(type_name)(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("type_name", "text"), REFUSED)
def test_refused(type_name: str, text: str) -> None:
    with pytest.raises(ValueError):
        field_reader(type_name)(text)


def test_not_a_number_is_read() -> None:
    value = field_reader("float")("nan(1_a)")
    assert value != value


def test_element_type() -> None:
    assert element_type("tuple of <tuple of <int>>") == "tuple of <int>"
    assert element_type("Shape") == element_type("Shape(tuple)") == "long"
    assert element_type("int") is None


def test_round_to_type() -> None:
    assert round_to_type("float", 1.00000001) == 1.0
    assert round_to_type("float", -1e39) == float("-inf")
    assert round_to_type("double", 1.00000001) == 1.00000001


TYPES = sorted({type_name for type_name, _ in [*((t, v) for t, v, _ in TAKEN), *REFUSED]})


@given(
    st.sampled_from(TYPES), st.text(st.sampled_from("(),[]-+.eELNone0123 infatu\t"), max_size=12)
)
def test_nothing_but_a_value_error_comes_out(type_name: str, text: str) -> None:
    parses(type_name, text)


PIECE_TEXTS = """
None ( [ ) ] , L 1 -1 +2 0 007 3000000000 4294967295 4294967296 -2147483648 2147483648 -4294967295
9223372036854775808 18446744073709551615 18446744073709551616 99999999999999999999 0.5 .5 1. 1e5
0.1234567890123456789012 1e-5 1E+3 e + - . f inf -inf Infinity nan NaN nan(1) nan( true True FALSE
none one N x 0x1 1_0 é 1e38 3.5e38 1e39 1e-38 1.2e-38 1e-39 1e308 1.8e308 1e309 1e-308 3e-308
1e-309 40e37 12e37 1e4294967296 0e-38 (1,2) [1]
"""
PIECES = (*PIECE_TEXTS.split(), *" \t\n\v\f\r")


def draw_text(generator: random.Random) -> str:
    """A piece, some pieces in a row, or a tuple of pieces that may be torn."""
    shape = generator.random()
    if shape < 0.3:
        return generator.choice(PIECES)
    if shape < 0.6:
        return "".join(generator.choices(PIECES, k=generator.randint(0, 4)))
    elements = [
        generator.choice(PIECES) + generator.choice(["", "", "L", " ", " L", "\t"])
        for _ in range(generator.randint(0, 4))
    ]
    opening = generator.choice(["(", "[", " (", ""])
    closing = generator.choice([")", "]", ",)", ", )", ") ", "", ")x"])
    return opening + generator.choice([",", ", ", " ,", ","]).join(elements) + closing


UNSAFE = {"indices", "sections", "use_length", "info"}
"""Attributes for which MXNet crashes or never returns on some values; counts are left out too."""


def attributes_by_type() -> dict[str, list[tuple[str, str]]]:
    """Where each type occurs, for attributes that MXNet can be asked about safely."""
    found = defaultdict(list)
    for name in operator_names():
        operator = find(name)
        assert operator is not None
        if operator.name != name or operator.open_keys or name.startswith(("_sg", "_backward")):
            continue
        for spec in operator.attributes.values():
            safe = spec.name not in UNSAFE and not spec.name.startswith("num_")
            if safe and not spec.choices and spec.bounds == (None, None):
                found[spec.type].append((name, spec.name))
    return dict(found)


@pytest.mark.mxnet
def test_mxnet_takes_the_same_texts(asking: Prober) -> None:
    generator = random.Random(1)
    by_type = attributes_by_type()
    assert len(by_type) >= 20
    for type_name, places in by_type.items():
        for _ in range(250):
            operator, attribute = generator.choice(places)
            text = draw_text(generator)
            taken = accepts(asking, operator, attribute, text)
            assert parses(type_name, text) == taken, (type_name, operator, attribute, text)
