"""Which variable of two models gets which value, so that their outputs can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.errors import UsageError
from graphpass.graph import Entry
from graphpass.model import Model
from graphpass.shapes.variables import dtype_hint
from graphpass.verify.alignment import align
from graphpass.verify.backend import Backend, Inferred
from graphpass.verify.counterparts import Counterparts
from graphpass.verify.inputs import Given, Side, ValueSource, check_names

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["Feeding", "InputValue", "Recast", "prepare"]


@dataclass(frozen=True, slots=True)
class Recast:
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

    departures: tuple[Recast, ...] = ()
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
            "departures": [
                {"name": each.name or self.name, "dtype": each.dtype, "refused": each.refused}
                for each in self.departures
            ],
        }


@dataclass(frozen=True, slots=True)
class Feeding:
    """Values for every variable of two models, called A and B."""

    constants: tuple[Mapping[int, Array], Mapping[int, Array]]
    """Key of a variable of A and of B to its stored value."""

    sources: tuple[Mapping[int, ValueSource], Mapping[int, ValueSource]]
    """Key of any other variable of A and of B to where its value comes from."""

    dtypes: Mapping[int, str]
    """Key of an input of B to the dtype that it is fed in."""

    variables: Mapping[int, int]
    """Key of a variable of B to the variable of A that it stands for."""

    shapes: Mapping[Entry, tuple[int, ...]]
    """Value of A to its shape, as far as it is known."""

    inputs: tuple[InputValue, ...]
    """What was drawn or given, in A's order, then what only B reads."""

    drawn_parameters: int
    """How many parameters were drawn because neither model stores any."""

    computed: Mapping[int, int]
    """Key of an input of B to the position of the output of A whose value it gets."""

    def run(self, number: int, scale: float = 1.0) -> tuple[dict[int, Array], dict[int, Array]]:
        """Return the values of the inputs of A and of B for one run."""
        from graphpass.verify.arrays import cast

        sources_a, sources_b = self.sources
        all_sources = dict.fromkeys([*sources_a.values(), *sources_b.values()])
        values = {source: source.values(number, scale) for source in all_sources}
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
      is that of A's where B takes that.

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
    sources_b: dict[int, ValueSource] = {}
    variables = _by_name(side_a, side_b, feed) if known is None else known.variables
    origins = {key: side_a.name(old) for key, old in variables.items()}
    for key in side_b.free:
        old = variables.get(key)
        if old in sources_a:
            sources_b[key] = sources_a[old]
        elif old is not None and (known is not None or side_b.name(key) in feed):
            sources_b[key] = side_a.stored(origins[key])
    shapes: dict[int, tuple[int, ...]] = {}  # of what A computes and B gets
    for key, position in known.values.items() if known is not None else ():
        value = a.graph.heads[position]
        shape = inference_a.shapes.get(Entry(*value[:2]))
        if shape is None or min(shape, default=1) < 0:
            raise UsageError(
                f"A: the shape of {a.graph.output_name(value)!r} is not known; give the shapes of "
                "the inputs with --input (in Python inputs={name: shape})"
            )
        shapes[key] = shape
    own = [key for key in side_b.free if key not in sources_b and key not in shapes]
    _refuse_unfed(side_a, side_b, own, given, origins)
    computed = list(shapes)
    shapes.update((key, source.shape) for key, source in sources_b.items())
    inference_b = side_b.infer(backend, shapes)
    sources_b.update(side_b.sources(own, inference_b, seed))
    dtypes, recast = _settle(side_b, sources_b, inference_b, backend, shapes)
    dtypes.update((key, side_b.dtype(key, inference_b)) for key in computed)
    values = {} if known is None else known.values
    names = a.graph.outputs
    return Feeding(
        constants=(side_a.constants, side_b.constants),
        sources=(sources_a, sources_b),
        dtypes=dtypes,
        variables=variables,
        shapes=inference_a.shapes,
        inputs=(
            *_reported(sources_a, sources_b, side_b, recast),
            *(
                InputValue(
                    side_b.name(key), shapes[key], dtypes[key], f"{names[values[key]]} of A", ()
                )
                for key in computed
            ),
        ),
        drawn_parameters=sum(source.parameter for source in sources_a.values()),
        computed=values,
    )


def _by_name(a: Side, b: Side, feed: Mapping[str, str]) -> dict[int, int]:
    """Return which variable of A each one of B stands for: by name, or by what is around it."""
    keys_a = {a.name(key): key for key in reversed(a.variables)}
    named = {key: feed.get(b.name(key), b.name(key)) for key in b.variables}
    found = {key: keys_a[name] for key, name in named.items() if name in keys_a}
    if len(found) < len(named):
        aligned = align(b.model.graph, a.model.graph)
        found.update((key, aligned[key]) for key in named if key not in found and key in aligned)
    return found


