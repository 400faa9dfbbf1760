"""``use``: another pass as one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from graphpass.errors import OperationError
from graphpass.graph import Edit
from graphpass.rules.driver import run_pass
from graphpass.rules.file import load_pass
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operation import Operation, Run
from graphpass.rules.wording import count

__all__ = ["MAX_PASSES", "Use"]

_MAX_DEPTH = 16
MAX_PASSES = 1000
"""How many passes one run may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Operation):
    """Run a shipped pass, or one from a file; paths start at the folder of this pass.

    Examples
    --------
    ``use: {pass: siamese, set: {prefix: b_}}``
    """

    keyword: ClassVar[str] = "use"
    shorthand: ClassVar[str | None] = "pass"

    pass_: str
    """Name of a shipped pass, or a path."""

    set: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of that pass."""

    def load(self, folder: Path, chain: Sequence[str] = ()) -> Pass:
        """Load the pass.

        Parameters
        ----------
        folder : Path
            Where relative paths start.
        chain : sequence of str
            The files of the passes that use each other down to this rule.

        Raises
        ------
        PassFileError, UsageError
            If it can't be loaded.
        OperationError
            If it would use itself without end, or the chain is too long.
        """
        loaded = load_pass(self.pass_, folder=folder).bind(self.set)
        if loaded.identity and loaded.identity in chain:
            around = " -> ".join([*chain[chain.index(loaded.identity) :], loaded.identity])
            raise OperationError(f"this pass would use itself without end: {around}")
        if len(chain) >= _MAX_DEPTH:
            raise OperationError(f"passes use passes more than {_MAX_DEPTH} deep")
        return loaded

    def apply(self, run: Run, edit: Edit) -> str:
        """Run the pass. Takes what its rules take."""
        if next(run.uses) > MAX_PASSES:
            raise OperationError(
                f"more than {MAX_PASSES} passes are used in one run; do passes use passes that "
                "use passes too often?"
            )
        loaded = self.load(run.folder, run.chain)
        report = run_pass(loaded, run)
        run.steps.extend(report.steps)
        run.choose_heads(report.lineage.heads)
        changed = "which changed the model" if report.changed else "which changed nothing"
        return f"ran {loaded.name}: {count(len(report.steps), 'rule')}, {changed}"
