"""Importing the rules loads nothing that a short pass does not need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"jsonschema", "ruamel.yaml", "numpy", "mxnet"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_the_import_is_light() -> None:
    assert not HEAVY & loaded_by("import graphpass.rules")


def test_operations_are_imported_when_they_are_used() -> None:
    modules = loaded_by("import graphpass.rules")
    assert not [name for name in modules if name.startswith("graphpass.rules.operations.")]
    modules = loaded_by("import graphpass.rules; graphpass.rules.load_pass([{'prune': None}])")
    assert "graphpass.rules.operations.remove" in modules
    assert "graphpass.rules.operations.merge" not in modules
