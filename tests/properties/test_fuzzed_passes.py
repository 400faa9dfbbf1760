"""No pass, however broken, gives anything but a `GraphpassError`, or takes for ever.

``GRAPHPASS_FUZZ_MINUTES=10 pytest -m slow tests/properties/test_fuzzed_passes.py`` goes on for as
long as it is told.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pass_fuzzer as fuzzing
import pytest
import sound_rules as sound
from effort import at_most

import graphpass
from graphpass.errors import GraphpassError
from graphpass.graph.invariants import check_acyclic
from graphpass.rules import load_pass
from graphpass.rules.lint.lint import lint

MOST_CALLS = 20_000_000
"""How many functions one pass may call on a small model."""


SOUND = [rule for each in sound.RULES.values() for rule in each.rules]


def attempt(source: Any, model: graphpass.Model) -> bool:
    """Load, lint and apply a pass; return whether it could be applied."""
    before = graphpass.dumps(model.graph)
    names = sorted(model.parameters)
    try:
        loaded = load_pass(source).bind(None)
        lint(loaded)
        graphpass.apply(loaded, model)
    except GraphpassError as error:
        message = str(error)
        assert message
        assert "Traceback" not in message
        assert graphpass.dumps(model.graph) == before
        assert sorted(model.parameters) == names
        return False
    check_acyclic(model.graph, list(model.graph.order()))
    assert graphpass.dumps(graphpass.loads(graphpass.dumps(model.graph))) == graphpass.dumps(
        model.graph
    )
    return True


def fuzz(seed: int, folder: Path) -> bool:
    """Try one broken pass; the seed says which one."""
    dice = random.Random(seed)
    fuzzer = fuzzing.Fuzzer(dice, SOUND)
    model = dice.choice(fuzzing.MODELS).copy()
    source: Any
    kind = dice.random()
    if kind < 0.15:
        source = fuzzer.whole()
    elif kind < 0.5:
        source = fuzzer.rules()
    else:
        source = folder / "broken.yaml"
        source.write_bytes(fuzzer.text())
    try:
        with at_most(MOST_CALLS):
            return attempt(source, model)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("start", range(0, 1200, 300))
def test_broken_passes_are_refused_in_words(start: int, tmp_path: Path) -> None:
    applied = [fuzz(seed, tmp_path) for seed in range(start, start + 300)]
    assert 10 < sum(applied) < 290  # else they are all broken too much, or not at all


@pytest.mark.slow
def test_broken_passes_for_minutes(tmp_path: Path) -> None:
    minutes = float(os.environ.get("GRAPHPASS_FUZZ_MINUTES", "2"))
    ends = time.monotonic() + 60 * minutes
    seed = int(os.environ.get("GRAPHPASS_FUZZ_SEED", "1000000"))
    while time.monotonic() < ends:
        fuzz(seed, tmp_path)
        seed += 1
