"""The everyday verbs do what the rule of their name does."""

import json
from pathlib import Path
from typing import Any

import pytest

import graphpass
from graphpass.cli import main

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.mark.parametrize(
    ("model", "verb", "rule"),
    [
        ("residual", ["rename", "data=image", "conv0=stem"],
         {"rename": {"map": {"data": "image", "conv0": "stem"}}}),
        ("residual", ["prefix", "l_", "--keep", "data"],
         {"prefix": {"prefix": "l_", "keep": "data"}}),
        ("residual", ["clone", "r_", "--to", "flatten0", "--share", "copy"],
         {"clone": {"prefix": "r_", "to": "flatten0", "share": "copy"}}),
        ("stages", ["cut", "relu5", "--at", "pool1"],
         {"extract": {"outputs": "relu5", "inputs": ["pool1"]}}),
        ("translator", ["tie", "src_embed_weight", "tgt_embed_weight", "--into", "words"],
         {"tie": {"variables": ["src_embed_weight", "tgt_embed_weight"], "into": "words"}}),
        ("age", ["merge", str(FIXTURES / "gender"), "--share", "data", "--prefix", "g_"],
         {"merge": {"model": str(FIXTURES / "gender"), "share": ["data"], "prefix": "g_"}}),
        ("residual", ["optimize"], {"use": "optimize-for-inference"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_verb_does_what_its_rule_does(tmp_path: Path, model: str, verb: list[str], rule: Any):
    source, target = FIXTURES / model, tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main([verb[0], str(source), *verb[1:], "-o", str(target)])
    assert not ended.value.code
    expected = graphpass.load(source)
    graphpass.apply([rule], expected, allow_paths=[FIXTURES])
    assert graphpass.diff(expected, graphpass.load(target)).equal


def fails(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_a_pair_without_an_equals_sign_is_told_how(capsys: pytest.CaptureFixture[str]):
    assert fails("rename", str(FIXTURES / "residual"), "data", "-o", "x") == 2
    assert "write OLD=NEW, such as data=image" in capsys.readouterr().err


def test_nothing_is_written_without_a_target(capsys: pytest.CaptureFixture[str]):
    assert fails("optimize", str(FIXTURES / "residual")) == 2
    assert "-o OUT" in capsys.readouterr().err


def test_a_report_as_json(capsys: pytest.CaptureFixture[str]):
    assert fails("rename", str(FIXTURES / "residual"), "data=image", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["changed"] is True
