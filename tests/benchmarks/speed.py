"""One table of how fast graphpass is, beside peers that do the same in the same run.

A benchmark hands :data:`TABLE` what it measures; the table is printed when all are through::

    pytest -m benchmark tests/benchmarks -s

Times are CPU times. Machines are noisy, so only the ratio of two figures of one row says anything.
"""

from __future__ import annotations

import gc
import os
import pickle
import statistics
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["TABLE", "Peer", "Prepare", "Row", "Table"]

Prepare = Callable[[], Callable[[], object]]
"""Makes what a job works on, which takes no part in the time, and returns the job.

Where the job returns a function, that is called when the time is taken: it says what was done.
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """What else does the job, and how much of its time graphpass may take."""

    name: str
    prepare: Prepare
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of graphpass, beside that of a peer or beside a limit alone."""

    job: str
    size: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    at_most: float | None = None
    """The largest share of the peer's figure, or the largest figure where there is no peer."""

    def cells(self) -> list[str]:
        """Return the texts of the row, in the order of the columns."""
        figure = self.ours if self.theirs is None else self.ours / self.theirs
        beside = (
            [self.peer, self._number(self.theirs), f"{figure:.2f}"] if self.theirs else [""] * 3
        )
        goal = "" if self.at_most is None else f"≤ {self.at_most:.3g}"
        met = "" if self.at_most is None else "yes" if figure <= self.at_most else "no"
        return [self.job, self.size, self._number(self.ours), *beside, goal, met]

    def _number(self, value: float | None) -> str:
        return "" if value is None else f"{value:.3g} {self.unit}"


COLUMNS = ("job", "size", "graphpass", "peer", "takes", "ratio", "to reach", "reached")


@dataclass(slots=True)
class Table:
    """All that was measured in this run."""

    rows: list[Row] = field(default_factory=list)

    def race(
        self,
        job: str,
        size: str,
        ours: Prepare,
        *peers: Peer,
        count: int | None = None,
        rounds: int = 5,
        at_most: float | None = None,
        small: Sequence[Prepare] = (),
    ) -> float:
        """Run a job and its peers in turns, and add a row for each peer; return our figure.

        Parameters
        ----------
        job, size : str
            What is done, and to how much.
        ours : callable
            Prepares graphpass's job; what it returns must equal what the peers' jobs return.
        *peers : Peer
            The others. Without any, the row is compared with `at_most` alone.
        count : int, optional
            How many nodes or operators there are: the figures are microseconds for each, instead
            of seconds for all.
        rounds : int
            How often each runs; the median counts.
        at_most : float, optional
            Where there is no peer, the figure to reach.
        small : sequence of callable
            The same jobs on next to nothing. They run first, so that all is imported; then each
            run of a job has a process of its own, and no heap that others have left in pieces.
            Not for MXNet, whose threads do not live on in such a process.
        """
        for prepare in small:
            _timed(prepare)
        measure = _timed_apart if small else _timed
        jobs = {"": ours} | {peer.name: peer.prepare for peer in peers}
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for turn in range(rounds):
            results = []
            for name in list(jobs)[:: -1 if turn % 2 else 1]:
                seconds, result = measure(jobs[name])
                times[name].append(seconds)
                results.append(result)
            assert all(result == results[0] for result in results), f"{job}: not the same job"
        scale, unit = (1e6 / count, "µs") if count else (1.0, "s")
        figures = {name: statistics.median(taken) * scale for name, taken in times.items()}
        for peer in peers:
            limit = peer.at_most
            self.add(Row(job, size, figures[""], unit, peer.name, figures[peer.name], limit))
        if not peers:
            self.add(Row(job, size, figures[""], unit, at_most=at_most))
        return figures[""]

    def growth(self, job: str, figures: Mapping[str, float], at_most: float = 3) -> None:
        """Add a row that compares the figures for each node at the smallest and largest size.

        What is linear still takes longer for each node of a graph that no cache holds: the peers
        too take up to twice as long for ten times the size.
        """
        (small, first), *_, (large, last) = figures.items()
        self.add(Row(job, large, last, "µs", f"itself at {small}", first, at_most))

    def add(self, row: Row) -> None:
        """Add a row, and show it at once: the whole table may take half an hour."""
        self.rows.append(row)
        print("\n" + " | ".join(row.cells()), end="", flush=True)

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [COLUMNS, ["---"] * len(COLUMNS), *(row.cells() for row in self.rows)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _timed(prepare: Prepare) -> tuple[float, object]:
    job = prepare()
    gc.collect()
    start = time.process_time()
    result = job()
    seconds = time.process_time() - start
    return seconds, result() if callable(result) else result


def _timed_apart(prepare: Prepare) -> tuple[float, object]:
    """Do the same in a fork of this process."""
    source, target = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(target, pickle.dumps(_timed(prepare)))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(target)
    with os.fdopen(source, "rb") as stream:
        told = stream.read()
    os.waitpid(child, 0)
    assert told, "the job failed"
    seconds, result = pickle.loads(told)
    return seconds, result


TABLE = Table()
"""The table of this run."""
