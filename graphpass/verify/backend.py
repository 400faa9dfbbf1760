"""What `verify` needs of a library that runs models, so that others than MXNet can follow.

A backend is asked for two things: what follows from some shapes (`Backend.infer`), and what graphs
compute (`Backend.run`). It sees a graph, and values by the key of the variable that has them; it
never sees names, files or a second model. It runs one graph several times: on the values that are
compared, and on values near these, which tell how far rounding moves an output and whether it moves
at all. So a value of `constants` may be overridden by that of one feed, and heads may be any values
of the graph, which a backend that fuses operators has to hand out as they are. What it can't do, it
leaves out of `Backend.capabilities`, and `verify` refuses to ask for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from graphpass.errors import BackendError
from graphpass.graph import Entry, Graph

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["Backend", "Computed", "Inferred", "blamed"]


@dataclass(frozen=True, slots=True)
class Inferred:
    """What follows from the shapes and dtypes of some variables."""

    shapes: Mapping[Entry, tuple[int, ...]]
    """Value to its shape; a dimension that is not known is 0 or -1. Unknown ranks are left out."""

    dtypes: Mapping[int, str]
    """Key of a variable to its dtype, where known."""

    problem: str = ""
    """What stopped the inference, if something did: a contradiction, or too little to go by."""

    dtype_problem: str = ""
    """Why no dtypes at all fit, hints of variables aside, if none do."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What one run of a graph computed."""

    outputs: Sequence[Array]
    """One array for each head."""

    auxiliary_states: Mapping[int, Array] = field(default_factory=dict)
    """Key of an auxiliary state to its value after the run."""

    gradients: Mapping[int, Array] = field(default_factory=dict)
    """Key of an argument to its gradient, where asked for."""


class Backend(Protocol):
    """Runs graphs. Variables are told apart by key, as their names may repeat."""

    @property
    def name(self) -> str:
        """Name and version, for reports."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do besides runs in inference: ``training``, ``gradients``."""
        ...

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inferred:
        """Return what follows from the shapes and dtypes of some variables.

        Raises
        ------
        BackendError
            If the backend can't load the graph.
        """
        ...

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, Array],
        feeds: Sequence[Mapping[int, Array]],
        *,
        training: bool = False,
        gradients_of: Collection[int] = (),
        head_gradients: Sequence[Sequence[Array]] = (),
    ) -> list[Computed]:
        """Run a graph once for each feed.

        Parameters
        ----------
        graph : Graph
            What to run.
        constants : mapping of int to array
            Key of a variable to its value in every run that its feed has no other value for.
        feeds : sequence of mappings
            For each run, the values of all other variables. There may be values of variables that
            the heads do not reach.
        training : bool
            Whether operators behave as in training. Every run starts from the given values of the
            auxiliary states.
        gradients_of : collection of int
            Keys of the arguments whose gradients are wanted. If there are any, a backward pass
            follows, in which some operators write to their auxiliary states.
        head_gradients : sequence of sequences of array
            For each run, the gradient of each head; by default ones.

        Raises
        ------
        BackendError
            If the graph can't be run.
        """
        ...


@contextmanager
def blamed(label: str) -> Iterator[None]:
    """Say in a backend's error which of two models it is about."""
    try:
        yield
    except BackendError as error:
        raise BackendError(f"{label}: {error}") from None
