"""Who is called what. Nothing else in graphpass invents a name."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

__all__ = ["NameIndex", "free_name"]


class NameIndex:
    """From a name to the nodes that bear it, kept up to date by the graph's edits."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, dict[int, None]] = {}

    @classmethod
    def of(cls, nodes: Mapping[int, Mapping[str, Any]]) -> NameIndex:
        """Build the index from the data of all nodes. Linear in nodes."""
        index = cls()
        for key, data in nodes.items():
            index.add(data["name"], key)
        return index

    def add(self, name: str, key: int) -> None:
        """Record that node `key` is called `name`."""
        self._keys.setdefault(name, {})[key] = None

    def discard(self, name: str, key: int) -> None:
        """Forget that node `key` is called `name`."""
        bearers = self._keys[name]
        del bearers[key]
        if not bearers:
            del self._keys[name]

    def keys(self, name: str) -> tuple[int, ...]:
        """Return the nodes called `name`, in the order in which they got the name."""
        return tuple(self._keys.get(name, ()))

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def free_name(base: str, taken: Container[str]) -> str:
    """Return `base`, or ``base_1``, ``base_2``, … : the first that is not taken.

    Only for names that nobody gave: a name that a user or a file gave and that clashes is an error.
    """
    if base not in taken:
        return base
    number = 1
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"
