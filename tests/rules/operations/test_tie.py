"""``tie``: variables become one node."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass import Model, dumps
from graphpass.errors import OperationError, SelectorError

CODER = """
    src = Embedding(source, src_weight, input_dim=5, output_dim=3)
    tgt = Embedding(target, tgt_weight, input_dim=5, output_dim=3)
    sum = elemwise_add(src, tgt)
    logits = FullyConnected(sum, out_weight, num_hidden=5, no_bias=True, flatten=False)
    return logits
"""
TABLE = np.arange(15, dtype="float32").reshape(5, 3)
EQUAL = {"src_weight": TABLE, "tgt_weight": TABLE.copy(), "out_weight": TABLE.copy()}


def test_all_consumers_read_one_node(net, perform, same_net) -> None:
    model = net(CODER, **EQUAL)
    size = sum(array.nbytes for array in model.parameters.values())
    done = perform(model, "tie", ["tgt_weight", "src_weight", "out_weight"])
    same_net(
        model,
        """
        src = Embedding(source, tgt_weight, input_dim=5, output_dim=3)
        tgt = Embedding(target, tgt_weight, input_dim=5, output_dim=3)
        sum = elemwise_add(src, tgt)
        logits = FullyConnected(sum, tgt_weight, num_hidden=5, no_bias=True, flatten=False)
        return logits
        """,
    )
    assert list(model.parameters) == ["tgt_weight"]
    assert model.parameters["tgt_weight"].nbytes == size // 3
    assert "3 inputs now read" in done.summary
    assert f"{size * 2 // 3} bytes left" in done.summary
    assert done.notes == []


@pytest.mark.parametrize("into", ["src_weight", "tgt_weight", "embed_weight"])
def test_the_name_may_be_chosen(net, perform, into: str) -> None:
    model = net(CODER, **EQUAL)
    perform(model, "tie", {"variables": ["src_weight", "tgt_weight"], "into": into})
    assert model.graph.arguments == ["source", into, "target", "out_weight"]
    assert sorted(model.parameters) == sorted([into, "out_weight"])


@pytest.mark.parametrize(
    ("keep", "kept"), [("src_weight", 0), ("tgt_weight", 1), ("first", 0), ("last", 1)]
)
def test_keep_says_whose_value_stays(net, perform, keep: str, kept: int) -> None:
    values = [TABLE, TABLE + 1]
    model = net(CODER, src_weight=values[0], tgt_weight=values[1], out_weight=TABLE)
    perform(model, "tie", {"variables": ["src_weight", "tgt_weight"], "keep": keep})
    np.testing.assert_array_equal(model.parameters["src_weight"], values[kept])


def test_values_that_differ_in_one_bit_are_refused(net, refused) -> None:
    negative = TABLE.copy()
    negative[0, 0] = -0.0
    model = net(CODER, src_weight=TABLE, tgt_weight=negative, out_weight=TABLE)
    message = refused(model, "tie", ["src_weight", "tgt_weight"], OperationError)
    assert "'src_weight' and 'tgt_weight' differ" in message
    assert "keep: first" in message


def test_shapes_that_differ_are_refused_whatever_is_kept(net, refused) -> None:
    model = net(CODER, src_weight=(5, 3), tgt_weight=(6, 3), out_weight=(5, 3))
    options = {"variables": ["src_weight", "tgt_weight"], "keep": "first"}
    message = refused(model, "tie", options, OperationError)
    assert "(5, 3)" in message
    assert "(6, 3)" in message


def test_shapes_that_are_only_hinted_count(net, refused, perform) -> None:
    hints = {"tgt_weight": {"__shape__": "(6,3)"}}
    model = net(CODER, hints, src_weight=(5, 3))
    assert "(6, 3)" in refused(model, "tie", ["src_weight", "tgt_weight"], OperationError)
    model = net(CODER, {"tgt_weight": {"__shape__": "(0, 3)"}}, src_weight=(5, 3))
    perform(model, "tie", ["src_weight", "tgt_weight"])


def test_types_that_differ_are_refused(net, refused) -> None:
    model = net(CODER, {"tgt_weight": {"__dtype__": "2"}}, **EQUAL)
    model.parameters["src_weight"] = TABLE.astype("float16")
    message = refused(model, "tie", ["src_weight", "out_weight"], OperationError)
    assert "'src_weight' is of float16 and 'out_weight' of float32" in message
    del model.parameters["tgt_weight"]
    assert "float16" in refused(model, "tie", ["tgt_weight", "out_weight"], OperationError)


def test_a_variable_without_value_takes_the_other_value(net, perform) -> None:
    model = net(CODER, tgt_weight=TABLE, out_weight=TABLE)
    done = perform(model, "tie", ["src_weight", "tgt_weight"])
    np.testing.assert_array_equal(model.parameters["src_weight"], TABLE)
    assert list(model.parameters) == ["out_weight", "src_weight"]
    assert "'src_weight' had no stored value" in done.notes[0]


def test_inputs_without_values_may_be_tied(net, perform, same_net) -> None:
    model = net("sum = elemwise_add(a, b)\nreturn sum, b")
    perform(model, "tie", ["a", "b"])
    same_net(model, "sum = elemwise_add(a, a)\nreturn sum, a")


def test_hints_that_conflict_are_reported_and_the_survivor_wins(net, perform) -> None:
    hints = {
        "src_weight": {"__lr_mult__": "1.0", "__init__": "zeros", "input_dim": "5"},
        "tgt_weight": {"__lr_mult__": "2.0", "__wd_mult__": "0.0", "__init__": "zeros"},
    }
    model = net(CODER, hints, **EQUAL)
    done = perform(model, "tie", ["src_weight", "tgt_weight"])
    assert dict(model.graph.node(model.graph.named("src_weight")[0]).attrs) == hints["src_weight"]
    assert done.notes == [
        "__lr_mult__ differs: 'src_weight' has '1.0', which stays, and 'tgt_weight' has '2.0'",
        "__wd_mult__ differs: 'src_weight' has none, which stays, and 'tgt_weight' has '0.0'",
    ]


def test_two_variables_of_one_name_can_be_tied(namesakes, perform, same_net) -> None:
    model = namesakes("sum = elemwise_mul(a, b)\nreturn sum", "a", "b")
    model.parameters["a"] = np.ones(2, "float32")
    perform(model, "tie", "a")
    same_net(model, "sum = elemwise_mul(a, a)\nreturn sum")
    assert list(model.parameters) == ["a"]


STATES = """
    one = BatchNorm(data, gamma, beta, mean1, var1)
    seen = relu(mean2)
    two = BatchNorm(one, gamma, beta, mean2, var2)
    return two, seen
