"""The judge of the property tests: real MXNet."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def judge(mx: ModuleType) -> Any:
    """MXNet, ready to run models: `Judge` of the property tests."""
    path = Path(__file__).parents[1] / "properties" / "conftest.py"
    return _load(path, "properties_conftest").Judge(mx)
