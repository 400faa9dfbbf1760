"""Operators agree with Python's on numbers, and with NumPy's on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphpass.errors import ExpressionError
from graphpass.graph import Graph
from graphpass.rules.expressions import Scope, parse_expression
from graphpass.rules.rewrite.facts import Facts


def scope_of(**lets: Any) -> Scope:
    scope = Scope(Facts(Graph()), {})
    for name, value in lets.items():
        scope.define(name, value)
    return scope


ARRAYS = {
    "a": np.arange(6, dtype="float32").reshape(2, 3),
    "b": np.array([1.5, -2, 3], "float32"),
    "c": np.array(0.5, "float32"),
    "d": np.arange(1, 7, dtype="float64").reshape(2, 3),
    "h": np.array([1, 2, 3], "float16"),
    "i": np.array([1, -2, 3], "int32"),
    "j": np.array([[1], [2]], "int64"),
    "k": np.array([1, 0, 1], "int8"),
    "m": np.array([True, False, True]),
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", "uint8"])
@pytest.mark.parametrize("operator", ["+", "-", "*"])
@pytest.mark.parametrize("shape", [(), (3,), (0,)])
def test_a_number_never_widens_an_array(dtype: str, operator: str, shape: tuple[int, ...]) -> None:
    scope = scope_of(a=np.ones(shape, dtype))
    for text in (f"a {operator} 2", f"2 {operator} a", f"a {operator} True"):
        found = parse_expression(text).evaluate(scope)
        assert (found.dtype, found.shape) == (np.dtype(dtype), shape), text
    if dtype.startswith("float"):
        assert parse_expression(f"1e300 {operator} a").evaluate(scope).dtype == np.dtype(dtype)
    else:
        assert parse_expression(f"0.5 {operator} a").evaluate(scope).dtype == np.dtype("float64")


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("a * d", "float64"),
        ("a * c", "float32"),
        ("c * c * 2.0", "float32"),
        ("h * c", "float32"),
        ("h * a", "float32"),
        ("i * j", "int64"),
        ("i + k", "int32"),
        ("i / 2", "float64"),
        ("i * a", "float64"),
        ("m + 1", "int64"),
        ("m * a", "float32"),
        ("a > 1", "bool"),
        ("c == 0.5", "bool"),
        ("-h", "float16"),
        ("sum(a)", "float32"),
        ("sum(a) * 2.5", "float32"),
    ],
)
def test_the_type_of_a_result(text: str, dtype: str) -> None:
    shapes = {**ARRAYS, "a": ARRAYS["a"][0]}
    assert (
        parse_expression(text).evaluate(scope_of(**{**shapes, "d": ARRAYS["d"][0]})).dtype == dtype
    )


@pytest.mark.parametrize(
    "text",
    [
        "a + b", "b - a", "a * c", "a / d", "d // b", "d % b", "d ** b", "a @ b",
        "a @ (d * 2)[:1, :3][0]",
        "i + j", "j * i", "i // j", "i % j", "i ** 2", "-i", "+a", "a < b", "i <= j", "d >= 3",
        "a == d",
        "i != 1", "a[1] @ b", "a * 2 + b / 3 - c", "j ** j", "k + i", "m == k",
    ],
)  # fmt: skip
def test_arrays_agree_with_numpy(text: str) -> None:
    expected = eval(text, {}, dict(ARRAYS))
    found = parse_expression(text).evaluate(scope_of(**ARRAYS))
    assert found.shape == np.shape(expected)
    assert np.allclose(found, expected, equal_nan=True)


def numbers() -> st.SearchStrategy[str]:
    ints = st.integers(0, 1000).map(str)
    floats = st.floats(0, 1000, allow_nan=False).map(repr)
    return st.one_of(ints, floats, st.sampled_from(["True", "False", "p", "q", "r"]))


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
    )
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"(-{text})"),
        inner.map(lambda text: f"(not {text})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} < {t[1]} <= {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} in ({t[1]}, 1, 2))"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"sum(({', '.join(items)},))"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"max(({', '.join(items)},))"),
    )


ARITHMETIC = st.recursive(numbers(), combined, max_leaves=12)
NUMBERS = {"p": 3, "q": -2.5, "r": 0}


@given(ARITHMETIC)
@example("(0 < (q ** 0.5))")
def test_numbers_agree_with_python(text: str) -> None:
    try:
        expected = eval(text, {"__builtins__": {"sum": sum, "max": max}}, dict(NUMBERS))
    except (ArithmeticError, TypeError):  # a complex number is neither less nor more
        expected = None
    legal = not isinstance(expected, complex) and expected is not None
    try:
        found = parse_expression(text).evaluate(scope_of(**NUMBERS))
    except ExpressionError as error:
        assert not legal or "2**63" in str(error) or "complex" in str(error)  # of a part
        return
    assert type(found) is type(expected)
    assert found == expected or (found != found and expected != expected)


ARRAY_LEAVES = st.sampled_from(["a", "b", "c", "d", "2", "0.5", "3"])


def array_combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"(-{text})"),
        inner.map(lambda text: f"sqrt({text})"),
        st.tuples(inner, inner).map(lambda parts: f"maximum({', '.join(parts)})"),
    )


@given(st.recursive(ARRAY_LEAVES, array_combined, max_leaves=10))
def test_array_expressions_agree_with_numpy(text: str) -> None:
    arrays = {name: ARRAYS[name].astype("float64") for name in "abcd"}
    with np.errstate(all="ignore"):
        try:
            names = {"__builtins__": {}, "sqrt": np.sqrt, "maximum": np.maximum}
            expected = np.asarray(eval(text, names, dict(arrays)))
        except ZeroDivisionError:
            expected = np.asarray(None)
    try:
        found = parse_expression(text).evaluate(scope_of(**arrays))
    except ExpressionError:
        assert expected.dtype == object
        return
    assert np.shape(found) == expected.shape
    assert np.array_equal(found, expected, equal_nan=True)


def test_values_of_the_graph_compute_like_arrays(value: Callable[[str], Any]) -> None:
    assert value("gamma * gamma + weight[:, 0, 0, 0]") == [1, 13]
    assert value("gamma == gamma") == [True, True]


@pytest.mark.parametrize("operator", ["+", "*", "<", "=="])
def test_shapes_that_do_not_fit_are_told_each_time(operator: str) -> None:
    expression = parse_expression(f"a {operator} b")
    scope = scope_of(a=np.ones((2, 3), "float32"), b=np.ones((4, 1, 2), "float32"))
    for _ in range(2):
        with pytest.raises(ExpressionError, match=r"shapes \(2, 3\) and \(4, 1, 2\) don't fit"):
            expression.evaluate(scope)


def test_what_is_computed_is_read_only() -> None:
    scope = scope_of(**ARRAYS)
    for text in ("a + b", "c * c", "a + 1", "2 * c", "c / 0.5", "a < b", "a[0] + c", "sqrt(c)"):
        found = parse_expression(text).evaluate(scope)
        assert type(found) is np.ndarray, text
        assert not found.flags.writeable, text
