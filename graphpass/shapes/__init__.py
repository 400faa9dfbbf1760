"""Shapes, dtypes and costs, inferred without MXNet.

======================  ===============================================================
module                  what is in it
======================  ===============================================================
:mod:`.inference`       `infer` and what it finds
:mod:`.variables`       what variables say of themselves, and their readers of them
:mod:`.cost`            multiply-adds and parameter bytes
======================  ===============================================================

What an operator makes of shapes and types stands in its row, see `graphpass.ops.meaning`.
"""

from graphpass.ops.shape import Shape, printed
from graphpass.shapes.cost import cost, multiply_adds, parameter_bytes
from graphpass.shapes.inference import Conflict, Inference, infer

__all__ = [
    "Conflict",
    "Inference",
    "Shape",
    "cost",
    "infer",
    "multiply_adds",
    "parameter_bytes",
    "printed",
]
