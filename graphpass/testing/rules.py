"""Random rules that apply to a model, each with what it promises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import networkx as nx
from hypothesis import strategies as st

from graphpass.errors import SelectorError, UsageError, suggestion
from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.rules.selectors import select_entry, select_one
from graphpass.testing.draws import NODE_NAMES, Dice

__all__ = ["OPERATIONS", "DrawnRule", "rules"]


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
class _RuleDrawing:
    """One drawing of a rule: what the model offers, how to name it, what to promise."""

    dice: Dice
    model: Model
    graph: Graph

    # -- what there is ---------------------------------------------------------------------------

    def keys(self, test: Callable[[int], bool]) -> list[int]:
        """Return the nodes in saved order that pass a test."""
        return [key for key in self.graph.order() if test(key)]

    def frozen(self) -> set[int]:
        """Return the gammas that MXNet sets to one whenever their BatchNorm runs.

        What else reads one sees a value that depends on the order in which operators run.
        """
        graph = self.graph
        norms = self.keys(lambda key: graph.op(key) == "BatchNorm")
        fixed = (key for key in norms if graph.node(key).attributes["fix_gamma"])
        return {graph.inputs(key)[1].node for key in fixed}

    # -- how rules name things -------------------------------------------------------------------

    def selector(self, key: int, *, text: bool = False) -> Any:
        """Return one of the selectors, or of the texts, that select just this node."""
        name = _escaped(self.graph.name(key))
        choices: list[Any] = [name, f"id:{key}"] if text else [name, {"name": name}, f"id:{key}"]
        return self._one_that(select_one, choices, key)

    def value(self, entry: Entry) -> str:
        """Return one of the texts that name just this value."""
        graph, key = self.graph, entry.node
        choices = [_escaped(graph.output_name(entry)), _escaped(graph.name(key)),
                   f"id:{key}:{entry.output}"]  # fmt: skip
        found: str = self._one_that(lambda graph, text: select_entry(graph, text)[:2], choices,
                                    entry[:2])  # fmt: skip
        return found

    def _one_that(self, select: Callable[[Graph, Any], Any], choices: list[Any], it: Any) -> Any:
        """Pick a selector of those that select `it` and nothing else."""

        def selects(selector: Any) -> bool:
            if isinstance(selector, dict):
                plain: Any = {form: _unescaped(text) for form, text in selector.items()}
            else:
                plain = _unescaped(selector)
            try:
                return bool(select(self.graph, plain) == it)
            except SelectorError:
                return False

        return self.dice.pick([each for each in choices if selects(each)])

    def fresh_name(self, *, variable: bool) -> str:
        """Return a name that no node of the kind has."""
        graph = self.graph
        taken = {graph.name(key) for key in graph.dag if graph.is_variable(key) == variable}
        taken |= set(self.model.parameters)
        for _ in range(3):
            name = self.dice.draw(NODE_NAMES)
            if name and name not in taken:
                return name
        return next(name for number in count() if (name := f"fresh{number}") not in taken)

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
        inputs = {renamed(name): name for name in self.model.inputs}
        heads = tuple(range(len(self.graph.heads)))
        return DrawnRule(rule, inputs, heads, len(self.model.parameters) + parameters, isomorphic)

    def some_heads(self) -> tuple[list[str], list[int]]:
        """Return some of the heads, in any order, at times one of them twice."""
        total = len(self.graph.heads)
        heads = [self.dice.below(total) for _ in range(self.dice.between(1, total))]
        return [self.value(self.graph.heads[index]) for index in heads], heads

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

    # -- one rule per operation; None where the operation does not apply --------------------------

    def prune(self) -> DrawnRule | None:
        return self.promise({"prune": {}}, isomorphic=True)

    def rename(self) -> DrawnRule | None:
        key = self.dice.pick(self.graph.order())
        old, variable = self.graph.name(key), self.graph.is_variable(key)
        new = self.fresh_name(variable=variable)
        rule = {"rename": {"from": self.selector(key), "to": _escaped(new)}}
        return self.promise(
            rule, renamed=lambda name: new if variable and name == old else name, isomorphic=True
        )

    def swap_names(self) -> DrawnRule | None:
        graph = self.graph
        of_variables = self.dice.one_in(2)

        def alone(key: int) -> bool:
            """Whether no other node of the kind, alive or dead, has a node's name."""
            kinds = [graph.is_variable(other) for other in graph.named(graph.name(key))]
            return kinds.count(of_variables) == 1

        keys = self.keys(
            lambda key: (
                graph.is_variable(key) == of_variables and graph.name(key) != "" and alone(key)
            )
        )
        if len(keys) < 2:
            return None
        first = self.dice.pick(keys)
        second = self.dice.pick([key for key in keys if key != first])
        names = {first: graph.name(second), second: graph.name(first)}
        table = {self.selector(key, text=True): _escaped(name) for key, name in names.items()}
        swapped = {graph.name(key): name for key, name in names.items()} if of_variables else {}
        return self.promise(
            {"rename": {"map": table}},
            renamed=lambda name: swapped.get(name, name),
            isomorphic=True,
        )

    def rename_all(self) -> DrawnRule | None:
        prefix = self.fresh_prefix()
        kind = self.dice.pick(("both", "variables", "operators"))
        if kind == "operators" and all(map(self.graph.is_variable, self.graph.order())):
            return None
        selector = self.dice.pick(({"glob": "*"}, {"regex": "(?s:.*)"}))
        rule = {"rename": {"select": selector, "to": f"{prefix}{{name}}", "kind": kind}}
        return self.promise(
            rule,
            renamed=lambda name: name if kind == "operators" else f"{prefix}{name}",
            isomorphic=True,
        )

    def prefix(self) -> DrawnRule | None:
        prefix = self.fresh_prefix()
        kept = self.dice.pick(self.graph.order())
        name = self.graph.name(kept) if self.graph.is_variable(kept) else None
        rule = {"prefix": {"prefix": prefix, "keep": self.selector(kept)}}
        return self.promise(
            rule, renamed=lambda old: old if old == name else f"{prefix}{old}", isomorphic=True
        )

    def set_hints(self) -> DrawnRule | None:
        hints = ({"lr_mult": 0.5}, {"wd_mult": 0}, {"init": "zeros"})
        key = self.dice.pick(self.keys(self.graph.is_variable))
        # A training hint would say of an input that it is none, where no variable has a value.
        stored = self.graph.name(key) in self.model.parameters
        options = self.dice.pick(({"attrs": {"__mood__": "calm"}}, *(hints if stored else ())))
        return self.promise({"set": {"select": self.selector(key), **options}})

    def insert(self) -> DrawnRule | None:
        graph, dice = self.graph, self.dice
        untouchable = {*graph.variable_keys().auxiliary_states, *self.frozen()}
        name = self.fresh_name(variable=False)
        rule: dict[str, Any] = {"op": dice.pick(("_copy", "identity")), "name": _escaped(name)}
        operators = self.keys(lambda key: bool(graph.inputs(key)))
        if operators and dice.one_in(2):
            key = dice.pick(operators)
            slots = [
                slot
                for slot, entry in enumerate(graph.inputs(key))
                if entry.node not in untouchable
            ]
            rule["before"] = {"node": self.selector(key), "input": dice.pick(slots)}
        else:
            key = dice.pick(self.keys(lambda key: key not in untouchable))
            output = dice.below(graph.signature(key).num_visible_outputs)
            rule["after"] = self.value(Entry(key, output))
        return self.promise({"insert": rule})

    def remove(self) -> DrawnRule | None:
        idle = ("_copy", "Dropout", "BlockGrad", "MakeLoss")
        keys = self.keys(lambda key: self.graph.op(key) in idle)
        return self.promise({"remove": self.selector(self.dice.pick(keys))}) if keys else None

    def substitute(self) -> DrawnRule | None:
        keys = self.keys(lambda key: self.graph.op(key) in ("relu", "tanh", "sigmoid"))
        if not keys:
            return None
        key = self.dice.pick(keys)
        attrs = {"act_type": self.graph.op(key)}
        rule = {"select": self.selector(key), "op": "Activation", "attrs": attrs}
        return self.promise({"substitute": rule})

    def tie(self) -> DrawnRule | None:
        graph = self.graph
        frozen = self.frozen()
        states = set(graph.variable_keys().auxiliary_states)
        groups: dict[Any, list[int]] = {}
        for key in self.keys(graph.is_variable):
            array = self.model.parameters.get(graph.name(key))
            if array is not None and key not in frozen:
                identity = (key in states, array.dtype, array.shape, array.tobytes())
                groups.setdefault(identity, []).append(key)
        equal = [keys for keys in groups.values() if len(keys) > 1]
        if not equal:
            return None
        keys = self.dice.pick(equal)[:3]
        rule: dict[str, Any] = {"variables": [self.selector(key) for key in keys]}
        if self.dice.one_in(2):
            rule["into"] = _escaped(graph.name(self.dice.pick(keys)))
        if self.dice.one_in(2):
            rule["keep"] = self.dice.pick(("first", "last"))
        return self.promise({"tie": rule}, parameters=1 - len(keys))

    def untie(self) -> DrawnRule | None:
        graph = self.graph
        frozen = self.frozen()

        def readers(key: int) -> int:
            return len({use.node for use in graph.uses(key) if graph.reaches(use.node)})

        keys = self.keys(
            lambda key: graph.is_variable(key) and readers(key) > 1 and key not in frozen
        )
        if not keys:
            return None
        key = self.dice.pick(keys)
        name = graph.name(key)
        prefix = self.fresh_prefix()
        names = [f"{prefix}{index}" for index in range(readers(key))]
        rule = {"untie": {"variable": self.selector(key), "names": names}}
        if name in self.model.parameters:
            return self.promise(rule, parameters=len(names) - 1)
        promised = self.promise(rule)
        inputs = {each: each for each in promised.inputs if each != name}
        return replace(promised, inputs=inputs | dict.fromkeys(names, name))

    def clone(self) -> DrawnRule | None:
        graph, dice, inputs = self.graph, self.dice, self.model.inputs
        read = [name for name in inputs if _is_read(graph, name)]
        if not read or len(graph.order()) > 60:
            return None
        prefix = self.fresh_prefix()
        share = dice.pick(("parameters", "copy"))
        kept = [dice.pick(inputs)] if len(read) > 1 and dice.one_in(3) else []
        naming = {"name": f"{prefix}{{name}}"} if dice.one_in(2) else {"prefix": prefix}
        rule: dict[str, Any] = {**naming, "share": share}
        if kept:
            (key,) = [key for key in graph.named(kept[0]) if graph.is_variable(key)]
            rule["keep"] = self.value(Entry(key))
        copied = len(self.model.parameters) if share == "copy" else 0
        promised = self.promise({"clone": rule}, parameters=copied)
        new = {f"{prefix}{name}": name for name in read if name not in kept}
        return replace(promised, inputs=promised.inputs | new, heads=promised.heads * 2)

    def extract(self) -> DrawnRule | None:
        values, heads = self.some_heads()
        return self.promise_heads({"extract": {"outputs": values}}, heads)

    def set_heads(self) -> DrawnRule | None:
        values, heads = self.some_heads()
        return self.promise_heads({"set": {"heads": values}}, heads)


