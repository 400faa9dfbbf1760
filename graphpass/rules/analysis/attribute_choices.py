"""Attributes that an operator of a sketch could have, so that MXNet would take it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import TypeVar

from graphpass.errors import AttributeValueError
from graphpass.ops import AttributeSpec, Operator, find, format_value
from graphpass.ops.values import Value as Constant

__all__ = ["attribute_choices", "plainest_first"]

_Choice = TypeVar("_Choice")

_MOST_TRIED = 256
_GUESSES = ("(2, 2)", "True", "False", "2", "1", "3", "0", "1.0", "float32", "a")
"""What is tried for an attribute that must have a value or decides what inputs there are."""


def attribute_choices(
    op: str,
    tests: Mapping[str, Constant],
    num_inputs: int,
    visible: int | None,
    hints: Mapping[str, Collection[Constant]],
) -> Iterator[dict[str, str]]:
    """Yield attribute texts for an operator, the plainest first.

    Parameters
    ----------
    op : str
        Its canonical name.
    tests : mapping of str to value
        Values that attributes must have.
    num_inputs : int
        How many inputs it must have.
    visible : int or None
        How many visible outputs it must have, if that matters.
    hints : mapping of str to values
        Values that are worth trying besides the default.

    Notes
    -----
    Tries a bounded number of combinations.
    """
    operator = find(op)
    if operator is None:
        yield {name: format_value(value) for name, value in tests.items()}
        return
    given = {name: format_value(value) for name, value in tests.items()}
    if operator.key_var_num_args is not None:
        given[operator.key_var_num_args] = str(num_inputs)
    open_names = [
        name
        for name, spec in operator.attributes.items()
        if name not in given
        and (spec.required or name in operator.template.attributes or name in hints)
    ]
    texts = [_texts(operator, name, hints.get(name, ())) for name in open_names]
    for chosen in islice(plainest_first(texts), _MOST_TRIED):
        attrs = {
            **{
                name: text
                for name, text in zip(open_names, chosen, strict=True)
                if text is not None
            },
            **given,
        }
        if _fits(operator, attrs, num_inputs, visible):
            yield attrs


def plainest_first(lists: Sequence[Sequence[_Choice]]) -> Iterator[tuple[_Choice, ...]]:
    """Yield each way to choose one of each list, the plainest first.

    These are the firsts of all, then what departs from them in one place, then the seconds of all,
    the thirds of all and so on, and then all others.

    Examples
    --------
    >>> ["".join(each) for each in plainest_first(["ab", "xyz"])]
    ['ax', 'bx', 'ay', 'az', 'by', 'bz']
    """
    if not all(lists):
        return
    firsts = tuple([each[0] for each in lists])
    yield firsts
    for place, choices in enumerate(lists):
        for choice in choices[1:]:
            yield (*firsts[:place], choice, *firsts[place + 1 :])
    depth = max(map(len, lists), default=0)
    alike = [tuple([min(n, len(each) - 1) for each in lists]) for n in range(1, depth)]
    every = product(*[range(len(each)) for each in lists])
    for numbers in chain(alike, (each for each in every if each not in alike)):
        if sum(number > 0 for number in numbers) > 1:
            yield tuple([each[number] for each, number in zip(lists, numbers, strict=True)])


def _texts(operator: Operator, name: str, hints: Collection[Constant]) -> Sequence[str | None]:
    """Return texts to try for an attribute; None leaves it at its default."""
    spec = operator.attributes[name]
    found: list[str | None] = [] if spec.required else [None]
    found += _fitting(spec, hints)
    if spec.choices:
        if spec.required or name in operator.template.attributes:
            found += spec.choices
        return list(dict.fromkeys(found))
    guesses = [text for text in _GUESSES if _parses(spec, text)]
    if name in operator.template.attributes:
        found += guesses
    elif spec.required:
        found += guesses[:1]
    return list(dict.fromkeys(found))


def _fitting(spec: AttributeSpec, hints: Collection[Constant]) -> list[str]:
    """Return the texts of those values that are of the attribute's type, each once."""
    found: dict[str, str] = {}
    for hint in hints:
        text = format_value(hint)
        if _parses(spec, text) and spec.parse(text) == hint:
            found.setdefault(repr(spec.parse(text)), text)
    return list(found.values())


def _parses(spec: AttributeSpec, text: str) -> bool:
    try:
        spec.parse(text)
    except AttributeValueError:
        return False
    return True


def _fits(operator: Operator, attrs: dict[str, str], num_inputs: int, visible: int | None) -> bool:
    try:
        operator.check(attrs, allow_unknown=True)
        signature = operator.signature(attrs)
    except AttributeValueError:
        return False
    if signature.num_inputs not in (None, num_inputs):
        return False
    return visible is None or signature.num_visible_outputs == visible
