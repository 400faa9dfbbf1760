"""What a run of a pass may take: one object has every bound, and counts what is used of it.

Pass files may be anybody's, so nothing in them may use up memory or time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graphpass.errors import ExpressionError, OperationError, RunawayError, SearchLimitError
from graphpass.formats.python_text import MAX_INT

if TYPE_CHECKING:
    from graphpass.model import Model

__all__ = [
    "BUDGET_PER_OPERATOR",
    "MAX_ALTERNATIVES",
    "MAX_BYTES",
    "MAX_CHARACTERS",
    "MAX_COMPARED",
    "MAX_DEPTH",
    "MAX_INT",
    "MAX_LENGTH",
    "MAX_PASSES",
    "MAX_RANK",
    "MAX_REGEX",
    "MAX_ROUNDS",
    "MAX_SPIN",
    "MAX_TESTED",
    "MAX_USES",
    "MAX_VALUES",
    "Limit",
    "Limits",
]


class Limit:
    """One bound, and what was used of it.

    Parameters
    ----------
    most : int
        How much may be used.
    error : callable
        Makes the error of a message.
    message : str
        With ``{most}`` for the bound.
    """

    __slots__ = ("_error", "_message", "most", "used")

    def __init__(self, most: int, error: Callable[[str], Exception], message: str) -> None:
        self.most = most
        self.used = 0
        self._error = error
        self._message = message

    @property
    def is_exceeded(self) -> bool:
        """Whether more was used than there may be."""
        return self.used > self.most

    def take(self, count: int = 1) -> None:
        """Use some of it; the error of the limit is raised if that is more than is left."""
        self.used += count
        if self.used > self.most:
            raise self._error(self._message.format(most=f"{self.most:,}"))


MAX_LENGTH = 10_000
"""Elements of a tuple, and characters of a text."""

MAX_RANK = 32
"""Dimensions of an array, as NumPy 1 and a parameters file allow."""

MAX_ALTERNATIVES = 100_000
"""How many alternatives a search may try from one node: a second or two."""

MAX_REGEX = 1000
"""Steps that RE2 compiles a regular expression to; the worst of them take 5 s for 1 MB of names."""

MAX_BYTES = 2**20
"""Of the text of a pass: the parser takes about two seconds for it."""

MAX_DEPTH = 32
"""How deep the collections of a pass may be nested; real ones need 6."""

MAX_VALUES = 300_000
"""Values of a pass, with what aliases and parameters expand to,"""

MAX_CHARACTERS = 10_000_000
"""and characters that come from parameters."""

MAX_PASSES = 1000
"""How many passes one run may use, those that are repeated counted once,"""

MAX_USES = 16
"""how deep they may use each other,"""

MAX_ROUNDS = 100
"""and how often they are repeated; fewer rounds of many passes: `MAX_PASSES` in all."""

MAX_TESTED = 2**22
"""Elements of an array that a test of a pass states; all tests together four times that."""

BUDGET_PER_OPERATOR = 10
"""How many firings a group may have for each operator that it finds; and one for each value that
an operator reads, since a rule may take them one by one."""

MAX_SPIN = 1000
"""How often in a row a match may consist of nothing but what the firing before it made: so often,
or as often as any one operator reads a value."""

MAX_COMPARED = 64
"""How often states of a graph are compared, since each time takes a walk over it."""

_ELEMENTS = 2**20
_PER_STORED = 4
_PER_MATCH = 16


class Limits:
    """What a run may take, and what it took.

    ============================  ==================================================================
    what                          at most
    ============================  ==================================================================
    elements of an array          2^20, or four times those of the largest stored array used
    elements of a match           16 times that, computed by all its expressions together
    steps of an expression        100,000, or 32 per node of the graph
    tuple, text                   10,000 elements or characters
    integer                       2^63 - 1 either way
    elements of a run             2^30, or 64 times what is stored
    steps of a run                2^24, or 1,024 per node of the graph: some seconds
    firings of a run              10,000, or 30 per node of the graph
    nodes that a run makes        200,000, or 16 per node of the graph
    names that a run gives        2^24 characters, or 4,096 per node of the graph
    arrays that a run stores      2^30 bytes, or 8 times those that are stored
    alternatives of a pattern     500,000 in a graph, or 20 per node of it; 100,000 from one node
    steps of a regular expression 1,000 in what RE2 compiles it to, for each character of a name
    firings of a group            10 per operator, and one per value that one reads, or its budget
    firings that feed on the last 1,000 in a row, or as many as any one operator reads values
    passes that a run uses        1,000, 16 deep; 100 rounds of those that are repeated
    text of a pass                1 MB, nested 32 deep; 300,000 values and 10^7 characters filled in
    arrays of tests               2^22 elements each, 2^24 together
    ============================  ==================================================================

    Matches are decided one after the other, so that one object serves the run, the match that is
    looked at, and the expression that is evaluated.

    Parameters
    ----------
    nodes : int
        Nodes of the graph.
    stored : int
        Elements of all stored values.
    nbytes : int
        Of all stored values.
    """

    __slots__ = (
        "_steps_before",
        "array_bytes",
        "array_elements",
        "elements",
        "expression_steps",
        "firings",
        "made",
        "match_elements",
        "names",
        "nodes",
        "step",
        "steps",
        "work",
    )

    def __init__(self, nodes: int, stored: int = 0, nbytes: int = 0) -> None:
        self.nodes = nodes
        together = (
            "the expressions of all matches of this run take more than {most} %s together; narrow "
            "the pattern, or put the condition that most matches fail, and that costs little, first"
        )
        self.elements = Limit(max(2**30, 64 * stored), ExpressionError, together % "elements")
        """Elements that the expressions of all matches compute."""
        self.steps = Limit(max(2**24, 1024 * nodes), ExpressionError, together % "steps of loops")
        """Steps of loops that they take."""
        self.firings = Limit(
            max(10_000, 30 * nodes),
            RunawayError,
            "the rewrites of this run fired more than {most} times in all, so it seems that they "
            "make ever more of what they match; if that many are needed, say so with budget:",
        )
        """Firings of all groups: those that each end may still double a graph again and again."""
        growth = (
            "the rules of this run make more than {most} %s in all, so it seems that they make "
            "ever more of what they made; leave some out, or run them one after the other"
        )
        self.made = Limit(max(200_000, 16 * nodes), OperationError, growth % "nodes")
        """Nodes that rules make."""
        self.names = Limit(max(2**24, 4096 * nodes), OperationError, growth % "characters of names")
        """Characters of the names that rules give."""
        self.array_bytes = Limit(
            max(2**30, 8 * nbytes), OperationError, growth % "bytes of new parameters"
        )
        """Bytes of the arrays that rules compute and store."""
        self.array_elements = _ELEMENTS
        """Elements that one array may have now."""
        self.match_elements = Limit(
            _PER_MATCH * _ELEMENTS,
            ValueError,
            "the expressions of this match compute more than {most} elements in all",
        )
        self.expression_steps = Limit(
            max(100_000, 32 * nodes), ValueError, "this takes more than {most} steps"
        )
        self.work = self.match_elements.take
        """Use elements that are computed with."""
        self.step = self.expression_steps.take
        """Use steps of a loop."""
        self._steps_before = 0

    @classmethod
    def of(cls, model: Model) -> Limits:
        """Return the limits for a run on a model. Linear in its nodes and parameters."""
        parameters = model.parameters
        stored = sum([parameters.stored(name).size for name in parameters])
        return cls(len(model.graph), stored, parameters.nbytes)

    @property
    def is_exceeded(self) -> bool:
        """Whether expressions have computed all that they may."""
        return self.elements.is_exceeded or self.steps.is_exceeded

    # -- matches and expressions -----------------------------------------------------------------

    def begin_match(self, nodes: int) -> None:
        """Begin with the next match, in a graph of so many nodes.

        Raises
        ------
        ExpressionError
            If the matches so far have used up what there is for all.
        """
        self.elements.take(0)
        self.steps.take(0)
        self.array_elements = _ELEMENTS
        self.match_elements.most = _PER_MATCH * _ELEMENTS
        self.match_elements.used = 0
        self.expression_steps.most = max(100_000, 32 * nodes)
        self.expression_steps.used = 0
        self._steps_before = 0

    def begin(self) -> None:
        """Begin with the next expression of the match."""
        self._steps_before += self.expression_steps.used
        self.expression_steps.used = 0

    def renew(self) -> None:
        """Begin anew, to find a reason for what was computed already."""
        self.begin()
        self.match_elements.used = 0

    def end_match(self) -> None:
        """Charge the run for what the expressions of the match computed.

        Raises
        ------
        ExpressionError
            If that is more than is left.
        """
        self.elements.take(self.match_elements.used)
        self.steps.take(self._steps_before + self.expression_steps.used)

    def met(self, size: int) -> None:
        """Take note of a stored array: as many elements, and some more, may be computed with."""
        if _PER_STORED * size > self.array_elements:
            self.array_elements = _PER_STORED * size
            self.match_elements.most = _PER_MATCH * self.array_elements
            self.elements.most = max(self.elements.most, self.match_elements.most)

    def make(self, elements: int, rounds: int = 1) -> None:
        """Use the elements of a new array, before it is made, times the rounds that it takes.

        Raises
        ------
        ValueError
            If that is more than one array may have, or than are left.
        """
        if elements > self.array_elements:
            raise ValueError(
                f"an array of {elements:,} elements is larger than the {self.array_elements:,} "
                "allowed"
            )
        match = self.match_elements
        match.used += elements * rounds
        if match.used > match.most:
            match.take(0)

    def hold(self, elements: int) -> None:
        """Make sure that the arrays of a tuple are not more than one array may be.

        Raises
        ------
        ValueError
            If they have too many elements together.
        """
        if elements > self.array_elements:
            raise ValueError(
                f"arrays of {elements:,} elements together are more than the "
                f"{self.array_elements:,} allowed"
            )

    # -- searches --------------------------------------------------------------------------------

    @staticmethod
    def alternatives(nodes: int) -> Limit:
        """Return how many alternatives all searches for one pattern may try in a graph."""
        return Limit(
            max(500_000, 20 * nodes),
            SearchLimitError,
            "the pattern could hold in too many ways in this graph: more than {most} were tried; "
            "let roots share a value that fewer nodes read, or ask for more of them",
        )
