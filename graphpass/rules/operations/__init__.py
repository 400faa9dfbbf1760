"""The operations; one and its counterpart share a module.

A module is imported when its operation is first used, so a pass that renames loads no code of the
others.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from graphpass.errors import UsageError, suggestion
from graphpass.rules.operations.operation import Operation

__all__ = ["OPERATIONS", "operation_class"]

OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "batch": "batch.Batch",
        "clone": "clone.Clone",
        "deduplicate": "deduplicate.Deduplicate",
        "expect": "expect.Expect",
        "extract": "clone.Extract",
        "fold": "fold.Fold",
        "insert": "insert.Insert",
        "lower": "lower.Lower",
        "merge": "merge.Merge",
        "prefix": "rename.Prefix",
        "prune": "remove.Prune",
        "remove": "remove.Remove",
        "rename": "rename.Rename",
        "rewrite": "rewrite.RewriteOperation",
        "set": "set.Set",
        "substitute": "remove.Substitute",
        "tie": "tie.Tie",
        "unbatch": "unbatch.Unbatch",
        "untie": "tie.Untie",
        "use": "use.UsePasses",
    }
)
"""Keyword to the module in this package, and the class in it."""


def operation_class(keyword: str) -> type[Operation]:
    """Return the class of an operation.

    Raises
    ------
    UsageError
        If there is no operation of that name; the message names the nearest.

    Examples
    --------
    >>> operation_class("rename").options()[:2]
    ['from', 'to']
    """
    if keyword not in OPERATIONS:
        raise UsageError(
            f"there is no operation {keyword!r}{suggestion(keyword, OPERATIONS)}; "
            f"the operations are {', '.join(OPERATIONS)}"
        )
    module, _, name = OPERATIONS[keyword].partition(".")
    found: type[Operation] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return found
