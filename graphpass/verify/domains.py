"""Which values an input may be given: indices, lengths and boxes where an operator reads such.

MXNet checks few of them. An index that is out of range is clipped, reads foreign memory, or ends
the process, so random inputs are drawn from the range that follows from attributes and shapes:

======================================  ========================================================
read as                                 drawn from
======================================  ========================================================
index (Embedding, take, pick, one_hot)  0 to the size of what is indexed - 1
label (SoftmaxOutput, SVMOutput)        0 to the number of classes - 1; CTCLoss leaves out its blank
length (Sequence*, RNN, softmax)        1 to the size of the axis
condition (where, boolean_mask)         0 and 1
box (ROIPooling and its kin)            image number, then corners inside the image
labelled box (MultiBoxTarget)           class, then corners between 0 and 1
======================================  ========================================================

What such an input passes through on its way (Reshape, SliceChannel, Cast, a number that is added)
is followed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph, Use

__all__ = ["Domain", "domain_of", "is_limited"]


@dataclass(frozen=True, slots=True)
class Domain:
    """A range of numbers, both ends included."""

    low: float
    """Least value."""

    high: float
    """Greatest value."""

    integral: bool = True
    """Whether only whole numbers are meant."""

    columns: tuple[Domain, ...] = ()
    """If not empty, the last axis has a range of its own at each place, and this is the last."""

    reader: str = ""
    """The operator that reads it so, for reports."""

    def __str__(self) -> str:
        if self.columns:
            text = "rows of " + ", ".join(f"{part.low:g} to {part.high:g}" for part in self.columns)
        else:
            text = f"{'whole numbers ' if self.integral else ''}{self.low:g} to {self.high:g}"
        return f"{text}, as {self.reader} reads it" if self.reader else text


_Shape = tuple[int, ...]
_Rule = Callable[[Mapping[str, Any], list["_Shape | None"]], "Domain | None"]

_PASSED_ON = frozenset(
    {
        "BlockGrad",
        "Cast",
        "Concat",
        "Flatten",
        "Pad",
        "Reshape",
        "SliceChannel",
        "SwapAxis",
        "_copy",
        "_split_v2",
        "amp_cast",
        "broadcast_axis",
        "broadcast_like",
        "broadcast_to",
        "expand_dims",
        "repeat",
        "reshape_like",
        "reverse",
        "slice",
        "slice_axis",
        "slice_like",
        "squeeze",
        "stack",
        "tile",
        "transpose",
    }
)
"""Operators whose outputs hold values of their inputs, and nothing else but zeros."""

_ADDED = {"_plus_scalar": 1, "_minus_scalar": -1}
"""Operators that add a number, and its sign."""

_SHAPE_ONLY = frozenset({("slice_like", 1), ("reshape_like", 1), ("broadcast_like", 1)})


def domain_of(graph: Graph, key: int, shapes: Mapping[Entry, _Shape]) -> Domain | None:
    """Return the values that a variable may have, or None if any number will do.

    Parameters
    ----------
    graph : Graph
        The graph.
    key : int
        Key of the variable.
    shapes : mapping of Entry to tuple of int
        Shapes of values, as far as they are known.

    Notes
    -----
    Linear in the nodes that pass the variable on. Where several operators limit it, the narrowest
    range counts.
    """
    found = [_domain(graph, limit, shapes) for limit in _limits(graph, key)]
    known = [domain for domain in found if domain is not None]
    return min(known, key=lambda domain: domain.high - domain.low, default=None)


def is_limited(graph: Graph, key: int) -> bool:
    """Return whether an operator reads a variable as an index, label, length or the like.

    MXNet refuses to compute gradients of most of these.
    """
    return any(True for _ in _limits(graph, key))


class _Limit(NamedTuple):
    """A use that limits a variable's values."""

    use: Use
    rule: _Rule
    offset: float
    """What is added to the variable on the way."""


def _limits(graph: Graph, key: int) -> Iterator[_Limit]:
    """Yield the uses that limit a variable's values."""
    offsets = {key: 0.0}
    pending = [key]
    while pending:
        source = pending.pop()
        for use in graph.uses(source):
            if not graph.reaches(use.node):
                continue
            rule = _rule(graph, use)
            if rule is not None:
                yield _Limit(use, rule, offsets[source])
            step = _step(graph, use)
            if step is not None and use.node not in offsets:
                offsets[use.node] = offsets[source] + step
                pending.append(use.node)


def _step(graph: Graph, use: Use) -> float | None:
    """Return what an operator adds to the values it passes on, None if it does not pass them on."""
    op = graph.op(use.node)
    if op in _PASSED_ON:
        return None if (op, use.slot) in _SHAPE_ONLY else 0.0
    sign = _ADDED.get(op)
    if sign is None:
        return None
    try:
        return sign * float(graph.node(use.node).attributes["scalar"])  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        return None


def _rule(graph: Graph, use: Use) -> _Rule | None:
    rules = _RULES.get(graph.op(use.node))
    if rules is None:
        return None
    names = graph.signature(use.node).input_names or ()
    return rules.get(names[use.slot]) if use.slot < len(names) else None


