"""What every operation is: a frozen set of options, and one step on a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias, TypeVar

from graphpass.errors import UsageError, suggestion
from graphpass.formats.spill import spilled
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.changes import Past
from graphpass.model import Model
from graphpass.rules.limits import Limits
from graphpass.rules.operations.weights import new_class
from graphpass.rules.reading import Reading
from graphpass.rules.report.changes import Pending
from graphpass.rules.rewrite.facts import FactsKeeper

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.rules.report.changes import HeadChange, Pending
    from graphpass.rules.report.firings import Firing, NearMiss
    from graphpass.rules.report.lineage import Ancestry
    from graphpass.rules.report.report import Step
    from graphpass.shapes import Shape

__all__ = ["Operation", "Outcome", "Purpose", "Run", "Together"]

T = TypeVar("T")

Purpose: TypeAlias = Literal["inference", "training"]
"""What a graph is for."""


@dataclass(slots=True)
class Run:
    """One run of a pass over a model: what an operation may ask for besides its own options."""

    model: Model
    """The model as the rules so far have left it. Change it through the edit that is given."""

    before: Model | None = None
    """The model as it was before the pass, for operations whose `compares` is true."""

    reading: Reading = field(default_factory=Reading)
    """Where paths in the pass start, and which files its rules may read."""

    chain: tuple[str, ...] = ()
    """The passes that are running, the outermost first, each by its identity."""

    uses: Iterator[int] = field(default_factory=lambda: count(1))
    """Numbers the passes that the whole run uses, from 1; shared with the passes it uses."""

    ancestry: Ancestry | None = None
    """What heads and copies stand for in the model before the pass; None where nobody asks."""

    purpose: Purpose = "inference"
    """What the graph is for."""

    budget: int | None = None
    """How many firings a group of rewrites may have; None: ten for each operator,
    and one for each value that one reads."""

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """Shapes of inputs, as far as the caller says what they are."""

    bytes_before: int | None = None
    """Of the parameters, before the passes that are repeated; None where none are."""

    provenance: bool = False
    """Whether new nodes carry the id of the rewrite that made them."""

    limits: Limits = field(default_factory=lambda: Limits(0))
    """What the run may take; by default what it may on the smallest model."""

    past: Past | None = None
    """What the graph was while the run went on, for who reads the report."""

    facts: FactsKeeper = field(default_factory=FactsKeeper)
    """What rewrites know of the model; shared by all passes of the run."""

    notes: list[str] = field(default_factory=list)
    """What the user should know of the step that is running, one sentence each."""

    steps: list[Step] = field(default_factory=list)
    """What the rules of a pass that the step runs have done."""

    @property
    def graph(self) -> Graph:
        """The model's graph."""
        return self.model.graph

    def later(self, make: Callable[[Model], T]) -> Pending[T]:
        """Return what is to be told of the model as it is now, once somebody asks."""
        past, model = self.past, self.model
        if past is None:
            told = make(model)
            return Pending(lambda: told)
        now, parameters = past.now(), model.parameters.copy()
        return Pending(lambda: make(Model(past.at(now), parameters)))

    def store(self, name: str, array: Array, *, is_state: bool = False) -> None:
        """Give a variable a value that an operation has made.

        Raises
        ------
        OperationError
            If the run stores more than it may.
        """
        self.limits.array_bytes.take(array.nbytes)
        parameters = self.model.parameters
        parameters.set(name, spilled(array), new_class(parameters, is_state=is_state))

    def note(self, text: str) -> None:
        """Report something that the user should know, such as hints that conflict."""
        self.notes.append(text)

    def copied(self, key: int, original: Entry) -> None:
        """Say that a new node computes what `original` is, if what it reads is the same."""
        if self.ancestry is not None:
            self.ancestry.copied(key, original)

    def copied_all(self, twins: Mapping[int, int]) -> None:
        """Say of many nodes, original to copy, what `copied` says of one."""
        if self.ancestry is not None:
            self.ancestry.copied_all(twins)

    def choose_heads(self, heads: Iterable[Entry | None]) -> None:
        """Say that the heads are not what they were, or what took its place, but other values.

        Parameters
        ----------
        heads : iterable of Entry or None
            For each head, as it is after the step, a value: one that was there before the step
            (of a copy: its original), or a new one, for which None may stand.
        """
        if self.ancestry is not None:
            self.ancestry.choose(heads)

    def end_part(self) -> None:
        """Say that a part of the step is done; heads chosen from now on are those after it."""
        if self.ancestry is not None:
            self.ancestry.step()

    def drop_orphans(self, edit: Edit, names: Iterable[str] = ()) -> None:
        """Remove nodes that the heads no longer reach, and the parameters of their variables.

        Parameters of `names` go as well, where no variable of that name is left.
        """
        graph = self.graph
        alive = graph.reached()
        gone = {
            graph.name(key) for key in graph.all_keys if key not in alive and graph.is_variable(key)
        }
        edit.sweep()
        for name in (*gone, *names):
            if name in self.model.parameters and not self.variables(name):
                del self.model.parameters[name]

    def variables(self, name: str) -> list[int]:
        """Return the keys of the variables called `name`."""
        return [key for key in self.graph.named(name) if self.graph.is_variable(key)]


