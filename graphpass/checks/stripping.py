"""What ``strip-training`` and ``ssd-deploy`` take out, so that no other remedy is named.

Each function mirrors the conditions of these passes' rewrites. The tests hold the two against each
other: on each model with a finding they run the pass that is named, and where none is, every pass
that mends such a finding elsewhere.
"""

from __future__ import annotations

from graphpass.checks.subject import Spot, Subject
from graphpass.shapes import Inference

__all__ = ["stripped", "taken_out", "why_not"]

_STRIPPED = frozenset({"LinearRegressionOutput", "LogisticRegressionOutput",
                       "MAERegressionOutput", "MakeLoss", "make_loss"})  # fmt: skip
"""Losses that go whatever they read."""

_LABELLED = ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput",
             "MAERegressionOutput")  # fmt: skip
"""Losses that go together with a label."""

_TARGET, _DETECTION = "_contrib_MultiBoxTarget", "_contrib_MultiBoxDetection"


def stripped(subject: Subject) -> bool:
    """Return whether ``strip-training`` runs at all.

    It is refused where it would take a label out of a subgraph: the operator around that gives the
    subgraph its variables by position.
    """
    return not any(spot.inside for spot in subject.of(*_LABELLED))


def taken_out(subject: Subject, spot: Spot) -> str:
    """Return the command that takes out a loss; empty if none does."""
    if not stripped(subject):
        return ""
    if {_TARGET, _DETECTION} <= subject.spots.keys():
        return _deployed(subject, spot)
    return subject.remedy("strip-training", lambda known: _goes(spot, known))


def why_not(subject: Subject, spot: Spot) -> str:
    """Return why a loss stays, as the end of a sentence; empty if its operator says enough."""
    if spot.node.op != "SoftmaxOutput":
        return ""
    axes = _axes(spot, subject.from_all)
    if axes == 4:
        return (
            "; of four axes MXNet takes one or three, by how it was built, so no pass rewrites it"
        )
    if axes is not None or spot.inside:
        return ""
    return "; along which axes can't be told without the shapes of --input, so no pass rewrites it"


def _goes(spot: Spot, known: Inference) -> bool:
    if spot.node.op in _STRIPPED:
        return True
    if spot.node.op != "SoftmaxOutput":
        return False
    if spot.attribute("multi_output") or spot.attribute("preserve_shape"):
        return True
    return _axes(spot, known) in (2, 3, 5)


def _axes(spot: Spot, known: Inference) -> int | None:
    """Return how many axes an operator's first input has: inside, only what its operator tells."""
    inputs = spot.graph.inputs(spot.key)
    if not inputs:
        return None
    read = inputs[0]
    above = Spot(spot.graph, read.node, spot.inside)
    op = spot.graph.op(read.node)
    if op == "Flatten" or (op == "FullyConnected" and above.attribute("flatten")):
        return 2
    codes = above.attribute("shape") or () if op == "Reshape" else ()
    if len(codes) == 2 and min(codes) >= -1:
        return 2
    shape = None if spot.inside else known.shape(read)
    return None if shape is None else len(shape)


def _deployed(subject: Subject, spot: Spot) -> str:
    """Return what takes it out of a detector: what the detections are not computed from goes."""
    kept = subject.above(_DETECTION)
    if any(each.inside or each.key in kept for each in subject.of(_TARGET)):
        return ""  # refused, as the detections are computed from the label
    if not spot.inside and spot.key not in kept:
        return "apply ssd-deploy"
    return subject.remedy("ssd-deploy", lambda known: _goes(spot, known))
