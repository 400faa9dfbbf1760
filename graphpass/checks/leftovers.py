"""What inference does not need: losses, labels, targets, Dropout and its kin, dead nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphpass.checks.subject import Attempt, CheckedModel, FoundNode, Hit, Spot, finds
from graphpass.graph import Entry


def _stripping(subject: CheckedModel) -> Attempt:
    """Return the pass that takes out a loss: of a detector, with all that trains it.

    One without MultiBoxDetection is left to return what that would read: the probabilities, what
    offsets are subtracted from, and the anchors.
    """
    graph = subject.graph
    targets = [spot.key for spot in subject.of("_contrib_MultiBoxTarget") if not spot.inside]
    if not targets:
        return Attempt("strip-training")
    if "_contrib_MultiBoxDetection" in subject.spots:
        return Attempt("ssd-deploy")
    wanted: dict[Entry, None] = {}
    for key in targets:
        read = graph.inputs(key)
        if len(read) != 3:
            continue
        anchors, _, scores = read
        losses = [node for node, slot in graph.uses(key, 2) if slot == 1]
        wanted |= dict.fromkeys(map(Entry, losses) if losses else [scores])
        beside = [entry for node, _ in graph.uses(key, 0) for entry in graph.inputs(node)]
        wanted |= dict.fromkeys(entry for entry in beside if entry.node != key)
        wanted[anchors] = None
    return Attempt("ssd-deploy", {"outputs": [*map(graph.output_name, wanted)]})


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


@finds(
    "loss",
    "warning",
    "an operator that is there for its gradient; CTCLoss, SVMOutput and SoftmaxOutput of four "
    "axes can't be mended",
    "apply strip-training",
)
def losses(subject: CheckedModel) -> Iterator[Hit]:
    for op, says in LOSSES.items():
        for spot in subject.of(op):
            attempt = _stripping(subject)
            yield Hit((spot.node,), says, remedy=attempt, unmended=_why_not(subject, spot))


def _why_not(subject: CheckedModel, spot: Spot) -> str:
    """Return why a loss stays, as the end of a sentence; empty if its operator says enough."""
    read = spot.graph.inputs(spot.key)
    if spot.op != "SoftmaxOutput" or spot.inside or not read:
        return ""
    shape = subject.from_all.shape(read[0])
    if shape is None:
        return (
            "; along which axes can't be told without the shapes of --input, so no pass rewrites it"
        )
    if len(shape) == 4:
        return (
            "; of four axes MXNet takes one or three, by how it was built, so no pass rewrites it"
        )
    return ""


_TARGETS = ("_contrib_MultiBoxTarget", "_contrib_mrcnn_mask_target")
"""Operators that assign what is to be learned."""


@finds(
    "training-target",
    "warning",
    "an operator that assigns what is to be learned, such as MultiBoxTarget",
    "apply ssd-deploy",
)
def targets(subject: CheckedModel) -> Iterator[Hit]:
    for spot in subject.of(*_TARGETS):
        says = "it assigns targets for training, and asks for a label"
        yield Hit((spot.node,), says, remedy=_stripping(subject))


@finds("label-input", "warning", "an input that only losses read", "apply strip-training")
def labels(subject: CheckedModel) -> Iterator[Hit]:
    for key in label_inputs(subject):
        yield Hit(
            (subject.found(key),),
            "only losses read it, and who loads the model has to feed it all the same",
            remedy=_stripping(subject),
        )


_LABELS = frozenset({"label", "data_lengths", "label_lengths"})
"""What losses and targets call the inputs that only training feeds."""


def label_inputs(subject: CheckedModel) -> dict[int, None]:
    """Return the inputs of which everything ends in the label of a loss, in saved order."""
    graph = subject.graph
    only: set[int] = set()

    def ends(key: int, slot: int) -> bool:
        if key in only:
            return True
        if graph.op(key) not in LOSSES and graph.op(key) not in _TARGETS:
            return False
        names = graph.signature(key).input_names or ()
        return slot < len(names) and names[slot] in _LABELS

    for key in reversed(graph.order()):
        uses = [use for use in graph.uses(key) if graph.reaches(use.node)]
        if uses and not graph.is_head(key) and all(ends(*use) for use in uses):
            only.add(key)
    return dict.fromkeys(key for key in graph.order() if key in only and key in subject.inputs)


@finds("dropout", "warning", 'a Dropout, if not of `mode="always"`', "apply drop-dropout")
def dropouts(subject: CheckedModel) -> Iterator[Hit]:
    for spot in subject.of("Dropout"):
        if spot.attribute("mode") != "always":
            yield Hit((spot.node,), "it does nothing in inference")


@finds("blocked-gradient", "warning", "a BlockGrad", "apply strip-training")
def blocked(subject: CheckedModel) -> Iterator[Hit]:
    for spot in subject.of("BlockGrad"):
        says = "it gives its input in inference, and converters do not know it"
        yield Hit((spot.node,), says, remedy=Attempt("strip-training"))


@finds("sync-batch-norm", "warning", "a SyncBatchNorm", "apply syncbn-to-bn")
def synchronised(subject: CheckedModel) -> Iterator[Hit]:
    for spot in subject.of("_contrib_SyncBatchNorm"):
        says = "in inference it is BatchNorm, which converters know"
        if spot.attribute("output_mean_var"):
            says += "; one whose mean and variance are outputs is not rewritten"
            yield Hit((spot.node,), says, remedy="")
        else:
            yield Hit((spot.node,), says)


# -- what no head depends on -----------------------------------------------------------------------


def _dead(subject: CheckedModel, *, inputs: bool) -> Iterator[FoundNode]:
    """Yield the nodes that no head reaches: variables to be fed that nothing reads, or the rest.

    Reading a file leaves such nodes out, so its origin remembers them.
    """
    graph = subject.graph
    found = [(subject.found(key), bool(graph.readers(key))) for key in graph.all_keys
             if not graph.reaches(key)]  # fmt: skip
    if graph.origin is not None:
        left_out = graph.origin.unreached
        found = [(FoundNode(None, each.op, each.name), each.is_read) for each in left_out] + found
    for node, is_read in found:
        is_input = node.op == "null" and not is_read
        if inputs == (is_input and node.name not in subject.model.parameters):
            yield node


@finds(
    "dead-node",
    "warning",
    "a node of the file that no head depends on; whatever graphpass saves has it no more",
    "apply prune",
)
def dead(subject: CheckedModel) -> Iterator[Hit]:
    for node in _dead(subject, inputs=False):
        yield Hit((node,), "no head depends on it; MXNet never runs it")


@finds("unused-input", "warning", "a variable without a value that nothing reads", "apply prune")
def unused(subject: CheckedModel) -> Iterator[Hit]:
    for node in _dead(subject, inputs=True):
        reason = "nothing reads it, so MXNet does not list it as an argument to be fed"
        yield Hit((node,), reason)
