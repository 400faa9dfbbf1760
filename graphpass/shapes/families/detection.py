"""Operators of object detectors: anchors, boxes, regions."""

from __future__ import annotations

from graphpass.shapes.families.common import exactly, product
from graphpass.shapes.shape import ConflictError, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = [
    "bipartite_matching",
    "box_decode",
    "box_encode",
    "box_iou",
    "box_nms",
    "multi_box_detection",
    "multi_box_prior",
    "multi_box_target",
    "proposal",
    "roi_align",
    "roi_pooling",
]


def multi_box_prior(site: ShapeSite) -> None:
    """One box for each size and further ratio at every point of the map."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 4:
        raise ConflictError(f"{printed(data)} has no rows and columns")
    each = len(site["sizes"]) + len(site["ratios"]) - 1
    site.output(0, (1, product([data[2], data[3], each]), 4))


def multi_box_detection(site: ShapeSite) -> None:
    """Class, score and box of every anchor."""
    scores, offsets, anchors = site.inputs
    if scores is None or offsets is None or anchors is None:
        return
    exactly(scores, 3)
    exactly(offsets, 2)
    exactly(anchors, 3)
    if None not in (scores[2], anchors[1]) and scores[2] != anchors[1]:
        raise ConflictError(f"{scores[2]} scores for {anchors[1]} anchors")
    if None not in (offsets[1], anchors[1]) and offsets[1] != 4 * (anchors[1] or 0):
        raise ConflictError(f"{offsets[1]} offsets for {anchors[1]} anchors of 4")
    site.output(0, (scores[0], anchors[1], 6))


def multi_box_target(site: ShapeSite) -> None:
    """Offsets, their mask and a class for every anchor."""
    anchors, labels, scores = site.inputs
    if anchors is None or labels is None or scores is None:
        return
    exactly(anchors, 3)
    exactly(labels, 3)
    exactly(scores, 3)
    if anchors[0] not in (1, None):
        raise ConflictError(f"anchors {printed(anchors)} must be shared by the batch")
    batch = labels[0]
    site.output(0, (batch, size(anchors)))
    site.output(1, (batch, size(anchors)))
    site.output(2, (batch, anchors[1]))


def box_nms(site: ShapeSite) -> None:
    """The boxes keep their shape; the second output notes one number of each."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 2:
        raise ConflictError(f"{printed(data)} holds no lists of boxes")
    site.output(0, data)
    site.output(1, (*data[:-1], 1))


def box_iou(site: ShapeSite) -> None:
    """Every box of the one with every box of the other."""
    one, other = site.inputs
    if one is None or other is None:
        return
    if len(one) < 2 or len(other) < 2:
        raise ConflictError(f"{printed(one)} and {printed(other)} are no lists of boxes")
    site.output(0, (*one[:-1], *other[:-1]))


def box_decode(site: ShapeSite) -> None:
    """Boxes keep the shape of the offsets; anchors are shared by the batch."""
    data = site.inputs[0]
    if data is None:
        return
    exactly(data, 3)
    site.input(1, (1, data[1], 4))
    site.output(0, data)


def box_encode(site: ShapeSite) -> None:
    """Offsets and mask for every anchor."""
    samples, anchors, boxes = site.inputs[0], site.inputs[2], site.inputs[3]
    if samples is None or anchors is None or boxes is None:
        return
    exactly(samples, 2)
    exactly(anchors, 3)
    exactly(boxes, 3)
    for slot in (0, 1):
        site.output(slot, anchors)


def bipartite_matching(site: ShapeSite) -> None:
    """The partner of each row, and of each column."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 2:
        raise ConflictError(f"{printed(data)} is no table of scores")
    site.output(0, data[:-1])
    site.output(1, (*data[:-2], data[-1]))


def roi_pooling(site: ShapeSite) -> None:
    """A fixed number of rows and columns for each region."""
    data, regions = site.inputs
    if data is None or regions is None:
        return
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 5))
    for slot in range(len(site.outputs)):
        site.output(slot, (regions[0], data[1], *site["pooled_size"]))


def roi_align(site: ShapeSite) -> None:
    """As pooling; position-sensitive maps have a channel for each place."""
    data, regions = site.inputs
    if data is None or regions is None:
        return
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 5))
    channels = data[1]
    rows, columns = site["pooled_size"]
    if site["position_sensitive"] and channels is not None:
        if channels % (rows * columns):
            raise ConflictError(f"{channels} channels can't be divided among {rows} x {columns}")
        channels //= rows * columns
    site.output(0, (regions[0], channels, rows, columns))


def proposal(site: ShapeSite) -> None:
    """A fixed number of regions, of each sample where there are several, with their scores."""
    scores = site.inputs[0]
    if scores is None:
        return
    exactly(scores, 4)
    batch, channels, *area = scores
    site.input(1, (batch, product([channels, 2]), *area))
    site.input(2, (batch, 3))
    kept = site["rpn_post_nms_top_n"]
    count = product([batch, kept]) if site.op == "_contrib_MultiProposal" else kept
    site.output(0, (count, 5))
    if len(site.outputs) > 1:
        site.output(1, (count, 1))
