"""What only training needs: losses, labels, targets, and what does nothing in inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphpass.checks.kind import Check, Found
from graphpass.checks.stripping import stripped, taken_out, why_not
from graphpass.checks.subject import Subject

__all__ = ["CHECKS", "LOSSES", "label_inputs"]


LOSSES: Mapping[str, str] = {
    "SoftmaxOutput": "in inference it is softmax, and asks for a label all the same",
    "LogisticRegressionOutput": "in inference it is sigmoid, and asks for a label",
    "LinearRegressionOutput": "in inference it gives its input, and asks for a label",
    "MAERegressionOutput": "in inference it gives its input, and asks for a label",
    "SVMOutput": "in inference it gives its input as scores, and asks for a label",
    "MakeLoss": "in inference it gives its input",
    "make_loss": "in inference it gives its input",
    "CTCLoss": "it returns the loss itself, from a label; cut below it with extract",
    "softmax_cross_entropy": "it returns the loss; cut below it with extract",
    "IdentityAttachKLSparseReg": "in inference it gives its input",
}
"""Operator that computes a loss or its gradient -> what it is in inference."""

_TARGETS = frozenset({"_contrib_MultiBoxTarget", "_contrib_mrcnn_mask_target"})
"""Operators that assign what is to be learned."""

_LABELLED = frozenset({*LOSSES, *_TARGETS})


def _losses(subject: Subject) -> Iterator[Found]:
    for op, says in LOSSES.items():
        for spot in subject.of(op):
            remedy = taken_out(subject, spot)
            hint = "" if remedy or not stripped(subject) else why_not(subject, spot)
            yield Found((spot.node,), says + hint, remedy=remedy)


def _targets(subject: Subject) -> Iterator[Found]:
    for spot in subject.of(*sorted(_TARGETS)):
        says = "it assigns targets for training, and asks for a label"
        yield Found((spot.node,), says, remedy=taken_out(subject, spot))


def _labels(subject: Subject) -> Iterator[Found]:
    for key, remedy in label_inputs(subject).items():
        yield Found(
            (subject.found(key),),
            "only losses read it, and who loads the model has to feed it all the same",
            remedy=remedy,
        )


def label_inputs(subject: Subject) -> dict[int, str]:
    """Return the inputs of which everything ends in the label of a loss, with what mends that."""
    graph = subject.graph
    only: dict[int, set[str]] = {}
    remedies = {
        spot.key: taken_out(subject, spot)
        for spot in subject.of(*sorted(_LABELLED))
        if not spot.inside
    }
    for key in reversed(graph.order()):
        uses = [use for use in graph.uses(key) if graph.reaches(use.node)]
        if not uses or graph.is_head(key):
            continue
        if all(use.node in only or _is_label(subject, use.node, use.slot) for use in uses):
            only[key] = set()
            for use in uses:
                only[key] |= only.get(use.node) or {remedies[use.node]}
    return {
        key: "" if "" in only[key] else max(only[key], key=len)
        for key in graph.order()
        if key in only and key in subject.inputs
    }


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
        yield Found(
            (spot.node,),
            "it gives its input in inference, and converters do not know it",
            remedy=None if stripped(subject) else "",
        )


def _synchronised(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("_contrib_SyncBatchNorm"):
        says = "in inference it is BatchNorm, which converters know"
        if spot.attribute("output_mean_var"):
            says += "; one whose mean and variance are outputs is not rewritten"
            yield Found((spot.node,), says, remedy="")
        else:
            yield Found((spot.node,), says)


CHECKS = (
    Check(
        "loss",
        "warning",
        "an operator that is there for its gradient; CTCLoss, SVMOutput and SoftmaxOutput of four "
        "axes can't be mended",
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
