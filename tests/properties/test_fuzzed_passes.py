"""No pass, text or option, however broken, gives anything but words, or takes for ever.

``GRAPHPASS_FUZZ_INPUTS=150000 pytest -m slow tests/properties/test_fuzzed_passes.py`` tries that
many, within limits of time and memory; ``GRAPHPASS_FUZZ_SEED`` says from which seed on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fuzzing
import pytest
from effort import at_most

MOST_CALLS = 20_000_000
"""How many functions one input may call on a small model."""

TRIED = dict.fromkeys(fuzzing.KINDS, 200) | {"passes": 80, "shipped": 40}


@pytest.mark.parametrize("kind", fuzzing.KINDS)
def test_broken_inputs_are_refused_in_words(kind: str) -> None:
    taken = 0
    for seed in range(TRIED[kind]):
        with at_most(MOST_CALLS):
            taken += fuzzing.attempt(kind, seed)[1]
    assert 0 < taken < TRIED[kind]  # else they are all broken too much, or not at all


@pytest.mark.slow
def test_many_broken_inputs_within_time_and_memory() -> None:
    inputs = os.environ.get("GRAPHPASS_FUZZ_INPUTS", "20000")
    seed = os.environ.get("GRAPHPASS_FUZZ_SEED", "1000000")
    script = Path(fuzzing.__file__)
    done = subprocess.run([sys.executable, script, inputs, seed], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
