"""``graphpass explain``: where a rewrite applies, and why not elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from graphpass.cli.options import (
    Epoch,
    Inputs,
    Json,
    ModelName,
    Params,
    load_model,
    parse_settings,
    parse_shapes,
    print_json,
)
from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["explain"]


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            help="A pass file, a shipped pass, rules as inline YAML, or a pattern.",
            show_default=False,
        ),
    ],
    model: ModelName,
    epoch: Epoch = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="NODE", help="One operator, by name or as id:17."),
    ] = None,
    rule_id: Annotated[
        str | None,
        typer.Option("--rule", metavar="ID", help="The one rewrite of the pass to explain."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Override a parameter of the pass."),
    ] = None,
    inputs: Inputs = None,
    params: Params = None,
    json: Json = False,
) -> int:
    """Say where a rewrite applies and why not elsewhere; exit 1 if it applies nowhere."""
    from graphpass.rules import explain as explain_one
    from graphpass.view.tables import echo

    subjects = _subjects(rule, rule_id, set_)
    loaded = load_model(model, epoch, params)
    shapes = parse_shapes(inputs)
    answers = [explain_one(subject, loaded, at, inputs=shapes) for subject in subjects]
    if json:
        print_json([answer.to_json() for answer in answers])
    else:
        for answer in answers:
            echo(str(answer))
    return 0 if any(answers) else 1


def _subjects(rule: str, rule_id: str | None, settings: list[str] | None) -> list[Rewrite | str]:
    from graphpass.rules import load_pass
    from graphpass.rules.pass_rewrites import rewrites_of

    if not _is_pattern(rule):
        loaded = load_pass(rule).bind(parse_settings(settings))
        return list(rewrites_of(loaded, rule_id))
    if rule_id is not None or settings:
        raise UsageError("--rule and --set are for a pass, and this is a pattern; leave them out")
    return [rule]


def _is_pattern(text: str) -> bool:
    """Return whether a text is a pattern: every one has a call, and few file names do."""
    is_yaml = text.lstrip().startswith(("{", "[")) or text.endswith((".yaml", ".yml", ".json"))
    return "(" in text and not is_yaml
