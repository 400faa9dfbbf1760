"""Operators of object detectors, anchors, boxes and regions, and of images that are sampled."""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    by_sample,
    extent,
    first_dtype,
    float32_only,
    pairs_by_sample,
)
from graphpass.ops.shape import (
    Shape,
    differ,
    divided,
    exactly,
    need,
    printed,
    product,
    size,
    with_axis,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite

__all__ = ["ROWS"]

# -- anchors and boxes -----------------------------------------------------------------------------


def multi_box_prior(site: ShapeSite, data: Shape) -> Shape:
    """One box for each size and further ratio at every point of the map."""
    need(len(data) >= 4 and 0 not in data[2:4], f"{printed(data)} has no rows and columns")
    need(len(site["steps"]) == 2, "steps must be two")
    each = len(site["sizes"]) + len(site["ratios"]) - 1
    return (1, product([data[2], data[3], each]), 4)


def of_one_sample_batch(site: BatchSite) -> Axes:
    """Depend on all axes but the batch's, and on no number: the same for all."""
    site.first()
    return None


def multi_box_detection(site: ShapeSite, scores: Shape, offsets: Shape, anchors: Shape) -> Shape:
    """Class, score and box of every anchor."""
    exactly(scores, 3)
    exactly(offsets, 2)
    exactly(anchors, 3)
    count = anchors[1]
    need(not differ(scores[2], count), f"{scores[2]} scores for {count} anchors")
    need(
        not differ(offsets[1], product([count, 4])),
        f"{offsets[1]} offsets for {count} anchors of 4",
    )
    return (scores[0], count, 6)


def multi_box_target(site: ShapeSite, anchors: Shape, labels: Shape, scores: Shape) -> None:
    """Offsets, their mask and a class for every anchor."""
    exactly(anchors, 3)
    exactly(labels, 3)
    exactly(scores, 3)
    need(labels[2] is None or labels[2] >= 5, f"labels {printed(labels)} are no boxes of a class")
    need(anchors[2] in (4, None), f"anchors {printed(anchors)} have no four corners")
    need(anchors[0] in (1, None), f"anchors {printed(anchors)} must be shared by the batch")
    site.output(0, (labels[0], size(anchors)))
    site.output(1, (labels[0], size(anchors)))
    site.output(2, (labels[0], anchors[1]))


def labelled_boxes_range(site: ShapeSite) -> Range:
    return _rows(extent(site, 2, 1) - 1, (0, 0.4), (0, 0.4), (0.6, 1), (0.6, 1))


def _rows(count: int, *corners: tuple[float, float]) -> Range:
    """Return the range of rows of one number out of so many, and four corners."""
    boxes = [Range(low, high, integral=False) for low, high in corners]
    return Range(0, count - 1, columns=(Range(0, count - 1), *boxes))


def box_nms(site: ShapeSite, data: Shape) -> Shape:
    """The boxes keep their shape; the second output notes one number of each."""
    need(len(data) >= 2, f"{printed(data)} holds no lists of boxes")
    corners = range(site["coord_start"], site["coord_start"] + 4)
    need(site["score_index"] >= 0, "the scores need a place")
    labels = [site[name] for name in ("score_index", "id_index") if site[name] >= 0]
    need(len({*labels, *corners}) == 4 + len(labels), "score, class and corners are at one place")
    least = 5 + (site["id_index"] >= 0)
    need(data[-1] is None or data[-1] >= least, f"{printed(data)} has less than {least} numbers")
    site.output(0, data)
    site.output(1, (*data[:-1], 1))
    return data


def box_nms_batch(site: BatchSite) -> Axes:
    """Boxes stand along the last axis but one; those of other samples are left alone."""
    axis = site.of()
    if axis >= site.rank() - 2:
        raise OperationError("its boxes are along the batch axis")
    return axis


def box_iou(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """Every box of the one with every box of the other."""
    need(
        len(one) >= 2 and len(other) >= 2,
        f"{printed(one)} and {printed(other)} are no lists of boxes",
    )
    for shape in (one, other):
        need(shape[-1] in (4, None), f"{printed(shape)} has no four corners")
    return (*one[:-1], *other[:-1])


def box_decode(site: ShapeSite, data: Shape) -> Shape:
    """Boxes keep the shape of the offsets; anchors are shared by the batch."""
    exactly(data, 3)
    need(data[2] in (4, None), f"{printed(data)} has no four offsets")
    anchors = site.inputs[1]
    holds = anchors is None or (len(anchors) > 2 and anchors[2] in (4, None))
    need(holds, f"{printed(anchors)} holds no anchors")
    if anchors is None:
        site.input(1, (1, data[1], 4))
    return data


def box_encode(site: ShapeSite) -> None:
    """Offsets and mask for every anchor."""
    samples, _, anchors, boxes = site.inputs[:4]
    if samples is None or anchors is None or boxes is None:
        return
    exactly(samples, 2)
    exactly(anchors, 3)
    exactly(boxes, 3)
    for slot in (4, 5):
        site.input(slot, (4,))
    for slot in (0, 1):
        site.output(slot, anchors)


def bipartite_matching(site: ShapeSite, data: Shape) -> None:
    """The partner of each row, and of each column."""
    need(len(data) >= 2, f"{printed(data)} is no table of scores")
    site.output(0, data[:-1])
    site.output(1, (*data[:-2], data[-1]))


# -- regions ---------------------------------------------------------------------------------------


def roi_pooling(site: ShapeSite, data: Shape, regions: Shape) -> None:
    """A fixed number of rows and columns for each region."""
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 5))
    site.every_output((regions[0], data[1], *site["pooled_size"]))


