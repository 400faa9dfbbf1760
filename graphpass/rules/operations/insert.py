"""``insert``: a new operator behind a value, before an input, or beside the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from zipfile import BadZipFile

import numpy as np

from graphpass.errors import OperationError, listed, suggestion
from graphpass.formats.ndarray_binary import Array
from graphpass.graph import Edit, Entry, Graph, Use
from graphpass.graph.invariants import describe
from graphpass.ops import Operator
from graphpass.rules.operations.names import refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import (
    attribute_texts,
    checked_attrs,
    find_operator,
    find_slot,
)
from graphpass.rules.operations.region import restamp
from graphpass.rules.reading import Reading, check_regular
from graphpass.rules.selectors import Selector, select_entries, select_one

__all__ = ["Insert", "initial_value"]

_MAX_BYTES = 2**33
"""The largest array that a rule may make."""

_OPTIONS = ("shape", "init", "scale", "value", "seed", "dtype", "file")
_INITS = ("zeros", "ones", "normal", "uniform", "constant")
_SCALES = {"normal": 0.01, "uniform": 0.07}
"""Standard deviation and half width that MXNet's ``Normal`` and ``Uniform`` have by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert(Operation):
    """Add an operator. Inputs that it misses become variables, as when MXNet composes it.

    Examples
    --------
    ``insert: {op: _minus_scalar, name: mean, attrs: {scalar: 127.5}, after: data}`` takes the mean
    off; ``insert: {op: elemwise_sub, name: difference, inputs: [fc1, right_fc1], heads: replace}``
    joins two towers.
    """

    keyword: ClassVar[str] = "insert"

    op: str
    """Name or alias of the operator."""

    name: str
    """Name of the node."""

    attrs: Mapping[str, Any] = field(default_factory=dict)
    """Its attributes."""

    after: Selector | None = None
    """A value: the operator reads it, and whoever used it, as a head too, uses output 0 of the
    operator."""

    before: Selector | None = None
    """An input, as ``{node: fc1, input: data}``: only that one reads output 0 of the operator."""

    inputs: Selector | None = None
    """Values that the operator reads, while nothing is redirected. It becomes a head."""

    with_: Selector = ()
    """With `after` or `before`: what the operator reads besides, from its second input on."""

    heads: Literal["append", "replace"] | None = None
    """With `inputs`: ``append`` the operator to the heads, the default, or ``replace`` them."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Input of the operator to the initial value of its new variable."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Add the operator. Linear in the graph."""
        graph = run.graph
        operator = find_operator(self.op)
        if self.inputs is not None and self.with_:
            raise OperationError(
                f"{self.name!r}: with belongs to after and before; list everything that the "
                "operator reads under inputs"
            )
        if self.heads is not None and self.inputs is None:
            raise OperationError(
                f"{self.name!r}: heads belongs to inputs; with after or before the heads follow "
                "from the values that are redirected"
            )
        use = None
        if self.before is not None:
            node, slot = self.before, 0
            if isinstance(self.before, Mapping) and "node" in self.before:
                unknown = self.before.keys() - {"node", "input"}
                if unknown:
                    raise OperationError(
                        f"{self.name!r}: before has no option {min(unknown)!r}; it has node, input"
                    )
                node, slot = self.before["node"], self.before.get("input", 0)
            reader = select_one(graph, node, kind="operators")
            use = Use(reader, find_slot(graph, reader, slot))
            if use.slot in graph.signature(reader).mutable_slots:
                raise OperationError(
                    f"{self.name!r}: {describe(graph, reader)} updates what it reads in input "
                    f"{slot!r}, which must stay a variable; choose another input"
                )
        given = self._given(graph, use)
        where = f"{operator.name} {self.name!r}"
        attrs = checked_attrs(operator, attribute_texts(self.attrs), len(given), where)
        names = (operator.signature(attrs).input_names or ())[len(given) :]
        for name in self.parameters:
            if name not in names:
                raise OperationError(
                    f"{self.name!r}: parameters names {name!r}{suggestion(name, names)}; "
                    f"the operator's new variables are {listed(names) or 'none'}"
                )
        missing = {name: f"{self.name}_{name}" if self.name else name for name in names}
        refuse_clashes(
            run,
            variables=missing.values(),
            operators=[self.name],
            advice="choose another name",
        )
        variables = self._add_variables(run, edit, operator, attrs, missing)
        key = edit.add_node(operator.name, self.name, attrs, [*given, *variables])
        if use is not None:
            edit.set_input(use.node, use.slot, Entry(key))
            place = f"before input {use.slot} of {graph.name(use.node)!r}"
        elif self.after is not None:
            edit.redirect(given[0], Entry(key), keep=[key])
            place = f"after {graph.output_name(given[0])!r}"
        else:
            heads = [] if self.heads == "replace" else [*graph.heads]
            run.choose_heads([*heads, None])
            edit.set_heads([*heads, Entry(key)])
            if self.heads == "replace":
                run.drop_orphans(edit)
            place = f"on {listed(map(graph.output_name, given))}"
        states = [
            given[slot].node for slot in graph.signature(key).mutable_slots if slot < len(given)
        ]
        restamp(graph, edit, states)
        return (
            f"inserted {operator.name} {self.name!r} {place}"
            f"{f'; new variables {listed(missing.values())}' if missing else ''}"
        )

    def _given(self, graph: Graph, use: Use | None) -> list[Entry]:
        """Return the values that the rule names, by slot of the new operator."""
        if self.inputs is not None:
            return select_entries(graph, self.inputs)
        if use is not None:
            first = graph.inputs(use.node)[use.slot]
        else:
            assert self.after is not None
            entries = select_entries(graph, self.after)
            if len(entries) != 1:
                raise OperationError(f"after means one value, not {len(entries)}")
            first = entries[0]
            if first.node in graph.variable_keys().auxiliary_states:
                raise OperationError(
                    f"{self.name!r}: {graph.name(first.node)!r} is an auxiliary state, which "
                    "its operator reads and updates itself; insert before the input that you mean"
                )
        return [first, *select_entries(graph, self.with_)]

    def _add_variables(
        self,
        run: Run,
        edit: Edit,
        operator: Operator,
        attrs: Mapping[str, str],
        missing: Mapping[str, str],
    ) -> list[Entry]:
        """Add the variables that are missing, with the attributes and hints that MXNet gives."""
        signature = operator.signature(attrs)
        first = (signature.num_inputs or 0) - len(missing)
        entries = []
        for slot, (input_name, name) in enumerate(missing.items(), first):
            hints = dict(attrs)
            if slot in signature.initializers:
                hints.setdefault("__init__", signature.initializers[slot])
            is_state = slot in signature.mutable_slots
            entries.append(Entry(edit.add_variable(name, hints), 0, int(is_state)))
            if input_name in self.parameters:
                array = initial_value(
                    self.parameters[input_name],
                    f"{self.name!r}: parameters: {input_name}",
                    run.reading,
                )
                run.store(name, array, is_state=is_state)
        return entries


