"""Computed values of many firings at once: arrays of one shape are computed as a stack.

One small array costs NumPy as much as a thousand of them do in one. So where all that a firing
computes is arithmetic element by element, the firing stores arrays that are still to be filled,
and they are filled before anybody looks at them. The results are the same to the bit: each element
is computed from the same elements by the same correctly rounded operations (IEEE 754: sum,
difference, product, quotient, square root), in the same types.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.formats.spill import (
    SPILLED_BYTES,
    all_finite,
    computed,
    converted,
    new_array,
    spilled,
)
from graphpass.rules.expressions import Expression, Scope
from graphpass.rules.expressions.arithmetic import BINARY
from graphpass.rules.limits import Limits

__all__ = ["NotFiniteError", "Program", "Stacks", "compile_program"]

_ELEMENTS = 2**18
"""How many elements of one array, or of all that is computed, are stacked at the most."""

_EXACT = (ast.Add, ast.Sub, ast.Mult, ast.Div)

_Computation: TypeAlias = Callable[[list[Array]], Array]


class NotFiniteError(Exception):
    """A value that was to be filled in is not finite, so the match should have been refused."""


class _UnableError(Exception):
    """The expression is not computed as a stack."""


class _Varies(NamedTuple):
    """A value that is another one at each match."""

    register: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Program(NamedTuple):
    """What computes the values of all firings of one template."""

    inputs: tuple[int, ...]
    """Places of the stored values that it begins with: the first registers."""

    steps: tuple[_Computation, ...]
    """Each gives the next register."""

    results: tuple[_Varies, ...]
    elements: int
    """What one match counts for in the limits."""


def compile_program(
    let: Mapping[str, Expression],
    wanted: Sequence[str],
    scope: Scope,
    places: Mapping[str, int],
    is_fixed: Callable[[Expression], bool],
) -> Program | None:
    """Return what computes values as a stack; None if they are not that plain.

    Parameters
    ----------
    let : mapping of str to Expression
        What is computed, each from those before it.
    wanted : sequence of str
        Which of these.
    scope : Scope
        The names at one match, whose shapes and types all others have.
    places : mapping of str to int
        Name of a stored value -> its place.
    is_fixed : callable
        Whether an expression has one value at all such matches.

    Notes
    -----
    Linear in the expressions.
    """
    compiler = _Compiler(let, scope, places, is_fixed)
    try:
        results = tuple([compiler.variable(name) for name in wanted])
    except _UnableError:
        return None
    if not all(isinstance(each, _Varies) for each in results):
        return None
    return Program(tuple(compiler.inputs), tuple(compiler.steps), results, compiler.elements)


class _Compiler:
    def __init__(
        self,
        let: Mapping[str, Expression],
        scope: Scope,
        places: Mapping[str, int],
        is_fixed: Callable[[Expression], bool],
    ) -> None:
        self._let = let
        self._scope = scope
        self._places = places
        self._is_fixed = is_fixed
        self._known: dict[str, Any] = {}
        self.elements = 0
        self.steps: list[_Computation] = []
        self.inputs = list(dict.fromkeys(places.values()))

    def variable(self, name: str) -> Any:
        """Return what a name stands for: a number, an array, or a value that varies."""
        if name not in self._known:
            if name in self._let:
                self._known[name] = self.value(self._let[name])
            else:
                value = self._scope[name]
                array = getattr(value, "stored", None)
                if name not in self._places or array is None or array.dtype.kind != "f":
                    raise _UnableError
                if not (array.ndim and array.size):
                    raise _UnableError
                register = self.inputs.index(self._places[name])
                self._known[name] = _Varies(register, array.shape, array.dtype)
        return self._known[name]

    def value(self, expression: Expression) -> Any:
        """Return the value of an expression, in the same way."""
        node, parts = expression.node, expression.parts
        if self._is_fixed(expression) and expression.names.isdisjoint(self._let):
            return self._constant(expression.run(self._scope))
        if expression.name:
            return self.variable(expression.name)
        if isinstance(node, ast.IfExp):
            if not self._is_fixed(parts[0]):
                raise _UnableError
            return self.value(parts[1] if parts[0].test(self._scope) else parts[2])
        if isinstance(node, ast.BinOp) and isinstance(node.op, _EXACT):
            operation = BINARY[type(node.op)].numpy
            return self._binary(operation, *map(self.value, parts))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._unary(np.negative, self.value(parts[0]))
        if expression.function == "sqrt":
            return self._unary(np.sqrt, self.value(parts[0]))
        if expression.function in ("ones_like", "zeros_like"):
            like = self.value(parts[0])
            number = 1 if expression.function == "ones_like" else 0
            if isinstance(like, _Varies):
                return np.full(like.shape, number, like.dtype)
        if expression.function == "per_axis" and len(parts) == 3:
            return self._per_axis(*map(self.value, parts))
        if expression.function == "astype" and len(parts) == 2:
            return self._astype(*map(self.value, parts))
        raise _UnableError

    def _constant(self, value: Any) -> Any:
        if isinstance(value, bool | int | float | str) or (
            isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim
        ):
            return value
        raise _UnableError

    def _push(self, step: _Computation, shape: tuple[int, ...], dtype: np.dtype[Any]) -> _Varies:
        self.steps.append(step)
        self.elements += int(np.prod(shape))
        return _Varies(len(self.inputs) + len(self.steps) - 1, shape, dtype)

    def _binary(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> _Varies:
        known = [each for each in (left, right) if isinstance(each, _Varies | np.ndarray)]
        if not any(isinstance(each, _Varies) for each in known):
            raise _UnableError
        dtype = known[0].dtype
        for each in known:
            dtype = np.promote_types(dtype, each.dtype)
        shape = np.broadcast_shapes(*[each.shape for each in known])
        a, b = (self._operand(each, len(shape), dtype) for each in (left, right))
        return self._push(
            lambda registers: computed(operation, a(registers), b(registers)), shape, dtype
        )

    def _operand(self, value: Any, rank: int, dtype: np.dtype[Any]) -> _Computation:
        """Return what gets an operand, its axes aligned with those of the result."""
        if isinstance(value, _Varies):
            register, missing = value.register, rank - len(value.shape)
            if not missing:
                return lambda registers: registers[register]
            inner = (1,) * missing + value.shape
            return lambda registers: registers[register].reshape(-1, *inner)
        if isinstance(value, np.ndarray):
            return lambda registers: value
        if isinstance(value, str):
            raise _UnableError
        number = np.asarray(value, dtype)  # as `weak` has it: a number takes the array's type
        return lambda registers: number

    def _unary(self, operation: Callable[[Any], Any], value: Any) -> _Varies:
        if not isinstance(value, _Varies):
            raise _UnableError
        register = value.register
        return self._push(
            lambda registers: computed(operation, registers[register]), value.shape, value.dtype
        )

    def _per_axis(self, value: Any, axis: Any, rank: Any) -> _Varies:
        fits = isinstance(value, _Varies) and len(value.shape) == 1
        if not fits or type(axis) is not int or type(rank) is not int or not -rank <= axis < rank:
            raise _UnableError
        shape = [1] * rank
        shape[axis] = value.shape[0]
        register = value.register
        return self._push(
            lambda registers: registers[register].reshape(-1, *shape), tuple(shape), value.dtype
        )

    def _astype(self, value: Any, dtype: Any) -> _Varies:
        if not isinstance(value, _Varies) or dtype not in ("float16", "float32", "float64"):
            raise _UnableError
        register, target = value.register, np.dtype(dtype)
        return self._push(
            lambda registers: converted(registers[register], target), value.shape, target
        )


class _Rows:
    """The next firings of one program: their results are rows of arrays that are filled at once."""

    __slots__ = ("inputs", "program", "results", "rows", "size")

    def __init__(self, program: Program, size: int) -> None:
        self.program = program
        self.size = size
        self.inputs: list[Sequence[Array]] = []
        self.results = [new_array((size, *each.shape), each.dtype) for each in program.results]
        seen = [each.view() for each in self.results]
        for each in seen:
            each.flags.writeable = False
        self.rows: list[Iterator[Array]] = list(map(iter, seen))

    def fill(self) -> None:
        count = len(self.inputs)
        registers = [
            np.concatenate(column).reshape(count, *column[0].shape)
            if count > 1
            else column[0][None]
            for column in zip(*self.inputs, strict=True)
        ]
        for step in self.program.steps:
            registers.append(step(registers))
        for result, block in zip(self.program.results, self.results, strict=True):
            values = registers[result.register]
            if not all_finite(values):
                raise NotFiniteError
            block[:count] = values


class Stacks:
    """The arrays that are still to be filled.

    Parameters
    ----------
    limits : Limits
        What the run may take.
    is_used : bool
        Whether anything may wait at all.
    """

    def __init__(self, limits: Limits, *, is_used: bool = True) -> None:
        self._limits = limits
        self.is_used = is_used
        self._blocks: dict[int, _Rows] = {}
        """Identity of a program -> what it is to fill, or filled last."""
        self.variables: set[int] = set()
        """Keys of the variables whose values are still to be filled, if not of more."""

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything to fill."""
        return bool(self._blocks)

    def add(self, program: Program, inputs: Sequence[Array]) -> list[Array]:
        """Return arrays that will hold the results of a program.

        Parameters
        ----------
        program : Program
            What computes them.
        inputs : sequence of array
            What it begins with; all of them filled.
        """
        self._limits.elements.take(program.elements)
        block = self._blocks.get(id(program))
        if block is None or len(block.inputs) == block.size:
            used = 0
            if block is not None and block.program is program:
                used = len(block.inputs)
                block.fill()
            most = _ELEMENTS // max(program.elements, *[each.size for each in inputs])
            block = self._blocks[id(program)] = _Rows(program, max(min(2 * used, most), 1))
        block.inputs.append(inputs)
        return list(map(next, block.rows))

    def kept(self, array: Array) -> Array:
        """Return an array that is to be stored: a large one does not stay in memory.

        Raises
        ------
        OperationError
            If the run stores more than it may.
        """
        size = array.nbytes
        self._limits.array_bytes.take(size)
        if size < SPILLED_BYTES:
            return array
        waiting = [each for block in self._blocks.values() for each in block.results]
        return array if any(array.base is each for each in waiting) else spilled(array)

    def fill(self) -> None:
        """Fill all arrays.

        Raises
        ------
        NotFiniteError
            If one would hold infinities or NaN.
        """
        for block in self._blocks.values():
            block.fill()
        self._blocks.clear()
        self.variables.clear()
