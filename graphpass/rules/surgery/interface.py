"""Where two models meet: inputs that become one, and inputs that values take the place of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from graphpass.errors import OperationError, SelectorError
from graphpass.graph import Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.model import Model
from graphpass.rules.selectors import Selector, select_entry, select_one
from graphpass.rules.surgery.region import Value
from graphpass.rules.surgery.values import dtype_hint, same_shape, shape_hint

__all__ = ["argument", "fed_inputs", "meet"]

_Found = TypeVar("_Found")


def meet(
    ours: Model, theirs: Model, *, share: Iterable[str], connect: Mapping[str, Any]
) -> dict[Value, Entry]:
    """Return the values of another model that are to be values of ours.

    Parameters
    ----------
    ours, theirs : Model
        The models.
    share : iterable of str
        Inputs of the same name in both.
    connect : mapping
        Their input to the value of ours that takes its place.

    Raises
    ------
    OperationError
        If inputs to share do not agree, or have values.
    SelectorError
        If there is no such input or value.
    """
    found = {}
    for name in share:
        our_key = argument(ours.graph, {"name": name}, "share")
        their_key = _there(partial(argument, theirs.graph, {"name": name}, "share"))
        _refuse_unshareable(name, (ours, our_key), (theirs, their_key))
        found[their_key, 0] = Entry(our_key)
    for name, value in connect.items():
        their_key = _there(partial(argument, theirs.graph, name, "connect"))
        found[their_key, 0] = select_entry(ours.graph, value)
    return found


def fed_inputs(ours: Model, theirs: Model, feed: Mapping[str, Any]) -> dict[int, Entry]:
    """Return inputs of ours, each with the value of theirs that takes its place."""
    return {
        argument(ours.graph, name, "feed"): _there(partial(select_entry, theirs.graph, value))
        for name, value in feed.items()
    }


def argument(graph: Graph, selector: Selector, option: str) -> int:
    """Return the argument of a graph that an option means."""
    key = select_one(graph, selector, kind="variables")
    if key not in graph.variable_keys().arguments:
        raise OperationError(
            f"{option}: {describe(graph, key)} is an auxiliary state, which its operator updates "
            f"itself; {option} is about inputs"
        )
    return key


def _there(find: Callable[[], _Found]) -> _Found:
    """Look something up in their graph, and say so if it is not there."""
    try:
        return find()
    except SelectorError as error:
        raise SelectorError(f"in the merged model: {error}") from None


def _refuse_unshareable(name: str, ours: tuple[Model, int], theirs: tuple[Model, int]) -> None:
    for (model, key), where in ((ours, "here"), (theirs, "in the merged model")):
        if model.graph.name(key) in model.parameters:
            raise OperationError(
                f"share: {name!r} has a stored value {where}, and share is for inputs; give a "
                "prefix and tie the two afterwards"
            )
    our_attrs, their_attrs = (model.graph.attrs(key) for model, key in (ours, theirs))
    shapes = shape_hint(our_attrs), shape_hint(their_attrs)
    if not same_shape(*shapes):
        raise OperationError(
            f"share: {name!r} has the shape {shapes[0]} here and {shapes[1]} in the merged model; "
            "one input can't have both"
        )
    dtypes = dtype_hint(our_attrs), dtype_hint(their_attrs)
    if None not in dtypes and dtypes[0] != dtypes[1]:
        raise OperationError(
            f"share: {name!r} is of {dtypes[0]} here and of {dtypes[1]} in the merged model; "
            "one input can't be of both"
        )
