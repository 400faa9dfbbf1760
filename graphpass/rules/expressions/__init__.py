"""Conditions and computed values of rewrites: text in Python's syntax, never executed.

====================  ======================================================================
module                what is in it
====================  ======================================================================
:mod:`.compile`       `parse_expression`: text -> `Expression`, a tree of closures
:mod:`.expression`    `Expression`: what it looks at; `Expression.why_not`
:mod:`.functions`     the functions by name
:mod:`.arithmetic`    operators and comparisons
:mod:`.values`        `Scope`: what names stand for; what nodes and values answer
====================  ======================================================================

How much may be computed, `graphpass.rules.limits` says.
"""

from graphpass.rules.expressions.compile import compile_expression, parse_expression
from graphpass.rules.expressions.expression import Expression, Read
from graphpass.rules.expressions.values import (
    ARRAY_WORDS,
    NODE_WORDS,
    UNBOUND,
    VALUE_WORDS,
    NodeView,
    RawAttributes,
    Scope,
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
    "Read",
    "Scope",
    "UnknownError",
    "ValueView",
    "compile_expression",
    "parse_expression",
]
