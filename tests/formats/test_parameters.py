"""The map from names to arrays, and the edits that graph surgery needs."""

from __future__ import annotations

import copy

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from graphpass.errors import ParamsError
from graphpass.formats.parameters import Parameters, split_name


def vector(*values: float) -> np.ndarray:
    return np.array(values, "float32")


@pytest.fixture
def parameters() -> Parameters:
    made = Parameters({"a": vector(1), "b": vector(2)})
    made.set("m", vector(3), "aux")
    made.set("bare", vector(4), "")
    return made


def test_it_is_an_ordered_map(parameters: Parameters) -> None:
    assert list(parameters) == ["a", "b", "m", "bare"]
    assert len(parameters) == 4
    assert "m" in parameters
    assert "aux:m" not in parameters
    assert 7 not in parameters
    assert parameters["m"].tolist() == [3]
    with pytest.raises(KeyError):
        parameters["nope"]
    with pytest.raises(KeyError):
        parameters.class_of("nope")
    with pytest.raises(KeyError):
        del parameters["nope"]


def test_classes_and_stored_names(parameters: Parameters) -> None:
    assert [parameters.class_of(name) for name in parameters] == ["arg", "arg", "aux", ""]
    assert [parameters.stored_name(n) for n in parameters] == ["arg:a", "arg:b", "aux:m", "bare"]


def test_setting_a_value_keeps_class_and_place(parameters: Parameters) -> None:
    parameters["m"] = vector(9)
    assert list(parameters) == ["a", "b", "m", "bare"]
    assert parameters.class_of("m") == "aux"
    assert parameters["m"].tolist() == [9]


def test_a_new_name_is_an_argument_and_last(parameters: Parameters) -> None:
    parameters["new"] = vector(9)
    assert list(parameters)[-1] == "new"
    assert parameters.class_of("new") == "arg"


def test_a_new_name_among_bare_ones_is_bare() -> None:
    parameters = Parameters()
    parameters.set("0.weight", vector(1), "")
    parameters["0.bias"] = vector(2)
    assert parameters.class_of("0.bias") == ""


def test_deletion(parameters: Parameters) -> None:
    del parameters["a"]
    assert list(parameters) == ["b", "m", "bare"]


def test_rename_keeps_order_class_and_array(parameters: Parameters) -> None:
    array = parameters["m"]
    parameters.rename({"m": "moving", "input": "other"})
    assert list(parameters) == ["a", "b", "moving", "bare"]
    assert parameters.class_of("moving") == "aux"
    assert parameters["moving"] is array


def test_rename_swaps(parameters: Parameters) -> None:
    parameters.rename({"a": "m", "m": "a"})
    assert [(n, parameters.class_of(n), v.tolist()) for n, v in parameters.items()] == [
        ("m", "arg", [1]),
        ("b", "arg", [2]),
        ("a", "aux", [3]),
        ("bare", "", [4]),
    ]


@pytest.mark.parametrize("mapping", [{"a": "b"}, {"b": "a"}, {"a": "x", "m": "x"}])
def test_a_clash_is_refused_whole_naming_both(
    parameters: Parameters, mapping: dict[str, str]
) -> None:
    before = parameters.copy()
    with pytest.raises(ParamsError) as error:
        parameters.rename(mapping)
    assert "'a'" in str(error.value)
    assert "'m'" in str(error.value) or "'b'" in str(error.value)
    assert parameters == before
    assert list(parameters) == list(before)


@given(st.permutations(list("abcdef")))
def test_any_permutation_can_be_undone(order: list[str]) -> None:
    parameters = Parameters({name: vector(i) for i, name in enumerate("abcdef")})
    before = parameters.copy()
    forth = dict(zip("abcdef", order, strict=True))
    parameters.rename(forth)
    assert list(parameters) == order
    parameters.rename({new: old for old, new in forth.items()})
    assert parameters == before


def test_the_copy_module_makes_the_same_copy(parameters: Parameters) -> None:
    copied = copy.copy(parameters)
    copied["new"] = np.zeros(1, "float32")
    assert "new" not in parameters


def test_a_copy_shares_arrays_and_nothing_else(parameters: Parameters) -> None:
    copied = parameters.copy()
    assert copied == parameters
    assert all(copied[name] is parameters[name] for name in parameters)
    copied["a"] = vector(7)
    del copied["b"]
    assert parameters["a"].tolist() == [1]
    assert "b" in parameters


def test_restore_undoes_every_edit(parameters: Parameters) -> None:
    saved = parameters.copy()
    same = parameters
    parameters.rename({"a": "b", "b": "a"})
    parameters["new"] = vector(1)
    del parameters["m"]
    parameters.np_shape = True
    parameters.restore(saved)
    assert same == saved
    assert list(same) == list(saved)
    assert same.np_shape is False
    del parameters["a"]
    assert "a" in saved


def test_equality_is_of_content() -> None:
    first = Parameters({"a": vector(1), "b": vector(2)})
    assert first == Parameters({"b": vector(2), "a": vector(1)})
    assert first != Parameters({"a": vector(1)})
    assert first != Parameters({"a": vector(1), "c": vector(2)})
    assert first != Parameters({"a": vector(1), "b": vector(3)})
    assert first != Parameters({"a": vector(1), "b": np.array([2.0])})
    assert first != Parameters({"a": vector(1), "b": np.array([[2]], "float32")})
    assert first != {"a": vector(1), "b": vector(2)}
    other = first.copy()
    other.set("a", first["a"], "aux")
    assert first != other


def test_equality_is_bit_for_bit() -> None:
    nan = Parameters({"a": vector(np.nan, 0.0)})
    assert nan == Parameters({"a": vector(np.nan, 0.0)})
    assert nan != Parameters({"a": vector(np.nan, -0.0)})


def test_equality_looks_at_the_last_element_of_a_large_array() -> None:
    large = np.zeros(2**24 + 5, "uint8")
    first = Parameters({"a": large.copy()})
    assert first == Parameters({"a": large})
    large[-1] = 1
    assert first != Parameters({"a": large})


def test_arrays_are_read_only_and_shared_where_they_can_be() -> None:
    mine = vector(1, 2)
    parameters = Parameters({"a": mine})
    assert np.shares_memory(parameters["a"], mine)
    assert mine.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        parameters["a"][0] = 5


@pytest.mark.parametrize("name", ["arg:x", "aux:", "arg:aux:x"])
def test_a_bare_name_can_not_look_like_a_class(name: str) -> None:
    parameters = Parameters()
    with pytest.raises(ParamsError, match="no class"):
        parameters.set(name, vector(1), "")
    parameters.set("x", vector(1), "")
    with pytest.raises(ParamsError, match="no class"):
        parameters.rename({"x": name})
    parameters.set(name, vector(1), "arg")
    assert split_name(parameters.stored_name(name)) == ("arg", name)


def test_a_name_that_utf8_can_not_hold_is_refused() -> None:
    with pytest.raises(ParamsError, match="UTF-8"):
        Parameters({"\ud800": vector(1)})


def test_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ParamsError, match="'input' is no class"):
        Parameters().set("x", vector(1), "input")  # type: ignore[arg-type]


def test_repr_says_how_much() -> None:
    assert repr(Parameters({"a": vector(1, 2)})) == "<Parameters: 1 arrays, 8 bytes>"
