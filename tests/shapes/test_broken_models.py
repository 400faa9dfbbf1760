"""No attribute and no shape makes inference raise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphpass import Entry, Graph
from graphpass.errors import AttributeValueError, GraphError
from graphpass.ops import find
from graphpass.ops.meaning import known_operators, meaning
from graphpass.shapes import cost, infer

TEXTS = st.sampled_from(
    ["0", "1", "-1", "2", "3", "7", "-9", "100000", "None", "True", "False", "()", "(0,)", "(1,)",
     "(2, 2)", "(-1, 3)", "(0, 0, 0)", "(3, 3)", "(1, 2, 3, 4)", "(-2,)", "(-4, 2, -1)", "0.5",
     "-1.5", "1e30", "float32", "int8", "(None, 1)", "(0, 1, 1, 0, 2, 2, 5, 5)", "text"]
)  # fmt: skip
OPERATORS = sorted(op for op in known_operators() if meaning(op).shape is not None)
SHAPES = st.one_of(
    st.none(), st.lists(st.sampled_from([None, 0, 1, 2, 3, 5, 8]), max_size=5).map(tuple)
)


@settings(max_examples=1500)
@given(data=st.data())
def test_inference_never_raises(data: st.DataObject) -> None:
    operator = find(data.draw(st.sampled_from(OPERATORS)))
    assert operator is not None
    texts = {}
    for name, spec in operator.attributes.items():
        if spec.required or data.draw(st.booleans()):
            texts[name] = data.draw(st.sampled_from(spec.choices) if spec.choices else TEXTS)
    graph = Graph()
    try:
        count = operator.signature(texts).num_inputs
        with graph.edit() as edit:
            inputs = [
                Entry(edit.add_variable(f"in{slot}"))
                for slot in range(min(3 if count is None else count, 20))
            ]
            key = edit.add_node(operator.name, "node", texts, inputs)
            reader = edit.add_node("relu", "reader", {}, [Entry(key)])
            edit.set_heads([Entry(reader)])
    except (AttributeValueError, GraphError):
        return
    shapes = {}
    for slot in range(len(inputs)):
        shape = data.draw(SHAPES)
        if shape is not None:
            shapes[f"in{slot}"] = shape
    found = infer(graph, shapes, np_shape=data.draw(st.booleans()))
    for output in range(graph.signature(key).num_outputs):
        shape = found.shape(Entry(key, output))
        assert shape is None or all(extent is None or extent >= 0 for extent in shape)
    cost(graph, key, found)
    assert all(conflict.message for conflict in found.conflicts)
