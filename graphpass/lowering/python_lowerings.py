"""Lowerings that the language can't say, each with the reason.

A lowering of a pass names one by ``python: NAME``; pattern, conditions and ``let`` stay there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphpass.lowering.evaluate import LoweredMatch

__all__ = ["PYTHON_LOWERINGS"]

PYTHON_LOWERINGS: Mapping[str, Callable[[LoweredMatch], Any]] = {}
"""Name -> function of a match, which returns a `TargetSource`, or a list of one for each output."""
