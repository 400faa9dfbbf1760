"""The reference pages name everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import graphpass
from graphpass.cli.app import app
from graphpass.rules.operations import OPERATIONS, operation_class
from graphpass.rules.pass_files.loading import shipped_names
from graphpass.rules.pass_files.schema import pass_schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def sections(page: Path) -> dict[str, str]:
    """Return the headings of a page below the title -> what stands under each."""
    parts = re.split(r"^##+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table_keys(section: str) -> list[str]:
    """Return the words in the first cells of the section's tables."""
    cells = re.findall(r"^\| (`[^|]*?) \|", section, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


# -- operations ------------------------------------------------------------------------------------

OPERATION_SECTIONS = sections(DOCS / "operations.md")


def test_every_operation_has_a_section_and_no_other_has() -> None:
    assert set(OPERATION_SECTIONS) == set(OPERATIONS)


def nested_options(keyword: str) -> list[str]:
    """Return the options inside options that a table of their own tells."""
    definitions: Any = pass_schema()["$defs"]
    if keyword == "insert":
        return list(definitions["initial_value"]["properties"])
    if keyword == "expect":
        choice = definitions["expect"]["properties"]["unchanged_outputs"]["anyOf"]
        return list(choice[-1]["properties"])
    return []


@pytest.mark.parametrize("keyword", OPERATIONS)
def test_every_option_of_an_operation_is_in_its_table(keyword: str) -> None:
    told = [
        key
        for table in re.findall(r"^\| option\b.*\n(?:\|.*\n)*", OPERATION_SECTIONS[keyword], re.M)
        for key in table_keys(table)
    ]
    known = [*operation_class(keyword).options(), *nested_options(keyword)]
    assert sorted(told) == sorted(known)


@pytest.mark.parametrize("keyword", OPERATIONS)
def test_every_option_stands_in_an_example(keyword: str) -> None:
    section = OPERATION_SECTIONS[keyword]
    examples = "\n".join(re.findall(r"^```.*?^```", section, re.DOTALL | re.MULTILINE))
    operation = operation_class(keyword)
    for option in set(operation.options()) - {"optional"}:  # one example serves all operations
        bare = option == operation.shorthand and re.search(rf"\b{keyword}: [^{{]", examples)
        assert bare or re.search(rf"\b{option}:\s", examples), f"{keyword}: no example of {option}"


# -- the command line ------------------------------------------------------------------------------


def verbs() -> Iterator[tuple[str, Any]]:
    """Yield every verb, as it is typed, with its command."""
    pending: list[tuple[str, click.Command]] = [("", app)]
    while pending:
        name, command = pending.pop(0)
        if not isinstance(command, click.Group):
            yield name, command
            continue
        context = click.Context(command)
        for word in command.list_commands(context):
            pending.append((f"{name} {word}".strip(), command.get_command(context, word)))


VERBS = dict(verbs())
APPLY = VERBS["apply"]


def test_every_verb_has_a_section() -> None:
    assert set(VERBS) <= set(sections(DOCS / "command-line.md"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_and_option_of_a_verb_is_in_its_table(verb: str) -> None:
    section = sections(DOCS / "command-line.md")[verb]
    told = table_keys(section)
    if VERBS[verb].params[-1] is APPLY.params[-1] and verb != "apply":
        told += table_keys(sections(DOCS / "command-line.md")["Everyday verbs"])
    known = []
    for parameter in VERBS[verb].params:
        if parameter.param_type_name == "argument":
            known.append(parameter.metavar.strip("[]"))
        elif "--help" not in parameter.opts:
            known += sorted(parameter.opts, key=len, reverse=True)
    assert sorted(word.split()[0] for word in told) == sorted(known)


# -- the rest --------------------------------------------------------------------------------------


def test_every_public_name_is_told() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in graphpass.__all__:
        assert f"`{name}" in text or f"graphpass.{name}" in text, name


def test_every_page_is_on_the_map() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, page.name


def test_every_shipped_pass_is_told() -> None:
    text = (DOCS / "passes.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z0-9-]+)`|^## ([a-z0-9-]+)$", text, re.MULTILINE))
    assert set(shipped_names()) <= {name for names in told for name in names}


def test_the_readme_has_two_commands_that_set_themselves_up_and_one_for_the_tests() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 3
    assert all("-m venv .venv" in command and "pip install" in command for command in found)
    after_mark = text.partition("<!-- tests -->\n")[2]
    assert re.match(r"\n*```bash\n", after_mark) and "pytest" in found[2]
