"""What the conditions of rewrites give away: values and shapes that are worth trying."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from graphpass.ops.values import Value as Constant
from graphpass.rules.expressions import Expression
from graphpass.rules.rewriting.body import TextBody
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["Owner", "ShapeGuess", "attribute_guesses", "computed_with", "shape_guesses"]

_LONGEST = 8
"""Extents of the longest tuple that is guessed."""

Owner: TypeAlias = "tuple[int, str]"
"""The number of a rewrite and a name of its pattern."""


def attribute_guesses(rewrites: Sequence[Rewrite]) -> dict[Owner, dict[str, list[Constant]]]:
    """Return per node and attribute the values that may meet the conditions that name it.

    These are the literals that stand in such a condition, and numbers a little above and below
    them; where it asks for an element, or how many there are, tuples of such numbers too.

    Notes
    -----
    Linear in the texts.
    """
    found: dict[Owner, dict[str, list[Constant]]] = {}
    for number, rewrite in enumerate(rewrites):
        for condition in _conditions(rewrite):
            tree = _parse(condition)
            values = [] if tree is None else list(_values(tree))
            for name, word in sorted(condition.attributes):
                found.setdefault((number, name), {}).setdefault(word, []).extend(values)
    return found


def computed_with(rewrite: Rewrite) -> set[str]:
    """Return the names whose values a rewrite looks at."""
    if not isinstance(rewrite.body, TextBody):
        return set(rewrite.body.reads)
    found = {name for each in rewrite.body.let.values() for name in each.names}
    return found | {n for each in rewrite.body.where if "known(" in each.text for n in each.names}


def _conditions(rewrite: Rewrite) -> Sequence[Expression]:
    return rewrite.body.where if isinstance(rewrite.body, TextBody) else ()


def _parse(condition: Expression) -> ast.expr | None:
    try:
        return ast.parse(condition.text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


# -- attributes ----------------------------------------------------------------------------------


def _values(tree: ast.expr) -> Iterator[Constant]:
    literals = [value for node in ast.walk(tree) for value in _literal(node)]
    yield from (True, False)
    yield from literals
    numbers = [value for value in literals if type(value) in (int, float)]
    for number in numbers:
        yield from _near(number)
    whole = [value for value in numbers if isinstance(value, int)]
    if any(isinstance(node, ast.Subscript) for node in ast.walk(tree)):
        yield from ((value,) * 2 for value in whole)
    if any(_is_len(node) for node in ast.walk(tree)):
        for value in whole:
            for length in (value, value + 1):
                if 0 <= length <= _LONGEST:
                    axes = tuple(range(length))
                    yield from (axes, (1,) * length, axes[::-1])


def _literal(node: ast.AST) -> Iterator[Constant]:
    if isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.UnaryOp):
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError):
            return
        yield tuple(value) if isinstance(value, list) else value


def _near(number: Constant) -> Iterator[Constant]:
    """Yield numbers above and below one; of a share, such as 0.7, those that are shares too."""
    if isinstance(number, int):
        yield from (number + 1, number - 1)
    elif isinstance(number, float):
        yield from ((number + 1) / 2, number / 2, number + 1, number - 1)


# -- shapes --------------------------------------------------------------------------------------


@dataclass(slots=True)
class ShapeGuess:
    """What conditions say of the shape of a value."""

    rank: int | None = None
    extents: dict[int, int] = field(default_factory=dict)
    """Axis -> extent; a negative axis counts from the end."""

    def shape(self, plain: Sequence[int], extent: int) -> tuple[int, ...]:
        """Return a shape that agrees, as near to a plain one as can be.

        Parameters
        ----------
        plain : sequence of int
            The shape where nothing is said.
        extent : int
            The extent of further axes.
        """
        needed = max([axis + 1 if axis >= 0 else -axis for axis in self.extents], default=0)
        rank = max(len(plain), needed) if self.rank is None else self.rank
        found = [*plain, *[extent] * rank][:rank]
        for axis, wanted in self.extents.items():
            if -rank <= axis < rank:
                found[axis] = wanted
        return tuple(found)


def shape_guesses(rewrites: Sequence[Rewrite]) -> dict[Owner, ShapeGuess]:
    """Return per value what conditions compare of its shape with literals.

    Notes
    -----
    Linear in the texts.
    """
    found: dict[Owner, ShapeGuess] = {}
    for number, rewrite in enumerate(rewrites):
        for condition in _conditions(rewrite):
            tree = _parse(condition)
            for left, relation, right in [] if tree is None else _comparisons(tree):
                _take(left, relation, right, number, found)
                _take(right, _MIRRORED.get(type(relation), relation), left, number, found)
    return found


_MIRRORED: Mapping[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.Gt(), ast.LtE: ast.GtE(), ast.Gt: ast.Lt(), ast.GtE: ast.LtE(),
}  # fmt: skip

_STEPS: Mapping[type[ast.cmpop], int] = {ast.Gt: 1, ast.NotEq: 1, ast.Lt: -1}


def _comparisons(tree: ast.expr) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            yield from zip(sides, node.ops, sides[1:], strict=False)


def _take(
    asked: ast.expr,
    relation: ast.cmpop,
    literal: ast.expr,
    number: int,
    found: dict[Owner, ShapeGuess],
) -> None:
    """Take note of one comparison, if it is one of a shape with a literal."""
    values = list(_literal(literal))
    if isinstance(relation, ast.In) and values and isinstance(values[0], tuple):
        values = list(values[0])
    if not values:
        return
    wanted = values[0]
    name = _word_of(asked, "shape")
    if name and isinstance(wanted, tuple) and isinstance(relation, ast.Eq):
        guess = found.setdefault((number, name), ShapeGuess())
        guess.rank = len(wanted)
        guess.extents.update({n: each for n, each in enumerate(wanted) if isinstance(each, int)})
    if type(wanted) is not int:
        return
    extent = max(wanted + _STEPS.get(type(relation), 0), 0)
    name = _word_of(asked, "ndim") or (_word_of(asked.args[0], "shape") if _is_len(asked) else "")
    if name:
        found.setdefault((number, name), ShapeGuess()).rank = min(extent, _LONGEST)
    if isinstance(asked, ast.Subscript):
        name, axis = _word_of(asked.value, "shape"), next(_literal(asked.slice), None)
        if name and type(axis) is int and -_LONGEST <= axis < _LONGEST:
            found.setdefault((number, name), ShapeGuess()).extents[axis] = extent


def _word_of(node: ast.expr, word: str) -> str:
    """Return the name that a word is asked of, as in ``w.shape``; empty if it is not."""
    if isinstance(node, ast.Attribute) and node.attr == word and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _is_len(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "len"
        and len(node.args) == 1
    )
