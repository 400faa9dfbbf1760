"""What variables say of themselves, and what their readers tell of them.

``__shape__`` and ``__dtype__`` are read as MXNet reads them; ``__layout__`` and the readers tell
which axis counts the samples, and which inputs all samples share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphpass.graph import Entry, Graph, Use
from graphpass.ops.meaning import meaning
from graphpass.ops.shape import DTYPE_CODES, Shape, given_shape
from graphpass.ops.values import parse_value

__all__ = ["batch_axis", "dtype_hint", "is_shared", "shape_hint"]


def shape_hint(attrs: Mapping[str, str], np_shape: bool) -> Shape | None:
    """Return the shape that a variable's attributes give, None where there is none to be read."""
    shape = _parsed("Shape(tuple)", attrs.get("__shape__"))
    return given_shape(shape, np_shape) if isinstance(shape, tuple) else None


def dtype_hint(attrs: Mapping[str, str]) -> str | None:
    """Return the dtype that a variable's attributes give, None where there is none to be read."""
    code = _parsed("int", attrs.get("__dtype__"))
    return None if code is None else DTYPE_CODES.get(code)


def _parsed(type_name: str, text: str | None) -> Any:
    try:
        return None if text is None else parse_value(type_name, text)
    except ValueError:
        return None


def batch_axis(attrs: Mapping[str, str]) -> int:
    """Return the axis of a variable that is the N of its ``__layout__``: the first without one.

    Examples
    --------
    >>> batch_axis({"__layout__": "TNC"}), batch_axis({})
    (1, 0)
    """
    return max(attrs.get("__layout__", "").find("N"), 0)


def is_shared(graph: Graph, shape_of: Callable[[Entry], Shape | None], key: int) -> bool:
    """Return whether a variable looks like one array for all samples, rather than a row for each.

    In a symbol without parameters that tells some weights from data. Wherever such a weight, or
    what operators of one input make of it, meets other values, it is one row that a broadcast
    spreads along other axes, or the second factor of ``dot``.

    Parameters
    ----------
    graph : Graph
        The graph.
    shape_of : callable
        Tells what is known of the shape of a value, as `Inference.shape` does.
    key : int
        The variable.

    Notes
    -----
    Linear in what is computed from the variable alone.
    """
    if "N" in graph.attrs(key).get("__layout__", ""):
        return False
    seen, pending, meets = {key}, [key], False
    while pending:
        current = pending.pop()
        if graph.is_head(current):
            return False
        for use in graph.uses(current):
            if use.node in seen or not graph.reaches(use.node):
                continue
            if len(graph.inputs(use.node)) == 1:
                seen.add(use.node)
                pending.append(use.node)
            elif _spreads(graph, shape_of, use):
                meets = True
            else:
                return False
    return meets


def _spreads(graph: Graph, shape_of: Callable[[Entry], Shape | None], use: Use) -> bool:
    """Return whether an operator takes what it reads there for all samples."""
    from graphpass.ops.families.common import broadcast

    op = graph.op(use.node)
    if op == "dot":
        return use.slot == 1
    read = shape_of(graph.inputs(use.node)[use.slot])
    if meaning(op).shape is not broadcast or not read or read[0] != 1:
        return False
    made = shape_of(Entry(use.node))
    if made is None:
        return len(read) > 2 and sum(extent != 1 for extent in read) <= 1
    spread = any(one == 1 and extent != 1 for one, extent in zip(read[1:], made[1:], strict=False))
    return len(read) < len(made) or spread or (made[0] or 1) > 1
