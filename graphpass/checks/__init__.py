"""What is wrong or odd about a model, told without running it.

====================  ===================================================================
module                what is in it
====================  ===================================================================
:mod:`.run`           `check`: every check on a model, its report, and which passes mend it
:mod:`.subject`       the model, what several checks ask of it, and `FindingKind`
:mod:`.parameters`    stored values: missing, of another shape, class or type, no numbers
:mod:`.operators`     shapes in conflict, names, attributes and inputs, BatchNorm
:mod:`.batch`         batch sizes in the graph
:mod:`.leftovers`     what only training needs, and what nothing depends on
====================  ===================================================================
"""

from graphpass.checks.run import CheckReport, Finding, check
from graphpass.checks.subject import FoundNode

__all__ = ["CheckReport", "Finding", "FoundNode", "check"]
