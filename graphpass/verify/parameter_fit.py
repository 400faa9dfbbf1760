"""Whether stored parameters fit the graph they belong to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from graphpass.errors import AttributeValueError, ParamsError
from graphpass.graph import Graph
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
    graph, parameters = model.graph, model.parameters
    if not parameters:
        return []
    keys = graph.variable_keys()
    variables = {key: graph.name(key) for key in (*keys.arguments, *keys.auxiliary_states)}
    states = set(keys.auxiliary_states)
    missing = [
        Misfit(
            "missing",
            name,
            key,
            f"{describe(graph, key)} has no value in the parameters",
            "is it stored under another name, or is the file of another model?",
        )
        for key, name in variables.items()
        if name not in parameters
        and name not in inputs
        and (key in states or looks_trained(graph, key))
    ]
    names = set(variables.values())
    extra = [
        Misfit(
            "extra",
            name,
            None,
            f"the parameter {parameters.stored_name(name)!r} belongs to no variable of the graph",
            "remove it with the operation prune, or rename it",
        )
        for name in parameters
        if name not in names
    ]
    misshapen = [
        fault
        for key, name in variables.items()
        if name in parameters
        and (fault := _misshapen(graph, key, tuple(parameters[name].shape))) is not None
    ]
    classes = {name: parameters.class_of(name) for name in parameters}
    have_classes = any(classes.values())
    unprefixed = [
        Misfit(
            "unprefixed",
            name,
            next(filter(graph.is_variable, graph.named(name)), None),
            f"the parameter {name!r} is stored without 'arg:' or 'aux:' while others have it",
            f"MXNet's load_checkpoint fails on that: store it as 'arg:{name}'",
        )
        for name, class_ in classes.items()
        if have_classes and not class_
    ]
    return [*missing, *extra, *misshapen, *unprefixed]


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


def fits(shape: tuple[int, ...], wanted: Sequence[int | None]) -> bool:
    """Return whether an array of a shape is what is wanted, None where any size will do."""
    return len(shape) == len(wanted) and all(
        size is None or size == given for given, size in zip(shape, wanted, strict=True)
    )


def _misshapen(graph: Graph, key: int, shape: tuple[int, ...]) -> Misfit | None:
    """Return what the hint of a variable, or the first reader that minds, says of its shape."""
    for reader, wanted in _wanted(graph, key):
        if not fits(shape, wanted):
            spelled = ", ".join("?" if size is None else str(size) for size in wanted)
            return Misfit(
                "shape",
                graph.name(key),
                key,
                f"{describe(graph, key)} is stored with shape {shape}, but {reader} needs "
                f"({spelled})",
                "is the file of another model?",
            )
    return None


def _wanted(graph: Graph, key: int) -> Iterator[tuple[str, Sequence[int | None]]]:
    """Yield the shapes that the readers of a variable need, None where any size will do."""
    from graphpass.ops.values import parse_value

    text = graph.attrs(key).get("__shape__")
    if text is not None:
        hint: object = None
        with suppress(ValueError):
            hint = parse_value("Shape(tuple)", text)
        if isinstance(hint, tuple) and hint:
            sizes = [size if isinstance(size, int) and size > 0 else None for size in hint]
            yield "its hint __shape__", sizes
    for use in graph.uses(key):
        rules = _RULES.get(graph.op(use.node))
        names = graph.signature(use.node).input_names
        if rules is None or names is None or use.slot >= len(names) or names[use.slot] not in rules:
            continue
        with suppress(AttributeValueError, KeyError, TypeError):
            wanted = rules[names[use.slot]](graph.node(use.node).attributes)
            if wanted is not None:
                yield describe(graph, use.node), wanted


_Rule = Callable[[Mapping[str, Any]], "tuple[int | None, ...] | None"]


def _channels_first(rule: _Rule) -> _Rule:
    return lambda attrs: rule(attrs) if str(attrs["layout"] or "NC").startswith("NC") else None


_RULES: dict[str, dict[str, _Rule]] = {
    "BatchNorm": dict.fromkeys(
        ("gamma", "beta", "moving_mean", "moving_var"), lambda attrs: (None,)
    ),
    "Convolution": {
        "weight": _channels_first(lambda attrs: (attrs["num_filter"], None, *attrs["kernel"])),
        "bias": lambda attrs: (attrs["num_filter"],),
    },
    "Deconvolution": {
        "weight": _channels_first(
            lambda attrs: (None, attrs["num_filter"] // attrs["num_group"], *attrs["kernel"])
        ),
        "bias": lambda attrs: (attrs["num_filter"],),
    },
    "Embedding": {"weight": lambda attrs: (attrs["input_dim"], attrs["output_dim"])},
    "FullyConnected": {
        "weight": lambda attrs: (attrs["num_hidden"], None),
        "bias": lambda attrs: (attrs["num_hidden"],),
    },
}
"""What an operator needs of its parameters, from its attributes alone.

The row of an operator says all of that and more, but reading the rows takes longer than most
commands do in all. Source: the ``InferShape`` of each operator in MXNet 1.9.1, for channels-first
layouts."""
