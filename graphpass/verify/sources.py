"""Where the value of a variable comes from, and what shape and dtype it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.errors import UsageError
from graphpass.graph import Entry
from graphpass.model import Model, looks_trained
from graphpass.shapes.hints import dtype_hint
from graphpass.verify.backend import Backend, Inference, blamed
from graphpass.verify.domains import Domain, domain_of

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["Given", "Side", "Source"]

Given = Mapping[str, "Sequence[int] | Array"]
"""Name of an input to its shape, or to its values."""

_LISTED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Gives one variable its values, run by run. Each source equals itself alone."""

    name: str
    """Name of the variable."""

    shape: tuple[int, ...]
    """Its dimensions."""

    dtype: str
    """MXNet's name of its dtype."""

    hint: str | None = None
    """The dtype that the hint ``__dtype__`` of the variable says."""

    fixed: Array | None = None
    """Values that are the same in every run."""

    domain: Domain | None = None
    """Values that it is drawn from, if not from all numbers."""

    parameter: bool = False
    """Whether it is drawn as a parameter."""

    slot: str | None = None
    """What the operator that reads it calls it."""

    seed: int = 0
    """Seed that it is drawn with."""

    def values(self, run: int) -> Array:
        """Return the values for one run."""
        from graphpass.verify.draw import draw, draw_parameter
        from graphpass.verify.dtypes import cast

        if self.fixed is not None:
            return cast(self.fixed, self.dtype)
        if self.parameter:
            return draw_parameter(self.name, self.shape, self.dtype, self.slot, (self.seed,))
        return draw(self.name, self.shape, self.dtype, self.domain, (self.seed, run))

    def __str__(self) -> str:
        if self.fixed is not None:
            return "given"
        return "normal" if self.domain is None else str(self.domain)


