"""The app, and the one place where errors become exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import click

from graphpass.cli import options
from graphpass.errors import GraphpassError, suggestion

__all__ = ["app", "main"]

_VERBS = {
    "apply": "apply",
    **dict.fromkeys(("rename", "prefix", "clone", "cut", "tie", "merge", "optimize"), "verbs"),
    "show": "look",
    "view": "look",
    "find": "look",
    "explain": "look",
    "check": "compare",
    "diff": "compare",
    "verify": "compare",
    "reduce": "reduce",
    "convert": "apply",
    "export": "export",
    "params": "params",
    "passes": "passes",
    "batch": "batch",
}
"""Verb, in the order of the help, to the module beside this one that has it under its own name."""


_VERB_GUESSES = {
    "show MODEL": "info summary inspect print cat describe stat",
    "show MODEL, params ls MODEL or passes list": "ls list",
    "view MODEL -o page.html": "draw plot visualize netron html",
    "find MODEL PATTERN": "grep search match query",
    "explain PASS MODEL": "why trace",
    "check MODEL": "validate doctor audit",
    "check MODEL, or passes lint PASS": "lint",
    "diff A B for structure, or verify A B for outputs": "compare cmp",
    "verify A B": "prove equal allclose test",
    "reduce MODEL --while COMMAND": "debug bisect minimize shrink",
    "apply PASS MODEL -o OUT": "run pass rewrite transform patch surgeon",
    "optimize MODEL -o OUT": "simplify sim optimise fuse fold strip",
    "rename MODEL OLD=NEW -o OUT": "mv move",
    "clone MODEL PREFIX -o OUT": "cp copy duplicate",
    "cut MODEL OUTPUT -o OUT": "extract split truncate subgraph",
    "merge MODEL OTHER -o OUT": "join concat add",
    "tie MODEL VARIABLE VARIABLE -o OUT": "share",
    "export MODEL -o OUT.onnx": "onnx convert-onnx to-onnx export-onnx mx2onnx",
    "convert MODEL --to RELEASE -o OUT": "upgrade downgrade migrate save",
    "params ls MODEL": "weights parameters data",
    "passes list": "rules plugins",
    "passes list, and passes show PASS to begin one of your own with": "new init template",
    "--help, or VERB --help": "help usage man",
    "--version": "version",
}
"""What to type, to the words that people who know other tools try for it."""

_OPTION_GUESSES = {
    "--out": "--output --save --out-file --output-file",
    "--overwrite": "-f --force -y --yes",
    "--overwrite, with -o MODEL": "-i --in-place --inplace",
    "--dry-run": "-n --check --dry",
    "--input": "--input-shape --input-shapes --inputs --shape --overwrite-input-shape",
    "--rtol": "--tolerance --tol --rel",
    "--atol": "--abs",
    "--params": "--weights --parameters",
    "--to": "--release --target --mxnet-version",
}
"""Option, to what people try for it; said where a verb has the option."""


def _answer(word: str, guesses: dict[str, str]) -> str | None:
    """Return what to type for a word of another tool, if it is known."""
    return next((answer for answer, words in guesses.items() if word in words.split()), None)


class _Verbs(click.Group):
    """Imports a verb when it is asked for: what one needs costs the others nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _VERBS:
            answer = _answer(cmd_name.lower().replace("_", "-"), _VERB_GUESSES)
            if answer is None and options.names_model(cmd_name):
                ctx.fail(f"a verb comes first; write graphpass show {cmd_name}")
            if answer is not None:
                ctx.fail(f"no such command {cmd_name!r}; write graphpass {answer}")
            ctx.fail(f"no such command {cmd_name!r}{suggestion(cmd_name, _VERBS)}")
        command = getattr(importlib.import_module(f"graphpass.cli.{_VERBS[cmd_name]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(
    "graphpass",
    cls=_Verbs,
    invoke_without_command=True,
    no_args_is_help=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.option("--version", "-V", is_flag=True, help="Print the version and leave.")
@click.pass_context
def app(context: click.Context, version: bool) -> None:
    """Rewrite MXNet models: symbol JSON and parameters, with a proof."""
    if version:
        click.echo(f"graphpass {importlib.import_module('graphpass').__version__}")
        context.exit()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    0: done. 1: the answer is no (the models differ, an expectation failed). 2: bad input or usage.
    Every error is one paragraph on standard error; set ``GRAPHPASS_TRACEBACK=1`` to see where a
    bug in graphpass itself comes from.
    """
    for name in ("SIGTERM", "SIGHUP"):  # end a command as Ctrl-C does
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    # What a command makes lives to its end: looking for garbage costs more than it finds.
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _path(error: click.ClickException) -> str:
    """Return the verb that was called, such as ``graphpass params ls``."""
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "graphpass"


class _Ended(KeyboardInterrupt):
    """A signal that ends the process; its number is the argument."""


def _end(number: int, _: object) -> None:
    raise _Ended(number)


def _run(arguments: list[str]) -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  it stays open
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names may hold bytes that are no UTF-8
            stream.reconfigure(errors="backslashreplace")
    try:
        # Not `app.main`, which ends the process itself on a closed pipe or an interrupt.
        with app.make_context("graphpass", list(arguments)) as context:
            result: Any = app.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except GraphpassError as error:
        _complain(str(error))
        return error.exit_code
    except click.ClickException as error:
        text = error.format_message()
        if isinstance(error, click.NoSuchOption):
            name = error.option_name
            answer = _answer(name, _OPTION_GUESSES)
            known = {each for p in error.ctx.command.params for each in p.opts} if error.ctx else ()
            if answer is not None and answer.partition(",")[0] in known:
                text = f"no such option: {name}; write {answer}"
            else:
                text = f"no such option: {name}{suggestion(name, error.possibilities or ())}"
        if "\n" in text:  # a verb was left out: this is the help text
            click.echo(text, err=True)
        else:
            _complain(f"{text[:1].lower()}{text[1:].rstrip('.')}; see {_path(error)} --help")
        return 2
    except (KeyboardInterrupt, click.Abort) as error:
        from graphpass.formats.saving import WRITTEN

        wrote = ", ".join(map(str, WRITTEN))
        what = f"{wrote} had been written" if wrote else "no file was changed"
        number = error.args[0] if isinstance(error, _Ended) else signal.SIGINT
        _complain(f"{'ended' if isinstance(error, _Ended) else 'interrupted'}; {what}")
        return 128 + number
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
    return result if isinstance(result, int) else 0


_SHOWN = 200
"""Characters of a name or value that a message shows."""

_LONG = re.compile(rf"'[^'\n]{{{_SHOWN},}}'|\"[^\"\n]{{{_SHOWN},}}\"|[^\s'\"]{{{_SHOWN},}}")
"""A quoted text or a word that is longer."""


def _complain(message: str) -> None:
    """Print an error, without the middles of what the user has given, so that it stays readable."""
    half = _SHOWN // 2
    readable = _LONG.sub(lambda value: f"{value[0][:half]}…{value[0][-half:]}", message)
    click.echo(f"error: {readable}", err=True)