def _escaped(text: str) -> str:
    """Return a text that stands for itself in a pass, where ``${`` begins a parameter."""
    return text.replace("${", "$${")


def _unescaped(text: str) -> str:
    return text.replace("$${", "${")


def _is_read(graph: Graph, name: str) -> bool:
    """Return whether an input is a head or something reads it, rather than waits for it."""
    keys = [key for key in graph.named(name) if graph.is_variable(key) and graph.reaches(key)]
    return any(
        graph.is_head(key) or any(graph.reaches(use.node) for use in graph.uses(key))
        for key in keys
    )


_MAKERS: tuple[tuple[str, Callable[[_RuleDrawing], DrawnRule | None]], ...] = (
    ("rename", _RuleDrawing.rename),
    ("rename", _RuleDrawing.swap_names),
    ("rename", _RuleDrawing.rename_all),
    ("prefix", _RuleDrawing.prefix),
    ("prune", _RuleDrawing.prune),
    ("set", _RuleDrawing.set_hints),
    ("insert", _RuleDrawing.insert),
    ("remove", _RuleDrawing.remove),
    ("substitute", _RuleDrawing.substitute),
    ("tie", _RuleDrawing.tie),
    ("untie", _RuleDrawing.untie),
    ("clone", _RuleDrawing.clone),
    ("extract", _RuleDrawing.extract),
    ("set", _RuleDrawing.set_heads),
)
"""Operation and maker, the plainest first."""

