"""Runs a pass over a model, as one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from graphpass.errors import GraphpassError
from graphpass.graph.graph import paused_collector
from graphpass.model import Model
from graphpass.rules.delta import Delta, Snapshot
from graphpass.rules.file import Pass, PassSource, Rule, load_pass
from graphpass.rules.operation import Run
from graphpass.rules.report import Census, Report, Step

__all__ = ["apply", "run_pass"]


class _DryRun(BaseException):
    """Undoes the transaction of a dry run."""


def apply(
    pass_: PassSource,
    model: Model,
    *,
    set: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Report:
    """Run a pass over a model, in place.

    Parameters
    ----------
    pass_
        What `load_pass` takes: a path, the name of a shipped pass, rules as a list of dicts, ….
    model : Model
        The model to change. Graph and parameters change together, and not at all if this raises.
    set : mapping, optional
        Values for parameters of the pass.
    dry_run : bool
        Whether to leave the model as it is, and only report what would be done.

    Returns
    -------
    Report
        What was done.

    Raises
    ------
    PassFileError, UsageError
        If the pass can't be loaded.
    ExpectationError
        If an ``expect`` does not hold.
    GraphpassError
        If a rule is refused. The message begins with the rule: ``siamese.yaml:7: rule 2 (rename)``.

    Notes
    -----
    Linear in the nodes, besides what the operations take.
    """
    loaded = load_pass(pass_).bind(set)
    report: Report | None = None
    with suppress(_DryRun), paused_collector(), model.edit():
        report = run_pass(loaded, model, dry_run=dry_run)
        if dry_run:
            raise _DryRun
    assert report is not None
    return report


def run_pass(
    loaded: Pass,
    model: Model,
    *,
    chain: tuple[str, ...] = (),
    uses: Iterator[int] | None = None,
    dry_run: bool = False,
) -> Report:
    """Run a pass inside the transaction that is open.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    model : Model
        The model to change.
    chain : tuple of str
        The passes that run this one, the outermost first.
    uses : iterator of int, optional
        Numbers the passes that the whole run uses; from 1 if absent.
    dry_run : bool
        What the report says of itself.
    """
    compares = any(rule.operation.compares for rule in loaded.rules)
    run = Run(
        model=model,
        before=model.copy() if compares else None,
        folder=loaded.folder,
        chain=(*chain, loaded.identity),
        uses=count(1) if uses is None else uses,
    )
    census, snapshot = Census.of(model), Snapshot.of(model)
    with model.edit() as edit:
        steps = tuple(_step(rule, run) for rule in loaded.rules)
    return Report(
        name=loaded.name,
        steps=steps,
        before=census,
        after=Census.of(model),
        delta=Delta.of(edit, snapshot, model.parameters),
        dry_run=dry_run,
    )


def _step(rule: Rule, run: Run) -> Step:
    run.notes, run.steps = [], []
    snapshot = Snapshot.of(run.model)
    try:
        with run.model.edit() as edit:
            summary = rule.operation.apply(run, edit)
    except GraphpassError as error:
        raise type(error)(f"{rule.label}: {error}") from error
    return Step(
        index=rule.index,
        keyword=rule.operation.keyword,
        summary=summary,
        id=rule.id,
        place=rule.place,
        notes=tuple(run.notes),
        delta=Delta.of(edit, snapshot, run.model.parameters),
        steps=tuple(run.steps),
    )
