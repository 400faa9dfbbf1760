"""Who is called what. Nothing else in graphpass invents a name."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["FreeNames", "NameIndex", "free_name"]


class NameIndex:
    """From a name to the nodes that bear it, kept up to date by the graph's edits."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, int | dict[int, None]] = {}
        """Name -> its one bearer, or all of them; nearly all names have one."""

    @classmethod
    def of(cls, nodes: Mapping[int, Mapping[str, Any]]) -> NameIndex:
        """Build the index from the data of all nodes. Linear in nodes."""
        index = cls()
        index._keys = {data["name"]: key for key, data in nodes.items()}
        if len(index._keys) == len(nodes):
            return index
        return cls.of_names({key: data["name"] for key, data in nodes.items()})

    @classmethod
    def of_names(cls, names: Mapping[int, str]) -> NameIndex:
        """Build the index from the names of all nodes. Linear in nodes."""
        index = cls()
        index._keys = dict(zip(names.values(), names, strict=True))
        if len(index._keys) < len(names):
            index._keys = {}
            for key, name in names.items():
                index.add(name, key)
        return index

    def add(self, name: str, key: int) -> None:
        """Record that node `key` is called `name`."""
        bearers = self._keys.setdefault(name, key)
        if isinstance(bearers, dict):
            bearers[key] = None
        elif bearers != key:
            self._keys[name] = {bearers: None, key: None}

    def discard(self, name: str, key: int) -> None:
        """Forget that node `key` is called `name`."""
        bearers = self._keys[name]
        if isinstance(bearers, dict):
            del bearers[key]
        if not isinstance(bearers, dict) or not bearers:
            del self._keys[name]

    def discard_all(self, names: Iterable[tuple[str, int]]) -> None:
        """Forget how nodes are called, each given by name and key."""
        known = self._keys
        for name, key in names:
            if type(known[name]) is int:
                del known[name]
            else:
                self.discard(name, key)

    def keys(self, name: str) -> tuple[int, ...]:
        """Return the nodes called `name`, in the order in which they got the name."""
        bearers = self._keys.get(name, ())
        return (bearers,) if isinstance(bearers, int) else tuple(bearers)

    def holds_none(self, names: Iterable[str]) -> bool:
        """Return whether no node has one of some names."""
        return self._keys.keys().isdisjoint(names)

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


class FreeNames:
    """Names as `free_name` gives them, many of them: each is taken by whoever claims it.

    Parameters
    ----------
    taken : set of str, optional
        Names that nobody can claim as they are; what is claimed is added.

    Notes
    -----
    How far the numbers of a base have come is remembered, so any number of names that begin alike
    takes linear time.
    """

    __slots__ = ("_next", "_taken")

    def __init__(self, taken: set[str] | None = None) -> None:
        self._taken = set[str]() if taken is None else taken
        self._next: dict[str, int] = {}

    def claim(self, base: str) -> str:
        """Return `base`, or ``base_1``, ``base_2``, … : the first that nobody has."""
        if base not in self._taken:
            self._taken.add(base)
            return base
        return self.claim_numbered(base, lambda number: f"{base}_{number}", 1)

    def claim_numbered(self, base: str, spell: Callable[[int], str], start: int) -> str:
        """Return the first of ``spell(start)``, ``spell(start + 1)`` and so on that nobody has."""
        number = self._next.get(base, start)
        while (name := spell(number)) in self._taken:
            number += 1
        self._next[base] = number + 1
        self._taken.add(name)
        return name

    def __contains__(self, name: object) -> bool:
        return name in self._taken
