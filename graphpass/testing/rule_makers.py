"""One maker of random rules per operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from graphpass.graph import Entry, Graph
from graphpass.testing.rule_drawing import Drawing, DrawnRule, escaped

__all__ = ["MAKERS", "Maker"]

Maker: TypeAlias = Callable[[Drawing], "DrawnRule | None"]
"""Makes a rule for a model, or None where its operation does not apply."""


def _prune(draw: Drawing) -> DrawnRule | None:
    return draw.promise({"prune": {}}, isomorphic=True)


def _rename(draw: Drawing) -> DrawnRule | None:
    key = draw.dice.pick(draw.graph.order())
    old = draw.graph.name(key)
    variable = draw.graph.is_variable(key)
    new = draw.fresh_name(variable=variable)
    rule = {"rename": {"from": draw.selector(key), "to": escaped(new)}}
    return draw.promise(
        rule, renamed=lambda name: new if variable and name == old else name, isomorphic=True
    )


def _swap(draw: Drawing) -> DrawnRule | None:
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
    table = {draw.text_selector(key): escaped(name) for key, name in names.items()}
    swapped = {graph.name(key): name for key, name in names.items()} if of_variables else {}
    return draw.promise(
        {"rename": {"map": table}}, renamed=lambda name: swapped.get(name, name), isomorphic=True
    )


def _unique(graph: Graph, key: int) -> bool:
    """Return whether no other node of the kind, alive or dead, has a node's name."""
    kind, name = graph.is_variable(key), graph.name(key)
    return sum(graph.is_variable(other) == kind for other in graph.named(name)) == 1


def _rename_all(draw: Drawing) -> DrawnRule | None:
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


def _prefix(draw: Drawing) -> DrawnRule | None:
    prefix = draw.fresh_prefix()
    kept = draw.dice.pick(draw.graph.order())
    name = draw.graph.name(kept) if draw.graph.is_variable(kept) else None
    rule = {"prefix": {"prefix": prefix, "keep": draw.selector(kept)}}
    return draw.promise(
        rule, renamed=lambda old: old if old == name else f"{prefix}{old}", isomorphic=True
    )


def _set(draw: Drawing) -> DrawnRule | None:
    hints = ({"lr_mult": 0.5}, {"wd_mult": 0}, {"init": "zeros"})
    key = draw.dice.pick(draw.variables())
    # A training hint would say of an input that it is none, where no variable has a value.
    stored = draw.graph.name(key) in draw.model.parameters
    options = draw.dice.pick(({"attrs": {"__mood__": "calm"}}, *(hints if stored else ())))
    return draw.promise({"set": {"select": draw.selector(key), **options}})


def _insert(draw: Drawing) -> DrawnRule | None:
    graph, dice = draw.graph, draw.dice
    untouchable = {*graph.variable_keys().auxiliary_states, *draw.frozen()}
    name = draw.fresh_name(variable=False)
    rule: dict[str, Any] = {"op": dice.pick(("_copy", "identity")), "name": escaped(name)}
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


def _remove(draw: Drawing) -> DrawnRule | None:
    idle = ("_copy", "Dropout", "BlockGrad", "MakeLoss")
    keys = draw.keys(lambda key: draw.graph.op(key) in idle)
    if not keys:
        return None
    return draw.promise({"remove": draw.selector(draw.dice.pick(keys))})


def _substitute(draw: Drawing) -> DrawnRule | None:
    keys = draw.keys(lambda key: draw.graph.op(key) in ("relu", "tanh", "sigmoid"))
    if not keys:
        return None
    key = draw.dice.pick(keys)
    attrs = {"act_type": draw.graph.op(key)}
    rule = {"select": draw.selector(key), "op": "Activation", "attrs": attrs}
    return draw.promise({"substitute": rule})


def _tie(draw: Drawing) -> DrawnRule | None:
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
        rule["into"] = escaped(graph.name(draw.dice.pick(keys)))
    if draw.dice.one_in(2):
        rule["keep"] = draw.dice.pick(("first", "last"))
    return draw.promise({"tie": rule}, parameters=1 - len(keys))


def _untie(draw: Drawing) -> DrawnRule | None:
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


def _clone(draw: Drawing) -> DrawnRule | None:
    graph, dice = draw.graph, draw.dice
    inputs = draw.model.inputs
    read = [name for name in inputs if _is_read(graph, name)]
    if not read or len(graph.order()) > 60:
        return None
    prefix = draw.fresh_prefix()
    share = dice.pick(("parameters", "copy"))
    kept = [dice.pick(inputs)] if len(read) > 1 and dice.one_in(3) else []
    rule: dict[str, Any] = {"prefix": prefix, "share": share}
    if dice.one_in(2):
        del rule["prefix"]
        rule["name"] = f"{prefix}{{name}}"
    if kept:
        (key,) = [key for key in graph.named(kept[0]) if graph.is_variable(key)]
        rule["keep"] = draw.value(Entry(key))
    copied = len(draw.model.parameters) if share == "copy" else 0
    promised = draw.promise({"clone": rule}, parameters=copied)
    new = {f"{prefix}{name}": name for name in read if name not in kept}
    return DrawnRule(
        promised.rule, promised.inputs | new, promised.heads * 2, promised.parameters, False
    )


def _is_read(graph: Graph, name: str) -> bool:
    """Return whether an input is a head or something reads it, rather than waits for it."""
    keys = [key for key in graph.named(name) if graph.is_variable(key) and graph.reaches(key)]
    return any(
        graph.is_head(key) or any(graph.reaches(use.node) for use in graph.uses(key))
        for key in keys
    )


def _extract(draw: Drawing) -> DrawnRule | None:
    heads = _some_heads(draw)
    outputs = [draw.value(draw.graph.heads[index]) for index in heads]
    return draw.promise_heads({"extract": {"outputs": outputs}}, heads)


def _set_heads(draw: Drawing) -> DrawnRule | None:
    heads = _some_heads(draw)
    values = [draw.value(draw.graph.heads[index]) for index in heads]
    return draw.promise_heads({"set": {"heads": values}}, heads)


def _some_heads(draw: Drawing) -> list[int]:
    """Return some of the heads, in any order, at times one of them twice."""
    count = len(draw.graph.heads)
    return [draw.dice.below(count) for _ in range(draw.dice.between(1, count))]


MAKERS: tuple[tuple[str, Maker], ...] = (
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
"""Operation and maker, the plainest first."""
