"""What a hostile pass file may try: each attempt ends soon, and in an error of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from effort import at_most

from graphpass import Model
from graphpass.errors import ExpressionError, TextError
from graphpass.graph import Entry
from graphpass.rules.expressions import Scope, UnknownError, parse_expression
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.facts import Facts

REFUSED = (TextError, ExpressionError, UnknownError)

HOSTILE = [
    # ways into Python
    "().__class__.__bases__[0].__subclasses__()",
    "(1).__class__",
    "'a'.__class__",
    "x.__class__.__mro__",
    "weight.__class__.__init__",
    "conv.__class__.__subclasses__",
    "conv.__init__.__globals__",
    "gamma.__array_interface__['data']",
    "scale.__array_interface__",
    "scale.tofile",
    "scale.tofile('/tmp/out')",
    "scale.base",
    "scale.T.dump",
    "scale.ctypes",
    "scale.__reduce__",
    "conv.graph",
    "conv.scope",
    "conv.scope.parameters",
    "conv.key",
    "x.entry",
    "x.array",
    "x.scope.facts.graph.edit",
    "conv.attrs.texts",
    "conv.attrs.node.graph",
    "conv.attrs['__class__']",
    "attribute(conv, '_scope')",
    "attribute(conv, 'graph')",
    "attribute('a', '__class__')",
    "getattr(x, 'name')",
    "eval('1')",
    "exec('1')",
    "compile('1', '', 'eval')",
    "open('/etc/passwd')",
    "__import__('os')",
    "`__import__`('os')",
    "__builtins__['eval']",
    "globals()",
    "input()",
    "print(1)",
    "type(x)",
    "vars(x)",
    "dir(x)",
    "str(x)",
    "sqrt.__globals__",
    "FUNCTIONS",
    "np.load('/etc/passwd')",
    "`x.__class__`",
    "`__class__`",
    "x.`__class__`",
    "weight.`a b`",
    "'{0.__class__}'.format(x)",
    "f'{x.__class__}'",
    "'%s' % x",
    "'a'.join(('b',))",
    "lambda: 1",
    "(lambda: 1)()",
    "[c for c in ().__class__.__base__.__subclasses__()]",
    "(y := 1)",
    "(yield 1)",
    "(await x)",
    "x[lambda: 1]",
    "sqrt(x=lambda: 1)",
    "ones(2, dtype='object')",
    "ones(2, dtype='O')",
    "ones(2, dtype='V1000000000')",
    "ones(2, dtype='S1000000000')",
    "ones(2, dtype='float32,float32')",
    "astype(gamma, 'U1000000')",
    "stack((x.name, 'a'))",
    # memory
    "ones((1e9, 1e9))",
    "ones((10**9, 10**9))",
    "zeros(2**62)",
    "zeros((2**31,) * 2)",
    "zeros((2**31, 2**31))",
    "full((99999, 99999), 1)",
    "eye(10**9)",
    "eye(5000)",
    "arange(10**12)",
    "arange(0, 1, 1e-12)",
    "arange(1e300)",
    "repeat(gamma, 10**12)",
    "repeat(gamma, 2**63)",
    "tile(gamma, 10**12)",
    "tile(gamma, (10**6, 10**6))",
    "tile(gamma, tuple(9 for i in range(30)))",
    "zeros((5000, 1)) + zeros((1, 5000))",
    "zeros((5000, 1)) == zeros((1, 5000))",
    "maximum(zeros((5000, 1)), zeros((1, 5000)))",
    "allclose(zeros((2500, 1)), zeros((1, 2500)))",
    "zeros((5000, 1)) @ zeros((1, 5000))",
    "concatenate(tuple(zeros(9999) for i in range(9999)))",
    "stack(tuple(weight for i in range(9999999)))",
    "stack(tuple(zeros(2**20) for i in range(100)))",
    "(zeros(2**19), zeros(2**19), zeros(2**19))",
    "sum(ones(2**20 + 1))",
    "full_like(ones((2**20,)), 1) + ones((2**20, 1))",
    "9**9**9",
    "9**9**9**9",
    "2**2**2**2**2**2",
    "(-9)**999999999999",
    "2**63 * 2",
    "9223372036854775807 * 9223372036854775807",
    "'a' * 10**9",
    "(1,) * 10**9",
    "'a' * number",
    "10.0**400",
    "int('9' * 100000)",
    "int(1e308)",
    "range(10**9)",
    "tuple(range(2**63))",
    "sum(range(10**8))",
    # time
    "sum(i for i in range(10**8))",
    "all(all(all(True for k in range(999)) for j in range(999)) for i in range(999))",
    "count(count(True for j in range(9999)) for i in range(9999))",
    "sum(sum(range(9999)) for i in range(9999))",
    "sum(len(range(9999)[1:]) for i in range(9999))",
    "count(range(9999) == range(9999) for i in range(9999))",
    "count(i in range(9999) for i in range(9999))",
    "tuple(range(9999) for i in range(9999))",
    "count(equal(weight @ weight, weight) for i in range(9999999))",
    "sum(sum(ones(2**20)) for i in range(9999))",
    "sum(float(sum(ones(2**20) ** 0.5)) for i in range(9999))",
    "sum(float(sum(exp(ones(2**20)))) for i in range(9999))",
    "astype(ones((1000, 1000)), 'int64') @ astype(ones((1000, 1000)), 'int64')",
    "ones((1000, 1000)) @ ones((1000, 1000)) @ ones((1000, 1000))",
    # depth
    "(" * 5000 + ")" * 5000,
    "[" * 49 + "]" * 49 + "[0]" * 3000,
    "-" * 9000 + "1",
    "not " * 2000 + "1",
    "1" + " if 1 else 1" * 800,
    "1" + "**1" * 3000,
    "1" + "+1" * 4000,
    "x" + ".node" * 1900,
    "x" + "[0]" * 3000,
    "sqrt(" * 49 + "1" + ")" * 49 + ".a",
    "9" * 9999,
    "'a' 'b'" * 2000 + "(",
    "\x00",
    "1\x0c",
    "'\ud800'",
    "`",
    "``",
    "`\\u{110000}`",
    "#",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:50].encode("ascii", "replace"))
def test_an_attempt_is_refused(text: str, scope: Scope) -> None:
    with at_most(1_000_000), pytest.raises(REFUSED) as caught:
        parse_expression(text).evaluate(scope)
        pytest.fail("it gave a value")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "key", ["__class__", "__dict__", "__init__", "__reduce__", "__getattribute__"]
)
def test_a_hidden_key_is_an_attribute_of_the_node_and_nothing_else(
    key: str, value: Callable[[str], Any]
) -> None:
    assert value(f"conv.{key}") is None
    assert value(f"weight.{key}") is None


def test_tuples_that_share_their_parts_stay_small(scope: Scope) -> None:
    scope.define("t", (1, 2))
    with pytest.raises(ExpressionError, match="more than 10,000 elements"):
        for _ in range(100):
            scope.define("t", parse_expression("(t, t)").evaluate(scope))


def test_texts_stay_short(scope: Scope) -> None:
    scope.define("t", "ab")
    with pytest.raises(ExpressionError, match="longer than 10,000"):
        for _ in range(100):
            scope.define("t", parse_expression("t + t").evaluate(scope))


def test_elements_are_counted_over_all_expressions_of_a_match(scope: Scope) -> None:
    expression = parse_expression("zeros(2**18) + 1")
    with pytest.raises(ExpressionError, match="more than 16,777,216 elements in all"):
        for _ in range(40):
            expression.evaluate(scope)


def test_steps_are_counted_per_expression(scope: Scope) -> None:
    expression = parse_expression("count(True for i in range(9999)) == 9999")
    for _ in range(20):
        assert expression.holds(scope)


def test_a_loop_may_make_many_small_tuples(scope: Scope) -> None:
    made = parse_expression("tuple((i, i, i) for i in range(2000))").evaluate(scope)
    assert len(made) == 2000


def test_a_large_parameter_may_be_computed_with(model: Model, scope: Scope) -> None:
    large = np.broadcast_to(np.float32(1), (2**13, 2**12))
    entry: Entry = model.graph.inputs(scope["conv"].key)[1]
    other = Scope(Facts(model.graph), {"weight": entry}, {"conv0_weight": large})
    found = parse_expression("reshape(weight, (2, 2**12, 2**12))[0, :8] * 2").evaluate(other)
    assert found.shape == (8, 2**12)
    assert other.limits.array_elements == 2**27


def test_steps_grow_with_the_graph() -> None:
    limits = Limits(1_000_000)
    limits.step(32_000_000)
    with pytest.raises(ValueError, match="more than 32,000,000 steps"):
        limits.step(1)
