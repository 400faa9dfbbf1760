"""Python programs run by themselves, so that nothing else of this process is measured."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "THREADS", "cpu_seconds", "run_python"]

ROOT = Path(__file__).parents[2]

THREADS = 2


def _environment() -> dict[str, str]:
    paths = (ROOT, Path(__file__).parent, ROOT / "tests" / "support")
    return {
        **os.environ,
        "MXNET_SUBGRAPH_VERBOSE": "0",
        "OMP_NUM_THREADS": str(THREADS),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }


def run_python(*arguments: str) -> str:
    """Run Python in a child process on so many threads, and return what it prints."""
    command = (sys.executable, "-W", "ignore", *arguments)
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cpu_seconds(*arguments: str, rounds: int = 7) -> float:
    """Return the median CPU time of a whole process of Python, from its start to its end."""
    taken = []
    for _ in range(rounds):
        child = subprocess.Popen(
            (sys.executable, *arguments), env=_environment(), stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, arguments
        taken.append(used.ru_utime + used.ru_stime)
    return statistics.median(taken)
