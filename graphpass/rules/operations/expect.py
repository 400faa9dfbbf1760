"""``expect``: assertions on the model, in the middle of a pass or at its end."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from graphpass.errors import ExpectationError, count, suggestion
from graphpass.graph import VARIABLE, Edit
from graphpass.ops import canonical_name
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.selectors import select_names

__all__ = ["Expect"]

Count: TypeAlias = "int | str"
"""How many: ``2`` or ``">=1"``."""

Names: TypeAlias = "Count | Sequence[str] | Mapping[str, Any]"
"""How many in all, or which in order, or how many of each name."""

_COMPARISON = re.compile(r" *(==|!=|<=|>=|<|>)? *([0-9]+) *")
_OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect(Operation):
    """Assertions. If one fails, all that fail are listed and the whole pass is undone.

    Examples
    --------
    ``expect: {inputs: [left_data, right_data], operators: {Dropout: 0, Convolution: ">=1"}}``
    """

    keyword: ClassVar[str] = "expect"

    arguments: Names | None = None
    """``list_arguments()``."""

    auxiliary_states: Names | None = None
    """``list_auxiliary_states()``."""

    inputs: Names | None = None
    """Arguments without a stored value."""

    outputs: Names | None = None
    """``list_outputs()``."""

    parameters: Names | None = None
    """Stored arrays; a mapping may have shapes in place of counts."""

    operators: Names | None = None
    """What operators run; a list is the set of all that occur."""

    nodes: Count | None = None
    """How many nodes the heads reach, variables included."""

    heads: Count | None = None
    """How many values the graph returns."""

    unchanged_outputs: bool | Mapping[str, Any] | None = None
    """The outputs equal those of the model before the pass, within a tolerance."""

    @property
    def compares(self) -> bool:
        """Whether the model before the pass is needed."""
        return self.unchanged_outputs is not None

    def apply(self, run: Run, edit: Edit) -> str:
        """Check all assertions. Linear in the graph, besides running the model."""
        failures = [*self._structure(run)]
        looked_at = len(failures)
        failed = [failure for failure in failures if failure]
        if self.unchanged_outputs is not None and not failed:
            looked_at += 1
            failed = [failure for failure in (self._outputs(run),) if failure]
        if not failed:
            return f"{count(looked_at, 'assertion')} hold{'s' * (looked_at == 1)}"
        untried = self.unchanged_outputs is not None and len(failures) == looked_at
        raise ExpectationError(_refusal(failed, looked_at, untried=untried))

    def _structure(self, run: Run) -> Iterator[str]:
        """Yield for each assertion how it fails, or an empty text."""
        graph, parameters = run.graph, run.model.parameters
        if self.arguments is not None:
            yield from _names("arguments", self.arguments, graph.arguments)
        if self.auxiliary_states is not None:
            yield from _names("auxiliary_states", self.auxiliary_states, graph.auxiliary_states)
        if self.inputs is not None:
            yield from _names("inputs", self.inputs, run.model.inputs)
        if self.outputs is not None:
            yield from _names("outputs", self.outputs, graph.outputs)
        if self.parameters is not None:
            shapes = {name: array.shape for name, array in parameters.items()}
            yield from _names("parameters", self.parameters, list(parameters), shapes)
        if self.operators is not None:
            ops = [graph.op(key) for key in graph.order() if graph.op(key) != VARIABLE]
            yield from _operators(self.operators, ops)
        if self.nodes is not None:
            yield _count("nodes", self.nodes, len(graph.order()))
        if self.heads is not None:
            yield _count("heads", self.heads, len(graph.heads))

    def _outputs(self, run: Run) -> str:
        from graphpass.verify import verify

        given = self.unchanged_outputs
        options = dict(given) if isinstance(given, Mapping) else {}
        pairs = options.pop("map", None)
        shapes = options.pop("inputs", {})
        assert run.before is not None
        result = verify(
            run.before,
            run.model,
            lineage=None if run.ancestry is None else run.ancestry.lineage(),
            inputs={name: tuple(map(int, shape)) for name, shape in shapes.items()},
            outputs=pairs.items() if isinstance(pairs, Mapping) else pairs,
            **options,
        )
        if result and (result.not_compared or result.no_longer_returned):
            run.note(f"unchanged_outputs: {str(result).splitlines()[0]}")
        return "" if result else f"unchanged_outputs: {result}"


def _refusal(failed: Sequence[str], looked_at: int, *, untried: bool) -> str:
    do = "does" if len(failed) == 1 else "do"
    head = f"{len(failed)} of {count(looked_at, 'expectation')} {do} not hold:"
    separator = " " if len(failed) == 1 else "\n  "
    tail = "; unchanged_outputs was not looked at" if untried else ""
    return separator.join([head, *failed]) + tail


def _names(
    what: str,
    wanted: Names,
    found: Sequence[str],
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Iterator[str]:
    if isinstance(wanted, int | str):
        yield _count(what, wanted, len(found), found)
    elif isinstance(wanted, Mapping):
        counts = Counter(found)
        for name, number in wanted.items():
            if isinstance(number, int | str):
                exact = counts.get(name, 0)
                total = exact or len(select_names(found, name))
                yield _count(f"{what} {name!r}", number, total, near=suggestion(name, counts))
            else:
                yield _shape(f"{what} {name!r}", number, (shapes or {}).get(name), counts, name)
    else:
        yield "" if list(wanted) == list(found) else _differ(what, wanted, found)


def _operators(wanted: Names, ops: Sequence[str]) -> Iterator[str]:
    counts = Counter(ops)
    if isinstance(wanted, int | str):
        yield _count("operators", wanted, len(ops), sorted(counts))
    elif isinstance(wanted, Mapping):
        for op, number in wanted.items():
            found = counts.get(canonical_name(op), 0)
            yield _count(f"operators {op!r}", number, found, near=suggestion(op, counts))
    else:
        missing = [op for op in wanted if canonical_name(op) not in counts]
        known = set(map(canonical_name, wanted))
        extra = sorted(op for op in counts if op not in known)
        yield "" if not missing and not extra else _differ("operators", wanted, sorted(counts))


def _count(
    what: str, wanted: Count, found: int, names: Sequence[str] = (), *, near: str = ""
) -> str:
    comparison = _COMPARISON.fullmatch(str(wanted))
    assert comparison is not None
    if _OPERATORS[comparison[1] or "=="](found, int(comparison[2])):
        return ""
    listed = f": {_spell(names)}" if names else ""
    return f"{what}: wanted {str(wanted).strip()}, found {found}{listed}{near if not found else ''}"


def _shape(
    what: str,
    wanted: Sequence[int],
    found: tuple[int, ...] | None,
    known: Mapping[str, int],
    name: str,
) -> str:
    shape = tuple(map(int, wanted))
    if found == shape:
        return ""
    if found is None:
        return f"{what}: wanted shape {shape}, found none{suggestion(name, known)}"
    return f"{what}: wanted shape {shape}, found {found}"


def _differ(what: str, wanted: Sequence[str], found: Sequence[str]) -> str:
    return f"{what}: wanted {_spell(wanted)}; found {_spell(found)}"


def _spell(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