def initial_value(description: Any, what: str, reading: Reading) -> Array:
    """Return the array that a rule describes.

    Parameters
    ----------
    description : mapping or array
        ``{shape: [8, 3], init: normal, scale: 0.01, seed: 7, dtype: float32}``,
        ``{value: 127.5, shape: [1]}``, ``{value: [1, 2]}``, ``{file: weight.npy}``, or the array.
    what : str
        How messages call it.
    reading : Reading
        Where a relative path starts, and which files may be read.

    Raises
    ------
    OperationError
        If an option is unknown, missing or has no meaning, a file can't be read, or the array
        would be larger than 8 GiB.

    Notes
    -----
    The same description gives the same array: the seed is 0 if none is given.
    """
    if isinstance(description, np.ndarray):
        return description
    if not isinstance(description, Mapping):
        raise OperationError(
            f"{what}: {description!r} describes no array; write {{shape: [...], init: zeros}} or "
            "{file: array.npy}"
        )
    for option in description:
        if option not in _OPTIONS:
            raise OperationError(
                f"{what} has no option {option!r}{suggestion(str(option), _OPTIONS)}; "
                f"it has {', '.join(_OPTIONS)}"
            )
    if "file" in description:
        path = reading.path(str(description["file"]))
        try:
            check_regular(path)
            found = np.load(path, allow_pickle=False)
        except OSError as error:
            raise OperationError(f"{what}: {path}: {error.strerror or error}") from None
        except (ValueError, EOFError, BadZipFile, MemoryError):
            raise OperationError(f"{what}: {path} is no .npy file of one array") from None
        if not isinstance(found, np.ndarray):
            raise OperationError(f"{what}: {path} holds several arrays; save the one as .npy")
        return found
    try:
        dtype = np.dtype(description.get("dtype", "float32"))
    except TypeError:
        raise OperationError(
            f"{what}: {description['dtype']!r} is no type; write float32, float16, int32, …"
        ) from None
    init = description.get("init", "constant" if "value" in description else None)
    if init not in _INITS:
        raise OperationError(
            f"{what}: init can't be {init!r}{suggestion(str(init), _INITS)}; "
            f"it is one of {', '.join(_INITS)}"
        )
    try:
        if init == "constant":
            return _constant(description, dtype, what)
        shape = _shape(description, dtype, what)
        if init in ("zeros", "ones"):
            return np.full(shape, init == "ones", dtype)
        scale = float(description.get("scale", _SCALES[init]))
        random = np.random.default_rng(description.get("seed", 0))
        drawn = random.normal(0, scale, shape) if init == "normal" else None
        return np.asarray(random.uniform(-scale, scale, shape) if drawn is None else drawn, dtype)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, OperationError):
            raise
        raise OperationError(f"{what}: {error}") from None


def _shape(description: Mapping[str, Any], dtype: np.dtype[Any], what: str) -> tuple[int, ...]:
    shape = description.get("shape")
    if not isinstance(shape, list | tuple) or not all(
        type(size) is int and size >= 0 for size in shape
    ):
        raise OperationError(f"{what} needs a shape, such as shape: [10, 512]; {shape!r} is none")
    # A size of 0 counts as 1, so that no other one is beyond what NumPy can take.
    size = max(dtype.itemsize, 1) * math.prod(max(size, 1) for size in shape)
    if size > _MAX_BYTES:
        raise OperationError(
            f"{what}: an array of that shape and of {dtype} is larger than 8 GiB; write a smaller "
            "shape, or save the array and write {file: array.npy}"
        )
    return tuple(shape)


def _constant(description: Mapping[str, Any], dtype: np.dtype[Any], what: str) -> Array:
    if "value" not in description:
        raise OperationError(f"{what}: init: constant needs a value, such as value: 0.25")
    try:
        value = np.asarray(description["value"], dtype)
    except (TypeError, ValueError, OverflowError):
        raise OperationError(
            f"{what}: the value is no array of {dtype}; write a number, or numbers in lists of "
            "equal length"
        ) from None
    if "shape" not in description:
        return value
    return np.array(np.broadcast_to(value, _shape(description, dtype, what)))
