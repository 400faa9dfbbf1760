"""``graphpass batch``: a pass over many models."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphpass.cli import options
from graphpass.cli.options import parse_settings, parse_shapes, print_json
from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.rules.store import Job

__all__ = ["batch"]

_SHOWN = 20


@click.command
@options.a_pass("A pass file, or a shipped pass.")
@click.argument(
    "models", metavar="MODEL...", nargs=-1, required=True,
    help="Prefixes, symbol files, or patterns such as 'models/**/*-symbol.json'.",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True,
    help="Folder to write models and the log to.",
)  # fmt: skip
@options.settings
@options.allow_path
@click.option("--verify", is_flag=True, help="Compare outputs of each model before saving it.")
@options.inputs
@click.option(
    "--shapes", type=click.Path(path_type=Path, exists=True), metavar="FILE",
    help="JSON: model name to input name to shape.",
)  # fmt: skip
@click.option("--jobs", type=options.at_least(1), default=1, help="Worker processes.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler to run on instead.")
@click.option("--retry", is_flag=True, help="Try models again that failed before.")
@click.option("--overwrite", is_flag=True, help="Replace models that another run wrote.")
@options.as_json
def batch(
    pass_: str,
    models: Sequence[str],
    out: Path,
    settings: Sequence[str],
    allow_paths: Sequence[str],
    verify: bool,
    inputs: Sequence[str],
    shapes: Path | None,
    jobs: int,
    scheduler: str | None,
    retry: bool,
    overwrite: bool,
    json: bool,
) -> int:
    """Apply a pass to many models. What an interrupted run has done is not done again."""
    from rich.console import Console
    from rich.progress import track

    from graphpass.formats.files import SYMBOL_SUFFIX
    from graphpass.rules import load_pass
    from graphpass.rules.store import Pool, find_jobs, run_jobs

    given: dict[str, Any] = {"*": parse_shapes(inputs)} if inputs else {}
    if shapes is not None:
        try:
            read = json_format.loads(shapes.read_text(encoding="utf-8"))
            given |= {
                str(name): {str(key): tuple(map(index, shape)) for key, shape in own.items()}
                for name, own in read.items()
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise UsageError(
                f'{shapes}: write {{"MODEL": {{"data": [1, 3, 224, 224]}}}} as JSON ({error})'
            ) from None
    values = parse_settings(settings)
    load_pass(pass_)  # a broken pass fails here, not once for each model
    own = str(Path(pass_).absolute()) if Path(pass_).is_file() else pass_
    found = find_jobs(
        models, out, own, settings=values, shapes=given, verify=verify, allow_paths=allow_paths
    )
    executor = None if scheduler is None and jobs == 1 else Pool(jobs)
    with _Dask(scheduler) if scheduler else nullcontext(executor) as workers:
        told = run_jobs(found, out / "batch.jsonl", workers, retry=retry, overwrite=overwrite)
        console = Console(stderr=True)
        if console.is_terminal:
            bar = track(told, "models", total=len(found), console=console, transient=True)
            told = iter(bar)
        lines = list(told)
    lines.sort(key=lambda line: str(line["model"]))
    bad = [line for line in lines if line["status"] != "done"]
    if json:
        print_json(lines)
        return 1 if bad else 0
    from graphpass.view.tables import echo, print_table

    rows = [
        (
            Path(line["model"]).name.removesuffix(SYMBOL_SUFFIX),
            line["status"],
            " → ".join(map(str, line.get("operators", ()))),
        )
        for line in lines[:_SHOWN]
    ]
    print_table(("model", "status", "operators"), rows)
    if len(lines) > _SHOWN:
        click.echo(f"and {len(lines) - _SHOWN} more; batch.jsonl lists all")
    for line in bad:
        echo(f"{line['status']}: {line['model']}: {line['error'].splitlines()[0]}")
    counts = Counter(line["status"] for line in lines)
    resumed = sum("resumed" in line for line in lines)
    parts = [f"{count} {status}" for status, count in sorted(counts.items())]
    parts += [f"{resumed} known from an earlier run"] if resumed else []
    models = "1 model" if len(lines) == 1 else f"{len(lines)} models"
    click.echo(f"{models}: {', '.join(parts)}")
    return 1 if bad else 0


class _Dask:
    """Workers of a Dask scheduler, which must see the same files under the same paths."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None

    def __enter__(self) -> _Dask:
        try:
            import distributed
        except ImportError:
            raise UsageError(
                "--scheduler needs Dask; install it with: pip install 'graphpass[dask]'"
            ) from None
        try:
            dask: Any = distributed
            self._client = dask.Client(self._address, timeout=30)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--scheduler {self._address}: no scheduler answers there ({error})"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def run(
        self, work: Callable[[Job], dict[str, Any]], jobs: Sequence[Job]
    ) -> Iterator[dict[str, Any]]:
        """Yield a line for each job, as they are done; what a dead worker had is run again."""
        import distributed

        from graphpass.rules.store import failed

        dask: Any = distributed
        futures = {self._client.submit(work, job, key=f"graphpass-{job.key}", pure=False): job
                   for job in jobs}  # fmt: skip
        for future in dask.as_completed(futures):
            job = futures[future]
            if future.status == "finished":
                yield future.result()
            else:
                yield failed(job, str(future.exception()) or "its worker died")
