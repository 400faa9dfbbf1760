"""A pass over a store of models: each model on its own, resumable, on one machine or many."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from glob import has_magic
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from graphpass.errors import GraphpassError, UsageError
from graphpass.formats.files import SYMBOL_SUFFIX, find_files

__all__ = ["Executor", "Job", "Pool", "failed", "find_jobs", "read_log", "run_job", "run_jobs"]

Shapes = Mapping[str, Sequence[int]]
_TRIES = 3
"""How often a model is tried whose worker dies."""

_DIED = f"its worker process died {_TRIES} times; the system may have run out of memory"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with one model, as plain data that a worker elsewhere can read."""

    symbol: str
    """Absolute path of the symbol."""

    out: str
    """Absolute prefix to write."""

    pass_: str
    """The pass, as `graphpass.apply` takes it."""

    settings: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    verify: bool
    allow_paths: tuple[str, ...]
    """Absolute paths of folders that the pass may read besides its own and the model's."""

    key: str
    """Digest of all of this and of the model's files: the same work has the same key."""


def find_jobs(
    patterns: Sequence[str],
    out: Path,
    pass_: str,
    *,
    settings: Mapping[str, Any] | None = None,
    shapes: Mapping[str, Shapes] | None = None,
    verify: bool = False,
    allow_paths: Sequence[str] = (),
) -> list[Job]:
    """Return a job for every model that some patterns name, in the order of their paths.

    Parameters
    ----------
    patterns : sequence of str
        Paths of symbols, prefixes, or patterns with ``*`` and ``**``.
    out : path
        The folder to write to. A model keeps its path below the part of a pattern without ``*``.
    pass_ : str
        The pass.
    settings : mapping, optional
        Values for parameters of the pass.
    shapes : mapping, optional
        Name of a model (its path, or the prefix of its file name; ``"*"`` for any) to shapes of
        its inputs.
    verify : bool
        Whether outputs are compared before saving.
    allow_paths : sequence of str
        Folders that a pass file may read besides its own and the model's.

    Raises
    ------
    UsageError
        A pattern names no model, or two models would be written to one place.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        parts = Path(pattern).parts
        plain = next((number for number, part in enumerate(parts) if has_magic(part)), None)
        if plain is None:
            symbol = find_files(pattern).symbol
            assert symbol is not None
            base, symbols = symbol.parent, [symbol]
        else:
            base = Path(*parts[:plain])
            matching = base.glob(str(Path(*parts[plain:])))
            symbols = [path for path in matching if path.name.endswith(SYMBOL_SUFFIX)]
        if not symbols:
            raise UsageError(f"{pattern}: no symbol file (*-symbol.json) is called so")
        for symbol in symbols:
            found.setdefault(symbol.absolute(), symbol.relative_to(base))
    targets: dict[Path, Path] = {}
    inputs = {symbol.resolve() for symbol in found}
    jobs = []
    for symbol, relative in sorted(found.items()):
        name = symbol.name.removesuffix(SYMBOL_SUFFIX)
        target = (out / relative).absolute().with_name(name)
        if target in targets:
            raise UsageError(
                f"{symbol} and {targets[target]} would both be written to {target}; "
                "give one pattern that covers both, or run them apart"
            )
        written = Path(f"{target}{SYMBOL_SUFFIX}").resolve()
        if written in inputs:
            raise UsageError(f"{written} is an input itself; choose another folder to write to")
        targets[target] = symbol
        given = shapes or {}
        own = given.get(str(symbol)) or given.get(name) or given.get("*") or {}
        job = Job(
            str(symbol),
            str(target),
            pass_,
            dict(settings or {}),
            {key: tuple(value) for key, value in own.items()},
            verify,
            tuple([str(Path(folder).absolute()) for folder in allow_paths]),
            "",
        )
        jobs.append(_keyed(job))
    return jobs


def _keyed(job: Job) -> Job:
    digest = hashlib.sha256(json.dumps(asdict(job), sort_keys=True, default=str).encode())
    own = Path(job.pass_)
    files = find_files(job.symbol)
    for path in (own if own.is_file() else None, files.symbol, files.params):
        if path is not None:
            stat = path.stat()
            digest.update(f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}".encode())
    return replace(job, key=digest.hexdigest()[:16])


def failed(job: Job, error: str) -> dict[str, Any]:
    """Return the line of the log for a job that failed before it could say so itself."""
    return {"model": job.symbol, "out": job.out, "key": job.key, "status": "failed", "error": error}


def run_job(job: Job) -> dict[str, Any]:
    """Apply the pass to one model and save the result; return a line of the log.

    Its ``status`` is ``done``, ``not proved`` (outputs differ, or can't be compared) or ``failed``;
    nothing is written but for ``done``. No fault of a model or pass is raised.
    """
    from graphpass.model import load
    from graphpass.rules import apply

    start = time.monotonic()
    line: dict[str, Any] = {"model": job.symbol, "out": job.out, "key": job.key}
    try:
        model = load(job.symbol)
        before = model.copy()
        shapes = {name: shape for name, shape in job.shapes.items() if name in model.inputs}
        report = apply(
            job.pass_, model, set=job.settings, inputs=shapes, allow_paths=job.allow_paths
        )
        censuses = (report.before, report.after)
        line["operators"] = [sum(each.operators.values()) for each in censuses]
        line["bytes"] = [each.bytes for each in censuses]
        line["changed"] = report.changed
        proof = None
        if job.verify:
            from graphpass.verify import verify

            proof = verify(before, model, inputs=shapes, lineage=report.lineage, isolated=True)
        if proof is not None and not proof:
            line |= {"status": "not proved", "error": str(proof)}
        else:
            model.save(job.out, model.files.epoch or 0, overwrite=True)
            line["status"] = "done"
    except (GraphpassError, OSError, MemoryError) as error:
        line |= {"status": "failed", "error": str(error) or type(error).__name__}
    line["seconds"] = round(time.monotonic() - start, 3)
    return line


class Executor(Protocol):
    """What runs jobs elsewhere, such as `Pool`."""

    def run(
        self, work: Callable[[Job], dict[str, Any]], jobs: Sequence[Job]
    ) -> Iterator[dict[str, Any]]:
        """Yield a line for each job, in any order."""


class Pool:
    """Worker processes on this machine. One that dies takes its model down, and no other."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(
        self, work: Callable[[Job], dict[str, Any]], jobs: Sequence[Job]
    ) -> Iterator[dict[str, Any]]:
        """Yield a line for each job, as they are done."""
        waiting = [(job, 1) for job in reversed(jobs)]
        while waiting:
            with ProcessPoolExecutor(self._workers, get_context("spawn")) as pool:
                running: dict[Future[dict[str, Any]], tuple[Job, int]] = {}
                broken = False
                while (waiting and not broken) or running:
                    while waiting and len(running) < self._workers and not broken:
                        job, times = waiting.pop()
                        running[pool.submit(work, job)] = (job, times)
                    ready, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ready:
                        job, times = running.pop(future)
                        try:
                            yield future.result()
                        except BrokenProcessPool:
                            broken = True
                            if times < _TRIES:
                                waiting.append((job, times + 1))
                            else:
                                yield failed(job, _DIED)


