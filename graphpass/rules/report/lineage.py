"""What has become of a model's values while a pass runs, and which rule touched them last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from graphpass.graph import Entry, Graph, ValueKey
from graphpass.model import Lineage, Merged, Model
from graphpass.rules.report.report import Report, Step, every_step

__all__ = ["Ancestry", "culprit"]


class Ancestry:
    """Follows heads and copied nodes back to the model that a pass was given.

    A node that is still there stands for itself: its key survives whatever a rule does to it. A
    copy stands for its original, which the rule that made it says. Heads stand, position by
    position, for the heads that were there, since a rule that puts something in the place of a
    value claims that it is the same; a rule that chooses heads says so.

    Parameters
    ----------
    graph : Graph
        The graph that the pass is given.
    outer : Ancestry, optional
        That of the pass which uses this one; copies are noted for both.
    """

    def __init__(self, graph: Graph, outer: Ancestry | None = None) -> None:
        self._graph = graph
        self._known = frozenset(graph.all_keys)
        self._heads: tuple[Entry | None, ...] = graph.heads
        self._originals: dict[int, Entry] = {} if outer is None else outer._originals
        self._merged: list[Merged] = [] if outer is None else outer._merged
        self._before = graph.heads
        self._chosen: tuple[Entry | None, ...] | None = None

    def copied(self, key: int, original: Entry) -> None:
        """Take note that a new node computes what was there already.

        Parameters
        ----------
        key : int
            The new node.
        original : Entry
            What its output 0 is; its other outputs are those that follow.
        """
        self._originals[key] = original

    def copied_all(self, twins: Mapping[int, int]) -> None:
        """Take note of many nodes that were copied whole: original to copy."""
        self._originals.update(zip(twins.values(), map(Entry, twins), strict=True))

    def merge(
        self,
        model: Model,
        twins: Mapping[int, int],
        new: Collection[int],
        inputs: Mapping[int, Entry],
        fed: Mapping[int, Entry],
    ) -> None:
        """Take note that another model was merged in.

        Parameters
        ----------
        model : Model
            The other model.
        twins : mapping of int to int
            Node of its graph to the node that stands for it here.
        new : collection of int
            Those of its nodes that were not there before.
        inputs : mapping of int to Entry
            Input of its graph to the value here that takes its place.
        fed : mapping of int to Entry
            Input here to the value of its graph that takes its place.
        """
        origins = {key: self._original(value) for key, value in inputs.items()}
        if None in origins.values():
            return  # it reads what is new here, so its values can't be told
        used = sum(len(each.keys) for each in self._merged)
        keys = {key: -1 - used - place for place, key in enumerate(twins)}
        self._originals.update((twins[key], Entry(keys[key])) for key in new)
        theirs = {key: Entry(keys[value.node], value.output) for key, value in fed.items()}
        known = {key: value for key, value in origins.items() if value is not None}
        self._merged.append(Merged(model, keys, known, theirs))

    def choose(self, heads: Iterable[Entry | None]) -> None:
        """Take note of what the running step has made the heads: values, or None for new ones."""
        self._chosen = tuple(heads)

    def step(self) -> None:
        """Take note that a step is done."""
        if self._chosen is not None:
            stood: dict[ValueKey, Entry | None] = {}
            for before, head in zip(self._before, self._heads, strict=True):
                stood.setdefault(before.value, head)
            self._heads = tuple(self._stood(stood, *each) for each in enumerate(self._chosen))
        self._before, self._chosen = self._graph.heads, None

    def lineage(self) -> Lineage:
        """Return what heads and copied variables stand for, as far as the steps have come."""
        graph = self._graph
        variables = {}
        for key in self._originals:
            if key in graph and graph.is_variable(key) and key not in self._known:
                original = self._original(Entry(key))
                if original is not None:
                    variables[key] = original
        return Lineage(self._heads, variables, tuple(self._merged))

    def _stood(
        self, stood: Mapping[ValueKey, Entry | None], position: int, value: Entry | None
    ) -> Entry | None:
        """Return what a chosen head stands for: as a head, if it was one, or else as a value."""
        if value is None:
            return None
        if value.value not in stood:
            return self._original(value)
        same_place = position < len(self._before) and self._before[position].value == value.value
        return self._heads[position] if same_place else stood[value.value]

    def _original(self, value: Entry) -> Entry | None:
        node, output = value.value
        while node not in self._known and node >= 0:
            original = self._originals.get(node)
            if original is None:
                return None
            node, output = original.node, original.output + output
        return Entry(node, output)


def culprit(report: Report, graph: Graph, variable: int) -> str:
    """Return what messages call the last rule that touched a variable, its value or its readers.

    Parameters
    ----------
    report : Report
        What the pass did.
    graph : Graph
        The graph after it.
    variable : int
        Key of the variable.

    Returns
    -------
    str
        Such as ``siamese.yaml:7: rule 2 (rename)``; the name of the pass if no rule did.
    """
    keys = {variable, *(use.node for use in graph.uses(variable))}
    names = {graph.name(key) for key in keys}
    for step in reversed(list(every_step(report.steps))):
        if not keys.isdisjoint(_nodes(step)) or not names.isdisjoint(_parameters(step)):
            place = f"{step.place}: " if step.place else ""
            return f"{place}rule {step.index} ({step.keyword})"
    return f"the pass {report.name}"


def _nodes(step: Step) -> Iterator[int]:
    delta = step.delta
    for part in (
        delta.nodes_added,
        delta.operators_changed,
        delta.attributes_changed,
        delta.nodes_rewired,
    ):
        yield from (node.key for node in part)
    for firing in step.firings:
        yield from (node.key for node in firing.added)


def _parameters(step: Step) -> Iterator[str]:
    for part in (step.delta.parameters_added, step.delta.parameters_replaced):
        yield from (parameter.name for parameter in part)
    for firing in step.firings:
        yield from (parameter.name for parameter in firing.parameters)
