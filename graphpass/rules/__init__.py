"""The rule language and what runs it.

======================  ==================================================================
module                  what is in it
======================  ==================================================================
:mod:`.file`            `load_pass`: YAML file or Python rules -> `Pass`
:mod:`.yaml_text`       YAML text -> values that know line and column
:mod:`.source`          such values, and errors with a caret
:mod:`.substitution`    ``${name}``: the parameters of a pass
:mod:`.schema`          the JSON Schema of a pass, and its errors in words
:mod:`.shipped`         the passes that come with graphpass
:mod:`.driver`          `apply`: a pass over a model, as one transaction
:mod:`.report`          `Report`: what it did; `.delta` and `.report_text` belong to it
:mod:`.operation`       what every operation is
:mod:`.operations`      the operations, one module each
:mod:`.selectors`       how a rule says which nodes and values it is about
:mod:`.name_expressions` ``glob:`` and ``regex:`` in selectors
:mod:`.patterns`        patterns as text and as data
:mod:`.matching`        where they hold, and why not
======================  ==================================================================
"""

from graphpass.rules.driver import apply
from graphpass.rules.file import Pass, Rule, load_pass, parse_setting
from graphpass.rules.matching.match import Binding, Match, Mismatch
from graphpass.rules.matching.matcher import Matcher, find
from graphpass.rules.operation import Operation, Run
from graphpass.rules.patterns.compile import compile_pattern
from graphpass.rules.patterns.pattern import Pattern
from graphpass.rules.patterns.printing import print_pattern
from graphpass.rules.patterns.syntax import parse_pattern
from graphpass.rules.report import Report, Step
from graphpass.rules.selectors import select, select_entries, select_entry, select_one

__all__ = [
    "Binding",
    "Match",
    "Matcher",
    "Mismatch",
    "Operation",
    "Pass",
    "Pattern",
    "Report",
    "Rule",
    "Run",
    "Step",
    "apply",
    "compile_pattern",
    "find",
    "load_pass",
    "parse_pattern",
    "parse_setting",
    "print_pattern",
    "select",
    "select_entries",
    "select_entry",
    "select_one",
]
