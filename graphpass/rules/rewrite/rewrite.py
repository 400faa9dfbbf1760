"""A rewrite: a pattern, and what takes the place of its matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from graphpass.errors import TextError
from graphpass.rules.expressions import Expression, parse_expression
from graphpass.rules.pass_files.yaml_text import PythonRule
from graphpass.rules.rewrite.draft import Body, TextBody
from graphpass.rules.rewrite.pattern import Pattern, Restricted, compile_pattern
from graphpass.rules.rewrite.replacement import Replacement
from graphpass.rules.rewrite.text import check_names, parse_pattern, parse_replacement

__all__ = ["Rewrite", "parse_conditions", "parse_rewrite", "raise_first", "text_of"]


@dataclass(frozen=True, eq=False)
class Rewrite(PythonRule):
    """One rewrite. `parse_rewrite` makes it of texts, `graphpass.rewrite` of Python functions."""

    keyword: ClassVar[str] = "rewrite"

    id: str
    """What reports and errors call it."""

    pattern: Pattern
    """What it matches, compiled for what `body` reads."""

    body: Body
    """Conditions and replacement."""

    when: Literal["inference"] | None = None
    """``inference``: refused for a graph that is to be trained. None: for any graph."""

    once: bool = False
    """Whether it is one sweep over what is there when the group begins, instead of a fixpoint."""

    expect: int | None = None
    """How often it must fire."""

    def __str__(self) -> str:
        return f"rewrite {self.id}"

    @property
    def refuses(self) -> bool:
        """Whether it takes no match, but says why."""
        return isinstance(self.body, TextBody) and self.body.refusal is not None

    @cached_property
    def is_local(self) -> bool:
        """Whether a firing elsewhere can't make it apply, unless it changes what is matched.

        Whether several roots can be contracted depends on all that lies between them, and nobody
        can tell what a function looks at.
        """
        single = len({root.value.part for root in self.pattern.roots}) == 1
        body = self.body
        if not single or self.pattern.asks_for_constants or not isinstance(body, TextBody):
            return False
        operators = {name: part.operators for name, part in self.pattern.nodes.items()}
        stored = _stored(self.pattern).union(*[each.requires_known() for each in body.where])
        return not any(
            each.looks_beyond(operators, stored, body.let, is_condition=each in body.where)
            for each in body.expressions()
        )


def _stored(pattern: Pattern) -> frozenset[str]:
    """Return names that stand for stored variables, because the pattern asks for such."""
    return frozenset(
        [
            each.name
            for each in pattern.operands()
            if isinstance(each, Restricted) and each.kind in ("param", "aux") and each.name
        ]
    )


def parse_rewrite(
    match: str,
    replace: str | None = None,
    *,
    refuse: str | None = None,
    where: str | Sequence[str] = (),
    let: Mapping[str, str] | None = None,
    id: str = "rewrite",
    when: Literal["inference"] | None = None,
    once: bool = False,
    expect: int | None = None,
) -> Rewrite:
    """Make a rewrite of texts.

    Parameters
    ----------
    match : str
        The pattern; docs/patterns.md has the grammar.
    replace : str, optional
        What takes its place; docs/rewrites.md has the grammar.
    refuse : str, optional
        In its stead: why matches are left as they are, for reports and explanations.
    where : str or sequence of str
        A condition, or conditions, all of which must hold; docs/expressions.md has the language.
    let : mapping of str to str
        Name -> expression. Each may read the names before it; the replacement may read all.
    id : str
        What reports and errors call the rewrite.
    when : "inference", optional
        Refuse a graph that is to be trained.
    once : bool
        Look once at what is there when the group begins, and at nothing that is made later.
    expect : int, optional
        How often it must fire.

    Raises
    ------
    TextError
        If a text is malformed. `TextError.path` says which one it is.

    Examples
    --------
    >>> rewrite = parse_rewrite("y = relu(relu(x))", "y = relu(x)")
    >>> rewrite.pattern.root_names
    ('y',)
    """
    faults: list[TextError] = []
    pattern, conditions, computed = parse_conditions(match, where, let, faults)
    if (replace is None) == (refuse is None):
        raise TextError("a rewrite says what takes the place of a match, or why nothing does")
    replacement = Replacement()
    if replace is not None:
        with text_of(faults, "replace"):
            replacement = parse_replacement(replace, pattern, computed)
    raise_first(faults)
    body = TextBody(tuple(conditions), computed, replacement, refuse)
    pattern = compile_pattern(pattern, told_apart=body.reads)
    return Rewrite(id, pattern, body, when, once, expect)


def parse_conditions(
    match: str,
    where: str | Sequence[str],
    let: Mapping[str, str] | None,
    faults: list[TextError],
    context: Sequence[str] = (),
) -> tuple[Pattern, list[Expression], dict[str, Expression]]:
    """Parse a pattern, conditions and computed values, which may read names of a context too.

    What is wrong with conditions and values is added to the faults.

    Raises
    ------
    TextError
        If the pattern is malformed: nothing can be said of the rest without its names.
    """
    with text_of(faults, "match"):
        pattern = parse_pattern(match)
    raise_first(faults)
    computed: dict[str, Expression] = {}
    for name, text in (let or {}).items():
        with text_of(faults, "let", name):
            if name in pattern.all_names:
                raise TextError(f"{name} is bound by the pattern; choose another name")
            expression = parse_expression(text, "let")
            check_names(expression, pattern, [*computed, *context])
            computed[name] = expression
        computed.setdefault(name, parse_expression("0"))
    conditions = []
    for number, text in enumerate([where] if isinstance(where, str) else where):
        with text_of(faults, "where", number):
            expression = parse_expression(text, "where")
            if expression.is_tuple:
                raise TextError(
                    "a comma makes a tuple, and a condition is True or False; write and, or a list "
                    "of conditions"
                )
            check_names(expression, pattern, [*computed, *context])
            conditions.append(expression)
    return pattern, conditions, computed


@contextmanager
def text_of(faults: list[TextError], *path: str | int) -> Iterator[None]:
    """Take note of an error, and of which text it is about."""
    try:
        yield
    except TextError as error:
        error.path = path
        faults.append(error)


def raise_first(faults: Sequence[TextError]) -> None:
    """Raise the first error, which knows the others."""
    if faults:
        faults[0].others = faults[1:]
        raise faults[0]
