"""A decision as a template: what a firing does, with places of the match in place of nodes.

So it is good for every match of the same shape. All that could be wrong with it is found here,
before the graph is touched.

A computed value moves into the variable that it replaces if that one goes with the match, and gets
a variable of its own if somebody else still reads it, which is all there is to copy on write. What
was tied stays tied: where several matches compute the same of the same weights, as towers on one
set of weights do, they share the variable that the first one made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError, GraphError, OperationError
from graphpass.formats.ndarray_binary import Array, code_of_dtype
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry, Graph
from graphpass.graph.edges import Edges, single_edge, source_at
from graphpass.graph.invariants import check_text, checked_attrs, describe
from graphpass.ops import Signature, find, format_value
from graphpass.rules.rewrite.draft import NewNode, NewParameter, Source, user_attrs
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import Decision
from graphpass.rules.rewrite.pattern import ValueKind
from graphpass.rules.rewrite.replacement import Made
from graphpass.verify.arrays import same_bits

__all__ = ["NewOperator", "Placement", "Template", "Twins", "fitting_hints", "prepare"]


class Placement(NamedTuple):
    """What one computed value becomes."""

    value: NewParameter

    node: int
    """Position of the first new node that reads it."""

    slot: str
    """What that node calls the input; a new variable is named for it."""

    kind: ValueKind
    """``aux`` if that node changes it."""

    donor: int | None
    """The variable whose place it takes, and whose hints and attributes it gets."""

    moves_in: bool
    """Whether it moves into the donor itself, which nothing else reads."""

    twin: int | None
    """The variable that has the same value already."""


Twins: TypeAlias = dict[tuple[str, str, tuple[int, ...]], int]
"""Rewrite, what it calls a value, and the variables that this was computed of -> the variable that
the value went to, where others may compute it once more."""


class Input(NamedTuple):
    """What an input of a new node is."""

    way: int
    """0: a place of the match; 1: a new node; 2: a computed value."""

    number: int
    """Which of these."""

    output: int
    version: int


class NewOperator(NamedTuple):
    """A new node, by places."""

    op: str
    attrs: dict[str, str]
    """Those of the new node, and those that a user hung on the root that it turns from."""

    inputs: tuple[Input, ...]
    label: str
    name: str | None

    turned: int | None
    """Place of the root that turns into it."""

    base: int
    """Place of the node that it is named for."""

    is_heir: bool
    """Whether it gets just that name."""

    control: tuple[int, ...]
    """Places of what it waits for."""

    edges: tuple[Edges, ...]
    """How it reads each input, if no two of them are of one node."""


class Moved(NamedTuple):
    """A value whose users read another one afterwards."""

    place: int
    output: int
    whole: bool
    result: Input


@dataclass(frozen=True, slots=True)
class Template:
    """What a firing does at each match of one shape."""

    rule: str
    root: int
    nodes: tuple[NewOperator, ...]
    values: tuple[Placement, ...]
    """Where computed values go; a donor is a place."""

    going: tuple[int, ...]
    """Places of what goes, each before what it reads."""

    cut: tuple[int, ...]
    """Those of them that turn into nothing and hold no value that something new reads."""

    turned: tuple[int, ...]
    """Places of roots that turn into something new, in the order of the new nodes."""

    keep: frozenset[int]
    """Places of matched nodes that go on reading what they read."""

    moved: tuple[Moved, ...]
    matched: tuple[int, ...]

    is_open: bool
    """Whether an operator outside the match goes that reads something: what else goes depends on
    more than the shape of the match."""

    tied: tuple[int, ...]
    """Places of all stored values that the match names, if something else reads one of them."""

    around: tuple[int, ...]
    """Places of operators that stay: matched ones, and those that other nodes read than before."""


def prepare(
    decision: Decision,
    keys: Sequence[int],
    facts: Facts,
    parameters: Parameters | None,
    twins: Twins,
) -> tuple[Template, list[int]]:
    """Work out what a firing does, and refuse what would leave no valid graph.

    Parameters
    ----------
    decision : Decision
        What a rewrite does at a match.
    keys : sequence of int
        The places: keys of nodes, the matched ones and what they read among them.
    facts : Facts
        Facts of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    twins : Twins
        Computed values that others may compute once more.

    Returns
    -------
    Template, list of int
        What it does, and the places, with those of other nodes that it is about.

    Raises
    ------
    GraphpassError
        If the result would be no valid graph, or a name that the rewrite asks for is taken.

    Notes
    -----
    Linear in the match, the draft and what goes.
    """
    draft, fates, match = decision.draft, decision.fates, decision.match
    graph = facts.graph
    places = {key: place for place, key in enumerate(keys)}

    def place(key: int) -> int:
        return places.setdefault(key, len(places))

    values = placements(decision, facts, parameters, twins)
    numbers = {each.value: number for number, each in enumerate(values)}

    def read(source: Source, *, is_state: bool = False) -> Input:
        if isinstance(source, NewParameter):
            return Input(2, numbers[source], 0, int(is_state))  # the stamp of a first change
        _check_output(source, draft.nodes, graph)
        if isinstance(source, Made):
            return Input(1, source.node, source.output, 0)
        return Input(0, place(source.node), source.output, source.version)

    _check_names(decision, facts)
    heirs = list(fates.turned.values())
    nodes: list[NewOperator] = []
    for position, node in enumerate(draft.nodes):
        root = fates.turned.get(position)
        what = f"the new {node.op}" if root is None else f"{node.op} {graph.name(root)!r} (#{root})"
        signature = _checked(node, what, graph)
        states = () if signature is None else signature.mutable_slots
        base, is_heir = (root, True) if root is not None else _namesake(decision, position, heirs)
        hung = {} if root is None else user_attrs(graph.op(root), graph.attrs(root))
        waits = fates.waiting if position == len(draft.nodes) - 1 else ()
        inputs = [read(each, is_state=n in states) for n, each in enumerate(node.inputs)]
        nodes.append(
            NewOperator(
                node.op,
                {**hung, **node.attrs},
                tuple(inputs),
                node.label,
                node.name,
                None if root is None else place(root),
                place(base),
                is_heir,
                tuple(map(place, waits)),
                tuple([single_edge(n, *each[2:]) for n, each in enumerate(inputs)]),
            )
        )
    moved: list[Moved] = []
    for root_entry, result, whole in zip(match.roots, draft.results, match.whole, strict=True):
        key = root_entry.node
        turns = isinstance(result, Made) and fates.turned.get(result.node) == key
        if result is not None and not turns:
            moved.append(Moved(place(key), root_entry.output, whole, read(result)))
    near = dict.fromkeys([source for key in fates.going for source in graph.sources(key)])
    near |= dict.fromkeys(draft.read_nodes())
    stay = [key for key in near if key not in fates.going and not graph.is_variable(key)]
    matched = match.matched
    stay = [*dict.fromkeys([*(key for key in matched if key not in fates.going), *stay])]
    sources = stored_sources(decision, facts)
    shared = any(source not in fates.going for source in sources)
    donors = [None if each.donor is None else place(each.donor) for each in values]
    stays = {
        *fates.turned.values(),
        *[each.donor if each.moves_in else each.twin for each in values],
    }
    going = tuple(map(place, fates.going))
    turned = [each.turned for each in nodes if each.turned is not None]
    template = Template(
        rule=decision.rule,
        root=place(match.roots[0].node),
        nodes=tuple(nodes),
        values=tuple([each._replace(donor=d) for each, d in zip(values, donors, strict=True)]),
        going=going,
        cut=tuple([place(key) for key in fates.going if key not in stays]),
        turned=tuple(turned),
        keep=frozenset(map(place, fates.living)),
        moved=tuple(moved),
        matched=tuple(map(place, matched)),
        is_open=any(graph.sources(key) for key in fates.going if key not in matched),
        tied=tuple(map(place, sources)) if values and shared else (),
        around=tuple(map(place, stay)),
    )
    return template, list(places)


def _checked(node: NewNode, what: str, graph: Graph) -> Signature | None:
    """Return the signature of a node to be, and refuse one that no graph could hold."""
    check_text(node.op, "an operator")
    checked_attrs(node.attrs)
    operator = find(node.op)
    if operator is None:
        return None
    try:
        operator.check(node.attrs, allowed=graph.foreign(operator.name))
        signature = operator.signature(node.attrs)
    except AttributeValueError as error:
        raise GraphError(f"{what}: {error}") from None
    wanted = signature.num_inputs
    if wanted is not None and wanted != len(node.inputs):
        listed = f" ({', '.join(signature.input_names)})" if signature.input_names else ""
        raise GraphError(
            f"{what} takes {wanted} input{'s' * (wanted != 1)}{listed} "
            f"under its attributes, but is given {len(node.inputs)}"
        )
    return signature


def _check_output(source: Entry | Made, nodes: Sequence[NewNode], graph: Graph) -> None:
    """Refuse to read an output that does not exist; MXNet never looks which one of a variable."""
    if not source.output:
        return
    if isinstance(source, Entry):
        if graph.is_variable(source.node):
            return
        what, count = describe(graph, source.node), graph.signature(source.node).num_outputs
    else:
        signature = new_signature(nodes[source.node])
        what = f"the new {nodes[source.node].op}"
        count = 1 if signature is None else signature.num_outputs
    if source.output >= count:
        raise GraphError(f"output {source.output} of {what} is to be read, which has {count}")


def _check_names(decision: Decision, facts: Facts) -> None:
    """Refuse a name that a rewrite asks for and that a node has which stays.

    Raises
    ------
    OperationError
        If there is such a node; the message names it.
    """
    graph, going, turned = facts.graph, decision.fates.going, decision.fates.turned
    asked: list[tuple[str, str]] = []
    for position, node in enumerate(decision.draft.nodes):
        for value in node.inputs:
            if isinstance(value, NewParameter) and value.name is not None:
                asked.append((value.name, "a variable"))
        root = turned.get(position)
        if node.name is not None and (root is None or node.name != graph.name(root)):
            asked.append((node.name, "an operator"))
    given: dict[str, str] = {}
    for name, what in dict.fromkeys(asked):
        check_text(name, "a name")
        taken = [facts.describe(key) for key in graph.named(name) if key not in going]
        other = given.setdefault(name, what)
        if taken or other != what or asked.count((name, "an operator")) > 1:
            raise OperationError(
                f"{what} would be called {name!r}, as {taken[0] if taken else 'another new one'} "
                "is; make the name from one that is unique, or leave name= out"
            )


def _namesake(decision: Decision, position: int, heirs: list[int]) -> tuple[int, bool]:
    """Return the root that a new node is named for, and whether it gets just its name."""
    roots = decision.match.roots
    for entry, result in zip(roots, decision.draft.results, strict=True):
        if isinstance(result, Made) and result.node == position:
            if entry.node in decision.fates.going and entry.node not in heirs:
                heirs.append(entry.node)
                return entry.node, True
            return entry.node, False
    return roots[0].node, False


# -- where computed values go ---------------------------------------------------------------------


def placements(
    decision: Decision, facts: Facts, parameters: Parameters | None, twins: Twins
) -> list[Placement]:
    """Return where the computed values of a decision go, in the order in which they are read.

    Linear in the draft and in the match.
    """
    found: dict[NewParameter, Placement] = {}
    taken: list[int] = []
    graph, matched, sources = facts.graph, decision.match.matched, stored_sources(decision, facts)
    for position, node in enumerate(decision.draft.nodes):
        signature = new_signature(node)
        names = () if signature is None else signature.input_names or ()
        states = () if signature is None else signature.mutable_slots
        for slot, value in enumerate(node.inputs):
            if not isinstance(value, NewParameter) or value in found:
                continue
            label = names[slot] if slot < len(names) else value.label
            kind: ValueKind = "aux" if slot in states else "param"
            twin = None
            if twins and value.name is None and parameters is not None:
                twin = twins.get((decision.rule, value.label, sources))
                if twin is not None and (twin not in graph or facts.kinds.get(twin) != kind):
                    twin = None
                stored = None if twin is None else parameters.get(graph.name(twin))
                if stored is None or not same_bits(stored, value.array):
                    twin = None
            if twin is not None:
                taken.append(twin)
            donor = value.like
            if donor is None:  # what matched nodes of the same operator read in the same input
                alike = [key for key in matched if graph.op(key) == node.op]
                read = [(key, graph.signature(key).input_names or ()) for key in alike]
                places = [
                    source_at(graph.sources(key), known.index(label))
                    for key, known in read
                    if label in known
                ]
                left = [each for each in places if each is not None and each not in taken]
                only = value.only_source
                donor = only if only in places or not left else left[0]
            if donor in taken or donor is None or facts.kinds.get(donor) != kind:
                donor = None
            moves_in = donor in decision.fates.going and value.name is None and twin is None
            found[value] = Placement(value, position, label, kind, donor, moves_in, twin)
            if moves_in and donor is not None:
                taken.append(donor)
    return list(found.values())


def new_signature(node: NewNode) -> Signature | None:
    """Return the signature of an operator to be; None if MXNet 1.9.1 does not know it."""
    operator = find(node.op)
    return None if operator is None else operator.signature(node.attrs)


def stored_sources(decision: Decision, facts: Facts) -> tuple[int, ...]:
    """Return the variables with stored values that the match names."""
    bound = [each.node for each in decision.match.bindings.values() if type(each) is Entry]
    return tuple([node for node in bound if facts.kinds.get(node) in ("param", "aux")])


def fitting_hints(attrs: dict[str, str], array: Array) -> dict[str, str]:
    """Return the attributes of a variable, its hints of shape and type those of a new value."""
    if "__shape__" not in attrs and "__dtype__" not in attrs:
        return attrs
    found = dict(attrs)
    if "__shape__" in found:
        found["__shape__"] = format_value(array.shape)
    if "__dtype__" in found:
        found["__dtype__"] = str(code_of_dtype(array.dtype))
    return attrs if found == attrs else found
