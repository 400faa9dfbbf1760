"""Runs a pass over a model, as one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from os import PathLike
from typing import TYPE_CHECKING, Any

from graphpass.errors import GraphpassError, OperationError, UsageError, prefixed
from graphpass.formats.ndarray_binary import is_newer
from graphpass.formats.parameters import Parameters
from graphpass.graph import paused_collector
from graphpass.graph.changes import Past
from graphpass.model import Model
from graphpass.rules.limits import Limits
from graphpass.rules.operations.operation import Purpose, Run, Together
from graphpass.rules.pass_files.loading import Pass, PassSource, Rule, load_pass
from graphpass.rules.reading import Reading
from graphpass.rules.report.changes import Snapshot, pending_delta
from graphpass.rules.report.lineage import Ancestry
from graphpass.rules.report.report import Census, Report, Step

if TYPE_CHECKING:
    from graphpass.shapes import Shape

__all__ = ["apply", "run_pass"]


class _DryRun(BaseException):
    """Undoes the transaction of a dry run."""


def apply(
    pass_: PassSource,
    model: Model,
    *,
    set: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    purpose: Purpose = "inference",
    provenance: bool = False,
    inputs: Mapping[str, Shape] | None = None,
    allow_paths: Sequence[str | PathLike[str]] = (),
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
    purpose : "inference" or "training"
        What the model is for; rewrites that are right for inference only refuse the other.
    provenance : bool
        Whether nodes that rewrites make get the attribute ``__graphpass__``: which rewrite made
        them, and of what.
    inputs : mapping of str to tuple, optional
        Shapes of inputs that conditions may count on, None for an extent that is open:
        ``{"data": (None, 3, 224, 224)}``. The result is good for such inputs.
    allow_paths : sequence of path, optional
        Folders that a pass file may read besides its own and that of the model. What you write in
        Python may name any file.

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
    RunawayError
        If rewrites go on for ever.
    GraphpassError
        If a rule is refused. The message begins with the rule: ``siamese.yaml:7: rule 2 (rename)``.

    Notes
    -----
    Linear in the nodes, besides what the operations take.
    """
    if not isinstance(model, Model):
        raise UsageError(
            f"a pass is applied to a model, not {type(model).__name__}; graphpass.load reads one, "
            "Model(graph) makes one"
        )
    if id(model) in _RUNNING:
        raise UsageError(
            "a pass is running on this model; a condition or a replacement in Python may look at "
            "the model, and leaves changes to the pass"
        )
    loaded = load_pass(pass_).bind(set)
    shapes = model.input_shapes(inputs)
    limits = Limits.of(model)
    symbol = model.files.symbol
    run = Run(
        model=model,
        reading=Reading.allowing([*([] if symbol is None else [symbol.parent]), *allow_paths]),
        purpose=purpose,
        provenance=provenance,
        shapes=shapes,
        limits=limits,
    )
    report: Report | None = None
    with suppress(_DryRun), _running(model), paused_collector(), model.edit():
        run.past = Past(model.graph)
        report = replace(run_pass(loaded, run), dry_run=dry_run)
        run.past.close()
        if dry_run:
            raise _DryRun
    assert report is not None
    return report


_RUNNING: dict[int, Model] = {}
"""The models on which passes are running, in whatever thread, by their identity."""


@contextmanager
def _running(model: Model) -> Iterator[None]:
    _RUNNING[id(model)] = model
    try:
        yield
    finally:
        del _RUNNING[id(model)]


def run_pass(loaded: Pass, outer: Run) -> Report:
    """Run a pass inside the transaction that is open.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    outer : Run
        The run that it is part of: what its rules see is as that says, but for the folder, and the
        budget if the pass has its own.
    """
    model = outer.model
    ancestry = Ancestry(model.graph, outer.ancestry)
    compares = any(rule.operation.compares for rule in loaded.rules)
    run = replace(
        outer,
        before=model.copy() if compares else None,
        ancestry=ancestry,
        reading=outer.reading.of_pass(loaded.folder, is_file=bool(loaded.identity)),
        chain=(*outer.chain, loaded.identity),
        budget=loaded.budget or outer.budget,
        notes=[],
        steps=[],
    )
    before, snapshot = run.later(Census.of), Snapshot.of(model)
    steps: list[Step] = []
    with model.edit() as edit:
        for family, members in groupby(loaded.rules, lambda rule: rule.operation.family):
            rules = list(members)
            for each in [[rule] for rule in rules] if family is None else [rules]:
                steps += [_step(each[0], run)] if family is None else _together(each, run)
                ancestry.step()
    return Report(
        name=loaded.name,
        steps=tuple(steps),
        counted=(before, run.later(Census.of)),
        pending=pending_delta(edit, snapshot, model),
        lineage=ancestry.lineage(),
    )


def _together(rules: Sequence[Rule], run: Run) -> list[Step]:
    others = [
        Together(rule.operation, rule.id or f"rule {rule.index}", rule.label) for rule in rules
    ]
    before = run.model.parameters.copy()
    with run.model.edit() as edit:
        outcomes = rules[0].operation.apply_together(others, run, edit)
        try:
            _refuse_newer_types(before, run.model.parameters)
        except OperationError as error:
            labels = ", ".join(dict.fromkeys(rule.label for rule in rules))
            raise OperationError(f"{labels}: {error}") from error
    return [
        Step(
            index=rule.index,
            keyword=rule.operation.keyword,
            summary=outcome.summary,
            id=rule.id,
            place=rule.place,
            notes=outcome.notes,
            heads=outcome.heads,
            fired=outcome.fired,
            missed=outcome.missed,
        )
        for rule, outcome in zip(rules, outcomes, strict=True)
    ]


def _step(rule: Rule, run: Run) -> Step:
    run.notes, run.steps = [], []
    snapshot = Snapshot.of(run.model)
    try:
        with run.model.edit() as edit:
            summary = rule.operation.apply(run, edit)
            _refuse_newer_types(snapshot.parameters, run.model.parameters)
    except GraphpassError as error:
        raise prefixed(error, rule.label) from error
    if not run.steps:  # what the rules of a pass have done, they have said by themselves
        run.facts.forget()
    return Step(
        index=rule.index,
        keyword=rule.operation.keyword,
        summary=summary,
        id=rule.id,
        place=rule.place,
        notes=tuple(run.notes),
        pending=pending_delta(edit, snapshot, run.model),
        steps=tuple(run.steps),
    )


def _refuse_newer_types(before: Parameters, after: Parameters) -> None:
    """Refuse an array of a type that MXNet 1.9.1 can't load, if none was of that type before."""
    newer = [name for name in after.new_since(before) if is_newer(after[name].dtype)]
    known = {array.dtype for array in before.values()} if newer else ()
    for name in newer:
        array = after[name]
        if array.dtype not in known:
            raise OperationError(
                f"the parameter {name!r} would be of {array.dtype}, which MXNet 1.9.1 can't load; "
                "make it float32, int32 or int64, say"
            )
