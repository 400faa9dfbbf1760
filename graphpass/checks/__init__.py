"""What is wrong or odd about a model, told without running it.

=======================  ================================================================
module                   what is in it
=======================  ================================================================
:mod:`.run`              `check`: every check on a model
:mod:`.finding`          `Finding`, and the `CheckReport` of all
:mod:`.registry`         every kind of finding, as data
:mod:`.kind`             `Check`: one kind, and `Found`, what it yields
:mod:`.subject`          the model, and what several checks ask of it
:mod:`.passed_in`        what the variables of a subgraph stand for outside
:mod:`.parameters`       missing, extra, of another shape, class or type
:mod:`.unnamed`          inputs that nobody names
:mod:`.stored_values`    numbers that are none
:mod:`.conflicts`        shapes and types that contradict each other
:mod:`.names`            names that stand for more than one node
:mod:`.operators`        unknown, deprecated, wrong attributes or inputs
:mod:`.batch_norm`       gammas that do not count, negative variances
:mod:`.baked_batch`      batch sizes in the graph
:mod:`.batch_probe`      which extents grow with the batch
:mod:`.constants`        constants that are as long as one batch
:mod:`.freeing`          what ``free-batch`` frees
:mod:`.training`         losses, labels, Dropout and their kin
:mod:`.stripping`        what ``strip-training`` and ``ssd-deploy`` take out
:mod:`.dead`             what no head depends on
=======================  ================================================================
"""

from graphpass.checks.finding import CheckReport, Finding, FoundNode
from graphpass.checks.run import check

__all__ = ["CheckReport", "Finding", "FoundNode", "check"]
