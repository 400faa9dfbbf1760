"""Shapes, dtypes and costs, inferred without MXNet.

======================  ===============================================================
module                  what is in it
======================  ===============================================================
:mod:`.inference`       `infer` and what it finds
:mod:`.propagation`     facts spread through a graph until nothing new follows
:mod:`.table`           operator -> rule
:mod:`.families`        the rules, one file per family of operators
:mod:`.site`            what a rule sees of an operator
:mod:`.shape`           shapes that may be known in part
:mod:`.hints`           what variables say of themselves
:mod:`.batch`           which axis counts the samples, and what all of them share
:mod:`.cost`            multiply-adds and parameter bytes
======================  ===============================================================
"""

from graphpass.shapes.cost import cost, multiply_adds, parameter_bytes
from graphpass.shapes.inference import Conflict, Inference, infer
from graphpass.shapes.shape import Shape

__all__ = [
    "Conflict",
    "Inference",
    "Shape",
    "cost",
    "infer",
    "multiply_adds",
    "parameter_bytes",
]
