"""What can be said of the rewrites of a pass before they meet a model.

==================  ==================================================================
module              what is in it
==================  ==================================================================
:mod:`.lint`        `lint`: everything below for a pass, and what is odd about a rewrite
:mod:`.termination` `terminates`: whether a group ends on every graph
:mod:`.measures`    what goes and what comes when a rewrite fires, as inequalities
:mod:`.overlaps`    `overlaps`: whether the order of two rewrites matters, on tested graphs
:mod:`.rule_tests`  `run_tests`: the ``tests:`` of a pass and of its rewrites
==================  ==================================================================
"""

from graphpass.rules.lint.lint import GroupReport, LintReport, RuleFinding, lint
from graphpass.rules.lint.overlaps import Overlap, overlaps
from graphpass.rules.lint.rule_tests import RuleTest, run_tests
from graphpass.rules.lint.termination import Termination, terminates

__all__ = [
    "GroupReport",
    "LintReport",
    "Overlap",
    "RuleFinding",
    "RuleTest",
    "Termination",
    "lint",
    "overlaps",
    "run_tests",
    "terminates",
]
