"""Templates, clashes and advice."""

from __future__ import annotations

import pytest

from graphpass.errors import OperationError
from graphpass.rules.operations.names import fill, free_prefix, refuse_clashes
from graphpass.rules.operations.operation import Run


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{name}_b", "{user}_b"),
        ("b_{name}{name}", "b_{user}{user}"),
        ("{user}.{name}", "fc.{user}"),
        ("{other}{", "{other}{"),
    ],
)
def test_fields_are_filled_once(net, template: str, text: str) -> None:
    run = Run(model=net("a = relu(x)\nreturn a"))
    assert fill(run, template, name="{user}", user="fc") == text


def test_variables_and_operators_have_names_of_their_own(net) -> None:
    run = Run(model=net("a = relu(x)\nreturn a"))
    refuse_clashes(run, variables=["a"], operators=["x", "b", "b"], advice="")
    with pytest.raises(OperationError, match=r"variable 'x' \(#0\) is there already; try y"):
        refuse_clashes(run, variables=["x"], advice="try y")
    with pytest.raises(OperationError, match=r"relu 'a' \(#1\) is there already"):
        refuse_clashes(run, operators=["a"], advice="")
    with pytest.raises(OperationError, match="2 new variables would be called 'y'"):
        refuse_clashes(run, variables=["y", "y"], advice="")


def test_a_name_that_leaves_is_free(net) -> None:
    run = Run(model=net("a = relu(x)\nreturn a"))
    x, a = run.graph.order()
    refuse_clashes(run, variables=["x"], operators=["a"], leaving={x, a}, advice="")


@pytest.mark.parametrize(
    ("prefix", "free"), [("b_", "b3_"), ("sha-", "sha2-"), ("", "clone2_"), ("_", "clone2_")]
)
def test_a_free_prefix_begins_no_name(net, prefix: str, free: str) -> None:
    run = Run(model=net("b2_a = relu(x)\nreturn b2_a", unused=(1,)))
    assert free_prefix(run, prefix) == free
