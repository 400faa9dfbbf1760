"""What a picture shows: boxes, folded weights, groups, differences, and its files."""

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

import graphpass
from graphpass.cli import main
from graphpass.formats.text import parse_graph
from graphpass.model import Model
from graphpass.view.drawing import Cluster, Drawing, draw, draw_difference, group_boxes
from graphpass.view.layout import layered
from graphpass.view.page import dot, page, svg

pytest.importorskip("fast_sugiyama", reason="the layout of pictures needs fast-sugiyama")

FIXTURES = Path(__file__).parents[2] / "fixtures"


def residual() -> Model:
    return graphpass.load(FIXTURES / "residual")


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def chain(count: int, name: str = "op{}") -> Model:
    names = [name.format(number) for number in range(count)]
    lines = ["x = variable()"]
    for before, after in zip(["x", *names], names, strict=False):
        lines.append(f'`{after}` = Activation(`{before}`, act_type="relu")')
    return Model(parse_graph("\n".join([*lines, f"return `{names[-1]}`"])))


def test_weights_are_folded_into_their_operators():
    drawing = draw(residual(), {"data": (1, 3, 8, 8)})
    boxes = {box.name: box for box in drawing.boxes}
    assert [box.name for box in drawing.boxes if box.op == "input"] == ["data"]
    assert boxes["conv0"].parameters == ["conv0_weight"]
    assert boxes["bn0"].parameters[2:] == ["bn0_moving_mean", "bn0_moving_var"]
    assert boxes["fc0"].heads == ["fc0_output"]
    assert boxes["conv0"].outputs[0].endswith(" float32") and boxes["conv0"].outputs[0][0] == "1"
    weight = drawing.weights["conv0_weight"].histogram
    values = residual().parameters["conv0_weight"]
    assert weight is not None and sum(weight.counts) == values.size
    assert weight.low == values.min() and weight.high == values.max()


def test_tied_weights_are_told():
    model = Model(
        parse_graph(
            "a, b, w = variable(), variable(), variable()\n"
            "left = FullyConnected(a, w, num_hidden=2, no_bias=True)\n"
            "right = FullyConnected(b, w, num_hidden=2, no_bias=True)\n"
            "return left, right"
        )
    )
    drawing = draw(model)
    assert {
        name: [drawing.boxes[at].name for at in users] for name, users in drawing.users().items()
    } == {"w": ["left", "right"]}


def test_every_edge_is_drawn_in_exactly_one_group():
    drawing = draw(chain(700, "stage{0}_op"))
    drawn = sum(edge[2] for group in data_of(page(drawing))["groups"] for edge in group["edges"])
    assert drawn == len(drawing.edges)


def test_beginnings_of_names_make_groups_where_they_stand_together():
    text = "x = variable()\n" + "\n".join(
        f'`{block}_{part}` = Activation(`{before}`, act_type="relu")'
        for block, part, before in [
            ("s1", "a", "x"), ("s1", "b", "s1_a"), ("s1", "c", "s1_b"),
            ("s2", "a", "s1_c"), ("s2", "b", "s2_a"), ("s2", "c", "s2_b"),
        ]
    )  # fmt: skip
    root = group_boxes(draw(Model(parse_graph(text + "\nreturn s2_c"))))
    assert [child.label for child in root.children if isinstance(child, Cluster)] == ["s1_", "s2_"]


def test_a_name_that_is_all_over_the_model_is_no_group():
    names = [f"relu_{number}" if number % 10 == 0 else f"op{number}" for number in range(200)]
    lines = ["x = variable()"] + [
        f'`{after}` = Activation(`{before}`, act_type="relu")'
        for before, after in zip(["x", *names], names, strict=False)
    ]
    root = group_boxes(draw(Model(parse_graph("\n".join([*lines, f"return {names[-1]}"])))))
    assert not any(isinstance(child, Cluster) for child in root.children)


