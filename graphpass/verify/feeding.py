"""Which variable of two models gets which value, so that their outputs can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.errors import UsageError, suggestion
from graphpass.graph import Entry
from graphpass.model import Model
from graphpass.verify.alignment import align
from graphpass.verify.backend import Backend, Inference
from graphpass.verify.input_types import Departure, settle
from graphpass.verify.sources import Given, Side, Source
from graphpass.verify.strangers import refuse_strangers

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.counterparts import Counterparts

__all__ = ["Feeding", "InputValue", "check_names", "prepare"]


@dataclass(frozen=True, slots=True)
class InputValue:
    """What one input was given in every run."""

    name: str
    """Name of the variable: in A, or in B where A has none."""

    shape: tuple[int, ...]
    """Its dimensions."""

    dtype: str
    """MXNet's name of its dtype."""

    values: str
    """Where the values come from: ``normal``, a range, or ``given``."""

    fed_to: tuple[str, ...]
    """Variables of B that are called otherwise and get these values too."""

    departures: tuple[Departure, ...] = ()
    """Variables of B that get these values in another dtype."""

    @property
    def refused(self) -> bool:
        """Whether B does not take it in the dtype that a hint says."""
        return any(departure.refused is not None for departure in self.departures)

    def __str__(self) -> str:
        text = f"{self.name!r} {self.shape} {self.dtype}, {self.values}"
        if self.fed_to:
            text += f"; fed to {', '.join(map(repr, self.fed_to))} of B"
        return "; ".join([text, *map(str, self.departures)])

    def to_json(self) -> dict[str, Any]:
        """Return the input as plain data."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "values": self.values,
            "fed_to": list(self.fed_to),
            "departures": [departure.to_json(self.name) for departure in self.departures],
        }


@dataclass(frozen=True, slots=True)
class Feeding:
    """Values for every variable of two models, called A and B."""

    constants: tuple[Mapping[int, Array], Mapping[int, Array]]
    """Key of a variable of A and of B to its stored value."""

    sources: tuple[Mapping[int, Source], Mapping[int, Source]]
    """Key of any other variable of A and of B to where its value comes from."""

    dtypes: Mapping[int, str]
    """Key of an input of B to the dtype that it is fed in."""

    origins: Mapping[int, str]
    """Key of a variable of B to the name of the variable of A that it stands for."""

    inputs: tuple[InputValue, ...]
    """What was drawn or given, in A's order, then what only B reads."""

    drawn_parameters: int
    """How many parameters were drawn because neither model stores any."""

    computed: Mapping[int, int]
    """Key of an input of B to the position of the output of A whose value it gets."""

    def run(self, number: int) -> tuple[dict[int, Array], dict[int, Array]]:
        """Return the values of the inputs of A and of B for one run."""
        from graphpass.verify.dtypes import cast

        sources_a, sources_b = self.sources
        all_sources = dict.fromkeys([*sources_a.values(), *sources_b.values()])
        values = {source: source.values(number) for source in all_sources}
        return (
            {key: values[source] for key, source in sources_a.items()},
            {key: cast(values[source], self.dtypes[key]) for key, source in sources_b.items()},
        )


def prepare(
    a: Model,
    b: Model,
    backend: Backend,
    *,
    inputs: Given | None = None,
    feed: Mapping[str, str] | None = None,
    seed: int = 0,
    known: Counterparts | None = None,
) -> Feeding:
    """Find or draw a value for every variable of two models.

    A stored parameter has its value. Every other variable is an input:

    * One of A has the shape, or the values, that `inputs` gives; else the shape of its
      ``__shape__`` hint, or what follows from the rest. Its dtype is that of its ``__dtype__``
      hint, or what follows from the parameters, or float32.
    * One of B gets the values of the variable of A that `feed` names, or else of the one of its own
      name, or else of the one that is aligned with it. Failing these, it is drawn for itself in
      the shape that `inputs` gives. Where it is `known` what it stands for, it gets that. Its dtype
      is that of A's where B takes that, see `settle`.

    If neither model stores any parameter, those are drawn too.

    Raises
    ------
    UsageError
        If a name does not exist, a shape is not known, a value is missing, or an input of B stands
        for nothing in A.
    BackendError
        If a graph can't be loaded.
    """
    given, feed = dict(inputs or {}), dict(feed or {})
    side_a, side_b = Side("A", a, given), Side("B", b, given)
    if known is None:
        check_names(side_a, side_b, given, feed)
    bare = not a.parameters and not b.parameters
    if not bare:
        side_a.refuse_missing(side_a.free)
    inference_a = side_a.infer(backend, {})
    sources_a = side_a.sources(side_a.free, inference_a, seed, draw_learned=bare)
    values = {} if known is None else known.values
    computed: dict[int, tuple[int, ...]] = {}
    if known is None:
        origins = _origins(side_a, side_b, feed)
        sources_b = _fed(side_a, side_b, sources_a, origins, feed)
    else:
        origins = {key: side_a.name(old) for key, old in known.variables.items()}
        sources_b = _known(side_a, side_b, sources_a, known)
        computed = _computed(side_a, known, inference_a)
    own = [key for key in side_b.free if key not in sources_b and key not in computed]
    refuse_strangers(side_a, side_b, own, given, origins)
    shapes = {key: source.shape for key, source in sources_b.items()}
    shapes.update(computed)
    inference_b = side_b.infer(backend, shapes)
    sources_b.update(side_b.sources(own, inference_b, seed))
    dtypes, departures = settle(side_b, sources_b, inference_b, backend, shapes)
    dtypes.update((key, side_b.dtype(key, inference_b)) for key in computed)
    names = a.graph.outputs
    return Feeding(
        constants=(side_a.constants, side_b.constants),
        sources=(sources_a, sources_b),
        dtypes=dtypes,
        origins=origins,
        inputs=(
            *_report(sources_a, sources_b, side_b, departures),
            *(
                InputValue(side_b.name(key), shape, dtypes[key], f"{names[values[key]]} of A", ())
                for key, shape in computed.items()
            ),
        ),
        drawn_parameters=sum(source.parameter for source in sources_a.values()),
        computed=values,
    )


