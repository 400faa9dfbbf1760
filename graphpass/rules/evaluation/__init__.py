"""What operators compute of arrays, without MXNet: the numbers that MXNet 1.9.1 gives on a CPU.

=====================  ===================================================================
module                 what is in it
=====================  ===================================================================
:mod:`.call`           one operator that is to be evaluated
:mod:`.creation`       operators that make arrays of nothing
:mod:`.elementwise`    arithmetic, functions, casts
:mod:`.arrangement`    reshapes, slices, transposes
:mod:`.reduction`      sums, means, extremes
=====================  ===================================================================
"""

from graphpass.rules.evaluation.evaluate import EVALUATORS, evaluate

__all__ = ["EVALUATORS", "evaluate"]
