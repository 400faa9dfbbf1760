"""The everyday operations as verbs: each is thin, and the rule of its name does the work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from graphpass.cli.apply import apply
from graphpass.errors import UsageError

__all__ = ["clone", "cut", "merge", "optimize", "prefix", "rename", "tie"]

_SHARED = ("out", "dry_run", "verify", "inputs", "data", "scale", "feed", "diff", "html",
           "report_file", "params", "partial", "overwrite", "json")  # fmt: skip
"""Options of ``apply`` that all these verbs take."""

_model = click.Argument(["model"], metavar="MODEL", help="PREFIX, PREFIX:EPOCH or a path.")


def _verb(
    name: str, help: str, params: Sequence[click.Parameter], rule: Callable[..., dict[str, Any]]
) -> click.Command:
    """Return a verb whose arguments and options make the one rule of a pass."""
    own = {param.name for param in params}

    def run(model: str, **given: Any) -> int:
        settings = {key: given.pop(key) for key in own if key in given}
        folders = [Path(settings["other"]).parent] if settings.get("other") else []
        pass_ = json.dumps([rule(**settings)])
        context = click.get_current_context()
        code: int = context.invoke(apply, pass_=pass_, model=model, allow_paths=folders, **given)
        return code

    shared = [param for param in apply.params if param.name in _SHARED]
    return click.Command(name, params=[_model, *params, *shared], callback=run, help=help)


def _options(**given: Any) -> dict[str, Any]:
    """Return what was given, under the names of a rule's options."""
    return {key: list(value) if isinstance(value, tuple) else value
            for key, value in given.items() if value not in (None, ())}  # fmt: skip


def _pairs(texts: Sequence[str], form: str) -> dict[str, str]:
    found = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not (equals and old and new):
            raise UsageError(f"{text}: write {form}, after MODEL")
        found[old] = new
    return found


def _many(name: str, metavar: str, help: str) -> click.Option:
    return click.Option([f"--{name}", name], multiple=True, metavar=metavar, help=help)


def _argument(name: str, metavar: str, help: str, **settings: Any) -> click.Argument:
    return click.Argument([name], metavar=metavar, help=help, **settings)


rename = _verb(
    "rename",
    "Rename nodes, and the parameters of variables with them: rename MODEL data=image -o OUT.",
    [_argument("names", "OLD=NEW...", "Old and new names.", nargs=-1, required=True)],
    lambda names: {"rename": {"map": _pairs(names, "OLD=NEW, such as data=image")}},
)

prefix = _verb(
    "prefix",
    "Put a text before names: prefix MODEL left_ --keep data -o OUT.",
    [
        _argument("prefix", "PREFIX", "What to put before the names."),
        _many("select", "NODE", "Only these nodes."),
        _many("keep", "NODE", "Nodes whose names stay."),
    ],
    lambda **given: {"prefix": _options(**given)},
)

clone = _verb(
    "clone",
    "Compute a part a second time: clone MODEL right_ --to flatten0 -o OUT.",
    [
        _argument("prefix", "PREFIX", "What new names begin with."),
        _many("from", "VALUE", "Where the clone gets inputs of its own; the inputs if left out."),
        _many("to", "VALUE", "What to compute a second time; the heads if left out."),
        _many("keep", "VALUE", "Values that the clone reads too."),
        click.Option(
            ["--share"], type=click.Choice(["parameters", "copy", "nothing"]),
            default="parameters", help="Whether weights are the same, copied, or left out.",
        ),
    ],
    lambda **given: {"clone": _options(**given)},
)  # fmt: skip

cut = _verb(
    "cut",
    "Keep what computes some values, and drop the rest: cut MODEL flatten0 -o OUT.",
    [
        _argument("outputs", "OUTPUT...", "The values that become the heads.", nargs=-1,
                  required=True),
        _many("at", "VALUE", "Values that become inputs."),
    ],
    lambda outputs, at: {"extract": _options(outputs=outputs, inputs=at)},
)  # fmt: skip

tie = _verb(
    "tie",
    "Make variables one: tie MODEL src_embed_weight tgt_embed_weight -o OUT.",
    [
        _argument("variables", "VARIABLE...", "Two or more.", nargs=-1, required=True),
        click.Option(["--into"], metavar="NAME", help="What the one is called; as the first."),
        click.Option(["--keep"], metavar="WHICH", help="Whose value stays: a name, first, last."),
    ],
    lambda **given: {"tie": _options(**given)},
)

merge = _verb(
    "merge",
    "Bring in another model: merge MODEL OTHER --prefix b_ --share data -o OUT.",
    [
        _argument("other", "OTHER", "The other model: PREFIX or PREFIX:EPOCH."),
        click.Option(["--prefix"], metavar="TEXT", help="Goes before names that clash."),
        _many("share", "INPUT", "An input of both that becomes one."),
        _many("connect", "THEIRS=OURS", "Their input and the value of ours that feeds it."),
        click.Option(["--heads"], type=click.Choice(["both", "ours", "theirs"]), default="both",
                     help="Whose outputs the model has afterwards."),
    ],
    lambda other, connect, **given: {
        "merge": _options(
            model=str(Path(other).absolute()),
            connect=_pairs(connect, "THEIRS=OURS, such as features=flatten0") or None,
            **given,
        )
    },
)  # fmt: skip

optimize = _verb(
    "optimize",
    "Make a model smaller and faster, with the same outputs: optimize MODEL -o OUT.",
    [],
    lambda: {"use": "optimize-for-inference"},
)
