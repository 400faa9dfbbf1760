"""Values behind an operator that sorts, compares or rounds, where the last place decides.

A detector sorts boxes and suppresses some. Where two scores are close, rounding decides which comes
first, and a row of the output is another one. So both models run with what these operators decided
in A, and what they read is compared in place of what they make of it: an operator with the same
attributes does the same to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphpass.graph import Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.verify.isomorphism import same_attributes
from graphpass.verify.sameness import below

__all__ = ["Decided", "decided", "with_regions_of_images"]

_COMPARISONS = ("greater", "greater_equal", "lesser", "lesser_equal", "equal", "not_equal")

_DECIDING = frozenset(
    f"""
    _contrib_MultiBoxDetection _contrib_MultiProposal _contrib_Proposal _contrib_box_nms
    _contrib_quantize _contrib_quantize_v2 _contrib_requantize
    argmax argmax_channel argmin argsort ceil fix floor rint round sign sort topk trunc
    {" ".join(f"_{name} _{name}_scalar broadcast_{name}" for name in _COMPARISONS)}
    """.split()
)
"""Operators whose results may jump where what they read moves in its last place."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Two graphs, called A and B, to which what A decided is handed as inputs.

    Both return first what was read to decide, then some of the outputs that they returned.
    """

    deciding: Graph
    """A, returning what it decides."""

    graphs: tuple[Graph, Graph]

    handed: tuple[tuple[int, ...], tuple[int, ...]]
    """Keys of the new inputs of A and B, in the order of what `deciding` returns."""

    operators: tuple[str, ...]
    """For each value that is read to decide, the operator of A that reads it, for messages."""


def decided(a: Graph, b: Graph, pairs: Sequence[tuple[int, int]]) -> Decided | None:
    """Return both graphs with the decisions of A; None where they share no operator that decides.

    Operators are told to be one by their names, which rewrites keep. Linear in both graphs.

    Parameters
    ----------
    a, b : Graph
        The graphs.
    pairs : sequence of pairs of int
        Heads of A and B that are still to be returned, and behind which decisions count.
    """
    theirs = _deciding(b, [b.heads[j] for _, j in pairs])
    shared = {
        key: theirs[name]
        for name, key in _deciding(a, [a.heads[i] for i, _ in pairs]).items()
        if name in theirs
        and a.op(key) == b.op(theirs[name])
        and same_attributes(a.op(key), a.attrs(key), b.attrs(theirs[name]))
    }
    if not shared:
        return None
    used = {tuple(head[:2]) for head in a.heads}
    used |= {tuple(entry[:2]) for key in a.order() for entry in a.inputs(key)}
    made = sorted(value for value in used if value[0] in shared)
    sides = []
    for graph, keys, heads in (
        (a, {key: key for key in shared}, [a.heads[i] for i, _ in pairs]),
        (b, shared, [b.heads[j] for _, j in pairs]),
    ):
        other = graph.copy()
        with other.edit() as edit:
            new = [edit.add_variable(f"decision {number} of A") for number in range(len(made))]
            places = {
                Entry(keys[key], output): Entry(variable)
                for (key, output), variable in zip(made, new, strict=True)
            }
            edit.redirect_all(places)
            read = [other.inputs(keys[key]) for key in shared]
            kept = [places.get(Entry(head.node, head.output), head) for head in heads]
            edit.set_heads([*(entry for entries in read for entry in entries), *kept])
        sides.append((other, tuple(new)))
    (graph_a, new_a), (graph_b, new_b) = sides
    deciding = a.copy()
    with deciding.edit() as edit:
        edit.set_heads([Entry(key, output) for key, output in made])
    operators = tuple(describe(a, key) for key in shared for _ in a.inputs(key))
    return Decided(deciding, (graph_a, graph_b), (new_a, new_b), operators)


def _deciding(graph: Graph, heads: Sequence[Entry]) -> Mapping[str, int]:
    """Return the operators below some heads that decide and share their names with no other."""
    used = below(graph, heads)
    return {
        graph.name(key): key
        for key in graph.order()
        if key in used and graph.op(key) in _DECIDING and len(graph.named(graph.name(key))) == 1
    }


def with_regions_of_images(a: Graph, b: Graph) -> tuple[tuple[Graph, Graph], str] | None:
    """Return two graphs in which no region of interest is of no image, and what to say of that.

    Detectors write regions with a negative number of the image to leave a level of features out. On
    the CPU, ROIAlign of MXNet 1.9.1 then leaves its output as the memory was (``ROIAlignForward``
    in ``src/operator/contrib/roi_align.cc``). None where A has no such operator.
    """
    changed = (a.copy(), b.copy())
    for graph in changed:
        found = [key for key in graph.order() if graph.op(key) == "_contrib_ROIAlign"]
        with graph.edit() as edit:
            for key in found:
                name = f"{graph.name(key)}_regions"
                at_least = {"scalar": "0"}
                new = edit.add_node("_maximum_scalar", name, at_least, [graph.inputs(key)[1]])
                edit.set_input(key, 1, Entry(new))
    named = [describe(a, key) for key in a.order() if a.op(key) == "_contrib_ROIAlign"]
    if not named:
        return None
    return changed, (
        f"regions of no image were run as of the first one, since {', '.join(named)} leaves them "
        "as the memory was, and nothing else of an output was left"
    )
