"""Every row of the table of operators is well-formed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from graphpass.ops import find
from graphpass.ops.families import FAMILIES
from graphpass.ops.meaning import known_operators, meaning
from graphpass.ops.sites import Meaning

ROWS = [(names, row) for rows in FAMILIES for names, row in rows.items()]
OPERATORS = sorted(known_operators())


def inputs_of(op: str) -> set[str]:
    """Return the names that an operator has for its inputs, whatever its attributes are."""
    operator = find(op)
    assert operator is not None
    return {name for item in operator.template.inputs for name, _ in item.names}


def test_an_operator_stands_in_one_row() -> None:
    counted = Counter(name for names, _ in ROWS for name in names.split())
    assert counted.keys() == set(OPERATORS)
    assert not [name for name, times in counted.items() if times > 1]


@pytest.mark.parametrize("op", OPERATORS)
def test_a_row_is_well_formed(op: str) -> None:
    operator, row = find(op), meaning(op)
    assert operator is not None and operator.name == op, "rows have canonical names"
    assert row != Meaning(), "a row says something"
    assert row.value is None or row.shape is not None, "a value needs a shape"
    assert row.cost is None or row.shape is not None, "so does a cost"
    names = inputs_of(op)
    assert row.ranges.keys() <= names, "ranges are of inputs"
    if names and not operator.template.open_ended and not operator.key_var_num_args:
        needs = (row.shape_needs, row.dtype_needs, row.cost_needs)
        assert max(needs) <= len(operator.template.inputs), "rules need inputs that exist"
    if row.batch is not None:
        assert not operator.never_mutates or row.random != "always", "what draws is not batched"


def test_an_alias_has_the_row_of_its_operator() -> None:
    assert meaning("elemwise_add") is meaning("_plus") is meaning("_Plus")
    assert meaning("VendorThing").shape is None


def test_a_rename_reads_no_rows() -> None:
    code = """
import sys
import graphpass
graph = graphpass.Graph()
with graph.edit() as edit:
    edit.set_heads([graphpass.Entry(edit.add_variable("x"))])
graphpass.apply([{"rename": {"from": "x", "to": "y"}}], graphpass.Model(graph))
print(*graph.arguments, "graphpass.ops.families" in sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed == "y False\n"
