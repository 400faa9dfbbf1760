"""How far a rewrite looks: whether a firing elsewhere can take a match away, or change its end.

Two matches that share no operator do not get in each other's way, as long as each looks at nothing
but its own operators. A rewrite that looks further may find something else there once the other one
has fired.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import NODE_WORDS, Expression
from graphpass.rules.patterns.pattern import Restricted
from graphpass.rules.patterns.plan import OptionalOperand, Plan
from graphpass.rules.rewriting.body import FAR_WORDS, TextBody
from graphpass.rules.rewriting.replacement import CopyAttributes, Named
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["beside", "outlook"]

_FAR = FAR_WORDS | {"num_users", "output"}
"""Words whose answer lies outside the match, of whatever they are asked."""

_OF_VARIABLES = frozenset(
    {"shape", "dtype", "ndim", "size", "name", "is_param", "is_aux", "is_input", "output"}
)
"""Words whose answer a stored variable keeps, whatever fires around it."""


def beside(one: Rewrite, other: Rewrite) -> str:
    """Return why order may matter where matches share no operator; empty if it can't."""
    for rewrite, neighbour in ((one, other), (other, one)):
        reason = outlook(rewrite, neighbour)
        if reason:
            return f"{rewrite.id}: {reason}"
    return ""


def outlook(rewrite: Rewrite, other: Rewrite) -> str:
    """Return why a firing of the other rewrite beside a match may matter to it; empty if it can't.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite that matches.
    other : Rewrite
        What fires, at operators that the match does not hold.

    Notes
    -----
    Never empty where it matters. Linear in the texts.
    """
    if len({root.value.part for root in rewrite.plan.roots}) > 1:
        return "it returns several values, and what lies between them decides whether it applies"
    if rewrite.plan.asks_for_constants:
        return "const(…) looks at all that lies below"
    if not isinstance(rewrite.body, TextBody):
        return "it is written in Python, and may look beyond its match"
    for expression in _expressions(rewrite.body):
        word = _far_word(expression, rewrite, rewrite.body)
        if word:
            return f"{word} lies beyond the match, in {expression.text:.80}"
    if rewrite.plan.distinct and _may_join_values(other):
        return f"distinct does not hold any more where {other.id} makes two values one"
    return ""


def _stored(rewrite: Rewrite) -> set[str]:
    """Return names that stand for stored variables, wherever the rewrite applies."""
    found = _restricted(rewrite.plan)
    if isinstance(rewrite.body, TextBody):
        for condition in rewrite.body.where:
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


def _expressions(body: TextBody) -> Iterator[Expression]:
    yield from body.where
    yield from body.let.values()
    for _, application in body.replacement.applications():
        for attribute in application.attributes:
            if not isinstance(attribute, CopyAttributes):
                yield attribute.value
        if application.name is not None:
            yield application.name


def _far_word(expression: Expression, rewrite: Rewrite, body: TextBody) -> str:
    """Return what an expression asks of something outside the match; empty if nothing."""
    tree = _parse(expression)
    if tree is None:  # a name in backquotes, which Python's parser can't read
        return expression.text
    stored = _stored(rewrite)
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


def _may_join_values(rewrite: Rewrite) -> bool:
    """Return whether a firing can put one value in the place of another that others read too."""
    if not isinstance(rewrite.body, TextBody):
        return True
    results = rewrite.body.replacement.results
    named = [result for result in results if isinstance(result, Named)]
    if any(not result.is_new for result in named):
        return True
    return len({(each.name, each.output or 0) for each in named}) < len(named)


def _parse(expression: Expression) -> ast.expr | None:
    try:
        return ast.parse(expression.text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _calls_known(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "known"
