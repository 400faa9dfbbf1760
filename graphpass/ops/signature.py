"""What one node reads and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Signature"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of an operator with given attributes."""

    num_inputs: int | None
    """Number of inputs; ``None`` where MXNet takes any number."""

    input_names: tuple[str, ...] | None
    """Suffix of the variable that MXNet creates for each missing input, or ``None``."""

    mutable_slots: tuple[int, ...]
    """Slots whose variables the operator writes to: auxiliary states."""

    num_outputs: int
    """Outputs in total, hidden ones too: the step of ``node_row_ptr``."""

    num_visible_outputs: int
    """Outputs that composing the operator yields: always the first ones."""

    output_names: tuple[str, ...]
    """Suffix of each output's name, hidden ones too."""

    initializers: Mapping[int, str]
    """Slot to the ``__init__`` text that MXNet gives a variable there that has none."""
