"""``merge``: bring in another model, graph and parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, ClassVar, Literal, TypeAlias

from graphpass.errors import (
    AttributeValueError,
    OperationError,
    ParamsError,
    SelectorError,
    SymbolError,
    count,
    listed,
)
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.model import Model, find_files, load
from graphpass.ops.meaning import randomness
from graphpass.rules.operations.names import fill, free_prefix, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import repeats_inside, subgraph_identity, value_identity
from graphpass.rules.operations.region import Copying, give_control_to, restamp, trace
from graphpass.rules.operations.weights import (
    drop_parameters,
    dtype_hint,
    new_class,
    parameter_identity,
    same_shape,
    shape_hint,
)
from graphpass.rules.selectors import Selector, select_entry, select_one

__all__ = ["Merge"]

Heads = Literal["both", "ours", "theirs"]
PrefixMode = Literal["clash", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Operation):
    """Bring in another model. The model of the pass is ours, the other one theirs.

    Examples
    --------
    Two nets that read the same image: ``merge: {model: gender, prefix: gender_, share: [data]}``.
    """

    keyword: ClassVar[str] = "merge"
    shorthand: ClassVar[str | None] = "model"

    model: str | PathLike[str] | Model
    """The other model: ``PATH`` or ``PATH:EPOCH``, from the folder of the pass."""

    prefix: str | None = None
    """What goes before their names."""

    prefix_mode: PrefixMode = "clash"
    """Which of their names get the prefix: those that clash with ours, or ``all``."""

    share: Sequence[str] = ()
    """Inputs of the same name in both, which become one."""

    connect: Mapping[str, Any] = field(default_factory=dict)
    """Their input to the value of ours that takes its place."""

    feed: Mapping[str, Any] = field(default_factory=dict)
    """Our input to the value of theirs that takes its place."""

    heads: Heads = "both"
    """Whose heads the model has afterwards; ``both`` is ours, then theirs."""

    share_equal: bool = False
    """Whether to leave out what computes the same as something of ours, parameters included."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Bring the model in. Linear in both graphs; `share_equal` reads all arrays."""
        if self.prefix_mode == "all" and not self.prefix:
            raise OperationError("prefix_mode: all needs a prefix, such as prefix: b_")
        twice = [name for name in self.share if name in self.connect]
        if twice:
            raise OperationError(
                f"{twice[0]!r} stands under share and under connect; their input becomes either "
                "ours of the same name or another value"
            )
        if not isinstance(self.model, Model):
            path = run.reading.path(self.model)
            files = find_files(path)
            run.reading.check(files.symbol, files.params)
            try:
                theirs = load(path)
            except (ParamsError, SymbolError) as error:
                if run.reading.below is None:
                    raise
                # What a pass file makes somebody read is not to be quoted by its errors.
                raise type(error)(
                    f"{path}: it can't be read as a model; `graphpass check {path}` says why"
                ) from None
        else:
            theirs = self.model.copy() if self.model is run.model else self.model
        graph, their_graph = run.graph, theirs.graph
        values = self._meet(run.model, theirs)
        fed: dict[int, Entry] = {}
        for name, value in self.feed.items():
            key = _argument(graph, name, "feed")
            with _in_their_graph():
                fed[key] = select_entry(their_graph, value)
        wanted = [*(their_graph.heads if self.heads != "ours" else ()), *fed.values()]
        if not wanted:
            raise OperationError("heads: ours brings nothing in unless feed says what is used")
        arriving = trace(their_graph, wanted, values)
        for name in self.connect:
            if (_argument(their_graph, name, "connect"), 0) not in arriving.reached:
                raise OperationError(
                    f"connect: nothing that is brought in reads {name!r}; wanted of the merged "
                    f"model is {listed(map(their_graph.output_name, wanted))}"
                )
        kept = graph.heads if self.heads != "theirs" else ()
        staying = trace(graph, [*kept, *values.values()], [(key, 0) for key in fed])
        equal = (
            _equal_nodes(run.model, staying.order, theirs, arriving.order, values)
            if self.share_equal
            else {}
        )
        leaving = set(graph.order()).difference(staying.order)
        new = [key for key in arriving.order if key not in equal]
        names = self._names(run, theirs, new, leaving)

        drop_parameters(run.model, leaving)
        copying = Copying(their_graph, edit, values, run.limits, dict(equal))
        copying.copy(names)
        parameters, states = run.model.parameters, set(their_graph.variable_keys().auxiliary_states)
        takes_over = not parameters
        for key, name in names.items():
            old = their_graph.name(key)
            if their_graph.is_variable(key) and old in theirs.parameters:
                own = new_class(parameters, is_state=key in states)
                class_ = theirs.parameters.class_of(old) if takes_over else own
                parameters.set(name, theirs.parameters[old], class_)
        if run.ancestry is not None:
            met = {key: entry for (key, _), entry in values.items()}
            run.ancestry.merge(theirs, copying.twins, names, met, fed)
        arrived = their_graph.heads if self.heads != "ours" else ()
        heads = [*kept, *map(copying.value, arrived)]
        run.limits.made.take(len(arrived))
        edit.set_heads(heads)
        run.choose_heads(heads)
        for key, entry in fed.items():
            edit.redirect(Entry(key), copying.value(entry))
            give_control_to(graph, edit, key, copying.value(entry).node)
        run.drop_orphans(edit)
        restamp(graph, edit, filter(graph.__contains__, equal.values()))
        _note(run, theirs, equal, self.share_equal)
        read = (theirs.files.symbol, theirs.files.params, *theirs.sources)
        run.model.sources.extend(file for file in read if file is not None)
        operators = sum(not their_graph.is_variable(key) for key in names)
        renamed = sum(name != their_graph.name(key) for key, name in names.items())
        return (
            f"brought in {count(operators, 'operator')} and "
            f"{count(len(names) - operators, 'variable')}, {renamed} of them under a prefix; "
            f"the outputs are {listed(graph.outputs)}"
        )

    def _meet(self, ours: Model, theirs: Model) -> dict[ValueKey, Entry]:
        """Return the values of the other model that are to be values of ours."""
        found = {}
        for name in self.share:
            our_key = _argument(ours.graph, {"name": name}, "share")
            with _in_their_graph():
                their_key = _argument(theirs.graph, {"name": name}, "share")
            sides = ((ours, our_key, "here"), (theirs, their_key, "in the merged model"))
            facts = []
            for model, key, where in sides:
                if model.graph.name(key) in model.parameters:
                    raise OperationError(
                        f"share: {name!r} has a stored value {where}, and share is for inputs; "
                        "give a prefix and tie the two afterwards"
                    )
                attrs = model.graph.attrs(key)
                facts.append((shape_hint(attrs), dtype_hint(attrs)))
            (shape, dtype), (their_shape, their_dtype) = facts
            if not same_shape(shape, their_shape) or (
                None not in (dtype, their_dtype) and dtype != their_dtype
            ):
                told = [
                    f"{'of any shape' if a is None else a} and {b or 'any type'}" for a, b in facts
                ]
                raise OperationError(
                    f"share: {name!r} is {told[0]} here and {told[1]} in the merged model; one "
                    "input can't be both"
                )
            found[their_key, 0] = Entry(our_key)
        for name, value in self.connect.items():
            with _in_their_graph():
                their_key = _argument(theirs.graph, name, "connect")
            found[their_key, 0] = select_entry(ours.graph, value)
        return found

    def _names(
        self, run: Run, theirs: Model, keys: Sequence[int], leaving: Collection[int]
    ) -> dict[int, str]:
        """Return the names under which their nodes come in."""
        names = {}
        for key in keys:
            name, is_variable = theirs.graph.name(key), theirs.graph.is_variable(key)
            owners = [key for key in run.graph.named(name) if key not in leaving]
            of_kind = (key for key in owners if run.graph.is_variable(key) == is_variable)
            owner = next(of_kind, None)
            if owner is not None and not self.prefix:
                self._refuse_clash(run, owner, theirs, key)
            if owner is not None or self.prefix_mode == "all":
                name = fill(run, "{prefix}{name}", prefix=self.prefix or "", name=name)
            names[key] = name
        advice = "choose another prefix"
        if self.prefix:
            advice += f", such as {free_prefix(run, self.prefix)!r}"
        operators = [key for key in names if not theirs.graph.is_variable(key)]
        refuse_clashes(
            run,
            variables=[names[key] for key in names if theirs.graph.is_variable(key)],
            operators=[names[key] for key in operators],
            leaving=leaving,
            advice=advice,
        )
        origins: dict[str, str] = {}
        for key in operators:
            old = theirs.graph.name(key)
            if origins.setdefault(names[key], old) != old:
                raise OperationError(
                    f"{origins[names[key]]!r} and {old!r} of the merged model would both be called "
                    f"{names[key]!r}; {advice}"
                )
        return names

    def _refuse_clash(self, run: Run, owner: int, theirs: Model, key: int) -> None:
        name = theirs.graph.name(key)
        inputs = name in run.model.inputs and name in theirs.inputs
        share = f"share it (share: [{name}]), or " if inputs else ""
        raise OperationError(
            f"{name!r} is the name of {describe(run.graph, owner)} here and of "
            f"{describe(theirs.graph, key)} in the merged model; {share}give a prefix for their "
            "names, such as prefix: b_"
        )


