"""The app, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import typer

from graphpass.cli import apply, check, compare, convert, explain, find, params, passes, show
from graphpass.errors import GraphpassError

__all__ = ["app", "main"]

_CommandLineError: Any = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)
"""What Typer raises for a verb or option that does not exist, wherever its release keeps it."""

_SHOWN = 200
"""Characters of a name or value that a message shows."""

_LONG = re.compile(rf"'[^'\n]{{{_SHOWN},}}'|\"[^\"\n]{{{_SHOWN},}}\"|[^\s'\"]{{{_SHOWN},}}")
"""A quoted text or a word that is longer."""

app = typer.Typer(
    name="graphpass",
    help="Rewrite MXNet models: symbol JSON and parameters, with a proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("apply")(apply.apply)
app.command("show")(show.show)
app.command("find")(find.find)
app.command("explain")(explain.explain)
app.command("check")(check.check)
app.command("diff")(compare.diff)
app.command("verify")(compare.verify)
app.command("convert")(convert.convert)
app.add_typer(params.app, name="params")
app.add_typer(passes.app, name="passes")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            typer.echo(f"graphpass {installed('graphpass')}")
        except PackageNotFoundError:
            typer.echo("graphpass, run from its source: it is not installed, so has no version")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    0: done. 1: the answer is no (the models differ, an expectation failed). 2: bad input or usage.
    Every error is one paragraph on standard error; set ``GRAPHPASS_TRACEBACK=1`` to see where a
    bug in graphpass itself comes from.
    """
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  it stays open
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names may hold bytes that are no UTF-8
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except GraphpassError as error:
        _complain(str(error))
        return error.exit_code
    except _CommandLineError as error:
        if "\n" in error.format_message():  # a verb was left out: this is the help text
            typer.echo(error.format_message(), err=True)
        else:
            _complain(f"{_first_lower(error.format_message())}; see graphpass --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted; nothing was half-written")
        return 130
    except BrokenPipeError:
        # The reader of our output left. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        _complain("out of memory")
        return 2
    except OSError as error:
        _complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return 2
    except Exception as error:
        if os.environ.get("GRAPHPASS_TRACEBACK"):
            raise
        _complain(
            f"a bug in graphpass: {type(error).__name__}: {error}; please report it with the "
            "command and the files (GRAPHPASS_TRACEBACK=1 shows where it happened)"
        )
        return 2
    return code


def _invoke(arguments: list[str]) -> int:
    # Not `command.main`, which ends the process itself on a closed pipe or an interrupt.
    command = typer.main.get_command(app)
    try:
        with command.make_context("graphpass", list(arguments)) as context:
            result: Any = command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    return result if isinstance(result, int) else 0


def _first_lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _complain(message: str) -> None:
    typer.echo(f"error: {_LONG.sub(_shortened, message)}", err=True)


def _shortened(value: re.Match[str]) -> str:
    """Leave out the middle of what the user has given, so that the message stays readable."""
    text = value[0]
    return f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 2 :]}"
