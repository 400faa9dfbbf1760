"""Conditions and computed values of rewrites: text in Python's syntax, never executed.

========================  ======================================================================
module                    what is in it
========================  ======================================================================
:mod:`.expression`        `parse_expression`: text -> `Expression`
:mod:`.scope`             `Scope`: what the names stand for at one match
:mod:`.views`             `NodeView` and `ValueView`: what nodes and values answer
:mod:`.words`             the words after a dot
:mod:`.unknown`           `UnknownError`, `UNBOUND`
:mod:`.budget`            `Budget`: how much an expression may compute
:mod:`.compiler`          syntax tree -> `.terms`, a tree of closures
:mod:`.closures`          one closure per kind of part, as are `.comparisons`, `.calls`, `.loops`
:mod:`.questions`         ``known`` and ``bound``
:mod:`.attributes`        what stands behind a dot
:mod:`.arithmetic`        operators and comparisons, on `.operands`
:mod:`.functions`         the functions by name; `.array_functions` and `.new_arrays` have most
:mod:`.reasons`           why a condition does not hold
:mod:`.wording`           values in messages
========================  ======================================================================
"""

from graphpass.rules.expressions.expression import (
    Expression,
    compile_expression,
    parse_expression,
)
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.unknown import UNBOUND, UnknownError
from graphpass.rules.expressions.views import NodeView, RawAttributes, ValueView
from graphpass.rules.expressions.words import NODE_WORDS, VALUE_WORDS

__all__ = [
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
