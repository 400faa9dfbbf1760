"""The graph that lowerings make: values, nodes, graphs; and the builder that makes nodes of it.

What one lowering makes reads values of MXNet's graph as `Entry` until the driver puts all pieces
together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from graphpass.errors import OperationError
from graphpass.graph import Entry
from graphpass.ops.onnx import DTYPES, OnnxOperator, onnx_operator, unknown_onnx_operator
from graphpass.rules.rewrite.lowering import attribute_fault

__all__ = [
    "TargetBuilder",
    "TargetConstant",
    "TargetGraph",
    "TargetNode",
    "TargetSource",
    "TargetValue",
]


@dataclass(eq=False, slots=True)
class TargetValue:
    """One value: an input of the graph, or an output of a node."""

    label: str = ""
    """What the lowering calls it; its name is made of it."""

    dtype: str | None = None
    """MXNet's name of its dtype, as far as it is known."""

    shape: tuple[int | str | None, ...] | None = None
    """As far as it is known; a text is the name of an open extent."""

    name: str = ""
    """Its name in the file."""


@dataclass(eq=False, slots=True)
class TargetConstant(TargetValue):
    """A value that is stored in the file."""

    array: Any = None
    """The array; of a parameter, as it is mapped from its file."""

    is_parameter: bool = False
    """Whether it is a parameter of the model, which keeps its name."""


TargetSource: TypeAlias = "TargetValue | Entry"
"""What a node may read; an `Entry` until the graph is put together."""


@dataclass(eq=False, slots=True)
class TargetNode:
    """One operator."""

    op: str
    inputs: list[Any]
    """`TargetSource`, or None where an optional one is left out."""

    outputs: list[TargetValue]
    attributes: dict[str, Any] = field(default_factory=dict)
    """Number, text, array, `TargetGraph`, or tuple of numbers or texts."""

    domain: str = ""
    label: str = ""
    """What the lowering calls it."""

    name: str = ""
    """Its name in the file."""

    rule: str = ""
    """Which lowering made it."""

    made_of: str = ""
    """Of which node of MXNet's graph."""

    def subgraphs(self) -> Iterator[TargetGraph]:
        """Yield the graphs that it runs."""
        return (each for each in self.attributes.values() if isinstance(each, TargetGraph))


@dataclass(eq=False, slots=True)
class TargetGraph:
    """A graph: the whole, or one that a node runs, which may read values of the graph around it."""

    inputs: list[TargetValue] = field(default_factory=list)
    nodes: list[TargetNode] = field(default_factory=list)
    """Each after what it reads."""

    outputs: list[Any] = field(default_factory=list)
    name: str = "graph"

    def reads(self) -> Iterator[tuple[list[Any], int]]:
        """Yield every place in which something is read, those inside nodes too."""
        for node in self.nodes:
            yield from ((node.inputs, slot) for slot in range(len(node.inputs)))
            yield from chain.from_iterable(each.reads() for each in node.subgraphs())
        yield from ((self.outputs, place) for place in range(len(self.outputs)))

    def constants(self) -> list[TargetConstant]:
        """Return the stored values that are read, each once, in the order of their readers."""
        found = [place[slot] for place, slot in self.reads()]
        return list(dict.fromkeys([each for each in found if isinstance(each, TargetConstant)]))

    def drop_unused(self) -> None:
        """Take out the nodes that no output needs. Linear."""
        needed = {id(each) for each in self.outputs}
        kept = []
        for node in reversed(self.nodes):
            if any(id(each) in needed for each in node.outputs):
                kept.append(node)
                needed |= {id(each) for each in node.inputs}
                for graph in node.subgraphs():
                    graph.drop_unused()
                    needed |= {id(place[slot]) for place, slot in graph.reads()}
        self.nodes = kept[::-1]

    def __str__(self) -> str:
        """Return one line for each node, for tests and for who debugs a lowering."""
        return "\n".join(
            f"{', '.join(out.name or out.label for out in node.outputs)} = {node.op}("
            + ", ".join(
                [getattr(each, "name", "") or str(each and each) for each in node.inputs]
                + [f"{key}={value}" for key, value in node.attributes.items()]
            )
            + ")"
            for node in self.nodes
        )


