"""Operators on images: (rows, columns, channels), or a batch of such.

Source of the shapes: ``src/operator/image/*-inl.h`` of MXNet 1.9.1.
"""

from __future__ import annotations

from dataclasses import replace

from graphpass.ops.families.common import constant_dtype
from graphpass.ops.shape import Shape, exactly, need, printed
from graphpass.ops.sites import Meaning, ShapeSite

__all__ = ["ROWS"]


def _image(data: Shape) -> None:
    need(len(data) in (3, 4), f"{printed(data)} is no image, and no batch of them")


def to_tensor(site: ShapeSite, data: Shape) -> Shape:
    """Channels go first."""
    _image(data)
    return (*data[:-3], data[-1], *data[-3:-1])


def normalize(site: ShapeSite, data: Shape) -> Shape:
    """Channels are first here; mean and deviation have one number, or one for each of three."""
    _image(data)
    channels = data[-3]
    need(channels in (1, 3, None), f"{printed(data)} must have 1 or 3 channels")
    for name in ("mean", "std"):
        given = len(site[name])
        need(given == 1 or channels in (given, None), f"{name} has {given} numbers")
    return data


def resize(site: ShapeSite, data: Shape) -> Shape:
    """Columns and rows become `size`; with one number and `keep_ratio` the shorter side does."""
    _image(data)
    size = site["size"]
    need(len(size) in (1, 2) and min(size) > 0, f"size={size} must be one or two numbers over 0")
    rows, columns = size[-1], size[0]
    high, wide = data[-3:-1]
    if len(size) == 1 and site["keep_ratio"]:
        if high is None or wide is None:
            return (*data[:-3], None, None, data[-1])
        if high > wide:
            rows = high * columns // wide
        else:
            columns = wide * rows // high
    return (*data[:-3], rows, columns, data[-1])


def crop(site: ShapeSite, data: Shape) -> Shape:
    """A window of the given size and place."""
    _image(data)
    need(data[-1] in (1, 3, None), f"{printed(data)} must have 1 or 3 channels")
    for what, extent in (("height", data[-3]), ("width", data[-2])):
        wanted, at = site[what], site["y" if what == "height" else "x"]
        need(wanted > 0, f"{what}={wanted} must be over 0")
        need(extent is None or at + wanted <= extent, f"the window leaves {printed(data)}")
    return (*data[:-3], site["height"], site["width"], data[-1])


def coloured(site: ShapeSite, data: Shape) -> Shape:
    """One image stays what it is."""
    exactly(data, 3)
    need(data[2] in (1, 3, None), f"{printed(data)} must have 1 or 3 channels")
    return data


def cv_resize(site: ShapeSite, data: Shape) -> Shape:
    exactly(data, 3)
    return (site["h"], site["w"], data[2])


def cv_border(site: ShapeSite, data: Shape) -> Shape:
    exactly(data, 3)
    rows, columns = (
        None if extent is None else extent + site[before] + site[behind]
        for extent, before, behind in ((data[0], "top", "bot"), (data[1], "left", "right"))
    )
    return (rows, columns, data[2])


_IMAGE = Meaning(coloured)

ROWS = {
    "_image_to_tensor": Meaning(to_tensor, constant_dtype("float32")),
    "_image_normalize": Meaning(normalize),
    "_image_resize": Meaning(resize),
    "_image_crop": Meaning(crop),
    "_image_flip_left_right _image_flip_top_bottom _image_adjust_lighting": _IMAGE,
    """_image_random_brightness _image_random_color_jitter _image_random_contrast
    _image_random_flip_left_right _image_random_flip_top_bottom _image_random_hue
    _image_random_lighting _image_random_saturation""": replace(_IMAGE, random="always"),
    "_cvimresize": Meaning(cv_resize),
    "_cvcopyMakeBorder": Meaning(cv_border),
}
