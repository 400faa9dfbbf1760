"""What MXNet asks of several attributes together, in the language of `graphpass.ops.template`.

MXNet checks this where it parses attributes, so a file that breaks a rule does not load. Attributes
are drawn at random, created in MXNet and checked here to see that no rule is missing or too strict.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REQUIREMENTS"]

_KERNEL = "kernel.ndim=1,2,3"
_WINDOW = f"{_KERNEL} stride.ndim=0,kernel.ndim dilate.ndim=0,kernel.ndim pad.ndim=0,kernel.ndim"
_POOLING = "global_pool=True|kernel.ndim=1,2,3"
_PLANE = "kernel.ndim=2"
_POOLED_SIZE = "pooled_size.ndim=2"

REQUIREMENTS: Mapping[str, str] = {
    "Convolution": _WINDOW,
    "Convolution_v1": "kernel.ndim=2,3",
    "Deconvolution": f"{_WINDOW} adj.ndim=0,kernel.ndim",
    "Pooling": _POOLING,
    "Pooling_v1": _POOLING,
    "ROIPooling": _POOLED_SIZE,
    "_contrib_DeformableConvolution": _PLANE,
    "_contrib_ModulatedDeformableConvolution": _PLANE,
    "_contrib_ROIAlign": _POOLED_SIZE,
    "_contrib_RROIAlign": _POOLED_SIZE,
    "_contrib_quantized_conv": _WINDOW,
    "_contrib_quantized_pooling": _POOLING,
    "_contrib_quantized_rnn": "mode=lstm",
    "im2col": _WINDOW,
    "col2im": _WINDOW,
    "_backward_Convolution": _WINDOW,
    "_backward_Convolution_v1": "kernel.ndim=2,3",
    "_backward_Deconvolution": f"{_WINDOW} adj.ndim=0,kernel.ndim",
    "_backward_Pooling": _POOLING,
    "_backward_Pooling_v1": _POOLING,
    "_backward_ROIAlign": _POOLED_SIZE,
    "_backward_ROIPooling": _POOLED_SIZE,
    "_backward_RROIAlign": _POOLED_SIZE,
    "_backward__contrib_DeformableConvolution": _PLANE,
    "_backward__contrib_ModulatedDeformableConvolution": _PLANE,
    "_backward_col2im": _WINDOW,
    "_backward_im2col": _WINDOW,
}