class TargetBuilder:
    """Makes the nodes of one piece of the graph, checked against the table of the opset.

    Parameters
    ----------
    opset : int
        The opset.
    dtype_of : callable
        Returns the dtype of a value of MXNet's graph, or None.
    graph : TargetGraph, optional
        Where the nodes go; a new one if absent.
    """

    def __init__(self, opset: int, dtype_of: Any, graph: TargetGraph | None = None) -> None:
        self.opset = opset
        self.graph = TargetGraph() if graph is None else graph
        self._dtype_of = dtype_of

    def op(self, op: str, *inputs: Any, outputs: int | None = None, **attributes: Any) -> Any:
        """Add an operator.

        Parameters
        ----------
        op : str
            Its name, of ONNX's own domain unless ``domain`` is among the attributes.
        inputs
            `TargetSource`, None, or what `constant` takes, which becomes an initializer of the type
            that the operator wants there. None at the end is left out.
        outputs : int, optional
            How many outputs it is to have; as many as it must have if absent.
        attributes
            None leaves one out. ``label`` says what names are made of.

        Returns
        -------
        TargetValue or list of TargetValue
            The output; a list if `outputs` is given or it must have several.

        Raises
        ------
        OperationError
            If the opset has no such operator, or it can't be used like this.
        """
        domain, label = attributes.pop("domain", ""), attributes.pop("label", op.lower())
        given = list(inputs)
        while given and given[-1] is None:
            given.pop()
        operator = None if domain else onnx_operator(op, self.opset)
        if operator is None and not domain:
            raise OperationError(unknown_onnx_operator(op, self.opset))
        kept = {key: value for key, value in attributes.items() if value is not None}
        if operator is not None:
            _to_version(operator, given, kept)
        number = outputs
        if operator is not None:
            kept = _typed(operator, kept)
            number = max(operator.least_outputs, outputs or 1)
            given = self._inputs(operator, given)
        made = [TargetValue(label) for _ in range(number or 1)]
        node = TargetNode(op, given, made, kept, domain, label)
        if operator is not None:
            self._tell_dtypes(operator, node)
        else:
            node.inputs = [
                each if each is None or isinstance(each, TargetValue | Entry) else constant(each)
                for each in given
            ]
        self.graph.nodes.append(node)
        return made[0] if outputs is None and len(made) == 1 else made

    def subgraph(self, inputs: Sequence[TargetValue] = ()) -> TargetBuilder:
        """Return a builder of a graph for an attribute: its `graph`, once ``outputs`` are set."""
        return TargetBuilder(self.opset, self._dtype_of, TargetGraph(list(inputs)))

    def dtype(self, source: Any) -> str | None:
        """Return the dtype of a source, or None where it is not known."""
        found = self._dtype_of(source) if isinstance(source, Entry) else source.dtype
        return found if found is None else str(found)

    def _inputs(self, operator: OnnxOperator, given: list[Any]) -> list[Any]:
        """Return the inputs, constants of the types that the operator wants."""
        least, most = operator.least_inputs, operator.most_inputs
        if len(given) < least or (most is not None and len(given) > most):
            raise OperationError(f"onnx.{operator.name} can't have {len(given)} inputs")
        letters = self._letters(operator, given)
        found: list[Any] = []
        for slot, each in enumerate(given):
            formal = operator.input(slot)
            if each is None:
                if not formal.optional:
                    raise OperationError(f"onnx.{operator.name} needs {formal.name}")
                found.append(None)
                continue
            allowed = operator.dtypes(formal)
            if not isinstance(each, TargetValue | Entry):
                each = constant(
                    each, None if formal.mixed else letters.get(formal.kind), allowed, formal.name
                )
                letters.setdefault(formal.kind, each.dtype or "")
            dtype, wanted = self.dtype(each), letters.get(formal.kind)
            differs = wanted and not formal.mixed and dtype != wanted
            if dtype is not None and (dtype not in allowed or differs):
                said = wanted if differs else " or ".join(sorted(allowed & DTYPES.keys()))
                raise OperationError(
                    f"{formal.name} of onnx.{operator.name} would be {dtype}, and is to be {said}"
                )
            found.append(each)
        return found

    def _letters(self, operator: OnnxOperator, given: Sequence[Any]) -> dict[str, str]:
        """Return which type each letter stands for, as far as values and arrays tell."""
        letters: dict[str, str] = {}
        for strong in (TargetValue | Entry, np.ndarray):
            for slot, each in enumerate(given):
                formal = operator.input(slot)
                if isinstance(each, strong) and not formal.mixed:
                    known = each.dtype.name if isinstance(each, np.ndarray) else self.dtype(each)
                    if known is not None and formal.kind in operator.types:
                        letters.setdefault(formal.kind, known)
        return letters

    def _tell_dtypes(self, operator: OnnxOperator, node: TargetNode) -> None:
        """Say what the outputs are, as far as the table tells."""
        letters = self._letters(operator, node.inputs)
        names = {number: name for name, number in DTYPES.items()}
        for slot, value in enumerate(node.outputs):
            formal = operator.output(slot)
            allowed = operator.dtypes(formal)
            if len(allowed) == 1:
                [value.dtype] = allowed
            elif node.op == "Cast":
                value.dtype = names.get(node.attributes["to"])
            elif node.op == "ConstantOfShape":
                array = node.attributes.get("value")
                value.dtype = "float32" if array is None else array.dtype.name
            elif node.op not in ("If", "Loop", "Scan", "EyeLike"):
                value.dtype = letters.get(formal.kind)


