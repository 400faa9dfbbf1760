"""``fold``: what depends on no input is stored, up to a size; what it was made of goes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import graphpass
from graphpass import Model, Parameters
from graphpass.errors import OperationError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.ops.meaning import evaluate

SLICES = """
x, w = variable(), variable()
a = slice_axis(w, axis=0, begin=0, end=2)
b = slice_axis(w, axis=0, begin=2, end=4)
c = FullyConnected(x, a, num_hidden=2, no_bias=True)
d = FullyConnected(x, b, num_hidden=2, no_bias=True)
return elemwise_add(c, d, name="y")
"""


def model_of(text: str, **shapes: tuple[int, ...]) -> Model:
    numbers = np.random.default_rng(3)
    arrays = {name: numbers.standard_normal(shape) for name, shape in shapes.items()}
    parameters = Parameters({name: array.astype("float32") for name, array in arrays.items()})
    return Model(parse_graph(text), parameters)


def unchanged(perform, text: str, note: str | None, **shapes: tuple[int, ...]) -> None:
    model = model_of(text, **shapes)
    before = print_graph(model.graph)
    done = perform(model, "fold", None)
    assert print_graph(model.graph) == before
    assert done.summary == "folded 0 operators; the parameters are as large as before"
    assert done.notes == ([] if note is None else [note])


def test_slices_of_one_weight_are_stored(perform) -> None:
    model = model_of(SLICES, w=(4, 3))
    whole = np.array(model.parameters["w"])
    done = perform(model, "fold", None)
    assert done.summary == (
        "folded 2 operators into 2 parameters ('a_output', 'b_output'); the parameters are as "
        "large as before"
    )
    assert list(model.parameters) == ["a_output", "b_output"]
    np.testing.assert_array_equal(model.parameters["a_output"], whole[:2])
    np.testing.assert_array_equal(model.parameters["b_output"], whole[2:])
    assert print_graph(model.graph) == print_graph(
        parse_graph(
            """
            x, a_output = variable(), variable(__shape__=(2, 3))
            c = FullyConnected(x, a_output, num_hidden=2, no_bias=True)
            b_output = variable(__shape__=(2, 3))
            d = FullyConnected(x, b_output, num_hidden=2, no_bias=True)
            return elemwise_add(c, d, name="y")
            """
        )
    )
    again = perform(model, "fold", None)
    assert again.summary == "folded 0 operators; the parameters are as large as before"


def test_what_others_read_lives_on(perform) -> None:
    model = model_of(
        SLICES.replace("elemwise_add(c, d", "elemwise_add(c, dot(x, w, transpose_b=True)"), w=(4, 3)
    )
    perform(model, "fold", None)
    assert set(model.parameters) == {"a_output", "w"}


def test_a_value_is_stored_once(perform) -> None:
    model = model_of(
        """
        x, w = variable(), variable()
        s = _mul_scalar(w, scalar=2)
        t = elemwise_add(s, s)
        return Concat(broadcast_add(x, t), broadcast_mul(x, t), broadcast_mul(t, s), num_args=3)
        """,
        w=(1, 3),
    )
    done = perform(model, "fold", None)
    assert done.notes == []
    assert set(model.parameters) == {"t_output", "broadcast_mul1_output"}


def test_types_are_said_where_they_are_not_float32(perform) -> None:
    model = model_of(
        """
        x = variable()
        i = _arange(start=0, stop=3, dtype="int32")
        return take(x, i)
        """
    )
    perform(model, "fold", None)
    assert "i_output = variable(__dtype__=4, __shape__=(3,))" in print_graph(model.graph)
    assert model.parameters["i_output"].dtype == np.int32


def test_a_name_that_is_taken(perform) -> None:
    model = model_of("x = variable(); a_output = relu(x); a = _ones(shape=(2, 3)); "
                     "return elemwise_add(a_output, a)")  # fmt: skip
    perform(model, "fold", None)
    assert list(model.parameters) == ["a_output_1"]


def test_classes_are_those_that_the_file_has(perform) -> None:
    model = model_of(SLICES, w=(4, 3))
    model.parameters.set("w", np.ones((4, 3), "float32"), "")
    perform(model, "fold", None)
    assert model.parameters.class_of("a_output") == ""


GROWING = """
x, w, v = variable(), variable(), variable()
a = tile(w, reps=(1, 8))
b = slice_axis(v, axis=0, begin=0, end=2)
c = slice_axis(v, axis=0, begin=2, end=4)
return Concat(dot(x, a), dot(x, b), dot(x, c), num_args=3)
"""


def test_the_file_grows_by_so_much_at_most(perform) -> None:
    model = model_of(GROWING, w=(3, 2), v=(4, 3))
    done = perform(model, "fold", {"grow": 100})
    assert set(model.parameters) == {"w", "b_output", "c_output"}
    assert done.notes == [
        "'a': storing the value would take more than 100 bytes; `grow` says how many it may take"
    ]
    perform(model, "fold", {"grow": 168})
    assert set(model.parameters) == {"a_output", "b_output", "c_output"}


def test_what_is_too_large_to_store_is_not_even_made(perform) -> None:
    unchanged(
        perform,
        "x = variable(); a = _ones(shape=(100000, 1000000)); return elemwise_add(x, a)",
        "'a': it is too large",
    )


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("h = relu(w); return h, x", "'h': a head, which keeps its name"),
        ("z = _zeros(shape=(0, 3)); return elemwise_add(x, z)",
         "'z': its shape depends on what reads it"),
        ("r = _random_uniform(shape=(2, 3)); return elemwise_add(x, r)",
         "'r': not the same in every run"),
        ('d = Dropout(w, mode="always"); return elemwise_add(x, d)',
         "'d': not the same in every run"),
        ("t = dot(w, w); return elemwise_add(x, t)", "'t': graphpass can't evaluate dot"),
        ("a = relu(w); b = tanh(x, after=[a]); return elemwise_add(a, b)",
         "'a': an operator waits for it, or writes to it"),
        ("n = add_n(w, w, w, num_args=3); return elemwise_add(x, n)",
         "'n': graphpass can't say what MXNet's add_n gives for these numbers"),
        ("return elemwise_add(x, w)", None),
    ],
)  # fmt: skip
def test_what_is_left_alone(perform, body: str, note: str | None) -> None:
    unchanged(perform, f"x, w = variable(), variable(); {body}", note, w=(2, 3))


MISFITS = [
    ("r = reshape(w, shape=(0, -1, 2)); return broadcast_add(x, r)", (2, 2, 2),
     "'r': graphpass can't say what MXNet makes of this: 6 elements into 4: (2, 3) to (2, 1, 2)"),
    ("l = _linspace(start=0, stop=1, num=2); r = Reshape(l, shape=(1, 3)); "
     "return broadcast_add(x, r)", (1, 3),
     "'r': graphpass can't say what MXNet makes of this: 2 elements into 3: (2,) to (1, 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "shape", "note"), MISFITS)
def test_a_reshape_into_another_number_of_elements_stays(
    perform, body: str, shape: tuple[int, ...], note: str
) -> None:
    model = model_of(f"x, w = variable(), variable(); {body}", w=(2, 3))
    done = perform(model, "fold", None)
    assert done.notes == [note]
    assert "Reshape" in {model.graph.op(key) for key in model.graph.order()}


@pytest.mark.mxnet
@pytest.mark.parametrize(("body", "shape", "note"), MISFITS)
def test_mxnet_runs_a_reshape_into_another_number_of_elements(
    mx, body: str, shape: tuple[int, ...], note: str
) -> None:
    """Whatever the numbers are: it binds, which is why such a node has to stay as it is."""
    from graphpass import dumps

    model = model_of(f"x, w = variable(), variable(); {body}", w=(2, 3))
    symbol = mx.sym.load_json(dumps(model.graph))
    given = {"x": shape, "w": (2, 3)}
    shapes = {name: given[name] for name in symbol.list_arguments()}
    assert symbol.infer_shape(**shapes)[1] == [shape]


@pytest.mark.mxnet
def test_parts_of_unequal_length(perform, judge) -> None:
    model = model_of(
        "x, w = variable(), variable(); s = _split_v2(w, indices=(0,), sections=2, axis=0); "
        "return broadcast_add(x, s[0])",
        w=(3, 3),
    )
    fed = {"x": np.zeros((2, 3), "float32")}
    before = judge.outputs(model, fed)
    assert perform(model, "fold", None).notes == []
    assert len(model.graph) == 3
    np.testing.assert_array_equal(judge.outputs(model, fed)[0], before[0])


@pytest.mark.mxnet
def test_a_number_that_makes_float64_of_integers(perform, judge) -> None:
    model = model_of(
        """
        x, i = variable(__dtype__=1), variable()
        f = _mul_scalar(i, scalar=2.5, is_int=False)
        return broadcast_add(x, f)
        """
    )
    model.parameters.set("i", np.array([[1, 2, 3]], "int32"), "arg")
    fed = {"x": np.zeros((2, 3), "float64")}
    before = judge.outputs(model, fed)
    perform(model, "fold", None)
    assert model.parameters["f_output"].dtype == np.float64
    after = judge.outputs(model, fed)
    assert after[0].dtype == before[0].dtype == np.float64
    np.testing.assert_array_equal(after[0], before[0])


def test_a_gamma_that_is_overwritten_is_no_constant(perform) -> None:
    text = """
    x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
    n = BatchNorm(x, g, b, m, v)
    return broadcast_add(n, relu(g))
    """
    unchanged(perform, text, None, g=(3,), b=(3,), m=(3,), v=(3,))
    model = model_of(text.replace("b, m, v)", "b, m, v, fix_gamma=False)"), g=(3,), b=(3,))
    perform(model, "fold", None)
    assert set(model.parameters) == {"g", "b", "relu0_output"}


def test_auxiliary_states_are_no_constants(perform) -> None:
    unchanged(
        perform,
        """
        x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
        n = BatchNorm(x, g, b, m, v)
        return broadcast_add(n, relu(m))
        """,
        None,
        g=(3,), b=(3,), m=(3,), v=(3,),
    )  # fmt: skip


def test_a_hint_that_promises_another_type(perform) -> None:
    unchanged(
        perform,
        'x, w = variable(), variable(__dtype__="2"); return elemwise_add(x, relu(w))',
        None,
        w=(2, 3),
    )


def test_a_model_without_its_parameters(perform) -> None:
    """One stored array would make inputs of all the weights that are not here."""
    model = model_of(
        "x, w = variable(), variable(); y = FullyConnected(x, w, num_hidden=2, no_bias=True); "
        "return elemwise_add(y, _ones(shape=(2, 2)))"
    )
    done = perform(model, "fold", None)
    assert done.summary == "folded 0 operators"
    assert done.notes == [
        "the model is here without its parameters, so there is no place for new ones"
    ]
    assert not model.parameters


def test_training(refused) -> None:
    message = refused(model_of(SLICES, w=(4, 3)), "fold", None, OperationError, purpose="training")
    assert message == (
        "fold makes constants of what is computed from parameters, which training would change; "
        "run it when the training is done"
    )


def test_a_long_chain(perform) -> None:
    lines = ["x, w = variable(), variable()", "a0 = _plus_scalar(w, scalar=1)"]
    lines += [f"a{n} = _plus_scalar(a{n - 1}, scalar=1)" for n in range(1, 2000)]
    model = model_of("\n".join([*lines, "return elemwise_add(x, a1999)"]), w=(1,))
    perform(model, "fold", None)
    np.testing.assert_allclose(model.parameters["a1999_output"], 2000, atol=3)
    assert len(model.graph) == 3


@pytest.mark.mxnet
def test_module_and_symbol_block_bind_what_is_stored(perform, mx, judge) -> None:
    """Shape and type of a new variable are known without any array: hints say them."""
    model = model_of(
        """
        x, w = variable(), variable()
        s = _mul_scalar(w, scalar=0.3)
        i = _arange(start=0, stop=2, dtype="int32")
        return take(broadcast_add(x, s), i)
        """,
        w=(1, 3),
    )
    fed = {"x": np.random.default_rng(0).standard_normal((4, 3)).astype("float32")}
    before = judge.outputs(model, fed)
    perform(model, "fold", None)
    np.testing.assert_array_equal(judge.outputs(model, fed)[0], before[0])
    from graphpass import dumps

    symbol = mx.sym.load_json(dumps(model.graph))
    shapes, _, _ = symbol.infer_shape(x=(4, 3))
    types, _, _ = symbol.infer_type(x="float32")
    assert dict(zip(symbol.list_arguments(), shapes, strict=True))["s_output"] == (1, 3)
    assert dict(zip(symbol.list_arguments(), types, strict=True))["i_output"] == np.int32


@pytest.mark.mxnet
@pytest.mark.parametrize("op", ["Cast", "amp_cast"])
@pytest.mark.parametrize(("wide", "to"), [
    ("float32", "bfloat16"), ("bfloat16", "float32"), ("bfloat16", "float16"),
    ("float16", "bfloat16"),
])  # fmt: skip
def test_casts_of_bfloat16_are_folded_to_the_bits_of_mxnet(
    mx: ModuleType, op: str, wide: str, to: str
) -> None:
    values = np.concatenate([
        np.random.default_rng(0).standard_normal(4000),
        [1.005859375, 1.0078124, -1.0078124, 1.00390625, 1.01171875, 65504, np.inf, -0.0, 0],
        [3e38 if wide == "float32" else 1, 1e-5],
    ]).astype(wide)  # fmt: skip
    given = mx.nd.array(values.astype("float32"))
    if wide == "bfloat16":
        given = mx.nd.array(values.view([("bfloat16", "<u2")]), dtype=[("bfloat16", "<u2")])
    given = given.astype("float16") if wide == "float16" else given
    theirs = getattr(mx.nd, op)(given, dtype=to).asnumpy()
    found = evaluate(op, {"dtype": to}, [values], [values.shape], [to])
    assert found is not None
    assert np.array_equal(found[0].view("u1"), np.ascontiguousarray(theirs).view("u1"))


def test_arithmetic_in_bfloat16_and_what_is_tiny_is_left_alone() -> None:
    pair = np.ones((2, 2), "bfloat16")
    assert evaluate("elemwise_add", {}, [pair, pair], [(2, 2)], ["bfloat16"]) is None
    assert evaluate("transpose", {}, [pair], [(2, 2)], ["bfloat16"]) is None
    tiny = np.full(3, 1e-40, "float32")
    assert evaluate("amp_cast", {"dtype": "bfloat16"}, [tiny], [(3,)], ["bfloat16"]) is None


@pytest.mark.mxnet
def test_a_model_that_amp_made_bfloat16_is_folded(mx: ModuleType, tmp_path: Path) -> None:
    text = mx.sym.elemwise_add(
        mx.sym.var("data"), mx.sym.amp_cast(mx.sym.var("w"), dtype="float16")
    ).tojson(remove_amp_cast=False)
    (tmp_path / "net-symbol.json").write_text(text.replace("float16", "bfloat16"))
    mx.nd.save(str(tmp_path / "net-0000.params"), {"arg:w": mx.nd.array([[1.005859375, 2]])})
    model = graphpass.load(tmp_path / "net")
    assert graphpass.apply("optimize-for-inference", model)
    model.save(tmp_path / "folded")
    (stored,) = mx.nd.load(str(tmp_path / "folded-0000.params")).values()
    assert stored.asnumpy().view("<u2").tolist() == [[0x3F81, 0x4000]]
