"""``graphpass passes``: the shipped passes and the user's own, without a model."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphpass.cli import options
from graphpass.cli.options import parse_settings, print_json
from graphpass.errors import count

if TYPE_CHECKING:
    from graphpass.rules import Pass

__all__ = ["passes"]


@click.group(cls=options.VerbGroup)
def passes() -> None:
    """List, show, check and test passes."""


_A_PASS = "A pass file, a shipped pass, or rules as text."


def _load(source: str, settings: Iterable[str] = ()) -> Pass:
    from graphpass.rules import load_pass

    return load_pass(source).bind(parse_settings(settings))


@passes.command("list")
@options.as_json
def list_(json: bool) -> None:
    """List the shipped passes."""
    from graphpass.rules.pass_files.loading import shipped_names
    from graphpass.view.tables import print_table

    rows = [_summary(_load(name)) for name in shipped_names()]
    if json:
        print_json(rows)
        return
    columns = ("name", "rules", "termination", "description")
    print_table(columns, [[row[column] for column in columns] for row in rows])


def _summary(loaded: Pass) -> dict[str, Any]:
    from graphpass.rules.lint.termination import terminates
    from graphpass.rules.pass_rewrites import groups_of, used_passes

    passes = [loaded, *used_passes(loaded).passes]
    groups = [group for each in passes for group in groups_of(each)]
    kinds = {terminates([each.rewrite for each in group]).kind for group in groups}
    words = {"bounded": "bounded by budget", "proved": "proved", "once": "once"}
    sentence, stop, _ = " ".join(loaded.description.split()).partition(". ")
    return {
        "name": loaded.name,
        "description": sentence + "." if stop else sentence,
        "rules": len(loaded.rules),
        "termination": next((word for kind, word in words.items() if kind in kinds), "operations"),
    }


@passes.command("show")
@options.a_pass(_A_PASS)
@options.as_json
def show(pass_: str, json: bool) -> None:
    """Print a pass, to read or to begin one of your own with."""
    from graphpass.view.tables import echo

    loaded = _load(pass_)
    text = _text(pass_)
    if json:
        print_json(
            {
                "name": loaded.name,
                "description": loaded.description,
                "parameters": dict(loaded.parameters),
                "rules": [
                    {"id": rule.id, "keyword": rule.operation.keyword} for rule in loaded.rules
                ],
                "text": text,
            }
        )
        return
    for name, value in loaded.parameters.items():
        spelled = value if isinstance(value, str) else json_format.dumps(value, default=str)
        echo(f"# --set {name}={spelled}")
    echo(text.rstrip("\n"))


def _text(source: str) -> str:
    """Return the text of a pass that was loaded already."""
    from graphpass.rules.pass_files.loading import (
        shipped_lowering_names,
        shipped_names,
        shipped_text,
    )

    if source in (*shipped_names(), *shipped_lowering_names()):
        return shipped_text(source)
    if source.lstrip().startswith(("{", "[")):
        return source
    return Path(source).read_text(encoding="utf-8-sig")


@passes.command("lint")
@options.a_pass(_A_PASS)
@options.settings
@options.allow_path
@options.strict
@options.as_json
def lint(
    pass_: str, settings: Sequence[str], allow_paths: Sequence[str], strict: bool, json: bool
) -> int:
    """Look for what is wrong, odd or unproved in a pass; exit 1 if something is wrong."""
    from graphpass.rules.lint import lint as lint_pass
    from graphpass.view.tables import echo

    report = lint_pass(_load(pass_, settings), allow_paths=allow_paths)
    if json:
        print_json(report.to_json() | {"passed": not report.fails(strict=strict)})
    else:
        echo(str(report))
    return 1 if report.fails(strict=strict) else 0


@passes.command("test")
@options.a_pass(_A_PASS)
@options.settings
@click.option(
    "--verify", "on_mxnet", is_flag=True, help="Compare outputs before and after on MXNet too."
)
@options.as_json
def test(pass_: str, settings: Sequence[str], on_mxnet: bool, json: bool) -> int:
    """Run the tests of a pass and of its rewrites; exit 1 if one fails."""
    from graphpass.rules.lint import run_tests
    from graphpass.view.tables import echo

    loaded = _load(pass_, settings)
    results = run_tests(loaded, on_mxnet=on_mxnet)
    if any(rule.operation.keyword == "lower" for rule in loaded.rules):
        from graphpass.lowering.rule_tests import run_lowering_tests

        results += run_lowering_tests(loaded, on_mxnet=on_mxnet)
    passed = sum(map(bool, results))
    if json:
        print_json([result.to_json() for result in results])
    else:
        for result in results:
            if not result or result.note:
                echo(str(result))
        told = f"{passed} of {count(len(results), 'test')} passed"
        echo(told if results else "there are no tests; add `tests:` to the pass or to a rewrite")
    return 0 if passed == len(results) else 1