def _note(run: Run, theirs: Model, equal: Mapping[int, int], share_equal: bool) -> None:
    graph, parameters = theirs.graph, theirs.parameters
    if share_equal:
        saved = [graph.name(key) for key in equal if graph.is_variable(key)]
        size = sum(parameters[name].nbytes for name in saved)
        run.note(
            f"{count(len(equal), 'node')} and {count(size, 'byte')} of parameters were there "
            "already and are shared"
        )
    unused = [name for name in parameters if not any(map(graph.is_variable, graph.named(name)))]
    if unused:
        run.note(
            f"{count(len(unused), 'array')} of the merged model, which no variable of it uses, "
            f"stayed behind: {listed(unused)}"
        )
    ours, other = run.graph.origin, graph.origin
    if other is not None and other.foreign:
        foreign = {op: {*keys, *run.graph.foreign(op)} for op, keys in other.foreign.items()}
        base = ours or replace(other, unreached=())
        run.graph.origin = replace(base, foreign={**base.foreign, **foreign})
    if ours is not None and other is not None and ours.np_shape != other.np_shape:
        run.note(
            "only one of the two models was saved in NumPy-shape mode, where a dimension of 0 is "
            "empty rather than unknown; check shapes with a 0 in them"
        )


# -- where the two models meet ------------------------------------------------------------------


