"""``apply --verify`` pairs values by what they are, not by what they are called or where."""

from __future__ import annotations

import json
from typing import Any

import pytest

import graphpass
from graphpass import Entry

pytestmark = pytest.mark.mxnet

IMAGE = ["--input", "data:2,3,8,8"]


@pytest.fixture
def proof(cli: Any, folder: Any) -> Any:
    """Run ``apply --verify`` and return the exit code and the lines of the proof."""

    def run(rules: str, model: str, *options: str) -> tuple[int, str]:
        done = cli("apply", rules, model, "-o", "out", "--verify", *options)
        lines = [line for line in done.out.splitlines() if not line.startswith("wrote")]
        start = next(
            (
                number
                for number, line in enumerate(lines)
                if line.startswith(("equal", "different", "not proved"))
            ),
            None,
        )
        assert start is not None, done.out + done.err
        return done.code, "\n".join(lines[start:])

    return run


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("{extract: flatten0}", "equal: 1 output; no longer returned: fc0_output; "),
        ("{set: {heads: [flatten0]}}", "equal: 1 output; no longer returned: fc0_output; "),
        ("{clone: {to: flatten0, prefix: r_}}", "equal: 2 outputs; 1 input"),
        ("{extract: {outputs: [bn0, fc0]}}", "equal: 2 outputs; 1 input"),
        ("{set: {heads: [fc0, fc0]}}", "equal: 2 outputs; 1 input"),
        ("{extract: {inputs: {flatten0: features}}}", "equal: 1 output; 2 inputs"),
        (
            "{insert: {op: relu, name: last, inputs: [bn0]}}",
            "equal: 1 of 2 outputs; not compared: ",
        ),
        (
            "[{rewrite: {match: 'y = Flatten(x)', replace: 'y = Reshape(x, shape=(0, -1))'}}, "
            "{extract: flatten0}]",
            "equal: 1 output; no longer returned: fc0_output; ",
        ),
        (
            "[{insert: {op: identity, name: last, after: fc0}}, {clone: {prefix: r_}}]",
            "equal: 2 outputs; 1 input",
        ),
    ],
)
def test_what_is_equal(proof: Any, rules: str, said: str) -> None:
    code, text = proof(rules, "residual", *IMAGE)
    assert code == 0
    assert text.startswith(said)


def test_a_clone_that_ends_earlier_is_compared_with_where_it_ends(proof: Any) -> None:
    code, text = proof("siamese", "residual", "--set", "cut=flatten0", *IMAGE)
    assert code == 0
    assert "output flatten0_output and right_flatten0_output: (2, 4)" in text
    assert "fed to 'right_data' of B" in text


def test_a_wrong_clone_beside_right_heads_is_found(proof: Any) -> None:
    rules = "[{clone: {to: bn0, prefix: r_}}, {set: {select: r_bn0, attrs: {eps: 0.5}}}]"
    code, text = proof(rules, "residual", *IMAGE)
    assert code == 1
    assert text.startswith("different: 2 outputs; ")
    assert "output bn0_output and r_bn0_output: differ" in text


@pytest.mark.parametrize("rules", ["{remove: fc0}", "{insert: {op: relu, name: r, after: fc0}}"])
def test_what_takes_the_place_of_a_head_must_equal_it(proof: Any, rules: str) -> None:
    code, text = proof(rules, "residual", *IMAGE)
    assert code == 1
    assert text.startswith("different: 1 output; ")


def test_a_rewrite_that_only_drops_the_head_is_found(proof: Any) -> None:
    rules = (
        "{rewrite: {match: 'y = FullyConnected(x, w, b, num_hidden=3)', replace: 'y = Flatten(x)'}}"
    )
    assert proof(rules, "residual", *IMAGE)[0] == 1
    rules = "{rewrite: {match: 'FullyConnected(x, w, b, num_hidden=3)', replace: 'return x'}}"
    assert proof(rules, "residual", *IMAGE)[0] == 1


def test_inputs_that_swap_names_keep_their_values(proof: Any) -> None:
    shapes = ["--input", "src:2,5", "--input", "tgt:2,5"]
    code, text = proof("{rename: {map: {src: tgt, tgt: src}}}", "translator", *shapes)
    assert code == 0
    assert "fed to 'tgt' of B" in text


def test_a_clone_without_values_is_not_compared(proof: Any) -> None:
    code, text = proof("{clone: {prefix: b_, share: nothing}}", "age", *IMAGE)
    assert code == 0
    assert "not compared: b_age_output (it reads 'b_conv0_weight', which is new and" in text


def test_where_nothing_can_be_compared_nothing_is_proved(cli: Any, proof: Any) -> None:
    rules = "{insert: {op: relu, name: last, inputs: [bn0], heads: replace}}"
    code, text = proof(rules, "residual", *IMAGE)
    assert code == 1
    assert text == (
        "not proved: there is no output that can be compared; not compared: last_output (new); "
        "no longer returned: fc0_output"
    )
    done = cli("apply", rules, "residual", "-o", "out", "--verify", "--json", *IMAGE)
    facts = json.loads(done.out)["verify"]
    assert (facts["equal"], facts["verdict"]) == (False, "not proved")
    assert facts["not_compared"] == ["last_output (new)"]
    assert facts["no_longer_returned"] == ["fc0_output"]


