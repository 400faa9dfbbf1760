"""Nodes and values as expressions see them: what they answer, worked out when it is asked."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry
from graphpass.rules.expressions.unknown import UnknownError, UnknownExtentError

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.graph import Graph
    from graphpass.rules.expressions.scope import Scope
    from graphpass.shapes import Inference, Shape

__all__ = ["NodeView", "RawAttributes", "ValueView", "type_name"]

_UNREAD: Any = object()


class NodeView:
    """A node. Two views of one node are equal."""

    __slots__ = ("_users", "key", "label", "scope")

    def __init__(self, scope: Scope, key: int, label: str = "") -> None:
        self.scope = scope
        self.key = key
        """The node's key in the graph."""
        self.label = label
        """The name that the expression has for it, if any."""
        self._users: tuple[NodeView, ...] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeView) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        """Return how messages call the node: ``Convolution 'conv0'``."""
        kind = "variable" if self.graph.is_variable(self.key) else self.op
        return f"{kind} {self.name!r}"

    @property
    def graph(self) -> Graph:
        """The graph that the node is of."""
        return self.scope.index.graph

    @property
    def name(self) -> str:
        """The node's name."""
        return self.graph.name(self.key)

    @property
    def op(self) -> str:
        """Operator name, ``null`` for a variable."""
        return self.graph.op(self.key)

    @property
    def attrs(self) -> RawAttributes:
        """The attributes as they stand in the file."""
        return RawAttributes(self)

    @property
    def users(self) -> tuple[NodeView, ...]:
        """The nodes that read this one or wait for it, each once, in saved order."""
        if self._users is None:
            self._users = _users(self.scope, list(self.scope.index.readers(self.key)))
        return self._users

    @property
    def num_users(self) -> int:
        """How many nodes read this one or wait for it."""
        return self.scope.index.num_readers(self.key)

    @property
    def inputs(self) -> tuple[ValueView, ...]:
        """The values that the node reads, by slot."""
        entries = self.graph.inputs(self.key)
        self.scope.budget.step(len(entries))
        return tuple([ValueView(self.scope, entry) for entry in entries])

    @property
    def num_inputs(self) -> int:
        """How many values the node reads."""
        return len(self.graph.inputs(self.key))

    @property
    def num_outputs(self) -> int:
        """How many visible outputs the node has."""
        try:
            return self.graph.signature(self.key).num_visible_outputs
        except AttributeValueError as error:
            raise UnknownError(f"the outputs of {self} are not known: {error}") from None

    @property
    def is_head(self) -> bool:
        """Whether an output of the node is a head."""
        return bool(self.scope.index.heads.get(self.key))

    def output(self, number: int) -> ValueView:
        """Return an output, hidden ones count on behind the visible ones.

        Raises
        ------
        IndexError
            If there is no such output.
        """
        if number and not 0 <= number < self._all_outputs():
            raise IndexError(f"{self} has no output {number}")
        return ValueView(self.scope, Entry(self.key, number), "" if number else self.label)

    def _all_outputs(self) -> int:
        try:
            return self.graph.signature(self.key).num_outputs
        except AttributeValueError as error:
            raise UnknownError(f"the outputs of {self} are not known: {error}") from None


class RawAttributes:
    """The attributes of a node as texts, to be looked up or copied."""

    __slots__ = ("node",)

    def __init__(self, node: NodeView) -> None:
        self.node = node

    @property
    def texts(self) -> dict[str, str]:
        """Key -> text; not to be changed."""
        return self.node.graph.attrs(self.node.key)


