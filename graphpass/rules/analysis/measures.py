"""How much lighter a rewrite makes a graph, as inequalities over the weights of operators.

A rewrite gives one inequality or several: each says that what goes weighs more than what comes, at
every match. What weighs is an operator, by its name, and besides a `Feature` where some pattern of
the group asks for an attribute's value, so that ``BatchNorm(fix_gamma=True)`` may weigh more than
any other BatchNorm. There are two ways to weigh a graph:

`by_nodes`
    The sum over the operators that the heads reach. A match takes away its roots, since everything
    that reads them reads the replacement from then on, unless that reads a root itself; and its
    interior, since nothing outside reads that. What the replacement reads stays, with everything
    below it, and so does what is ``shared``. A value that the replacement reads may turn out to be
    the output of an interior node, as ``b`` in ``elemwise_add(relu(a), b)`` where one relu is read
    twice: such a node counts as staying too, unless it reads that value itself, which would be a
    cycle, or ``distinct`` says otherwise. New nodes count whether they are read or not.

`by_paths`
    The sum over all paths from a head down to an operator, so that a value counts as often as it
    is read; that is the weight of the graph unfolded into trees. Sharing is nothing to this
    measure: each root's tree is the pattern's, and becomes the replacement's. It has to be lighter,
    or as light for some of several roots, and to hold no value more often than the pattern does,
    except for variables, which weigh nothing. The trees that the roots are part of get lighter by
    as much, and every root has a path from some head.

Where the pattern leaves something open, the worst counts: of alternatives the lightest; of what may
be absent, nothing; of an attribute that the replacement copies or computes, that it has the value
which weighs more. Where the replacement copies an attribute of a node of its own operator, both
have the feature or both lack it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from graphpass.ops import find
from graphpass.ops.operator import output_bounds
from graphpass.rules.analysis.attribute_facts import Feature
from graphpass.rules.analysis.inequalities import Change, Writer
from graphpass.rules.analysis.linear import Inequality
from graphpass.rules.analysis.part_facts import PartFacts
from graphpass.rules.patterns.plan import Part, Plan, Produced
from graphpass.rules.rewriting.replacement import Application, Named, Replacement, Spread

__all__ = ["by_nodes", "by_paths"]


def by_nodes(
    rule: int, plan: Plan, replacement: Replacement, features: Collection[Feature]
) -> list[Inequality]:
    """Return what must hold for a rewrite to make the sum over all nodes smaller.

    Parameters
    ----------
    rule : int
        A number that tells the rewrite from others.
    plan : Plan
        Its pattern.
    replacement : Replacement
        What takes the place of a match.
    features : collection of Feature
        What may weigh besides operators.

    Notes
    -----
    Linear in the two texts, times the features.
    """
    facts = PartFacts(plan)
    staying = facts.below(_staying(plan, replacement, facts))
    gone = {part.index: int(part.index not in staying) for part in plan.parts}
    made = [(application, 1) for _, application in replacement.applications()]
    writer = Writer(rule, plan, replacement, features, facts.sure)
    return writer.inequalities([Change(gone, made, 1)])


def by_paths(
    rule: int, plan: Plan, replacement: Replacement, features: Collection[Feature]
) -> list[Inequality] | None:
    """Return what must hold for a rewrite to make the sum over all paths smaller.

    Returns
    -------
    list of Inequality or None
        None if a value stands more often in the replacement than in the pattern. Parameters, notes
        as for `by_nodes`.
    """
    facts = PartFacts(plan)
    unfolded = _Unfolded(plan, replacement, facts)
    bound = int(len(plan.roots) == 1)  # a value that is optional stands below the only root if read
    changes = []
    for root, result in zip(plan.roots, replacement.results, strict=True):
        before, values = facts.paths(root.value.part, sure_only=True)
        after = unfolded.below(result)
        if any(count > (values[name] or bound) for name, count in after.values.items()):
            return None
        gone = {part.index: before[part.index] - after.parts[part.index] for part in plan.parts}
        changes.append(Change(gone, after.made, 0))
    gone, made = Counter[int](), list[tuple[Application, int]]()
    for change in changes:
        gone.update(change.gone)
        made += change.made
    changes = [] if len(changes) == 1 else changes
    changes.append(Change(gone, made, 1))
    writer = Writer(rule, plan, replacement, features, facts.sure)
    return writer.inequalities(changes)


# -- which matched nodes stay --------------------------------------------------------------------


def _staying(plan: Plan, replacement: Replacement, facts: PartFacts) -> set[int]:
    """Return the operators of the pattern that the replacement reads or may read, or are shared."""
    found = {part.index for part in plan.parts if part.shared}
    for operand in replacement.operands():
        if isinstance(operand, Named) and operand.is_new:
            continue
        target = plan.names.get(operand.name)
        if target is not None:
            found.add(target.part if isinstance(target, Produced) else target)
        elif operand.name in facts.values and operand.name not in facts.variables:
            found.update(_could_be(plan, operand.name, facts))
    return found


def _could_be(plan: Plan, name: str, facts: PartFacts) -> Iterator[int]:
    """Yield the operators below the roots whose output a value of the pattern could be.

    A root it can't be: the matcher takes no match whose values are computed from a root.
    """
    roots = {root.value.part for root in plan.roots}
    for part in plan.parts:
        if (
            part.index not in roots
            and name not in facts.values_below[part.index]
            and not _are_distinct(plan, name, part)
        ):
            yield part.index


def _are_distinct(plan: Plan, name: str, part: Part) -> bool:
    """Return whether the pattern forbids that a value is the one output of an operator."""
    if any(_most_outputs(op) != 1 for op in part.ops):
        return False
    names = {each for each, target in plan.names.items() if target == part.index}
    return any(name in group and not names.isdisjoint(group) for group in plan.distinct)


def _most_outputs(op: str) -> int | None:
    operator = find(op)
    return None if operator is None else output_bounds(operator, {})[0].most


# -- how often something stands in an unfolded replacement ---------------------------------------


class _Counts(NamedTuple):
    parts: Counter[int]
    values: Counter[str]
    made: list[tuple[Application, int]]


class _Unfolded:
    """The replacement as a tree below each result."""

    def __init__(self, plan: Plan, replacement: Replacement, facts: PartFacts) -> None:
        self._plan = plan
        self._facts = facts
        self._applications = [each for _, each in replacement.applications()]
        self._new = {
            name: each.application
            for each in replacement.assignments
            for name in each.names
            if name is not None
        }

    def below(self, result: Named | Application) -> _Counts:
        """Return how often each operator, value and new node stands in the tree of a result."""
        parts, values = Counter[int](), Counter[str]()
        times = Counter[int]()

        def read(operand: Named | Spread | Application, count: int) -> None:
            if isinstance(operand, Application):
                times[id(operand)] += count
            elif isinstance(operand, Named) and operand.is_new:
                times[id(self._new[operand.name])] += count
            elif (target := self._plan.names.get(operand.name)) is not None:
                number = target.part if isinstance(target, Produced) else target
                inner, below = self._facts.paths(number, sure_only=False)
                parts.update({key: count * each for key, each in inner.items()})
                values.update({name: count * each for name, each in below.items()})
            elif operand.name in self._facts.values and operand.name not in self._facts.variables:
                values[operand.name] += count

        read(result, 1)
        for application in reversed(self._applications):
            for operand in application.inputs:
                read(operand, times[id(application)])
        made = [(each, times[id(each)]) for each in self._applications if times[id(each)]]
        return _Counts(parts, +values, made)
