"""Operators at the corners of their attributes: what MXNet's inference is asked about each.

One line: operator, attributes, shapes of its inputs. An input that is None is left to inference,
and 0 is an unknown extent. Operators with all inputs left out make values from attributes alone.
"""

from __future__ import annotations

__all__ = ["CORNERS", "Corner"]

Corner = tuple[str, dict[str, object], list[tuple[int, ...] | None]]

_IMAGE = (2, 8, 9, 11)
_CONV = {"kernel": (3, 3), "num_filter": 4}
_DECONV = {"kernel": (3, 3), "num_filter": 4}


def _each(
    op: str, attributes: list[dict[str, object]], *inputs: tuple[int, ...] | None
) -> list[Corner]:
    return [(op, each, list(inputs)) for each in attributes]


def _shaped(op: str, attributes: dict[str, object], *inputs: object) -> list[Corner]:
    return [(op, attributes, list(each)) for each in inputs]  # type: ignore[call-overload]


CORNERS: list[Corner] = [
    # elementwise
    *_shaped("elemwise_add", {}, [(2, 3), None], [None, (2, 3)], [(2, 0), (0, 3)], [(2, 3), (3, 2)],
             [(2, 3), (2, 3, 1)]),
    *_shaped("relu", {}, [(2, 3)], [(0, 3)], [None]),
    *_shaped("_mul_scalar", {"scalar": 2}, [(2, 3)]),
    *_shaped("add_n", {"num_args": 3}, [(2, 3), None, (2, 0)], [(2, 3), (2, 3), (2, 4)]),
    *_shaped("broadcast_add", {}, [(2, 3), (2, 1)], [(2, 3), (3,)], [(2, 3, 1), (3, 4)],
             [(2, 3), (4, 3)], [(2, 3), None], [(0, 3), (2, 3)], [(0, 3), (2, 1)], [(1,), (1,)]),
    *_shaped("broadcast_equal", {}, [(2, 3), (2, 1)]),
    *_shaped("where", {}, [(2, 3), (2, 3), (2, 3)], [(2,), (2, 3), None], [None, (2, 3), None],
             [(3,), (2, 3), (2, 3)], [(2, 3), None, None], [(2, 1), (2, 3), (2, 3)]),
    *_shaped("Dropout", {}, [(2, 3)], [None]),
    *_shaped("Dropout", {"axes": (1,)}, [(2, 3, 4)]),
    *_shaped("Cast", {"dtype": "int32"}, [(2, 3)]),
    *_shaped("amp_cast", {"dtype": "float16"}, [(2, 3)]),
    *_each("LeakyReLU", [{"act_type": kind} for kind in ("leaky", "elu", "selu", "gelu", "rrelu")],
           (2, 3, 4)),
    *_shaped("LeakyReLU", {"act_type": "prelu"}, [(2, 3, 4), None], [(2, 3), (1,)],
             [(2, 3), (2, 3)], [(2, 3), (5,)]),
    *_shaped("clip", {"a_min": 0, "a_max": 1}, [(2, 3)]),
    *_shaped("Activation", {"act_type": "relu"}, [(2, 3)]),
    *_shaped("SoftmaxActivation", {"mode": "channel"}, [(2, 3, 4)]),
    *_shaped("BlockGrad", {}, [(2, 3)]),
    *_shaped("MakeLoss", {}, [(2, 3)]),
    *_shaped("smooth_l1", {"scalar": 1}, [(2, 3)]),
    *_shaped("_contrib_div_sqrt_dim", {}, [(2, 3)]),
    *_shaped("zeros_like", {}, [(2, 3)]),
    *_shaped("cast_storage", {"stype": "default"}, [(2, 3)]),
    # convolution
    *_each("Convolution", [
        _CONV, {**_CONV, "no_bias": True}, {**_CONV, "num_group": 2}, {**_CONV, "num_group": 3},
        {**_CONV, "stride": (2, 1)}, {**_CONV, "pad": (1, 2)}, {**_CONV, "dilate": (2, 3)},
        {**_CONV, "num_filter": 8, "num_group": 8}, {**_CONV, "kernel": (10, 3)},
        {**_CONV, "kernel": (1, 1), "stride": (3, 3)}, {**_CONV, "kernel": (3,)},
        {**_CONV, "num_filter": 3, "num_group": 2}, {**_CONV, "layout": "NCHW"},
        {**_CONV, "layout": "NHWC"}, {**_CONV, "dilate": (5, 5)},
    ], _IMAGE, None),
    *_shaped("Convolution", _CONV, [_IMAGE, (4, 8, 3, 3), (4,)], [_IMAGE, (4, 7, 3, 3), (4,)],
             [_IMAGE, None, (5,)], [(0, 8, 9, 11)], [(2, 0, 9, 11)], [(2, 8, 0, 11)], [(2, 8, 9)]),
    *_shaped("Convolution", {"kernel": (3,), "num_filter": 4, "stride": (2,)}, [(2, 8, 9)]),
    *_shaped("Convolution", {"kernel": (3, 2, 1), "num_filter": 4, "pad": (1, 0, 1)},
             [(2, 8, 9, 7, 5)]),
    *_each("Deconvolution", [
        {**_DECONV, **more} for more in (
            {}, {"no_bias": False}, {"stride": (2, 2)}, {"pad": (1, 2)}, {"num_group": 2},
            {"stride": (2, 2), "adj": (1, 1)}, {"stride": (2, 2), "adj": (2, 2)},
            {"stride": (2, 2), "target_shape": (18, 22)}, {"target_shape": (90, 90)},
            {"dilate": (2, 2)}, {"num_group": 3}, {"stride": (2, 2), "pad": (1, 1), "adj": (1, 0)},
            {"target_shape": (0, 0)}, {"layout": "NCHW"},
        )
    ], _IMAGE),
    *_shaped("Deconvolution", {"kernel": (4,), "num_filter": 4, "stride": (2,)}, [(2, 8, 9)]),
    *_shaped("Deconvolution", {"kernel": (3, 2, 2), "num_filter": 4}, [(2, 8, 9, 7, 5)]),
    *_shaped("Deconvolution", _DECONV, [(0, 8, 9, 11)], [(2, 8, 0, 11)], [(2, 8)]),
    *_each("Pooling", [
        {"kernel": (3, 3), **more} for more in (
            {}, {"stride": (2, 2)}, {"stride": (2, 2), "pooling_convention": "full"},
            {"pad": (1, 1)}, {"stride": (3, 2), "pad": (1, 1), "pooling_convention": "full"},
            {"pool_type": "avg"}, {"pool_type": "sum"}, {"pool_type": "lp", "p_value": 2},
            {"global_pool": True}, {"kernel": (12, 2)}, {"kernel": (3,)},
            {"layout": "NHWC"}, {"layout": "NHWC", "global_pool": True},
            {"stride": (2, 2), "pool_type": "avg", "count_include_pad": False},
        )
    ], _IMAGE),
    *_shaped("Pooling", {"global_pool": True}, [_IMAGE], [(2, 3, 4)], [(2, 3)], [(0, 3, 4, 4)]),
    *_each("Pooling", [{"kernel": (3,), "stride": (2,), "pooling_convention": way}
                       for way in ("valid", "full", "same")], (2, 8, 10)),
    *_shaped("Pooling", {"kernel": (2, 2, 2), "stride": (2, 2, 2)}, [(2, 8, 9, 7, 5)]),
    *_shaped("Pooling_v1", {"kernel": (2, 2), "stride": (2, 2), "pooling_convention": "full"},
             [_IMAGE]),
    *_shaped("_contrib_DeformableConvolution", {**_CONV, "num_deformable_group": 2},
             [_IMAGE, (2, 36, 7, 9)], [_IMAGE, (2, 18, 7, 9)]),
    *_shaped("_contrib_ModulatedDeformableConvolution",
             {**_CONV, "num_deformable_group": 2, "pad": (1, 1)},
             [_IMAGE, (2, 36, 9, 11), (2, 18, 9, 11)]),
    # dense
    *_each("FullyConnected", [{"num_hidden": 5, **more} for more in (
        {}, {"no_bias": True}, {"flatten": False}, {"flatten": False, "no_bias": True})],
        (2, 3, 4)),
    *_shaped("FullyConnected", {"num_hidden": 5}, [(0, 3)], [(2,)], [(2, 3), (5, 4)],
             [(2, 3), None, (5,)], [(2, 3), None, (4,)], [(2, 3), (5, 3), (5, 1)]),
    *_shaped("Embedding", {"input_dim": 10, "output_dim": 4}, [(2, 3)], [(2,), (10, 5)]),
    *_shaped("dot", {}, [(2, 3), (3, 4)], [(3,), (3,)], [(2, 3, 4), (4, 5)], [(2, 3), (3,)],
             [(2, 3), (2, 4)], [(2, 3), None], [(3,), (3, 4)]),
    *_shaped("dot", {"transpose_a": True}, [(3, 2), (3, 4)], [(3, 2, 5), (3, 4)]),
    *_shaped("dot", {"transpose_b": True}, [(2, 3), (4, 3)], [(2, 3), (5, 4, 3)]),
    *_shaped("dot", {"transpose_a": True, "transpose_b": True}, [(3, 2), (4, 3)]),
    *_shaped("batch_dot", {}, [(6, 2, 3), (6, 3, 4)], [(6, 2, 3), (5, 3, 4)],
             [(6, 2, 3), (6, 2, 4)], [(2, 3), (3, 4)]),
    *_shaped("batch_dot", {"transpose_a": True}, [(6, 3, 2), (6, 3, 4)]),
    *_shaped("batch_dot", {"transpose_b": True}, [(6, 2, 3), (6, 4, 3)],
             [(1, 6, 2, 3), (1, 6, 4, 3)]),
    *_shaped("_linalg_gemm2", {}, [(6, 2, 3), (6, 3, 4)], [(2, 3), (3, 4)], [(2, 3), (2, 4)]),
    *_shaped("_linalg_gemm2", {"transpose_a": True, "transpose_b": True}, [(6, 3, 2), (6, 4, 3)]),
    *_shaped("_linalg_potrf", {}, [(6, 3, 3)], [(3, 4)]),
    *_shaped("_linalg_trsm", {}, [(6, 3, 3), (6, 3, 4)]),
    *_shaped("_linalg_trsm", {"rightside": True}, [(6, 3, 3), (6, 4, 3)]),
    *_shaped("_linalg_sumlogdiag", {}, [(6, 3, 3)], [(3, 3)]),
    # normalization
    *_each("BatchNorm", [{}, {"axis": 3}, {"axis": -1}, {"output_mean_var": True}, {"axis": 4}],
           _IMAGE),
    *_shaped("BatchNorm", {}, [(2, 8)], [(2,)], [(0, 8, 0, 0)], [(2, 8), (8,), (8,)]),
    *_shaped("BatchNorm_v1", {}, [_IMAGE]),
    *_shaped("_contrib_SyncBatchNorm", {"key": "a"}, [_IMAGE]),
    *_each("LayerNorm", [{}, {"axis": 1}, {"axis": -2}, {"axis": 5}, {"output_mean_var": True}],
           (2, 3, 4)),
    *_shaped("InstanceNorm", {}, [(2, 3, 4)], [(2, 3, 4, 5)]),
    *_each("GroupNorm", [{"num_groups": 2}, {"num_groups": 3}, {"num_groups": 2,
                                                               "output_mean_var": True}], _IMAGE),
    *_each("L2Normalization", [{"mode": mode} for mode in ("instance", "channel", "spatial")],
           (2, 3, 4)),
    *_shaped("L2Normalization", {"mode": "channel"}, [(2, 3)]),
    *_shaped("LRN", {"nsize": 3}, [_IMAGE]),
    # reshaping
    *_each("Reshape", [{"shape": shape} for shape in (
        (4, 3, 2), (-1,), (0, -1), (0, 0, -1), (-2,), (0, -2), (-3, 4), (2, -3), (-3, -2), (0, -3),
        (-4, 1, 2, -2), (-4, -1, 2, -2), (0, -4, 3, -1, 0), (2, 12), (-1, 6), (0, 0, 2, 2),
        (-1, -1),
        (0, 0, 0, 0), (-4, -1, -1, -2), (-4, 3, 2, -2), (0, 0, -3), (6, 1, -1), (-2, 1, 1))],
        (2, 3, 4)),
    *_each("Reshape", [{"shape": shape, "reverse": True} for shape in (
        (-1, 0), (0, 0, -1), (-3, 0), (-1, 0, 0), (-4, 2, 2), (-2,), (8, -1), (-1, -2))],
        (2, 3, 4)),
    *_shaped("Reshape", {"shape": (-1, -4, 1, 2)}, [(2, 2)], [(0, 2)]),
    *_shaped("Reshape", {"shape": (-4, 1, 2, -1)}, [(2, 1)], [(2, 6)], [(2, 0)]),
    *_shaped("Reshape", {"shape": (-2, -1)}, [(2, 1)], [(2, 3)], [(1, 1)]),
    *_each("Reshape", [{"target_shape": (2, 0)}, {"target_shape": (0, 6), "keep_highest": True},
                       {}], (2, 3, 4)),
    *_shaped("Reshape", {"shape": (0, -1)}, [(0, 3, 4)], [(2, 0, 4)], [None]),
    *_shaped("Reshape", {"shape": (2, 12)}, [(2, 3, 0)], [(0, 0, 4)], [None]),
    *_shaped("Reshape", {"shape": (-3, 0)}, [(0, 3, 4)]),
    *_shaped("Reshape", {"shape": (-4, 2, -1, 0)}, [(0, 3)]),
    *_shaped("reshape_like", {}, [(2, 6), (3, 4)], [(2, 6), (3, 5)]),
    *_shaped("reshape_like", {"lhs_begin": 0, "lhs_end": 1, "rhs_begin": 1, "rhs_end": 3},
             [(6, 5), (7, 2, 3)]),
    *_shaped("Flatten", {}, [(2, 3, 4)], [(2,)], [(2, 0)]),
    *_each("transpose", [{}, {"axes": (1, 0, 2)}, {"axes": (2, 0, 1)}, {"axes": (0, 1)}],
           (2, 3, 4)),
    *_shaped("transpose", {}, [(2, 0)]),
    *_each("SwapAxis", [{"dim1": 0, "dim2": 2}, {"dim1": -1, "dim2": 0}, {},
                        {"dim1": 0, "dim2": 3}],
           (2, 3, 4)),
    *_each("expand_dims", [{"axis": axis} for axis in (0, 1, 3, -1, -4, 4, -5)], (2, 3, 4)),
    *_each("squeeze", [{}, {"axis": 0}, {"axis": (0, 2)}, {"axis": -1}, {"axis": 1}, {"axis": 3},
                       {"axis": (0, 0)}], (1, 3, 1)),
    *_shaped("squeeze", {}, [(1, 1)], [(2, 3)]),
    *_shaped("depth_to_space", {"block_size": 2}, [(2, 8, 3, 5)], [(2, 6, 3, 5)]),
    *_shaped("space_to_depth", {"block_size": 2}, [(2, 3, 4, 6)], [(2, 3, 5, 6)]),
    # slicing
    *_each("slice", [{"begin": begin, "end": end, **more} for begin, end, more in (
        ((0,), (1,), {}), ((0, 1), (2, 3), {}), ((None, -2), (None, None), {}),
        ((0, 0), (9, 9), {}),
        ((0, 3), (2, 0), {"step": (1, -1)}), ((None, None), (None, None), {"step": (None, -2)}),
        ((0, 1), (2, 4), {"step": (1, 2)}), ((1,), (1,), {}), ((0, 0, 0, 0), (1, 1, 1, 1), {}),
        ((-9,), (2,), {}), ((5,), (6,), {}))], (2, 5, 4)),
    *_each("slice_axis", [{"axis": axis, "begin": begin, "end": end} for axis, begin, end in (
        (1, 0, 2), (-1, 1, None), (1, -2, None), (1, 0, -1), (0, 0, 9), (1, 3, 2), (3, 0, 1))],
        (2, 5, 4)),
    *_shaped("slice_axis", {"axis": 1, "begin": 0, "end": 2}, [(2, 0)], [(0, 5)]),
    *_shaped("slice_like", {}, [(5, 6), (3, 4)], [(5, 6), (7, 4)], [(5, 6), (3, 4, 5)]),
    *_shaped("slice_like", {"axes": (0,)}, [(5, 6), (3, 4, 5)], [(5, 6, 7), (3, 9)]),
    *_shaped("slice_like", {"axes": (-1,)}, [(5, 6), (3, 4)], [(5, 6, 7), (3, 4)]),
    *_each("SliceChannel", [{"num_outputs": n, **more} for n, more in (
        (2, {}), (3, {"axis": -1}), (1, {}), (4, {"squeeze_axis": True}), (3, {}),
        (2, {"squeeze_axis": True}), (2, {"axis": 0}))], (2, 4, 6)),
    *_shaped("SliceChannel", {"num_outputs": 2}, [(0, 4)]),
    *_each("_split_v2", [{"indices": indices, **more} for indices, more in (
        ((0, 2), {}), ((0, 2, 3), {"axis": 2}), ((0,), {"sections": 2}),
        ((0,), {"sections": 4, "squeeze_axis": True}), ((0, 1), {"axis": 0, "squeeze_axis": True}),
        ((0, 2), {"axis": -1}), ((0,), {"sections": 3}))], (2, 4, 6)),
    *_shaped("Crop", {"num_args": 2}, [(2, 3, 8, 9), (2, 5, 4, 6)]),
    *_shaped("Crop", {"num_args": 1, "h_w": (4, 5)}, [(2, 3, 8, 9)]),
    *_shaped("Crop", {"num_args": 1, "h_w": (4, 5), "offset": (2, 2)}, [(2, 3, 8, 9)]),
    *_shaped("Crop", {"num_args": 1, "h_w": (4, 5), "center_crop": True}, [(2, 3, 8, 9)]),
    *_shaped("Crop", {"num_args": 1, "h_w": (9, 5)}, [(2, 3, 8, 9)]),
    # joining
    *_shaped("Concat", {"num_args": 2}, [(2, 3), (2, 4)], [(2, 3, 4), (2, 5, 4)], [(2, 3), (3, 4)],
             [(0, 3), (2, 4)], [(2, 0), (2, 4)]),
    *_each("Concat", [{"num_args": 2, "dim": dim} for dim in (0, -1, 2, 3)], (2, 3, 4), (2, 3, 4)),
    *_shaped("Concat", {"num_args": 1}, [(2, 3)]),
    *_shaped("_rnn_param_concat", {"num_args": 2, "dim": 0}, [(3,), (4,)], [(0,), (4,)]),
    *_each("stack", [{"num_args": 2, "axis": axis} for axis in (0, 1, -1, 3)], (2, 3), (2, 3)),
    *_shaped("stack", {"num_args": 2}, [(2, 3), None], [(2, 3), (2, 4)], [(2, 0), (2, 3)]),
    *_each("tile", [{"reps": reps} for reps in ((2,), (2, 3), (2, 1, 3), (2, 2, 2, 2))], (3, 4, 5)),
    *_each("repeat", [{"repeats": 2}, {"repeats": 2, "axis": 1}, {"repeats": 3, "axis": -1},
                      {"repeats": 2, "axis": 3}], (3, 4, 5)),
    *_each("Pad", [{"mode": mode, "pad_width": (0, 0, 0, 0, 1, 2, 3, 4)}
                   for mode in ("constant", "edge", "reflect")], _IMAGE),
    *_shaped("Pad", {"mode": "constant", "pad_width": (0, 0, 0, 0, 1, 1)}, [_IMAGE], [(2, 3, 4)]),
    *_shaped("UpSampling", {"scale": 2, "sample_type": "nearest", "num_args": 1}, [_IMAGE]),
    *_shaped("UpSampling", {"scale": 3, "sample_type": "bilinear", "num_filter": 8, "num_args": 2},
             [_IMAGE]),
    *_shaped("UpSampling", {"scale": 2, "sample_type": "nearest", "num_args": 2},
             [(2, 3, 4, 4), (2, 5, 8, 8)], [(2, 3, 4, 4), (2, 5, 4, 4)],
             [(2, 3, 4, 4), (2, 5, 3, 3)]),
    *_shaped("UpSampling", {"scale": 2, "sample_type": "nearest", "num_args": 2,
                            "multi_input_mode": "sum"}, [(2, 3, 4, 4), (2, 3, 8, 8)]),
    *_shaped("broadcast_to", {"shape": (2, 3)}, [(1, 3)], [(2, 1)], [(2, 4)], [(3,)]),
    *_shaped("broadcast_to", {"shape": (0, 3)}, [(2, 1)], [(2, 3)]),
    *_each("broadcast_axis", [{"axis": 1, "size": 3}, {"axis": (1, 2), "size": (3, 4)},
                              {"axis": 0, "size": 3}, {"axis": 5, "size": 3}], (2, 1, 1)),
    *_shaped("broadcast_like", {}, [(1, 3), (2, 3)], [(2, 3), (2, 4)], [(1,), (2, 3)]),
    *_shaped("broadcast_like", {"lhs_axes": (0,), "rhs_axes": (-1,)}, [(1, 3), (5, 6, 7)]),
    # reducing
    *[(op, each, [(2, 3, 4)]) for op in ("sum", "mean", "max", "norm") for each in (
        {}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}, {"keepdims": True},
        {"axis": 3}, {"axis": (0, 1, 2)}, {"axis": ()}, *([] if op == "norm" else [
            {"axis": 1, "exclude": True}, {"axis": (0, 1), "exclude": True, "keepdims": True}]))],
    *[(op, each, [(2, 3, 4)]) for op in ("argmax", "argmin") for each in (
        {}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": 4})],
    *_shaped("sum", {"axis": 1}, [(2, 0, 4)], [(0, 3)], [None]),
    *_each("moments", [{"axes": axes, "keepdims": kept} for kept in (False, True) for axes in (
        (0,), (0, 2), (-1,), (1, 0), (0, 1, 2), (), (3,), (0, 0))], (2, 3, 4)),
    *_shaped("moments", {"axes": (0,)}, [(2, 0, 4)]),
    *_shaped("pick", {}, [(2, 3), (2,)], [(2, 3), None], [(2, 3), (3,)]),
    *_shaped("pick", {"axis": 0}, [(2, 3), None]),
    *_shaped("pick", {"keepdims": True}, [(2, 3), None], [(2, 3), (2, 1)]),
    *[(op, each, [(2, 3, 4)]) for op in ("sort", "argsort") for each in (
        {}, {"axis": 0}, {"axis": None}, {"axis": 3})],
    *_each("topk", [{"k": 2, "ret_typ": kind} for kind in ("indices", "value", "both", "mask")],
           (2, 3, 4)),
    *_each("topk", [{"k": 2, "axis": 1}, {"k": 0}, {"k": 2, "axis": None}, {"k": 9},
                    {"k": 2, "dtype": "int32"}], (2, 3, 4)),
    # indexing
    *[("take", each, [(5, 6), (2, 3)]) for each in ({}, {"axis": 1}, {"axis": -1}, {"axis": 2})],
    *_shaped("batch_take", {}, [(5, 6), (5,)]),
    *_shaped("gather_nd", {}, [(5, 6), (2, 3)], [(5, 6, 7), (1, 3, 2)], [(5, 6), (3, 2)]),
    *_shaped("scatter_nd", {"shape": (5, 6)}, [(3,), (2, 3)]),
    *_shaped("one_hot", {"depth": 7}, [(2, 3)]),
    *_each("diag", [{"k": k} for k in (0, 1, 2, 3, 4, 5, -1, -2, -3, -4)], (3, 4)),
    *_each("diag", [{"k": k, "axis1": -1, "axis2": 0} for k in (0, 1, 2, 3, -1, -3, -4, -5)],
           (2, 3, 4)),
    *_each("diag", [{}, {"k": 2}, {"k": -2}], (4,)),
    *_shaped("diag", {"axis1": 1, "axis2": -2}, [(2, 3, 4)]),
    *_shaped("diag", {"axis2": 2}, [(2, 3)]),
    *_shaped("_ravel_multi_index", {"shape": (3, 4)}, [(2, 7)], [(2, 0)], [(3, 7)], [(2,)],
             [(2, 3, 4)], [None]),
    *_shaped("one_hot", {"depth": 7, "dtype": "int32"}, [(2,)]),
    *_shaped("SequenceMask", {}, [(4, 2, 3)]),
    *_shaped("SequenceMask", {"use_sequence_length": True}, [(4, 2, 3), None]),
    *_shaped("SequenceMask", {"use_sequence_length": True, "axis": 1}, [(4, 2, 3), None]),
    *_shaped("SequenceLast", {}, [(4, 2, 3)]),
    *_shaped("SequenceLast", {"use_sequence_length": True, "axis": 1}, [(4, 2, 3), None]),
    *_shaped("SequenceReverse", {"use_sequence_length": True}, [(4, 2, 3), None]),
    *_shaped("reverse", {"axis": 1}, [(4, 2, 3)]),
    # recurrent
    *[("RNN", {"mode": mode, "state_size": 5, "num_layers": layers, "bidirectional": both,
               "state_outputs": states}, [(7, 2, 3)])
      for mode in ("rnn_relu", "rnn_tanh", "lstm", "gru") for layers in (1, 3)
      for both in (False, True) for states in (False, True)],
    *_shaped("RNN", {"mode": "lstm", "state_size": 5, "num_layers": 2, "projection_size": 4,
                     "state_outputs": True}, [(7, 2, 3)]),
    # creating
    *[(op, {"shape": shape}, []) for op in ("_zeros", "_ones") for shape in ((2, 3), (0, 3), ())],
    ("_full", {"shape": (2, 3), "value": 7, "dtype": "int32"}, []),
    *[("_arange", each, []) for each in (
        {"start": 0, "stop": 5}, {"start": 5}, {"start": 1, "stop": 2, "step": 0.3},
        {"start": 5, "stop": 0, "step": -2}, {"start": 0, "stop": 5, "repeat": 2},
        {"start": 5, "stop": 0}, {"start": 0, "stop": 1, "step": 0.1, "dtype": "int32"})],
    ("_eye", {"N": 3}, []),
    ("_eye", {"N": 3, "M": 4}, []),
    *[("_contrib_arange_like", each, [(2, 3)]) for each in ({}, {"axis": 1}, {"axis": -1})],
    *[("_random_uniform", each, []) for each in (
        {"shape": (2, 3)}, {"shape": (2, 3), "dtype": "float64"}, {"shape": ()})],
    *_shaped("_sample_normal", {"shape": (3,)}, [(2,), (2,)], [(2, 2), None]),
    *_shaped("_sample_normal", {}, [(2,), (2,)]),
    *_shaped("shape_array", {}, [(2, 3)]),
    *_shaped("size_array", {}, [(2, 3)]),
    # resizing
    *[("_contrib_AdaptiveAvgPooling2D", each, [_IMAGE]) for each in (
        {}, {"output_size": 3}, {"output_size": (3, 4)})],
    *[("_contrib_BilinearResize2D", each, [_IMAGE]) for each in (
        {"height": 5, "width": 6}, {"scale_height": 1.5, "scale_width": 2.5},
        {"mode": "odd_scale", "scale_height": 1.5, "scale_width": 2.5},
        {"mode": "to_even_down"}, {"mode": "to_even_up"}, {"mode": "to_odd_down"},
        {"mode": "to_odd_up"})],
    *_shaped("_contrib_BilinearResize2D", {"mode": "like"}, [_IMAGE, (2, 8, 4, 5)]),
    *_shaped("SpatialTransformer", {"target_shape": (5, 6), "transform_type": "affine",
                                    "sampler_type": "bilinear"}, [_IMAGE, None]),
    *_shaped("BilinearSampler", {}, [_IMAGE, (2, 2, 5, 6)]),
    *_shaped("GridGenerator", {"transform_type": "affine", "target_shape": (5, 6)}, [(2, 6)]),
    *_shaped("GridGenerator", {"transform_type": "warp"}, [(2, 2, 5, 6)]),
    # detection
    *[("_contrib_MultiBoxPrior", each, [_IMAGE]) for each in (
        {}, {"sizes": (0.1, 0.2), "ratios": (1, 2, 0.5)})],
    *_shaped("_contrib_MultiBoxDetection", {}, [(2, 3, 10), (2, 40), (1, 10, 4)],
             [(2, 3, 10), (2, 30), (1, 10, 4)]),
    *_shaped("_contrib_MultiBoxTarget", {}, [(1, 10, 4), (2, 3, 5), (2, 3, 10)]),
    *_shaped("_contrib_box_nms", {}, [(2, 10, 6)], [(10, 6)]),
    *_shaped("_contrib_box_iou", {}, [(10, 4), (5, 4)], [(2, 10, 4), (5, 4)]),
    *_shaped("_contrib_box_decode", {}, [(2, 10, 4), (1, 10, 4)]),
    *_shaped("_contrib_bipartite_matching", {"threshold": 0.5}, [(2, 10, 5)]),
    *_shaped("ROIPooling", {"pooled_size": (3, 4), "spatial_scale": 1}, [_IMAGE, (7, 5)],
             [_IMAGE, (7, 4)]),
    *_shaped("_contrib_ROIAlign", {"pooled_size": (3, 4), "spatial_scale": 1}, [_IMAGE, (7, 5)]),
    *_shaped("_contrib_ROIAlign", {"pooled_size": (2, 2), "spatial_scale": 1,
                                   "position_sensitive": True}, [_IMAGE, (7, 5)]),
    *_shaped("_contrib_Proposal", {"rpn_post_nms_top_n": 30}, [(1, 24, 5, 6)]),
    *_shaped("_contrib_MultiProposal", {"rpn_post_nms_top_n": 30, "output_score": True},
             [(2, 24, 5, 6)]),
    # heads
    *_shaped("softmax", {}, [(2, 3)]),
    *_shaped("softmax", {"axis": 1, "use_length": True}, [(2, 3, 4), None]),
    *_shaped("softmax", {"dtype": "float64"}, [(2, 3)]),
    *_shaped("log_softmax", {}, [(2, 3)]),
    *_shaped("SoftmaxOutput", {}, [(2, 3)], [(2, 3, 4)], [(2, 3), (2, 3)], [(2, 3), (3,)],
             [(2, 3), (2,)]),
    *_shaped("SoftmaxOutput", {"multi_output": True}, [(2, 3, 4)], [(2, 3, 4, 5)],
             [(2, 3, 4, 5), (2, 4, 5)], [(2, 3, 4, 5), (2, 1, 4, 5)], [(2, 3, 4), (3, 4)]),
    *_shaped("SoftmaxOutput", {"preserve_shape": True}, [(2, 3, 4)]),
    *[(op, {}, shapes) for op in ("LinearRegressionOutput", "LogisticRegressionOutput",
                                  "MAERegressionOutput")
      for shapes in ([(2, 1)], [(2, 3)], [(2, 1), (2,)], [(2, 3), (2,)], [(2, 3, 4)])],
    *_shaped("softmax_cross_entropy", {}, [(2, 3), (2,)]),
    *_shaped("SVMOutput", {}, [(2, 3)]),
    *_shaped("CTCLoss", {}, [(7, 2, 5), (2, 3)]),
    # attention
    *_shaped("_contrib_interleaved_matmul_selfatt_qk", {"heads": 2}, [(7, 3, 12)], [(7, 3, 10)]),
    *_shaped("_contrib_interleaved_matmul_selfatt_valatt", {"heads": 2}, [(7, 3, 12), (6, 7, 7)]),
    *_shaped("_contrib_interleaved_matmul_encdec_qk", {"heads": 2}, [(7, 3, 4), (5, 3, 8)]),
    *_shaped("_contrib_interleaved_matmul_encdec_valatt", {"heads": 2}, [(5, 3, 8), (6, 7, 5)]),
    # quantization
    *[("_contrib_quantize_v2", each, [(2, 3)]) for each in (
        {}, {"out_type": "uint8"}, {"out_type": "auto", "min_calib_range": 0.0,
                                    "max_calib_range": 1.0},
        {"out_type": "auto", "min_calib_range": -1.0, "max_calib_range": 1.0})],
    *_shaped("_contrib_dequantize", {}, [(2, 3)]),
    *_shaped("_contrib_requantize", {}, [(2, 3)]),
    *_shaped("_contrib_quantized_fully_connected", {"num_hidden": 5}, [(2, 3)]),
    *_shaped("_contrib_quantized_pooling", {"kernel": (2, 2)}, [_IMAGE]),
    *_shaped("_contrib_quantized_act", {"act_type": "relu"}, [(2, 3)]),
    *_shaped("_contrib_quantized_conv", {**_CONV, "no_bias": True}, [_IMAGE]),
    ("_linspace", {"start": 0, "stop": 1, "num": 5}, []),
    *_shaped("Convolution_v1", {**_CONV, "pad": (1, 0)}, [_IMAGE]),
    *_shaped("_contrib_box_encode", {}, [(2, 10), (2, 10), (2, 10, 4), (2, 3, 4), (4,), (4,)]),
    *_each("_split_v2", [{"indices": indices, "axis": 0} for indices in (
        (1, 2), (0, 2, 1), (0, 3), (0, 0), (0, 4))], (3, 3)),
    *_each("im2col", [
        {"kernel": (3, 3)}, {"kernel": (2, 2), "stride": (2, 1), "pad": (1, 0), "dilate": (1, 2)},
        {"kernel": (3,)}, {"kernel": (2, 2, 2)}, {"kernel": (10, 3)}, {"kernel": (0, 3)},
        {"kernel": (3, 3), "stride": (0, 1)}], _IMAGE),
    *_shaped("im2col", {"kernel": (3, 3)}, [(2, 3, 7)], [(0, 3, 7, 8)], [(2, 3, 0, 8)], [None]),
    *_each("Correlation", [
        {}, {"kernel_size": 3, "max_displacement": 4, "stride2": 2, "pad_size": 4},
        {"kernel_size": 1, "max_displacement": 2, "stride1": 2, "pad_size": 2},
        {"kernel_size": 4, "pad_size": 5, "stride1": 3, "is_multiply": False},
        {"max_displacement": 9}], _IMAGE, _IMAGE),
    *_shaped("Correlation", {}, [(2, 3, 9), (2, 3, 9)], [(0, 3, 9, 10), (0, 3, 9, 10)],
             [(2, 3, 9, 10), (2, 4, 9, 10)], [(2, 3, 2, 9), (2, 3, 2, 9)]),
    # where a plausible rule is wrong
    *_shaped("_contrib_Proposal", {"rpn_post_nms_top_n": 30}, [(5, 24, 5, 6)]),
    *_shaped("sum", {"axis": (), "exclude": True}, [(2, 3, 4)]),
    *_shaped("repeat", {"repeats": 0, "axis": 1}, [(3, 4, 5)]),
    *_shaped("_contrib_AdaptiveAvgPooling2D", {"output_size": (2, 3, 1)}, [_IMAGE]),
    *_shaped("_contrib_BilinearResize2D", {"height": 2, "width": 6, "scale_width": 2.5}, [_IMAGE],
             [_IMAGE]),
    *_shaped("_contrib_box_encode", {}, [(2, 10), (2, 10), (2, 3, 4), (2, 3, 4), (4,), (4,)]),
    *_shaped("RNN", {"mode": "gru", "state_size": 4, "num_layers": 1, "projection_size": 0},
             [(7, 2, 3)]),
    *_shaped("_eye", {"N": 3, "M": -1}, []),
    *_shaped("SequenceMask", {"axis": 2}, [(4, 2, 3)]),
    *_shaped("CTCLoss", {}, [(7, 5, 5), (2, 3)]),
    *_shaped("gather_nd", {}, [(5, 6, 2), (3,)]),
    *_shaped("Dropout", {"axes": (4,)}, [(2, 3, 4)]),
    *_shaped("_contrib_quantized_flatten", {}, [(2, 3, 4)]),
]  # fmt: skip
