"""Operators that change rows and columns of an image, or its sampling points."""

from __future__ import annotations

from graphpass.shapes.families.common import exactly, with_axis
from graphpass.shapes.shape import ConflictError, Shape, printed
from graphpass.shapes.site import ShapeSite

__all__ = [
    "adaptive_average_pooling",
    "bilinear_resize",
    "bilinear_sampler",
    "grid_generator",
    "spatial_transformer",
]


def adaptive_average_pooling(site: ShapeSite) -> None:
    """Rows and columns become what the attribute says, 1 if it says nothing."""
    data = site.inputs[0]
    if data is None:
        return
    exactly(data, 4)
    wanted = site["output_size"]
    rows, columns = (wanted[0], wanted[-1]) if 1 <= len(wanted) <= 2 else (1, 1)
    site.output(0, (*data[:2], rows, columns))


def bilinear_resize(site: ShapeSite) -> None:
    """Rows and columns by a size, by a factor, from a second value, or to an even or odd number."""
    data = site.inputs[0]
    if data is None:
        return
    exactly(data, 4)
    area: Shape
    if site["mode"] == "like":
        like = site.inputs[1]
        if like is None:
            return
        exactly(like, 4)
        area = like[2:]
    else:
        if site["scale_height"] is not None and site["scale_width"] is None:
            raise ConflictError("scale_height needs scale_width")
        area = (
            _resized(site, data[2], site["height"], site["scale_height"]),
            _resized(site, data[3], site["width"], site["scale_width"]),
        )
    site.output(0, (*data[:2], *area))


def _resized(site: ShapeSite, extent: int | None, wanted: int, scale: float | None) -> int | None:
    mode = site["mode"]
    if mode == "size" and site["scale_height"] is None:
        return wanted
    if extent is None:
        return None
    odd = extent % 2
    if mode == "size":
        return int((scale or 0) * extent)
    if mode == "odd_scale":
        return int((extent - odd) * (scale or 0)) + odd
    even = mode.startswith("to_even")
    if odd != even:
        return extent
    return extent + 1 if mode.endswith("up") else extent - 1


def spatial_transformer(site: ShapeSite) -> None:
    """Six numbers per sample say where the output's points lie; no target keeps the size."""
    data, numbers = site.inputs
    if data is None or numbers is None:
        return
    exactly(data, 4)
    site.input(1, (data[0], 6))
    target = site["target_shape"]
    if len(target) != 2 or 0 in target:
        raise ConflictError(f"target_shape={target} must give rows and columns")
    site.output(0, (*data[:2], *target))


def bilinear_sampler(site: ShapeSite) -> None:
    """The output has the grid's rows and columns."""
    data, grid = site.inputs
    if data is None or grid is None:
        return
    exactly(data, 4)
    exactly(grid, 4)
    site.input(1, (data[0], 2, None, None))
    site.output(0, (*data[:2], *grid[2:]))


def grid_generator(site: ShapeSite) -> None:
    """A grid of the target's size from six numbers, or of a flow field's own size."""
    data = site.inputs[0]
    if data is None:
        return
    if site["transform_type"] == "warp":
        exactly(data, 4)
        site.input(0, with_axis(data, 1, 2))
        site.output(0, with_axis(data, 1, 2))
        return
    if len(data) != 2:
        raise ConflictError(f"{printed(data)} must be (batch, 6)")
    target = site["target_shape"]
    site.input(0, (data[0], 6))
    site.output(0, (data[0], 2, *target))
