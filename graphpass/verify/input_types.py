"""Whether B takes its inputs in the dtypes in which A takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphpass.shapes.hints import dtype_hint
from graphpass.verify.backend import Backend, Inference
from graphpass.verify.sources import Side, Source

__all__ = ["Departure", "settle"]


@dataclass(frozen=True, slots=True)
class Departure:
    """A variable of B that gets the values of a source in a dtype of its own."""

    name: str | None
    """Name of the variable in B; None where it is that of the source."""

    dtype: str
    """MXNet's name of what it was fed as."""

    refused: str | None
    """What it is said to take and does not, so that who loads B fails; None where nobody says."""

    hinted: bool
    """Whether it is its own hint in B that says so, and not only the one in A."""

    def __str__(self) -> str:
        who = "B" if self.name is None else f"{self.name!r} of B"
        if self.refused is None:
            return f"fed to {who} as {self.dtype}"
        hint = " as its hint says" if self.hinted else ""
        return f"{who} takes {self.dtype}, not {self.refused}{hint}"

    def to_json(self, name: str) -> dict[str, Any]:
        """Return the departure as plain data; `name` is that of the source."""
        return {"name": self.name or name, "dtype": self.dtype, "refused": self.refused}


def settle(
    b: Side,
    sources: Mapping[int, Source],
    inference: Inference,
    backend: Backend,
    shapes: Mapping[int, tuple[int, ...]],
) -> tuple[dict[int, str], dict[int, Departure]]:
    """Return the dtype in which each input of B is fed, and where that is not as in A.

    What a hint of B says of an input, it gets, if its operators take that. Any other input is fed
    as in A if B takes that, and else as what follows from B and the inputs before it. Such an input
    is refused where a hint says otherwise: MXNet's ``simple_bind`` and ``SymbolBlock.imports`` fail
    for a model that contradicts its hints, and its runs for values of a type that operators do not
    take. A hint that A itself does not follow says nothing.

    Notes
    -----
    At most two inferences for each input that B by itself would take in another dtype.
    """
    trials = _Trials(b, inference, backend, shapes)
    found: dict[int, str] = {}
    departures = {}
    for key, source in sources.items():
        hint = dtype_hint(b.model.graph.attrs(key))
        followed = source.hint in (None, source.dtype)
        wished = [hint, source.dtype] if followed else []
        dtype = next(
            (wish for wish in wished if wish is not None and trials.takes(key, wish)),
            trials.left_for(key, source.dtype),
        )
        found[key] = dtype
        broken = followed and hint not in (None, dtype)
        if dtype == source.dtype and not broken:
            continue
        refused = hint if broken else None
        if refused is None and dtype != hint and source.hint == source.dtype:
            refused = source.dtype
        name = b.name(key)
        departures[key] = Departure(name if name != source.name else None, dtype, refused, broken)
    return found, departures


class _Trials:
    """Which dtypes the inputs of a model take, together with those that were found before."""

    def __init__(
        self,
        side: Side,
        inference: Inference,
        backend: Backend,
        shapes: Mapping[int, tuple[int, ...]],
    ) -> None:
        self._side = side
        self._inference = inference
        self._backend = backend
        self._shapes = shapes
        self._taken: dict[int, str] = {}
        self._departs = False
        """Whether something was taken that does not follow from the model alone."""

    def takes(self, key: int, dtype: str) -> bool:
        """Return whether an input can be of a dtype, and if so, hold to it from then on."""
        trial = {**self._taken, key: dtype}
        follows = self._inference.dtypes.get(key, dtype) == dtype
        if self._departs or not follows:
            # MXNet 1.9.1 infers nothing from bfloat16.
            if dtype == "bfloat16" and not follows:
                return False
            found = self._side.infer(self._backend, self._shapes, trial)
            if found.dtype_problem:
                return False
            self._inference = found
            self._departs = True
        self._taken = trial
        return True

    def left_for(self, key: int, dtype: str) -> str:
        """Return the dtype that what was taken leaves for an input; the given one if any is."""
        return self._inference.dtypes.get(key, dtype)
