"""``set``: attributes, hints of variables, heads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from graphpass.errors import AttributeValueError, OperationError, count, listed
from graphpass.graph import Edit
from graphpass.graph.invariants import check_attributes
from graphpass.ops import format_value
from graphpass.rules.limits import MAX_INT, MAX_RANK
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import as_tuples
from graphpass.rules.operations.weights import shape_hint
from graphpass.rules.selectors import Kind, Selector, select, select_entries
from graphpass.shapes.variables import batch_axis, is_shared

__all__ = ["Set"]

_DTYPES = {
    "float32": 0,
    "float64": 1,
    "float16": 2,
    "uint8": 3,
    "int32": 4,
    "int8": 5,
    "int64": 6,
    "bool": 7,
    "bfloat16": 12,
}
_STORAGE_TYPES = {"default": 0, "row_sparse": 1, "csr": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Operation):
    """Set attributes of nodes, hints of variables, or what the graph returns.

    Hints become the attributes that ``mx.sym.var`` writes: ``shape`` is ``__shape__``, ``dtype``
    is the code of the type in ``__dtype__``.

    Examples
    --------
    ``set: {select: "op:Dropout", attrs: {p: 0.1}}``, ``set: {select: data, shape: [1, 3, 32]}``,
    ``set: {select: "glob:*", free: 96}`` and ``set: {heads: [fc1, flatten0]}``.
    """

    keyword: ClassVar[str] = "set"

    select: Selector | None = None
    """The nodes to change; variables if there are hints."""

    attrs: Mapping[str, Any] | None = None
    """Attribute -> text or value; None removes it."""

    shape: Sequence[int] | None = None
    """Shape hint."""

    dtype: str | None = None
    """Type hint, such as ``float16``."""

    lr_mult: float | None = None
    """Multiplier of the learning rate."""

    wd_mult: float | None = None
    """Multiplier of the weight decay."""

    init: str | Sequence[Any] | None = None
    """Initializer: its name, or a list of name and options."""

    storage_type: str | None = None
    """``default``, ``row_sparse`` or ``csr``."""

    free: int | None = None
    """A batch size that the shape hints of inputs are to leave open.

    Without stored parameters the inputs are those whose shapes are given, or else the variables
    that do not look like weights.
    """

    heads: Selector | None = None
    """The values that the graph returns from now on."""

    optional: bool = False
    """Whether selecting nothing is fine."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Set them. Linear in the graph."""
        done = []
        graph, changes = run.graph, self._changes()
        if self.select is not None and changes:
            kind: Kind = "variables" if self._hints() else "both"
            keys = select(graph, self.select, kind=kind, optional=self.optional)
            for key in keys:
                edit.update_attrs(key, changes)
            check_attributes(graph, keys, AttributeValueError)
            done.append(f"set {listed(changes)} of {count(len(keys), 'node')}")
        if self.select is not None and self.free is not None:
            done.append(self._free(run, edit, self.select, self.free))
        if self.heads is not None:
            heads = select_entries(run.graph, self.heads)
            edit.set_heads(heads)
            run.choose_heads(heads)
            run.drop_orphans(edit)
            done.append(f"the graph returns {listed(run.graph.outputs)}")
        return "; ".join(done)

    def _free(self, run: Run, edit: Edit, selector: Selector, size: int) -> str:
        """Leave the extent of the batch axis open: the first one, or the N of ``__layout__``."""
        graph, inputs = run.graph, {*run.model.inputs, *run.shapes}
        unknown = -1 if graph.origin is not None and graph.origin.np_shape else 0
        held: dict[int, Sequence[int]] = {}
        for key in select(graph, selector, kind="variables", optional=self.optional):
            shape, axis = shape_hint(graph.attrs(key)) or (), batch_axis(graph.attrs(key))
            if graph.name(key) in inputs and axis < len(shape) and shape[axis] == size:
                held[key] = (*shape[:axis], unknown, *shape[axis + 1 :])
        fed = [*held]  # stored parameters tell the inputs, or else the user, or else their uses
        if not run.model.parameters and run.shapes:
            fed = [key for key in held if graph.name(key) in run.shapes]
        elif not run.model.parameters:
            shape_of = run.model.infer().shape
            fed = [key for key in held if not is_shared(graph, shape_of, key)]
        for key in fed:
            edit.update_attrs(key, {"__shape__": str(held[key])})
        left = [graph.name(key) for key in held if key not in fed]
        if left:
            run.note(
                f"left alone: the shape hint of {listed(left)}, as it looks like a weight and no "
                "parameters are there to tell; name all inputs with --input"
            )
        freed = [graph.name(key) for key in fed]
        named = f" ({listed(freed)})" if freed else ""
        return f"left the batch size open in {count(len(freed), 'shape hint')}{named}"

    def _changes(self) -> dict[str, str | None]:
        given = {name: _text(value, name) for name, value in (self.attrs or {}).items()}
        return given | self._hints()

    def _hints(self) -> dict[str, str | None]:
        """Return the hints that are given, as MXNet spells them.

        Source: ``mx.sym.var`` of MXNet 1.9.1.
        """
        hints: dict[str, str | None] = {}
        if self.shape is not None:
            shape = tuple(map(int, self.shape))
            if len(shape) > MAX_RANK or math.prod(max(1, size) for size in shape) > MAX_INT:
                raise OperationError(
                    f"no array has the shape {shape}: there are at most {MAX_RANK} dimensions and "
                    "2^63 elements"
                )
            hints["__shape__"] = str(shape)
        if self.lr_mult is not None:
            hints["__lr_mult__"] = _text(self.lr_mult, "lr_mult")
        if self.wd_mult is not None:
            hints["__wd_mult__"] = _text(self.wd_mult, "wd_mult")
        if self.dtype is not None:
            hints["__dtype__"] = str(_DTYPES[self.dtype])
        if self.init is not None:
            init = self.init
            hints["__init__"] = init if isinstance(init, str) else json.dumps(init)
        if self.storage_type is not None:
            hints["__storage_type__"] = str(_STORAGE_TYPES[self.storage_type])
        return hints


def _text(value: Any, what: str) -> str | None:
    """Print a value as MXNet's front ends do; YAML has lists where they write tuples."""
    if isinstance(value, float) and not math.isfinite(value):
        raise OperationError(
            f"{what} can't be {value}, which is no finite number; where an operator takes it, "
            f"write the text '{value}'"
        )
    return value if value is None or isinstance(value, str) else format_value(as_tuples(value))
