"""Conditions and computed values of rewrites: text in Python's syntax, never executed.

====================  ======================================================================
module                what is in it
====================  ======================================================================
:mod:`.expression`    `parse_expression`: text -> `Expression`, and what it looks at
:mod:`.compile`       syntax tree -> a tree of closures
:mod:`.terms`         the parts of that tree; `Scope`, in which they are evaluated; reasons
:mod:`.functions`     the functions by name
:mod:`.arithmetic`    operators and comparisons
:mod:`.values`        `NodeView` and `ValueView`: what nodes and values answer
====================  ======================================================================

How much may be computed, `graphpass.rules.limits` says.
"""

from graphpass.rules.expressions.expression import (
    Expression,
    compile_expression,
    parse_expression,
)
from graphpass.rules.expressions.terms import Scope
from graphpass.rules.expressions.values import (
    ARRAY_WORDS,
    NODE_WORDS,
    UNBOUND,
    VALUE_WORDS,
    NodeView,
    RawAttributes,
    UnknownError,
    ValueView,
)

__all__ = [
    "ARRAY_WORDS",
    "NODE_WORDS",
    "UNBOUND",
    "VALUE_WORDS",
    "Expression",
    "NodeView",
    "RawAttributes",
    "Scope",
    "UnknownError",
    "ValueView",
    "compile_expression",
    "parse_expression",
]
