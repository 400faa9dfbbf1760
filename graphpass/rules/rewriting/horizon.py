"""How far beyond its match a rewrite looks: what it asks may have another answer later.

The engine asks, to know which rewrites to try everywhere once more when something has fired; and
lint, to know whether firings that share no operator get in each other's way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import NODE_WORDS, Expression
from graphpass.rules.patterns.pattern import Restricted
from graphpass.rules.patterns.plan import OptionalOperand, Plan
from graphpass.rules.rewriting.body import TextBody

if TYPE_CHECKING:
    from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["FarLook", "far_look"]

_FAR = frozenset(
    {"users", "num_users", "node", "inputs", "is_head", "is_const", "is_param", "is_aux"}
    | {"is_input", "shape", "dtype", "ndim", "size", "output"}
)
"""Words whose answer lies outside the match, of whatever they are asked."""

_OF_VARIABLES = frozenset(
    {"shape", "dtype", "ndim", "size", "is_param", "is_aux", "is_input", "output"}
)
"""Words whose answer a stored variable keeps, whatever fires around it."""


class FarLook(NamedTuple):
    """What a rewrite asks of something outside its match."""

    words: str
    """As they are written."""

    expression: Expression
    """Where."""


def far_look(rewrite: Rewrite) -> FarLook | None:
    """Return the first thing that a rewrite written as text asks of what lies outside its match.

    Linear in its texts.
    """
    body = rewrite.body
    if not isinstance(body, TextBody):
        return None
    for expression in body.expressions():
        words = _far_words(expression, rewrite, body)
        if words:
            return FarLook(words, expression)
    return None


def _stored(rewrite: Rewrite, body: TextBody) -> set[str]:
    """Return names that stand for stored variables, wherever the rewrite applies."""
    found = _restricted(rewrite.plan)
    for condition in body.where:
        for call in _demands(_parse(condition)):
            found |= _names(call)
    return found


def _restricted(plan: Plan) -> set[str]:
    operands = [operand for part in plan.parts for operand in part.operands]
    inner = [each.operand if isinstance(each, OptionalOperand) else each for each in operands]
    return {
        each.name
        for each in inner
        if isinstance(each, Restricted) and each.kind in ("param", "aux") and each.name is not None
    }


def _demands(condition: ast.expr | None) -> Iterator[ast.Call]:
    """Yield each ``known(…)`` without which a condition does not hold."""
    pending = [condition]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            pending += node.values
        elif isinstance(node, ast.Call) and _calls_known(node):
            yield node


def _far_words(expression: Expression, rewrite: Rewrite, body: TextBody) -> str:
    """Return what an expression asks of something outside the match; empty if nothing."""
    tree = _parse(expression)
    if tree is None:  # a name in backquotes, which Python's parser can't read
        return expression.text
    stored = _stored(rewrite, body)
    demanded = {id(call) for call in _demands(tree)} if expression in body.where else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_far(node, rewrite, body, stored):
            return ast.unparse(node)
        if not isinstance(node, ast.Call) or not _calls_known(node) or id(node) in demanded:
            continue
        if len(_names(node)) < len(node.args) or not _names(node) <= stored:
            return ast.unparse(node)
    return ""


def _names(call: ast.Call) -> set[str]:
    return {each.id for each in call.args if isinstance(each, ast.Name)}


def _is_far(node: ast.Attribute, rewrite: Rewrite, body: TextBody, stored: set[str]) -> bool:
    word, base = node.attr, node.value
    name = base.id if isinstance(base, ast.Name) else ""
    if name in body.let or (name in stored and (word in _OF_VARIABLES or is_hidden_key(word))):
        return False
    if _is_attribute(name, word, rewrite):
        return False
    if word in _FAR:
        return True
    return name not in rewrite.names.nodes and (word == "name" or is_hidden_key(word))


def _is_attribute(name: str, word: str, rewrite: Rewrite) -> bool:
    """Return whether a word is an attribute of a node, as ``shape`` is of a Reshape."""
    call = rewrite.names.nodes.get(name)
    if call is None or word in NODE_WORDS:
        return False
    operators = [find(each) for each in call.operators]
    return all(each is not None and word in each.attributes for each in operators)


def _parse(expression: Expression) -> ast.expr | None:
    try:
        return ast.parse(expression.text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _calls_known(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "known"
