"""Inputs of a model that stand for nothing in the model it is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphpass.errors import UsageError
from graphpass.verify.sources import Given, Side

__all__ = ["refuse_strangers"]


def refuse_strangers(
    a: Side, b: Side, own: Iterable[int], given: Given, origins: Mapping[int, str]
) -> None:
    """Refuse inputs of B that have neither a counterpart in A nor a shape of their own.

    Parameters
    ----------
    a, b : Side
        The two models.
    own : iterable of int
        Inputs of B that get no value of A.
    given : mapping
        Shapes and values of inputs by name.
    origins : mapping
        Key of a variable of B to the name of the variable of A that it stands for.

    Raises
    ------
    UsageError
        Saying whose value the first of them might get.
    """
    strangers = [key for key in own if b.name(key) not in given]
    b.refuse_missing(strangers)
    for key in strangers:
        name = b.name(key)
        origin = origins.get(key)
        if origin is not None:
            raise UsageError(
                f"B: no value is stored for {name!r}, and A stores one for {origin!r}; are these "
                "the parameters of this graph?"
            )
        likely = _likely_origin(a, b, key)
        if likely is None:
            raise UsageError(
                f"B: the input {name!r} stands for nothing in A; give it a shape of its own, such "
                f"as --input {name}:1 (in Python inputs={{{name!r}: (1,)}}), or say whose values "
                f"it gets with --feed {name}=OLD"
            )
        raise UsageError(
            f"B: the input {name!r} stands for nothing in A; say whose values it gets, such as "
            f"--feed {name}={likely} (in Python feed={{{name!r}: {likely!r}}}), or give it a "
            "shape of its own with --input"
        )


def _likely_origin(a: Side, b: Side, key: int) -> str | None:
    """Return the input of A that an input of B most likely stands for, for use as an example.

    That is one whose name it ends or begins with, as names of clones do; else one that the same
    input of the same operator reads.
    """
    name = b.name(key)
    names = [a.name(other) for other in a.free]
    inside = [
        other for other in names if other and (name.endswith(other) or name.startswith(other))
    ]
    if inside:
        return max(inside, key=len)
    uses = set(_read_as(b, key))
    alike = [a.name(other) for other in a.free if not uses.isdisjoint(_read_as(a, other))]
    return alike[0] if alike else None


def _read_as(side: Side, key: int) -> Iterator[tuple[str, int]]:
    graph = side.model.graph
    return ((graph.op(use.node), use.slot) for use in graph.uses(key))
