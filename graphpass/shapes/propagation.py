"""Spread what is known through a graph until nothing new follows: for shapes, and for dtypes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph
from graphpass.ops import Attributes
from graphpass.shapes.shape import ConflictError
from graphpass.shapes.site import Rule, Site

__all__ = ["Propagation", "Step"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One operator of the graph, ready for its rule."""

    key: int
    op: str
    attributes: Attributes
    inputs: tuple[Entry, ...]
    subgraphs: tuple[Graph, ...]
    rule: Rule


class Propagation(Generic[T]):
    """What is known of every value of a graph, and the rules that add to it.

    Every fact stays, and a value has few facts (its axes, and each extent), so the rules are asked
    again only a few times for each value: linear in the graph.
    """

    __slots__ = ("_apply", "_graph", "_is_complete", "_np_shape", "_site", "_steps",
                 "conflicts", "values")  # fmt: skip

    def __init__(
        self,
        graph: Graph,
        site: type[Site[T]],
        apply: Callable[[Rule, Any], None],
        is_complete: Callable[[T | None], bool],
        np_shape: bool,
    ) -> None:
        self._graph = graph
        self._site = site
        self._apply = apply
        self._is_complete = is_complete
        self._np_shape = np_shape
        self._steps: Mapping[int, Step] = {}
        self.values: dict[int, list[T | None]] = {}
        """Key of a node -> what is known of each of its outputs."""
        self.conflicts: dict[int, str] = {}
        """Key of an operator -> what contradicts what."""

    def run(self, steps: Mapping[int, Step]) -> None:
        """Apply the rules of a whole graph, in saved order first, until nothing new follows."""
        self._steps = steps
        position = {key: number for number, key in enumerate(steps)}
        again: dict[int, None] = {}
        for key, step in steps.items():
            changed = self._visit(step)
            if changed:
                here = position[key]
                if changed[0] == key:
                    changed = changed[1:]
                    if not all(map(self._is_complete, self.values[key])):
                        again[key] = None
                for near in self._near(changed):
                    if position[near] <= here:
                        again[near] = None
        self._settle(deque(sorted(again, key=position.__getitem__, reverse=True)))

    def _settle(self, pending: deque[int]) -> None:
        queued = set(pending)
        while pending:
            key = pending.popleft()
            queued.discard(key)
            for near in self._near(self._visit(self._steps[key])):
                if near not in queued:
                    queued.add(near)
                    pending.append(near)

    def follow(self, steps: Mapping[int, Step], own: Iterable[int]) -> None:
        """Apply rules once, in the given order; only values of the nodes `own` change."""
        mine = set(own)
        for step in steps.values():
            before = {
                entry.node: list(self.values[entry.node])
                for entry in step.inputs
                if entry.node not in mine
            }
            self._visit(step)
            self.values.update(before)

    def _near(self, changed: Sequence[int]) -> list[int]:
        """Return the steps that produce these nodes' values, or read them."""
        steps, readers = self._steps, self._graph.readers
        return [near for node in changed for near in (node, *readers(node)) if near in steps]

    def _visit(self, step: Step) -> list[int]:
        """Apply one rule and return the nodes of which more is known now, its own first.

        What a rule found before it met a conflict counts: one mistake is then reported once, and
        not again by everything below it.
        """
        values = self.values
        outputs = values[step.key]
        inputs = [values[node][output] for node, output, _ in step.inputs]
        is_complete = self._is_complete
        if all(map(is_complete, outputs)) and all(map(is_complete, inputs)):
            return []
        site = self._site(
            step.op, step.attributes, inputs.copy(), outputs.copy(), step.subgraphs, self._np_shape
        )
        try:
            self._apply(step.rule, site)
        except (ConflictError, AttributeValueError) as error:
            self.conflicts.setdefault(step.key, str(error))
        except KeyError as error:
            self.conflicts.setdefault(step.key, f"{step.op} needs the attribute {error.args[0]}")
        except (ArithmeticError, IndexError, TypeError, ValueError):
            # Attributes of a broken file, that no rule has to foresee: a stride of the wrong
            # length, a missing axis. MXNet refuses them as well.
            self.conflicts.setdefault(step.key, "its attributes do not fit its inputs")
        changed = []
        if site.outputs != outputs:
            values[step.key] = site.outputs
            changed.append(step.key)
        if site.inputs != inputs:
            self._take(step, site, inputs, changed)
        return changed

    def _take(self, step: Step, site: Site[T], before: list[T | None], changed: list[int]) -> None:
        for (node, output, _), old, new in zip(step.inputs, before, site.inputs, strict=True):
            if new == old:
                continue
            held = self.values[node]
            try:
                merged = site.merge(held[output], new)
            except ConflictError as error:
                self.conflicts.setdefault(step.key, str(error))
                continue
            if merged != held[output]:
                held[output] = merged
                changed.append(node)