class Side:
    """One of two models that are compared, and its variables.

    Attributes
    ----------
    label : str
        How messages call it.
    free : tuple of int
        Keys of the variables that have no stored value, or are given another one.
    """

    def __init__(self, label: str, model: Model, given: Given) -> None:
        self.label = label
        self.model = model
        self._given = given
        arguments, states = model.graph.variable_keys()
        self.variables = (*arguments, *states)
        self._states = frozenset(states)
        self.free = tuple(key for key in self.variables if not self._is_stored(key))
        self.constants = {
            key: model.parameters[self.name(key)] for key in self.variables if self._is_stored(key)
        }

    def name(self, key: int) -> str:
        """Return the name of a variable."""
        return self.model.graph.name(key)

    def _is_stored(self, key: int) -> bool:
        return self.name(key) in self.model.parameters and self.name(key) not in self._given

    def is_learned(self, key: int) -> bool:
        """Return whether a variable is one that training gives a value."""
        return key in self._states or looks_trained(self.model.graph, key)

    def _slot(self, key: int) -> str | None:
        graph = self.model.graph
        for reader, slot in graph.uses(key):
            names = graph.signature(reader).input_names or ()
            if graph.reaches(reader) and slot < len(names):
                return names[slot]
        return None

    def refuse_missing(self, keys: Iterable[int]) -> None:
        """Refuse learned variables that have no value.

        Raises
        ------
        UsageError
            With their names.
        """
        missing = [
            key for key in keys if self.is_learned(key) and self.name(key) not in self._given
        ]
        if missing:
            raise UsageError(
                f"{self.label}: no value is stored for {self.listed(missing)}; are these the "
                "parameters of this graph? To draw one at random, give its shape as an input"
            )

    def infer(
        self,
        backend: Backend,
        shapes: Mapping[int, tuple[int, ...]],
        assumed: Mapping[int, str] | None = None,
    ) -> Inference:
        """Return what follows from the stored parameters, given inputs, `shapes`, assumed dtypes.

        MXNet takes an assumed dtype for more than the variable's own hint.
        """
        from graphpass.formats.ndarray_binary import dtype_name

        known = {key: value.shape for key, value in self.constants.items()}
        for key in self.free:
            given = self._given_shape(key)
            if given is not None:
                known[key] = given
        dtypes = {key: dtype_name(value.dtype) for key, value in self.constants.items()}
        with blamed(self.label):
            return backend.infer(
                self.model.graph, {**known, **shapes}, {**dtypes, **(assumed or {})}
            )

    def sources(
        self, keys: Collection[int], inference: Inference, seed: int, *, draw_learned: bool = False
    ) -> dict[int, Source]:
        """Return where the values of free variables come from.

        Raises
        ------
        UsageError
            If the shape of one is not known.
        """
        self._refuse_unknown_shapes(keys, inference)
        return {key: self._source(key, inference, seed, draw_learned) for key in keys}

    def dtype(self, key: int, inference: Inference) -> str:
        """Return the dtype of a variable."""
        found = inference.dtypes.get(key)
        if found is not None:
            return found
        from graphpass.formats.ndarray_binary import dtype_name

        given = self._given.get(self.name(key))
        own = dtype_name(_as_array(given).dtype) if _is_array(given) else "float32"
        # NumPy makes float64 of any decimals, so that tells nothing.
        return "float32" if own == "float64" else own

    def listed(self, keys: Sequence[int]) -> str:
        """Return the names of variables for a message."""
        names = [repr(self.name(key)) for key in keys[:_LISTED]]
        more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
        return ", ".join(names) + more

    def _source(self, key: int, inference: Inference, seed: int, draw_learned: bool) -> Source:
        given = self._given.get(self.name(key))
        shape = self._shape(key, inference)
        assert shape is not None
        fixed = _as_array(given) if _is_array(given) else None
        parameter = draw_learned and fixed is None and self.is_learned(key)
        return Source(
            name=self.name(key),
            shape=shape,
            dtype=self.dtype(key, inference),
            hint=dtype_hint(self.model.graph.attrs(key)),
            fixed=fixed,
            domain=domain_of(self.model.graph, key, inference.shapes),
            parameter=parameter,
            slot=self._slot(key),
            seed=seed,
        )

    def _given_shape(self, key: int) -> tuple[int, ...] | None:
        given = self._given.get(self.name(key))
        if given is None:
            return None
        try:
            return tuple(map(int, _as_array(given).shape if _is_array(given) else given))
        except (TypeError, ValueError):
            raise UsageError(
                f"the input {self.name(key)!r} is given as {given!r}, which is neither a shape, "
                "such as (1, 3, 224, 224), nor an array"
            ) from None

    def _shape(self, key: int, inference: Inference) -> tuple[int, ...] | None:
        given = self._given_shape(key)
        return inference.shapes.get(Entry(key)) if given is None else given

    def _refuse_unknown_shapes(self, keys: Collection[int], inference: Inference) -> None:
        smallest = 0 if self._empty_dimensions() else 1
        shapes = {key: self._shape(key, inference) for key in keys}
        unknown = [
            key
            for key, shape in shapes.items()
            if shape is None or any(size < smallest for size in shape)
        ]
        if not unknown:
            return
        # Shapes of learned variables follow once those of the data are known.
        unknown = [key for key in unknown if not self.is_learned(key)] or unknown
        first = unknown[0]
        shape = shapes[first]
        partly = f" (MXNet infers {shape} for {self.name(first)!r})" if shape else ""
        reason = f"; MXNet says: {inference.problem}" if inference.problem else ""
        sizes = tuple(max(1, size) for size in shape) if shape else (1, 3, 224, 224)
        example = f"--input {self.name(first)}:{','.join(map(str, sizes))}"
        raise UsageError(
            f"{self.label}: the shape of {self.listed(unknown)} is not known{partly}; give it, "
            f"such as {example} (in Python inputs={{{self.name(first)!r}: {sizes}}}){reason}"
        )

    def _empty_dimensions(self) -> bool:
        origin = self.model.graph.origin
        return origin is not None and origin.np_shape


def _is_array(value: object) -> bool:
    return hasattr(value, "dtype")


def _as_array(value: Any) -> Array:
    import numpy as np

    return np.asarray(value)
