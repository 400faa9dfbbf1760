"""Lowerings that the language can't say, each with the reason.

A lowering of a pass names one by ``python: NAME``; pattern, conditions and ``let`` stay there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphpass.lowering.evaluate import LoweredMatch
from graphpass.lowering.target import TargetBuilder, TargetValue

__all__ = ["PYTHON_LOWERINGS"]


# -- control flow: a subgraph is lowered by the same lowerings as the graph around it --------------


def for_each(at: LoweredMatch) -> list[Any]:
    """`_foreach` as ``Scan``: the data are walked along their first axis, the states carried on."""
    sliced, carried, kept = (
        at.attribute(key) for key in ("in_data_locs", "in_state_locs", "remain_locs")
    )
    stacked = at.attribute("num_out_data")
    sources = at.inputs
    states = sources[len(sliced) : len(sliced) + len(carried)]
    data = sources[: len(sliced)]
    inner_states = [_like(at, each, f"state{n}") for n, each in enumerate(states)]
    inner_data = [_like(at, each, f"item{n}", sliced=True) for n, each in enumerate(data)]
    body = at.build.subgraph([*inner_states, *inner_data])
    variables: dict[int, Any] = dict(zip(sliced, inner_data, strict=True))
    variables |= dict(zip(carried, inner_states, strict=True))
    variables |= dict(zip(kept, sources[len(sliced) + len(carried) :], strict=True))
    heads = at.lowered(0, [variables[place] for place in range(len(variables))], body)
    body.graph.outputs = [
        body.op("Identity", each) for each in (*heads[stacked:], *heads[:stacked])
    ]
    found = at.build.op(
        "Scan", *states, *data,
        outputs=len(heads), body=body.graph, num_scan_inputs=len(data),
    )  # fmt: skip
    count = len(states)
    return [*_told(found[count:], heads[:stacked]), *_told(found[:count], heads[stacked:])]


def while_loop(at: LoweredMatch) -> list[Any]:
    """`_while_loop` as ``Loop``; stacked outputs are filled with zeros up to max_iterations."""
    asked, given, carried = (
        at.attribute(key) for key in ("cond_input_locs", "func_input_locs", "func_var_locs")
    )
    most, stacked = at.attribute("max_iterations"), at.attribute("num_out_data")
    sources = at.inputs
    places = [given[place] for place in carried]
    states = [_like(at, sources[place], f"state{n}") for n, place in enumerate(places)]
    goes_on = _truth(at.build, at.lowered(0, [sources[place] for place in asked], at.build)[0])
    count = TargetValue("round", "int64", ())
    body = at.build.subgraph([count, TargetValue("goes_on", "bool", ()), *states])
    inside = dict(zip(places, states, strict=True))
    heads = at.lowered(1, [inside.get(place, sources[place]) for place in given], body)
    after = dict(zip(places, heads[stacked:], strict=True))
    again = at.lowered(0, [after.get(place, sources[place]) for place in asked], body)[0]
    body.graph.outputs = [
        _truth(body, again),
        *[body.op("Identity", each) for each in (*heads[stacked:], *heads[:stacked])],
    ]
    found = at.build.op(
        "Loop", most, goes_on, *[sources[place] for place in places],
        outputs=len(heads), body=body.graph,
    )  # fmt: skip
    finals, rows = found[: len(places)], found[len(places) :]
    padded = []
    for row, head in zip(_told(rows, heads[:stacked]), heads[:stacked], strict=True):
        rank = len(at.shape(head) or ()) + 1
        missing = at.build.op("Sub", (most,), at.build.op("Shape", row, start=0, end=1))
        zeros = (0,) * rank
        pads = at.build.op("Concat", zeros, missing, zeros[1:] or None, axis=0)
        padded.append(at.build.op("Pad", row, pads))
    return [*padded, *_told(finals, heads[stacked:])]


def condition(at: LoweredMatch) -> list[Any]:
    """`_cond` as ``If``."""
    sources = at.inputs
    asked = [sources[place] for place in at.attribute("cond_input_locs")]
    is_true = _truth(at.build, at.lowered(0, asked, at.build)[0])
    branches: list[Any] = []
    heads: list[Any] = []
    for number, key in ((1, "then_input_locs"), (2, "else_input_locs")):
        branch = at.build.subgraph()
        read = [sources[place] for place in at.attribute(key)]
        heads = at.lowered(number, read, branch)
        branch.graph.outputs = [branch.op("Identity", each) for each in heads]
        branches.append(branch.graph)
    found = at.build.op(
        "If", is_true, outputs=len(heads), then_branch=branches[0], else_branch=branches[1]
    )
    return _told(found, heads)


def _like(at: LoweredMatch, source: Any, label: str, *, sliced: bool = False) -> TargetValue:
    """Return an input of a subgraph that stands for a value, or for its slices."""
    shape = at.shape(source)
    if sliced and shape is not None:
        shape = shape[1:]
    return TargetValue(label, at.build.dtype(source), shape)


def _truth(build: TargetBuilder, value: Any) -> Any:
    """Return a condition as ONNX wants it: one bool without axes; any number but 0 is true."""
    return build.op("Cast", build.op("Reshape", value, ()), to="bool")


def _told(found: Sequence[TargetValue], like: Sequence[Any]) -> list[TargetValue]:
    """Say what the outputs of a subgraph's operator are, which the table does not tell."""
    for value, each in zip(found, like, strict=True):
        value.dtype = value.dtype or getattr(each, "dtype", None)
    return list(found)


