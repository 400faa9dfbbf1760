"""graphpass: a graph-rewriting compiler pass over NNVM JSON.

Reads the symbol JSON and parameters of MXNet models into a networkx DAG, applies declarative rules,
and writes both back, with a proof that the model still computes what it should.

The names below are the whole public surface; each is imported when it is first used, so that
importing the package stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphpass.lazy import lazily

__version__ = "0.1.0"

if TYPE_CHECKING:
    from graphpass.checks import CheckReport as CheckReport
    from graphpass.checks import check as check
    from graphpass.errors import GraphpassError as GraphpassError
    from graphpass.formats.parameters import Parameters as Parameters
    from graphpass.formats.symbol_read import loads as loads
    from graphpass.formats.symbol_write import dumps as dumps
    from graphpass.graph import Entry as Entry
    from graphpass.graph import Graph as Graph
    from graphpass.graph import Node as Node
    from graphpass.lowering.export import export as export
    from graphpass.model import Model as Model
    from graphpass.model import from_mxnet as from_mxnet
    from graphpass.model import load as load
    from graphpass.rules import Pass as Pass
    from graphpass.rules import Report as Report
    from graphpass.rules import apply as apply
    from graphpass.rules.rewrite.python_rewrite import rewrite as rewrite
    from graphpass.verify import diff as diff
    from graphpass.verify import isomorphic as isomorphic
    from graphpass.verify import verify as verify

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "checks": "CheckReport check",
        "errors": "GraphpassError",
        "formats.parameters": "Parameters",
        "formats.symbol_read": "loads",
        "formats.symbol_write": "dumps",
        "graph": "Entry Graph Node",
        "lowering.export": "export",
        "model": "Model from_mxnet load",
        "rules": "Pass Report apply",
        "rules.rewrite.python_rewrite": "rewrite",
        "verify": "diff isomorphic verify",
    },
)
