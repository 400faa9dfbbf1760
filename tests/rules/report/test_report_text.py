"""The text of a report, whole."""

from __future__ import annotations

import re

import pytest

from graphpass import Model, apply
from graphpass.formats.text import parse_graph
from graphpass.rules.report.report import format_bytes


def test_a_report(mlp) -> None:
    rules = {
        "name": "mixed",
        "rules": [
            {"rename": {"from": "data", "to": "x"}},
            {"id": "tanh", "set": {"select": "relu1", "attrs": {"act_type": "tanh"}}},
            {"set": {"heads": ["relu1", "fc1"]}},
            {"prefix": {"prefix": "a_", "keep": "x"}},
        ],
    }
    assert str(apply(rules, mlp())) == (
        "mixed: changed\n"
        "  1. rename: renamed 1 variable\n"
        "     ~ names: data -> x\n"
        "  2. set tanh: set 'act_type' of 1 node\n"
        "     ~ attributes: relu1 act_type=tanh (was relu)\n"
        "  3. set: the graph returns 'relu1_output', 'fc1_output'\n"
        "     - nodes: fc2, fc2_weight, drop1\n"
        "     ~ outputs: fc2_output -> relu1_output, fc1_output\n"
        "     - parameters (32 B): fc2_weight\n"
        "  4. prefix: renamed 6 variables, 3 operators, 6 parameters\n"
        "     ~ names: fc1_weight -> a_fc1_weight, fc1_bias -> a_fc1_bias, fc1 -> a_fc1, "
        "bn1_gamma -> a_bn1_gamma, bn1_beta -> a_bn1_beta and 4 more\n"
        "     ~ outputs: relu1_output, fc1_output -> a_relu1_output, a_fc1_output\n"
        "     ~ parameters: fc1_weight -> a_fc1_weight, fc1_bias -> a_fc1_bias, "
        "bn1_gamma -> a_bn1_gamma, bn1_beta -> a_bn1_beta, "
        "bn1_moving_mean -> a_bn1_moving_mean and 1 more\n"
        "  nodes       13 -> 10\n"
        "  operators   5 -> 3: Dropout 1 -> 0, FullyConnected 2 -> 1\n"
        "  parameters  7 -> 6, 160 B -> 128 B\n"
        "  argument order changed; who binds arrays by position must follow\n"
        "    before: data, fc1_weight, fc1_bias, bn1_gamma, bn1_beta and 1 more\n"
        "    after:  x, a_fc1_weight, a_fc1_bias, a_bn1_gamma, a_bn1_beta"
    )


@pytest.mark.parametrize(
    ("rules", "dry_run", "said"),
    [
        ([{"prefix": "a_"}], False, "rules: changed"),
        ([{"prefix": "a_"}], True, "rules: would change"),
        ([], False, "rules: changed nothing"),
        ([], True, "rules: nothing to change"),
    ],
)
def test_the_first_line(mlp, rules, dry_run: bool, said: str) -> None:
    assert str(apply(rules, mlp(), dry_run=dry_run)).splitlines()[0] == said


def test_of_a_used_pass_is_told_what_did_something_or_came_near(mlp, tmp_path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "graphpass: 1\nrules:\n- prune:\n- expect: {inputs: 1}\n"
        "- rewrite: {id: idle, match: 'y = relu(relu(x))', replace: 'y = relu(x)'}\n"
        "- rewrite: {id: close, match: 'y = FullyConnected(x, w, num_hidden=9)', replace: x}\n"
        "- rename: {from: fc1, to: first}\n"
    )
    lines = str(apply([{"use": str(tmp_path / "inner.yaml")}], mlp())).splitlines()
    place = f"[{tmp_path}/inner.yaml"
    assert [line for line in lines if place in line] == [
        f"     2. expect: 1 assertion holds  {place}:4]",
        f"     4. rewrite close: nothing to rewrite  {place}:6]",
        f"     5. rename: renamed 1 operator  {place}:7]",
    ]
    assert any(line.startswith("        not y = FullyConnected") for line in lines)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_995, "10.0 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_have_three_digits(count: int, text: str) -> None:
    assert format_bytes(count) == text


def rewrite(match: str, replace: str, **options: object) -> dict[str, object]:
    return {"rewrite": {"match": match, "replace": replace, **options}}


def test_outputs_whose_names_a_rewrite_changes() -> None:
    graph = parse_graph(
        "x = variable(); r = relu(x); y = Dropout(r); z = tanh(r); return z, y, r, sin(r)"
    )
    bypass = rewrite("Dropout(x)", "x", group="a")
    behind = rewrite("y = tanh(x)", "relu(y)", once=True, group="a")
    report = apply([bypass, behind, rewrite("y = sin(x)", "y = cos(x)")], Model(graph))
    lines = str(report).splitlines()
    assert [line.strip() for line in lines if "~ outputs" in line] == [
        "~ outputs: y_output -> r_output",
        "~ outputs: z_output -> z_relu_output",
    ]
    assert [step.get("outputs") for step in report.to_json()["rules"]] == [
        [{"position": 1, "before": "y_output", "after": "r_output"}],
        [{"position": 0, "before": "z_output", "after": "z_relu_output"}],
        None,
    ]


FORGED = "a\n  2. rewrite evil: fired 99 times  [x.yaml:1]\r\u2028\x1b\u202e     at"


@pytest.mark.parametrize(
    "rule",
    [
        rewrite("relu(x)", "tanh(x)"),
        rewrite("relu(x)", "x"),
        rewrite("y = relu(x)", "x", where="y.name == 'b'"),
        {"rename": {"from": FORGED, "to": f"{FORGED}b"}},
        {"rename": {"from": "x", "to": f"{FORGED}x"}},
        {"prefix": {"prefix": "p\n"}},
        {"set": {"select": FORGED, "attrs": {"__note__": "1\n2"}}},
        {"set": {"heads": [FORGED, "x"]}},
    ],
    ids=lambda rule: next(iter(rule)),
)
def test_a_name_cannot_forge_a_line(rule: dict[str, object]) -> None:
    model = Model(parse_graph("x = variable(); y = relu(x); z = sin(y); return y, z"))
    apply([{"rename": {"from": "y", "to": FORGED}}], model)
    lines = str(apply([rule], model)).split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line[:5] for line in lines if re.match(r"\s+\d+\. ", line)] == ["  1. "]


BODY = """
def body():
    v = variable()
    inner = relu(v)
    return relu(inner, name="outer")
x = variable()
loop = _foreach(x, subgraphs=[body], num_args=2, num_outputs=1, num_out_data=1,
    in_data_locs=(0,), in_state_locs=(), remain_locs=())
return loop
"""


def test_operators_inside_subgraphs_are_counted_apart() -> None:
    report = apply([rewrite("relu(relu(x))", "relu(x)")], Model(parse_graph(BODY)))
    assert str(report).splitlines()[-6:] == [
        "  nodes       2",
        "  operators   1",
        "  operators inside subgraphs  2 -> 1",
        "    operator  before   after",
        "    relu           2       1",
        "  parameters  0, 0 B",
    ]
    assert report.to_json()["after"]["inside_subgraphs"] == {"relu": 1}
