"""The figures of the house: how much code there is, how it is cut, and which way imports point.

``python tests/support/house.py`` prints them for the whole package; with a folder, such as
``python tests/support/house.py rules/lint``, for its files, with what stands behind each figure.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import networkx as nx

PACKAGE = Path(__file__).parents[2] / "graphpass"

ROOMS = [
    "cli",
    "view",
    "testing",
    "passes",
    "lowering",
    "checks",
    "rules",
    "verify",
    "model",
    "formats",
    "shapes",
    "graph",
    "ops",
    "errors",
    "lazy",
]
"""Top to bottom: a room imports itself and what stands below it."""

FRONT = ("__init__", "__main__")
"""The files that stand before the rooms and may import any of them."""


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path inside the package."""
        return str(self.path.relative_to(PACKAGE))

    @property
    def room(self) -> str:
        """The folder, or the loose file, right inside the package."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def before(self) -> int | None:
        """How many lines stand before the first class or function; None where there is none."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                return min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
        return None

    def functions(self) -> Iterator[str]:
        """The names of the functions and methods that are defined here, at any depth."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name

    def types(self) -> Iterator[str]:
        """The names of the classes and the type aliases that are defined here."""
        for node in ast.walk(self.tree):
            match node:
                case ast.ClassDef(name=name):
                    yield name
                case ast.AnnAssign(ast.Name(name), annotation=ast.Name("TypeAlias")):
                    yield name

    def imports(self) -> Iterator[Path]:
        """The files that any import names: inside functions and under TYPE_CHECKING too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: a relative import hides what it means"
                wanted = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for path in map(_file_of, wanted):
                if path is not None and path != self.path:
                    yield path


def _file_of(dotted: str) -> Path | None:
    """The file of the package that a name is in: its module, or the module that defines it."""
    first, *rest = dotted.split(".")
    if first != PACKAGE.name:
        return None
    for parts in (rest, rest[:-1]):
        place = PACKAGE.joinpath(*parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    raise ValueError(f"no file of the package is or defines {dotted}")


class House:
    """All files of the package, and what is counted of them."""

    def __init__(self) -> None:
        texts = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
        self.files = {path: Source(path, text, ast.parse(text)) for path, text in texts.items()}

    def under(self, folder: str) -> list[Source]:
        """The files in a folder of the package, or the one file that is named."""
        place = PACKAGE / folder
        return [each for path, each in self.files.items() if path.is_relative_to(place)]

    @cached_property
    def imports(self) -> nx.DiGraph[Path]:
        """An edge from each file to each that it imports."""
        graph: nx.DiGraph[Path] = nx.DiGraph()
        graph.add_nodes_from(self.files)
        graph.add_edges_from((each.path, other) for each in self.files.values()
                             for other in each.imports())  # fmt: skip
        return graph

    def circles(self) -> list[list[str]]:
        """The groups of files that import each other in a circle."""
        groups = (each for each in nx.strongly_connected_components(self.imports) if len(each) > 1)
        return sorted(sorted(self.files[path].name for path in group) for group in groups)

    def upward(self) -> list[str]:
        """The imports of what stands above, and of rooms that the house does not have."""
        found = []
        for path, other in self.imports.edges:
            source, target = self.files[path], self.files[other]
            if source.room in FRONT:
                continue
            rooms = [source.room, target.room]
            if not set(rooms) <= set(ROOMS) or rooms != sorted(rooms, key=ROOMS.index):
                found.append(f"{source.name} -> {target.name}")
        return sorted(found)

    @cached_property
    def mentions(self) -> Counter[str]:
        """How often each name stands anywhere in the package, its definitions left out."""
        counts: Counter[str] = Counter()
        for source in self.files.values():
            tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
            counts.update(each.string for each in tokens if each.type == tokenize.NAME)
            counts.subtract(source.functions())
        return counts

    def named_once(self, files: Iterable[Source]) -> tuple[list[str], int]:
        """The private functions that are named at most once, and how many functions there are."""
        functions = [(source.name, name) for source in files for name in source.functions()]
        private = [each for each in functions if each[1][0] == "_" and each[1][:2] != "__"]
        once = [f"{file}: {name}" for file, name in private if self.mentions[name] <= 1]
        return once, len(functions)

    def types_twice(self) -> dict[str, list[str]]:
        """The names of types that are defined more than once, with the files of each."""
        homes: dict[str, list[str]] = {}
        for source in self.files.values():
            for name in source.types():
                homes.setdefault(name, []).append(source.name)
        return {name: files for name, files in sorted(homes.items()) if len(files) > 1}


def share_before(files: Iterable[Source]) -> float:
    """The share of lines before the first definition, over the files that define something."""
    defining = [each for each in files if each.before is not None]
    return sum(each.before or 0 for each in defining) / max(1, sum(each.lines for each in defining))


def print_figures(folder: str) -> None:
    """Print the figures of a folder, or of everything; for a folder, what is behind them too."""
    house = House()
    files = house.under(folder)
    names = {each.name for each in files}
    once, functions = house.named_once(files)
    largest = max(files, key=lambda each: each.lines)
    circles = [each for each in house.circles() if names & set(each)]
    upward = [each for each in house.upward() if each.split(" -> ")[0] in names]
    twice = {name: homes for name, homes in house.types_twice().items() if names & set(homes)}
    parts = {f"graphpass/{folder}": files} | ({} if folder else {"  rules/": house.under("rules")})
    for label, part in parts.items():
        total = sum(each.lines for each in part)
        mean = total // len(part)
        print(f"{label:34} {total:6,} lines in {len(part)} files, {mean} a file")
    print(f"{'largest file':34} {largest.lines:6} {largest.name}")
    print(f"{'private functions named once':34} {len(once) / max(1, functions):6.1%}", end=" ")
    print(f"{len(once)} of {functions}")
    print(f"{'lines before the first definition':34} {share_before(files):6.1%}")
    print(f"{'circles of imports':34} {len(circles):6} of {sum(map(len, circles))} files")
    print(f"{'upward imports':34} {len(upward):6}")
    print(f"{'names of two types':34} {len(twice):6}")
    details = [f"circle of {len(circle)}: {' '.join(circle)}" for circle in circles]
    details += [f"upward: {each}" for each in upward]
    details += [f"two types: {name} in {', '.join(homes)}" for name, homes in twice.items()]
    details += [f"named once: {each}" for each in once if folder]
    print("", *details, sep="\n")


if __name__ == "__main__":
    print_figures(sys.argv[1].removeprefix("graphpass/") if len(sys.argv) > 1 else "")