class Together(NamedTuple):
    """A rule that runs together with others."""

    operation: Operation

    name: str
    """What reports call it."""

    label: str
    """What errors call it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one of several rules that ran together did."""

    summary: str
    notes: tuple[str, ...] = ()

    heads: tuple[HeadChange, ...] = ()
    """Of a rewrite: the heads that have another name now."""

    fired: Pending[tuple[Firing, ...]] | None = None
    """Of a rewrite: what each firing did, in order."""

    missed: Pending[tuple[NearMiss, ...]] | None = None
    """Of a rewrite: where it came near in the end and did not apply, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(ABC):
    """One declarative change. A subclass is a frozen dataclass; its fields are its options.

    An option whose name is a Python keyword ends in an underscore here (``from_``) and not in a
    pass file (``from``).
    """

    keyword: ClassVar[str]
    """The operation's name in pass files."""

    shorthand: ClassVar[str | None] = None
    """The option that a bare value stands for: ``remove: drop0`` is ``remove: {select: drop0}``."""

    @property
    def own_id(self) -> str | None:
        """The name that the operation gives itself, where it has one."""
        return None

    @property
    def compares(self) -> bool:
        """Whether the operation looks at the model as it was before the pass."""
        return False

    @abstractmethod
    def apply(self, run: Run, edit: Edit) -> str:
        """Change the model, and return in one sentence what was done.

        The caller commits `edit`, which checks the graph's invariants, or undoes everything,
        parameters included, if this raises.

        Raises
        ------
        GraphpassError
            If the operation is refused; the message says what, where and what to do.
        """

    @property
    def family(self) -> Hashable:
        """What rules next to each other have to have in common to run together; None: alone."""
        return None

    def apply_together(self, others: Sequence[Together], run: Run, edit: Edit) -> Sequence[Outcome]:
        """Change the model as several rules of one family say, this one the first of them.

        Raises
        ------
        GraphpassError
            As `apply`; the message says which rule it is about.
        """
        raise TypeError(f"{self.keyword} runs alone")

    @classmethod
    def options(cls) -> list[str]:
        """Return the names of the options as pass files spell them."""
        return [option.name.rstrip("_") for option in fields(cls) if option.init]

    @classmethod
    def from_value(cls, value: Any) -> Operation:
        """Make the operation from what stands behind its keyword in a pass file.

        Raises
        ------
        UsageError
            If an option is unknown or missing.
        """
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            if cls.shorthand is None:
                raise UsageError(f"{cls.keyword} takes options: {', '.join(cls.options())}")
            value = {cls.shorthand: value}
        elif cls.shorthand is not None and not value.keys() & set(cls.options()) and value:
            value = {cls.shorthand: value}
        names = {option.name.rstrip("_"): option.name for option in fields(cls) if option.init}
        for key in value:
            if key not in names:
                raise UsageError(
                    f"{cls.keyword} has no option {key!r}{suggestion(str(key), names)}; "
                    f"it has {', '.join(names)}"
                )
        try:
            return cls(**{names[key]: option for key, option in value.items()})
        except TypeError as error:
            missing = str(error).partition("argument")[2].lstrip("s: ")
            raise UsageError(f"{cls.keyword} needs the option {missing}") from None
