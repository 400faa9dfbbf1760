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

The rows of the operators say so (`graphpass.ops.meaning`). What such an input passes through on its
way (Reshape, SliceChannel, Cast, a number that is added) is followed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph, Use
from graphpass.ops.meaning import meaning
from graphpass.ops.sites import Range, ShapeSite

__all__ = ["is_limited", "range_of"]


class _Limit(NamedTuple):
    """A use that limits a variable's values."""

    use: Use
    rule: Callable[[ShapeSite], Range | None]
    offset: float
    """What is added to the variable on the way."""


def range_of(graph: Graph, key: int, shapes: Mapping[Entry, tuple[int, ...]]) -> Range | None:
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
    found = [_range(graph, limit, shapes) for limit in _limits(graph, key)]
    known = [each for each in found if each is not None]
    return min(known, key=lambda each: each.high - each.low, default=None)


def is_limited(graph: Graph, key: int) -> bool:
    """Return whether an operator reads a variable as an index, label, length or the like.

    MXNet refuses to compute gradients of most of these.
    """
    return any(True for _ in _limits(graph, key))


def _limits(graph: Graph, key: int) -> Iterator[_Limit]:
    """Yield the uses that limit a variable's values."""
    offsets = {key: 0.0}
    pending = [key]
    while pending:
        source = pending.pop()
        for use in graph.uses(source):
            if not graph.reaches(use.node):
                continue
            row = meaning(graph.op(use.node))
            names = graph.signature(use.node).input_names or () if row.ranges else ()
            rule = row.ranges.get(names[use.slot]) if use.slot < len(names) else None
            if rule is not None:
                yield _Limit(use, rule, offsets[source])
            if row.offset is None or use.node in offsets:
                continue
            try:
                added = row.offset(graph.node(use.node).attributes, use.slot)
            except (KeyError, TypeError, ValueError):  # of a broken file, which MXNet refuses
                added = None
            if added is not None:
                offsets[use.node] = offsets[source] + added
                pending.append(use.node)


def _range(graph: Graph, limit: _Limit, shapes: Mapping[Entry, tuple[int, ...]]) -> Range | None:
    key = limit.use.node
    node = graph.node(key)
    read = [shapes.get(Entry(entry.node, entry.output)) for entry in node.inputs]
    try:
        found = limit.rule(ShapeSite(node.op, node.attributes, [*read], []))
    # A shape of another rank than the operator takes, or an attribute that it refuses: MXNet will
    # say so when it runs.
    except (IndexError, TypeError, AttributeValueError):
        return None
    if found is None or not found.low <= found.high < math.inf:
        return None
    return replace(
        found,
        low=found.low - limit.offset,
        high=found.high - limit.offset,
        reader=f"{node.op} {node.name!r}",
    )
