"""The one thing that would have to be otherwise for a miss to be a match.

Nothing is said that was not tried: the pattern without the condition has to match at the same
node, and the driver has to take the match. So there is no remedy where two things are lacking.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from graphpass.rules.explaining.attempts import EnoughError, Patience
from graphpass.rules.explaining.examiner import Examiner, patient
from graphpass.rules.explaining.miss import Miss
from graphpass.rules.rewrite.body import TextBody
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.match import Fault
from graphpass.rules.rewrite.pattern import Part

__all__ = ["remedy"]

_SHOWN = 3


def remedy(miss: Miss, examiner: Examiner) -> str | None:
    """Return what would make a miss a match, as in ``conv1 had no other user: relu3 reads it``.

    Returns
    -------
    str or None
        None where no single thing would, or where it can't be said well.
    """
    cause = miss.cause
    if isinstance(cause, Refusal):
        return _without_condition(cause, miss, examiner)
    if not isinstance(cause, Fault):
        return None
    if cause.code in ("head", "used") and not cause.wanted:
        return _if_closed(cause, miss, examiner)
    if cause.code == "attribute":
        return _with_attribute(cause, miss, examiner)
    return None


def _if_closed(fault: Fault, miss: Miss, examiner: Examiner) -> str | None:
    part = examiner.subject.pattern.parts[fault.part]
    if not _matches_with(replace(part, shared=True), fault, miss, examiner):
        return None
    index, key = examiner.index, fault.nodes[0]
    graph, inside = index.graph, set(miss.nodes.values())
    lacks = [f"{graph.name(key)} were no head"] if index.heads.get(key) else []
    users = index.ranks.sorted([each for each in index.readers(key) if each not in inside])
    if users:
        names = [graph.name(each) for each in users]
        subject = "it" if lacks else graph.name(key)
        lacks.append(f"{subject} had no other user: {_listed(names)} it")
    return " and ".join(lacks)


def _listed(names: list[str]) -> str:
    shown, more = names[:_SHOWN], len(names) - _SHOWN
    if more > 0:
        return f"{', '.join(shown)} and {more} more read"
    if len(shown) == 1:
        return f"{shown[0]} reads"
    return f"{', '.join(shown[:-1])} and {shown[-1]} read"


def _with_attribute(fault: Fault, miss: Miss, examiner: Examiner) -> str | None:
    part = examiner.subject.pattern.parts[fault.part]
    name, _, wanted = fault.found
    left = tuple([each for each in part.attributes if each[0] != name])
    if not _matches_with(replace(part, attributes=left), fault, miss, examiner):
        return None
    return f"{examiner.index.graph.name(fault.nodes[0])} had {name}={wanted!r}"


def _without_condition(refusal: Refusal, miss: Miss, examiner: Examiner) -> str | None:
    rewrite = examiner.subject.rewrite
    if refusal.stage != "where" or rewrite is None or not isinstance(rewrite.body, TextBody):
        return None
    assert miss.match is not None
    left = tuple([each for each in rewrite.body.where if each.text != refusal.condition])
    eased = replace(rewrite, body=replace(rewrite.body, where=left))
    if examiner.refusal(miss.match, eased) is not None:
        return None
    return "this condition held"


def _matches_with(part: Part, fault: Fault, miss: Miss, examiner: Examiner) -> bool:
    """Return whether the driver would take a match if one operator of the pattern asked less."""
    pattern = patient(examiner.subject.pattern)
    parts = list(pattern.parts)
    parts[part.index] = replace(part, interior=False)
    eased = examiner.matcher(replace(pattern, parts=tuple(parts)))
    patience = Patience()
    with suppress(EnoughError):
        for found in eased.assignments(miss.key, patience):
            patience.count()
            if found.nodes[part.index] == fault.nodes[0] and examiner.refusal(found) is None:
                return True
    return False
