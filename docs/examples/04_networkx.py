"""Ask networkx about a model: bottlenecks, depth, and what one weight can influence."""

import networkx as nx

import graphpass

graph = graphpass.load("fixtures/residual").graph
dag = graph.dag  # the graph itself, not a copy

(data,) = graph.named("data")
head = graph.heads[0].node


def names(keys):
    """Return the names of nodes."""
    return [graph.name(key) for key in keys]


# Values that every path from the input to the output goes through: where the net can be cut in two.
dominators = nx.immediate_dominators(dag, data)
cuts, key = [], head
while key != data:
    cuts.append(key)
    key = dominators[key]
print("can be cut at:", ", ".join(names(reversed(cuts))))
assert "conv1" not in names(cuts), "the branch of a residual unit is no cut"

depth = nx.dag_longest_path(dag)
print("longest path:", " -> ".join(names(depth)))

(weight,) = graph.named("conv1_weight")
influenced = nx.descendants(dag, weight)
print("conv1_weight influences", len(influenced), "of", len(dag), "nodes")
assert head in influenced
