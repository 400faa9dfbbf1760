"""What can be said of the rewrites of a pass before they meet a model.

==========================  ==============================================================
module                      what is in it
==========================  ==============================================================
:mod:`.lint`                `lint`: everything below for a pass, as a `LintReport`
:mod:`.termination`         `terminates`: whether a group ends on every graph
:mod:`.measures`            what goes and what comes when a rewrite fires, weighed in two ways
:mod:`.inequalities`        the same as inequalities over the weights
:mod:`.part_facts`          what lies below each operator of a pattern
:mod:`.attribute_facts`     what is sure of an attribute of a new node
:mod:`.linear`              inequalities solved in whole numbers
:mod:`.critical_pairs`      `critical_pairs`: rewrites of which the order matters
:mod:`.outlook`             how far beyond its match a rewrite looks
:mod:`.sketch`              patterns laid over each other
:mod:`.witness`             the small models that come of it
:mod:`.guesses`             values and shapes that conditions give away
:mod:`.attribute_choices`   attributes that MXNet would take
:mod:`.trial`               one firing on such a model
:mod:`.findings`            what is odd about one rewrite
:mod:`.impossible`          what no graph has that a pattern asks for
:mod:`.rule_tests`          `run_tests`: the ``tests:`` of a pass and of its rewrites
:mod:`.case`                one test: a graph before and after, or why it is left alone
:mod:`.stated_values`       the values of the variables of a test
:mod:`.failure`             what a test found wrong
:mod:`.room`                how large the arrays of tests may be
:mod:`.groups`              which rewrites of a pass run together
:mod:`.uses`                the passes that a pass uses
:mod:`.repetition`          whether passes that are repeated come to an end
:mod:`.places`              where the texts of a pass stand
==========================  ==============================================================
"""

from graphpass.rules.analysis.critical_pairs import CriticalPair, critical_pairs
from graphpass.rules.analysis.findings import Finding
from graphpass.rules.analysis.lint import GroupReport, LintReport, lint
from graphpass.rules.analysis.rule_tests import RuleTest, run_tests
from graphpass.rules.analysis.termination import Termination, terminates

__all__ = [
    "CriticalPair",
    "Finding",
    "GroupReport",
    "LintReport",
    "RuleTest",
    "Termination",
    "critical_pairs",
    "lint",
    "run_tests",
    "terminates",
]
