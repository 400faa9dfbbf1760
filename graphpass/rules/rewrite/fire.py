"""One firing: a match gives way to its replacement, graph and parameters together.

A template says what happens, and is filled in with the nodes of the match; there is no other way to
fire. A root that goes is turned into what takes its place, and keeps key, name and users.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, NamedTuple

from graphpass.formats.ndarray_binary import Array
from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.graph import VARIABLE, Edit, Entry, Graph
from graphpass.graph.edges import in_edges
from graphpass.graph.store import Cut
from graphpass.rules.limits import Limits
from graphpass.rules.operations.weights import new_class
from graphpass.rules.report.changes import NodeRef, ParameterChange, ParameterRef, node_ref
from graphpass.rules.report.firings import Firing, Level
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.prepare import NewOperator, Template, Twins, fitting_hints
from graphpass.rules.rewrite.stacks import Stacks

__all__ = ["PROVENANCE", "Fired", "FiringContext", "FreshNames", "fire"]

PROVENANCE = "__graphpass__"
"""Attribute of a new node: the rewrite that made it, and the nodes that it was made of."""


class FreshNames:
    """Gives names that no node of a graph has.

    A base is counted on from where it was left, so many names of one base cost no more than
    different ones.
    """

    __slots__ = ("_graph", "_next")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._next: dict[str, int] = {}

    def fresh(self, base: str, going: Container[int] = ()) -> str:
        """Return `base`, or ``base_1``, ``base_2``, …: the next that is free.

        A name that only nodes in `going` have counts as free.
        """
        if base not in self._next and self._is_free(base, going):
            return base
        number = self._next.get(base, 1)
        while not self._is_free(f"{base}_{number}", going):
            number += 1
        self._next[base] = number
        return f"{base}_{number}"

    def _is_free(self, name: str, going: Container[int]) -> bool:
        names = self._graph.names
        return name not in names or all(key in going for key in names.keys(name))


@dataclass(slots=True)
class FiringContext:
    """What firings change besides their matches, and what they count on."""

    facts: Facts
    """Facts of the graph; they follow."""

    edit: Edit
    """An open transaction on the graph."""

    parameters: Parameters | None
    """The model's; None inside a subgraph, which has none."""

    path: tuple[Level, ...] = ()
    """The way to the graph from the outermost one."""

    provenance: bool = False
    """Whether new nodes get the attribute `PROVENANCE`."""

    stacks: Stacks = field(default_factory=lambda: Stacks(Limits(0), is_used=False))
    """Computed values that are still to be filled in."""

    names: FreshNames = field(init=False)
    twins: Twins = field(default_factory=dict)

    variables: dict[int, tuple[int, Array | None]] = field(default_factory=dict)
    """Variable -> a number of what the shapes of matches have of it, and its stored value."""

    is_bare: bool = field(init=False)
    """Whether new parameters have no class, since no parameter has one."""

    _numbers: dict[Hashable, int] = field(default_factory=dict)

    def variable(self, key: int) -> tuple[int, Array | None]:
        """Return what the shapes of matches have of a variable, and its stored value."""
        known = self.variables.get(key)
        if known is None:
            facts, parameters = self.facts, self.parameters
            data = facts.graph.all_data[key]
            array = None if parameters is None else parameters.find(data["name"])
            told: tuple[Any, ...] = (facts.kinds.get(key), facts.number(data["attrs"]))
            if array is not None:
                told = (*told, array.shape, array.dtype.str)
            number = self._numbers.setdefault(told, len(self._numbers))
            known = self.variables[key] = number, array
        return known

    def __post_init__(self) -> None:
        self.names = FreshNames(self.facts.graph)
        parameters = self.parameters
        self.is_bare = parameters is not None and new_class(parameters, is_state=False) == ""


class Fired(NamedTuple):
    """What one firing did; reports make a record of it."""

    rule: str

    root: NodeRef
    """The first root of the match, as it was."""

    turned: Sequence[NodeRef]
    """Roots that became something else, as they were."""

    cut: Sequence[Cut]
    """Key, data and in-edges of each node that is gone."""

    added: Sequence[NodeRef]
    stored: Sequence[ParameterChange]
    dropped: Sequence[ParameterRef]
    made: Sequence[int]
    """Keys of the operators that it put in."""

    path: tuple[Level, ...]
    number: int

    again: Collection[int]
    """Operators that are new, that read something new, or that other nodes read than before."""

    def record(self) -> Firing:
        """Return what reports have of it."""
        removed = [node_ref((key, data["op"], data["name"])) for key, data, _ in self.cut]
        return Firing(
            self.rule,
            self.root,
            (*self.turned, *removed),
            tuple(self.added),
            tuple(self.stored),
            tuple(self.dropped),
            self.path,
            self.number,
        )


