"""What the names of an expression stand for at a match, and what these nodes and values answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from math import prod
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from graphpass.errors import AttributeValueError, ExpressionError, suggestion
from graphpass.formats.ndarray_binary import BFLOAT16, Array
from graphpass.graph import Entry
from graphpass.ops import AttributeSpec, find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.limits import Limits

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from graphpass.graph import Graph
    from graphpass.ops import Signature
    from graphpass.rules.rewrite.facts import Facts
    from graphpass.rules.rewrite.match import Binding
    from graphpass.shapes import Shape

ARRAY_WORDS = frozenset({"dtype", "extents", "ndim", "shape", "size"})
"""What an array answers, a value, and a node for its first output."""


# -- what is not known ---------------------------------------------------------------------------

UNBOUND: Any = object()
"""What a name of the pattern stands for where its operand or operator is absent."""


class UnknownError(Exception):
    """An expression asks for something that nothing tells: a value, a shape, what is absent.

    That is no fault of the expression. A condition that meets it does not hold.

    Attributes
    ----------
    reason : str
        One clause, without a full stop.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownExtentError(UnknownError):
    """An expression asks for a shape of which only some extents are known.

    Attributes
    ----------
    shape : tuple of int or None
        What is known.
    """

    def __init__(self, reason: str, shape: Shape) -> None:
        super().__init__(reason)
        self.shape = shape


# -- names ---------------------------------------------------------------------------------------


class Scope:
    """The names at one match: those of the pattern, then those that ``let`` defines.

    Parameters
    ----------
    facts : Facts
        Of the graph that the match is in.
    bindings : mapping of str to Binding
        The bindings of a `Match`.
    parameters : mapping of str to array, optional
        Stored values by the names of variables; None where none are known, as in a subgraph.
    optional : collection of str
        Names of the pattern; one of them that is not in `bindings` stands for nothing.
    quiet : bool
        Whether the caller keeps NumPy from warning, so that expressions need not, and asks for no
        reasons.
    limits : Limits, optional
        What the expressions of this match and of others may compute together.

    Raises
    ------
    ExpressionError
        If other matches have used up the limits.

    Notes
    -----
    Views are made when a name is first read, and arrays are loaded when one is first computed with.
    """

    __slots__ = ("_bindings", "_optional", "facts", "is_quiet", "limits", "loops", "parameters",
                 "values")  # fmt: skip

    def __init__(
        self,
        facts: Facts,
        bindings: Mapping[str, Binding],
        parameters: Mapping[str, ArrayLike] | None = None,
        optional: Collection[str] = (),
        *,
        quiet: bool = False,
        limits: Limits | None = None,
    ) -> None:
        nodes = len(facts.ranks)
        self.facts = facts
        self.parameters: Mapping[str, Any] = parameters or {}
        self.limits = limits or Limits(nodes)
        self.limits.begin_match(nodes)
        self.is_quiet = quiet
        """Whether nobody asks for reasons."""
        self.values: dict[str, Any] = {}
        """Name -> what was read or defined so far."""
        self.loops: dict[int, Any] = {}
        """Number of a loop variable -> its value now."""
        self._bindings = bindings
        self._optional = optional

    def define(self, name: str, value: object) -> None:
        """Give a name that ``let`` computes its value; what the pattern bound gives way."""
        self.values[name] = value

    def release(self) -> None:
        """Forget everything, once the match is decided.

        Views know their scope, and the scope its views: until Python looks for such circles, none
        of them would go, and neither would the memory of what was computed.
        """
        self.values.clear()
        self.loops.clear()

    def __getitem__(self, name: str) -> Any:
        """Return what a name stands for: a view, a tuple of views, a computed value or `UNBOUND`.

        Raises
        ------
        ExpressionError
            If there is no such name.
        """
        if name in self.values:
            return self.values[name]
        binding = self._bindings.get(name)
        if binding is None:
            if name in self._optional:
                return UNBOUND
            known = [*self._bindings, *self.values, *self._optional]
            raise ExpressionError(f"there is no name {name!r}{suggestion(name, known)}")
        value: NodeView | ValueView | tuple[ValueView, ...]
        if isinstance(binding, Entry):
            value = ValueView(self, binding, name)
        elif isinstance(binding, int):
            value = NodeView(self, binding, name)
        else:
            value = tuple([ValueView(self, entry) for entry in binding])
        self.values[name] = value
        return value