def _to_version(operator: OnnxOperator, given: list[Any], attributes: dict[str, Any]) -> None:
    """Write what lowerings write as opset 18 has it as another opset has it."""
    if operator.name.startswith("Reduce") and "axes" in operator.attributes and len(given) == 2:
        attributes["axes"] = tuple(np.asarray(_plain(given.pop())).tolist())
    if operator.name == "Split" and "num_outputs" not in operator.attributes:
        attributes.pop("num_outputs", None)
    if operator.name == "GridSample" and attributes.get("mode") == "bilinear":
        attributes["mode"] = str(operator.attributes["mode"].default)  # linear from opset 20 on


def _plain(value: Any) -> Any:
    if isinstance(value, Entry | TargetValue) and not isinstance(value, TargetConstant):
        raise OperationError("axes of a reduction have to be constant in opset 17")
    return value.array if isinstance(value, TargetConstant) else value


def constant(
    value: Any,
    wanted: str | None = None,
    allowed: frozenset[str] = frozenset(),
    label: str = "constant",
) -> TargetConstant:
    """Make a stored value of a number, a tuple of numbers or an array.

    Parameters
    ----------
    value : number, tuple or array
        What it holds. An array keeps its type.
    wanted : str, optional
        The type of a number or tuple.
    allowed : frozenset of str
        The types that it may have.
    label : str
        What it is called.

    Raises
    ------
    OperationError
        If it is none of these, or a number does not fit the type.
    """
    if isinstance(value, np.ndarray | np.generic):
        return TargetConstant(label, value.dtype.name, tuple(value.shape), array=value)
    array = np.asarray(value)
    if array.dtype.kind not in "bif":
        if not array.size:
            array = np.zeros(0, np.int64)
        else:
            raise OperationError(f"{label} would be {value!r}, which is no number and no array")
    if not wanted:
        natural = {"b": "bool", "i": "int64", "f": "float32"}[array.dtype.kind]
        usual = [natural, *(["float32"] if natural == "int64" else []), *sorted(allowed)]
        wanted = next((each for each in usual if not allowed or each in allowed), natural)
    made = array.astype(wanted)
    if array.dtype.kind == "f" and made.dtype.kind in "iu" and not np.array_equal(made, array):
        raise OperationError(
            f"{label} would be {value!r} as {wanted}; say how it is rounded, as in "
            f"astype({value!r}, {wanted!r})"
        )
    return TargetConstant(label, wanted, tuple(made.shape), array=made)


def _typed(operator: OnnxOperator, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes of the types that the table says."""
    found: dict[str, Any] = {}
    for name, given in attributes.items():
        spec = operator.attributes.get(name)
        if spec is None:
            raise OperationError(f"onnx.{operator.name} has no attribute {name!r} in this opset")
        value = given.item() if isinstance(given, np.generic) else given
        if isinstance(value, np.ndarray) and spec.kind != "TENSOR":
            value = value.tolist() if value.ndim == 0 else tuple(value.tolist())
        if spec.kind == "TENSOR":
            value = value if isinstance(value, np.ndarray) else constant(value).array
        elif spec.kind != "GRAPH":
            value = tuple(value) if isinstance(value, list) else value
            fault = attribute_fault(name, spec, value)
            if fault:
                raise OperationError(f"{name} of onnx.{operator.name} {fault}")
        if spec.kind == "INT":
            value = DTYPES[value] if isinstance(value, str) else int(value)
        elif spec.kind == "FLOAT":
            value = float(value)
        elif spec.kind == "FLOATS":
            value = tuple(map(float, value))
        elif spec.kind == "INTS":
            value = tuple(map(int, value))
        if spec.default is None or value != (
            tuple(spec.default) if isinstance(spec.default, list) else spec.default
        ):
            found[name] = value
    return found
