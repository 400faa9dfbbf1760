"""BatchNorm: a gamma that is not the one that counts, and variances that are none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Spot, Subject
from graphpass.ops import find
from graphpass.verify.dtypes import widened

__all__ = ["CHECKS"]

_AS_BATCH_NORM = "apply '[{use: syncbn-to-bn}, {use: bake-fix-gamma}]'"


def _remedy(spot: Spot) -> str:
    """Return what stores the gamma that counts; nothing does in a subgraph, which stores none."""
    if spot.inside:
        return ""
    if spot.node.op == "BatchNorm":
        return "apply bake-fix-gamma"
    if spot.node.op == "_contrib_SyncBatchNorm" and not spot.attribute("output_mean_var"):
        return _AS_BATCH_NORM
    return ""


def _spots(subject: Subject) -> Iterator[Spot]:
    for op in subject.spots:
        operator = find(op)
        if operator is not None and "fix_gamma" in operator.attributes:
            yield from subject.of(op)


def _fixed_gammas(subject: Subject) -> Iterator[Found]:
    """Yield where a gamma is stored that MXNet takes for 1: ``fix_gamma`` is true if absent."""
    for spot in _spots(subject):
        stored = subject.stored(spot, "gamma") if spot.attribute("fix_gamma") else None
        if stored is None:
            continue
        key, gamma = stored
        far = float(np.abs(widened(gamma) - 1.0).max(initial=0))
        if far == 0:
            continue
        given = spot.graph.attrs(spot.key).get("fix_gamma")
        says = f"fix_gamma={given}" if given is not None else "fix_gamma absent, which means True"
        name = subject.graph.name(key)
        yield Found(
            (spot.node,),
            f"{says}, so MXNet computes with a gamma of 1, but {name!r} is stored with "
            f"max|gamma-1|={far:.6g}; converters take what is stored",
            remedy=_remedy(spot),
        )


def _negative_variances(subject: Subject) -> Iterator[Found]:
    for spot in _spots(subject):
        stored = subject.stored(spot, "moving_var")
        if stored is None:
            continue
        key, variance = stored
        low = float(widened(variance).min(initial=0))
        if not low < 0:  # NaN is told by another check
            continue
        eps = float(spot.attribute("eps", 0))
        name = subject.graph.name(key)
        if low + eps > 0:
            said = f"the variance {name!r} holds {low:.6g}, and eps={eps:g} just makes up for it"
            yield Found((spot.node,), f"{said}; a variance is 0 or more", "warning")
        else:
            said = f"the variance {name!r} holds {low:.6g}, so MXNet computes NaN or infinity"
            yield Found((spot.node,), f"{said}; a variance is 0 or more")


CHECKS = (
    Check(
        "fix-gamma",
        "warning",
        "a BatchNorm with `fix_gamma`, absent or not, whose stored gamma is not 1",
        "apply bake-fix-gamma",
        _fixed_gammas,
    ),
    Check(
        "negative-variance",
        "error",
        "a moving variance less than 0; a warning if `eps` makes up for it",
        None,
        _negative_variances,
    ),
)
