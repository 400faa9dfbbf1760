"""``expect``: assertions on the model, in the middle of a pass or at its end."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from graphpass.errors import ExpectationError, count, suggestion
from graphpass.graph import Edit
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
        graph, model = run.graph, run.model
        tried: list[str] = []  # for each assertion how it fails, or an empty text
        find: dict[str, Callable[[], list[str]]] = {
            "arguments": lambda: graph.arguments,
            "auxiliary_states": lambda: graph.auxiliary_states,
            "inputs": lambda: model.inputs,
            "outputs": lambda: graph.outputs,
            "parameters": lambda: list(model.parameters),
        }
        for what in find:
            wanted: Names | None = getattr(self, what)
            if wanted is not None:
                shapes = model.parameters.shapes if what == "parameters" else {}
                tried += _names(what, wanted, find[what](), shapes)
        if self.operators is not None:
            ops = [graph.op(key) for key in graph.order() if not graph.is_variable(key)]
            tried += _operators(self.operators, ops)
        if self.nodes is not None:
            tried.append(_count("nodes", self.nodes, len(graph.order())))
        if self.heads is not None:
            tried.append(_count("heads", self.heads, len(graph.heads)))
        failed = [failure for failure in tried if failure]
        untried = self.unchanged_outputs is not None and bool(failed)
        if self.unchanged_outputs is not None and not untried:
            tried.append(self._outputs(run))
            failed = [failure for failure in tried if failure]
        if not failed:
            return f"{count(len(tried), 'assertion')} hold{'s' * (len(tried) == 1)}"
        do = "does" if len(failed) == 1 else "do"
        head = f"{len(failed)} of {count(len(tried), 'expectation')} {do} not hold:"
        tail = "; unchanged_outputs was not looked at" if untried else ""
        separator = " " if len(failed) == 1 else "\n  "
        raise ExpectationError(separator.join([head, *failed]) + tail)

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


def _names(
    what: str, wanted: Names, found: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
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
                continue
            shape, stored = tuple(map(int, number)), shapes.get(name)
            is_there = stored if stored is not None else f"none{suggestion(name, counts)}"
            failure = f"{what} {name!r}: wanted shape {shape}, found {is_there}"
            yield "" if stored == shape else failure
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


def _differ(what: str, wanted: Sequence[str], found: Sequence[str]) -> str:
    return f"{what}: wanted {_spell(wanted)}; found {_spell(found)}"


def _spell(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