def _reported(
    sources_a: Mapping[int, ValueSource],
    sources_b: Mapping[int, ValueSource],
    b: Side,
    recast: Mapping[int, Recast],
) -> list[InputValue]:
    fed: dict[ValueSource, list[int]] = {
        source: [] for source in (*sources_a.values(), *sources_b.values()) if not source.parameter
    }
    for key, source in sources_b.items():
        if source in fed:
            fed[source].append(key)
    return [
        InputValue(
            source.name,
            source.shape,
            source.dtype,
            str(source),
            tuple(b.name(key) for key in keys if b.name(key) != source.name),
            tuple(dict.fromkeys(recast[key] for key in keys if key in recast)),
        )
        for source, keys in fed.items()
    ]


# -- inputs of B that nothing feeds ----------------------------------------------------------------


def _refuse_unfed(
    a: Side, b: Side, own: Iterable[int], given: Given, origins: Mapping[int, str]
) -> None:
    """Refuse inputs of B that get no value of A, and have no shape of their own.

    Raises
    ------
    UsageError
        Saying whose value the first of them might get.
    """
    unfed = [key for key in own if b.name(key) not in given]
    b.refuse_missing(unfed)
    for key in unfed:
        name = b.name(key)
        if key in origins:
            raise UsageError(
                f"B: no value is stored for {name!r}, and A stores one for {origins[key]!r}; are "
                "these the parameters of this graph?"
            )
        likely = _likely_origin(a, b, key)
        if likely is None:
            raise UsageError(
                f"B: the input {name!r} stands for nothing in A; give it a shape of its own, such "
                f"as --input {name}:1 (in Python inputs={{{name!r}: (1,)}}), or say whose values "
                f"it gets with --feed {name}=OLD"
            )
        raise UsageError(
            f"B: the input {name!r} stands for nothing in A; say whose values it gets, such as "
            f"--feed {name}={likely} (in Python feed={{{name!r}: {likely!r}}}), or give it a "
            "shape of its own with --input"
        )


def _likely_origin(a: Side, b: Side, key: int) -> str | None:
    """Return the input of A that an input of B most likely stands for, for use as an example.

    That is one whose name it ends or begins with, as names of clones do; else one that the same
    input of the same operator reads.
    """

    def read_as(side: Side, key: int) -> set[tuple[str, int]]:
        graph = side.model.graph
        return {(graph.op(use.node), use.slot) for use in graph.uses(key)}

    name = b.name(key)
    names = [a.name(other) for other in a.free]
    inside = [each for each in names if each and (name.endswith(each) or name.startswith(each))]
    if inside:
        return max(inside, key=len)
    uses = read_as(b, key)
    return next((a.name(other) for other in a.free if uses & read_as(a, other)), None)


# -- whether B takes its inputs in the dtypes in which A takes them --------------------------------


def _settle(
    b: Side,
    sources: Mapping[int, ValueSource],
    inference: Inferred,
    backend: Backend,
    shapes: Mapping[int, tuple[int, ...]],
) -> tuple[dict[int, str], dict[int, Recast]]:
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
    taken: dict[int, str] = {}
    departs = False  # whether something was taken that does not follow from B alone

    def takes(key: int, dtype: str) -> bool:
        """Return whether an input can be of a dtype, and if so, hold to it from then on."""
        nonlocal inference, departs
        follows = inference.dtypes.get(key, dtype) == dtype
        if departs or not follows:
            # MXNet 1.9.1 infers nothing from bfloat16.
            if dtype == "bfloat16" and not follows:
                return False
            found = b.infer(backend, shapes, {**taken, key: dtype})
            if found.dtype_problem:
                return False
            inference, departs = found, True
        taken[key] = dtype
        return True

    dtypes: dict[int, str] = {}
    recast = {}
    for key, source in sources.items():
        hint = dtype_hint(b.model.graph.attrs(key))
        followed = source.hint in (None, source.dtype)
        wished = [each for each in (hint, source.dtype) if each is not None and followed]
        left = inference.dtypes.get(key, source.dtype)
        dtypes[key] = dtype = next((wish for wish in wished if takes(key, wish)), left)
        broken = followed and hint not in (None, dtype)
        if dtype == source.dtype and not broken:
            continue
        refused = hint if broken else None
        if refused is None and dtype != hint and source.hint == source.dtype:
            refused = source.dtype
        name = b.name(key)
        recast[key] = Recast(name if name != source.name else None, dtype, refused, broken)
    return dtypes, recast
