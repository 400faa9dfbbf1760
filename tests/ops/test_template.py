"""The language in which the operator table writes signatures."""

from __future__ import annotations

import pytest

from graphpass.errors import AttributeValueError
from graphpass.ops.template import Requirement, Signature, SignatureTemplate

VALUES = {
    "flag": {"True": True, "False": False},
    "mode": {"a": "a", "b": "b", "c": "c"},
    "n": {str(number): number for number in range(9)},
}


def parse(attribute: str, text: str) -> object:
    return VALUES[attribute][text]


def signature(inputs: str, outputs: str = "output", **values: object) -> Signature:
    template = SignatureTemplate.from_text(inputs, outputs, {1: "one", 9: "nine"}, parse)
    return template.signature(values)


def test_constant() -> None:
    template = SignatureTemplate.from_text("data &state", "output mask~", {1: "one"}, parse)
    assert template.attributes == ()
    assert template.signature({}) == Signature(
        num_inputs=2,
        input_names=("data", "state"),
        mutable_slots=(1,),
        num_outputs=2,
        num_visible_outputs=1,
        output_names=("output", "mask"),
        initializers={1: "one"},
    )


def test_the_attributes_that_matter_are_known() -> None:
    text = "data (arg#)*n?mode=a+flag=True"
    template = SignatureTemplate.from_text(text, "output~shape.ndim=other.ndim", {}, parse)
    assert set(template.attributes) == {"n", "mode", "flag", "shape", "other"}


@pytest.mark.parametrize(
    ("condition", "values", "holds"),
    [
        ("flag=True", {"flag": True}, True),
        ("flag=True", {"flag": False}, False),
        ("mode=a,b", {"mode": "b"}, True),
        ("mode!=a,b", {"mode": "b"}, False),
        ("mode!=a,b", {"mode": "c"}, True),
        ("mode=a+flag=True", {"mode": "a", "flag": False}, False),
        ("mode=a|flag=True", {"mode": "a", "flag": False}, True),
        ("mode=a|mode=b+flag=True", {"mode": "b", "flag": True}, True),
        ("k.ndim=1,2", {"k": (3, 3)}, True),
        ("k.ndim=1,2", {"k": (3, 3, 3)}, False),
        ("k.ndim=1,2", {"k": None}, False),
        ("s.ndim=0,k.ndim", {"s": (), "k": (3, 3)}, True),
        ("s.ndim=0,k.ndim", {"s": (1, 1), "k": (3, 3)}, True),
        ("s.ndim=0,k.ndim", {"s": (1,), "k": (3, 3)}, False),
    ],
)
def test_conditions(condition: str, values: dict[str, object], holds: bool) -> None:
    assert Requirement.from_text(condition, parse).holds(values) is holds
    assert signature(f"data more?{condition}", **values).num_inputs == 1 + holds
    assert signature("data", f"output more~{condition}", **values).num_visible_outputs == 2 - holds


def test_repetition() -> None:
    assert signature("(arg#)*n", n=3).input_names == ("arg0", "arg1", "arg2")
    grouped = signature("(weight_# &state_#)*n lr", n=2)
    assert grouped.input_names == ("weight_0", "state_0", "weight_1", "state_1", "lr")
    assert grouped.mutable_slots == (1, 3)
    assert signature("(_)*n-1", n=3).num_inputs == 2
    assert signature("(_)*n-1", n=0).num_inputs == 0
    assert signature("(_)*n/2", n=5).num_inputs == 2
    assert signature("data", "(_)*shape.ndim", shape=(1, 1, 1)).num_outputs == 3
    assert signature("data", "(_)*n?flag=True", n=3, flag=False).num_outputs == 0


def test_an_absurd_count_is_refused() -> None:
    with pytest.raises(AttributeValueError, match="n counts 1000000000"):
        signature("(arg#)*n", n=10**9)


def test_inputs_without_names() -> None:
    assert signature("_ _").input_names is None
    assert signature("_ named").input_names is None
    assert signature("_").input_names == ("data",)
    assert signature("").input_names == ()


def test_outputs_without_names() -> None:
    assert signature("data", "_").output_names == ("output",)
    assert signature("data", "_ _~").output_names == ("output0", "output1")
    assert signature("data", "(output#)*n", n=1).output_names == ("output0",)


def test_any_number_of_inputs() -> None:
    open_ended = signature("_ &_ ...")
    assert open_ended.num_inputs is None
    assert open_ended.input_names is None
    assert open_ended.mutable_slots == (1,)


def test_initializers_of_inputs_that_are_there() -> None:
    assert signature("data").initializers == {}
    assert signature("data weight").initializers == {1: "one"}


@pytest.mark.parametrize("text", ["da-ta", "(arg#)*", "data?", "data?flag", "data~flag?mode=a"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a signature"):
        signature(text)
