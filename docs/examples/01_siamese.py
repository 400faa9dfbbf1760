"""A siamese network from one checkpoint: cut, clone on tied weights, join, save.

Run it in a folder that holds the fixtures: ``python docs/examples/01_siamese.py``.
"""

import graphpass

RULES = [
    {"extract": "flatten0"},  # the features; the classifier and its weights go
    {"clone": {"prefix": "right_"}},  # a second tower on the same weights
    {"rename": {"from": "data", "to": "left_data"}},
    {
        "insert": {
            "op": "elemwise_sub",
            "name": "difference",
            "inputs": ["flatten0", "right_flatten0"],
            "heads": "replace",
        }
    },
    {
        "insert": {
            "op": "FullyConnected",
            "name": "score",
            "attrs": {"num_hidden": 1},
            "after": "difference",
            "parameters": {
                "weight": {"shape": [1, 4], "init": "normal", "seed": 7},
                "bias": {"shape": [1], "init": "zeros"},
            },
        }
    },
    {"expect": {"inputs": ["left_data", "right_data"], "outputs": ["score_output"]}},
]

model = graphpass.load("fixtures/residual")
weights = len(model.parameters)
report = graphpass.apply(RULES, model)
print(report)

# Every weight of the trunk is one variable, read by two operators.
graph = model.graph
shared = [graph.name(key) for key in graph.variable_keys().arguments if len(graph.uses(key)) == 2]
print("tied:", ", ".join(shared))
assert len(shared) == 6
assert len(model.parameters) == weights

print("wrote", model.save("out/score").symbol)
