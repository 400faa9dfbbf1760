"""The graph: nodes and entries in one networkx DAG, edited in transactions.

======================  ===============================================================
module                  what is in it
======================  ===============================================================
:mod:`.graph`           `Graph`, and `Edit`: a transaction on it, with a journal
:mod:`.structure`       what may be asked of a graph, what is derived, one node's view
:mod:`.store`           the networkx graph that it is stored in, and primitive changes
:mod:`.edges`           values, the edges by which nodes read them, walks along these
:mod:`.names`           who is called what, and names that are free
:mod:`.invariants`      what a commit checks
:mod:`.ranks`           an order that is kept up to date edit by edit
:mod:`.changes`         what a transaction has changed so far, from its journal
======================  ===============================================================
"""

from graphpass.graph.edges import VARIABLE, Entry, Use, ValueKey
from graphpass.graph.graph import Edit, Graph
from graphpass.graph.names import free_name
from graphpass.graph.store import Origin, paused_collector
from graphpass.graph.structure import Node

__all__ = [
    "VARIABLE",
    "Edit",
    "Entry",
    "Graph",
    "Node",
    "Origin",
    "Use",
    "ValueKey",
    "free_name",
    "paused_collector",
]
