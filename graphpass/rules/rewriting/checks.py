"""What is wrong with the texts of a rewrite before any graph is seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from graphpass.errors import AttributeValueError, TextError, suggestion
from graphpass.ops import Operator, find
from graphpass.ops.attributes import AttributeSpec, is_hidden_key
from graphpass.ops.operator import input_bounds, output_bounds
from graphpass.ops.values import Value as Constant
from graphpass.rules.expressions import ARRAY_WORDS, NODE_WORDS, VALUE_WORDS, Expression
from graphpass.rules.rewrite.builder import Complain
from graphpass.rules.rewrite.pattern import Pattern
from graphpass.rules.rewriting.draft import literal_text
from graphpass.rules.rewriting.replacement import (
    Application,
    AttributeSource,
    CopyAttributes,
    Named,
    Replacement,
    SetAttribute,
    Spread,
)

__all__ = ["check_names", "check_replacement"]


def check_names(expression: Expression, pattern: Pattern, computed: Iterable[str]) -> None:
    """Refuse names that nothing gives, and attributes that no operator of a node has.

    Raises
    ------
    TextError
        For the first such name.
    """
    known = dict.fromkeys([*pattern.all_names, *computed])
    for name in sorted(expression.names - known.keys()):
        raise TextError(
            f"{expression.text}: nothing is called {name}{suggestion(name, known)}; the pattern "
            f"and let give {', '.join(known) or 'no name'}"
        )
    for name, word in sorted(expression.attributes):
        _check_word(name, word, pattern, expression.text)


def _check_word(name: str, word: str, pattern: Pattern, text: str) -> None:
    call = pattern.nodes.get(name)
    if call is None:
        answers = word in VALUE_WORDS or is_hidden_key(word)
        if name in pattern.all_names and name not in pattern.rests and not answers:
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


def check_replacement(
    replacement: Replacement, complain: Complain, optional: Collection[str] = ()
) -> None:
    """Refuse operators that MXNet would refuse, as far as the text tells.

    Parameters
    ----------
    replacement : Replacement
        The replacement.
    complain : callable
        Makes the error of a mark and a reason.
    optional : collection of str
        Names of the pattern that may stand for nothing, and are left out then.

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
        _check_inputs(operator, application, complain, optional)


def _check_attributes(operator: Operator, application: Application, complain: Complain) -> None:
    """Refuse attributes that the operator does not have, or lacks at every match."""
    given: set[str] = set()
    left_out: dict[str, SetAttribute] = {}
    copies = False
    for attribute in application.attributes:
        if isinstance(attribute, CopyAttributes):
            copies = True
            left_out.clear()
            continue
        key = attribute.name
        known = key in operator.attributes or operator.open_keys or operator.unparsed
        if operator.attributes and not known and not is_hidden_key(key):
            near = suggestion(key, operator.attributes)
            raise complain(attribute.mark, f"{application.operator} has no attribute {key!r}{near}")
        _check_value(operator, attribute, complain)
        if literal_text(attribute.value) is None:
            given.discard(key)
            left_out[key] = attribute
        else:
            given.add(key)
            left_out.pop(key, None)
    if operator.unparsed:
        return
    counter = operator.key_var_num_args
    required = [key for key, spec in operator.attributes.items() if spec.required]
    missing = [key for key in required if key not in given and key != counter]
    for key in missing:
        if key in left_out:
            reason = _left_out(application.operator, operator.attributes[key])
            raise complain(left_out[key].mark, reason)
    if missing and not copies:
        word = "attribute" if len(missing) == 1 else "attributes"
        raise complain(
            application.mark, f"{application.operator} needs the {word} {', '.join(missing)}"
        )


def _left_out(operator: str, spec: AttributeSpec) -> str:
    """Return what is wrong with None for an attribute that an operator needs."""
    try:
        spec.parse("None")
    except AttributeValueError:
        remedy = "write its value"
    else:
        remedy = f'{spec.name}="None" writes it'
    return f"{operator} needs the attribute {spec.name}, and None leaves it out; {remedy}"


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


def _check_inputs(
    operator: Operator, application: Application, complain: Complain, optional: Collection[str]
) -> None:
    """Refuse a number of inputs, or of outputs, that no attributes make right."""
    fixed = [
        not isinstance(each, Spread) and not (isinstance(each, Named) and each.name in optional)
        for each in application.inputs
    ]
    _check_counter(operator, application, complain, all(fixed))
    known = _written_out(operator, application.attributes)
    try:
        bounds = input_bounds(operator, known)
        output_bounds(operator, known)
    except AttributeValueError as error:
        raise complain(application.mark, f"{operator.name}: {error}") from None
    if any(isinstance(each, Spread) for each in application.inputs):
        return
    given = len(application.inputs)
    if given < bounds.least or (bounds.most is not None and sum(fixed) > bounds.most):
        under = " with these attributes" if known else ""
        raise complain(
            application.mark,
            f"{application.operator} has {bounds} input{'s' * (str(bounds) != '1')}{under}, "
            f"but the replacement gives {given}",
        )


def _check_counter(
    operator: Operator, application: Application, complain: Complain, is_fixed: bool
) -> None:
    """Refuse a written count of inputs that they do not agree with, or may not at some match."""
    counter = operator.key_var_num_args
    spec = operator.attributes.get(counter or "")
    for attribute in application.attributes:
        if isinstance(attribute, CopyAttributes) or attribute.name != counter:
            continue
        text = literal_text(attribute.value)
        if text is None:
            continue
        if not is_fixed:
            raise complain(
                attribute.mark,
                f"{counter} counts the inputs, and how many there are depends on the match; "
                "leave it out, it is filled in",
            )
        given = len(application.inputs)
        if isinstance(text, str) and spec is not None and spec.parse(text) != given:
            raise complain(
                attribute.mark,
                f"{counter} is {text}, but the replacement gives {given} "
                f"input{'s' * (given != 1)}; leave it out, it is filled in",
            )


def _written_out(operator: Operator, attributes: Sequence[AttributeSource]) -> dict[str, Constant]:
    """Return the values of attributes that the text tells, whatever a match is."""
    known: dict[str, Constant] = {}
    for attribute in attributes:
        if isinstance(attribute, CopyAttributes):
            known.clear()
            continue
        text = literal_text(attribute.value)
        spec = operator.attributes.get(attribute.name)
        if isinstance(text, str) and spec is not None and not operator.unparsed:
            known[attribute.name] = spec.parse(text)
        else:
            known.pop(attribute.name, None)
    return known
