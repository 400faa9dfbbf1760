"""A command imports what it needs, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"

RENAME = ["apply", "{rename: {from: data, to: image}}", str(FIXTURES / "residual"), "--dry-run"]
HEAVY = {
    "jsonschema",
    "mxnet",
    "networkx",
    "graphpass.shapes.inference",
    "graphpass.verify.equality",
}


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        (["--help"], {"numpy", "rich", "ruamel.yaml", "graphpass.graph", "graphpass.rules.run"}),
        (RENAME, {"rich", "graphpass.rules.rewrite.matcher", "graphpass.rules.operations.merge"}),
        (["show", str(FIXTURES / "residual")], {"ruamel.yaml", "graphpass.rules.run"}),
    ],
    ids=["help", "rename", "show"],
)
def test_what_is_not_needed_is_not_imported(arguments: list[str], others: set[str]) -> None:
    code = (
        "import sys\nfrom graphpass.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not (HEAVY | others) & set(run.stdout.split())
