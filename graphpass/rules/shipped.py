"""The passes that come with graphpass: YAML files of the package ``graphpass/passes``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from graphpass.errors import UsageError, suggestion

__all__ = ["shipped_names", "shipped_text"]

_FOLDER = Path(__file__).parents[1] / "passes"


def shipped_names() -> list[str]:
    """Return the names of the shipped passes, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


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
    return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
