"""What is wrong with the texts of a rewrite before any graph is seen."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from graphpass.errors import AttributeValueError, TextError, suggestion
from graphpass.ops import Operator, find
from graphpass.ops.arity import input_bounds
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import NODE_WORDS, VALUE_WORDS, Expression
from graphpass.rules.expressions.words import ARRAY_WORDS
from graphpass.rules.patterns.check import Complain
from graphpass.rules.patterns.names import PatternNames
from graphpass.rules.rewriting.draft import literal_text
from graphpass.rules.rewriting.replacement import (
    Application,
    CopyAttributes,
    Replacement,
    SetAttribute,
    Spread,
)

__all__ = ["check_names", "check_replacement", "is_tuple"]


def check_names(expression: Expression, pattern: PatternNames, computed: Iterable[str]) -> None:
    """Refuse names that nothing gives, and attributes that no operator of a node has.

    Raises
    ------
    TextError
        For the first such name.
    """
    known = dict.fromkeys([*pattern.names, *computed])
    for name in sorted(expression.names - known.keys()):
        raise TextError(
            f"{expression.text}: nothing is called {name}{suggestion(name, known)}; the pattern "
            f"and let give {', '.join(known) or 'no name'}"
        )
    for name, word in sorted(expression.attributes):
        _check_word(name, word, pattern, expression.text)


def _check_word(name: str, word: str, pattern: PatternNames, text: str) -> None:
    call = pattern.nodes.get(name)
    if call is None:
        answers = word in VALUE_WORDS or is_hidden_key(word)
        if name in pattern.names and name not in pattern.rests and not answers:
            raise TextError(
                f"{text}: a value has no {word!r}{suggestion(word, VALUE_WORDS)}; "
                "for an attribute, name the node that has it"
            )
        return
    if word in NODE_WORDS or word in ARRAY_WORDS or is_hidden_key(word):
        return
    operators = [find(each) for each in call.operators]
    if any(each is None or word in each.attributes or each.open_keys for each in operators):
        return
    known = [key for each in operators if each is not None for key in each.attributes]
    raise TextError(
        f"{text}: {' or '.join(call.operators)} has no attribute {word!r}"
        f"{suggestion(word, [*known, *NODE_WORDS])}"
    )


def is_tuple(expression: Expression) -> bool:
    """Return whether an expression is a tuple as it is written, as ``a, b`` is."""
    try:
        return isinstance(ast.parse(expression.text, mode="eval").body, ast.Tuple)
    except SyntaxError:  # a name in backquotes
        return False


def check_replacement(replacement: Replacement, complain: Complain) -> None:
    """Refuse operators that MXNet would refuse, as far as the text tells.

    Raises
    ------
    TextError
        For the first fault.
    """
    for _, application in replacement.applications():
        operator = find(application.operator)
        if operator is None:
            continue
        if operator.from_subgraph:
            raise complain(
                application.mark,
                f"{application.operator} runs a subgraph, which a replacement can't write down",
            )
        _check_attributes(operator, application, complain)
        _check_inputs(operator, application, complain)


def _check_attributes(operator: Operator, application: Application, complain: Complain) -> None:
    given: set[str] = set()
    copies = False
    for attribute in application.attributes:
        if isinstance(attribute, CopyAttributes):
            copies = True
            continue
        key = attribute.name
        given.add(key)
        known = key in operator.attributes or operator.open_keys or operator.unparsed
        if operator.attributes and not known and not is_hidden_key(key):
            near = suggestion(key, operator.attributes)
            raise complain(attribute.mark, f"{application.operator} has no attribute {key!r}{near}")
        _check_value(operator, attribute, complain)
    if copies or operator.unparsed:
        return
    given.add(operator.key_var_num_args or "")
    required = [key for key, spec in operator.attributes.items() if spec.required]
    missing = [key for key in required if key not in given]
    if missing:
        word = "attribute" if len(missing) == 1 else "attributes"
        raise complain(
            application.mark, f"{application.operator} needs the {word} {', '.join(missing)}"
        )


def _check_value(operator: Operator, attribute: SetAttribute, complain: Complain) -> None:
    """Refuse a value that is written out and that the operator does not take."""
    spec = operator.attributes.get(attribute.name)
    if spec is None or operator.unparsed:
        return
    try:
        text = literal_text(attribute.value)
        if isinstance(text, str):
            spec.parse(text)
    except AttributeValueError as error:
        raise complain(attribute.mark, f"{operator.name}: {error}") from None


def _check_inputs(operator: Operator, application: Application, complain: Complain) -> None:
    """Refuse a number of inputs that no attributes make right; optional values may be absent."""
    if any(isinstance(each, Spread) for each in application.inputs):
        return
    try:
        bounds = input_bounds(operator, {})
    except AttributeValueError:
        return
    given = len(application.inputs)
    if given < bounds.least or (bounds.most is not None and given > bounds.most):
        raise complain(
            application.mark,
            f"{application.operator} has {bounds} input{'s' * (str(bounds) != '1')}, "
            f"but the replacement gives {given}",
        )
