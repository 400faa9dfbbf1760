"""The functions of expressions by name; ``known`` and ``bound`` stand in `.questions`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphpass.rules.expressions.array_functions import ARRAY_FUNCTIONS, reduced
from graphpass.rules.expressions.attributes import attribute_of
from graphpass.rules.expressions.budget import MAX_LENGTH, Budget
from graphpass.rules.expressions.operands import checked, operand, truth, whole
from graphpass.rules.expressions.views import NodeView
from graphpass.rules.expressions.wording import kind_of

__all__ = ["FUNCTIONS", "LOOPS", "Function"]

LOOPS = ("all", "any", "count", "max", "min", "prod", "sum", "tuple")
"""Functions that take ``... for x in xs``."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function."""

    name: str
    call: Callable[..., Any]
    """Takes the budget, then the arguments."""

    signature: inspect.Signature
    """Without the budget."""

    def misuse(self, count: int, keywords: list[str]) -> str | None:
        """Return why a call with so many arguments and such keywords is none."""
        try:
            self.signature.bind(*range(count), **dict.fromkeys(keywords))
        except TypeError:
            return f"write {self.name}{_spelled(self.signature)}"
        return None


def _spelled(signature: inspect.Signature) -> str:
    """Return a signature without types: ``(x, axis=None)``."""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(plain))


def _count(budget: Budget, xs: Any) -> int:
    return sum(truth(item) for item in _items(budget, xs))


def _all(budget: Budget, xs: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    if type(xs) is tuple:
        return all(truth(item) for item in _items(budget, xs))
    found = reduced(budget, np.all, xs, axis, keepdims)
    return found if found.ndim else bool(found)


def _any(budget: Budget, xs: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    if type(xs) is tuple:
        return any(truth(item) for item in _items(budget, xs))
    found = reduced(budget, np.any, xs, axis, keepdims)
    return found if found.ndim else bool(found)


def _folded(
    of_numbers: Callable[[tuple[Any, ...]], Any], of_array: Callable[..., Any]
) -> Callable[..., Any]:
    def fold(budget: Budget, xs: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        if type(xs) is tuple:
            return checked(of_numbers(_numbers(_items(budget, xs))))
        return reduced(budget, of_array, xs, axis, keepdims)

    return fold


def _product(numbers: tuple[Any, ...]) -> Any:
    """Return a product, and stop as soon as it is too large."""
    found: Any = 1
    for number in numbers:
        found = checked(found * number)
    return found


def _numbers(items: tuple[Any, ...]) -> tuple[Any, ...]:
    found = tuple([operand(item) for item in items])
    for item in found:
        if isinstance(item, np.ndarray) and item.ndim:
            raise TypeError(f"{kind_of(item)} is no number; put arrays together with stack")
    return tuple([item.item() if isinstance(item, np.ndarray) else item for item in found])


def _items(budget: Budget, xs: Any) -> tuple[Any, ...]:
    if type(xs) is not tuple:
        raise TypeError(f"{kind_of(xs)} is no tuple")
    budget.step(len(xs))
    return xs


def _len(budget: Budget, xs: Any) -> int:
    if type(xs) is str:
        return len(xs)
    if type(xs) is not tuple:
        raise TypeError(f"{kind_of(xs)} is no tuple and no text; an array has shape and size")
    return len(xs)


def _tuple(budget: Budget, xs: Any) -> Any:
    return checked(_items(budget, xs))


def _range(budget: Budget, start: Any, stop: Any = None, step: Any = 1) -> Any:
    low, high = (0, start) if stop is None else (start, stop)
    found = range(whole(low, "a bound"), whole(high, "a bound"), whole(step, "a step"))
    if len(found) > MAX_LENGTH:
        raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    budget.step(len(found))
    return tuple(found)


def _int(budget: Budget, x: Any) -> Any:
    return checked(int(_number_or_text(x)))


def _float(budget: Budget, x: Any) -> float:
    return float(_number_or_text(x))


def _bool(budget: Budget, x: Any) -> bool:
    return truth(x)


def _number_or_text(x: Any) -> Any:
    if type(x) is str:
        if len(x) > 100:
            raise ValueError(f"{kind_of(x)} is no number")
        return x
    found = operand(x)
    if isinstance(found, np.ndarray):
        if found.size != 1:
            raise TypeError(f"{kind_of(found)} is not one number")
        return found.item()
    return found


def _attribute(budget: Budget, node: Any, key: Any) -> Any:
    if type(node) is not NodeView or type(key) is not str:
        raise TypeError('write attribute(conv, "kernel"), conv being a node')
    return attribute_of(node, key)


def _function(name: str, call: Callable[..., Any]) -> Function:
    signature = inspect.signature(call)
    own = list(signature.parameters.values())[1:]
    return Function(name, call, signature.replace(parameters=own))


_CALLS: dict[str, Callable[..., Any]] = {
    **ARRAY_FUNCTIONS,
    "all": _all,
    "any": _any,
    "attribute": _attribute,
    "bool": _bool,
    "count": _count,
    "float": _float,
    "int": _int,
    "len": _len,
    "max": _folded(max, np.max),
    "min": _folded(min, np.min),
    "prod": _folded(_product, np.prod),
    "range": _range,
    "sum": _folded(sum, np.sum),
    "tuple": _tuple,
}

FUNCTIONS: dict[str, Function] = {name: _function(name, call) for name, call in _CALLS.items()}
"""Name -> function."""
