"""The tests of rewrites: what passes, and what a failing one says."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass.rules import load_pass
from graphpass.rules.lint.rule_tests import RuleTest, run_tests

FOLD: dict[str, Any] = {
    "id": "fold",
    "match": "c = Convolution(x, w, optional(b)); y = BatchNorm(c, g, s, m, v)",
    "where": ["known(w, g, v)"],
    "let": {
        "k": "(ones_like(g) if y.fix_gamma else g) / sqrt(v + y.eps)",
        "w2": "w * per_axis(k, 0, w.ndim)",
        "b2": "((b if bound(b) else 0) - m) * k + s",
    },
    "replace": "y = Convolution(x, w2, b2, **c.attrs, no_bias=False)",
}
BEFORE = """
data = variable(__shape__=(2, 3, 5, 5))
w, g, s = variable(__shape__=(4, 3, 1, 1)), variable(__shape__=(4,)), variable(__shape__=(4,))
m, v = variable(__shape__=(4,)), variable(__shape__=(4,))
c = Convolution(data, w, kernel=(1, 1), num_filter=4, no_bias=True)
y = BatchNorm(c, g, s, m, v)
return y
"""
AFTER = """
data, w = variable(__shape__=(2, 3, 5, 5)), variable(__shape__=(4, 3, 1, 1))
y_bias = variable()
y = Convolution(data, w, y_bias, kernel=(1, 1), num_filter=4, no_bias=False)
return y
"""
RELU = {"id": "it", "match": "y = relu(relu(x))", "replace": "y = relu(x)"}


def run(rewrite: dict[str, Any], *tests: dict[str, Any], **options: Any) -> list[RuleTest]:
    loaded = load_pass([{"rewrite": {**rewrite, "tests": list(tests)}}])
    return run_tests(loaded, **options)


def failure(rewrite: dict[str, Any], **test: Any) -> str:
    [found] = run(rewrite, test)
    assert not found
    return str(found)


def test_what_passes() -> None:
    shared = BEFORE.replace("return y", "return y, tanh(c)")
    known = {"w": [4, 3, 1, 1], "g": [4], "s": [4], "m": [4], "v": [4]}
    found = run(
        FOLD,
        {"before": BEFORE, "after": AFTER},
        {"before": shared, "unchanged": "Convolution 'c' (#6) is also used by tanh 'tanh0'"},
        {"before": shared, "unchanged": "c is also used by tanh0"},
        {"before": BEFORE, "after": AFTER, "parameters": known},
        {
            "before": BEFORE,
            "unchanged": "v (variable 'v') has no stored value",
            "parameters": {"w": [4, 3, 1, 1], "g": [4]},
        },
    )
    assert [str(each) for each in found] == [
        f"rule 1 (rewrite), tests.{n}: fold, test {n + 1}: passed" for n in range(5)
    ]


def test_another_graph() -> None:
    assert failure(
        RELU,
        before="x = variable(); y = relu(relu(x, name='r')); return y",
        after="x = variable(); z = relu(x); return z",
    ) == (
        "rule 1 (rewrite), tests.0.after: it, test 1: failed: it made A, and B was wanted: "
        "relu 'y' (#2) of A is called 'z' in B (#1)\n"
        "  A:\n    x = variable()\n    y = relu(x)\n    return y\n"
        "  B:\n    x = variable()\n    z = relu(x)\n    return z"
    )


def test_a_rewrite_that_does_not_fire() -> None:
    assert failure(
        RELU, before="x = variable(); return tanh(x)", after="x = variable(); return relu(x)"
    ).startswith(
        "rule 1 (rewrite), tests.0.after: it, test 1: failed: it did not fire, which left A, "
        "and B was wanted: "
    )


def test_a_rewrite_that_fires_all_the_same() -> None:
    assert failure(RELU, before="x = variable(); return relu(relu(x))", unchanged="whatever") == (
        "rule 1 (rewrite), tests.0.unchanged: it, test 1: failed: it was to leave the graph alone, "
        "but made of it\n    x = variable()\n    relu1 = relu(x)\n    return relu1"
    )


def test_another_reason() -> None:
    assert failure(
        RELU, before="x = variable(); return relu(tanh(x))", unchanged="has another user"
    ) == (
        "rule 1 (rewrite), tests.0.unchanged: it, test 1: failed: it left the graph alone, but not "
        "because has another user; the reasons are\n"
        "    near misses:\n"
        "    relu: tanh 'tanh0' (#1) is no relu; at relu 'relu0' (#2)"
    )


def test_a_text_that_is_no_graph(tmp_path: Any) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "graphpass: 1\nrules:\n- rewrite:\n    match: y = relu(x)\n    replace: y = tanh(x)\n"
        "    tests:\n    - before: |\n        x = variable()\n        return rlu(x)\n"
        "      unchanged: no\n".replace("no\n", "nothing\n")
    )
    [found] = run_tests(load_pass(file))
    assert found.place == f"{file}:9:16"
    assert str(found.failure).startswith("before is no graph: MXNet 1.9.1 has no operator 'rlu'")


def test_a_parameter_of_no_variable() -> None:
    said = failure(
        RELU, before="x = variable(); return relu(x)", unchanged="a", parameters={"y": [2]}
    )
    assert said.endswith("failed: no variable of the graph is called y")


def test_a_refusal_is_a_failure() -> None:
    clash = {**RELU, "replace": "y = relu(x, name='x')"}
    said = failure(
        clash, before="x = variable(); return relu(relu(x))", after="x = variable()\nreturn x"
    )
    assert "failed: it is refused: it at relu 'relu1' (#2): " in said


def test_expectations_are_not_for_tests() -> None:
    [found] = run({**RELU, "expect": 7}, {
        "before": "x = variable(); y = relu(relu(x)); return y",
        "after": "x = variable(); y = relu(x); return y",
    })  # fmt: skip
    assert found


@pytest.mark.mxnet
def test_outputs_are_compared(mx: Any) -> None:
    wrong = {**FOLD, "let": {**FOLD["let"], "b2": f"{FOLD['let']['b2']} + 1"}}
    right, bad = run(FOLD, {"before": BEFORE, "after": AFTER}, on_mxnet=True) + run(
        wrong, {"before": BEFORE, "after": AFTER}, on_mxnet=True
    )
    assert right
    assert not right.note
    assert str(bad.failure).startswith("outputs differ:\ndifferent: 1 output; 1 input")


@pytest.mark.mxnet
def test_unknown_shapes_are_told(mx: Any) -> None:
    test = {
        "before": "x = variable(); y = relu(relu(x)); return y",
        "after": "x = variable(); y = relu(x); return y",
    }
    [found] = run(RELU, test, on_mxnet=True)
    assert found
    assert "outputs not compared: A: the shape of 'x' is not known" in str(found)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([100_000, 100_000], "no more than 4,194,304 elements; write a smaller one"),
        ([0, 10**18], "no more than 4,194,304 elements; write a smaller one"),
        ([1] * 33, "no more than 32 dimensions"),
    ],
)
def test_a_parameter_that_is_too_large(shape: list[int], said: str) -> None:
    test = {"before": "x, w = variable(), variable(); return dot(x, w)", "unchanged": "near"}
    found = failure(RELU, **test, parameters={"w": shape})
    assert found.startswith(
        "rule 1 (rewrite), tests.0.parameters: it, test 1: failed: w is to have"
    )
    assert found.endswith(said)


def test_a_hint_that_is_too_large() -> None:
    hint = "x, w = variable(), variable(__shape__=(100000, 100000)); return dot(x, w)"
    found = failure(RELU, before=hint, unchanged="near")
    assert found.startswith("rule 1 (rewrite), tests.0.before: it, test 1: failed: w is to have")


def test_parameters_of_all_tests_that_are_too_large_together() -> None:
    test = {"before": "x, w = variable(), variable(); return dot(x, w)", "unchanged": "no relu",
            "parameters": {"w": [2048, 2048]}}  # fmt: skip
    found = run(RELU, *[test] * 5)
    assert [bool(each) for each in found] == [True] * 4 + [False]
    assert "ask for more than 16,777,216 elements in all" in str(found[-1])


def test_a_search_that_meets_its_limit_fails_the_test() -> None:
    dots = "; ".join(f"d{n} = dot(x, w{n})" for n in range(12))
    weights = ", ".join(f"w{n}" for n in range(12))
    hard = {
        "id": "hard",
        "match": f"y = add_n({', '.join(f'dot(a{n}, maybe(relu)(b{n}))' for n in range(12))})",
        "replace": "y = relu(a0)",
        "where": ["b0.name == 'none'"],
    }
    before = (
        f"x, {weights} = {', '.join(['variable()'] * 13)}; {dots}; "
        f"return add_n({', '.join(f'd{n}' for n in range(12))})"
    )
    found = failure(hard, before=before, unchanged="b0.name is")
    assert found.startswith("rule 1 (rewrite), tests.0.before: hard, test 1: failed: ")
    assert "more than 100,000 were tried" in found


TIE = {
    "name": "tie-all",
    "parameters": {"which": "x"},
    "rules": [
        {"tie": {"variables": "glob:*", "equal": True}},
        {"expect": {"arguments": {"${which}": 1}}},
    ],
}
TWO = "x, a, b = variable(), variable(), variable()\nreturn dot(dot(x, a), b)"


def run_whole(*tests: dict[str, Any], rules: Any = None, **options: Any) -> list[RuleTest]:
    loaded = load_pass({**TIE, **({"rules": rules} if rules else {}), "tests": list(tests)})
    return run_tests(loaded, **options)


def test_a_test_of_a_whole_pass() -> None:
    after = "x, a = variable(), variable()\nreturn dot(dot(x, a), a)"
    found = run_whole(
        {"before": TWO, "after": after, "parameters": {"a": [2, 2], "b": "a"}},
        {"before": TWO, "unchanged": "tied 0 variables", "parameters": {"a": [2, 2], "b": [2, 2]}},
        {"before": TWO, "unchanged": "expect", "set": {"which": "c"}},
        {"before": TWO, "after": after, "parameters": {"a": [2, 2], "b": [2, 2]}},
    )
    assert [bool(each) for each in found] == [True, True, True, False]
    assert str(found[3]).startswith(
        "the pass: tie-all, test 4: failed: it changed nothing, which left A, and B was wanted: "
    )


def test_a_refused_pass_passes_no_test_that_wants_it_to_run() -> None:
    [found] = run_whole({"before": TWO, "after": TWO, "set": {"which": "c"}})
    assert "it is refused: rule 2 (expect): " in str(found)


def test_a_pass_that_changes_what_it_should_leave_alone() -> None:
    [found] = run_whole({"before": TWO, "unchanged": "x", "parameters": {"a": [2, 2], "b": "a"}})
    assert "it was to leave the graph alone, but made of it\n    x, a = variable()" in str(found)


def test_values_of_a_parameter_that_has_none() -> None:
    [found] = run_whole({"before": TWO, "unchanged": "x", "parameters": {"a": "b"}})
    assert str(found).endswith("b has no shape here, which a could have")


def test_a_whole_pass_runs_its_rules_in_order() -> None:
    rules = [{"rename": {"from": "y", "to": "z"}}, {"use": "drop-dropout"}]
    [found] = run_whole(
        {
            "before": "x = variable()\ny = tanh(Dropout(x))\nreturn y",
            "after": "x = variable()\nz = tanh(x)\nreturn z",
        },
        rules=rules,
    )
    assert found, str(found)


@pytest.mark.mxnet
def test_outputs_of_a_whole_pass(mx: Any) -> None:
    x = "x = variable(__shape__=(2, 3), name='data')\n"
    wrong = [{"rewrite": {"match": "y = relu(x)", "replace": "y = tanh(x)"}}]
    case = {"before": x + "y = relu(x)\nreturn y", "after": x + "y = tanh(x)\nreturn y"}
    [found] = run_whole(case, rules=wrong, on_mxnet=True)
    assert "outputs differ:" in str(found)
    [found] = run_whole(
        {"before": x + "y = tanh(Dropout(x, mode='always'))\nreturn y",
         "after": x + "d = Dropout(x, mode='always', name='dropout0')\nz = tanh(d)\nreturn z"},
        rules=[{"rename": {"from": "y", "to": "z"}}],
        on_mxnet=True,
    )  # fmt: skip
    assert found
    assert "is random" in found.note


def test_a_setting_that_the_pass_does_not_have_is_no_refusal() -> None:
    [found] = run_whole({"before": TWO, "unchanged": "no parameter", "set": {"whch": "c"}})
    assert "the pass tie-all has no parameter 'whch'; nearest: which" in str(found.failure)


def test_sizes_are_no_reasons() -> None:
    [found] = run_whole({"before": TWO, "unchanged": "nodes"})
    assert "it left the graph alone, but not because nodes" in str(found.failure)
