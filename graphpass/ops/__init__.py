"""What MXNet's operators are: their attributes, inputs, outputs and auxiliary states.

The facts come from MXNet 1.9.1 itself: ``python -m graphpass.ops.dump`` asks the library and writes
the table that is shipped here.
"""

from graphpass.ops.attributes import Attributes, AttributeSpec
from graphpass.ops.operator import Operator, canonical_name, find, operator_names
from graphpass.ops.template import Signature
from graphpass.ops.values import format_value

__all__ = [
    "AttributeSpec",
    "Attributes",
    "Operator",
    "Signature",
    "canonical_name",
    "find",
    "format_value",
    "operator_names",
]
