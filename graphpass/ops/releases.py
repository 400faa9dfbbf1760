"""Which release of MXNet first had an operator, a name of one, or an attribute.

The libraries of all minor releases from 0.9 to 1.9 were asked, by ``python -m
graphpass.ops.dump.releases``. What the table does not list, 0.9 had.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from graphpass.ops.operator import find

__all__ = ["lacking", "name_at"]


@cache
def _since() -> Mapping[str, int]:
    """Return name, or ``Operator.attribute``, to the version number of the first release."""
    table = json.loads(Path(__file__).with_name("releases.json").read_bytes())
    return {each: _number(release) for release, names in table.items() for each in names}


def _number(release: str) -> int:
    major, minor = map(int, release.split("."))
    return major * 10000 + minor * 100


def name_at(op: str, version: int) -> str:
    """Return the name under which a release has an operator; its own where it has none.

    Examples
    --------
    >>> name_at("elemwise_mul", 1200), name_at("elemwise_mul", 900)
    ('elemwise_mul', '_Mul')
    """
    operator, since = find(op), _since()
    for name in (op, *(operator.aliases if operator else ())):
        if since.get(name, 0) <= version:
            return name
    return op


def lacking(op: str, attrs: Iterable[str], version: int) -> dict[str, str]:
    """Return what a release does not have of an operator: in words, to the first that has it.

    Examples
    --------
    >>> lacking("Dropout", ["p", "axes"], 10000), lacking("_npx_relu", [], 10500)
    ({"the attribute 'axes' of Dropout": '1.2'}, {'_npx_relu': '1.6'})
    """
    since, name = _since(), name_at(op, version)
    first = since.get(name, 0)
    found = {op: first} if first > version else {
        f"the attribute {key!r} of {op}": since[f"{op}.{key}"]
        for key in attrs
        if since.get(f"{op}.{key}", 0) > version
    }  # fmt: skip
    return {what: f"{first // 10000}.{first // 100 % 100}" for what, first in found.items()}
