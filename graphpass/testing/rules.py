"""Random rules that apply to a model, each with what it promises."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
from hypothesis import strategies as st

from graphpass.errors import SelectorError, UsageError, suggestion
from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.rules.selectors import select_entry, select_one
from graphpass.testing.dice import Dice
from graphpass.testing.names import NODE_NAMES

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
    return _drawn_rules(model, makers)


_Maker = Callable[["_Draw"], DrawnRule | None]


@st.composite
def _drawn_rules(draw: st.DrawFn, model: Model, makers: Sequence[_Maker]) -> DrawnRule:
    state = _Draw(Dice(draw), model, model.graph)
    first = state.dice.below(len(makers))
    for maker in (*makers[first:], *makers[:first]):
        found = maker(state)
        if found is not None:
            return found
    return state.promise({"prune": {}}, isomorphic=True)


@dataclass(frozen=True, slots=True)
class _Draw:
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
        choices: list[Any] = [_escaped(name), {"name": _escaped(name)}, f"id:{key}"]
        return self.dice.pick([each for each in choices if self._selects(each, key)])

    def text_selector(self, key: int) -> str:
        """Return one of the texts that select just this node."""
        choices = [_escaped(self.graph.name(key)), f"id:{key}"]
        return self.dice.pick([each for each in choices if self._selects(each, key)])

    def _selects(self, selector: Any, key: int) -> bool:
        try:
            return select_one(self.graph, _plain(selector)) == key
        except SelectorError:
            return False

    def value(self, entry: Entry) -> str:
        """Return one of the texts that name just this value."""
        choices = [
            _escaped(self.graph.output_name(entry)),
            _escaped(self.graph.name(entry.node)),
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


def _escaped(text: str) -> str:
    """Return a text that stands for itself in a pass, where ``${`` begins a parameter."""
    return text.replace("${", "$${")


def _plain(selector: Any) -> Any:
    if isinstance(selector, dict):
        return {form: text.replace("$${", "${") for form, text in selector.items()}
    return selector.replace("$${", "${")


# -- one maker per operation, the plainest first ------------------------------------------------


def _prune(draw: _Draw) -> DrawnRule | None:
    return draw.promise({"prune": {}}, isomorphic=True)


def _rename(draw: _Draw) -> DrawnRule | None:
    key = draw.dice.pick(draw.graph.order())
    old = draw.graph.name(key)
    variable = draw.graph.is_variable(key)
    new = draw.fresh_name(variable=variable)
    rule = {"rename": {"from": draw.selector(key), "to": _escaped(new)}}
    return draw.promise(
        rule, renamed=lambda name: new if variable and name == old else name, isomorphic=True
    )


def _swap(draw: _Draw) -> DrawnRule | None:
    graph = draw.graph
    of_variables = draw.dice.one_in(2)
    keys = draw.keys(
        lambda key: (
            graph.is_variable(key) == of_variables and _unique(graph, key) and graph.name(key) != ""
        )
    )
    if len(keys) < 2:
        return None
    first = draw.dice.pick(keys)
    second = draw.dice.pick([key for key in keys if key != first])
    names = {first: graph.name(second), second: graph.name(first)}
    table = {draw.text_selector(key): _escaped(name) for key, name in names.items()}
    swapped = {graph.name(key): name for key, name in names.items()} if of_variables else {}
    return draw.promise(
        {"rename": {"map": table}}, renamed=lambda name: swapped.get(name, name), isomorphic=True
    )


def _unique(graph: Graph, key: int) -> bool:
    """Return whether no other node of the kind, alive or dead, has a node's name."""
    kind, name = graph.is_variable(key), graph.name(key)
    return sum(graph.is_variable(other) == kind for other in graph.named(name)) == 1


def _rename_all(draw: _Draw) -> DrawnRule | None:
    prefix = draw.fresh_prefix()
    kind = draw.dice.pick(("both", "variables", "operators"))
    if kind == "operators" and len(draw.variables()) == len(draw.graph.order()):
        return None
    selector = draw.dice.pick(({"glob": "*"}, {"regex": "(?s:.*)"}))
    rule = {"rename": {"select": selector, "to": f"{prefix}{{name}}", "kind": kind}}
    return draw.promise(
        rule,
        renamed=lambda name: name if kind == "operators" else f"{prefix}{name}",
        isomorphic=True,
    )


def _prefix(draw: _Draw) -> DrawnRule | None:
    prefix = draw.fresh_prefix()
    kept = draw.dice.pick(draw.graph.order())
    name = draw.graph.name(kept) if draw.graph.is_variable(kept) else None
    rule = {"prefix": {"prefix": prefix, "keep": draw.selector(kept)}}
    return draw.promise(
        rule, renamed=lambda old: old if old == name else f"{prefix}{old}", isomorphic=True
    )


def _set(draw: _Draw) -> DrawnRule | None:
    hints = ({"lr_mult": 0.5}, {"wd_mult": 0}, {"init": "zeros"})
    key = draw.dice.pick(draw.variables())
    # A training hint would say of an input that it is none, where no variable has a value.
    stored = draw.graph.name(key) in draw.model.parameters
    options = draw.dice.pick(({"attrs": {"__mood__": "calm"}}, *(hints if stored else ())))
    return draw.promise({"set": {"select": draw.selector(key), **options}})


def _insert(draw: _Draw) -> DrawnRule | None:
    graph, dice = draw.graph, draw.dice
    untouchable = {*graph.variable_keys().auxiliary_states, *draw.frozen()}
    name = draw.fresh_name(variable=False)
    rule: dict[str, Any] = {"op": dice.pick(("_copy", "identity")), "name": _escaped(name)}
    operators = draw.keys(lambda key: bool(graph.inputs(key)))
    if operators and dice.one_in(2):
        key = dice.pick(operators)
        slots = [
            slot for slot, entry in enumerate(graph.inputs(key)) if entry.node not in untouchable
        ]
        rule["before"] = {"node": draw.selector(key), "input": dice.pick(slots)}
        return draw.promise({"insert": rule})
    keys = draw.keys(lambda key: key not in untouchable)
    key = dice.pick(keys)
    output = dice.below(graph.signature(key).num_visible_outputs)
    rule["after"] = draw.value(Entry(key, output))
    return draw.promise({"insert": rule})


def _remove(draw: _Draw) -> DrawnRule | None:
    idle = ("_copy", "Dropout", "BlockGrad", "MakeLoss")
    keys = draw.keys(lambda key: draw.graph.op(key) in idle)
    if not keys:
        return None
    return draw.promise({"remove": draw.selector(draw.dice.pick(keys))})


def _substitute(draw: _Draw) -> DrawnRule | None:
    keys = draw.keys(lambda key: draw.graph.op(key) in ("relu", "tanh", "sigmoid"))
    if not keys:
        return None
    key = draw.dice.pick(keys)
    attrs = {"act_type": draw.graph.op(key)}
    rule = {"select": draw.selector(key), "op": "Activation", "attrs": attrs}
    return draw.promise({"substitute": rule})


def _tie(draw: _Draw) -> DrawnRule | None:
    graph, parameters = draw.graph, draw.model.parameters
    frozen = draw.frozen()
    states = set(graph.variable_keys().auxiliary_states)
    groups: dict[Any, list[int]] = {}
    for key in draw.variables():
        array = parameters.get(graph.name(key))
        if array is not None and key not in frozen:
            identity = (key in states, array.dtype, array.shape, array.tobytes())
            groups.setdefault(identity, []).append(key)
    equal = [keys for keys in groups.values() if len(keys) > 1]
    if not equal:
        return None
    keys = draw.dice.pick(equal)[:3]
    rule: dict[str, Any] = {"variables": [draw.selector(key) for key in keys]}
    if draw.dice.one_in(2):
        rule["into"] = _escaped(graph.name(draw.dice.pick(keys)))
    if draw.dice.one_in(2):
        rule["keep"] = draw.dice.pick(("first", "last"))
    return draw.promise({"tie": rule}, parameters=1 - len(keys))


def _untie(draw: _Draw) -> DrawnRule | None:
    graph = draw.graph
    frozen = draw.frozen()

    def readers(key: int) -> int:
        return len({use.node for use in graph.uses(key) if graph.reaches(use.node)})

    keys = [key for key in draw.variables() if readers(key) > 1 and key not in frozen]
    if not keys:
        return None
    key = draw.dice.pick(keys)
    name = graph.name(key)
    prefix = draw.fresh_prefix()
    names = [f"{prefix}{index}" for index in range(readers(key))]
    rule = {"untie": {"variable": draw.selector(key), "names": names}}
    if name in draw.model.parameters:
        return draw.promise(rule, parameters=len(names) - 1)
    promised = draw.promise(rule)
    inputs = {each: each for each in promised.inputs if each != name}
    return DrawnRule(
        rule, inputs | dict.fromkeys(names, name), promised.heads, promised.parameters, False
    )


def _clone(draw: _Draw) -> DrawnRule | None:
    graph, dice = draw.graph, draw.dice
    inputs = draw.model.inputs
    if not inputs or len(graph.order()) > 60:
        return None
    prefix = draw.fresh_prefix()
    share = dice.pick(("parameters", "copy"))
    kept = [dice.pick(inputs)] if len(inputs) > 1 and dice.one_in(3) else []
    rule: dict[str, Any] = {"prefix": prefix, "share": share}
    if dice.one_in(2):
        del rule["prefix"]
        rule["name"] = f"{prefix}{{name}}"
    if kept:
        (key,) = [key for key in graph.named(kept[0]) if graph.is_variable(key)]
        rule["keep"] = draw.value(Entry(key))
    copied = len(draw.model.parameters) if share == "copy" else 0
    promised = draw.promise({"clone": rule}, parameters=copied)
    new = {f"{prefix}{name}": name for name in inputs if name not in kept}
    return DrawnRule(
        promised.rule, promised.inputs | new, promised.heads * 2, promised.parameters, False
    )


def _extract(draw: _Draw) -> DrawnRule | None:
    heads = _some_heads(draw)
    outputs = [draw.value(draw.graph.heads[index]) for index in heads]
    return draw.promise_heads({"extract": {"outputs": outputs}}, heads)


def _set_heads(draw: _Draw) -> DrawnRule | None:
    heads = _some_heads(draw)
    values = [draw.value(draw.graph.heads[index]) for index in heads]
    return draw.promise_heads({"set": {"heads": values}}, heads)


def _some_heads(draw: _Draw) -> list[int]:
    """Return some of the heads, in any order, at times one of them twice."""
    count = len(draw.graph.heads)
    return [draw.dice.below(count) for _ in range(draw.dice.between(1, count))]


_MAKERS: tuple[tuple[str, _Maker], ...] = (
    ("rename", _rename),
    ("rename", _swap),
    ("rename", _rename_all),
    ("prefix", _prefix),
    ("prune", _prune),
    ("set", _set),
    ("insert", _insert),
    ("remove", _remove),
    ("substitute", _substitute),
    ("tie", _tie),
    ("untie", _untie),
    ("clone", _clone),
    ("extract", _extract),
    ("set", _set_heads),
)

OPERATIONS: tuple[str, ...] = tuple(dict.fromkeys(name for name, _ in _MAKERS))
"""The operations that random rules may be."""
