"""Overlaps: rewrites of a group that may both apply at one operator, which one may take away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import combinations, combinations_with_replacement, islice, product
from typing import Any, Literal, TypeAlias

from graphpass.errors import GraphpassError
from graphpass.formats.text import print_graph
from graphpass.model import Model
from graphpass.ops.meaning import is_commutative
from graphpass.rules.expressions import parse_expression
from graphpass.rules.lint.measures import features_of
from graphpass.rules.rewrite.draft import TextBody
from graphpass.rules.rewrite.explain import Found, explain
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.pattern import (
    Operand,
    OptionalOperand,
    Pattern,
    Produced,
    Rest,
    Restricted,
    bare,
)
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.run import apply
from graphpass.verify import isomorphic

__all__ = ["Overlap", "Verdict", "overlaps"]

Verdict: TypeAlias = Literal["joins", "not tested", "names differ", "differs"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rewrites whose patterns overlap, or one that overlaps itself."""

    first: int
    """Position of a rewrite."""

    second: int
    """Position of the other; the same if a rewrite may get in its own way."""

    verdict: Verdict
    """``joins``: whichever fires first, the end is the same on every graph; ``names differ``: the
    same but for names; ``not tested``: no graph has it, or the group does not end there."""

    graphs: int = 0
    """On how many graphs of tests both orders were tried."""

    place: str = ""
    """The test whose graph shows the difference."""

    graph: str = ""
    """That graph, in text form."""

    ends: tuple[str, str] = ("", "")
    """What it becomes if the first rewrite fires first, and if the second does."""

    reason: str = ""
    """The first difference; or why no graph could be tried."""

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        found = asdict(self) | {"ends": list(self.ends) if self.graph else []}
        return {"rules": [found.pop("first"), found.pop("second")]} | found


def overlaps(
    rewrites: Sequence[Rewrite], graphs: Sequence[tuple[str, Model]] = ()
) -> list[Overlap]:
    """Return the pairs of rewrites of a group that can get in each other's way.

    Parameters
    ----------
    rewrites : sequence of Rewrite
        The rewrites of one group, in order.
    graphs : sequence of (str, Model)
        Models to try both orders on, each with the place of the test that it is from.

    Examples
    --------
    >>> from graphpass.formats.text import parse_graph
    >>> from graphpass.rules.rewrite.rewrite import parse_rewrite
    >>> drop = parse_rewrite("y = relu(Dropout(x))", "y = relu(x)", id="drop")
    >>> swap = parse_rewrite("y = tanh(relu(x))", "y = sigmoid(x)", id="swap")
    >>> graph = parse_graph("x = variable(); y = tanh(relu(Dropout(x))); return y")
    >>> [pair] = overlaps([drop, swap], [("here", Model(graph))])
    >>> print(pair.verdict, pair.reason, sep="; ")
    differs; where A has sigmoid 'y' (#3), B has Dropout 'dropout0' (#1)

    Notes
    -----
    Where that is possible, the patterns show: the root of one has to be an operator of the other.
    If an operator that is a root of neither were part of both matches, what reads it would be part
    of both too, since nothing else may, and what reads that, up to a root; and one that is
    ``shared`` lives on.

    Whether it matters, the graphs of the rules' own tests show: where two matches overlap, first
    the one fires and then the other one, each time from the same graph, and each time the whole
    group then runs to its end. Where the two ends differ, the result depends on the order of the
    rules.

    Each overlap in a graph costs two runs of the group on it.
    """
    found = []
    trial = _Trial(rewrites, graphs)
    numbers = [number for number, each in enumerate(rewrites) if not each.refuses]
    for first, second in combinations_with_replacement(numbers, 2):
        one, other = rewrites[first].pattern, rewrites[second].pattern
        if _share_a_root(one, other) or (first != second and _share_a_root(other, one)):
            found.append(trial.compare(first, second))
    return found


