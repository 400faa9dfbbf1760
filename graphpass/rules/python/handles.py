"""What a pattern function gets for values and operators: handles that only say what they are.

A handle is no value: there is none yet when the function runs. So whatever would need one, such as
a branch on it, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from graphpass.errors import AttributeValueError
from graphpass.ops import find, format_value
from graphpass.ops.operator import output_bounds
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.patterns.pattern import (
    Anything,
    Attribute,
    Rest,
    Restricted,
    Value,
)

if TYPE_CHECKING:
    from graphpass.rules.python.said import Said

__all__ = ["Applied", "Handle", "Leaf", "Maybe", "NodeHandle", "OutputHandle", "check_name"]


class Handle:
    """What stands for a value in a pattern function."""

    __slots__ = ("_said",)

    def __init__(self, said: Said) -> None:
        self._said = said

    def __bool__(self) -> bool:
        self._fail(
            "a pattern function runs once, before there is a match, and can't branch on what it "
            "matches; ask in a function for `where`"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._fail(
            f"what a pattern stands for has no {name!r} before there is a match; ask in a function "
            "for `where`"
        )

    def _fail(self, reason: str) -> NoReturn:
        raise self._said.error(self._said.mark(), reason)


class Leaf(Handle):
    """A value that the pattern reads, or several."""

    __slots__ = ("operand",)

    def __init__(self, said: Said, operand: Value | Anything | Rest | Restricted) -> None:
        super().__init__(said)
        self.operand = operand


class Maybe(Handle):
    """An operand that may be absent."""

    __slots__ = ("inner",)

    def __init__(self, said: Said, inner: Handle) -> None:
        super().__init__(said)
        self.inner = inner


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator with what it reads."""

    operators: tuple[str, ...]
    operands: tuple[Handle, ...]
    attributes: tuple[Attribute, ...]
    maybe: bool
    mark: Mark | None


class NodeHandle(Handle):
    """An operator of the pattern; as an operand, its first output.

    Notes
    -----
    In ``conv = op.Convolution(x, w).named("conv")``, `named` gives it a name; ``conv[1]`` is an
    output, and ``a, b = op.SliceChannel(x).outputs(2)`` are all of them.
    """

    __slots__ = ("applied", "name", "unpacked")

    def __init__(self, said: Said, applied: Applied) -> None:
        super().__init__(said)
        self.applied = applied
        self.name: str | None = None
        self.unpacked: tuple[str | None, ...] | None = None
        """Names of all its visible outputs, if the function unpacks them."""

    def named(self, name: str) -> NodeHandle:
        """Give the node a name, by which `match` has it."""
        if self.unpacked is not None:
            self._fail('it is unpacked; name its outputs: .outputs("a", "b")')
        if self.name is not None:
            self._fail(f"it is called {self.name} already")
        self.name = check_name(name, self._fail)
        return self

    def outputs(self, *names: str | int | None) -> tuple[OutputHandle, ...]:
        """Return all visible outputs of an operator that has that many.

        Parameters
        ----------
        *names : str or None, or one int
            A name for each, None for one without; or just how many there are.
        """
        if self.name is not None:
            self._fail(f"it is called {self.name}; write {self.name}[1], or name its outputs only")
        if self.unpacked is not None:
            self._fail("its outputs are unpacked already")
        if len(names) == 1 and isinstance(names[0], int):
            return self._unpack((None,) * names[0])
        return self._unpack(
            tuple([None if each is None else check_name(each, self._fail) for each in names])
        )

    def __getitem__(self, output: int) -> OutputHandle:
        if type(output) is not int or output < 0:
            self._fail(f"an output is numbered from 0 on, as in node[1], not {output!r}")
        return OutputHandle(self._said, self, output, self._said.mark())

    def __iter__(self) -> Iterator[OutputHandle]:
        count = self._count()
        if self.name is not None:
            return iter([self[output] for output in range(count)])
        return iter(self._unpack((None,) * count))

    def _unpack(self, names: tuple[str | None, ...]) -> tuple[OutputHandle, ...]:
        if not names:
            self._fail("an operator has one output at least; write .outputs(2)")
        if self.unpacked is None:
            self.unpacked = names
        mark = self._said.mark()
        return tuple([OutputHandle(self._said, self, n, mark) for n in range(len(self.unpacked))])

    def _count(self) -> int:
        """Return how many visible outputs the operator is certain to have."""
        counts: set[int | None] = set()
        for name in self.applied.operators:
            operator = find(name)
            if operator is None:
                counts.add(None)
                continue
            specs = operator.attributes
            known = {}
            for each in self.applied.attributes:
                if each.name in specs:
                    try:
                        known[each.name] = specs[each.name].parse(format_value(each.value))
                    except AttributeValueError as error:
                        self._fail(f"{operator.name}: {error}")
            least, most = output_bounds(operator, known)[1]
            counts.add(most if least == most else None)
        count = counts.pop()
        if counts or count is None:
            self._fail(
                f"how many outputs {' or '.join(self.applied.operators)} has is not certain here; "
                "write .outputs(2)"
            )
        return count


class OutputHandle(Handle):
    """One output of an operator of the pattern."""

    __slots__ = ("mark", "node", "output")

    def __init__(self, said: Said, node: NodeHandle, output: int, mark: Mark | None) -> None:
        super().__init__(said)
        self.node = node
        self.output = output
        self.mark = mark


def check_name(name: object, fail: Callable[[str], NoReturn]) -> str:
    """Return a name that a pattern can bind."""
    if not isinstance(name, str) or name in ("", "_"):
        fail(f"{name!r} is no name; write a text, such as 'conv'")
    return name
