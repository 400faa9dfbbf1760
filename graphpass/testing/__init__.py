"""Hypothesis strategies: random symbol texts, random models that run, random rules.

For the property tests of graphpass, and of whoever writes passes. Needs Hypothesis, which the
``test`` extra brings; nothing else in graphpass does.

================  ========================================================================
module            what is in it
================  ========================================================================
:mod:`.symbols`   `symbol_texts`: symbol JSON of every version and dialect
:mod:`.models`    `models`: models that MXNet binds and runs, operator by operator
:mod:`.builder`   what a model under construction knows
:mod:`.rules`     `rules`: rules that apply to a model, and what they promise
:mod:`.draws`     odd names, cheap draws
================  ========================================================================

Examples
--------
A pass of one's own, on models that hold what it is about::

    @given(drawn=models(operators=["Convolution", "BatchNorm", "relu"]))
    def test_my_pass_keeps_the_outputs(drawn):
        after = drawn.model.copy()
        graphpass.apply("my-pass.yaml", after)
        assert graphpass.verify(drawn.model, after, inputs=drawn.shapes)

Where random models rarely hold that, a `Recipe` adds it: `models` has an example.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "graphpass.testing needs Hypothesis, which is not installed: "
        "run pip install 'graphpass[test]' or pip install hypothesis",
        name="hypothesis",
    ) from error

from graphpass.testing.builder import Builder, Recipe, Value
from graphpass.testing.models import OPERATORS, RunnableModel, models
from graphpass.testing.rules import OPERATIONS, DrawnRule, rules
from graphpass.testing.symbols import VERSIONS, symbol_texts

__all__ = [
    "OPERATIONS",
    "OPERATORS",
    "VERSIONS",
    "Builder",
    "DrawnRule",
    "Recipe",
    "RunnableModel",
    "Value",
    "models",
    "rules",
    "symbol_texts",
]
