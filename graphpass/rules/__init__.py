"""The rule language and what runs it.

======================  ==================================================================
module                  what is in it
======================  ==================================================================
:mod:`.file`            `load_pass`: YAML file or Python rules -> `Pass`, in `.loaded_pass`;
                        `.rule_reading` makes each `Rule`
:mod:`.yaml_text`       YAML text -> values that know line and column
:mod:`.source`          such values, and errors with a caret
:mod:`.substitution`    ``${name}``: the parameters of a pass
:mod:`.schema`          the JSON Schema of a pass, and its errors in words
:mod:`.shipped`         the passes that come with graphpass
:mod:`.driver`          `apply`: a pass over a model, as one transaction
:mod:`.report`          `Report`: what it did; `.delta` and `.report_text` belong to it
:mod:`.ancestry`        what has become of the model's values, so that outputs can be proved
:mod:`.blame`           which rule is to blame
:mod:`.operation`       what every operation is
:mod:`.operations`      the operations, one module each
:mod:`.selectors`       how a rule says which nodes and values it is about
:mod:`.name_expressions`  ``glob:`` and ``regex:`` in selectors
:mod:`.surgery`         what operations share
:mod:`.patterns`        what a rewrite matches, as text and as data
:mod:`.matching`        where patterns hold, and why not
:mod:`.expressions`     conditions and computed values
:mod:`.rewriting`       replacements, and the engine that puts them in
:mod:`.python`          rewrites written in Python: the decorator `rewrite`
:mod:`.explaining`      `explain`: where a rewrite applies, and why not elsewhere
:mod:`.analysis`        what can be said of rewrites without a model: `lint`, termination, tests
======================  ==================================================================

The names below are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphpass.rules.driver import apply
    from graphpass.rules.explaining.explain import explain
    from graphpass.rules.explaining.explanation import Explanation
    from graphpass.rules.file import load_pass, parse_setting
    from graphpass.rules.loaded_pass import Pass
    from graphpass.rules.matching.match import Binding, Match, Mismatch
    from graphpass.rules.matching.matcher import Matcher, find
    from graphpass.rules.operation import Operation, Run
    from graphpass.rules.patterns.compile import compile_pattern
    from graphpass.rules.patterns.pattern import Pattern
    from graphpass.rules.patterns.printing import print_pattern
    from graphpass.rules.patterns.syntax import parse_pattern
    from graphpass.rules.python.rewrite import rewrite
    from graphpass.rules.report import Report, Step
    from graphpass.rules.rewriting.rewrite import Rewrite, parse_rewrite
    from graphpass.rules.rule import Rule
    from graphpass.rules.selectors import select, select_entries, select_entry, select_one

__all__ = [
    "Binding",
    "Explanation",
    "Match",
    "Matcher",
    "Mismatch",
    "Operation",
    "Pass",
    "Pattern",
    "Report",
    "Rewrite",
    "Rule",
    "Run",
    "Step",
    "apply",
    "compile_pattern",
    "explain",
    "find",
    "load_pass",
    "parse_pattern",
    "parse_rewrite",
    "parse_setting",
    "print_pattern",
    "rewrite",
    "select",
    "select_entries",
    "select_entry",
    "select_one",
]

_HOMES = {
    "Binding": "matching.match",
    "Explanation": "explaining.explanation",
    "Match": "matching.match",
    "Matcher": "matching.matcher",
    "Mismatch": "matching.match",
    "Operation": "operation",
    "Pass": "loaded_pass",
    "Pattern": "patterns.pattern",
    "Report": "report",
    "Rewrite": "rewriting.rewrite",
    "Rule": "rule",
    "Run": "operation",
    "Step": "report",
    "apply": "driver",
    "compile_pattern": "patterns.compile",
    "culprit": "blame",
    "explain": "explaining.explain",
    "find": "matching.matcher",
    "load_pass": "file",
    "parse_pattern": "patterns.syntax",
    "parse_rewrite": "rewriting.rewrite",
    "parse_setting": "file",
    "print_pattern": "patterns.printing",
    "rewrite": "python.rewrite",
    "select": "selectors",
    "select_entries": "selectors",
    "select_entry": "selectors",
    "select_one": "selectors",
}
"""Public name -> the module in this package."""


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