# -- recurrent layers: packed weights of all layers are taken apart, which no expression does -----

_RECURRENT: Mapping[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "lstm": ("LSTM", (0, 3, 1, 2), {}),  # MXNet's gates i f c o, ONNX's i o f c
    "gru": ("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # r z n, and z r h
    "rnn_tanh": ("RNN", (0,), {"activations": ("Tanh",)}),
    "rnn_relu": ("RNN", (0,), {"activations": ("Relu",)}),
}


_ZEROS = frozenset({"_zeros", "_zeros_without_dtype", "zeros_like"})


def recurrent(at: LoweredMatch) -> list[Any]:
    """`RNN` as one ``LSTM``, ``GRU`` or ``RNN`` for each layer.

    The packed vector has, for each layer and direction, the weights of the input and of the state,
    then for each layer and direction the two biases; the gates of each lie one below the other.
    """
    build, mode = at.build, at.attribute("mode")
    op, order, settings = _RECURRENT[mode]
    size, layers = at.attribute("state_size"), at.attribute("num_layers")
    ways = 2 if at.attribute("bidirectional") else 1
    rows = len(order) * size
    packed, width = at["packed"], at["width"]
    weights, place = [], 0
    for layer in range(layers):
        into = width if layer == 0 else ways * size
        for _ in range(ways):
            pair = []
            for columns in (into, size):
                block = packed[place : place + rows * columns].reshape(len(order), size, columns)
                pair.append(block[list(order)].reshape(rows, columns))
                place += rows * columns
            weights.append(pair)
    biases = packed[place:].reshape(layers * ways, 2, len(order), size)[:, :, list(order)]
    biases = biases.reshape(layers * ways, 2 * rows)
    if "activations" in settings:
        settings = {"activations": settings["activations"] * ways}

    value, finals = at.source("x"), []
    states: list[Any] = [at.source(name) for name in ("state", "cell") if at[name] is not None]
    graph = at.node.graph
    # Zeros are what ONNX begins with if nothing is said, whatever the batch.
    states = [None if graph.op(each.node) in _ZEROS else each for each in states]
    for layer in range(layers):
        own = slice(layer * ways, (layer + 1) * ways)
        first = states
        if layers > 1:
            cut = ((own.start,), (own.stop,), (0,))
            first = [state and build.op("Slice", state, *cut) for state in states]
        made = build.op(
            op, value, np.stack([pair[0] for pair in weights[own]]),
            np.stack([pair[1] for pair in weights[own]]), np.ascontiguousarray(biases[own]), None,
            *first, outputs=1 + len(states), hidden_size=size,
            direction="bidirectional" if ways == 2 else "forward", **settings,
        )  # fmt: skip
        finals.append(made[1:])
        turned = build.op("Transpose", made[0], perm=(0, 2, 1, 3))
        value = build.op("Reshape", turned, (0, 0, ways * size))
    if not at.attribute("state_outputs"):
        return [value]
    return [
        value,
        *(
            each[0] if layers == 1 else build.op("Concat", *each, axis=0)
            for each in zip(*finals, strict=True)
        ),
    ]


# -- detection: what survives depends on what survived before, so it is a loop ---------------------

_LOWEST = -3.4028234663852886e38


def box_nms(at: LoweredMatch) -> list[Any]:
    """`_contrib_box_nms`: sort, suppress, and move what is left to the front.

    Where classes count, the rows that each row would suppress are a matrix, and the rows kept are
    worked out from those kept before until nothing changes: as many rounds as the longest chain of
    rows that suppress each other. Without classes, ``NonMaxSuppression`` does it.
    """
    build = at.build
    count, columns = at["rows"], at["columns"]
    coordinates, score = at.attribute("coord_start"), at.attribute("score_index")
    kind, background = at.attribute("id_index"), at.attribute("background_id")
    form, out_form = at.attribute("in_format"), at.attribute("out_format")
    threshold, most = at.attribute("overlap_thresh"), at.attribute("topk")
    size = most if 0 < most < count else count

    def column(rows: Any, first: int, wide: int = 1) -> Any:
        return build.op("Slice", rows, (first,), (first + wide,), (2,))

    rows = build.op("Reshape", at.source("x"), (-1, count, columns))
    scores = build.op("Squeeze", column(rows, score), (2,))
    valid = build.op("Greater", scores, float(at.attribute("valid_thresh")))
    if kind >= 0:  # -1, which fills rows that are none, is the background if nothing is said
        kinds = build.op("Squeeze", column(rows, kind), (2,))
        other = build.op("Not", build.op("Equal", kinds, float(background)))
        valid = build.op("And", valid, other)
    masked = build.op("Where", valid, scores, np.float32(_LOWEST))
    values, order = build.op("TopK", masked, (size,), axis=1, outputs=2)
    rows = build.op("GatherND", rows, build.op("Unsqueeze", order, (2,)), batch_dims=1)
    valid = build.op("Greater", values, np.float32(_LOWEST))
    boxes = (
        _corners(build, column(rows, coordinates, 4))
        if form == "center"
        else column(rows, coordinates, 4)
    )
    if kind >= 0 and not at.attribute("force_suppress"):
        later = np.triu(np.ones((size, size), bool), 1)
        kept = _suppressed(build, boxes, column(rows, kind), valid, later, "Greater", threshold)
    else:
        worth = build.op("Where", valid, values, np.float32(-1e30))
        found = build.op(
            "NonMaxSuppression", boxes, build.op("Unsqueeze", worth, (1,)),
            np.array([size]), np.array([threshold], np.float32), np.array([-1e29], np.float32),
        )  # fmt: skip
        places = build.op("Gather", found, np.array([0, 2]), axis=1)
        none = build.op("Mul", values, np.float32(0))
        ones = build.op(
            "ConstantOfShape", build.op("Shape", places, start=0, end=1),
            value=np.array([1], np.float32),
        )  # fmt: skip
        kept = build.op("Greater", build.op("ScatterND", none, places, ones), np.float32(0.5))
    place = np.arange(size, dtype=np.float32)
    rank = build.op("Where", kept, -place, -place - np.float32(size))
    _, moved = build.op("TopK", rank, (size,), axis=1, outputs=2)
    rows = build.op("GatherND", rows, build.op("Unsqueeze", moved, (2,)), batch_dims=1)
    kept = build.op("GatherElements", build.op("Cast", kept, to="float32"), moved, axis=1)
    if form != out_form:
        change = _corners if out_form == "corner" else _centres
        parts = [
            column(rows, 0, coordinates) if coordinates else None,
            change(build, column(rows, coordinates, 4)),
            column(rows, coordinates + 4, columns) if coordinates + 4 < columns else None,
        ]
        rows = build.op("Concat", *[part for part in parts if part is not None], axis=2)
    left = build.op("Greater", build.op("Unsqueeze", kept, (2,)), np.float32(0.5))
    rows = build.op("Where", left, rows, np.float32(-1))
    if size < count:
        rows = build.op("Pad", rows, (0, 0, 0, 0, count - size, 0), np.float32(-1))
    return [build.op("Reshape", rows, at["extents"])]


def _suppressed(
    build: TargetBuilder, boxes: Any, kinds: Any, valid: Any, later: Any, over: str, share: float
) -> Any:
    """Return which rows are left, of rows in the order of their scores.

    A row strikes out those that stand `later`, have its kind (any, if `kinds` is None), and share
    more of their area with it than `share`.
    """
    sides = [build.op("Slice", boxes, (n,), (n + 1,), (2,)) for n in range(4)]
    turned = [build.op("Transpose", side, perm=(0, 2, 1)) for side in sides]

    def long(high: Any, low: Any) -> Any:
        return build.op("Max", build.op("Sub", high, low), np.float32(0))

    across = long(build.op("Min", sides[2], turned[2]), build.op("Max", sides[0], turned[0]))
    down = long(build.op("Min", sides[3], turned[3]), build.op("Max", sides[1], turned[1]))
    common = build.op("Mul", across, down)
    area = build.op("Mul", long(sides[2], sides[0]), long(sides[3], sides[1]))
    both = build.op("Add", area, build.op("Transpose", area, perm=(0, 2, 1)))
    shared = build.op("Div", common, build.op("Sub", both, common))
    strikes = build.op("And", build.op(over, shared, np.float32(share)), later)
    if kinds is not None:
        same = build.op("Equal", kinds, build.op("Transpose", kinds, perm=(0, 2, 1)))
        strikes = build.op("And", strikes, same)
    strikes = build.op("Cast", strikes, to="float32")
    start = build.op("Cast", valid, to="float32")

    before = TargetValue("kept", "float32", (None, None))
    body = build.subgraph(
        [TargetValue("round", "int64", ()), TargetValue("goes_on", "bool", ()), before]
    )
    struck = body.op("MatMul", body.op("Unsqueeze", before, (1,)), strikes)
    free = body.op("Less", body.op("Squeeze", struck, (1,)), np.float32(0.5))
    after = body.op("Cast", body.op("And", free, valid), to="float32")
    change = body.op("ReduceMax", body.op("Abs", body.op("Sub", after, before)), keepdims=0)
    body.graph.outputs = [body.op("Greater", change, np.float32(0.5)), after]
    kept = build.op("Loop", None, True, start, outputs=1, body=body.graph)[0]
    kept.dtype = "float32"
    return build.op("Greater", kept, np.float32(0.5))


def multibox_detection(at: LoweredMatch) -> list[Any]:
    """`_contrib_MultiBoxDetection`: decode, sort, and strike out the class of what is suppressed.

    Boxes whose best class is likely enough come first, sorted by score; those behind nms_topk stay
    where they were, without a class. A row that is suppressed keeps its score and place and has the
    class -1. The matrix of who suppresses whom is as large as there are such boxes.
    """
    build, count = at.build, at["rows"]
    share, most = at.attribute("nms_threshold"), at.attribute("nms_topk")
    minus = np.float32(-1)
    likely = build.op("Slice", at.source("likely"), (1,), (1 << 40,), (1,))
    score = build.op("ReduceMax", likely, (1,), keepdims=0)
    kind = build.op("Cast", build.op("ArgMax", likely, axis=1, keepdims=0), to="float32")
    valid = build.op("GreaterOrEqual", score, np.float32(at.attribute("threshold")))

    moves = build.op("Reshape", at.source("moves"), (-1, count, 4))
    moves = build.op("Mul", moves, np.array(at.attribute("variances"), np.float32))
    centred = _centres(build, at.source("anchors"))
    centre, size = (build.op("Slice", centred, (n,), (n + 2,), (2,)) for n in (0, 2))
    shift, stretch = (build.op("Slice", moves, (n,), (n + 2,), (2,)) for n in (0, 2))
    middle = build.op("Add", build.op("Mul", shift, size), centre)
    boxes = build.op("Concat", middle, build.op("Mul", build.op("Exp", stretch), size), axis=2)
    boxes = _corners(build, boxes)
    if at.attribute("clip"):
        boxes = build.op("Clip", boxes, np.float32(0), np.float32(1))
    columns = [build.op("Unsqueeze", each, (2,)) for each in (kind, score)]
    rows = build.op("Concat", *columns, boxes, axis=2)
    rows = build.op("Where", build.op("Unsqueeze", valid, (2,)), rows, minus)

    def ordered(rows: Any, worth: Any) -> Any:
        _, order = build.op("TopK", worth, (count,), axis=1, outputs=2)
        return build.op("GatherND", rows, build.op("Unsqueeze", order, (2,)), batch_dims=1)

    place = np.arange(count, dtype=np.float32)
    rows = ordered(rows, build.op("Where", valid, -place, -place - np.float32(count)))
    if not 0 < share <= 1:
        return [rows]
    best = build.op("Squeeze", build.op("Slice", rows, (1,), (2,), (2,)), (2,))
    sorted_rows = ordered(rows, best)
    if 0 < most < count:
        first = build.op("Slice", sorted_rows, (0,), (most,), (1,))
        rest = build.op("Slice", rows, (most, 1), (count, 6), (1, 2))
        kinds = build.op("Slice", rows, (most, 0), (count, 1), (1, 2))
        none = build.op("Min", kinds, minus)
        sorted_rows = build.op("Concat", first, build.op("Concat", none, rest, axis=2), axis=1)
    found = build.op("ReduceSum", build.op("Cast", valid, to="int64"), (1,), keepdims=0)
    found = build.op("ReduceMax", found, keepdims=0)
    if 0 < most < count:
        found = build.op("Min", found, np.int64(most))
    end = build.op("Reshape", found, (1,))
    part = build.op("Slice", sorted_rows, (0,), end, (1,))
    rest = build.op("Slice", sorted_rows, end, (count,), (1,))
    kinds = build.op("Slice", part, (0,), (1,), (2,))
    number = build.op("Range", np.int64(0), found, np.int64(1))
    later = build.op(
        "Less", build.op("Unsqueeze", number, (1,)), build.op("Unsqueeze", number, (0,))
    )
    own = None if at.attribute("force_suppress") else kinds
    is_box = build.op("GreaterOrEqual", build.op("Squeeze", kinds, (2,)), np.float32(0))
    corners = build.op("Slice", part, (2,), (6,), (2,))
    kept = _suppressed(build, corners, own, is_box, later, "GreaterOrEqual", share)
    kinds = build.op("Where", build.op("Unsqueeze", kept, (2,)), kinds, minus)
    part = build.op("Concat", kinds, build.op("Slice", part, (1,), (6,), (2,)), axis=2)
    return [build.op("Concat", part, rest, axis=1)]


def _corners(build: TargetBuilder, boxes: Any) -> Any:
    """Turn centre, width and height of boxes into left, top, right, bottom."""
    centre, size = (build.op("Slice", boxes, (n,), (n + 2,), (2,)) for n in (0, 2))
    half = build.op("Mul", size, np.float32(0.5))
    return build.op("Concat", build.op("Sub", centre, half), build.op("Add", centre, half), axis=2)


def _centres(build: TargetBuilder, boxes: Any) -> Any:
    """Turn left, top, right and bottom of boxes into centre, width and height."""
    low, high = (build.op("Slice", boxes, (n,), (n + 2,), (2,)) for n in (0, 2))
    middle = build.op("Mul", build.op("Add", low, high), np.float32(0.5))
    return build.op("Concat", middle, build.op("Sub", high, low), axis=2)


PYTHON_LOWERINGS: Mapping[str, Callable[[LoweredMatch], Any]] = {
    "recurrent": recurrent,
    "box_nms": box_nms,
    "multibox_detection": multibox_detection,
    "for_each": for_each,
    "while_loop": while_loop,
    "condition": condition,
}
"""Name -> function of a match, which returns a `TargetSource`, or a list of one for each output."""
