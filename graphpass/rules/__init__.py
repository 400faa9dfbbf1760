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
:mod:`.pattern`         the pattern IR; `.syntax` and `.syntax_operands` read it,
                        `.pattern_check` refuses what can never match, `.pattern_print` prints it
:mod:`.pattern_plan`    a pattern ready to be matched; `.pattern_compile` and `.pattern_routes`
                        make it
:mod:`.matcher`         `find` and `Matcher`; `.search` is the backtracking search
                        on `.search_bindings`; `.operand_slots`, `.attribute_tests`,
                        `.match_conditions` and `.graph_index` serve it
:mod:`.match`           `Match` and `Mismatch`; `.mismatch` has the reasons in words
======================  ==================================================================
"""

from graphpass.rules.driver import apply
from graphpass.rules.file import Pass, Rule, load_pass, parse_setting
from graphpass.rules.match import Binding, Match, Mismatch
from graphpass.rules.matcher import Matcher, find
from graphpass.rules.operation import Operation, Run
from graphpass.rules.pattern import Pattern
from graphpass.rules.pattern_compile import compile_pattern
from graphpass.rules.pattern_print import print_pattern
from graphpass.rules.report import Report, Step
from graphpass.rules.selectors import select, select_entries, select_entry, select_one
from graphpass.rules.syntax import parse_pattern

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
