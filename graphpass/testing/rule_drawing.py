"""A rule in the making: what the model offers, how to name it, what to promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from graphpass.errors import SelectorError
from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.rules.selectors import select_entry, select_one
from graphpass.testing.dice import Dice
from graphpass.testing.names import NODE_NAMES

__all__ = ["Drawing", "DrawnRule", "escaped"]


@dataclass(frozen=True, slots=True)
class DrawnRule:
    """A rule, and how the model that it makes relates to the model it was drawn for."""

    rule: dict[str, Any]
    """The rule as a pass file has it."""

    inputs: dict[str, str]
    """Input afterwards -> the input before that has the same value."""

    heads: tuple[int, ...]
    """For each head afterwards, which head before has the same value."""

    parameters: int
    """How many arrays the model has afterwards."""

    isomorphic: bool
    """Whether nothing but names changes."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing of a rule for a model."""

    dice: Dice
    model: Model
    graph: Graph

    # -- what there is ---------------------------------------------------------------------------

    def keys(self, test: Callable[[int], bool]) -> list[int]:
        """Return the nodes in saved order that pass a test."""
        return [key for key in self.graph.order() if test(key)]

    def variables(self) -> list[int]:
        """Return the variables."""
        return self.keys(self.graph.is_variable)

    def frozen(self) -> set[int]:
        """Return the gammas that MXNet sets to one whenever their BatchNorm runs.

        What else reads one sees a value that depends on the order in which operators run.
        """
        graph = self.graph
        return {
            graph.inputs(key)[1].node
            for key in graph.order()
            if graph.op(key) == "BatchNorm" and graph.node(key).attributes["fix_gamma"]
        }

    # -- how rules name things -------------------------------------------------------------------

    def selector(self, key: int) -> Any:
        """Return one of the selectors that select just this node."""
        name = self.graph.name(key)
        choices: list[Any] = [escaped(name), {"name": escaped(name)}, f"id:{key}"]
        return self.dice.pick([each for each in choices if self._selects(each, key)])

    def text_selector(self, key: int) -> str:
        """Return one of the texts that select just this node."""
        choices = [escaped(self.graph.name(key)), f"id:{key}"]
        return self.dice.pick([each for each in choices if self._selects(each, key)])

    def _selects(self, selector: Any, key: int) -> bool:
        try:
            return select_one(self.graph, _plain(selector)) == key
        except SelectorError:
            return False

    def value(self, entry: Entry) -> str:
        """Return one of the texts that name just this value."""
        choices = [
            escaped(self.graph.output_name(entry)),
            escaped(self.graph.name(entry.node)),
            f"id:{entry.node}:{entry.output}",
        ]
        return self.dice.pick([each for each in choices if self._names(each, entry)])

    def _names(self, selector: str, entry: Entry) -> bool:
        try:
            return select_entry(self.graph, _plain(selector))[:2] == entry[:2]
        except SelectorError:
            return False

    def fresh_name(self, *, variable: bool) -> str:
        """Return a name that no node of the kind has."""
        graph = self.graph
        taken = {graph.name(key) for key in graph.dag if graph.is_variable(key) == variable} | set(
            self.model.parameters
        )
        for _ in range(3):
            name = self.dice.draw(NODE_NAMES)
            if name and name not in taken:
                return name
        number = 0
        while f"fresh{number}" in taken:
            number += 1
        return f"fresh{number}"

    def fresh_prefix(self) -> str:
        """Return a text with which no name begins."""
        names = [*self.graph.names, *self.model.parameters]
        stem = self.dice.pick(("p_", "right/", "重", "a b."))
        while any(name.startswith(stem) for name in names):
            stem += "_"
        return stem

    # -- what rules promise ----------------------------------------------------------------------

    def promise(
        self,
        rule: dict[str, Any],
        *,
        renamed: Callable[[str], str] = lambda name: name,
        parameters: int = 0,
        isomorphic: bool = False,
    ) -> DrawnRule:
        """Promise that only names, the number of arrays, or operators without effect change."""
        return DrawnRule(
            rule,
            {renamed(name): name for name in self.model.inputs},
            tuple(range(len(self.graph.heads))),
            len(self.model.parameters) + parameters,
            isomorphic,
        )

    def promise_heads(self, rule: dict[str, Any], heads: Sequence[int]) -> DrawnRule:
        """Promise that the graph returns some of its heads, and holds what they need."""
        graph = self.graph
        needed: set[int] = set()
        for index in heads:
            node = graph.heads[index].node
            needed |= {node, *nx.ancestors(graph.dag, node)}
        kept = {graph.name(key) for key in needed if graph.is_variable(key)}
        inputs = {name: name for name in self.model.inputs if name in kept}
        stored = sum(name in kept for name in self.model.parameters)
        return DrawnRule(rule, inputs, tuple(heads), stored, isomorphic=False)


def escaped(text: str) -> str:
    """Return a text that stands for itself in a pass, where ``${`` begins a parameter."""
    return text.replace("${", "$${")


def _plain(selector: Any) -> Any:
    if isinstance(selector, dict):
        return {form: text.replace("$${", "${") for form, text in selector.items()}
    return selector.replace("$${", "${")