def run_jobs(
    jobs: Iterable[Job],
    log: Path,
    executor: Executor | None = None,
    *,
    retry: bool = False,
    overwrite: bool = False,
) -> Iterator[dict[str, Any]]:
    """Do what the log does not say is done, and yield a line for every job as it is known.

    Parameters
    ----------
    jobs : iterable of Job
    log : path
        JSON lines; each job that ends adds one, which is on the disk before the next is yielded.
    executor : Executor, optional
        Where to run; in this process, one after another, if left out.
    retry : bool
        Whether models that failed, or were not proved, are tried again.
    overwrite : bool
        Whether models may be replaced that another run wrote, or something else.

    Raises
    ------
    UsageError
        A model is there that this very job did not write. Nothing is run then.

    Notes
    -----
    A job whose key is in the log, and whose output exists if it was done, is not run again, unless
    another job has written there since: a run that was interrupted goes on where it was.
    """
    lines = _lines(log)
    known = _latest(lines)
    owners: dict[str, str] = {}  # which job was last to be about to write a model
    for each in lines:
        owners.update(each.get("claims", {}))
    rest = []
    for job in jobs:
        line = known.get(job.key) if owners.get(job.out) == job.key else None
        lost = not Path(f"{job.out}{SYMBOL_SUFFIX}").exists()
        if line is None or (lost if line["status"] == "done" else retry):
            rest.append(job)
        else:
            yield line | {"resumed": True}
    if not rest:
        return
    for job in rest:
        path = Path(f"{job.out}{SYMBOL_SUFFIX}")
        if path.exists() and owners.get(job.out) != job.key and not overwrite:
            raise UsageError(f"{path} is there already; give --overwrite to replace it")
    log.parent.mkdir(parents=True, exist_ok=True)
    cut_short = log.exists() and log.read_bytes()[-1:] not in (b"", b"\n")  # by a kill
    with log.open("a", encoding="utf-8") as file:
        if cut_short:
            file.write("\n")
        file.write(json.dumps({"claims": {job.out: job.key for job in rest}}) + "\n")
        file.flush()
        for line in map(run_job, rest) if executor is None else executor.run(run_job, rest):
            file.write(json.dumps(line) + "\n")
            file.flush()
            yield line


def read_log(log: Path) -> dict[str, dict[str, Any]]:
    """Return the last line of a log for each key."""
    return _latest(_lines(log))


def _latest(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["key"]: line for line in lines if "key" in line}


def _lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that was cut short by a kill counts for nothing."""
    found = []
    for text in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict):
                found.append(line)
    return found
