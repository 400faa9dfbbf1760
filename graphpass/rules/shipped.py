"""The passes that come with graphpass: YAML files of the package ``graphpass/passes``."""

from __future__ import annotations

from functools import cache
from importlib import resources

from graphpass.errors import UsageError, suggestion

__all__ = ["shipped_names", "shipped_text"]

_SUFFIX = ".yaml"


def shipped_names() -> list[str]:
    """Return the names of the shipped passes, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    files = (resources.files("graphpass") / "passes").iterdir()
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in files if f.name.endswith(_SUFFIX)))


def shipped_text(name: str) -> str:
    """Return the YAML text of a shipped pass.

    Raises
    ------
    UsageError
        If there is none of that name; the message names the nearest.
    """
    names = shipped_names()
    if name not in names:
        raise UsageError(
            f"there is no pass {name!r}{suggestion(name, names)}; name a shipped pass "
            f"({', '.join(names)}) or the path of a YAML file"
        )
    file = resources.files("graphpass") / "passes" / f"{name}{_SUFFIX}"
    return file.read_text(encoding="utf-8")
