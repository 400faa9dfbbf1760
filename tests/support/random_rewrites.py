"""Random rewrites that have a fair chance to fire in a random model, and to make others fire."""

from __future__ import annotations

import random
from collections.abc import Callable

from graphpass import Model
from graphpass.errors import TextError
from graphpass.rules.rewrite.pattern import Pattern
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite
from graphpass.rules.rewrite.text import parse_pattern

__all__ = ["random_rewrite"]

PatternMaker = Callable[[random.Random, Model], str]

FAR = ("len({v}.users) == 1", "not {v}.is_head", "{v}.node.op != 'relu'", "{v}.is_input")
"""Conditions that a firing elsewhere may turn true."""

NEAR = ("{v}.name != 'n6'", "{n}.op != 'tanh'", "{n}.num_inputs > 1", "known({v})")


def random_rewrite(
    dice: random.Random, model: Model, draw: PatternMaker, *, far: bool, name: str
) -> Rewrite:
    """Draw a rewrite whose pattern is after some part of a model.

    With `far`, its conditions may look beyond the match.
    """
    while True:
        text = draw(dice, model)
        try:
            parsed = parse_pattern(text)
            roots = _roots(parsed)
            if len(roots) != len(set(roots)):
                continue
            return parse_rewrite(
                text,
                _Replacement(dice, parsed, roots).write(),
                where=_conditions(dice, parsed, far=far),
                id=name,
            )
        except TextError:
            continue


def _roots(pattern: Pattern) -> list[str]:
    """Return what the roots are called, of an output of a node the node."""
    parts = [pattern.parts[root.value.part] for root in pattern.roots]
    pairs = zip(pattern.root_names, parts, strict=True)
    return [name or part.names[0] or "" for name, part in pairs if part.names]


def _conditions(dice: random.Random, pattern: Pattern, *, far: bool) -> list[str]:
    if dice.random() < 0.6:
        return []
    form = dice.choice(FAR if far else NEAR)
    if ("{v}" in form and not pattern.values) or ("{n}" in form and not pattern.nodes):
        return []
    value = dice.choice([*sorted(pattern.values), ""])
    node = dice.choice([*sorted(pattern.nodes), ""])
    return [form.format(v=value, n=node)] if value or "{n}" in form else []


class _Replacement:
    """One replacement in the making; most are smaller than a match."""

    def __init__(self, dice: random.Random, pattern: Pattern, roots: list[str]) -> None:
        self._dice = dice
        self._values = sorted(pattern.values)
        self._nodes = [name for name in pattern.nodes if name not in roots]
        self._rests = sorted(pattern.rests)
        self._count = len(pattern.roots)
        self._left = dice.choice([0, 1, 1, 2, 3])
        self._lines: list[str] = []

    def write(self) -> str:
        if self._count > 1 and self._dice.random() < 0.4:
            self._lines.append(f"parts = SliceChannel({self._value()}, num_outputs=2)")
        results = [self._result(number) for number in range(self._count)]
        return "\n".join([*self._lines, f"return {', '.join(results)}"])

    def _result(self, number: int) -> str:
        return f"parts[{number % 2}]" if self._lines else self._operand()

    def _operand(self) -> str:
        dice = self._dice
        if self._left <= 0 or dice.random() < 0.15:
            return self._value()
        self._left -= 1
        kind = dice.randrange(7)
        if kind < 3:
            return f"{dice.choice(['relu', 'tanh', 'Dropout'])}({self._operand()})"
        if kind == 3:
            act_type = dice.choice(["relu", "tanh"])
            return f"Activation({self._operand()}, act_type={act_type!r})"
        if kind == 4:
            return f"elemwise_add({self._operand()}, {self._operand()})"
        rest = f", *{dice.choice(self._rests)}" if self._rests else ""
        return f"{dice.choice(['add_n', 'Concat'])}({self._operand()}{rest})"

    def _value(self) -> str:
        dice = self._dice
        if self._nodes and (not self._values or dice.random() < 0.1):
            return dice.choice(self._nodes)
        return dice.choice(self._values) if self._values else "_zeros(shape=(1,))"