def _share_a_root(one: Pattern, other: Pattern) -> bool:
    """Return whether a root of the one may be an operator of the other, and not only itself."""

    @cache
    def unify(number: int, twin_number: int) -> bool:
        """Return whether nothing forbids that a node is matched by operators of both patterns."""
        part, twin = one.parts[number], other.parts[twin_number]
        shared = []
        for op in set(part.ops).intersection(twin.ops):
            asked = {each.attribute: each.value for each in features_of(part, op)}
            tests = features_of(twin, op)
            if all(asked.get(each.attribute, each.value) == each.value for each in tests):
                shared.append(op)
        if not shared or len({part.visible_outputs, twin.visible_outputs} - {None}) > 1:
            return False
        if any(isinstance(each, Rest | OptionalOperand) for each in part.operands + twin.operands):
            return True
        turns = (1, -1) if any(map(is_commutative, shared)) else (1,)
        return len(part.operands) == len(twin.operands) and any(
            all(map(meet, part.operands, twin.operands[::turn])) for turn in turns
        )

    def meet(operand: Operand, twin: Operand) -> bool:
        a, b = bare(operand), bare(twin)
        made = [one.parts[a.part]] if isinstance(a, Produced) else []
        made += [other.parts[b.part]] if isinstance(b, Produced) else []
        if any(part.maybe for part in made):
            return True
        if isinstance(a, Produced) and isinstance(b, Produced):
            return a.output == b.output and unify(a.part, b.part)
        kinds = {each.kind for each in (a, b) if isinstance(each, Restricted)} - {"const"}
        return len(kinds) < 2 and not (kinds and made)

    return any(
        unify(root.value.part, part.index)
        for root, part in product(one.roots, other.parts)
        if one is not other or root.value.part != part.index
    )


_ROOT = "first_root"

_MOST_PAIRS = 8
"""How many pairs of matches of two rewrites are tried in one graph."""


class _Trial:
    """A group, tried on graphs."""

    def __init__(self, rewrites: Sequence[Rewrite], graphs: Sequence[tuple[str, Model]]) -> None:
        self._rewrites = [replace(each, expect=None) for each in rewrites]
        self._graphs = graphs
        self._known: dict[tuple[int, int], list[Match]] = {}

    def compare(self, first: int, second: int) -> Overlap:
        """Return the gravest that comes of an overlap on any graph."""
        tried = 0
        names: Overlap | None = None
        failure = ""
        for number, (place, model) in enumerate(self._graphs):
            pairs = list(islice(self._pairs(first, second, number), _MOST_PAIRS))
            try:
                ends = [
                    (self._run(first, one, model), self._run(second, other, model))
                    for one, other in pairs
                ]
            except GraphpassError as error:
                failure = failure or f"{place}: {error}"
                continue
            tried += bool(ends)
            for one_end, other_end in ends:
                same = isomorphic(one_end, other_end, names=True)
                if same:
                    continue
                verdict: Verdict = "names differ" if isomorphic(one_end, other_end) else "differs"
                printed = (print_graph(one_end.graph), print_graph(other_end.graph))
                start = print_graph(model.graph)
                found = Overlap(first, second, verdict, tried, place, start, printed, str(same))
                if verdict == "differs":
                    return found
                names = names or found
        if names is not None or tried:
            return names or Overlap(first, second, "joins", tried)
        return Overlap(first, second, "not tested", reason=failure)

    def _pairs(self, first: int, second: int, number: int) -> Iterator[tuple[Match, Match]]:
        """Yield matches of two rewrites that share an operator of a graph."""
        if first == second and not isinstance(self._rewrites[first].body, TextBody):
            return  # nothing can choose between its matches
        for rewrite in (first, second):
            if (rewrite, number) in self._known:
                continue
            found: Sequence[Found] = ()
            with suppress(GraphpassError):  # it can't be told in time
                found = explain(self._rewrites[rewrite], self._graphs[number][1]).matches
            matches = [each.match for each in found if not each.match.path]
            self._known[rewrite, number] = matches
        ones, others = self._known[first, number], self._known[second, number]
        for one, other in combinations(ones, 2) if first == second else product(ones, others):
            if not set(one.matched).isdisjoint(other.matched):
                yield one, other

    def _run(self, number: int, match: Match, model: Model) -> Model:
        """Return what becomes of a model if one rewrite fires at a match, and then the group runs.

        A rewrite that runs once has had its turn.
        """
        first = self._rewrites[number]
        rest = [each for n, each in enumerate(self._rewrites) if n != number or not each.once]
        twin = model.copy()
        body, pattern = first.body, first.pattern
        if isinstance(body, TextBody):  # the name of its first root tells the match from others
            part = pattern.parts[pattern.roots[0].value.part]
            if not part.names:
                named = replace(part, names=(_ROOT,))
                parts = [named if each is part else each for each in pattern.parts]
                pattern = replace(pattern, parts=tuple(parts))
            root = pattern.root_names[0] or part.names[0]
            node = root if root in pattern.nodes else f"{root}.node"
            name = match.graph.name(match.roots[0].node)
            condition = parse_expression(f"{node}.name == {name!r}", "where")
            body = replace(body, where=(condition, *body.where))
        apply([replace(first, once=True, pattern=pattern, body=body), *rest], twin)
        return twin
