"""Every kind of finding, as data."""

from __future__ import annotations

from graphpass.checks import (
    baked_batch,
    batch_norm,
    conflicts,
    dead,
    names,
    operators,
    parameters,
    stored_values,
    training,
    unnamed,
)
from graphpass.checks.kind import Check

__all__ = ["CHECKS"]

CHECKS: tuple[Check, ...] = (
    *parameters.CHECKS,
    *unnamed.CHECKS,
    *stored_values.CHECKS,
    *conflicts.CHECKS,
    *names.CHECKS,
    *operators.CHECKS,
    *batch_norm.CHECKS,
    *baked_batch.CHECKS,
    *training.CHECKS,
    *dead.CHECKS,
)
"""In the order of reports, errors put before warnings."""
