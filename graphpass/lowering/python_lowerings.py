"""Lowerings that the language can't say, each with the reason.

A lowering of a pass names one by ``python: NAME``; pattern, conditions and ``let`` stay there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphpass.lowering.evaluate import LoweredMatch
from graphpass.lowering.target import TargetBuilder, TargetValue

__all__ = ["PYTHON_LOWERINGS"]


# -- control flow: a subgraph is lowered by the same lowerings as the graph around it --------------


def for_each(at: LoweredMatch) -> list[Any]:
    """`_foreach` as ``Scan``: the data are walked along their first axis, the states carried on."""
    sliced, carried, kept = (
        at.attribute(key) for key in ("in_data_locs", "in_state_locs", "remain_locs")
    )
    stacked = at.attribute("num_out_data")
    sources = at.inputs
    states = sources[len(sliced) : len(sliced) + len(carried)]
    data = sources[: len(sliced)]
    inner_states = [_like(at, each, f"state{n}") for n, each in enumerate(states)]
    inner_data = [_like(at, each, f"item{n}", sliced=True) for n, each in enumerate(data)]
    body = at.build.subgraph([*inner_states, *inner_data])
    variables: dict[int, Any] = dict(zip(sliced, inner_data, strict=True))
    variables |= dict(zip(carried, inner_states, strict=True))
    variables |= dict(zip(kept, sources[len(sliced) + len(carried) :], strict=True))
    heads = at.lowered(0, [variables[place] for place in range(len(variables))], body)
    body.graph.outputs = [
        body.op("Identity", each) for each in (*heads[stacked:], *heads[:stacked])
    ]
    found = at.build.op(
        "Scan", *states, *data,
        outputs=len(heads), body=body.graph, num_scan_inputs=len(data),
    )  # fmt: skip
    count = len(states)
    return [*_told(found[count:], heads[:stacked]), *_told(found[:count], heads[stacked:])]


def while_loop(at: LoweredMatch) -> list[Any]:
    """`_while_loop` as ``Loop``; stacked outputs are filled with zeros up to max_iterations."""
    asked, given, carried = (
        at.attribute(key) for key in ("cond_input_locs", "func_input_locs", "func_var_locs")
    )
    most, stacked = at.attribute("max_iterations"), at.attribute("num_out_data")
    sources = at.inputs
    places = [given[place] for place in carried]
    states = [_like(at, sources[place], f"state{n}") for n, place in enumerate(places)]
    goes_on = _truth(at.build, at.lowered(0, [sources[place] for place in asked], at.build)[0])
    count = TargetValue("round", "int64", ())
    body = at.build.subgraph([count, TargetValue("goes_on", "bool", ()), *states])
    inside = dict(zip(places, states, strict=True))
    heads = at.lowered(1, [inside.get(place, sources[place]) for place in given], body)
    after = dict(zip(places, heads[stacked:], strict=True))
    again = at.lowered(0, [after.get(place, sources[place]) for place in asked], body)[0]
    body.graph.outputs = [
        _truth(body, again),
        *[body.op("Identity", each) for each in (*heads[stacked:], *heads[:stacked])],
    ]
    found = at.build.op(
        "Loop", most, goes_on, *[sources[place] for place in places],
        outputs=len(heads), body=body.graph,
    )  # fmt: skip
    finals, rows = found[: len(places)], found[len(places) :]
    padded = []
    for row, head in zip(_told(rows, heads[:stacked]), heads[:stacked], strict=True):
        rank = len(at.shape(head) or ()) + 1
        missing = at.build.op("Sub", (most,), at.build.op("Shape", row, start=0, end=1))
        zeros = (0,) * rank
        pads = at.build.op("Concat", zeros, missing, zeros[1:] or None, axis=0)
        padded.append(at.build.op("Pad", row, pads))
    return [*padded, *_told(finals, heads[stacked:])]


def condition(at: LoweredMatch) -> list[Any]:
    """`_cond` as ``If``."""
    sources = at.inputs
    asked = [sources[place] for place in at.attribute("cond_input_locs")]
    is_true = _truth(at.build, at.lowered(0, asked, at.build)[0])
    branches: list[Any] = []
    heads: list[Any] = []
    for number, key in ((1, "then_input_locs"), (2, "else_input_locs")):
        branch = at.build.subgraph()
        read = [sources[place] for place in at.attribute(key)]
        heads = at.lowered(number, read, branch)
        branch.graph.outputs = [branch.op("Identity", each) for each in heads]
        branches.append(branch.graph)
    found = at.build.op(
        "If", is_true, outputs=len(heads), then_branch=branches[0], else_branch=branches[1]
    )
    return _told(found, heads)


def _like(at: LoweredMatch, source: Any, label: str, *, sliced: bool = False) -> TargetValue:
    """Return an input of a subgraph that stands for a value, or for its slices."""
    shape = at.shape(source)
    if sliced and shape is not None:
        shape = shape[1:]
    return TargetValue(label, at.build.dtype(source), shape)


def _truth(build: TargetBuilder, value: Any) -> Any:
    """Return a condition as ONNX wants it: one bool without axes; any number but 0 is true."""
    return build.op("Cast", build.op("Reshape", value, ()), to="bool")


def _told(found: Sequence[TargetValue], like: Sequence[Any]) -> list[TargetValue]:
    """Say what the outputs of a subgraph's operator are, which the table does not tell."""
    for value, each in zip(found, like, strict=True):
        value.dtype = value.dtype or getattr(each, "dtype", None)
    return list(found)


PYTHON_LOWERINGS: Mapping[str, Callable[[LoweredMatch], Any]] = {
    "for_each": for_each,
    "while_loop": while_loop,
    "condition": condition,
}
"""Name -> function of a match, which returns a `TargetSource`, or a list of one for each output."""
