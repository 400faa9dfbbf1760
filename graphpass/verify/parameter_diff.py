"""What differs between two sets of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphpass.formats.parameters import Parameters
    from graphpass.verify.arrays import Comparison

__all__ = ["ParameterChange", "ParameterDiff", "StoredParameter", "diff_parameters"]


@dataclass(frozen=True, slots=True)
class StoredParameter:
    """A parameter that only one side has."""

    name: str
    """Its name, without its class."""

    dtype: str
    """MXNet's name of its dtype."""

    shape: tuple[int, ...]
    """Its dimensions."""

    def __str__(self) -> str:
        return f"{self.name!r}: {self.shape} {self.dtype}"

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as plain data."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter that both sides have, and that differs."""

    names: tuple[str, str]
    """Its name in A and in B."""

    classes: tuple[str, str]
    """``"arg"``, ``"aux"`` or ``""`` in A and in B."""

    values: Comparison | None
    """How far the values are apart; None if they are the same bits."""

    def __str__(self) -> str:
        name, other = self.names
        parts = [repr(name) if name == other else f"{name!r}, in B {other!r}"]
        if self.classes[0] != self.classes[1]:
            parts.append(f"class {self.classes[0] or 'none'} -> {self.classes[1] or 'none'}")
        if self.values is not None:
            parts.append(str(self.values))
            if self.values.equal:
                parts.append("differ only in signs of zero or bits of NaN")
        return ": ".join([parts[0], ", ".join(parts[1:])])

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "names": list(self.names),
            "classes": list(self.classes),
            "values": self.values.to_json() if self.values is not None else None,
        }


@dataclass(frozen=True, slots=True)
class ParameterDiff:
    """What differs between two sets of parameters, called A and B."""

    only_in_a: tuple[StoredParameter, ...] = ()
    """Parameters that B lacks."""

    only_in_b: tuple[StoredParameter, ...] = ()
    """Parameters that A lacks."""

    changed: tuple[ParameterChange, ...] = ()
    """Parameters of another class, dtype, shape or value."""

    count: int = 0
    """How many parameters were compared."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not len(self)

    def __len__(self) -> int:
        return len(self.only_in_a) + len(self.only_in_b) + len(self.changed)

    def __str__(self) -> str:
        if self.equal:
            return f"equal: {self.count} parameters"
        return "\n".join(
            [f"parameter only in A: {parameter}" for parameter in self.only_in_a]
            + [f"parameter only in B: {parameter}" for parameter in self.only_in_b]
            + [f"parameter {change}" for change in self.changed]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "equal": self.equal,
            "only_in_a": [parameter.to_json() for parameter in self.only_in_a],
            "only_in_b": [parameter.to_json() for parameter in self.only_in_b],
            "changed": [change.to_json() for change in self.changed],
        }


def diff_parameters(
    a: Parameters, b: Parameters, names: Mapping[str, str] | None = None
) -> ParameterDiff:
    """Compare two sets of parameters.

    Parameters
    ----------
    a, b : Parameters
        What to compare, called A and B.
    names : mapping of str to str, optional
        Name in A to name in B, for those whose names differ. Other names stand for themselves,
        unless another parameter has taken theirs.

    Returns
    -------
    ParameterDiff
        In the order of A, then of B.

    Examples
    --------
    >>> import numpy as np
    >>> from graphpass.formats.parameters import Parameters
    >>> a = Parameters({"w": np.array([1.0, 2.0], "float32"), "b": np.zeros(1, "float32")})
    >>> b = Parameters({"w": np.array([1.0, 2.5], "float32")})
    >>> print(diff_parameters(a, b))
    parameter only in A: 'b': (1,) float32
    parameter 'w': (2,) float32, max abs 0.5, max rel 0.2, 1 of 2 values differ

    Notes
    -----
    Linear in the bytes; values that are the same bits are read once and in blocks.
    """
    known = {old: new for old, new in (names or {}).items() if old in a and new in b}
    taken = set(known.values())
    pairs = dict(known)
    pairs.update(
        (name, name) for name in a if name not in known and name in b and name not in taken
    )
    met = set(pairs.values())
    changes = [_change(a, b, name, pairs[name]) for name in a if name in pairs]
    return ParameterDiff(
        only_in_a=tuple(_stored(a, name) for name in a if name not in pairs),
        only_in_b=tuple(_stored(b, name) for name in b if name not in met),
        changed=tuple(change for change in changes if change is not None),
        count=len(pairs),
    )


def _stored(parameters: Parameters, name: str) -> StoredParameter:
    from graphpass.formats.ndarray_binary import dtype_name

    array = parameters[name]
    return StoredParameter(name, dtype_name(array.dtype), array.shape)


def _change(a: Parameters, b: Parameters, name: str, other: str) -> ParameterChange | None:
    from graphpass.verify.arrays import compare, same_bits

    classes = a.class_of(name), b.class_of(other)
    same = same_bits(a[name], b[other])
    if same and classes[0] == classes[1]:
        return None
    return ParameterChange((name, other), classes, None if same else compare(a[name], b[other]))
