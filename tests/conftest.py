"""Fixtures that every test may ask for: MXNet, the corpus, and Hypothesis profiles."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from mxnet_judge import Judge

os.environ.setdefault("MXNET_SUBGRAPH_BACKEND", "NONE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "default",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),  # new examples are for people, not for a merge gate
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``mxnet`` where MXNet is not installed."""
    if importlib.util.find_spec("mxnet") is None:
        skip = pytest.mark.skip(reason="MXNet is not installed (the `mxnet` extra; Python < 3.12)")
        for item in items:
            if item.get_closest_marker("mxnet") is not None:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def mx() -> ModuleType:
    """MXNet itself; the test is skipped where it is not installed."""
    try:
        return importlib.import_module("mxnet")
    except ImportError:
        pytest.skip("MXNet is not installed (the `mxnet` extra; Python < 3.12)")


@pytest.fixture(scope="session")
def judge(mx: ModuleType) -> Judge:
    """MXNet, ready to run models."""
    from mxnet_judge import Judge

    return Judge(mx)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real symbol files that GRAPHPASS_CORPUS names."""
    folder = os.environ.get("GRAPHPASS_CORPUS")
    if not folder:
        pytest.skip("GRAPHPASS_CORPUS does not name a corpus of symbol files")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"GRAPHPASS_CORPUS names {path}, which is not a folder")
    return path