class ValueView:
    """An output of a node, or a variable, with its stored value where there is one."""

    __slots__ = ("_stored", "_users", "entry", "label", "loaded", "scope")

    def __init__(self, scope: Scope, entry: Entry, label: str = "") -> None:
        self.scope = scope
        self.entry = entry
        """The value in the graph."""
        self.label = label
        """The name that the expression has for it, if any."""
        self.loaded: Array | None = None
        """The stored value to compute with, once it was asked for."""
        self._stored: Any = _UNREAD
        self._users: tuple[NodeView, ...] | None = None

    def __str__(self) -> str:
        """Return how messages call the value: ``weight (variable 'conv0_weight')``."""
        node = str(self.node)
        text = f"output {self.entry.output} of {node}" if self.entry.output else node
        return f"{self.label} ({text})" if self.label else text

    @property
    def node(self) -> NodeView:
        """The node that computes the value, or the variable."""
        return NodeView(self.scope, self.entry.node)

    @property
    def name(self) -> str:
        """The name of the variable, or MXNet's name of the output."""
        return self.scope.index.graph.output_name(self.entry)

    @property
    def output(self) -> int:
        """Which output of its node it is."""
        return self.entry.output

    @property
    def users(self) -> tuple[NodeView, ...]:
        """The nodes that read the value, each once, in saved order."""
        if self._users is None:
            index, key = self.scope.index, self.entry.node
            readers = [
                reader
                for reader in index.readers(key)
                if self.entry.output in index.used_outputs(key, reader)
            ]
            self._users = _users(self.scope, readers)
        return self._users

    @property
    def num_users(self) -> int:
        """How many nodes read the value."""
        return self.scope.index.num_readers(self.entry.node, self.entry.output)

    @property
    def is_head(self) -> bool:
        """Whether the value is a head."""
        return self.entry.output in self.scope.index.heads.get(self.entry.node, ())

    @property
    def is_param(self) -> bool:
        """Whether it is an argument with a stored value."""
        return self._is_kind("param")

    @property
    def is_aux(self) -> bool:
        """Whether it is an auxiliary state."""
        return self._is_kind("aux")

    @property
    def is_input(self) -> bool:
        """Whether it is an argument without a stored value."""
        return self._is_kind("input")

    @property
    def is_const(self) -> bool:
        """Whether it is computed from arguments with stored values alone, or from nothing."""
        return self.scope.index.is_kind(self.entry, "const")

    def _is_kind(self, kind: str) -> bool:
        return self.scope.index.kinds.get(self.entry.node) == kind

    @property
    def has_value(self) -> bool:
        """Whether a value is stored."""
        return self.stored is not None

    @property
    def stored(self) -> Any:
        """The stored array as it is, or None."""
        if self._stored is _UNREAD:
            scope, key = self.scope, self.entry.node
            graph = scope.index.graph
            try:
                self._stored = scope.parameters[graph.name(key)] if graph.is_variable(key) else None
            except KeyError:
                self._stored = None
        return self._stored

    @property
    def array(self) -> Array:
        """The stored value, read-only.

        Raises
        ------
        UnknownError
            If there is none, or none of a type that NumPy computes with.
        """
        if self.loaded is None:
            from graphpass.rules.expressions.operands import load

            return load(self)
        return self.loaded

    def lack(self) -> str:
        """Return that the value is not stored, in words."""
        return f"{self} has no stored value"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the stored value, or what can be inferred.

        Raises
        ------
        UnknownExtentError
            If only some extents are known.
        UnknownError
            If none is.
        """
        shape = self._known_shape()
        extents = tuple([extent for extent in shape if extent is not None])
        if len(extents) < len(shape):
            raise UnknownExtentError(self._open_shape(shape), shape)
        return extents

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self._known_shape())

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    @property
    def dtype(self) -> str:
        """MXNet's name of its type."""
        stored = self.stored
        if stored is not None:
            return type_name(stored)
        found = self._inference().dtype(self.entry)
        if found is None:
            raise UnknownError(f"the dtype of {self.name} is not known")
        return found

    def _known_shape(self) -> Shape:
        """Return the shape; an extent that is not known is None."""
        stored = self.stored
        if stored is not None:
            return tuple(stored.shape)
        shape = self._inference().shape(self.entry)
        if shape is None:
            raise UnknownError(f"the shape of {self.name} is not known")
        return shape

    def _open_shape(self, shape: Shape) -> str:
        """Return in words which extents are not known."""
        text = ", ".join("?" if extent is None else str(extent) for extent in shape)
        return f"of the shape of {self.name} only ({text}) is known"

    def _inference(self) -> Inference:
        return self.scope.index.inference(self.scope.parameters)


def _users(scope: Scope, readers: list[int]) -> tuple[NodeView, ...]:
    scope.budget.step(len(readers))
    position = scope.index.ranks
    return tuple([NodeView(scope, key) for key in sorted(readers, key=position.__getitem__)])


def type_name(array: Any) -> str:
    """Return MXNet's name of an array's type."""
    from graphpass.formats.ndarray_binary import dtype_name

    return dtype_name(array.dtype)
