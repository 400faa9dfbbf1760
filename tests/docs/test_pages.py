"""Every command, program and pass file in the README and the docs does what its page says.

A page is run from top to bottom in one folder that holds a copy of the fixtures:

``console``
    Lines that begin with ``$ `` are commands, ``> `` goes on with one; ``echo $?`` tells the exit
    code of the one before. What follows is what they print, errors included. A line ``...`` stands
    for any lines, ``...`` in a line for any text.
``python``
    With ``>>>`` a doctest, otherwise a script. The names of a page are kept from block to block.
``yaml``
    Rules that must load. A first line ``# NAME.yaml`` makes it a file for the blocks below.

A block marked ``mxnet`` besides, as in ``console mxnet``, needs MXNet, one marked ``onnx`` needs
ONNX Runtime. Other languages are not run.
"""

from __future__ import annotations

import contextlib
import difflib
import doctest
import importlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import graphpass
from graphpass.cli import main
from graphpass.rules import load_pass

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    words: tuple[str, ...]
    """What stands behind the fence: the language, then marks."""

    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command, and what it is to print."""

    text: str
    output: str


def blocks(page: Path) -> list[Block]:
    found = []
    fence = re.compile(r"^```(\S.*)\n((?:.*\n)*?)```$", re.MULTILINE)
    text = page.read_text(encoding="utf-8")
    for match in fence.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page.name, line, tuple(match[1].split()), match[2]))
    return found


def commands(block: Block) -> list[Command]:
    found: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            assert found, f"{block.place}: a console block begins with a command"
            found[-1][1].append(line)
    return [Command("\n".join(text), "\n".join(output)) for text, output in found]


def run_console(block: Block, folder: Path) -> None:
    status = 0
    for command in commands(block):
        status, output = run_command(command.text, status, folder)
        problem = difference(command.output, output)
        assert not problem, f"{block.place}: $ {command.text}\n{problem}"


def run_command(command: str, last_status: int, folder: Path) -> tuple[int, str]:
    """Return the exit code and everything that a command prints.

    A lone call of graphpass runs in this process, which saves the time to start one; all others go
    to bash, where ``graphpass`` and ``python`` are those under test.
    """
    words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    if words[0] == "graphpass" and not any(set(word) <= set("();<>|&") for word in words):
        return run_graphpass(shlex.split(command)[1:])
    environment = {**os.environ, "PATH": f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(Path(graphpass.__file__).parents[1]), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", f"(exit {last_status})\n{command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout


def run_graphpass(arguments: list[str]) -> tuple[int, str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        try:
            main(arguments)
        except SystemExit as left:
            status = left.code
    assert isinstance(status, int)
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return status, buffer.getvalue().decode("utf-8")


def difference(expected: str, found: str) -> str:
    """Return how an output differs from what the page shows, and an empty string if it does not."""
    expected_lines, found_lines = tidy(expected), tidy(found)
    pattern = "".join(
        "(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*?") + "\n"
        for line in expected_lines
    )
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in found_lines)):
        return ""
    return "\n".join(difflib.unified_diff(expected_lines, found_lines, "page", "run", lineterm=""))


def tidy(text: str) -> list[str]:
    """Return lines without blanks at their ends, and without empty lines around them."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n").split("\n")


def run_python(block: Block, names: dict[str, Any]) -> None:
    if ">>>" not in block.text:
        exec(compile(block.text, block.place, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, block.place, block.page, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed = runner.run(test, out=said.append, clear_globs=False).failed
    names.update(test.globs)
    assert not failed, f"{block.place}:\n{''.join(said)}"


def run_yaml(block: Block, folder: Path) -> None:
    name = re.match(r"# (\S+\.yaml)\n", block.text)
    if name:
        (folder / name[1]).write_text(block.text, encoding="utf-8")
        assert load_pass(name[1], folder=folder).rules
    else:
        assert load_pass(YAML(typ="safe").load(block.text), folder=folder).rules


def run_page(page: Path, folder: Path, *, with_mxnet: bool) -> None:
    shutil.copytree(ROOT / "fixtures", folder / "fixtures")
    for command, module in {"graphpass": "-m graphpass.cli", "python": ""}.items():
        binary = folder / ".bin" / command
        binary.parent.mkdir(exist_ok=True)
        binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        binary.chmod(0o755)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        lacks_onnx = "onnx" in block.words and importlib.util.find_spec("onnxruntime") is None
        if lacks_onnx or ("mxnet" in block.words and not with_mxnet):
            continue
        if block.words[0] == "console":
            run_console(block, folder)
        elif block.words[0] == "python":
            run_python(block, names)
        elif block.words[0] == "yaml":
            run_yaml(block, folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.filterwarnings("ignore:Cannot decide type:UserWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page(page: Path, folder: Path) -> None:
    marked = [block.place for block in blocks(page) if "mxnet" in block.words]
    runs_all = not marked or has_mxnet()
    run_page(page, folder, with_mxnet=runs_all)
    if not runs_all:
        pytest.skip(f"MXNet is not installed, so these blocks were left out: {', '.join(marked)}")


def has_mxnet() -> bool:
    try:
        importlib.import_module("mxnet")
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page if not path else (page.parent / path).resolve()
        assert file.exists(), f"{page.name}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target} names no heading"


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings get: lower case, no punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nz", "a\nb\nc\nz\n", True),
        ("a 1... z", "a 1.25e-7 z", True),
        ("a", "b", False),
        ("a\n...", "b\nc", False),
        ("", "something", False),
    ],
)
def test_outputs_are_compared(expected: str, found: str, same: bool) -> None:
    assert (difference(expected, found) == "") is same


def test_a_wrong_page_is_noticed(folder: Path) -> None:
    page = folder / "wrong.md"
    page.write_text("```console\n$ echo one; false\none\n$ echo $?\n0\n```\n")
    with pytest.raises(AssertionError, match=r"wrong.md:1: \$ echo \$\?"):
        run_page(page, folder, with_mxnet=False)
