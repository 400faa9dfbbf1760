"""What a rewrite does at a match, worked out once for all matches of one shape.

The shape of a match is what its conditions, new attributes, signatures and fates depend on: which
operator stands where and with which attributes, which input reads which value, which variable has a
stored value of which shape and type, and what else reads a node. Conditions that look at more are
evaluated at every match, and so are the computed values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphpass.formats.ndarray_binary import Array
from graphpass.graph import VARIABLE, Entry
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.meaning import is_commutative
from graphpass.rules.expressions import Expression, Scope, UnknownError
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.body import TextBody, parameter_array
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.fates import decide
from graphpass.rules.rewrite.fire import FiringContext
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.prepare import Template, prepare
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.search import ABSENT, Search

__all__ = ["Ready", "Templates"]


class Ready(NamedTuple):
    """A firing that can go ahead."""

    template: Template

    keys: Sequence[int]
    """The nodes that its places stand for."""

    arrays: Sequence[Array]


class _Known(NamedTuple):
    """What is known of the matches of one shape."""

    template: Template | None
    """None if the rewrite takes none of them."""

    conditions: tuple[Expression, ...]
    """Those that have to be asked at every match, before there are computed values."""

    late: tuple[Expression, ...]
    """The same, after."""


class Templates:
    """The templates of one rewrite on one graph.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite.
    context : FiringContext
        The graph and the parameters.
    limits : Limits
        What the run may take.
    """

    def __init__(self, rewrite: Rewrite, context: FiringContext, limits: Limits) -> None:
        self._rewrite = rewrite
        self._context = context
        self._limits = limits
        self._body = rewrite.body if isinstance(rewrite.body, TextBody) else None
        self._known: dict[tuple[Any, ...], _Known] = {}
        self._attrs: dict[int, tuple[dict[str, str], int]] = {}
        """Identity of a dictionary of attributes -> that, so that it lives on, and its number."""
        self._numbers: dict[tuple[tuple[str, str], ...], int] = {}
        self._arranges = any(
            is_commutative(op) for part in rewrite.pattern.parts for op in part.ops
        )
        self._several = len(rewrite.pattern.roots) > 1 or not all(
            root.whole for root in rewrite.pattern.roots
        )
        self._remembers = (
            self._body is not None
            and not context.facts.has_waiting
            and all(part.name is None for part in self._body.replacement.parts)
        )

    def ready(self, search: Search) -> Ready | None:
        """Return what the rewrite does at a match; None if it does not take it.

        Raises
        ------
        GraphpassError
            If the rewrite makes no sense there.

        Notes
        -----
        Linear in the match, and in the users of the matched nodes where there are several outputs
        or roots; besides that, what computed values take, and once for each shape what deciding
        takes.
        """
        context, shape = self._context, None
        keys: Sequence[int] = list(search.owners)
        if self._remembers and not context.twins:
            shape, keys = self._shape(search)
            known = None if shape is None else self._known.get(shape)
            if known is not None:
                arrays = self._arrays(known, search)
                if arrays is None or known.template is None:
                    return None
                return Ready(known.template, keys, arrays)
        match = search.match()
        try:
            decision = decide(
                self._rewrite,
                match,
                context.facts,
                context.parameters,
                quiet=True,
                limits=self._limits,
            )
        except Refusal as refusal:
            if shape is not None and self._is_refused_for_good(refusal, match):
                self._known[shape] = _Known(None, (), ())
            return None
        template, places = prepare(decision, keys, context.facts, context.parameters, context.twins)
        if shape is not None and len(places) == len(keys) and not template.tied:
            self._remember(shape, template, match)
        return Ready(template, places, [each.value.array for each in template.values])

    # -- shapes ------------------------------------------------------------------------------

    def _shape(self, search: Search) -> tuple[tuple[Any, ...] | None, list[int]]:
        """Return the shape of a match, None if it is like no other, and the nodes by place."""
        facts, parameters = self._context.facts, self._context.parameters
        graph, heads, owners = facts.graph, facts.heads, search.owners
        keys = list(owners)
        places = {key: place for place, key in enumerate(keys)}
        mark: list[Any] = [ABSENT if key < 0 else number for number, key in search.nodes.items()]
        if search.stand_ins:
            mark.append(tuple(search.stand_ins))
        for key in owners:
            data = graph.data(key)
            if len(data) > 3:  # subgraphs, or a signature that the file gives
                return None, keys
            mark += (data["op"], self._number(data["attrs"]))
            for source, edges in graph.sources(key).items():
                place = places.get(source)
                if place is None:
                    place = places[source] = len(keys)
                    keys.append(source)
                for slot, edge in edges.items():
                    mark += (place, slot, edge["output"])
            if self._several or graph.signature(key).num_outputs > 1:
                mark.append(frozenset(facts.outputs_in_use(key, owners)))
            elif key in heads or len(graph.readers(key)) > 1:
                mark.append(key not in heads and all(map(owners.__contains__, graph.readers(key))))
        for key in keys[len(owners) :]:
            data = graph.data(key)
            apart = key not in heads and all(map(owners.__contains__, graph.readers(key)))
            if data["op"] != VARIABLE:
                mark.append(apart)
                continue
            stored = None if parameters is None else parameters.get(data["name"])
            kind = facts.kinds.get(key)
            mark += (apart, kind, self._number(data["attrs"]))
            if stored is not None:
                mark += (stored.shape, stored.dtype.str)
        if self._arranges:
            for name, value in search.values.items():
                several = (value,) if isinstance(value, Entry) else value
                mark += (name, *[(places[entry.node], entry.output) for entry in several])
        return tuple(mark), keys

    def _number(self, attrs: dict[str, str]) -> int:
        """Return a number that equal attributes have in common."""
        known = self._attrs.get(id(attrs))
        if known is None:
            text = tuple(attrs.items())
            number = self._numbers.setdefault(text, len(self._numbers))
            known = self._attrs[id(attrs)] = (attrs, number)
        return known[1]

    # -- what a shape tells ------------------------------------------------------------------

    def _remember(self, shape: tuple[Any, ...], template: Template, match: Match) -> None:
        assert self._body is not None
        told = _Told(self._body, match, self._context)
        if not all(map(told.by_shape, self._body.replacement.expressions())):
            return
        early, late = self._body.conditions
        self._known[shape] = _Known(
            template,
            tuple([each for each in early if not told.by_shape(each)]),
            tuple([each for each in late if not told.by_shape(each)]),
        )

    def _is_refused_for_good(self, refusal: Refusal, match: Match) -> bool:
        """Return whether all matches of a shape are refused as this one is."""
        assert self._body is not None
        told = _Told(self._body, match, self._context)
        if refusal.stage != "where":
            return refusal.stage != "let" and all(map(told.by_shape, self._body.expressions()))
        early, late = self._body.conditions
        for condition in (*early, *(() if not late else (*self._body.let.values(), *late))):
            if not told.by_shape(condition):
                return False
            if condition.text == refusal.condition:
                return True
        return False

    def _arrays(self, known: _Known, search: Search) -> Sequence[Array] | None:
        """Return the computed values at a match; None if it is refused."""
        template, body = known.template, self._body
        if template is None:
            return None
        values = template.values
        if not values and not known.conditions and not known.late:
            return ()
        assert body is not None
        context, bindings = self._context, search.bindings()
        scope = Scope(
            context.facts,
            bindings,
            context.parameters,
            self._rewrite.pattern.optional,
            quiet=True,
            limits=self._limits,
        )
        try:
            if not all([each.holds(scope) for each in known.conditions]):
                return None
            if values or known.late:
                for name, expression in body.let.items():
                    scope.define(name, expression.evaluate(scope))
                if not all([each.holds(scope) for each in known.late]):
                    return None
            return [parameter_array(each.value.label, scope, bindings) for each in values]
        except (UnknownError, Refusal):
            return None
        finally:
            scope.release()
            self._limits.end_match()


class _Told:
    """Which expressions the shape of a match decides."""

    def __init__(self, body: TextBody, match: Match, context: FiringContext) -> None:
        self._body = body
        self._match = match
        self._context = context
        self._let: dict[str, bool] = {}

    def by_shape(self, expression: Expression) -> bool:
        """Return whether an expression has one value at all matches of the shape."""
        return all(map(self._is_told, expression.reads))

    def _is_told(self, read: Any) -> bool:
        name, way, word = read
        if way in ("bound", "known", "loop"):
            return True
        if name in self._body.let:
            if name not in self._let:
                self._let[name] = self.by_shape(self._body.let[name])
            return self._let[name]
        bound = self._match.bindings.get(name)
        if isinstance(bound, int):
            if way != "word":
                return bool(way == "attribute")
            operator = find(self._match.graph.op(bound))
            declared = operator is not None and word in operator.attributes
            return declared or word in _OF_NODES or is_hidden_key(word)
        if not isinstance(bound, Entry) or way != "word":
            return False
        if is_hidden_key(word) or word in ("is_param", "is_aux", "is_input", "has_value"):
            return self._match.graph.is_variable(bound.node) or not is_hidden_key(word)
        return word in ("shape", "ndim", "dtype", "size") and self._is_stored(bound)

    def _is_stored(self, entry: Entry) -> bool:
        graph, parameters = self._match.graph, self._context.parameters
        return (
            parameters is not None
            and graph.is_variable(entry.node)
            and graph.name(entry.node) in parameters
        )


_OF_NODES = frozenset({"op", "num_inputs", "num_outputs"})
"""Words that a node answers by what its shape tells."""
