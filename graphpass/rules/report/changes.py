"""What is different in a model after some edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from graphpass.graph.changes import Journal

if TYPE_CHECKING:
    from graphpass.formats.parameters import Parameters
    from graphpass.graph import Edit
    from graphpass.model import Model

__all__ = [
    "AttributeChange",
    "Change",
    "Delta",
    "HeadChange",
    "NodeChange",
    "NodeRef",
    "ParameterChange",
    "ParameterRef",
    "Pending",
    "Snapshot",
    "node_ref",
    "pending_delta",
]


T = TypeVar("T")


class Pending(Generic[T]):
    """Something that is worked out when it is first asked for, and kept.

    Parameters
    ----------
    make : callable
        Works it out.
    """

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make

    def __call__(self) -> T:
        """Return it."""
        if self._make is not None:
            self._value = self._make()
            self._make = None
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pending) and bool(self() == other())

    __hash__ = None  # type: ignore[assignment]


class Change(NamedTuple):
    """Something before and after."""

    before: Any
    after: Any


class NodeRef(NamedTuple):
    """A node as reports name it."""

    key: int
    op: str
    name: str


node_ref = cast("Callable[[tuple[int, str, str]], NodeRef]", partial(tuple.__new__, NodeRef))
"""Make a `NodeRef` at a third of the cost of calling the class."""


class NodeChange(NamedTuple):
    """A node as it is now, and what was different."""

    key: int
    op: str
    name: str
    before: str
    """Its former name, or the operator that it ran."""


class AttributeChange(NamedTuple):
    """A node with other attributes."""

    key: int
    op: str
    name: str
    attributes: Mapping[str, Change]
    """Attribute -> its text before and after; None where it is absent."""


class HeadChange(NamedTuple):
    """A head with another name."""

    position: int
    """Which head it is, counted from 0."""

    before: str
    after: str


class ParameterRef(NamedTuple):
    """A parameter as reports name it."""

    name: str
    bytes: int


class ParameterChange(NamedTuple):
    """A parameter as it is now, and what was different."""

    name: str
    bytes: int
    before: str | int
    """Its former name, or the bytes of its former array."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What is different after a step."""

    nodes_added: tuple[NodeRef, ...] = ()
    nodes_removed: tuple[NodeRef, ...] = ()
    nodes_renamed: tuple[NodeChange, ...] = ()
    operators_changed: tuple[NodeChange, ...] = ()
    attributes_changed: tuple[AttributeChange, ...] = ()

    nodes_rewired: tuple[NodeRef, ...] = ()
    """Nodes that were there before and read other values now."""

    outputs: Change | None = None
    """Names of the outputs, where they or the heads differ."""

    parameters_added: tuple[ParameterRef, ...] = ()
    parameters_removed: tuple[ParameterRef, ...] = ()
    parameters_renamed: tuple[ParameterChange, ...] = ()

    parameters_replaced: tuple[ParameterChange, ...] = ()
    """Parameters with another array."""

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) not in ((), None) for part in fields(self))

    @classmethod
    def of(cls, journal: Journal, before: Snapshot, after: Snapshot) -> Delta:
        """Return what a transaction has changed. Linear in edits and parameters."""
        found = journal.changes()

        def ref(key: int) -> NodeRef:
            data = journal.data(key)
            return node_ref((key, data["op"], data["name"]))

        def edited(*fields: str) -> list[int]:
            return [key for key, old in found.edited.items() if not old.keys().isdisjoint(fields)]

        def changed(field: str) -> tuple[NodeChange, ...]:
            old = found.edited
            return tuple([NodeChange(*ref(key), old[key][field]) for key in edited(field)])

        attributes = [
            AttributeChange(
                *ref(key), _different(found.edited[key]["attrs"], journal.data(key)["attrs"])
            )
            for key in edited("attrs")
        ]
        same_heads = found.heads is None and before.outputs == after.outputs
        return cls(
            nodes_added=tuple(map(ref, found.added)),
            nodes_removed=tuple(
                [node_ref((key, data["op"], data["name"])) for key, data in found.removed.items()]
            ),
            nodes_renamed=changed("name"),
            operators_changed=changed("op"),
            attributes_changed=tuple(attributes),
            nodes_rewired=tuple(map(ref, edited("inputs", "control", "subgraphs", "carried"))),
            outputs=None if same_heads else Change(before.outputs, after.outputs),
            **_parameter_changes(before.parameters, after.parameters),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the parts that are not empty, as lists and dicts of texts and numbers."""
        return {
            part.name: _plain(getattr(self, part.name))
            for part in fields(self)
            if getattr(self, part.name) not in ((), None)
        }


class Snapshot(NamedTuple):
    """What a `Delta` needs of the model before a step, besides the journal of the edit."""

    outputs: tuple[str, ...]
    parameters: Parameters

    @classmethod
    def of(cls, model: Model) -> Snapshot:
        """Take note of the outputs and parameters; arrays are shared."""
        return cls(tuple(model.graph.outputs), model.parameters.copy())


def pending_delta(edit: Edit, before: Snapshot, model: Model) -> Pending[Delta]:
    """Return what is different in a model, to be worked out when it is asked for.

    Parameters
    ----------
    edit : Edit
        The transaction, which may go on or be undone afterwards.
    before : Snapshot
        The model before it.
    model : Model
        The model as it is now.
    """
    return Pending(partial(Delta.of, Journal.of(edit), before, Snapshot.of(model)))


def _different(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Change]:
    return {
        name: Change(old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    }


def _parameter_changes(before: Parameters, after: Parameters) -> dict[str, Any]:
    """Tell renamed arrays from new ones by identity: arrays are replaced, never changed."""
    new, old = after.other_than(before), before.other_than(after)
    moved: dict[int, list[str]] = {}
    for name in old:
        moved.setdefault(id(before[name]), []).append(name)
    added, renamed, replaced = [], [], []
    for name in new:
        array = after[name]
        origins = moved.get(id(array))
        if origins:
            renamed.append(ParameterChange(name, array.nbytes, origins.pop(0)))
        elif name in before:
            replaced.append(ParameterChange(name, array.nbytes, before[name].nbytes))
        else:
            added.append(ParameterRef(name, array.nbytes))
    left = {change.before for change in renamed}
    return {
        "parameters_added": tuple(added),
        "parameters_removed": tuple(
            ParameterRef(name, before[name].nbytes)
            for name in old
            if name not in after and name not in left
        ),
        "parameters_renamed": tuple(renamed),
        "parameters_replaced": tuple(replaced),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