def _argument(graph: Graph, selector: Selector, option: str) -> int:
    """Return the argument of a graph that an option means."""
    key = select_one(graph, selector, kind="variables")
    if key not in graph.variable_keys().arguments:
        raise OperationError(
            f"{option}: {describe(graph, key)} is an auxiliary state, which its operator updates "
            f"itself; {option} is about inputs"
        )
    return key


@contextmanager
def _in_their_graph() -> Iterator[None]:
    """Look something up in their graph, and say so if it is not there."""
    try:
        yield
    except SelectorError as error:
        raise SelectorError(f"in the merged model: {error}") from None


# -- what they have in common -------------------------------------------------------------------

_Source: TypeAlias = "Callable[[Entry], Hashable | None]"
"""What equal inputs have in common; None if it can't be told."""


def _equal_nodes(
    ours: Model,
    our_keys: Iterable[int],
    theirs: Model,
    their_keys: Iterable[int],
    values: Mapping[ValueKey, Entry],
) -> dict[int, int]:
    """Return which nodes of another model compute what nodes of ours compute.

    An operator equals one that runs the same operator with the same attributes, hints included, on
    the same inputs. Parameters are the same input if type, shape, every bit and the hints for
    training are equal; one of theirs stands for one of ours only, so that what is tied stays tied
    and what is not stays apart. Operators that may be random equal none.

    Parameters
    ----------
    ours, theirs : Model
        The models.
    our_keys, their_keys : iterable of int
        The nodes to compare, each after what it reads.
    values : mapping
        Values of their graph that are known to be values of ours.

    Returns
    -------
    dict
        Their node to ours: operators, and the parameters that these read.

    Notes
    -----
    Linear in the nodes and in the bytes of the parameters of both models.
    """
    search = _EqualNodes(_Side(ours), _Side(theirs), values)
    candidates: dict[Hashable, list[int]] = {}
    for key in our_keys:
        identity = search.ours.identity(key, search.our_source)
        if identity is not None:
            candidates.setdefault(identity, []).append(key)
    for key in their_keys:
        bucket = candidates.get(search.theirs.identity(key, search.their_source), [])
        for candidate in bucket:
            if search.join(key, candidate):
                bucket.remove(candidate)
                break
    return search.twins


