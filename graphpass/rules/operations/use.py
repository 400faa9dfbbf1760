"""``use``: another pass as one rule, or several that are repeated until nothing changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from graphpass.errors import OperationError, RunawayError, UsageError, count, listed, suggestion
from graphpass.graph import Edit
from graphpass.rules.limits import MAX_PASSES, MAX_ROUNDS, MAX_USES
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.pass_files.loading import Pass, load_pass
from graphpass.rules.reading import Reading
from graphpass.rules.report.report import Report, Step
from graphpass.rules.run import run_pass

__all__ = ["UsePasses"]

_MAX_GROWTH = 10
"""How many times as large as it was, and a bit, a graph may be while passes are repeated."""

_SMALL = 100
"""How many nodes more than it has a small graph counts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePasses(Operation):
    """Run a shipped pass, or one from a file; paths start at the folder of this pass.

    Examples
    --------
    ``use: {pass: siamese, set: {prefix: b_}}``
    ``use: {pass: [fold-scale, fold-batchnorm], repeat: true}``
    """

    keyword: ClassVar[str] = "use"
    shorthand: ClassVar[str | None] = "pass"

    pass_: str | Sequence[str]
    """Name of a shipped pass, or a path; or several, in order."""

    set: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of that pass; of several, each takes those that it has."""

    repeat: bool = False
    """Whether to run it, or all of them, again and again until nothing changes."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it runs, in order."""
        return (self.pass_,) if isinstance(self.pass_, str) else tuple(self.pass_)

    @property
    def most_rounds(self) -> int:
        """How many rounds there are at most."""
        return max(2, min(MAX_ROUNDS, MAX_PASSES // len(self.names)))

    def load(self, name: str, reading: Reading, chain: Sequence[str] = ()) -> Pass:
        """Load one of the passes.

        Parameters
        ----------
        name : str
            One of `names`.
        reading : Reading
            Where relative paths start, and which files may be read.
        chain : sequence of str
            The files of the passes that use each other down to this rule.

        Raises
        ------
        PassFileError, UsageError
            If it can't be loaded.
        OperationError
            If it would use itself without end, or the chain is too long.
        """
        loaded = load_pass(name, folder=reading)
        several = len(self.names) > 1
        loaded = loaded.bind(
            {
                parameter: value
                for parameter, value in self.set.items()
                if not several or parameter in loaded.parameters
            }
        )
        if loaded.identity and loaded.identity in chain:
            around = " -> ".join([*chain[chain.index(loaded.identity) :], loaded.identity])
            raise OperationError(f"this pass would use itself without end: {around}")
        if len(chain) >= MAX_USES:
            raise OperationError(f"passes use passes more than {MAX_USES} deep")
        return loaded

    def apply(self, run: Run, edit: Edit) -> str:
        """Run the passes. Takes what their rules take, times the rounds."""
        passes = []
        for name in self.names:
            if next(run.uses) > MAX_PASSES:
                raise OperationError(
                    f"more than {MAX_PASSES} passes are used in one run; do passes use passes that "
                    "use passes too often?"
                )
            passes.append(self.load(name, run.reading, run.chain))
        self.refuse_unknown(passes)
        nodes = len(run.graph)
        most_nodes = _MAX_GROWTH * (nodes + _SMALL)
        inner = replace(run, bytes_before=run.model.parameters.nbytes) if self.repeat else run
        rounds: list[list[Report]] = []  # a last one in vain left out
        while True:
            reports = []
            for loaded in passes:
                reports.append(run_pass(loaded, inner))
                run.choose_heads(reports[-1].lineage.heads)
                run.end_part()
            if not rounds or _changed(reports):
                rounds.append(reports)
            if not self.repeat or not _changed(reports):
                break
            if len(rounds) == self.most_rounds:
                busy = listed([report.name for report in reports if report.changed])
                raise RunawayError(
                    f"{busy}: still changing the model after {len(rounds)} rounds, so it seems "
                    "that one undoes what another does; leave one out, or do without repeat"
                )
            if len(run.graph) > most_nodes:
                raise RunawayError(
                    f"after {count(len(rounds), 'round')} the graph has grown from {nodes} to "
                    f"{len(run.graph)} nodes, so it seems to grow for ever; do without repeat"
                )
        did = "changed the model" if any(_changed(each) for each in rounds) else "changed nothing"
        if len(passes) == 1 and len(rounds) == 1:
            run.steps.extend(rounds[0][0].steps)
            return f"ran {passes[0].name}: {count(len(run.steps), 'rule')}, which {did}"
        reports = [report for each in rounds for report in each]
        run.steps.extend(_step(number, report) for number, report in enumerate(reports, 1))
        often = f", {count(len(rounds), 'round')}" if self.repeat else ""
        return f"ran {_names(passes)}{often}, which {did}"

    def refuse_unknown(self, passes: Sequence[Pass]) -> None:
        """Refuse to set a parameter that none of the passes has.

        Raises
        ------
        UsageError
            With the nearest that one has.
        """
        known = dict.fromkeys(name for each in passes for name in each.parameters)
        for parameter in self.set:
            if parameter not in known:
                raise UsageError(
                    f"none of the passes {listed(self.names)} has a parameter {parameter!r}"
                    f"{suggestion(parameter, known)}; they have {', '.join(known) or 'none'}"
                )


def _changed(reports: Sequence[Report]) -> bool:
    return any(report.changed for report in reports)


def _names(passes: Sequence[Pass]) -> str:
    return passes[0].name if len(passes) == 1 else f"{len(passes)} passes"


def _step(number: int, report: Report) -> Step:
    did = "changed the model" if report.changed else "changed nothing"
    return Step(
        index=number,
        keyword=UsePasses.keyword,
        summary=f"ran {report.name}: {count(len(report.steps), 'rule')}, which {did}",
        steps=report.steps,
    )
