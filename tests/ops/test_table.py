"""Lookup in the operator table."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graphpass.ops import canonical_name, find, operator_names


def test_a_canonical_name_and_its_aliases_find_one_operator() -> None:
    concat = find("Concat")
    assert concat is not None
    assert "concat" in concat.aliases
    assert find("concat") is concat
    assert canonical_name("concat") == canonical_name("Concat") == "Concat"


def test_an_unknown_name() -> None:
    assert find("NoSuchOperator") is None
    assert find("null") is None
    assert canonical_name("NoSuchOperator") == "NoSuchOperator"
    assert "NoSuchOperator" not in operator_names()


def test_every_operator_can_be_built() -> None:
    operators = {find(name) for name in operator_names()}
    assert None not in operators
    assert len(operators) == 886
    assert len(operator_names()) == 886 + sum(len(each.aliases) for each in operators if each)


def test_every_default_is_of_its_type() -> None:
    for name in operator_names():
        operator = find(name)
        assert operator is not None
        for spec in operator.attributes.values():
            assert spec.required == (spec.default is None)
            if spec.default is not None:
                spec.parse(spec.default)


def test_every_condition_names_attributes_of_its_operator() -> None:
    for name in operator_names():
        operator = find(name)
        assert operator is not None
        named = {*operator.template.attributes}
        named.update(*(requirement.attributes for requirement in operator.requirements))
        assert named <= operator.attributes.keys(), name


@pytest.mark.parametrize(
    ("alias", "name"),
    [("reshape", "Reshape"), ("flatten", "Flatten"), ("Softmax", "SoftmaxOutput"),
     ("split", "SliceChannel"), ("_Plus", "elemwise_add")],
)  # fmt: skip
def test_aliases_of_old_files(alias: str, name: str) -> None:
    assert canonical_name(alias) == name


def test_import_is_light_and_the_table_is_read_on_first_use() -> None:
    code = (
        "import sys, graphpass.ops as ops; from graphpass.ops import operator;"
        "assert 'numpy' not in sys.modules and 'mxnet' not in sys.modules;"
        "assert operator._table.cache_info().currsize == 0;"
        "ops.find('relu');"
        "assert operator._table.cache_info().currsize == 1 and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
