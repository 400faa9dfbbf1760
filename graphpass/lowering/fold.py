"""Folding: what reads constants alone is worked out, so that no chains of shapes are left.

What each operator computes is that of ONNX's specification of it (onnx.ai/onnx/operators), for the
operators that lowerings put together shapes, indices and weights with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphpass.lowering.target import TargetConstant, TargetGraph, TargetNode
from graphpass.ops.onnx import DTYPES

__all__ = ["fold_constants"]

_MOST = 2**20
"""Bytes of a result that may be larger than all that it is worked out from."""


def fold_constants(graph: TargetGraph) -> None:
    """Put constants in the place of nodes that read nothing else, or only a shape that is known.

    Linear in the nodes, and in the elements of what is folded.
    """
    stands: dict[int, TargetConstant] = {}
    kept = []
    for node in graph.nodes:
        node.inputs = [stands.get(id(each), each) for each in node.inputs]
        for inner in node.subgraphs():
            for place, slot in inner.reads():
                place[slot] = stands.get(id(place[slot]), place[slot])
            fold_constants(inner)
        found = _folded(node)
        if found is None:
            kept.append(node)
            continue
        for value, array in zip(node.outputs, found, strict=True):
            stands[id(value)] = TargetConstant(
                value.label, array.dtype.name, array.shape, value.name, array
            )
    graph.nodes = kept
    graph.outputs = [stands.get(id(each), each) for each in graph.outputs]


def _folded(node: TargetNode) -> Sequence[Any] | None:
    """Return the outputs of a node, or None where they are not constant."""
    if node.domain:
        return None
    if node.op in ("Shape", "Size"):
        shape = getattr(node.inputs[0], "shape", None)
        if shape is None:
            return None
        chosen = shape[node.attributes.get("start", 0) : node.attributes.get("end")]
        if not all(isinstance(extent, int) for extent in chosen):
            return None
        made = chosen if node.op == "Shape" else np.prod(chosen, dtype=np.int64)
        return [np.asarray(made, np.int64)]
    compute = _COMPUTE.get(node.op)
    arrays = [getattr(each, "array", None) for each in node.inputs]
    if compute is None or any(
        array is None and each is not None for array, each in zip(arrays, node.inputs, strict=True)
    ):
        return None
    known = [None if array is None else np.asarray(array) for array in arrays]
    try:
        with np.errstate(all="ignore"):
            made = compute(node.attributes, *known)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return None  # whoever runs it says what is wrong with it
    found = [np.asarray(each) for each in (made if isinstance(made, list) else [made])]
    size = sum(each.nbytes for each in found)
    if size > max(_MOST, sum(each.nbytes for each in known if each is not None)):
        return None
    return found if len(found) == len(node.outputs) else None


_Attributes = Mapping[str, Any]


def _slice(
    attributes: _Attributes, data: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> Any:
    chosen = [slice(None)] * data.ndim
    along = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), strides, strict=True):
        # Far behind the end counts as the end; before the beginning, backwards, as none.
        lowest = -data.shape[axis] - 1
        chosen[axis] = slice(start, None if step < 0 and end <= lowest else end, step)
    return data[tuple(chosen)]


def _reshape(attributes: _Attributes, data: Any, shape: Any) -> Any:
    keeps = not attributes.get("allowzero", 0)
    wanted = [
        data.shape[axis] if extent == 0 and keeps else extent
        for axis, extent in enumerate(shape.tolist())
    ]
    return data.reshape(wanted)


def _split(attributes: _Attributes, data: Any, sizes: Any = None) -> Any:
    axis = attributes.get("axis", 0)
    if sizes is not None:
        return np.split(data, np.cumsum(sizes)[:-1], axis)
    return np.array_split(data, attributes["num_outputs"], axis)


def _divide(attributes: _Attributes, a: Any, b: Any) -> Any:
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise ZeroDivisionError
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda attributes, *arrays: function(*arrays)


def _repeated(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(attributes: _Attributes, *arrays: Any) -> Any:
        found = arrays[0]
        for each in arrays[1:]:
            found = function(found, each)
        return found

    return compute


_NAMES = {number: name for name, number in DTYPES.items() if name != "bfloat16"}

_COMPUTE: Mapping[str, Callable[..., Any]] = {
    "Abs": _of_two(np.abs),
    "Add": _of_two(np.add),
    "Cast": lambda attributes, x: x.astype(_NAMES.get(attributes["to"], "no such")),
    "Concat": lambda attributes, *xs: np.concatenate(xs, attributes["axis"]),
    "ConstantOfShape": lambda attributes, shape: np.full(
        shape, attributes.get("value", np.zeros(1, np.float32)).reshape(())
    ),
    "Div": _divide,
    "Equal": _of_two(np.equal),
    "Expand": lambda attributes, x, shape: (
        x * np.ones(shape, x.dtype) if x.dtype != bool else x & np.ones(shape, bool)
    ),
    "Flatten": lambda attributes, x: x.reshape(
        int(np.prod(x.shape[: attributes.get("axis", 1)])), -1
    ),
    "Floor": _of_two(np.floor),
    "Gather": lambda attributes, x, places: np.take(x, places, attributes.get("axis", 0)),
    "Greater": _of_two(np.greater),
    "Identity": _of_two(lambda x: x),
    "Less": _of_two(np.less),
    "Max": _repeated(np.maximum),
    "Min": _repeated(np.minimum),
    "Mul": _of_two(np.multiply),
    "Neg": _of_two(np.negative),
    "Not": _of_two(np.logical_not),
    "Range": _of_two(np.arange),
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _of_two(np.sqrt),
    "Squeeze": lambda attributes, x, axes=None: np.squeeze(
        x, None if axes is None else tuple(axes.tolist())
    ),
    "Sub": _of_two(np.subtract),
    "Tile": _of_two(lambda x, counts: np.tile(x, counts)),
    "Transpose": lambda attributes, x: np.transpose(x, attributes.get("perm")),
    "Unsqueeze": _of_two(lambda x, axes: np.expand_dims(x, tuple(axes.tolist()))),
    "Where": _of_two(np.where),
}
