"""Inputs that nobody names: parameters that are missing, perhaps."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject
from graphpass.checks.training import label_inputs

__all__ = ["CHECKS"]


def _unnamed(subject: Subject) -> Iterator[Found]:
    """Yield what is neither stored nor named, where some parameters and some inputs are."""
    graph = subject.graph
    if not subject.model.parameters or not subject.shapes:
        return
    told = {misfit.key for misfit in subject.misfits} | label_inputs(subject).keys()
    for key in graph.order():
        if key in subject.inputs - told and graph.name(key) not in subject.shapes:
            yield Found(
                (subject.found(key),),
                "it has no value in the parameters, and --input does not name it: is it missing, "
                "or an input to be fed?",
            )


CHECKS = (
    Check(
        "unnamed-input",
        "warning",
        "a variable without a value that `--input` does not name beside others; labels aside",
        None,
        _unnamed,
    ),
)
