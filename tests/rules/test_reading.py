"""Which files a pass file may read; what its rules say of one that is no pass, table or model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import graphpass
from graphpass.errors import GraphpassError, UsageError
from graphpass.rules import load_pass
from graphpass.rules.lint import lint
from graphpass.rules.pass_rewrites import used_passes
from graphpass.rules.reading import Reading

FIXTURES = Path(__file__).parents[2] / "fixtures"
SECRET = "root:x:0:0:swordfish\n"

RULES = (
    "use: {path}/outside.yaml",
    "use: {{pass: [drop-dropout, {path}/outside.yaml]}}",
    "rename: {{map: {path}/names.csv}}",
    "merge: {{model: {path}/perceptron, prefix: b_}}",
    "insert: {{op: broadcast_add, name: c, after: data, parameters: {{rhs: {{file: {path}/a}}}}}}",
)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """``passes/``, ``models/residual``, and outside of both a pass, a table and a model."""
    for name in ("passes", "models", "outside"):
        (tmp_path / name).mkdir()
    for stem, folder in (("residual", "models"), ("perceptron", "outside")):
        for ending in ("-symbol.json", "-0000.params"):
            shutil.copy(FIXTURES / f"{stem}{ending}", tmp_path / folder)
    outside = tmp_path / "outside"
    (outside / "outside.yaml").write_text("graphpass: 1\nrules: [{prefix: outside_}]\n")
    (outside / "names.csv").write_text("data,image\n")
    (outside / "a.npy").write_text(SECRET)
    return tmp_path


def written(world: Path, rule: str, **allowed: Path) -> tuple[Path, graphpass.Model]:
    path = world / "passes" / "p.yaml"
    path.write_text(f"graphpass: 1\nrules:\n- {rule}\n")
    return path, graphpass.load(world / "models" / "residual")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", ["../outside", "{world}/outside", "link"])
def test_a_pass_file_reads_nothing_outside_of_its_folders(world: Path, rule: str, way: str) -> None:
    (world / "passes" / "link").symlink_to("../outside")
    path, model = written(world, rule.format(path=way.format(world=world)))
    with pytest.raises(GraphpassError, match="a pass file may read only what is below") as caught:
        graphpass.apply(path, model)
    assert f"--allow-path {world}/outside" in str(caught.value)


@pytest.mark.parametrize("rule", [RULES[0], RULES[1], RULES[2], RULES[3]])
def test_the_caller_allows_a_folder(world: Path, rule: str) -> None:
    path, model = written(world, rule.format(path="../outside"))
    assert graphpass.apply(path, model, allow_paths=[world / "outside"]).changed


def test_what_lies_below_the_folder_of_the_pass_or_of_the_model_is_read(world: Path) -> None:
    (world / "outside").rename(world / "passes" / "inside")
    path, model = written(world, RULES[3].format(path="inside"))
    assert graphpass.apply(path, model).changed
    path, model = written(world, "merge: {model: ../models/residual, prefix: b_}")
    assert graphpass.apply(path, model).changed


def test_what_the_caller_writes_reads_any_file_and_a_pass_file_it_uses_does_not(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world / "passes")
    model = graphpass.load(world / "models" / "residual")
    assert graphpass.apply({"merge": {"model": "../outside/perceptron", "prefix": "b_"}}, model)
    written(world, RULES[0].format(path="../outside"))
    with pytest.raises(GraphpassError, match="may read only what is below"):
        graphpass.apply({"use": "p.yaml"}, model)


def test_a_linked_file_of_a_model_counts_as_where_it_is(world: Path) -> None:
    inside = world / "passes"
    for ending in ("-symbol.json", "-0000.params"):
        (inside / f"m{ending}").symlink_to(f"../outside/perceptron{ending}")
    path, model = written(world, "merge: {model: m, prefix: b_}")
    with pytest.raises(GraphpassError, match="may read only what is below"):
        graphpass.apply(path, model)


@pytest.mark.parametrize(
    "rule",
    [
        "use: ./secret",
        "rename: {map: secret}",
        "merge: {model: secret, prefix: b_}",
        "insert: {op: broadcast_add, name: c, after: data, parameters: {rhs: {file: secret}}}",
    ],
)
def test_no_error_quotes_a_file_of_another_kind(world: Path, rule: str) -> None:
    for content in (SECRET, '"swordfish"', '{"swordfish": "swordfish"}', "swordfish,1,2\n"):
        (world / "passes" / "secret").write_text(content)
        path, model = written(world, rule)
        with pytest.raises(GraphpassError) as caught:
            graphpass.apply(path, model)
        assert "swordfish" not in str(caught.value)


def test_a_folder_that_is_allowed_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder, whose files a pass may read"):
        Reading.allowing([tmp_path / "nowhere"])


def test_a_path_that_none_can_be_is_refused() -> None:
    with pytest.raises(UsageError, match="this is no path"):
        Reading().of_pass(Path(), is_file=True).path("a\0b")


def test_looking_into_a_pass_reads_no_more_than_running_it(world: Path) -> None:
    path, _ = written(world, RULES[0].format(path="../outside"))
    loaded = load_pass(path)
    assert "may read only what is below" in str(lint(loaded))
    assert "may read only" not in str(lint(loaded, allow_paths=[world / "outside"]))
    assert len(used_passes(loaded, Reading.allowing([world / "outside"])).passes) == 1
