"""What is imported when it is first used, so that importing a package is cheap."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["Drawn", "lazily"]


def lazily(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Its name.
    homes : mapping of str to str
        A module inside the package to the public names that it defines, with spaces between them.
        No module right inside the package may bear a public name: importing it would hide that.
    """
    places = {name: home for home, names in homes.items() for name in names.split()}

    def attribute(name: str) -> Any:
        home = places.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home}"), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return attribute, names, sorted(places)


class Drawn:
    """An object that a notebook draws, by what `graphpass.view.notebook` says of its class."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        html: str = import_module("graphpass.view.notebook").html(self)
        return html
