"""The inputs of branches that go through the same operators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphpass.errors import listed
from graphpass.graph import Entry, Graph
from graphpass.rules.batching.colors import Coloring
from graphpass.rules.batching.trunk import Trunk, trunk_of
from graphpass.shapes import Inference

__all__ = ["assumption", "find_trunks", "may_join"]


def find_trunks(graph: Graph, coloring: Coloring, shapes: Inference) -> list[Trunk]:
    """Return trunks that no input is common to, those first that save the most operators.

    Nodes of one color compute the same of different inputs. Walked from such nodes, the order of
    the inputs says which of them correspond, and that is all there is to choose. Considered are
    branches that have no input in common, and nodes that read a weight.

    Notes
    -----
    Linear in the graph for each choice of inputs, of which there is one in a net of tied towers.
    """
    inputs = {key for key, read in coloring.inputs.items() if read == (key,)}
    choices = dict.fromkeys(_choices(graph, coloring, shapes))
    trunks = []
    for choice in choices:
        others = inputs.difference(*choice)
        branches = [[Entry(key) for key in branch] for branch in choice]
        trunks.append(trunk_of(graph, coloring, branches, others))
    trunks.sort(key=lambda trunk: -trunk.saved)
    taken: set[int] = set()
    best = []
    for trunk in trunks:
        starts = {entry.node for branch in trunk.branches for entry in branch}
        if trunk.twins and taken.isdisjoint(starts):
            taken |= starts
            best.append(trunk)
    return best


def may_join(shapes: Inference, entries: Sequence[Entry]) -> bool:
    """Return whether values can be of one shape and one type, as far as is known."""
    dtypes = {dtype for entry in entries if (dtype := shapes.dtype(entry)) is not None}
    known = [shape for entry in entries if (shape := shapes.shape(entry)) is not None]
    if len(dtypes) > 1 or len({len(shape) for shape in known}) > 1:
        return False
    return all(len({*extents} - {None}) <= 1 for extents in zip(*known, strict=True))


def assumption(graph: Graph, shapes: Inference, entries: Sequence[Entry]) -> str | None:
    """Say what nobody has checked: that values are of one shape; None if all shapes are known."""
    known = [shapes.shape(entry) for entry in entries]
    if all(shape is not None and None not in shape for shape in known):
        return None
    return (
        f"{listed(map(graph.output_name, entries))} have to be fed batches of one size and shape "
        "from now on; nothing says that they are (--input NAME:SHAPE would)"
    )


def _choices(
    graph: Graph, coloring: Coloring, shapes: Inference
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield, for each color, the inputs of nodes that have it: branches without a common input."""
    alike: dict[int, dict[tuple[int, ...], None]] = {}
    for key, color in coloring.colors.items():
        inputs = coloring.inputs[key]
        if inputs and key in coloring.weighted:
            alike.setdefault(color, {})[inputs] = None
    for candidates in alike.values():
        taken: set[int] = set()
        branches: list[tuple[int, ...]] = []
        for inputs in candidates:
            if taken.isdisjoint(inputs) and _fits(shapes, branches, inputs):
                branches.append(inputs)
                taken.update(inputs)
        if len(branches) > 1:
            yield tuple(branches)


def _fits(shapes: Inference, branches: list[tuple[int, ...]], inputs: tuple[int, ...]) -> bool:
    if not branches:
        return True
    return len(branches[0]) == len(inputs) and all(
        may_join(shapes, [Entry(one), Entry(other)])
        for one, other in zip(branches[0], inputs, strict=True)
    )