"""
STATE_SHAPES = {"gamma": (3,), "beta": (3,), "mean1": (3,), "var1": (3,)}


def test_states_are_stamped_as_mxnet_composes_them(net, perform, same_net) -> None:
    model = net(STATES, **STATE_SHAPES)
    perform(model, "tie", ["mean1", "mean2"])
    same_net(model, STATES.replace("mean2", "mean1"))
    two = model.graph.named("two")[0]
    assert [entry.version for entry in model.graph.inputs(two)] == [0, 0, 0, 2, 1]
    assert model.parameters.class_of("mean1") == "aux"


def test_an_argument_is_no_auxiliary_state(net, refused) -> None:
    model = net(STATES, **STATE_SHAPES)
    message = refused(model, "tie", ["mean1", "gamma"], OperationError)
    assert "'gamma' is an argument and 'mean1' an auxiliary state" in message


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("src_weight", OperationError, "two variables or more"),
        (["src_weight", "src_weight"], OperationError, "two variables or more"),
        (["src_weight", "src"], SelectorError, "no variable is called 'src'"),
        ({"variables": ["src_weight", "tgt_weight"], "keep": "src"}, OperationError, "keep can't"),
        (
            {"variables": ["src_weight", "tgt_weight"], "into": "source"},
            OperationError,
            "variable 'source' (#0) is there already",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, error, message: str) -> None:
    assert message in refused(net(CODER, **EQUAL), "tie", options, error)


def test_keep_must_have_a_value(net, refused) -> None:
    model = net(CODER, src_weight=TABLE)
    options = {"variables": ["src_weight", "tgt_weight"], "keep": "tgt_weight"}
    assert "no stored value" in refused(model, "tie", options, OperationError)


def chain(names: list[str]) -> str:
    """A chain of operators that read weights of the given names."""
    lines, value = [], "data"
    for number, name in enumerate(names):
        op = "BatchNorm" if name.startswith("bn") else "elemwise_mul"
        inputs = f"{name}_g, {name}_b, {name}_m, {name}_v" if op == "BatchNorm" else name
        lines.append(f"x{number} = {op}({value}, {inputs})")
        value = f"x{number}"
    return "\n".join([*lines, f"return {value}"])


@given(names=st.lists(st.sampled_from(["w", "v", "bn1", "bn2"]), min_size=1, max_size=8))
def test_untie_and_tie_undo_each_other(net, perform, names: list[str]) -> None:
    model: Model = net(chain(names))
    for node in list(model.graph):
        if node.is_variable and node.name != "data":
            model.parameters[node.name] = np.full(3, hash(node.name) % 100, "float32")
    graph = model.graph
    shared = [
        node.name
        for node in graph
        if node.is_variable and len({use.node for use in graph.uses(node.key)}) > 1
    ]
    before, parameters = dumps(graph), model.parameters.copy()
    for name in shared:
        count = len(graph.uses(graph.named(name)[0]))
        apart = [name, *(f"{name}:{number}" for number in range(1, count))]
        perform(model, "untie", {"variable": name, "names": apart})
        untied, arrays = dumps(graph), model.parameters.copy()
        assert untied != before
        perform(model, "tie", apart)
        assert dumps(graph) == before
        assert model.parameters == parameters
        perform(model, "untie", {"variable": name, "names": apart})
        assert dumps(graph) == untied
        assert model.parameters == arrays
        perform(model, "tie", apart)


@pytest.mark.mxnet
def test_outputs_stay_equal_to_the_bit(net, perform, compute) -> None:
    model = net(CODER, **EQUAL)
    inputs = {"source": np.array([[0, 3]]), "target": np.array([[4, 1]])}
    before = compute(model, **inputs)
    perform(model, "tie", "glob:*_weight")
    np.testing.assert_array_equal(compute(model, **inputs), before)


# -- equal values ---------------------------------------------------------------------------------

EQUAL_ONES = {"variables": "glob:*", "equal": True}


def test_equal_values_are_stored_once(net, perform, same_net) -> None:
    model = net(CODER, src_weight=TABLE, tgt_weight=TABLE + 1, out_weight=TABLE.copy())
    done = perform(model, "tie", EQUAL_ONES)
    same_net(
        model,
        """
        src = Embedding(source, src_weight, input_dim=5, output_dim=3)
        tgt = Embedding(target, tgt_weight, input_dim=5, output_dim=3)
        sum = elemwise_add(src, tgt)
        logits = FullyConnected(sum, src_weight, num_hidden=5, no_bias=True, flatten=False)
        return logits
        """,
    )
    assert done.summary == (
        "tied 1 variable ('out_weight' into 'src_weight'); 60 bytes left the parameters"
    )
    assert perform(model, "tie", EQUAL_ONES).summary == (
        "tied 0 variables; 0 bytes left the parameters"
    )


def test_values_are_compared_bit_by_bit(net, perform) -> None:
    zeros = np.zeros((5, 3), "float32")
    model = net(CODER, src_weight=zeros, tgt_weight=-zeros, out_weight=zeros + np.float32(1e-45))
    assert perform(model, "tie", EQUAL_ONES).summary.startswith("tied 0 variables")
    nan = np.full((5, 3), np.nan, "float32")
    model = net(CODER, src_weight=nan, tgt_weight=nan.copy(), out_weight=TABLE)
    assert perform(model, "tie", EQUAL_ONES).summary.startswith("tied 1 variable")


def test_hints_for_training_keep_equal_values_apart(net, perform) -> None:
    hints = {"src_weight": {"__lr_mult__": "0"}, "out_weight": {"__init__": "zeros"}}
    model = net(CODER, hints, **EQUAL)
    assert "('out_weight' into 'tgt_weight')" in perform(model, "tie", EQUAL_ONES).summary


def test_only_what_is_selected_is_tied(net, perform) -> None:
    model = net(CODER, **EQUAL)
    perform(model, "tie", {"variables": ["glob:*t_weight", "source"], "equal": True})
    assert sorted(model.parameters) == ["src_weight", "tgt_weight"]


def test_equal_heads_stay_apart(net, perform) -> None:
    model = net(CODER.replace("return logits", "return logits, out_weight, tgt_weight"), **EQUAL)
    done = perform(model, "tie", EQUAL_ONES)
    assert model.graph.outputs == ["logits_output", "out_weight", "tgt_weight"]
    assert sorted(model.parameters) == ["out_weight", "tgt_weight"]
    assert done.notes == ["'tgt_weight', 'out_weight' are equal, but are heads, which stay apart"]


NORMS = """
    n = _contrib_SyncBatchNorm(x, g1, b1, m1, v1, fix_gamma={}, key="k")
    o = BatchNorm(n, g2, b2, m2, v2, fix_gamma=False)
    return o
