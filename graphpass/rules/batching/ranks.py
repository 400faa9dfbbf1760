"""How many axes a value has where its shape is not known, because the inputs have none.

MXNet infers no shape behind an input whose shape it does not know. But a Convolution says by its
kernel how many axes there are, and most operators keep their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["rank_behind"]

_WINDOWS = frozenset(
    ["Convolution", "Convolution_v1", "Deconvolution", "Pooling", "Pooling_v1", "im2col"]
)
_SAME = """
    Activation BatchNorm BatchNorm_v1 BlockGrad Cast Concat Dropout GroupNorm
    InstanceNorm L2Normalization LRN LayerNorm LeakyReLU MakeLoss SoftmaxActivation
    SoftmaxOutput SwapAxis _contrib_SyncBatchNorm _copy _div_scalar _minus_scalar
    _mul_scalar _plus_scalar _power_scalar _rdiv_scalar _rminus_scalar abs add_n
    amp_cast clip elemwise_add elemwise_div elemwise_mul elemwise_sub erf exp
    hard_sigmoid log log_softmax negative relu reverse sigmoid slice slice_axis softmax
    softmin softsign sqrt square tanh transpose
"""
_KEEPING = frozenset(_SAME.split())


def rank_behind(op: str, attributes: Mapping[str, Any], ranks: Sequence[int | None]) -> int | None:
    """Return the number of axes of an operator's first output; None if it can't be told.

    Parameters
    ----------
    op : str
        Canonical operator name.
    attributes : mapping
        Its attributes, defaults filled in.
    ranks : sequence of int or None
        Of each input, the number of axes.
    """
    if op in _WINDOWS and attributes["kernel"]:
        return 3 if op == "im2col" else len(attributes["kernel"]) + 2
    if op == "Flatten" or (op == "FullyConnected" and attributes["flatten"]):
        return 2
    if op == "Reshape" and all(code >= -1 for code in attributes["shape"]):
        return len(attributes["shape"]) or None
    if op in ("Embedding", "expand_dims", "one_hot"):
        return None if ranks[0] is None else ranks[0] + 1
    if op.startswith("broadcast_") and len(ranks) == 2 and None not in ranks:
        return max(rank for rank in ranks if rank is not None)
    if op == "SliceChannel":
        return None if attributes["squeeze_axis"] else ranks[0]
    return ranks[0] if op in _KEEPING or op in _WINDOWS else None