def _users(scope: Scope, readers: Iterable[int]) -> tuple[NodeView, ...]:
    """Return the views of nodes, in saved order."""
    keys = sorted(readers, key=scope.facts.ranks.__getitem__)
    scope.limits.step(len(keys))
    return tuple([NodeView(scope, key) for key in keys])


# -- nodes and values ----------------------------------------------------------------------------


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
        return self.scope.facts.graph

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
            self._users = _users(self.scope, self.scope.facts.readers(self.key))
        return self._users

    @property
    def inputs(self) -> tuple[ValueView, ...]:
        """The values that the node reads, by slot."""
        entries = self.graph.inputs(self.key)
        self.scope.limits.step(len(entries))
        return tuple([ValueView(self.scope, entry) for entry in entries])

    @property
    def signature(self) -> Signature:
        """How many outputs the node has, and the like."""
        try:
            return self.graph.signature(self.key)
        except AttributeValueError as error:
            raise UnknownError(f"the outputs of {self} are not known: {error}") from None

    def output(self, number: int) -> ValueView:
        """Return an output, hidden ones count on behind the visible ones.

        Raises
        ------
        IndexError
            If there is no such output.
        """
        if number and not 0 <= number < self.signature.num_outputs:
            raise IndexError(f"{self} has no output {number}")
        return ValueView(self.scope, Entry(self.key, number), "" if number else self.label)


class RawAttributes:
    """The attributes of a node as texts, to be looked up or copied."""

    __slots__ = ("node",)

    def __init__(self, node: NodeView) -> None:
        self.node = node

    @property
    def texts(self) -> dict[str, str]:
        """Key -> text; not to be changed."""
        return self.node.graph.attrs(self.node.key)


_UNREAD: Any = object()
_COMPUTABLE = frozenset(f"?bBhHiIlLqQefd{BFLOAT16.char}")
"""Type codes of the arrays that expressions compute with."""


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
        return self.scope.facts.graph.output_name(self.entry)

    @property
    def users(self) -> tuple[NodeView, ...]:
        """The nodes that read the value, each once, in saved order."""
        if self._users is None:
            facts, (key, output, _) = self.scope.facts, self.entry
            found = [each for each in facts.readers(key) if output in facts.used_outputs(key, each)]
            self._users = _users(self.scope, found)
        return self._users

    @property
    def is_head(self) -> bool:
        """Whether the value is a head."""
        return self.entry.output in self.scope.facts.heads.get(self.entry.node, ())

    @property
    def kind(self) -> str | None:
        """``param``, ``aux`` or ``input`` of a variable."""
        return self.scope.facts.kinds.get(self.entry.node)

    @property
    def has_value(self) -> bool:
        """Whether a value is stored."""
        return self.stored is not None

    @property
    def stored(self) -> Any:
        """The stored array as it is, or None."""
        if self._stored is _UNREAD:
            scope, key = self.scope, self.entry.node
            graph = scope.facts.graph
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
            stored = self.stored
            if stored is None:
                raise UnknownError(self.lack())
            array = np.asarray(stored).view()
            if array.dtype.char not in _COMPUTABLE:
                raise UnknownError(
                    f"{self} is an array of {array.dtype.name}, "
                    "which expressions can't compute with"
                )
            array.setflags(False)
            self.scope.limits.met(array.size)
            self.loaded = array
        return self.loaded

    def lack(self) -> str:
        """Return that the value is not stored, in words."""
        return f"{self} has no stored value"

    @property
    def known_shape(self) -> Shape:
        """The shape; an extent that is not known is None."""
        stored = self.stored
        if stored is not None:
            return tuple(stored.shape)
        shape = self.scope.facts.inference(self.scope.parameters).shape(self.entry)
        if shape is None:
            raise UnknownError(f"the shape of {self.name} is not known")
        return shape

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
        shape = self.known_shape
        extents = tuple([extent for extent in shape if extent is not None])
        if len(extents) < len(shape):
            text = ", ".join("?" if extent is None else str(extent) for extent in shape)
            raise UnknownExtentError(f"of the shape of {self.name} only ({text}) is known", shape)
        return extents

    @property
    def dtype(self) -> str:
        """MXNet's name of its type."""
        stored = self.stored
        if stored is not None:
            return str(stored.dtype.name)
        found = self.scope.facts.inference(self.scope.parameters).dtype(self.entry)
        if found is None:
            raise UnknownError(f"the dtype of {self.name} is not known")
        return found


