"""What fails is found, in few runs, and what is left still fails."""

import sys
from pathlib import Path

import numpy as np
import pytest

import graphpass
from graphpass.cli import main
from graphpass.errors import UsageError
from graphpass.formats.text import parse_graph
from graphpass.model import Model
from graphpass.verify.reduce import reduce

FIXTURES = Path(__file__).parents[2] / "fixtures"


def network(length: int, planted: int) -> Model:
    """Return a residual network in which one operator has another type."""
    lines, last, skip = ["x = variable()"], "x", "x"
    for number in range(length):
        kind = "tanh" if number == planted else "relu"
        if number % 5 == 4 and number != planted:
            lines.append(f"n{number} = elemwise_add({last}, {skip})")
            skip = f"n{number}"
        else:
            lines.append(f'n{number} = Activation({last}, act_type="{kind}")')
        last = f"n{number}"
    return Model(parse_graph("\n".join([*lines, f"return {last}"])))


def types(model: Model) -> list[str]:
    graph = model.graph
    return [graph.attrs(key).get("act_type", "") for key in graph.order()]


@pytest.mark.parametrize("planted", [0, 3, 250, 481, 498])
def test_a_planted_fault_is_found_in_few_runs(planted: int):
    model = network(500, planted)
    found = reduce(model, lambda candidate: "tanh" in types(candidate))
    assert found.complete and found.runs < 60
    assert found.operators == (500, 1)
    assert types(found.model).count("tanh") == 1
    assert found.model.graph.arguments


def path_from(model: Model, start: str, end: str) -> bool:
    """Whether an operator of one type feeds one of another, through others."""
    graph, reached = model.graph, set()
    for key in graph.order():
        kind = graph.attrs(key).get("act_type")
        if kind == start or reached.intersection(graph.sources(key)):
            if kind == end:
                return True
            reached.add(key)
    return False


def test_what_lies_between_two_operators_of_a_fault_is_bypassed():
    text = ["x = variable()", 'a = Activation(x, act_type="tanh")']
    last = "a"
    for number in range(100):
        text.append(f'm{number} = Activation({last}, act_type="relu")')
        last = f"m{number}"
    text += [f'b = Activation({last}, act_type="sigmoid")', "return b"]
    model = Model(parse_graph("\n".join(text)))
    found = reduce(model, lambda candidate: path_from(candidate, "tanh", "sigmoid"))
    assert found.operators == (102, 2)


def test_weights_and_widths_that_do_not_matter_shrink():
    model = graphpass.load(FIXTURES / "residual")

    def fails(candidate: Model) -> bool:
        return any(op == "Convolution" for op in map(candidate.graph.op, candidate.graph.order()))

    found = reduce(model, fails, {"data": (1, 3, 8, 8)})
    (conv,) = [key for key in found.model.graph.order() if not found.model.graph.is_variable(key)]
    assert found.model.graph.attrs(conv)["num_filter"] == "1"
    (weight,) = found.model.parameters.values()
    assert weight.shape[0] == 1 and not weight.any()


def test_a_weight_that_matters_keeps_its_value():
    model = graphpass.load(FIXTURES / "residual")
    value = float(model.parameters["fc0_bias"][0])

    def fails(candidate: Model) -> bool:
        return any(np.any(array == value) for array in candidate.parameters.values())

    found = reduce(model, fails)
    assert found.operators[1] == 1
    assert [name for name, array in found.model.parameters.items() if array.any()] == ["fc0_bias"]


def test_the_bound_ends_the_search_with_what_was_found():
    found = reduce(network(500, 250), lambda candidate: "tanh" in types(candidate), runs=5)
    assert not found.complete and found.runs == 5
    assert 1 < found.operators[1] < 500 and "tanh" in types(found.model)


def test_a_model_that_does_not_fail_is_refused():
    with pytest.raises(UsageError, match="does not fail"):
        reduce(network(5, 2), lambda candidate: False)


def test_the_same_question_has_the_same_answer():
    answers = [
        graphpass.dumps(reduce(network(80, 33), lambda each: "tanh" in types(each)).model.graph)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    check = tmp_path / "check.py"
    check.write_text(
        "import sys\n"
        "text = open(sys.argv[1] + '-symbol.json').read()\n"
        "print('boom' if 'BatchNorm' in text else 'fine')\n"
        "sys.exit(3 if 'BatchNorm' in text else 1)\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["reduce", str(FIXTURES / "residual"), "--while", f"{sys.executable} {check}",
              "--match", "boom", "-o", str(tmp_path / "small")])  # fmt: skip
    assert not ended.value.code
    assert "operators 10 -> 1" in capsys.readouterr().out
    small = graphpass.load(tmp_path / "small")
    assert sum(not small.graph.is_variable(key) for key in small.graph.order()) == 1


@pytest.mark.parametrize("command", ["true", "no-such-command-here", ""])
def test_bad_commands_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str):
    with pytest.raises(SystemExit) as ended:
        main(["reduce", str(FIXTURES / "conv1"), "--while", command, "-o", str(tmp_path / "x")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")
