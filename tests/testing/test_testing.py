"""The room itself: what it exports, and what it says without Hypothesis."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import graphpass.testing

MODULES = [module.name for module in pkgutil.iter_modules(graphpass.testing.__path__)]


def test_says_what_to_install_without_hypothesis() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import graphpass.testing"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 1
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: graphpass.testing needs Hypothesis")
    assert "pip install" in last


def test_nothing_else_needs_hypothesis() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None; "
        "import graphpass; [getattr(graphpass, name) for name in graphpass.__all__]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", graphpass.testing.__all__)
def test_exports_are_documented(name: str) -> None:
    value = getattr(graphpass.testing, name)
    if not isinstance(value, tuple):
        assert value.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"graphpass.testing.{name}")
    assert doctest.testmod(module).failed == 0
