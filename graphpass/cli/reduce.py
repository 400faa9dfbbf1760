"""``graphpass reduce``: the smallest model for which a command still fails."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from graphpass.cli import options
from graphpass.cli.options import load_model, parse_shapes, print_json, save_model
from graphpass.errors import UsageError

__all__ = ["reduce"]


@click.command
@options.a_model
@click.option(
    "--while", "command", metavar="COMMAND", required=True,
    help="Fails for the model; {} in it is the prefix of the model to try, or stands at its end.",
)  # fmt: skip
@click.option("--out", "-o", metavar="OUT", required=True, help="Prefix to write.")
@click.option("--match", metavar="TEXT", help="What the command must print to count as failing.")
@click.option("--runs", type=options.at_least(1), default=200, help="How often to run it.")
@click.option("--timeout", type=float, default=300, help="Seconds after which a run is ended.")
@options.inputs
@options.params_file
@options.overwrite
@options.as_json
def reduce(
    model: str,
    epoch: int | None,
    command: str,
    out: str,
    match: str | None,
    runs: int,
    timeout: float,
    inputs: Sequence[str],
    params: Path | None,
    overwrite: bool,
    json: bool,
) -> None:
    """Find the smallest model for which a command still fails as it does for this one.

    A run fails like the first if it ends with the same exit code, which is not 0, and prints the
    text of --match, if one is given.
    """
    from graphpass.model import Model
    from graphpass.verify.reduce import reduce as smallest

    words = shlex.split(command)
    if not words:
        raise UsageError("--while: the command is empty")
    if not any("{}" in word for word in words):
        words.append("{}")
    loaded = load_model(model, epoch, params)
    first: list[int] = []

    with TemporaryDirectory(prefix="graphpass-") as folder:
        prefix = str(Path(folder) / "model")

        def fails(candidate: Model) -> bool:
            for stale in Path(folder).glob("model-*"):
                stale.unlink()
            candidate.save(prefix, 0, overwrite=True)
            try:
                ended = subprocess.run(
                    [word.replace("{}", prefix) for word in words],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    timeout=timeout,
                    check=False,
                )
                code, printed = ended.returncode, ended.stdout
            except subprocess.TimeoutExpired as late:
                code, printed = -1, late.stdout or b""
            except OSError as error:
                raise UsageError(f"--while: {words[0]}: {error.strerror}") from None
            if not first:
                first.append(code)
            return code == first[0] != 0 and (match is None or match.encode() in printed)

        found = smallest(loaded, fails, parse_shapes(inputs), runs=runs)
    written = save_model(found.model, out, dialect="1.9.1", overwrite=overwrite)
    if json:
        before, after = found.operators
        facts = {"operators": [before, after], "runs": found.runs, "complete": found.complete}
        print_json(facts | {"written": written})
        return
    click.echo(str(found))
    for path in written:
        click.echo(f"wrote {path}")