def fire(
    template: Template,
    keys: Sequence[int],
    arrays: Sequence[Array],
    context: FiringContext,
    number: int = 0,
) -> Fired:
    """Put in what a template says.

    Parameters
    ----------
    template : Template
        What to do.
    keys : sequence of int
        The nodes that its places stand for.
    arrays : sequence of array
        The computed values, in the order of the template's.
    context : FiringContext
        The graph and the parameters.
    number : int
        Which firing of its group it is.

    Notes
    -----
    Linear in the match, what is new, what goes, and the users of all these.
    """
    return _Firing(template, keys, arrays, context).run(number)


class _Firing:
    """The steps of one firing."""

    __slots__ = ("_added", "_arrays", "_context", "_data", "_dropped", "_going", "_keys",
                 "_made", "_new", "_stored", "_template", "_variables")  # fmt: skip

    def __init__(
        self,
        template: Template,
        keys: Sequence[int],
        arrays: Sequence[Array],
        context: FiringContext,
    ) -> None:
        self._template = template
        self._keys = keys
        self._arrays = arrays
        self._context = context
        self._data = context.facts.graph.all_data
        self._going = [keys[place] for place in template.going]
        self._made: list[int] = []
        self._new: list[int] = []
        """New variables and operators, and roots that turned."""
        self._added: list[NodeRef] = []
        self._variables: list[int] = [_NONE] * len(arrays)
        """The variables that have the computed values, some of them old ones."""
        self._stored: list[ParameterChange] = []
        self._dropped: list[ParameterRef] = []

    def run(self, number: int) -> Fired:
        template, keys, context, data = self._template, self._keys, self._context, self._data
        facts, made = context.facts, self._made
        root = keys[template.root]
        root_ref, rank = _ref(root, data[root]), facts.ranks[root]
        turned = [_ref(key, data[key]) for key in [keys[place] for place in template.turned]]
        origin = ""
        if context.provenance:
            names = [data[key]["name"] for key in sorted([keys[n] for n in template.matched])]
            origin = f"{template.rule}: {', '.join(names)}"
        for node in template.nodes:
            self._make(node, origin)
        moved, readers = self._redirect() if template.moved else ({}, [])
        if facts.has_waiting:
            self._pass_on_waiting([key for key, _, _ in turned])
        cut = context.edit.remove_nodes([keys[place] for place in template.cut], check=False)
        if context.parameters is not None:  # unless a new value has taken the name
            kept = [change[0] for change in self._stored]
            gone = [each["name"] for _, each, _ in cut if each["op"] == VARIABLE]
            dropped = context.parameters.drop([name for name in gone if name not in kept])
            self._dropped += starmap(ParameterRef, dropped)
        facts.ranks.place([*self._new, *readers], rank)
        facts.follow(cut, made, moved, self._variables, self._arrays)
        again = dict.fromkeys([*made, *readers, *[keys[place] for place in template.around]])
        return Fired(
            template.rule,
            root_ref,
            turned,
            cut,
            self._added,
            self._stored,
            self._dropped,
            made,
            context.path,
            number,
            again,
        )

    def _make(self, node: NewOperator, origin: str) -> None:
        keys, context, made = self._keys, self._context, self._made
        if node.name is not None:
            name = node.name
        else:
            name = self._data[keys[node.base]]["name"]
            if not node.is_heir:
                name = context.names.fresh(_extended(name, node.label), self._going)
        sources: list[int] = []
        for way, number, _, _ in node.inputs:
            if way == 0:
                sources.append(keys[number])
            elif way == 1:
                sources.append(made[number])
            else:
                known = self._variables[number]
                sources.append(self._store(number, name) if known == _NONE else known)
        into = dict(zip(sources, node.edges, strict=True))
        if node.control or len(into) < len(sources):
            read = zip(sources, node.inputs, strict=True)
            entries = [Entry(source, *each[2:]) for source, each in read]
            into = in_edges(entries, [keys[place] for place in node.control])
        attrs = {**node.attrs, PROVENANCE: origin} if origin else node.attrs
        root = None if node.turned is None else keys[node.turned]
        key = context.edit.put({"op": node.op, "name": name, "attrs": attrs}, into, root)
        made.append(key)
        self._new.append(key)
        self._added.append(node_ref((key, node.op, name)))

    # -- computed values ---------------------------------------------------------------------

    def _store(self, number: int, node: str) -> int:
        """Store a value for an input of the node that is being made, and return its variable."""
        template, context, array = self._template, self._context, self._arrays[number]
        _, _, slot, kind, donor_place, moves_in, twin = placement = template.values[number]
        parameters = context.parameters
        assert parameters is not None
        donor = None if donor_place is None else self._keys[donor_place]
        if twin is not None:
            self._variables[number] = twin
            if donor is not None and donor in self._going:
                self._hand_on_name(donor, twin)
            return twin
        attrs: dict[str, str] = {} if donor is None else self._data[donor]["attrs"]
        hints = fitting_hints(attrs, array) if attrs else attrs
        if donor is not None and moves_in:
            key, name = donor, self._data[donor]["name"]
            if hints is not attrs:
                context.edit.set_attrs(key, hints)
            context.variables.pop(key, None)
        else:
            wanted = placement.value.name
            if wanted is None:
                label = f"{node}_{slot}" if node else slot
                wanted = context.names.fresh(label, self._going)
            name = wanted
            key = context.edit.put({"op": VARIABLE, "name": name, "attrs": hints}, {})
            context.facts.kinds[key] = kind
            self._new.append(key)
            self._added.append(node_ref((key, VARIABLE, name)))
        class_: ParameterClass = "" if context.is_bare else "aux" if kind == "aux" else "arg"
        before = parameters.set(name, context.stacks.kept(array), class_)
        self._variables[number] = key
        if context.stacks.is_waiting:
            context.stacks.variables.add(key)
        if template.tied:
            sources = tuple([self._keys[place] for place in template.tied])
            context.twins[template.rule, placement.value.label, sources] = key
        size = 0 if before is None else before.nbytes
        self._stored.append(ParameterChange(name, array.nbytes, size))
        return key

    def _hand_on_name(self, donor: int, twin: int) -> None:
        """Give a value that others share already the name of the one it replaces, when that goes.

        The first of several that read a tied weight can't: the weight is still read then.
        """
        parameters = self._context.parameters
        assert parameters is not None
        old, name = self._data[twin]["name"], self._data[donor]["name"]
        array = parameters[old]
        before = parameters.set(name, array, parameters.class_of(old))
        del parameters[old]
        self._context.edit.rename(twin, name)
        size = 0 if before is None else before.nbytes
        self._stored.append(ParameterChange(name, array.nbytes, size))
        self._dropped.append(ParameterRef(old, array.nbytes))

    # -- what is around ----------------------------------------------------------------------

    def _redirect(self) -> tuple[dict[Entry, Entry], list[int]]:
        """Let the users of each root read what takes its place, all at once: roots may swap."""
        facts, moved = self._context.facts, dict[Entry, Entry]()
        template, edit, graph = self._template, self._context.edit, facts.graph
        for place, output, whole, (way, number, first, version) in template.moved:
            key = self._keys[place]
            node = self._keys[number] if way == 0 else self._made[number]
            for used in sorted(facts.outputs_in_use(key)) if whole else (output,):
                shift = used if whole else 0
                moved[Entry(key, used)] = Entry(node, first + shift, version)
        if not moved:
            return moved, []
        stands = {old.node: new.node for old, new in moved.items()}
        plain = all([old[1] == new[1] and not new[2] for old, new in moved.items()])
        heads = any(map(facts.heads.__contains__, stands))
        plain = plain and all([each.whole for each in template.moved])
        if plain and not (template.keep or heads or facts.has_waiting or self._made):
            readers = list(dict.fromkeys([key for old in stands for key in graph.readers(old)]))
            edit.replace_nodes(stands)
        else:
            keep = {self._keys[place] for place in template.keep}.union(self._made)
            readers = edit.redirect_all(moved, keep=keep, check=False)
        return moved, [key for key in readers if key in facts.ranks and key not in self._going]

    def _pass_on_waiting(self, turned: Sequence[int]) -> None:
        """Let who waits for a root that goes wait for the last new node instead."""
        graph = self._context.facts.graph
        for place in self._template.matched:
            root = self._keys[place]
            if root not in self._going or root in turned:
                continue
            for reader in [key for key in graph.readers(root) if key not in self._going]:
                control = [
                    self._made[-1] if source == root else source
                    for source in graph.control_dependencies(reader)
                ]
                self._context.edit.set_inputs(reader, graph.inputs(reader), control=control)


def _ref(key: int, data: Mapping[str, Any]) -> NodeRef:
    return node_ref((key, data["op"], data["name"]))


_NONE = -1
"""No node; keys begin at 0."""


def _extended(base: str, label: str) -> str:
    """Return ``conv0_relu`` of ``conv0`` and ``relu``, and of ``conv0_relu_1`` too."""
    stem = re.sub(rf"_{re.escape(label)}(_[0-9]+)?$", "", base)
    return f"{stem}_{label}" if stem else label
