"""``lower``: put operators of ONNX in the place of an operator of MXNet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graphpass.errors import OperationError, UsageError
from graphpass.graph import Edit
from graphpass.ops.onnx import OPSETS
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.rewrite.lowering import Lowering, Target, parse_lowering

__all__ = ["Lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lower(Operation):
    """Put operators of ONNX in the place of a match, in the graph that ``export`` makes."""

    keyword: ClassVar[str] = "lower"

    id: str | None = None
    """What reports and errors call the lowering."""

    description: str = ""
    """What it is for."""

    match: str
    """The pattern."""

    where: str | Sequence[str] = ()
    """Conditions, all of which must hold."""

    let: Mapping[str, Any] = field(default_factory=dict)
    """Name -> expression: values that the replacement reads."""

    replace: str | None = None
    """What takes the place of a match."""

    python: str | None = None
    """In its stead: the name of a function that graphpass ships."""

    refuse: str | None = None
    """In its stead: why a match can't be lowered."""

    tests: Sequence[Mapping[str, Any]] = ()
    """Graphs that it lowers, in text form, or leaves to others."""

    target: str = ""
    """The operator set, which the pass says."""

    lowering: Lowering = field(init=False, repr=False, compare=False)
    """The same, parsed."""

    def __post_init__(self) -> None:
        said = re.fullmatch(r"onnx (\d+)", self.target)
        if said is None or int(said[1]) not in OPSETS:
            raise UsageError(
                "a pass that lowers says to what at its top: `target: onnx 18`, or another opset "
                f"from {OPSETS[0]} to {OPSETS[-1]}"
            )
        lowering = parse_lowering(
            self.match,
            self.replace,
            python=self.python,
            refuse=self.refuse,
            where=[self.where] if isinstance(self.where, str) else list(map(str, self.where)),
            let={name: str(text) for name, text in self.let.items()},
            id=self.id or "lowering",
            target=Target(int(said[1])),
        )
        object.__setattr__(self, "lowering", lowering)

    @property
    def own_id(self) -> str | None:
        """The name that the lowering gives itself."""
        return self.id

    @classmethod
    def options(cls) -> list[str]:
        """See `Operation.options`; what the pass says at its top is none of a rule's."""
        return [each for each in super(Lower, cls).options() if each != "target"]

    def apply(self, run: Run, edit: Edit) -> str:
        """See `Operation.apply`. A lowering changes no model of MXNet's."""
        raise OperationError(
            "a lowering makes a graph of ONNX; run it by `graphpass export MODEL -o OUT.onnx "
            "--lower FILE`"
        )