def test_a_tolerance_may_be_given(proof: Any) -> None:
    rules = "{set: {select: bn0, attrs: {eps: 0.002}}}"
    assert proof(rules, "residual", *IMAGE)[0] == 1
    assert proof(rules, "residual", *IMAGE, "--rtol", "0.1", "--atol", "0.1")[0] == 0


def test_an_input_that_no_longer_takes_its_type_is_found(folder: Any, cli: Any, proof: Any) -> None:
    """MXNet refuses the result by its hint: uint8 for a layer with weights of float32."""
    rules = (
        "[{set: {select: data, dtype: uint8}}, "
        "{insert: {op: Cast, name: pixels, after: data, attrs: {dtype: float32}}}]"
    )
    assert cli("apply", rules, "residual", "-o", "pixels").code == 0
    assert cli("verify", "pixels", "pixels", *IMAGE).code == 0
    code, text = proof("{remove: pixels}", "pixels", *IMAGE)
    assert code == 1
    assert text.startswith("different: 1 output; B takes another type for 'data'; ")
    assert not (folder / "out-symbol.json").exists()


def test_a_variable_that_is_named_as_an_input_needs_no_value(folder: Any, cli: Any) -> None:
    """An old ``AttrScope`` leaves training hints on inputs too."""
    model = graphpass.load("residual")
    with model.graph.edit() as edit:
        (head,) = model.graph.heads
        scale = Entry(edit.add_node("null", "scale", {"__lr_mult__": "0.2"}, []))
        edit.set_heads([Entry(edit.add_node("broadcast_mul", "scaled", {}, [head, scale]))])
    model.save("scaled")
    refused = cli("apply", "{rename: {from: fc0, to: fc}}", "scaled", "-o", "out")
    assert refused.code == 2
    assert "variable 'scale'" in refused.err
    named = ["--input", "scale:1,3"]
    for arguments in (
        ["apply", "{rename: {from: fc0, to: fc}}", "scaled", "-o", "out", "--verify", *named],
        ["verify", "scaled", "out", *named],
        ["check", "scaled", *named],
    ):
        done = cli(*arguments, *IMAGE)
        assert done.code == 0, done.out + done.err


GENDER = ["--input", "g_data:2,3,8,8"]


@pytest.mark.parametrize(
    ("rule", "options", "said"),
    [
        ("{merge: {model: age, prefix: g_, share: [data]}}", [], "equal: 2 outputs; 1 input"),
        ("{merge: {model: age, prefix: g_}}", GENDER, "equal: 2 outputs; 2 inputs"),
        ("{merge: {model: age, prefix: g_, connect: {data: data}}}", [], "equal: 2 outputs"),
        (
            "[{merge: {model: age, prefix: g_, share: [data]}}, {rename: {from: age, to: years}}]",
            [],
            "equal: 2 outputs; 1 input",
        ),
        (
            "[{merge: {model: age, prefix: g_, share: [data]}}, {extract: age}]",
            [],
            "equal: 1 output; no longer returned: fc0_output; 1 input",
        ),
    ],
)
def test_what_was_merged_is_compared_with_the_other_model(
    proof: Any, rule: str, options: list[str], said: str
) -> None:
    code, text = proof(rule, "residual", *options, *IMAGE)
    assert code == 0, text
    assert text.startswith(said)


def test_a_fault_in_what_was_merged_is_found(proof: Any) -> None:
    rules = (
        "[{merge: {model: age, prefix: g_, share: [data]}}, "
        "{set: {select: g_bn0, attrs: {eps: 0.5}}}]"
    )
    code, text = proof(rules, "residual", *IMAGE)
    assert code == 1
    assert "output age_output: " in text
    assert not text.startswith("equal")


def test_an_output_that_does_not_move_proves_nothing(cli: Any, folder: Any, proof: Any) -> None:
    """The sigmoid is 1 whatever the layer in front of it computes."""
    ends = (
        "[{insert: {op: _plus_scalar, name: high, after: fc0, attrs: {scalar: 100000}}}, "
        "{insert: {op: sigmoid, name: s, after: high}}]"
    )
    assert cli("apply", ends, "residual", "-o", "saturated").code == 0
    ruin = (
        "{rewrite: {once: true, match: 'y = FullyConnected(x, w, b)', let: {v: w * -3.0}, "
        "replace: 'y = FullyConnected(x, v, b, **y.attrs)'}}"
    )
    code, text = proof(ruin, "saturated", *IMAGE)
    assert code == 1
    assert text.startswith("not proved: 1 output;")
    assert "not proved, as it does not move when the parameters that differ move" in text
    assert not (folder / "out-symbol.json").exists()
    expect = "{expect: {unchanged_outputs: {inputs: {data: [2, 3, 8, 8]}}}}"
    done = cli("apply", f"[{ruin}, {expect}]", "saturated", "-o", "out")
    assert done.code == 2 or done.code == 1
    assert "unchanged_outputs: not proved" in done.err