def check_names(a: Side, b: Side, given: Given, feed: Mapping[str, str]) -> None:
    """Refuse names that no variable bears.

    Raises
    ------
    UsageError
        With the nearest ones.
    """
    names_a = {a.name(key) for key in a.variables}
    names_b = {b.name(key) for key in b.variables}
    for name in given:
        if name not in names_a and name not in names_b:
            known = [a.name(key) for key in (*a.free, *a.variables)]
            raise UsageError(f"there is no input {name!r}{suggestion(name, known)}")
    for new, old in feed.items():
        if new not in names_b:
            known = [b.name(key) for key in (*b.free, *b.variables)]
            raise UsageError(f"B has no input {new!r} to feed{suggestion(new, known)}")
        if old not in names_a:
            known = [a.name(key) for key in (*a.free, *a.variables)]
            raise UsageError(f"A has no input {old!r} to feed {new!r} with{suggestion(old, known)}")


def _origins(a: Side, b: Side, feed: Mapping[str, str]) -> dict[int, str]:
    """Return which variable of A each variable of B stands for, by name, where there is one."""
    names_a = {a.name(key) for key in a.variables}
    origins = {}
    nameless = []
    for key in b.variables:
        name = feed.get(b.name(key), b.name(key))
        if name in names_a:
            origins[key] = name
        else:
            nameless.append(key)
    if nameless:
        aligned = align(b.model.graph, a.model.graph)
        origins.update((key, a.name(aligned[key])) for key in nameless if key in aligned)
    return origins


def _fed(
    a: Side,
    b: Side,
    sources_a: Mapping[int, Source],
    origins: Mapping[int, str],
    feed: Mapping[str, str],
) -> dict[int, Source]:
    """Return the inputs of B that get the values of a variable of A."""
    by_name: dict[str, Source] = {}
    for source in sources_a.values():
        by_name.setdefault(source.name, source)
    found = {}
    for key in b.free:
        origin = origins.get(key)
        if origin in by_name:
            found[key] = by_name[origin]
        elif b.name(key) in feed:
            found[key] = _stored_source(a, feed[b.name(key)])
    return found


def _known(
    a: Side, b: Side, sources_a: Mapping[int, Source], known: Counterparts
) -> dict[int, Source]:
    """Return the inputs of B that get the values of a variable of A, as is known."""
    found = {}
    for key in b.free:
        old = known.variables.get(key)
        if old is not None:
            found[key] = sources_a.get(old) or _stored_source(a, a.name(old))
    return found


def _computed(a: Side, known: Counterparts, inference: Inference) -> dict[int, tuple[int, ...]]:
    """Return the inputs of B that get what A computes, with the shapes of that."""
    found = {}
    for key, position in known.values.items():
        value = a.model.graph.heads[position]
        shape = inference.shapes.get(Entry(*value[:2]))
        if shape is None or min(shape, default=1) < 0:
            raise UsageError(
                f"A: the shape of {a.model.graph.output_name(value)!r} is not known; give the "
                "shapes of the inputs with --input (in Python inputs={name: shape})"
            )
        found[key] = shape
    return found


def _stored_source(a: Side, name: str) -> Source:
    from graphpass.formats.ndarray_binary import dtype_name

    value = a.model.parameters[name]
    return Source(name, value.shape, dtype_name(value.dtype), fixed=value)


def _report(
    sources_a: Mapping[int, Source],
    sources_b: Mapping[int, Source],
    b: Side,
    departures: Mapping[int, Departure],
) -> list[InputValue]:
    fed: dict[Source, list[str]] = {
        source: [] for source in (*sources_a.values(), *sources_b.values()) if not source.parameter
    }
    departed: dict[Source, list[Departure]] = {source: [] for source in fed}
    for key, source in sources_b.items():
        if source in fed and b.name(key) != source.name:
            fed[source].append(b.name(key))
        if source in fed and key in departures:
            departed[source].append(departures[key])
    return [
        InputValue(
            source.name,
            source.shape,
            source.dtype,
            str(source),
            tuple(names),
            tuple(dict.fromkeys(departed[source])),
        )
        for source, names in fed.items()
    ]
