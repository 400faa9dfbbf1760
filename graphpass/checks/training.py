"""What only training needs: losses, labels, targets, and what does nothing in inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject

__all__ = ["CHECKS", "LOSSES"]


class _Loss(NamedTuple):
    says: str
    remedy: str = "apply strip-training"


LOSSES: Mapping[str, _Loss] = {
    "SoftmaxOutput": _Loss("in inference it is softmax, and asks for a label all the same"),
    "LogisticRegressionOutput": _Loss("in inference it is sigmoid, and asks for a label"),
    "LinearRegressionOutput": _Loss("in inference it gives its input, and asks for a label"),
    "MAERegressionOutput": _Loss("in inference it gives its input, and asks for a label"),
    "SVMOutput": _Loss("in inference it gives its input as scores, and asks for a label", ""),
    "MakeLoss": _Loss("in inference it gives its input"),
    "make_loss": _Loss("in inference it gives its input"),
    "CTCLoss": _Loss("it returns the loss itself, from a label; cut below it with extract", ""),
    "softmax_cross_entropy": _Loss("it returns the loss; cut below it with extract", ""),
    "IdentityAttachKLSparseReg": _Loss("in inference it gives its input", ""),
}
"""Operator that computes a loss or its gradient -> what it is in inference, and what mends it."""

_TARGETS = frozenset({"_contrib_MultiBoxTarget", "_contrib_mrcnn_mask_target"})
"""Operators that assign what is to be learned."""

_DETECTOR = frozenset({"_contrib_MultiBoxTarget", "_contrib_MultiBoxDetection"})
"""What a detector has that is still in training."""

_LABELLED = frozenset({*LOSSES, *_TARGETS})


def _losses(subject: Subject) -> Iterator[Found]:
    for op, (says, remedy) in LOSSES.items():
        for spot in subject.of(op):
            yield Found((spot.node,), says, remedy=_remedy(subject, remedy))


def _remedy(subject: Subject, usual: str) -> str:
    """Return what mends it, where only a part of the heads is wanted in the end too."""
    return "apply ssd-deploy" if subject.spots.keys() >= _DETECTOR else usual


def _targets(subject: Subject) -> Iterator[Found]:
    for spot in subject.of(*sorted(_TARGETS)):
        says = "it assigns targets for training, and asks for a label"
        yield Found((spot.node,), says, remedy=_remedy(subject, ""))


def _labels(subject: Subject) -> Iterator[Found]:
    """Yield the inputs of which everything ends in the label of a loss."""
    graph = subject.graph
    only: set[int] = set()
    for key in reversed(graph.order()):
        uses = [use for use in graph.uses(key) if graph.reaches(use.node)]
        if not uses or graph.is_head(key):
            continue
        if all(use.node in only or _is_label(subject, use.node, use.slot) for use in uses):
            only.add(key)
    stubborn = any(not loss.remedy and op in subject.spots for op, loss in LOSSES.items())
    remedy = _remedy(subject, "" if stubborn else "apply strip-training")
    for key in graph.order():
        if key in only and key in subject.inputs:
            yield Found(
                (subject.found(key),),
                "only losses read it, and who loads the model has to feed it all the same",
                remedy=remedy,
            )


def _is_label(subject: Subject, key: int, slot: int) -> bool:
    if subject.graph.op(key) not in _LABELLED:
        return False
    names = subject.graph.signature(key).input_names or ()
    return slot < len(names) and names[slot] in ("label", "data_lengths", "label_lengths")


def _dropouts(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("Dropout"):
        if spot.attribute("mode") != "always":
            yield Found((spot.node,), "it does nothing in inference")


def _blocked(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("BlockGrad"):
        yield Found((spot.node,), "it gives its input in inference, and converters do not know it")


def _synchronised(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("_contrib_SyncBatchNorm"):
        yield Found((spot.node,), "in inference it is BatchNorm, which converters know")


CHECKS = (
    Check(
        "loss",
        "warning",
        "an operator that is there for its gradient; CTCLoss and SVMOutput can't be mended",
        "apply strip-training",
        _losses,
    ),
    Check(
        "training-target",
        "warning",
        "an operator that assigns what is to be learned, such as MultiBoxTarget",
        "apply ssd-deploy",
        _targets,
    ),
    Check(
        "label-input", "warning", "an input that only losses read", "apply strip-training", _labels
    ),
    Check(
        "dropout",
        "warning",
        'a Dropout, if not of `mode="always"`',
        "apply drop-dropout",
        _dropouts,
    ),
    Check("blocked-gradient", "warning", "a BlockGrad", "apply strip-training", _blocked),
    Check("sync-batch-norm", "warning", "a SyncBatchNorm", "apply syncbn-to-bn", _synchronised),
)
