"""What is wrong with a pattern before any graph is seen: unknown attributes, what can never match.

Only what is certain is refused; a pattern that passes may still match nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from graphpass.errors import AttributeValueError, TextError
from graphpass.ops import Operator, find, format_value
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.operator import Bounds, input_bounds, output_bounds
from graphpass.ops.values import Value as Constant
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.patterns.pattern import (
    Attribute,
    Binding,
    Call,
    Operand,
    Optional,
    Pattern,
    Reference,
    Rest,
)

__all__ = ["Complain", "calls_of", "check_pattern"]

Complain: TypeAlias = Callable[[Mark | None, str], TextError]
"""Makes the error about what stands at a mark."""


def check_pattern(pattern: Pattern, complain: Complain) -> None:
    """Refuse a pattern that can never match, or does not say what it seems to.

    Parameters
    ----------
    pattern : Pattern
        The pattern; each name it refers to is bound before.
    complain : callable
        Makes the error of a mark and a reason.

    Raises
    ------
    TextError
        For the first fault.

    Notes
    -----
    Linear in the pattern.
    """
    _check_use(pattern, complain)
    _check_roots(pattern, complain)
    for call in calls_of(pattern):
        _check_operands(call, complain)
        for name in call.operators:
            operator = find(name)
            known = _check_attributes(name, operator, call, complain)
            if operator is not None:
                _check_inputs(operator, known, call, complain)
    _check_outputs(pattern, complain)


def calls_of(pattern: Pattern) -> Iterator[Call]:
    """Yield every operator pattern, each before what stands below it."""
    calls = [*(binding.call for binding in pattern.bindings), *_unnamed(pattern)]
    pending: list[Operand] = list(reversed(calls))
    while pending:
        operand = pending.pop()
        if isinstance(operand, Optional):
            pending.append(operand.operand)
        elif isinstance(operand, Call):
            yield operand
            pending.extend(reversed(operand.inputs))


def _references(calls: list[Call]) -> Iterator[Reference]:
    pending: list[Operand] = list(calls)
    while pending:
        operand = pending.pop()
        if isinstance(operand, Reference):
            yield operand
        elif isinstance(operand, Optional):
            pending.append(operand.operand)
        elif isinstance(operand, Call):
            pending.extend(operand.inputs)


def _check_use(pattern: Pattern, complain: Complain) -> None:
    """Refuse a binding that no root needs, and `shared` of a root."""
    needed = {root.name for root in pattern.roots if isinstance(root, Reference)}
    needed |= {name.name for name in _references(_unnamed(pattern))}
    for binding in reversed(pattern.bindings):
        if needed.isdisjoint(binding.names):
            names = ", ".join(name or "_" for name in binding.names)
            raise complain(
                binding.mark, f"{names} is not used; read it in another line, or return it too"
            )
        needed |= {name.name for name in _references([binding.call])}
    unpacked = {name for binding in pattern.bindings if binding.unpacks for name in binding.names}
    whole = {
        root.name
        for root in pattern.roots
        if isinstance(root, Reference) and root.output is None and root.name not in unpacked
    }
    for shared in pattern.shared:
        if shared.name in whole:
            raise complain(
                shared.mark, f"{shared.name} is returned, so it may be used outside anyway"
            )


def _check_roots(pattern: Pattern, complain: Complain) -> None:
    """Refuse to return one value twice: nobody could say what takes its place."""
    unpacked = {name for binding in pattern.bindings if binding.unpacks for name in binding.names}
    returned: dict[str, set[int | None]] = {}
    for root in pattern.roots:
        if not isinstance(root, Reference):
            continue
        outputs = returned.setdefault(root.name, set())
        output = 0 if root.name in unpacked else root.output
        if output in outputs or None in outputs or (output is None and outputs):
            raise complain(
                root.mark,
                f"{root.name} is returned already; return each value once, or the outputs one by "
                "one: a[0], a[1]",
            )
        outputs.add(output)


def _unnamed(pattern: Pattern) -> list[Call]:
    return [root for root in pattern.roots if isinstance(root, Call)]


def _check_operands(call: Call, complain: Complain) -> None:
    if not call.operators:
        raise complain(call.mark, "name an operator")
    rests = [operand for operand in call.inputs if isinstance(operand, Rest)]
    if len(rests) > 1:
        raise complain(rests[1].mark, "only one operand can stand for the remaining inputs")
    optional = [operand for operand in call.inputs if isinstance(operand, Optional)]
    if rests and optional:
        raise complain(
            optional[0].mark, "* stands for none or more inputs already; leave out optional"
        )
    if call.maybe and (not call.inputs or isinstance(call.inputs[0], Rest | Optional)):
        raise complain(
            call.mark, "an operator that may be absent stands for its first input; name that"
        )


def _check_attributes(
    name: str, operator: Operator | None, call: Call, complain: Complain
) -> dict[str, Constant]:
    """Return what the pattern asks of the attributes, as values of their types."""
    known: dict[str, Constant] = {}
    for attribute in call.attributes:
        if attribute.name in known:
            raise complain(attribute.mark, f"{attribute.name} is asked for twice")
        known[attribute.name] = attribute.value
        if operator is not None:
            known[attribute.name] = _typed(operator, attribute, complain)
    return known


def _typed(operator: Operator, attribute: Attribute, complain: Complain) -> Constant:
    key, spec = attribute.name, operator.attributes.get(attribute.name)
    text = format_value(attribute.value)
    try:
        if spec is not None:
            return spec.parse(text)
        if not (operator.open_keys or operator.unparsed or is_hidden_key(key)):
            operator.check({key: text})
    except AttributeValueError as error:
        reason = str(error)
        owner = "" if reason.startswith(operator.name) else f"{operator.name}: "
        raise complain(attribute.mark, f"{owner}{reason}") from None
    return attribute.value


def _check_inputs(
    operator: Operator, known: dict[str, Constant], call: Call, complain: Complain
) -> None:
    if any(isinstance(operand, Rest) for operand in call.inputs):
        most, least = None, len(call.inputs) - 1
    else:
        most = len(call.inputs)
        least = sum(not isinstance(operand, Optional) for operand in call.inputs)
    try:
        bounds = input_bounds(operator, known)
    except AttributeValueError as error:
        raise complain(call.mark, f"{operator.name}: {error}") from None
    if (bounds.most is None or least <= bounds.most) and (most is None or bounds.least <= most):
        return
    given = Bounds(least, most)
    names = [name for item in operator.template.inputs for name, _ in item.names if name != "_"]
    listed = f" ({', '.join(names)})" if names and bounds.most is not None else ""
    under = " with these attributes" if known else ""
    raise complain(
        call.mark,
        f"{operator.name} has {bounds} input{'s' * (str(bounds) != '1')}{listed}{under}, "
        f"but the pattern gives {given}",
    )


def _check_outputs(pattern: Pattern, complain: Complain) -> None:
    bindings = {name: binding for binding in pattern.bindings for name in binding.names}
    for call in calls_of(pattern):
        _check_number_of_outputs(call, complain)
    for binding in pattern.bindings:
        if binding.unpacks:
            if binding.call.maybe:
                raise complain(
                    binding.mark, "an operator that may be absent has one output; give it one name"
                )
            _check_count(binding, complain)
    roots = [root for root in pattern.roots if isinstance(root, Reference)]
    calls = [*(binding.call for binding in pattern.bindings), *_unnamed(pattern)]
    for reference in (*roots, *_references(calls)):
        if reference.output:
            _check_output(reference, bindings[reference.name].call, complain)


def _check_number_of_outputs(call: Call, complain: Complain) -> None:
    """Refuse attributes that count more outputs than any operator has."""
    for operator, known in _operators(call):
        try:
            output_bounds(operator, known)
        except AttributeValueError as error:
            raise complain(call.mark, f"{operator.name}: {error}") from None


def _check_count(binding: Binding, complain: Complain) -> None:
    count = len(binding.names)
    for operator, known in _operators(binding.call):
        least, most = output_bounds(operator, known)[1]
        if count < least or (most is not None and count > most):
            raise complain(
                binding.mark,
                f"{operator.name} has {Bounds(least, most)} visible output"
                f"{'s' * ((least, most) != (1, 1))}, but {count} are named",
            )


def _check_output(reference: Reference, call: Call, complain: Complain) -> None:
    if call.maybe:
        raise complain(
            reference.mark, f"{reference.name} may be absent, so it has no output but the first"
        )
    for operator, known in _operators(call):
        most = output_bounds(operator, known)[0].most
        if most is not None and reference.output is not None and reference.output >= most:
            raise complain(
                reference.mark,
                f"{operator.name} has no output {reference.output}; its last one is {most - 1}",
            )


def _operators(call: Call) -> Iterator[tuple[Operator, dict[str, Constant]]]:
    """Yield the operators that a call may be, with what is asked of their attributes."""
    for name in call.operators:
        operator = find(name)
        if operator is not None:
            asked = {each.name: each.value for each in call.attributes}
            yield (
                operator,
                {
                    key: operator.attributes[key].parse(format_value(value))
                    for key, value in asked.items()
                    if key in operator.attributes
                },
            )
