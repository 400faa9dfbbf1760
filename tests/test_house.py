"""The house stands as the design draws it: imports point downward, and light things stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import graphpass

PACKAGE = Path(graphpass.__file__).parent

ROOMS = [
    "cli",
    "view",
    "testing",
    "passes",
    "rules",
    "checks",
    "verify",
    "model",
    "formats",
    "shapes",
    "graph",
    "ops",
    "errors",
]
"""Top to bottom: a room may import itself and what stands below it."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "graphpass" and len(parts) > 1 else None


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {room_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative imports hide the room"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {room_of(name) for name in names}
    return {room for room in found if room in ROOMS}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return
    upward = {other for other in imported_rooms(path) if ROOMS.index(other) < ROOMS.index(room)}
    assert not upward, f"{path.name} in {room}/ imports upward: {sorted(upward)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_one_concept(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


RULES = [
    "evaluation",
    "patterns",
    "matching",
    "expressions",
    "surgery",
    "rewriting",
    "python",
    "explaining",
    "batching",
    "operations",
    "analysis",
]
"""The folders of rules/: one may import itself and those before it. What stands beside them, such
as a report, ties them together and is left aside, as is what a function imports when it runs."""


@pytest.mark.parametrize("folder", RULES)
def test_the_folders_of_rules_are_not_entangled(folder: str) -> None:
    later = {f"graphpass.rules.{each}" for each in RULES[RULES.index(folder) + 1 :]}
    for path in sorted((PACKAGE / "rules" / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {node for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)
                  for node in ast.walk(each)}  # fmt: skip
        modules = {
            ".".join(node.module.split(".")[:3])
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node not in inside
        }
        assert not modules & later, f"{path.name} in rules/{folder}/"


def test_every_folder_of_rules_has_its_place() -> None:
    assert {path.name for path in (PACKAGE / "rules").iterdir() if list(path.glob("*.py"))} == set(
        RULES
    )


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(output.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"numpy", "networkx", "mxnet", "jsonschema", "ruamel.yaml", "rich", "typer"}
    assert not heavy & imported_by("import graphpass")


def test_only_tests_and_the_backend_need_mxnet() -> None:
    assert "mxnet" not in imported_by("import graphpass; graphpass.verify; graphpass.apply")


def test_every_public_name_is_there_and_documented() -> None:
    for name in graphpass.__all__:
        assert getattr(graphpass, name).__doc__, name
    assert set(graphpass.__all__) <= set(dir(graphpass))
