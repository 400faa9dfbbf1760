"""Hypothesis strategies: random symbol texts, random models that run, random rules.

For the property tests of graphpass, and of whoever writes passes. Needs Hypothesis, which the
``test`` extra brings; nothing else in graphpass does.

==========================  ==============================================================
module                      what is in it
==========================  ==============================================================
:mod:`.symbols`             `symbol_texts`: symbol JSON of every version and dialect
:mod:`.symbol_operators`    the operators of such texts and how attributes may be spelled
:mod:`.symbol_layouts`      a drawn symbol to text: keys, spellings, blanks
:mod:`.models`              `models`: models that MXNet binds and runs
:mod:`.model_operators`     the operators of such models, each fitted to the shapes it finds
:mod:`.model_layers`        those of them that read parameters, labels or windows
:mod:`.model_builder`       what a model under construction knows
:mod:`.rules`               `rules`: rules that apply to a model, and what they promise
:mod:`.rule_makers`         one maker of rules per operation
:mod:`.rule_drawing`        what a rule in the making knows, names and promises
:mod:`.names`, :mod:`.dice` odd names, cheap draws
==========================  ==============================================================

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

from graphpass.testing.model_builder import Builder, Value
from graphpass.testing.model_operators import Recipe
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
