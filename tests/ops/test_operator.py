"""Signatures and checks of operators."""

from __future__ import annotations

import doctest
import importlib
import random

import pytest

from graphpass.errors import AttributeValueError
from graphpass.ops import Operator, find, operator_names
from graphpass.ops.dump.__main__ import draw_attrs
from graphpass.ops.dump.prober import Prober

CONVOLUTION = {"kernel": "(3, 3)", "num_filter": "8"}


def operator(name: str) -> Operator:
    found = find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "attrs", "inputs"),
    [
        ("Convolution", {}, ["data", "weight", "bias"]),
        ("Convolution", {"no_bias": "1"}, ["data", "weight"]),
        ("Deconvolution", {}, ["data", "weight"]),
        ("LeakyReLU", {"act_type": "prelu"}, ["data", "gamma"]),
        ("Concat", {"num_args": "2"}, ["arg0", "arg1"]),
        ("UpSampling", {"sample_type": "bilinear", "num_args": "1"}, ["data", "weight"]),
        ("CTCLoss", {"use_data_lengths": "1", "use_label_lengths": "1"},
         ["data", "label", "data_lengths", "label_lengths"]),
        ("RNN", {"mode": "lstm", "use_sequence_length": "1"},
         ["data", "parameters", "state", "state_cell", "sequence_length"]),
        ("_foreach", {"num_args": "3", "num_outputs": "1"}, ["data0", "data1"]),
    ],
)  # fmt: skip
def test_input_names(name: str, attrs: dict[str, str], inputs: list[str]) -> None:
    signature = operator(name).signature(attrs)
    assert signature.input_names == tuple(inputs)
    assert signature.num_inputs == len(inputs)


def test_batch_norm() -> None:
    signature = operator("BatchNorm").signature({})
    assert signature.mutable_slots == (3, 4)
    assert signature.output_names == ("output", "mean", "var")
    assert signature.num_visible_outputs == 1
    assert signature.initializers == {3: '["zero", {}]', 4: '["one", {}]'}
    with_statistics = operator("BatchNorm").signature({"output_mean_var": "True"})
    assert with_statistics.num_visible_outputs == 3


def test_constant_signatures_look_at_no_attribute() -> None:
    assert operator("relu").signature({}) is operator("relu").signature({"what": "ever"})


def test_equal_attributes_give_the_remembered_signature() -> None:
    first = operator("Concat").signature({"num_args": "7", "dim": "1"})
    assert operator("Concat").signature({"num_args": "7", "dim": "2"}) is first


def test_remembering_ends_somewhere() -> None:
    concat = operator("Concat")
    for blanks in range(5000):
        assert concat.signature({"num_args": " " * blanks + "3"}).num_inputs == 3
        concat.check({"num_args": " " * blanks + "3"})
    assert len(concat._signatures) <= 4096
    assert len(concat._checked) <= 4096


def test_a_huge_signature_drives_out_the_others() -> None:
    stack = operator("stack")
    small = stack.signature({"num_args": "3"})
    assert stack.signature({"num_args": "100000"}).num_inputs == 100_000
    assert len(stack._signatures) == 1
    assert stack.signature({"num_args": "3"}) == small


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({}, "Concat needs the attribute num_args"),
        ({"num_args": "two"}, "Concat: attribute num_args='two' is not an int such as 3"),
        ({"num_args": "1000000000"}, "Concat: attribute num_args counts 1000000000"),
    ],
)
def test_a_signature_that_can_not_be_told(attrs: dict[str, str], message: str) -> None:
    with pytest.raises(AttributeValueError, match=message):
        operator("Concat").signature(attrs)


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"num_filter": "8"}, "Convolution needs the attribute kernel"),
        ({}, "Convolution needs the attributes kernel, num_filter"),
        ({**CONVOLUTION, "kernal": "1"}, "Convolution has no attribute 'kernal'; nearest: kernel"),
        ({**CONVOLUTION, "kernel": "abc"},
         r"Convolution: attribute kernel='abc' is not a Shape\(tuple\) such as \(3, 3\)"),
        ({**CONVOLUTION, "num_filter": "0"}, "Convolution: attribute num_filter='0' is less than"),
        ({**CONVOLUTION, "stride": "(1,)"},
         r"stride='\(1,\)', kernel='\(3, 3\)' breaks the rule stride.ndim=0,kernel.ndim"),
    ],
)  # fmt: skip
def test_check_refuses(attrs: dict[str, str], message: str) -> None:
    for _ in range(2):
        with pytest.raises(AttributeValueError, match=message):
            operator("Convolution").check(attrs)


def test_check_allows() -> None:
    convolution = operator("Convolution")
    convolution.check(CONVOLUTION)
    convolution.check({**CONVOLUTION, "__lr_mult__": "2"})
    operator("relu").check({"any": "thing"})
    operator("LinearRegressionOutput").check({"grad_scale": "abc", "other": ""})


def test_unknown_keys_are_allowed_only_where_it_is_said() -> None:
    attrs = {**CONVOLUTION, "lr_mult": "2"}
    operator("Convolution").check(attrs, allowed=["lr_mult"])
    with pytest.raises(AttributeValueError, match="has no attribute 'lr_mult'"):
        operator("Convolution").check(attrs)


@pytest.mark.parametrize("name", ["_CachedOp", "_sg_mkldnn_conv"])
def test_operators_that_read_their_subgraph(name: str) -> None:
    assert operator(name).from_subgraph
    assert operator(name).signature({}).num_inputs is None
    assert operator(name).constant_signature is None


def test_operators_that_nobody_can_tell() -> None:
    assert operator("Custom").opaque
    assert operator("Custom").constant_signature is None
    assert not operator("Convolution").opaque


@pytest.mark.parametrize(
    "module", ["attributes", "meaning", "operator", "shape", "template", "values"]
)
def test_examples(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"graphpass.ops.{module}")).failed == 0


SPOILED = ("abc", "(1, 2, 3)", "-7", "1.5", "None", "", "True", "(1", "99999999999")
COUNTS = ("num_", "sections", "indices", "use_length", "info")
"""Attributes whose odd values keep MXNet busy for hours or end it."""


@pytest.mark.mxnet
def test_mxnet_creates_what_check_allows_and_nothing_else(asking: Prober) -> None:
    generator = random.Random(1)
    wrong = []
    for name in sorted(operator_names()):
        found = operator(name)
        if found.name != name or found.opaque or found.from_subgraph:
            continue
        for _ in range(3 if found.attributes else 1):
            attrs = draw_attrs(generator, found)
            if attrs and generator.random() < 0.5:
                key = generator.choice(sorted(attrs))
                if not key.startswith(COUNTS):
                    attrs[key] = generator.choice(SPOILED)
            if generator.random() < 0.1:
                attrs[generator.choice(["__hidden__", "unknown"])] = "x"
            refusal = asking.create(name, attrs)
            try:
                found.check(attrs)
            except AttributeValueError as error:
                mine: str | None = str(error)
            else:
                mine = None
            if (mine is None) != (refusal is None):
                wrong.append((name, attrs, mine, refusal))
    assert not wrong
