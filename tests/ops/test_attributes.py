"""Attribute declarations and the typed view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.errors import AttributeValueError
from graphpass.ops import Attributes, AttributeSpec, find
from graphpass.ops.attributes import is_hidden_key

PROBABILITY = AttributeSpec("p", "float", False, "0.5", bounds=(0, 1))
COUNT = AttributeSpec("n", "int (non-negative)", True, None, bounds=(1, 100000))
ACTIVATION = AttributeSpec("act_type", "enum", True, None, choices=("relu", "tanh"))
LAYOUT = AttributeSpec("layout", "enum or None", False, "None", choices=("NCHW", "NHWC"))


@pytest.mark.parametrize("text", ["0", "1", "1.00000001", "nan", "-0"])
def test_values_within_bounds(text: str) -> None:
    PROBABILITY.parse(text)


@pytest.mark.parametrize(
    ("spec", "text", "message"),
    [
        (PROBABILITY, "1.1", "attribute p='1.1' is more than 1"),
        (PROBABILITY, "-inf", "attribute p='-inf' is less than 0"),
        (PROBABILITY, "abc", "attribute p='abc' is not a float such as 0.5"),
        (COUNT, "0", "attribute n='0' is less than 1"),
        (COUNT, "-1", "attribute n='-1' is more than 100000"),
        (ACTIVATION, "rleu", "act_type='rleu' is not one of relu, tanh; nearest: relu"),
        (ACTIVATION, "None", "act_type='None' is not one of relu, tanh"),
        (LAYOUT, "NCWH", "layout='NCWH' is not one of NCHW, NHWC, None; nearest: NCHW"),
    ],
)
def test_refusals_say_what_is_wanted(spec: AttributeSpec, text: str, message: str) -> None:
    with pytest.raises(AttributeValueError) as caught:
        spec.parse(text)
    assert message in str(caught.value)


def test_enumerations() -> None:
    assert ACTIVATION.parse("relu") == "relu"
    assert LAYOUT.parse("None") is None
    assert LAYOUT.parse("NHWC") == "NHWC"


def test_a_spec_equals_its_twin_whatever_it_has_parsed() -> None:
    twin = AttributeSpec("p", "float", False, "0.5", bounds=(0, 1))
    PROBABILITY.parse("0.25")
    assert twin == PROBABILITY
    assert hash(twin) == hash(PROBABILITY)


def test_many_different_texts_are_parsed_right() -> None:
    assert [COUNT.parse(str(n)) for n in range(1, 10000)] == list(range(1, 10000))
    assert COUNT.parse("1") == 1


@pytest.mark.parametrize("key", ["__lr_mult__", "__a__"])
def test_hidden_keys(key: str) -> None:
    assert is_hidden_key(key)


@pytest.mark.parametrize("key", ["lr_mult", "__lr_mult", "lr_mult__", "____", "__", ""])
def test_other_keys(key: str) -> None:
    assert not is_hidden_key(key)


def view(operator: str, **texts: str) -> Attributes:
    found = find(operator)
    assert found is not None
    return found.view(texts)


def test_absent_attributes_have_their_default() -> None:
    attributes = view("BatchNorm", eps="2e-05", __ctx_group__="gpu0")
    assert attributes["fix_gamma"] is True
    assert attributes["eps"] == 2e-05
    assert attributes["momentum"] == 0.9
    assert attributes["__ctx_group__"] == "gpu0"


def test_a_missing_required_attribute_is_no_key() -> None:
    attributes = view("Convolution", kernel="(3, 3)")
    assert "num_filter" not in attributes
    assert attributes.get("num_filter") is None
    with pytest.raises(KeyError):
        attributes["num_filter"]
    with pytest.raises(KeyError):
        attributes["nonsense"]


def test_an_operator_without_attributes_gives_texts() -> None:
    assert dict(view("relu", anything="goes")) == {"anything": "goes"}


def test_a_bad_text_is_refused_when_it_is_asked_for() -> None:
    attributes = view("Convolution", kernel="abc", num_filter="8")
    assert attributes["num_filter"] == 8
    with pytest.raises(AttributeValueError, match=r"Convolution: attribute kernel='abc' is not"):
        attributes["kernel"]


TEXTS = st.dictionaries(
    st.sampled_from(["kernel", "stride", "num_filter", "no_bias", "__lr_mult__", "extra"]),
    st.just("1"),
)


@given(TEXTS)
def test_the_view_is_a_mapping(texts: dict[str, str]) -> None:
    attributes = view("Convolution", **texts)
    keys = list(attributes)
    assert len(keys) == len(set(keys)) == len(attributes)
    assert set(texts) <= set(keys)
    assert all(attributes[key] == attributes.get(key) for key in keys)
    assert attributes == dict(attributes)
