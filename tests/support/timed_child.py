"""Python programs run by themselves, so that nothing else of this process is timed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "THREADS", "run_python"]

ROOT = Path(__file__).parents[2]

THREADS = 2


def run_python(*arguments: str) -> str:
    """Run Python in a child process on so many threads, and return what it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    environment |= {"MXNET_SUBGRAPH_VERBOSE": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, Path(__file__).parent)))
    command = (sys.executable, "-W", "ignore", *arguments)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