"""


def norms(net, fix: bool, gamma: float):
    names = [f"{letter}{number}" for letter in "gbmv" for number in (1, 2)]
    values = {name: np.full(3, gamma, "float32") for name in names}
    return net(NORMS.format(fix), **values)


def test_states_stay_apart(net, perform) -> None:
    model = norms(net, False, 0.5)
    done = perform(model, "tie", EQUAL_ONES)
    assert done.notes == [
        "'m1', 'v1', 'm2', 'v2' are equal, but are auxiliary states, which stay apart"
    ]
    assert set(model.parameters) == {"g1", "m1", "v1", "m2", "v2"}


@pytest.mark.mxnet
def test_a_gamma_that_is_overwritten_stays_apart(net, perform, compute) -> None:
    """MXNet fills the gamma of fix_gamma with ones, and with it whatever shares the variable."""
    model = norms(net, True, 0.5)
    data = np.random.default_rng(0).standard_normal((2, 3)).astype("float32")
    before = compute(model, x=data)[0]
    perform(model, "tie", EQUAL_ONES)
    assert set(model.parameters) == {"g1", "b1", "m1", "v1", "m2", "v2"}
    assert model.graph.arguments == ["x", "g1", "b1"], "g2 and b2 are b1 now"
    np.testing.assert_array_equal(compute(model, x=data)[0], before)
    perform(model, "untie", {"variable": "b1", "names": ["b1", "b2"]})
    perform(model, "tie", ["g1", "b2"])
    assert not np.allclose(compute(model, x=data)[0], before), "or the guard is for nothing"


def test_what_is_to_be_trained_is_not_tied_by_value(net, refused) -> None:
    message = refused(net(CODER, **EQUAL), "tie", EQUAL_ONES, OperationError, purpose="training")
    assert message.startswith("values that are equal now would differ after training")