OPERATIONS: tuple[str, ...] = tuple(dict.fromkeys(name for name, _ in _MAKERS))
"""The operations that random rules may be."""


def rules(
    model: Model, *, operations: Collection[str] | None = None
) -> st.SearchStrategy[DrawnRule]:
    """Draw a rule that applies to a model, is not refused, and changes no output's value.

    Parameters
    ----------
    model : Model
        A model of `graphpass.testing.models`, or what such rules made of one. The strategy reads
        it when it draws, so it may be used again after a rule was applied.
    operations : collection of str, optional
        Which operations to draw, of `OPERATIONS`. ``prune`` is drawn where none of them applies.

    Raises
    ------
    UsageError
        If an operation is unknown to this strategy.

    Examples
    --------
    >>> from hypothesis import given, strategies as st
    >>> import graphpass
    >>> @given(st.data())
    ... def keeps_its_promises(data):
    ...     drawn = data.draw(models(max_operators=4))
    ...     promised = data.draw(rules(drawn.model))
    ...     graphpass.apply([promised.rule], drawn.model)
    ...     assert len(drawn.model.parameters) == promised.parameters
    >>> from graphpass.testing import models
    >>> keeps_its_promises()
    """
    for operation in operations or ():
        if operation not in OPERATIONS:
            raise UsageError(
                f"random rules know no operation {operation!r}"
                f"{suggestion(operation, OPERATIONS)}; they know {', '.join(OPERATIONS)}"
            )
    makers = [maker for name, maker in _MAKERS if operations is None or name in operations]

    @st.composite
    def drawn(draw: st.DrawFn) -> DrawnRule:
        state = _RuleDrawing(Dice(draw), model, model.graph)
        first = state.dice.below(len(makers))
        for maker in (*makers[first:], *makers[:first]):
            found = maker(state)
            if found is not None:
                return found
        return state.promise({"prune": {}}, isomorphic=True)

    return drawn()
