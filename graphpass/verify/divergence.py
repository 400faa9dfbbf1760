"""The first value in which two models differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.graph import Entry
from graphpass.graph.invariants import describe
from graphpass.model import Model
from graphpass.verify.alignment import align
from graphpass.verify.backend import Backend
from graphpass.verify.backend_mxnet import chosen_backend
from graphpass.verify.equality import in_single_precision
from graphpass.verify.feeding import prepare
from graphpass.verify.inputs import Given
from graphpass.verify.proof import Trial, output, returning
from graphpass.verify.result import Comparer, Tolerance

if TYPE_CHECKING:
    from graphpass.verify.arrays import Comparison

__all__ = ["Divergence", "bisect"]

_AT_FIRST = 64
"""Values that are fetched in the first run; twice as many in each next one while they are small."""

_FEW_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first value, in A's saved order, that differs between two models called A and B."""

    entries: tuple[Entry, Entry]
    """The value in A and in B."""

    nodes: tuple[str, str]
    """The node that computes it, as messages name it, in A and in B."""

    comparison: Comparison
    """How far the values are apart."""

    agreed: int
    """How many values before it were compared and are equal."""

    def __str__(self) -> str:
        return (
            f"first difference: output {self.entries[0].output} of {self.nodes[0]}, in B output "
            f"{self.entries[1].output} of {self.nodes[1]}: {self.comparison}; "
            f"the {self.agreed} values compared before it are equal"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the divergence as plain data."""
        sides = {
            side: {"node": node, "key": entry.node, "output": entry.output}
            for side, node, entry in zip("ab", self.nodes, self.entries, strict=True)
        }
        return {**sides, "comparison": self.comparison.to_json(), "agreed": self.agreed}


def bisect(
    before: Model,
    after: Model,
    *,
    inputs: Given | None = None,
    feed: Mapping[str, str] | None = None,
    seed: int = 0,
    scale: float = 1.0,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    training: bool = False,
    single_precision: bool = False,
    isolated: bool = False,
    backend: Backend | None = None,
) -> Divergence | None:
    """Find the first node, in saved order, whose output differs between two models.

    Nodes are told to be one by `graphpass.verify.alignment.align`; those that only one model has
    are passed over, and so are random values.

    Parameters
    ----------
    before, after : Model
        What to compare, called A and B.
    inputs, feed, seed, scale, rtol, atol, training, single_precision, isolated, backend
        As for `verify`.

    Returns
    -------
    Divergence or None
        None if every value that both models compute is equal.

    Raises
    ------
    UsageError, BackendError
        As `verify`.

    Notes
    -----
    Values are fetched in parts, in saved order, and each time the models run as far as that: for a
    difference near the inputs that is one short run. A search by halves would be misled where a
    difference vanishes again, under a relu, say.
    """
    from graphpass.verify.arrays import check_tolerances

    check_tolerances(rtol, atol)
    if single_precision:
        before, after = in_single_precision(before), in_single_precision(after)
    a, b = before.graph, after.graph
    with chosen_backend(backend, isolated=isolated) as judge:
        feeding = prepare(before, after, judge, inputs=inputs, feed=feed, seed=seed)
        comparer = Comparer((a, b), feeding, rtol, atol, training=training)
        aligned = align(a, b)
        pairs = [  # the values that both graphs compute, in A's saved order
            (Entry(key, output), Entry(aligned[key], output))
            for key in a.order()
            if key in aligned
            and not a.is_variable(key)
            and comparer.random([key], [aligned[key]]) is None
            for output in range(
                min(
                    a.signature(key).num_visible_outputs,
                    b.signature(aligned[key]).num_visible_outputs,
                )
            )
        ]
        start, count = 0, _AT_FIRST
        while start < len(pairs):
            chunk = pairs[start : start + count]
            entries_a, entries_b = zip(*chunk, strict=True)
            graphs = returning(a, entries_a), returning(b, entries_b)
            runs = Trial(judge, graphs, feeding, training=training).run([(0, scale)])
            for number, (entry_a, entry_b) in enumerate(chunk):
                value = comparer.value(("", ""), runs, output(number), output(number))
                comparison = value.comparison
                assert comparison is not None
                if not comparison.equal:
                    return Divergence(
                        entries=(entry_a, entry_b),
                        nodes=(describe(a, entry_a.node), describe(b, entry_b.node)),
                        comparison=comparison,
                        agreed=start + number,
                    )
            start += count
            if sum(value.nbytes for value in runs[0].a.outputs) < _FEW_BYTES:
                count *= 2
    return None
