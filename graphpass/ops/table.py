"""The operator table: lookup by name, read from the shipped dump on first use."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graphpass.ops.attributes import AttributeSpec
from graphpass.ops.operator import Operator
from graphpass.ops.template import Requirement, SignatureTemplate
from graphpass.ops.values import Value

__all__ = ["build_operator", "canonical_name", "find", "operator_names"]

_FILE = Path(__file__).with_name("mxnet-1.9.1.json")


@lru_cache(maxsize=4096)
def find(name: str) -> Operator | None:
    """Return the operator of a canonical name or alias, or None.

    Examples
    --------
    >>> find("concat").name, find("NoSuchOperator")
    ('Concat', None)

    Notes
    -----
    Constant. The first call reads the table, which takes some milliseconds.
    """
    canonical = _table()[1].get(name)
    return None if canonical is None else _operator(canonical)


def canonical_name(name: str) -> str:
    """Return the name that MXNet saves for a name or alias; an unknown name is returned as it is.

    Examples
    --------
    >>> canonical_name("split"), canonical_name("NoSuchOperator")
    ('SliceChannel', 'NoSuchOperator')
    """
    return _table()[1].get(name, name)


def operator_names() -> Collection[str]:
    """Return every canonical name and alias."""
    return _table()[1].keys()


@cache
def _table() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    records: dict[str, dict[str, Any]] = json.loads(_FILE.read_bytes())["operators"]
    names = {name: name for name in records}
    for name, record in records.items():
        names.update(dict.fromkeys(record.get("aliases", ()), name))
    return records, names


@cache
def _operator(name: str) -> Operator:
    return build_operator(name, _table()[0][name])


def build_operator(name: str, record: dict[str, Any]) -> Operator:
    """Make an operator of a record of the table."""
    specs = {key: _attribute(key, *fields) for key, fields in record.get("attributes", {}).items()}

    def parse(attribute: str, text: str) -> Value:
        return specs[attribute].parse(text)

    template = SignatureTemplate.from_text(
        record.get("inputs", ""),
        record.get("outputs", "output"),
        {int(slot): text for slot, text in record.get("initializers", {}).items()},
        parse,
    )
    return Operator(
        name=name,
        aliases=tuple(record.get("aliases", ())),
        attributes=MappingProxyType(specs),
        open_keys=record.get("open_keys", not specs),
        unparsed=record.get("unparsed", not specs),
        from_subgraph=record.get("from_subgraph", False),
        opaque=record.get("opaque", False),
        unnamed=record.get("unnamed", False),
        key_var_num_args=record.get("key_var_num_args"),
        template=template,
        requirements=tuple(
            Requirement.from_text(text, parse) for text in record.get("requires", "").split()
        ),
        _required=frozenset(spec.name for spec in specs.values() if spec.required),
        _constant=None if template.attributes else template.signature({}),
    )


def _attribute(
    name: str,
    type_name: str,
    default: str | None = None,
    bounds: list[float | None] | None = None,
    choices: list[str] | None = None,
) -> AttributeSpec:
    low, high = bounds or (None, None)
    return AttributeSpec(
        name, type_name, default is None, default, tuple(choices or ()), (low, high)
    )
