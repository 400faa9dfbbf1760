"""The rules of a pass: located values -> operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphpass.errors import TextError, UsageError
from graphpass.rules.operations import OPERATIONS, operation_class
from graphpass.rules.rule import Rule
from graphpass.rules.schema import Fault, schema_faults
from graphpass.rules.source import Located, Mark, Path, PythonRule, Source
from graphpass.rules.substitution import Plain, locate, substitute

__all__ = ["read_rules", "refuse"]


def read_rules(tree: Located, parameters: Mapping[str, Plain], source: Source) -> tuple[Rule, ...]:
    """Return the rules of a whole pass, its parameters filled in.

    Raises
    ------
    PassFileError
        If one is malformed, or makes no sense with these parameters.
    """
    assert isinstance(tree.value, Mapping)
    listed = substitute(tree.value["rules"].value, parameters, source, ("rules",))
    if isinstance(listed, list):
        listed = [_given(rule) for rule in listed]
    data = [_data(rule) for rule in listed] if isinstance(listed, list) else listed
    refuse(schema_faults({"graphpass": 1, "rules": data}), tree, parameters, source)
    return tuple(_rule(index, rule, tree, parameters, source) for index, rule in enumerate(listed))


def _given(rule: Plain) -> Plain:
    """Leave out the options that have no value, and complete a rule that Python has made."""
    if isinstance(rule, PythonRule):
        return {rule.keyword: rule}
    if not isinstance(rule, dict):
        return rule
    return {
        key: {name: option for name, option in (value or {}).items() if option is not None}
        if key in OPERATIONS and isinstance(value, dict | None)
        else value
        for key, value in rule.items()
    }


def _data(rule: Plain) -> Plain:
    """Put data in the place of what Python has made, which no schema knows."""
    if not isinstance(rule, dict):
        return rule
    return {
        key: {"match": "...", "replace": "..."}
        if isinstance(value, PythonRule) and value.keyword == key
        else value
        for key, value in rule.items()
    }


def _rule(
    index: int, rule: Plain, tree: Located, parameters: Mapping[str, Plain], source: Source
) -> Rule:
    keyword = next(key for key in rule if key in OPERATIONS)
    key, mark = locate(tree, ("rules", index, keyword), parameters)
    path: Path = ("rules", index, keyword)
    try:
        value = rule[keyword]
        if isinstance(value, PythonRule):
            operation = value.operation()
        else:
            operation = operation_class(keyword).from_value(value)
    except TextError as error:
        within = (*path, *error.path)
        _, begin = locate(tree, within, parameters)
        inside = source.inside(begin, error.line, error.column)
        raise source.error(inside, error.reason, within) from None
    except UsageError as error:
        raise source.error(mark, str(error), path) from None
    place = f"{source.name}:{key.line}" if key is not None else ""
    return Rule(index + 1, operation, rule.get("id") or operation.own_id, place)


def refuse(
    faults: Sequence[Fault], tree: Located, parameters: Mapping[str, Plain], source: Source
) -> None:
    """Raise the fault that stands first in the text, if there is one."""
    if not faults:
        return

    def mark(fault: Fault) -> Mark | None:
        key, value = locate(tree, fault.path, parameters)
        return key if fault.key else value

    def position(fault: Fault) -> tuple[Mark, bool]:
        return mark(fault) or Mark(0, 0), not fault.key

    first = min(faults, key=position)
    path = first.path[:-1] if first.key else first.path
    raise source.error(mark(first), first.message, path)
