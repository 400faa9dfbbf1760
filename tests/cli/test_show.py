"""``show --text``: the graph as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphpass
from graphpass.formats.text import parse_graph


def test_the_text_is_the_graph(cli: Any, folder: Path) -> None:
    done = cli("show", "nasty_names", "--text")
    assert done.code == 0
    graph = graphpass.loads((folder / "nasty_names-symbol.json").read_bytes())
    assert graphpass.dumps(parse_graph(done.out)) == graphpass.dumps(graph)


def test_the_text_as_data(cli: Any, folder: Path) -> None:
    done = cli("show", "conv1", "--text", "--json")
    assert json.loads(done.out)["text"] + "\n" == cli("show", "conv1", "--text").out