# -- words ---------------------------------------------------------------------------------------

_OF_NODES: dict[str, Callable[[NodeView], Any]] = {
    "attrs": attrgetter("attrs"),
    "inputs": attrgetter("inputs"),
    "is_head": lambda node: bool(node.scope.facts.heads.get(node.key)),
    "name": attrgetter("name"),
    "num_inputs": lambda node: len(node.graph.inputs(node.key)),
    "num_outputs": attrgetter("signature.num_visible_outputs"),
    "num_users": lambda node: node.scope.facts.num_readers(node.key),
    "op": attrgetter("op"),
    "users": attrgetter("users"),
}

_OF_VALUES: dict[str, Callable[[ValueView], Any]] = {
    "dtype": attrgetter("dtype"),
    "extents": lambda value: tuple(
        [-1 if extent is None else extent for extent in value.known_shape]
    ),
    "is_aux": lambda value: value.kind == "aux",
    "is_const": lambda value: value.scope.facts.is_kind(value.entry, "const"),
    "is_head": attrgetter("is_head"),
    "is_input": lambda value: value.kind == "input",
    "is_param": lambda value: value.kind == "param",
    "name": attrgetter("name"),
    "ndim": lambda value: len(value.known_shape),
    "node": attrgetter("node"),
    "num_users": lambda value: value.scope.facts.num_readers(value.entry.node, value.entry.output),
    "output": attrgetter("entry.output"),
    "shape": attrgetter("shape"),
    "size": lambda value: prod(value.shape),
    "users": attrgetter("users"),
}

NODE_WORDS = frozenset(_OF_NODES)
"""What a node answers before its operator's attributes; `ARRAY_WORDS` come after those."""

VALUE_WORDS = frozenset(_OF_VALUES)
"""What a value answers, keys such as ``__lr_mult__`` aside."""


def answers(key: str) -> Mapping[type, Callable[[Any], Any]]:
    """Return, by the type of x, the functions that answer ``x.key``.

    Notes
    -----
    Nothing but the words and attributes of the language is looked up, so that no key reaches into
    Python.
    """

    def of_value(value: ValueView) -> Any:
        # A name of the pattern may stand for a value at one match and for a node at another, so
        # that a word which values lack is no fault of the expression.
        if is_hidden_key(key):
            return value.scope.facts.graph.attrs(value.entry.node).get(key)
        near = suggestion(key, sorted(VALUE_WORDS))
        raise UnknownError(f"{value} is a value and has no {key!r}{near}")

    found: dict[type, Callable[[Any], Any]] = {
        NodeView: _OF_NODES.get(key) or attribute_of(key),
        ValueView: _OF_VALUES.get(key, of_value),
    }
    if key == "dtype":
        found[np.ndarray] = lambda array: array.dtype.name
    elif key == "extents":
        found[np.ndarray] = attrgetter("shape")
    elif key in ARRAY_WORDS:
        found[np.ndarray] = attrgetter(key)
    return found


def attribute_of(key: str, *, words: bool = True) -> Callable[[NodeView], Any]:
    """Return a function that looks up one attribute of nodes; what operators declare is kept.

    Parameters
    ----------
    key : str
        The attribute.
    words : bool
        Whether a key that the operator does not declare may be one of `ARRAY_WORDS`.
    """
    specs: dict[str, AttributeSpec | None] = {}

    def read(node: NodeView) -> Any:
        graph, place = node.scope.facts.graph, node.key
        op = graph.op(place)
        if op not in specs:
            operator = find(op)
            specs[op] = None if operator is None else operator.attributes.get(key)
        spec = specs[op]
        text = graph.attrs(place).get(key)
        if spec is None:
            if words and key in ARRAY_WORDS:
                return _OF_VALUES[key](node.output(0))
            if text is not None or is_hidden_key(key):
                return text
            operator = find(op)
            if operator is None or operator.open_keys or operator.unparsed:
                raise UnknownError(f"{node} has no attribute {key!r}")
            known = [*operator.attributes, *sorted(NODE_WORDS), *sorted(ARRAY_WORDS)]
            raise TypeError(f"{op} has no attribute {key!r}{suggestion(key, known)}")
        if text is None:
            text = spec.default
            if text is None:
                raise UnknownError(f"{node} lacks the attribute {key}")
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise UnknownError(f"{node}: {error}") from None

    return read
