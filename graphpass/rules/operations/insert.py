"""``insert``: a new operator behind a value, before an input, or beside the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from graphpass.errors import OperationError, listed, suggestion
from graphpass.graph import Edit, Entry, Graph, Use
from graphpass.graph.invariants import describe
from graphpass.ops import Operator
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.selectors import Selector, select_entries, select_one
from graphpass.rules.surgery.arrays import new_class
from graphpass.rules.surgery.initial_values import initial_value
from graphpass.rules.surgery.naming import refuse_clashes
from graphpass.rules.surgery.operators import attribute_texts, checked_attrs, find_operator
from graphpass.rules.surgery.slots import find_slot
from graphpass.rules.surgery.stamps import restamp

__all__ = ["Insert"]


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
        self._refuse_contradictions()
        use = None if self.before is None else self._use(graph)
        given = self._given(graph, use)
        where = f"{operator.name} {self.name!r}"
        attrs = checked_attrs(operator, attribute_texts(self.attrs), len(given), where)
        missing = self._missing(operator, attrs, len(given))
        refuse_clashes(
            run,
            variables=missing.values(),
            operators=[self.name],
            advice="choose another name",
        )
        variables = self._add_variables(run, edit, operator, attrs, missing)
        key = edit.add_node(operator.name, self.name, attrs, [*given, *variables])
        self._connect(run, edit, key, given, use)
        states = [
            given[slot].node for slot in graph.signature(key).mutable_slots if slot < len(given)
        ]
        restamp(graph, edit, states)
        return (
            f"inserted {operator.name} {self.name!r} {self._place(graph, given, use)}"
            f"{f'; new variables {listed(missing.values())}' if missing else ''}"
        )

    def _refuse_contradictions(self) -> None:
        places = {"after": self.after, "before": self.before, "inputs": self.inputs}
        chosen = [option for option, value in places.items() if value is not None]
        if len(chosen) != 1:
            raise OperationError(
                f"{self.name!r} needs one of after, before and inputs, which says where; "
                f"it has {' and '.join(chosen) or 'none'}"
            )
        if self.inputs is not None and self.with_:
            raise OperationError(
                f"{self.name!r}: with belongs to after and before; list everything that the "
                "operator reads under inputs"
            )
        if self.heads is not None and self.inputs is None:
            raise OperationError(
                f"{self.name!r}: heads belongs to inputs; after {chosen[0]} the heads follow "
                "from the values that are redirected"
            )
        if self.heads not in (None, "append", "replace"):
            raise OperationError(
                f"{self.name!r}: heads can't be {self.heads!r}; it is append or replace"
            )

    def _use(self, graph: Graph) -> Use:
        """Return the input that `before` names."""
        before = self.before
        assert before is not None
        node: Any = before
        slot: Any = 0
        if isinstance(before, Mapping) and "node" in before:
            unknown = before.keys() - {"node", "input"}
            if unknown:
                raise OperationError(
                    f"{self.name!r}: before has no option {min(unknown)!r}; it has node, input"
                )
            node, slot = before["node"], before.get("input", 0)
        key = select_one(graph, node, kind="operators")
        use = Use(key, find_slot(graph, key, slot))
        if use.slot in graph.signature(key).mutable_slots:
            raise OperationError(
                f"{self.name!r}: {describe(graph, key)} updates what it reads in input "
                f"{slot!r}, which must stay a variable; choose another input"
            )
        return use

    def _given(self, graph: Graph, use: Use | None) -> list[Entry]:
        """Return the values that the rule names, by slot of the new operator."""
        if self.inputs is not None:
            return select_entries(graph, self.inputs)
        if use is not None:
            first = graph.inputs(use.node)[use.slot]
        else:
            assert self.after is not None
            first = _one_entry(graph, self.after)
            if first.node in graph.variable_keys().auxiliary_states:
                raise OperationError(
                    f"{self.name!r}: {graph.name(first.node)!r} is an auxiliary state, which "
                    "its operator reads and updates itself; insert before the input that you mean"
                )
        return [first, *select_entries(graph, self.with_)]

    def _missing(self, operator: Operator, attrs: Mapping[str, str], given: int) -> dict[str, str]:
        """Return the inputs that the rule does not name, with the names of their variables."""
        names = (operator.signature(attrs).input_names or ())[given:]
        for name in self.parameters:
            if name not in names:
                raise OperationError(
                    f"{self.name!r}: parameters names {name!r}{suggestion(name, names)}; "
                    f"the operator's new variables are {listed(names) or 'none'}"
                )
        return {name: f"{self.name}_{name}" if self.name else name for name in names}

    def _add_variables(
        self,
        run: Run,
        edit: Edit,
        operator: Operator,
        attrs: Mapping[str, str],
        missing: Mapping[str, str],
    ) -> list[Entry]:
        """Add the variables that are missing, with the attributes and hints that MXNet gives."""
        parameters = run.model.parameters
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
                    run.folder,
                )
                parameters.set(name, array, new_class(parameters, is_state=is_state))
        return entries

    def _connect(
        self, run: Run, edit: Edit, key: int, given: Sequence[Entry], use: Use | None
    ) -> None:
        graph = run.graph
        if use is not None:
            edit.set_input(use.node, use.slot, Entry(key))
        elif self.after is not None:
            edit.redirect(given[0], Entry(key), keep=[key])
        elif self.heads == "replace":
            edit.set_heads([Entry(key)])
            run.choose_heads([None])
            run.drop_orphans(edit)
        else:
            run.choose_heads([*graph.heads, None])
            edit.set_heads([*graph.heads, Entry(key)])

    def _place(self, graph: Graph, given: Sequence[Entry], use: Use | None) -> str:
        if use is not None:
            return f"before input {use.slot} of {graph.name(use.node)!r}"
        if self.after is not None:
            return f"after {graph.output_name(given[0])!r}"
        return f"on {listed(map(graph.output_name, given))}"


def _one_entry(graph: Graph, selector: Selector) -> Entry:
    entries = select_entries(graph, selector)
    if len(entries) != 1:
        raise OperationError(f"after means one value, not {len(entries)}")
    return entries[0]
