"""The operations: one module each, named for the keyword that pass files use.

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
        "batch": "Batch",
        "clone": "Clone",
        "deduplicate": "Deduplicate",
        "expect": "Expect",
        "extract": "Extract",
        "fold": "Fold",
        "insert": "Insert",
        "merge": "Merge",
        "prefix": "Prefix",
        "prune": "Prune",
        "remove": "Remove",
        "rename": "Rename",
        "rewrite": "RewriteOperation",
        "set": "Set",
        "substitute": "Substitute",
        "tie": "Tie",
        "unbatch": "Unbatch",
        "untie": "Untie",
        "use": "Use",
    }
)
"""Keyword to class; the keyword is also the name of the module in this package."""


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
    module = importlib.import_module(f"graphpass.rules.operations.{keyword}")
    found: type[Operation] = getattr(module, OPERATIONS[keyword])
    return found