def test_no_group_is_too_large_to_look_at():
    drawing = draw(chain(5_000))
    groups = [group_boxes(drawing)]
    for group in groups:
        assert len(group.children) <= 600
        groups += [child for child in group.children if isinstance(child, Cluster)]
    assert sorted(groups[0].boxes()) == list(range(5_001))


def test_layers_run_with_the_values_and_boxes_do_not_overlap():
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (1, 5), (6, 7)]
    layout = layered(9, edges)
    assert all(layout.places[a][1] < layout.places[b][1] for a, b in edges)
    spots = sorted((y, x) for x, y in layout.places)
    assert all(high[0] != low[0] or high[1] - low[1] >= 0.9 for low, high in pairwise(spots))


def test_a_cycle_of_groups_does_no_harm():
    assert len(layered(3, [(0, 1), (1, 2), (2, 0), (1, 1)]).places) == 3


def test_a_value_that_thousands_read_takes_no_millions_of_points():
    edges = [(number, number + 1) for number in range(1, 3_000)]
    edges += [(0, number) for number in range(1, 3_000)]
    assert sum(map(len, layered(3_001, edges).routes.values())) < 100_000


def difference() -> Drawing:
    before, after = residual(), residual()
    report = graphpass.apply("optimize-for-inference", after)
    return draw_difference(before, after, graphpass.diff(before, after), report=report)


def test_a_difference_colours_boxes_and_tells_which_rule_made_them():
    drawing = difference()
    states = {(box.op, box.name): box.state for box in drawing.boxes}
    assert states["BatchNorm", "bn0"] == "removed"
    assert states["Convolution", "bn0"] == "changed"
    assert states["Pooling", "pool0"] == ""
    (made,) = [box for box in drawing.boxes if (box.op, box.name) == ("Convolution", "bn0")]
    assert any("fold-batchnorm-into-convolution made it of" in note for note in made.notes)
    gone = next(at for at, box in enumerate(drawing.boxes) if box.state == "removed")
    assert any(gone in edge for edge in drawing.edges)
    assert all(a < b for a, b in drawing.edges)


def test_svg_is_xml_with_one_box_for_each_operator():
    drawing = difference()
    tree = ElementTree.fromstring(svg(drawing))
    rects = tree.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(rects) == len(drawing.boxes)


def test_dot_quotes_names():
    model = chain(1, 'a"b\\\\c')  # backslashes of the text form are doubled
    assert 'label="Activation\\na\\"b\\\\c"' in dot(draw(model))


def test_a_name_can_not_break_out_of_the_page():
    name = "</script><script>alert(1)</script>"
    drawing = draw(chain(1, name), title=name)
    text = page(drawing)
    assert "<script>alert" not in text
    assert data_of(text)["boxes"][1][0] == name


def test_view_writes_the_page_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["view", *map(str, arguments)])
        return int(ended.value.code or 0)

    assert run(FIXTURES / "residual") == 0
    assert capsys.readouterr().out == "residual.html\n"
    assert run(FIXTURES / "residual") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(FIXTURES / "residual", FIXTURES / "stages", "--svg", "-o", "both.svg") == 0
    assert ElementTree.parse("both.svg")


def test_apply_draws_what_it_did(tmp_path):
    target = tmp_path / "page.html"
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "apply",
                "fold-batchnorm",
                str(FIXTURES / "residual"),
                "--dry-run",
                "--html",
                str(target),
            ]
        )
    assert not ended.value.code
    assert {box[7] for box in data_of(target.read_text())["boxes"]} == {
        "",
        "removed",
        "changed",
        "moved",
    }


def test_notebooks_draw_what_they_show():
    before, after = residual(), residual()
    report = graphpass.apply("fold-batchnorm", after)
    for shown in (before, before.graph):
        assert shown._repr_html_().startswith("<iframe srcdoc=")
    for shown in (report, graphpass.diff(before, after), graphpass.check(before)):
        assert "<table>" in shown._repr_html_()
        assert "\n" not in repr(shown) and repr(shown).startswith("<")
