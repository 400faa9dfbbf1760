"""graphpass: a graph-rewriting compiler pass over NNVM JSON.

Reads the symbol JSON and parameters of MXNet models into a networkx DAG, applies declarative rules,
and writes both back, with a proof that the model still computes what it should.

The names below are the whole public surface; each is imported when it is first used, so that
importing the package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphpass.checks import CheckReport, check
    from graphpass.errors import GraphpassError
    from graphpass.formats.parameters import Parameters
    from graphpass.formats.symbol_json import dumps, loads
    from graphpass.graph import Entry, Graph, Node
    from graphpass.model import Model, load
    from graphpass.rules import Pass, Report, apply, rewrite
    from graphpass.verify import diff, isomorphic, verify

__all__ = [
    "CheckReport",
    "Entry",
    "Graph",
    "GraphpassError",
    "Model",
    "Node",
    "Parameters",
    "Pass",
    "Report",
    "apply",
    "check",
    "diff",
    "dumps",
    "isomorphic",
    "load",
    "loads",
    "rewrite",
    "verify",
]

_HOMES = {
    "CheckReport": "graphpass.checks",
    "Entry": "graphpass.graph",
    "Graph": "graphpass.graph",
    "GraphpassError": "graphpass.errors",
    "Model": "graphpass.model",
    "Node": "graphpass.graph",
    "Parameters": "graphpass.formats.parameters",
    "Pass": "graphpass.rules",
    "Report": "graphpass.rules",
    "apply": "graphpass.rules",
    "check": "graphpass.checks",
    "diff": "graphpass.verify",
    "dumps": "graphpass.formats.symbol_json",
    "isomorphic": "graphpass.verify",
    "load": "graphpass.model",
    "loads": "graphpass.formats.symbol_json",
    "rewrite": "graphpass.rules",
    "verify": "graphpass.verify",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'graphpass' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
