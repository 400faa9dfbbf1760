"""The pattern: what a rewrite matches, as data.

A pattern is a few bindings, each of one operator pattern, and the roots: the values that a match
gives to the rest of the graph. `parse_pattern` makes it of text, `print_pattern` prints it again.
Equality looks at what a pattern says, not at where it stood in a text.

=================  =============================================================================
class              as text
=================  =============================================================================
`Value`            ``x``
`Reference`        ``a``, ``a[1]``: an output of a node that a binding names
`Anything`         ``_``
`Rest`             ``*xs``, ``*_``
`Optional`         ``optional(b)``
`Restricted`       ``param(w)``, ``aux(m)``, ``input(x)``, ``const(c)``
`Call`             ``Convolution(x, w, kernel=(1, 1))``, ``(Dropout | identity)(x)``,
                   ``maybe(Dropout)(x)``
`Attribute`        ``kernel=(1, 1)`` in such a call
`Binding`          ``a = Op(x)``, ``a, b = Op(x)``
`Distinct`         ``distinct(a, b)``
`Pattern`          all lines together
=================  =============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from graphpass.ops.values import Value as Constant
from graphpass.rules.pass_files.places import Mark

__all__ = [
    "KINDS",
    "WORDS",
    "Anything",
    "Attribute",
    "Binding",
    "Call",
    "Distinct",
    "Kind",
    "Operand",
    "Optional",
    "Pattern",
    "Reference",
    "Rest",
    "Restricted",
    "Root",
    "Value",
]

Kind: TypeAlias = Literal["param", "aux", "input", "const"]

KINDS: tuple[Kind, ...] = ("param", "aux", "input", "const")
"""What a `Restricted` may ask for."""

WORDS = (*KINDS, "optional", "maybe", "shared", "distinct")
"""Words that mean something where they are called; as operators they stand in backquotes."""


@dataclass(frozen=True, slots=True)
class Value:
    """Any value; the same name is the same value wherever it stands."""

    name: str
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """An output of a bound node."""

    name: str
    """A name that a binding gives."""

    output: int | None = None
    """Which output; None where the name stands alone: the first of a node, or the named one."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, without a name."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """The inputs that no other operand takes, none included."""

    name: str | None
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Restricted:
    """A value of one kind."""

    kind: Kind
    name: str | None
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Optional:
    """An operand that the node may lack, such as a bias."""

    operand: Operand
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A predicate on one attribute: equal to this value, the operator's default filled in."""

    name: str
    value: Constant
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One operator; as an operand, its first output."""

    operators: tuple[str, ...]
    """The operators that it may be, by name or alias."""

    inputs: tuple[Operand, ...] = ()
    attributes: tuple[Attribute, ...] = ()

    maybe: bool = False
    """Whether the operator may be absent; then the call stands for its first operand."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


Operand: TypeAlias = Value | Reference | Anything | Rest | Restricted | Optional | Call
"""What may stand among the inputs of a call."""

Root: TypeAlias = Reference | Call
"""What a pattern returns. A node's name, or a call, returns all outputs of the node."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Names for a node, or for its outputs."""

    names: tuple[str | None, ...]
    """One name for the node; or, if it `unpacks`, one per output, None for ``_``."""

    call: Call

    unpacks: bool = False
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Values no two of which may be the same."""

    values: tuple[Value | Reference, ...]
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a match is."""

    bindings: tuple[Binding, ...]
    """In the order of the text: a name is bound before it is read."""

    roots: tuple[Root, ...]
    """What the match gives to the rest of the graph."""

    shared: tuple[Reference, ...] = ()
    """Nodes that the rest of the graph may use although they are no roots."""

    distinct: tuple[Distinct, ...] = ()
