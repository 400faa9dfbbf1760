"""``use``: another pass as one rule."""

from __future__ import annotations

import pytest

from graphpass import apply
from graphpass.errors import ExpectationError, OperationError, RunawayError, UsageError

NET = "fc1 = FullyConnected(data, w, num_hidden=4, no_bias=True)\nreturn fc1"


@pytest.fixture
def model(net):
    return net(NET, w=(4, 3))


@pytest.fixture
def files(tmp_path):
    def write(**texts: str):
        for name, rules in texts.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(f"graphpass: 1\nparameters: {{p: x_}}\nrules: {rules}\n")
        return tmp_path

    return write


def test_a_shipped_pass_with_parameters(model, perform) -> None:
    done = perform(model, "use", {"pass": "siamese", "set": {"prefix": "b_"}})
    assert done.summary == "ran siamese: 3 rules, which changed the model"
    assert model.inputs == ["data", "b_data"]


def test_paths_start_at_the_folder_of_the_file(model, files) -> None:
    folder = files(outer="[{use: deeper/inner.yaml}]")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "inner.yaml").write_text("graphpass: 1\nrules: [{use: ../last.yaml}]")
    files(last="[{prefix: a_}]")
    apply(folder / "outer.yaml", model)
    assert model.inputs == ["a_data"]


def test_parameters_belong_to_the_pass_that_is_used(model, files) -> None:
    folder = files(
        outer="[{use: {pass: inner.yaml, set: {p: '${p}y_'}}}]", inner="[{prefix: '${p}'}]"
    )
    apply(folder / "outer.yaml", model, set={"p": "z_"})
    assert model.inputs == ["z_y_data"]


def test_an_unknown_parameter(model, refused) -> None:
    said = refused(model, "use", {"pass": "siamese", "set": {"prefx": "b_"}}, UsageError)
    assert said == (
        "the pass siamese has no parameter 'prefx'; nearest: prefix; it has cut, prefix, share"
    )


def test_an_error_names_every_rule_on_the_way(model, files) -> None:
    folder = files(outer="[{prune: }, {use: inner.yaml}]", inner="[{expect: {nodes: 9}}]")
    with pytest.raises(ExpectationError) as caught:
        apply(folder / "outer.yaml", model)
    assert str(caught.value) == (
        f"{folder}/outer.yaml:3: rule 2 (use): {folder}/inner.yaml:3: rule 1 (expect): "
        "1 of 1 expectation does not hold: nodes: wanted 9, found 3"
    )


def test_a_pass_that_uses_itself_is_refused_with_the_chain(model, files) -> None:
    folder = files(a="[{use: b.yaml}]", b="[{use: c.yaml}]", c="[{use: x/../b.yaml}]")
    (folder / "x").mkdir()
    with pytest.raises(OperationError) as caught:
        apply(folder / "a.yaml", model)
    assert str(caught.value).endswith(
        f"this pass would use itself without end: {folder.resolve()}/b.yaml -> "
        f"{folder.resolve()}/c.yaml -> {folder.resolve()}/b.yaml"
    )


def test_a_pass_may_be_used_twice(model, files) -> None:
    folder = files(a="[{use: b.yaml}, {use: b.yaml}]", b="[{prefix: b_}]")
    apply(folder / "a.yaml", model)
    assert model.inputs == ["b_b_data"]


def test_a_long_chain_is_refused(model, files) -> None:
    folder = files(**{f"p{i}": f"[{{use: p{i + 1}.yaml}}]" for i in range(40)})
    with pytest.raises(OperationError, match="passes use passes more than 16 deep"):
        apply(folder / "p0.yaml", model)


def test_rules_from_python_may_use_files(model, files) -> None:
    folder = files(a="[{prefix: a_}]")
    apply([{"use": str(folder / "a.yaml")}], model)
    assert model.inputs == ["a_data"]


def test_the_passes_of_one_run_are_bounded(model, files, monkeypatch) -> None:
    folder = files(
        a="[{use: b.yaml}, {use: b.yaml}, {use: b.yaml}]",
        b="[{use: c.yaml}, {use: c.yaml}]",
        c="[{prune: }]",
    )
    apply(folder / "a.yaml", model)
    monkeypatch.setattr("graphpass.rules.operations.use.MAX_PASSES", 8)
    with pytest.raises(OperationError, match="more than 8 passes are used in one run"):
        apply(folder / "a.yaml", model)


