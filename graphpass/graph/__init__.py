"""The graph: nodes and entries in one networkx DAG, edited in transactions.

======================  ===============================================================
module                  what is in it
======================  ===============================================================
:mod:`.graph`           `Graph`: what may be asked of it, what is derived, copies
:mod:`.store`           the networkx graph that it is stored in, and primitive changes
:mod:`.node`            `Entry` and `Node`, the read-only view of one node
:mod:`.edit`            `Edit`: a transaction with a journal
:mod:`.changes`         what a transaction has changed so far, from its journal
:mod:`.invariants`      what a commit checks
:mod:`.order`           the post-order walk that everything saved derives from
:mod:`.names`           who is called what, and names that are free
:mod:`.signatures`      inputs and outputs of a node, subgraphs and opaque operators included
:mod:`.origin`          what the file that was read said of itself
======================  ===============================================================
"""

from graphpass.graph.edit import Edit
from graphpass.graph.graph import Graph
from graphpass.graph.names import free_name
from graphpass.graph.node import VARIABLE, Entry, Node, Use, Value
from graphpass.graph.origin import Origin

__all__ = ["VARIABLE", "Edit", "Entry", "Graph", "Node", "Origin", "Use", "Value", "free_name"]
