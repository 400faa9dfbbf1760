"""Split a network at a value into two models, and put them together again.

The two halves can run on two machines; the whole is the original, node by node and bit by bit.
"""

import graphpass

CUT = "pool1"

whole = graphpass.load("fixtures/stages")

bottom = whole.copy()
graphpass.apply({"extract": {"outputs": CUT}}, bottom)

top = whole.copy()
graphpass.apply({"extract": {"inputs": {CUT: "features"}}}, top)

for name, half in {"bottom": bottom, "top": top}.items():
    print(f"{name}: {half.inputs} -> {half.graph.outputs}, {len(half.parameters)} parameters")
    half.save(f"out/{name}")
assert set(bottom.parameters).isdisjoint(top.parameters)

rejoined = graphpass.load("out/bottom")
graphpass.apply(
    {"merge": {"model": "out/top", "connect": {"features": CUT}, "heads": "theirs"}}, rejoined
)

same = graphpass.isomorphic(whole, rejoined, names=True, parameters=True)
print("the same model again:", bool(same))
assert same, same