def with_places(site: DtypeSite) -> str | None:
    """Values are as the data; behind them is where they were found, in int32."""
    site.every_output("int32", 1)
    return site.same(range(len(site.inputs)), [0])


def roi_align(site: ShapeSite, data: Shape, regions: Shape) -> Shape:
    """As pooling; position-sensitive maps have a channel for each place."""
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 5))
    channels = data[1]
    rows, columns = site["pooled_size"]
    if site["position_sensitive"]:
        misfit = f"{channels} channels can't be divided among {rows} x {columns}"
        channels = divided(channels, rows * columns, misfit)
    return (regions[0], channels, rows, columns)


def sensitive_pooling(site: ShapeSite, data: Shape, regions: Shape) -> None:
    """As many channels as asked for, in rows and columns of one number."""
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 5))
    side = site["pooled_size"]
    site.every_output((regions[0], site["output_dim"], side, side))


def deformed_dtype(site: DtypeSite, data: str) -> None:
    """Regions are as the data; what moves the bins may be of any dtype."""
    site.input(1, data)
    site.every_output(data)


def rotated_align(site: ShapeSite, data: Shape, regions: Shape) -> Shape:
    """Regions have an angle."""
    exactly(data, 4)
    exactly(regions, 2)
    site.input(1, (None, 6))
    return (regions[0], data[1], *site["pooled_size"])


def regions_range(site: ShapeSite) -> Range:
    """The number of an image, then corners inside it."""
    scale = float(site["spatial_scale"]) or 1.0
    bottom, right = ((extent(site, 0, axis) - 1) / scale for axis in (2, 3))
    return _rows(
        extent(site, 0, 0),
        (0, right / 2),
        (0, bottom / 2),
        (right / 2, right),
        (bottom / 2, bottom),
    )


def proposal(site: ShapeSite, scores: Shape) -> Shape:
    """A fixed number of regions, of each sample where there are several, with their scores."""
    exactly(scores, 4)
    batch, channels, *area = scores
    site.input(1, (batch, product([channels, 2]), *area))
    site.input(2, (batch, 3))
    kept = site["rpn_post_nms_top_n"]
    count = product([batch, kept]) if site.op == "_contrib_MultiProposal" else kept
    if len(site.outputs) > 1:
        site.output(1, (count, 1))
    return (count, 5)


# -- sampling points -------------------------------------------------------------------------------


def spatial_transformer(site: ShapeSite, data: Shape, numbers: Shape) -> Shape:
    """Six numbers per sample say where the output's points lie."""
    exactly(data, 4)
    site.input(1, (data[0], 6))
    target = site["target_shape"]
    need(len(target) == 2 and 0 not in target, f"target_shape={target} must give rows and columns")
    return (*data[:2], *target)


def bilinear_sampler(site: ShapeSite, data: Shape, grid: Shape) -> Shape:
    """The output has the grid's rows and columns."""
    exactly(data, 4)
    exactly(grid, 4)
    site.input(1, (data[0], 2, None, None))
    return (*data[:2], *grid[2:])


def grid_generator(site: ShapeSite, data: Shape) -> Shape:
    """A grid of the target's size from six numbers, or of a flow field's own size."""
    if site["transform_type"] == "warp":
        exactly(data, 4)
        site.input(0, with_axis(data, 1, 2))
        return with_axis(data, 1, 2)
    need(len(data) == 2, f"{printed(data)} must be (batch, 6)")
    site.input(0, (data[0], 6))
    target = site["target_shape"]
    area = target[:2]
    need(len(area) == 2 and min(area) > 0, f"target_shape={target} must give rows and columns")
    return (data[0], 2, *area)


_REGIONS = {"rois": regions_range}

ROWS = {
    "_contrib_MultiBoxPrior": Meaning(multi_box_prior, float32_only, batch=of_one_sample_batch),
    "_contrib_MultiBoxDetection": Meaning(multi_box_detection, float32_only, batch=pairs_by_sample),
    "_contrib_MultiBoxTarget": Meaning(
        multi_box_target, float32_only, ranges={"label": labelled_boxes_range}
    ),
    "_contrib_box_nms": Meaning(box_nms, first_dtype, batch=box_nms_batch),
    "_contrib_box_iou": Meaning(box_iou),
    "_contrib_box_decode": Meaning(box_decode),
    "_contrib_box_encode": Meaning(box_encode),
    "_contrib_bipartite_matching": Meaning(bipartite_matching),
    "_contrib_Proposal _contrib_MultiProposal": Meaning(proposal, float32_only),
    "ROIPooling": Meaning(roi_pooling, with_places, ranges=_REGIONS),
    "_contrib_ROIAlign": Meaning(roi_align, first_dtype, ranges=_REGIONS),
    "_contrib_PSROIPooling": Meaning(sensitive_pooling, first_dtype, ranges=_REGIONS),
    "_contrib_DeformablePSROIPooling": Meaning(sensitive_pooling, deformed_dtype, ranges=_REGIONS),
    "_contrib_RROIAlign": Meaning(rotated_align, first_dtype),
    "SpatialTransformer": Meaning(spatial_transformer, batch=pairs_by_sample),
    "BilinearSampler": Meaning(bilinear_sampler, batch=pairs_by_sample),
    "GridGenerator": Meaning(grid_generator, first_dtype, batch=by_sample),
}
