"""Models with an operator that only its author's Python knows, which MXNet itself can't load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphpass


def test_custom_operators_are_shown_renamed_cloned_and_written(
    cli: Any, corpus: Path, tmp_path: Path
) -> None:
    paths = sorted((corpus / "versions").glob("*/custom_op-symbol.json"))
    assert len(paths) == 6
    for path in paths:
        assert "Custom" in cli("show", path, "--ops").out
        assert "Custom" in cli("show", path, "--nodes").out
        rules = "[{rename: {select: 'op:Custom', to: mine}}, {clone: {prefix: b_}}]"
        done = cli("apply", rules, path, "-o", tmp_path / path.parent.name, "--partial")
        assert done.code == 0, done.err
        graph = graphpass.load(tmp_path / path.parent.name).graph
        before = graphpass.loads(path.read_bytes())
        assert {node.name for node in graph if node.op == "Custom"} == {"mine", "b_mine"}
        assert len(graph.outputs) == 2 * len(before.outputs)
        text = graphpass.dumps(graph)
        assert graphpass.dumps(graphpass.loads(text)) == text
