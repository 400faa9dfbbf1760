"""Tie the embeddings of a translator, and see what leaves the file.

Two variables of equal value are two weights: training moves them apart, and the file holds both.
"""

from pathlib import Path

import graphpass
from graphpass.errors import OperationError

model = graphpass.load("fixtures/translator")
print(graphpass.apply({"tie": ["src_embed_weight", "tgt_embed_weight"]}, model))

before = Path("fixtures/translator-0000.params").stat().st_size
files = model.save("out/tied")
after = files.params.stat().st_size
print(f"{before} -> {after} bytes")
assert after < before

# Values that differ are not tied by accident: the rule has to say whose stays.
try:
    graphpass.apply({"tie": ["src_embed_weight", "vocabulary_weight"]}, model)
except OperationError as refused:
    print("refused:", refused)
else:
    raise AssertionError("values that differ were tied without a word")

graphpass.apply(
    {"tie": {"variables": ["src_embed_weight", "vocabulary_weight"], "keep": "first"}}, model
)
assert list(model.parameters) == ["src_embed_weight"]
