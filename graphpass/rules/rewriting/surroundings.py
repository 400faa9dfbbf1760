"""What firings change besides their matches."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from graphpass.formats.parameters import Parameters
from graphpass.graph import Edit
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewriting.fresh_names import FreshNames

__all__ = ["Surroundings"]


@dataclass(slots=True)
class Surroundings:
    """The graph and the parameters, as firings change them."""

    index: Facts
    """The index of the graph; it follows."""

    edit: Edit
    """An open transaction on the graph."""

    parameters: Parameters | None
    """The model's; None inside a subgraph, which has none."""

    names: FreshNames
    """Gives new nodes their names."""

    twins: dict[Hashable, int] = field(default_factory=dict)
    """Rewrite, name and sources of a computed value -> the variable that has it, where others may
    compute the same again, as towers on one set of weights do."""

    provenance: bool = False
    """Whether new nodes get the attribute `PROVENANCE`."""

    firings: int = 0
    """How many firings of the group there have been."""

    def count_firing(self) -> int:
        """Count one firing more, and return its number."""
        self.firings += 1
        return self.firings