def test_several_passes_in_order(model, files) -> None:
    folder = files(one="[{prefix: a_}]", two="[{prefix: b_}]")
    names = [str(folder / "one.yaml"), str(folder / "two.yaml")]
    [done] = apply([{"use": {"pass": names}}], model).steps
    assert done.summary == "ran 2 passes, which changed the model"
    assert [step.summary for step in done.steps] == [
        "ran one: 1 rule, which changed the model",
        "ran two: 1 rule, which changed the model",
    ]
    assert model.inputs == ["b_a_data"]


DROP = "[{rewrite: {match: 'y = relu(relu(x))', replace: 'y = relu(x)'}}]"


def test_passes_are_repeated_until_nothing_changes(net, perform, files) -> None:
    folder = files(swap="[{rewrite: {match: 'y = relu(tanh(x))', replace: 'y = tanh(relu(x))'}}]",
                   drop=DROP)  # fmt: skip
    model = net("a = relu(data)\nb = tanh(a)\nc = relu(b)\nreturn c")
    both = [str(folder / "drop.yaml"), str(folder / "swap.yaml")]
    [done] = apply([{"use": {"pass": both, "repeat": True}}], model).steps
    assert done.summary == "ran 2 passes, 2 rounds, which changed the model"
    assert [model.graph.op(key) for key in model.graph.order()] == ["null", "relu", "tanh"]
    assert len(done.steps) == 4
    again = perform(model, "use", {"pass": both, "repeat": True})
    assert again.summary == "ran 2 passes, 1 round, which changed nothing"


def test_passes_that_undo_each_other_end(net, refused, files) -> None:
    folder = files(there="[{rewrite: {match: 'y = relu(x)', replace: 'y = tanh(x)'}}]",
                   back="[{rewrite: {match: 'y = tanh(x)', replace: 'y = relu(x)'}}]",
                   idle=DROP)  # fmt: skip
    model = net("c = relu(data)\nreturn c")
    names = [str(folder / f"{name}.yaml") for name in ("there", "idle", "back")]
    said = refused(model, "use", {"pass": names, "repeat": True}, RunawayError)
    assert said.startswith("'there', 'back': still changing the model after 100 rounds")
    assert [model.graph.op(key) for key in model.graph.order()] == ["null", "relu"]


def test_parameters_grow_no_more_in_many_rounds_than_in_one(net, perform) -> None:
    text = "\n".join(f"t{n} = tile(w, reps=(8,))\ny{n} = broadcast_add({x}, t{n})"
                     for n, x in enumerate(["data", "y0", "y1", "y2"]))  # fmt: skip
    model = net(f"{text}\nk = relu(w)\nreturn y3, k", w=(4,))
    size = model.parameters.nbytes
    fold = {"pass": "fold-constants", "set": {"grow": 300}, "repeat": True}
    perform(model, "use", fold)
    assert size < model.parameters.nbytes <= size + 300


def test_what_heads_stand_for_is_followed_through_the_rounds(net) -> None:
    model = net("a = relu(data)\nb = tanh(a)\nreturn b")
    cut = [{"extract": "a_output"}]
    rules = [{"use": {"pass": "drop-dropout", "repeat": True}}, *cut]
    report = apply(rules, model)
    [head] = report.lineage.heads
    assert head is not None and head.node == 1


def test_passes_that_make_ever_more_end(net, refused, files) -> None:
    grow = "[{rewrite: {once: true, match: 'y = relu(x)', replace: 'y = relu(relu(x))'}}]"
    folder = files(grow=grow)
    model = net("c = relu(data)\nreturn c")
    use = {"pass": str(folder / "grow.yaml"), "repeat": True}
    said = refused(model, "use", use, RunawayError)
    assert said.startswith("after 10 rounds the graph has grown from 2 to 1025 nodes")


def test_each_of_several_passes_takes_the_parameters_that_it_has(net, refused) -> None:
    model = net("a = relu(data)\nb = Dropout(a)\nreturn b")
    passes = ["siamese", "drop-dropout"]
    apply([{"use": {"pass": passes, "set": {"prefix": "b_"}}}], model)
    assert model.graph.outputs == ["a_output", "b_a_output"]
    said = refused(model, "use", {"pass": passes, "set": {"prefx": "b_"}}, UsageError)
    assert said == (
        "none of the passes 'siamese', 'drop-dropout' has a parameter 'prefx'; nearest: prefix; "
        "they have cut, prefix, share"
    )