@dataclass(slots=True)
class _Side:
    """One of the two models, and what tells its parameters apart."""

    model: Model
    known: dict[int, Hashable] = field(default_factory=dict)

    def parameter(self, key: int) -> Hashable | None:
        """Return what equal parameters have in common; None if the node is no parameter."""
        graph, parameters = self.model.graph, self.model.parameters
        name = graph.name(key)
        if not graph.is_variable(key) or name not in parameters:
            return None
        if key not in self.known:
            self.known[key] = parameter_identity(self.model, key)
        return self.known[key]

    def identity(self, key: int, source: _Source) -> Hashable | None:
        """Return what equal operators have in common; None for a node that equals none."""
        graph = self.model.graph
        if graph.is_variable(key):
            return None
        op, subgraphs = graph.op(key), graph.subgraphs(key)
        try:
            if randomness(op, graph.attrs(key)) != "never" or not all(
                repeats_inside(inner, "training") for inner in subgraphs
            ):
                return None
            attributes = value_identity(graph, key)
            inside = tuple(map(subgraph_identity, subgraphs))
        except AttributeValueError:
            return None
        read = [source(entry) for entry in graph.inputs(key)]
        waited_for = [source(Entry(other)) for other in graph.control_dependencies(key)]
        if None in read or None in waited_for:
            return None
        return op, attributes, inside, tuple(read), tuple(waited_for)


@dataclass(slots=True)
class _EqualNodes:
    """What is known so far of nodes that are equal."""

    ours: _Side
    theirs: _Side
    values: Mapping[ValueKey, Entry]
    twins: dict[int, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def our_source(self, entry: Entry) -> Hashable:
        return self.ours.parameter(entry.node) or entry.value

    def their_source(self, entry: Entry) -> Hashable | None:
        ours = self.ours_for(entry)
        return self.theirs.parameter(entry.node) if ours is None else self.our_source(ours)

    def ours_for(self, entry: Entry) -> Entry | None:
        """Return the value of ours that a value of theirs is known to be."""
        if entry.node in self.twins:
            return entry._replace(node=self.twins[entry.node])
        return self.values.get(entry.value)

    def join(self, theirs: int, ours: int) -> bool:
        """Take two operators, and the parameters they read, for one, unless these are others'."""
        found = {theirs: ours}
        their_inputs = self.theirs.model.graph.inputs(theirs)
        our_inputs = self.ours.model.graph.inputs(ours)
        for their_entry, our_entry in zip(their_inputs, our_inputs, strict=True):
            known = self.ours_for(their_entry)
            if known is not None:
                if known.value != our_entry.value:
                    return False
            elif found.setdefault(their_entry.node, our_entry.node) != our_entry.node:
                return False
        new = set(found.values())
        if len(new) < len(found) or new & self.taken:
            return False
        self.twins.update(found)
        self.taken |= new
        return True
