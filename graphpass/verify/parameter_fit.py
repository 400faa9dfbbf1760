"""Whether stored parameters fit the graph they belong to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graphpass.errors import AttributeValueError, ParamsError
from graphpass.graph import Graph, Use
from graphpass.graph.invariants import describe
from graphpass.model import Model, looks_trained

__all__ = ["Misfit", "fits", "misfits", "refuse_misfits"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One parameter that is missing, left over, or not what the graph needs."""

    kind: Literal["missing", "extra", "shape", "unprefixed"]
    """What is wrong with it."""

    name: str
    """The parameter."""

    key: int | None
    """Its variable; None where it has none."""

    fault: str
    """What is wrong."""

    remedy: str
    """What to do about it where it comes from the file."""

    @property
    def identity(self) -> tuple[str, int | str]:
        """What stays the same when the parameter is renamed."""
        return self.kind, self.name if self.key is None else self.key

    def __str__(self) -> str:
        return f"{self.fault}; {self.remedy}"


def misfits(model: Model, inputs: Collection[str] = ()) -> list[Misfit]:
    """Return what does not fit between a model's parameters and its graph.

    A model without any parameters fits: it is a symbol alone. Of an argument without a value it is
    not known whether it is an input, so it counts as missing only where an operator reads it as its
    weight, bias, gamma, beta or parameters, or where it has a training hint and is not read as the
    data of a layer. It never counts as missing where `inputs` has its name.

    Notes
    -----
    Linear in the graph. Looks at shapes only, so no array is read from its file.
    """
    if not model.parameters:
        return []
    return [*_missing(model, inputs), *_extra(model), *_shapes(model), *_unprefixed(model)]


def refuse_misfits(model: Model, found: Iterable[Misfit]) -> None:
    """Refuse to go on with parameters that do not fit.

    Raises
    ------
    ParamsError
        If there are any; the message names the file and the first ones.
    """
    listed = list(found)
    if not listed:
        return
    where = f"{model.files.params}: " if model.files.params is not None else ""
    more = f"; and {len(listed) - 3} more" if len(listed) > 3 else ""
    raise ParamsError(
        f"{where}{'; '.join(map(str, listed[:3]))}{more} (--partial takes parameters as they are)"
    )


def _missing(model: Model, inputs: Collection[str]) -> Iterator[Misfit]:
    graph = model.graph
    keys = graph.variable_keys()
    trained = [key for key in keys.arguments if looks_trained(graph, key)]
    for key in (*trained, *keys.auxiliary_states):
        name = graph.name(key)
        if name not in model.parameters and name not in inputs:
            yield Misfit(
                "missing",
                name,
                key,
                f"{describe(graph, key)} has no value in the parameters",
                "is it stored under another name, or is the file of another model?",
            )


def _extra(model: Model) -> Iterator[Misfit]:
    graph = model.graph
    keys = graph.variable_keys()
    names = {graph.name(key) for key in (*keys.arguments, *keys.auxiliary_states)}
    for name in model.parameters:
        if name not in names:
            stored = model.parameters.stored_name(name)
            yield Misfit(
                "extra",
                name,
                None,
                f"the parameter {stored!r} belongs to no variable of the graph",
                "remove it with the operation prune, or rename it",
            )


def _unprefixed(model: Model) -> Iterator[Misfit]:
    parameters = model.parameters
    classes = {name: parameters.class_of(name) for name in parameters}
    if not any(classes.values()):
        return
    for name, class_ in classes.items():
        if not class_:
            yield Misfit(
                "unprefixed",
                name,
                next(
                    (key for key in model.graph.named(name) if model.graph.is_variable(key)), None
                ),
                f"the parameter {name!r} is stored without 'arg:' or 'aux:' while others have it",
                f"MXNet's load_checkpoint fails on that: store it as 'arg:{name}'",
            )


def _shapes(model: Model) -> Iterator[Misfit]:
    graph, parameters = model.graph, model.parameters
    keys = graph.variable_keys()
    for key in (*keys.arguments, *keys.auxiliary_states):
        name = graph.name(key)
        if name not in parameters:
            continue
        shape = tuple(parameters[name].shape)
        for reader, wanted in _wanted(graph, key):
            if not fits(shape, wanted):
                spelled = ", ".join("?" if size is None else str(size) for size in wanted)
                yield Misfit(
                    "shape",
                    name,
                    key,
                    f"{describe(graph, key)} is stored with shape {shape}, but {reader} needs "
                    f"({spelled})",
                    "is the file of another model?",
                )
                break


_Wanted = tuple["int | None", ...]


def fits(shape: tuple[int, ...], wanted: Sequence[int | None]) -> bool:
    """Return whether an array of a shape is what is wanted, None where any size will do."""
    return len(shape) == len(wanted) and all(
        size is None or size == given for given, size in zip(shape, wanted, strict=True)
    )


def _wanted(graph: Graph, key: int) -> Iterator[tuple[str, _Wanted]]:
    """Yield the shapes that the readers of a variable need, None where any size will do."""
    hint = _hinted_shape(graph, key)
    if hint is not None:
        yield "its hint __shape__", hint
    for use in graph.uses(key):
        wanted = _needed_by(graph, use)
        if wanted is not None:
            yield describe(graph, use.node), wanted


def _hinted_shape(graph: Graph, key: int) -> _Wanted | None:
    from graphpass.ops.values import parse_value

    text = graph.attrs(key).get("__shape__")
    if text is None:
        return None
    try:
        shape = parse_value("Shape(tuple)", text)
    except ValueError:
        return None
    if not isinstance(shape, tuple) or not shape:
        return None
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)


def _needed_by(graph: Graph, use: Use) -> _Wanted | None:
    rule = _RULES.get(graph.op(use.node))
    names = graph.signature(use.node).input_names
    if rule is None or names is None or use.slot >= len(names):
        return None
    try:
        return rule(names[use.slot], graph.node(use.node).attributes)
    except (AttributeValueError, KeyError, TypeError):
        return None


def _fully_connected(slot: str, attrs: Mapping[str, Any]) -> _Wanted | None:
    return {"weight": (attrs["num_hidden"], None), "bias": (attrs["num_hidden"],)}.get(slot)


def _convolution(slot: str, attrs: Mapping[str, Any]) -> _Wanted | None:
    if slot == "bias":
        return (attrs["num_filter"],)
    if slot != "weight" or not str(attrs["layout"] or "NC").startswith("NC"):
        return None
    return (attrs["num_filter"], None, *attrs["kernel"])


def _deconvolution(slot: str, attrs: Mapping[str, Any]) -> _Wanted | None:
    if slot == "bias":
        return (attrs["num_filter"],)
    if slot != "weight" or not str(attrs["layout"] or "NC").startswith("NC"):
        return None
    return (None, attrs["num_filter"] // attrs["num_group"], *attrs["kernel"])


def _embedding(slot: str, attrs: Mapping[str, Any]) -> _Wanted | None:
    return (attrs["input_dim"], attrs["output_dim"]) if slot == "weight" else None


def _batch_norm(slot: str, attrs: Mapping[str, Any]) -> _Wanted | None:
    return None if slot == "data" else (None,)


_RULES: dict[str, Callable[[str, Mapping[str, Any]], _Wanted | None]] = {
    "BatchNorm": _batch_norm,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "Embedding": _embedding,
    "FullyConnected": _fully_connected,
}
"""What an operator needs of its parameters, from its attributes alone.

Source: the ``InferShape`` of each operator in MXNet 1.9.1, for channels-first layouts."""
