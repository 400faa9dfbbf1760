"""``merge``: bring in another model, graph and parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any, ClassVar, Literal, get_args

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.model import Model, load
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.surgery.arrays import drop_parameters, new_class
from graphpass.rules.surgery.copying import Copying
from graphpass.rules.surgery.equality import equal_nodes
from graphpass.rules.surgery.interface import argument, fed_inputs, meet
from graphpass.rules.surgery.naming import free_prefix, refuse_clashes
from graphpass.rules.surgery.region import Region, Value, trace
from graphpass.rules.surgery.stamps import restamp
from graphpass.rules.surgery.uses import give_control_to

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
        self._refuse_options()
        theirs = self._load(run)
        values = meet(run.model, theirs, share=self.share, connect=self.connect)
        fed = fed_inputs(run.model, theirs, self.feed)
        wanted = [*(theirs.graph.heads if self.heads != "ours" else ()), *fed.values()]
        if not wanted:
            raise OperationError("heads: ours brings nothing in unless feed says what is used")
        arriving = trace(theirs.graph, wanted, values)
        self._refuse_unread(theirs.graph, arriving)
        staying = self._staying(run.graph, values, fed)
        equal = (
            equal_nodes(run.model, staying.order, theirs, arriving.order, values)
            if self.share_equal
            else {}
        )
        leaving = set(run.graph.order()).difference(staying.order)
        names = self._names(
            run, theirs, [key for key in arriving.order if key not in equal], leaving
        )

        drop_parameters(run.model, leaving)
        copying = Copying(theirs.graph, edit, values, dict(equal))
        for key, name in names.items():
            copying.copy(key, name)
        _bring_parameters(run, theirs, names)
        self._set_heads(run, edit, theirs.graph, copying)
        for key, entry in fed.items():
            edit.redirect(Entry(key), copying.value(entry))
            give_control_to(run.graph, edit, key, copying.value(entry).node)
        run.drop_orphans(edit)
        restamp(run.graph, edit, filter(run.graph.__contains__, equal.values()))
        _note(run, theirs, equal, self.share_equal)
        files = (theirs.files.symbol, theirs.files.params, *theirs.sources)
        run.model.sources.extend(file for file in files if file is not None)
        operators = sum(not theirs.graph.is_variable(key) for key in names)
        renamed = sum(name != theirs.graph.name(key) for key, name in names.items())
        return (
            f"brought in {count(operators, 'operator')} and "
            f"{count(len(names) - operators, 'variable')}, {renamed} of them under a prefix; "
            f"the outputs are {listed(run.graph.outputs)}"
        )

    # -- what the options mean -----------------------------------------------------------------

    def _refuse_options(self) -> None:
        for option, value, known in (
            ("heads", self.heads, get_args(Heads)),
            ("prefix_mode", self.prefix_mode, get_args(PrefixMode)),
        ):
            if value not in known:
                raise OperationError(
                    f"{option} can't be {value!r}{suggestion(str(value), known)}; "
                    f"it is one of {', '.join(known)}"
                )
        if self.prefix_mode == "all" and not self.prefix:
            raise OperationError("prefix_mode: all needs a prefix, such as prefix: b_")
        twice = [name for name in self.share if name in self.connect]
        if twice:
            raise OperationError(
                f"{twice[0]!r} stands under share and under connect; their input becomes either "
                "ours of the same name or another value"
            )

    def _load(self, run: Run) -> Model:
        if isinstance(self.model, Model):
            return self.model.copy() if self.model is run.model else self.model
        return load(run.folder / fspath(self.model))

    def _refuse_unread(self, graph: Graph, arriving: Region) -> None:
        for name in self.connect:
            key = argument(graph, name, "connect")
            if (key, 0) not in arriving.reached:
                raise OperationError(
                    f"connect: nothing that is brought in reads {name!r}; wanted of the merged "
                    f"model is {listed(map(graph.output_name, arriving.outputs))}"
                )

    def _staying(self, graph: Graph, values: Mapping[Value, Entry], fed: Iterable[int]) -> Region:
        """Return what of our graph is still needed afterwards."""
        wanted = [*(graph.heads if self.heads != "theirs" else ()), *values.values()]
        return trace(graph, wanted, [(key, 0) for key in fed])

    # -- names ---------------------------------------------------------------------------------

    def _names(
        self, run: Run, theirs: Model, keys: Sequence[int], leaving: Collection[int]
    ) -> dict[int, str]:
        """Return the names under which their nodes come in."""
        names = {}
        for key in keys:
            name = theirs.graph.name(key)
            owner = _owner(run.graph, name, theirs.graph.is_variable(key), leaving)
            if owner is not None and not self.prefix:
                self._refuse_clash(run, owner, theirs, key)
            if owner is not None or self.prefix_mode == "all":
                name = f"{self.prefix}{name}"
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

    def _set_heads(self, run: Run, edit: Edit, their_graph: Graph, copying: Copying) -> None:
        arrived = (
            [copying.value(head) for head in their_graph.heads] if self.heads != "ours" else []
        )
        heads = [*(run.graph.heads if self.heads != "theirs" else ()), *arrived]
        edit.set_heads(heads)
        run.choose_heads(heads)


def _owner(graph: Graph, name: str, is_variable: bool, leaving: Collection[int]) -> int | None:
    """Return our node of the same kind that has a name."""
    for key in graph.named(name):
        if graph.is_variable(key) == is_variable and key not in leaving:
            return key
    return None


def _bring_parameters(run: Run, theirs: Model, names: Mapping[int, str]) -> None:
    parameters = run.model.parameters
    states = set(theirs.graph.variable_keys().auxiliary_states)
    takes_over = not parameters
    classes = {is_state: new_class(parameters, is_state=is_state) for is_state in (False, True)}
    for key, name in names.items():
        old = theirs.graph.name(key)
        if theirs.graph.is_variable(key) and old in theirs.parameters:
            class_ = theirs.parameters.class_of(old) if takes_over else classes[key in states]
            parameters.set(name, theirs.parameters[old], class_)


def _note(run: Run, theirs: Model, equal: Mapping[int, int], share_equal: bool) -> None:
    graph, parameters = theirs.graph, theirs.parameters
    if share_equal:
        saved = [graph.name(key) for key in equal if graph.is_variable(key)]
        size = sum(parameters[name].nbytes for name in saved)
        run.note(
            f"{count(len(equal), 'node')} and {count(size, 'byte')} of parameters were there "
            "already and are shared"
        )
    unused = [name for name in parameters if not _is_variable(graph, name)]
    if unused:
        run.note(
            f"{count(len(unused), 'array')} of the merged model, which no variable of it uses, "
            f"stayed behind: {listed(unused)}"
        )
    ours, other = run.graph.origin, graph.origin
    if ours is not None and other is not None and ours.np_shape != other.np_shape:
        run.note(
            "only one of the two models was saved in NumPy-shape mode, where a dimension of 0 is "
            "empty rather than unknown; check shapes with a 0 in them"
        )


def _is_variable(graph: Graph, name: str) -> bool:
    return any(graph.is_variable(key) for key in graph.named(name))
