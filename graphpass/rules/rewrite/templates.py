"""What a rewrite does at a match, worked out once for all matches of one shape.

The shape of a match is what its conditions, new attributes, signatures and fates depend on: which
operator stands where and with which attributes, which input reads which value, which variable has a
stored value of which shape and type, and what else reads a node. Conditions that look at more are
evaluated at every match, and so are the computed values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphpass.formats.ndarray_binary import Array
from graphpass.graph import VARIABLE, Entry
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.meaning import is_commutative
from graphpass.rules.expressions import Expression, Scope, UnknownError
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.draft import Refusal, TextBody, parameter_array
from graphpass.rules.rewrite.fates import decide
from graphpass.rules.rewrite.fire import FiringContext
from graphpass.rules.rewrite.match import Binding, Match
from graphpass.rules.rewrite.pattern import Produced
from graphpass.rules.rewrite.prepare import Template, prepare
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.search import ABSENT, Search
from graphpass.rules.rewrite.stacks import Program, compile_program

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

    program: Program | None = None
    """What computes the values as a stack, where that can be done."""

    is_compiled: bool = True
    """Whether that was found out: it is where there is a second match of the shape."""


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
        self._ways: dict[tuple[str, int], int] = {}
        """Operator and number of its attributes -> 2 if it matters which outputs are read, 1 if it
        matters whether something else reads it, otherwise 0."""
        pattern = rewrite.pattern
        self._arranges = any(is_commutative(op) for part in pattern.parts for op in part.ops)
        self._several = len(pattern.roots) > 1 or not all(root.whole for root in pattern.roots)
        self._shares = any(part.shared for part in pattern.parts)
        self._skips = any(
            not isinstance(each, Produced) and getattr(each, "name", None) is None
            for each in pattern.operands()
        )
        """Whether the pattern leaves inputs without a name."""
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
        context = self._context
        shape: tuple[Any, ...] | None = None
        keys: Sequence[int] = list(search.owners)
        if self._remembers and not context.twins:
            shape, keys, stored = self._shape(search)
            known = None if shape is None else self._known.get(shape)
            if known is not None:
                template = known.template
                if template is None:
                    return None
                if not known.is_compiled:
                    context.stacks.fill()
                    program = self._program(template, search.match(), keys)
                    known = known._replace(program=program, is_compiled=True)
                    self._known[shape] = known  # type: ignore[index]
                if known.program is None:
                    arrays = self._arrays(known, search)
                else:
                    inputs = [stored[place] for place in known.program.inputs]
                    if not context.stacks.variables.isdisjoint(keys):
                        context.stacks.fill()
                    arrays = context.stacks.add(known.program, inputs)
                return None if arrays is None else Ready(template, keys, arrays)
        context.stacks.fill()
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
        is_closed = len(places) == len(keys) and not (template.tied or template.is_open)
        if shape is not None and is_closed:
            self._remember(shape, template, match)
        return Ready(template, places, [each.value.array for each in template.values])

    # -- shapes ------------------------------------------------------------------------------

    def _shape(self, search: Search) -> tuple[tuple[Any, ...] | None, list[int], dict[int, Array]]:
        """Return the shape of a match, its nodes by place, and the stored values by place.

        The shape is None if the match is like no other.
        """
        context, owners, stored = self._context, search.owners, dict[int, Array]()
        facts = context.facts
        graph, heads, numbers, ways = facts.graph, facts.heads, facts.attrs, self._ways
        nodes, sources, readers = graph.all_data, graph.all_sources, graph.all_readers
        keys = list(owners)
        places = dict(zip(keys, range(len(keys)), strict=True))
        mark: list[Any] = [n if key != ABSENT else ~n for n, key in search.nodes.items()]
        for key in keys:
            data = nodes[key]
            if len(data) > 3:  # subgraphs, or a signature that the file gives
                return None, keys, stored
            attrs = data["attrs"]
            known = numbers.get(id(attrs))
            kind = data["op"], facts.number(attrs) if known is None else known[1]
            mark.append(kind)
            way = ways.get(kind)
            if way is None:
                many = self._several or graph.signature(key).num_outputs > 1
                way = ways[kind] = 2 if many else int(self._shares)
            if way == 2:
                mark.append(frozenset(facts.outputs_in_use(key, owners)))
            elif way:
                mark.append(key not in heads and readers[key].keys() <= places.keys())
        for name, value in search.values.items():
            if self._arranges:
                mark.append(name)
            if type(value) is not Entry:
                mark.append(len(value))
            several: Any = (value,) if type(value) is Entry else value
            for node, output, _ in several:
                place = places.get(node)
                if place is None:
                    place = places[node] = len(keys)
                    keys.append(node)
                mark.append(place)
                mark.append(output)
        if self._skips:
            for key in owners:
                for source, edges in sources[key].items():
                    if source not in places:
                        places[source] = len(keys)
                        keys.append(source)
                    mark += (places[source], len(edges))
        variables = context.variables
        for place in range(len(owners), len(keys)):
            key = keys[place]
            mark.append(key not in heads and readers[key].keys() <= owners.keys())
            if nodes[key]["op"] != VARIABLE:
                mark.append(bool(sources[key]))
                continue
            told, array = variables.get(key) or context.variable(key)
            mark.append(~told)
            if array is not None:
                stored[place] = array
        return tuple(mark), keys, stored

    # -- what a shape tells ------------------------------------------------------------------

    def _remember(self, shape: tuple[Any, ...], template: Template, match: Match) -> None:
        assert self._body is not None
        told = _Told(self._body, match, self._context)
        if not all(map(told.by_shape, self._body.replacement.expressions())):
            return
        early, late = self._body.conditions
        conditions = tuple([each for each in early if not told.by_shape(each)])
        late_ones = tuple([each for each in late if not told.by_shape(each)])
        plain = template.values and not conditions and not late_ones
        is_compiled = not (plain and self._context.stacks.is_used)
        self._known[shape] = _Known(template, conditions, late_ones, None, is_compiled)

    def _scope(self, bindings: Mapping[str, Binding]) -> Scope:
        context, optional = self._context, self._rewrite.pattern.optional
        return Scope(
            context.facts,
            bindings,
            context.parameters,
            optional,
            quiet=True,
            limits=self._limits,
        )

    def _program(self, template: Template, match: Match, keys: Sequence[int]) -> Program | None:
        assert self._body is not None
        graph, told = match.graph, _Told(self._body, match, self._context)
        scope = self._scope(match.bindings)
        read = {name for each in self._body.let.values() for name in each.names}
        places = {
            name: keys.index(bound.node)
            for name, bound in match.bindings.items()
            if name in read and type(bound) is Entry and graph.is_variable(bound.node)
        }
        wanted = [each.value.label for each in template.values]
        try:
            return compile_program(self._body.let, wanted, scope, places, told.by_shape)
        finally:
            scope.release()
            self._limits.end_match()

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
        assert template is not None
        values = template.values
        if not values and not known.conditions and not known.late:
            return ()
        assert body is not None
        self._context.stacks.fill()
        bindings = search.bindings()
        scope = self._scope(bindings)
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
        graph, parameters = self._match.graph, self._context.parameters
        return (
            word in ("shape", "ndim", "dtype", "size")
            and parameters is not None
            and graph.is_variable(bound.node)
            and graph.name(bound.node) in parameters
        )


_OF_NODES = frozenset({"op", "num_inputs", "num_outputs"})
"""Words that a node answers by what its shape tells."""
