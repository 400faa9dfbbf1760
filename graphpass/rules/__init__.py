"""The rule language and what runs it.

======================  ==================================================================
module                  what is in it
======================  ==================================================================
:mod:`.pass_files`      `load_pass`: YAML file or Python rules -> `Pass`
:mod:`.run`             `apply`: a pass over a model, as one transaction
:mod:`.operations`      the operations, one module each, and what they share
:mod:`.selectors`       how a rule says which nodes and values it is about
:mod:`.rewrite`         the engine: where patterns hold, what takes their place; `explain`
:mod:`.expressions`     conditions and computed values
:mod:`.lint`            what can be said of rewrites without a model: `lint`, termination, tests
:mod:`.pass_rewrites`   the rewrites of a pass, and the passes that it uses
:mod:`.report`          `Report`: what a pass did, as plain data
:mod:`.limits`          `Limits`: what a run may take
:mod:`.reading`         `Reading`: which files a pass may read
======================  ==================================================================

The names below are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphpass.lazy import lazily

if TYPE_CHECKING:
    from graphpass.rules.operations.operation import Operation as Operation
    from graphpass.rules.operations.operation import Run as Run
    from graphpass.rules.pass_files.loading import Pass as Pass
    from graphpass.rules.pass_files.loading import Rule as Rule
    from graphpass.rules.pass_files.loading import load_pass as load_pass
    from graphpass.rules.pass_files.loading import parse_setting as parse_setting
    from graphpass.rules.report.report import Report as Report
    from graphpass.rules.report.report import Step as Step
    from graphpass.rules.rewrite.explain import Explanation as Explanation
    from graphpass.rules.rewrite.explain import explain as explain
    from graphpass.rules.rewrite.match import Binding as Binding
    from graphpass.rules.rewrite.match import Match as Match
    from graphpass.rules.rewrite.match import Mismatch as Mismatch
    from graphpass.rules.rewrite.matcher import Matcher as Matcher
    from graphpass.rules.rewrite.matcher import find as find
    from graphpass.rules.rewrite.pattern import Pattern as Pattern
    from graphpass.rules.rewrite.pattern import compile_pattern as compile_pattern
    from graphpass.rules.rewrite.pattern import print_pattern as print_pattern
    from graphpass.rules.rewrite.rewrite import Rewrite as Rewrite
    from graphpass.rules.rewrite.rewrite import parse_rewrite as parse_rewrite
    from graphpass.rules.rewrite.text import parse_pattern as parse_pattern
    from graphpass.rules.run import apply as apply
    from graphpass.rules.selectors import select as select
    from graphpass.rules.selectors import select_entries as select_entries
    from graphpass.rules.selectors import select_entry as select_entry
    from graphpass.rules.selectors import select_one as select_one


__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "run": "apply",
        "rewrite.explain": "Explanation explain",
        "pass_files.loading": "Pass Rule load_pass parse_setting",
        "rewrite.match": "Binding Match Mismatch",
        "rewrite.matcher": "Matcher find",
        "operations.operation": "Operation Run",
        "report.report": "Report Step",
        "rewrite.pattern": "Pattern compile_pattern print_pattern",
        "rewrite.text": "parse_pattern",
        "rewrite.rewrite": "Rewrite parse_rewrite",
        "selectors": "select select_entries select_entry select_one",
    },
)