def _domain(graph: Graph, limit: _Limit, shapes: Mapping[Entry, _Shape]) -> Domain | None:
    reader = limit.use.node
    read = [shapes.get(Entry(entry.node, entry.output)) for entry in graph.inputs(reader)]
    try:
        domain = limit.rule(graph.node(reader).attributes, read)
    # A shape of another rank than the operator takes, or an attribute that it refuses: MXNet will
    # say so when it runs.
    except (IndexError, TypeError, AttributeValueError):
        return None
    if domain is None or not domain.low <= domain.high < math.inf:
        return None
    return replace(
        domain,
        low=domain.low - limit.offset,
        high=domain.high - limit.offset,
        reader=f"{graph.op(reader)} {graph.name(reader)!r}",
    )


def _attribute(name: str) -> _Rule:
    return lambda attributes, _: _below(attributes[name])


def _indexed(slot: int, axis: int | str) -> _Rule:
    """Return the rule of an index into an axis, given as a number or by an attribute."""

    def rule(attributes: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
        return _below(_size(read[slot], attributes[axis] if isinstance(axis, str) else axis))

    return rule


def _length(slot: int, axis: int | str) -> _Rule:
    def rule(attributes: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
        size = _size(read[slot], attributes[axis] if isinstance(axis, str) else axis)
        return Domain(1, size)

    return rule


def _softmax_label(attributes: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
    data, label = _known(read[0]), read[1]
    if label == data:
        return Domain(0, 1, integral=False)
    if attributes["multi_output"]:
        return _below(data[1])
    return _below(data[-1] if attributes["preserve_shape"] else math.prod(data[1:]))


def _ctc_label(attributes: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
    classes = _known(read[0])[2]
    first = attributes["blank_label"] == "first"
    return Domain(1, classes - 1) if first else Domain(0, classes - 2)


def _gather_index(_: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
    data, indices = _known(read[0]), _known(read[1])
    return _below(min(data[: indices[0]]))


def _condition(_: Mapping[str, Any], __: list[_Shape | None]) -> Domain | None:
    return Domain(0, 1)


def _regions(attributes: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
    images, _, height, width = _known(read[0])
    scale = float(attributes["spatial_scale"]) or 1.0
    right, bottom = (width - 1) / scale, (height - 1) / scale
    corners = ((0, right / 2), (0, bottom / 2), (right / 2, right), (bottom / 2, bottom))
    boxes = [Domain(low, high, integral=False) for low, high in corners]
    return Domain(0, images - 1, columns=(Domain(0, images - 1), *boxes))


def _labelled_boxes(_: Mapping[str, Any], read: list[_Shape | None]) -> Domain | None:
    classes = _known(read[2])[1] - 1
    corners = ((0, 0.4), (0, 0.4), (0.6, 1), (0.6, 1))
    boxes = [Domain(low, high, integral=False) for low, high in corners]
    return Domain(0, classes - 1, columns=(Domain(0, classes - 1), *boxes))


def _below(count: Any) -> Domain:
    return Domain(0, int(count) - 1)


def _size(shape: _Shape | None, axis: Any) -> int:
    return _known(shape)[0 if axis is None else int(axis)]


def _known(shape: _Shape | None) -> _Shape:
    if shape is None:
        raise TypeError("the shape is not known")
    return shape


_RULES: Mapping[str, Mapping[str, _Rule]] = {
    "CTCLoss": {
        "label": _ctc_label,
        "data_lengths": _length(0, 0),
        "label_lengths": _length(1, 1),
    },
    "Embedding": {"data": _attribute("input_dim")},
    "RNN": {"sequence_length": _length(0, 0)},
    "ROIPooling": {"rois": _regions},
    "SVMOutput": {"label": _indexed(0, 1)},
    "SequenceLast": {"sequence_length": _length(0, "axis")},
    "SequenceMask": {"sequence_length": _length(0, "axis")},
    "SequenceReverse": {"sequence_length": _length(0, "axis")},
    "SoftmaxOutput": {"label": _softmax_label},
    "_contrib_DeformablePSROIPooling": {"rois": _regions},
    "_contrib_MultiBoxTarget": {"label": _labelled_boxes},
    "_contrib_PSROIPooling": {"rois": _regions},
    "_contrib_ROIAlign": {"rois": _regions},
    "_contrib_SparseEmbedding": {"data": _attribute("input_dim")},
    "_contrib_boolean_mask": {"index": _condition},
    "batch_take": {"indices": _indexed(0, 1)},
    "gather_nd": {"indices": _gather_index},
    "one_hot": {"indices": _attribute("depth")},
    "pick": {"index": _indexed(0, "axis")},
    "softmax": {"length": _length(0, "axis")},
    "softmax_cross_entropy": {"label": _indexed(0, 1)},
    "take": {"indices": _indexed(0, "axis")},
    "where": {"condition": _condition},
}
"""Operator to slot to the rule of what is read there."""
