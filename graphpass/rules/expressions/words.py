"""The words after a dot: what may be asked of a node, a value and an array."""

from __future__ import annotations

__all__ = ["ARRAY_WORDS", "NODE_WORDS", "VALUE_WORDS"]

NODE_WORDS = frozenset(
    {
        "attrs",
        "inputs",
        "is_head",
        "name",
        "num_inputs",
        "num_outputs",
        "num_users",
        "op",
        "users",
    }
)
"""What a node answers before its operator's attributes; `ARRAY_WORDS` come after those."""

ARRAY_WORDS = frozenset({"dtype", "ndim", "shape", "size"})
"""What an array answers, a value, and a node for its first output."""

VALUE_WORDS = ARRAY_WORDS | {
    "is_aux",
    "is_const",
    "is_head",
    "is_input",
    "is_param",
    "name",
    "node",
    "num_users",
    "output",
    "users",
}
"""What a value answers, keys such as ``__lr_mult__`` aside."""
