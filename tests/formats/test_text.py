"""The text form and back again: examples word for word, the corpus, random graphs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphpass import Graph, dumps, loads
from graphpass.errors import CycleError, GraphpassError, SymbolError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Entry
from graphpass.testing import RunnableModel, models, symbol_texts

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures").glob("*-symbol.json"))


def assert_round_trip(graph: Graph) -> None:
    """Print and parse a graph, and compare all that a file or a user can see of it."""
    text = print_graph(graph)
    text.encode()
    again = parse_graph(text)
    assert dumps(again) == dumps(graph), text
    assert print_graph(again) == text
    assert again.arguments == graph.arguments
    assert again.auxiliary_states == graph.auxiliary_states
    assert again.outputs == graph.outputs


EXAMPLES = [
    """
data, conv0_weight = variable(), variable()
conv0 = Convolution(data, conv0_weight, kernel=(3, 3), num_filter=8, no_bias=True)
`sha-relu0` = Activation(conv0, act_type="relu")
return `sha-relu0`
""",
    """
data, gamma, beta = variable(), variable(), variable()
mean = variable(__init__='["zero", {}]')
var = variable(__init__='["one", {}]', __lr_mult__=0.0)
bn = BatchNorm(data, gamma, beta, mean, var, eps=1e-05, fix_gamma="true")
return bn, bn[1], data, bn
""",
    """
relu0 = variable()
relu0_1 = relu(relu0, name="relu0")
relu0_2 = relu(relu0_1, name="relu0")
`a\\`b\\n\\x1b` = relu(relu0_2, after=[relu0, relu0_1])
`` = relu(`a\\`b\\n\\x1b`)
`lambda` = relu(``, `after`=1, `größer als`="x", `name`="y")
_ = relu(`lambda`)
return _
""",
    """
x = variable()
y = `Proposal`(x, x, `a b`="(1,1)", outputs=3)
z = `relu`(y[2], x)
w = Custom(z, op_type="mine", outputs=2)
return w[1], y
""",
    """
x, g, mean, var = variable(), variable(), variable(), variable()
bn0 = BatchNorm(x, g, g, mean, var)
bn1 = BatchNorm(bn0, g, g, mean, var)
read = elemwise_add(bn1, mean)
odd = elemwise_add(read, var[0, 1])
bn2 = BatchNorm(odd, g, g, mean[0, 0], var[0, 9])
return bn2, x[0, 7], x[3, 0]
""",
    """
x, s = variable(), variable()
def loop_block():
    x = variable(__subgraph_name__="loop")
    s = variable(__subgraph_name__="loop")
    loop = elemwise_add(x, s)
    return loop, loop
loop = _foreach(x, s, in_data_locs=[0], in_state_locs=[1], num_args=3, num_out_data=1, \
num_outputs=2, remain_locs=[], subgraphs=[loop_block])
return loop[1]
""",
    """
x = variable()
y = variable(x, x)
return y, x
""",
    "\nreturn\n",
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_prints_word_for_word_as_it_was_read(text: str) -> None:
    assert print_graph(parse_graph(text)) == text.strip("\n")


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_the_graph_that_its_file_holds(text: str) -> None:
    graph = parse_graph(text)
    assert_round_trip(graph)
    assert dumps(loads(dumps(graph))) == dumps(graph)


def test_the_first_example_is_what_it_seems() -> None:
    graph = parse_graph(EXAMPLES[0])
    assert graph.arguments == ["data", "conv0_weight"]
    assert graph.outputs == ["sha-relu0_output"]
    conv, relu = (node for node in graph if not node.is_variable)
    assert conv.attrs == {"kernel": "(3, 3)", "num_filter": "8", "no_bias": "True"}
    assert relu.inputs == (Entry(conv.key),)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_fixtures(path: Path) -> None:
    assert_round_trip(loads(path.read_bytes()))


def test_the_whole_corpus(corpus: Path) -> None:
    count = 0
    for path in sorted(corpus.rglob("*.json")):
        try:
            graph = loads(path.read_bytes())
        except GraphpassError:
            continue
        if path.parent.name == "tvm":  # the text is that of a graph of MXNet's
            continue
        assert_round_trip(graph)
        count += 1
    assert count > 400


@settings(max_examples=1500)
@given(text=symbol_texts())
def test_random_symbols(text: str) -> None:
    try:
        graph = loads(text)
        dumps(graph)
    except (SymbolError, CycleError):
        return
    assert_round_trip(graph)


@settings(max_examples=100)
@given(drawn=models())
def test_random_models(drawn: RunnableModel) -> None:
    assert_round_trip(drawn.model.graph)


_NAMES = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    st.text("`\\'\"\n\r\t ab_0\x1b\x7f\udc80\ua66e\u2028é", max_size=6),
    st.sampled_from(("", "_", "def", "variable", "None", "__debug__", "match", "ª", "name", "x_1")),
)


@settings(max_examples=500)
@given(
    names=st.lists(_NAMES, min_size=1, max_size=8),
    attrs=st.dictionaries(_NAMES, _NAMES, max_size=4),
    data=st.data(),
)
def test_any_name_and_any_attribute(
    names: list[str], attrs: dict[str, str], data: st.DataObject
) -> None:
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable("first", attrs)]
        for name in names:
            reads = [Entry(data.draw(st.sampled_from(keys)), 0, data.draw(st.integers(0, 2)))]
            op = data.draw(st.sampled_from(("relu", "sigmoid", "Not `Known`", "BlockGrad")))
            keys.append(edit.add_node(op, name, attrs, reads, control=keys[: len(keys) % 3]))
        edit.set_heads([Entry(keys[-1]), Entry(keys[0], 2, 1), Entry(keys[-1])])
    text = print_graph(graph)
    text.encode()
    again = parse_graph(text)
    assert print_graph(again) == text
    assert [_facts(again, key) for key in again.order()] == [
        _facts(graph, key) for key in graph.order()
    ]


def _facts(graph: Graph, key: int) -> tuple[object, ...]:
    place = {key: position for position, key in enumerate(graph.order())}
    node = graph.node(key)
    inputs = [(place[source], output, stamp) for source, output, stamp in node.inputs]
    control = [place[source] for source in node.control_dependencies]
    return node.op, node.name, dict(node.attrs), inputs, control


def test_equal_graphs_print_alike_whatever_the_order_of_their_attributes() -> None:
    one = parse_graph("x = variable(b=1, a=2)\nreturn LeakyReLU(x, slope=0.5, __b__=1, __a__=2)")
    two = parse_graph("x = variable(a=2, b=1)\nreturn LeakyReLU(x, __a__=2, __b__=1, slope=0.5)")
    assert print_graph(one) == print_graph(two)


def test_a_long_chain_needs_no_call_stack() -> None:
    graph = Graph()
    with graph.edit() as edit:
        value = Entry(edit.add_variable("data"))
        for number in range(20_000):
            value = Entry(edit.add_node("relu", f"relu-{number % 15_000}", {}, [value]))
        edit.set_heads([value])
    assert_round_trip(graph)
