"""What an operator reads and returns, as a function of its attributes.

The operator table writes a signature as two lines of text, `inputs` and `outputs`. Each is a list
of items between blanks::

    data weight bias?no_bias=False                 an input that exists under a condition
    data gamma beta &moving_mean &moving_var       `&`: the operator mutates this input
    (arg#)*num_args                                repeated; `#` becomes 0, 1, 2, ...
    (weight_# grad_# &mom_#)*num_weights lrs wds   interleaved
    (_)*num_args-1                                 `_`: MXNet has no name for it
    _ _ &_ ...                                     and any number more
    output mean~output_mean_var=False              hidden under a condition
    output mask~                                   always hidden

A condition is `attribute=value`, `attribute=value,value` or `attribute!=value,value`; `+` joins
conditions that must all hold, and `|` joins alternatives. `attribute.ndim` is a tuple's length,
which is compared with numbers and other lengths. Other values are texts of the attribute's own
type, so ``False`` also stands for ``0``.

A third line, `requires`, lists conditions without which MXNet refuses the node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from graphpass.errors import AttributeValueError
from graphpass.ops.values import Constant

__all__ = ["Item", "Requirement", "Signature", "SignatureTemplate"]

_Parse = Callable[[str, str], Constant]
"""(attribute, text) -> value."""

_ANY_MORE = "..."
_LARGEST_COUNT = 2**17
"""A file may ask for any number of inputs; names are made for each, so there is an end to it."""

_ITEM = re.compile(
    r"(?:\((?P<group>[^)]*)\)\*(?P<count>\w+(?:\.ndim)?)(?P<change>[+-]\d+|/\d+)?"
    r"|(?P<mutable>&?)(?P<name>[\w#]+))"
    r"(?:\?(?P<exists>[^\s~]+))?(?P<tilde>~(?P<hidden>\S*))?"
)
_SPLIT = re.compile(r"(?:\([^)]*\)|\S)+")
_TERM = re.compile(r"(?P<attribute>\w+)(?P<ndim>\.ndim)?(?P<negated>!?)=(?P<values>.*)")


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of an operator with given attributes."""

    num_inputs: int | None
    """Number of inputs; ``None`` where MXNet takes any number."""

    input_names: tuple[str, ...] | None
    """Suffix of the variable that MXNet creates for each missing input, or ``None``."""

    mutable_slots: tuple[int, ...]
    """Slots whose variables the operator writes to: auxiliary states."""

    num_outputs: int
    """Outputs in total, hidden ones too: the step of ``node_row_ptr``."""

    num_visible_outputs: int
    """Outputs that composing the operator yields: always the first ones."""

    output_names: tuple[str, ...]
    """Suffix of each output's name, hidden ones too."""

    initializers: Mapping[int, str]
    """Slot to the ``__init__`` text that MXNet gives a variable there that has none."""


@dataclass(frozen=True, slots=True)
class _Term:
    attribute: str
    ndim: bool
    negated: bool
    values: tuple[Constant, ...]
    lengths_of: tuple[str, ...]
    """Attributes whose length is a value too."""

    def holds(self, attributes: Mapping[str, Constant]) -> bool:
        value = attributes[self.attribute]
        if self.ndim:
            value = _length(value)
        known = value in self.values or any(
            value == _length(attributes[other]) for other in self.lengths_of
        )
        return known != self.negated

    def decided(self, known: Mapping[str, Constant]) -> bool | None:
        if self.attribute in known and all(other in known for other in self.lengths_of):
            return self.holds(known)
        return None


def _all_decided(terms: Sequence[_Term], known: Mapping[str, Constant]) -> bool | None:
    verdicts = [term.decided(known) for term in terms]
    if False in verdicts:
        return False
    return None if None in verdicts else True


@dataclass(frozen=True, slots=True)
class _Condition:
    alternatives: tuple[tuple[_Term, ...], ...]

    def holds(self, attributes: Mapping[str, Constant]) -> bool:
        return any(all(term.holds(attributes) for term in terms) for terms in self.alternatives)

    def decided(self, known: Mapping[str, Constant]) -> bool | None:
        """Return whether it holds when only some attributes are known; None where that is open."""
        verdicts = [_all_decided(terms, known) for terms in self.alternatives]
        if True in verdicts:
            return True
        return None if None in verdicts else False


_ALWAYS = _Condition(((),))
_NEVER = _Condition(())


@dataclass(frozen=True, slots=True)
class _Count:
    attribute: str
    ndim: bool
    change: str
    """What is done to the attribute's value: nothing, or such as `-1` or `/2`."""

    def value(self, attributes: Mapping[str, Constant]) -> int:
        value = attributes[self.attribute]
        count = _length(value) if self.ndim else value
        if not isinstance(count, int):
            return 0
        if count > _LARGEST_COUNT:
            raise AttributeValueError(
                f"attribute {self.attribute} counts {count}, and no more than {_LARGEST_COUNT} "
                "inputs or outputs are supported"
            )
        if self.change.startswith("/"):
            return max(0, count // int(self.change[1:]))
        return max(0, count + int(self.change or 0))


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list of inputs or outputs: a slot, or a repeated group of slots."""

    names: tuple[tuple[str, bool], ...]
    """(name, mutable) of each slot of the group."""
    count: _Count | None
    exists: _Condition
    hidden: _Condition

    def slots(self, attributes: Mapping[str, Constant]) -> list[tuple[str, bool]]:
        """Return (name, mutable) of each slot that exists with these attribute values."""
        if not self.exists.holds(attributes):
            return []
        if self.count is None:
            return list(self.names)
        return [
            (name.replace("#", str(index)), mutable)
            for index in range(self.count.value(attributes))
            for name, mutable in self.names
        ]


@dataclass(frozen=True, slots=True)
class SignatureTemplate:
    """A signature whose conditions and counts wait for attribute values."""

    inputs: tuple[Item, ...]
    open_ended: bool
    """Whether any number of inputs may follow."""
    outputs: tuple[Item, ...]
    initializers: Mapping[int, str]
    attributes: tuple[str, ...]
    """The attributes that the signature depends on."""

    @classmethod
    def from_text(
        cls, inputs: str, outputs: str, initializers: Mapping[int, str], parse: _Parse
    ) -> SignatureTemplate:
        """Read the two lines of the operator table; `parse` reads the values in conditions."""
        depends: dict[str, None] = {}
        read_inputs = _read_items(inputs.removesuffix(_ANY_MORE), parse, depends)
        read_outputs = _read_items(outputs, parse, depends)
        open_ended = inputs.endswith(_ANY_MORE)
        return cls(read_inputs, open_ended, read_outputs, initializers, tuple(depends))

    def signature(self, attributes: Mapping[str, Constant]) -> Signature:
        """Return the signature for the given values of `self.attributes`.

        Raises
        ------
        AttributeValueError
            A count is beyond all reason.
        """
        slots = [slot for item in self.inputs for slot in item.slots(attributes)]
        outputs = [
            (name, item.hidden.holds(attributes))
            for item in self.outputs
            for name, _ in item.slots(attributes)
        ]
        names = tuple(name for name, _ in slots)
        return Signature(
            num_inputs=None if self.open_ended else len(slots),
            input_names=None if self.open_ended else _input_names(names),
            mutable_slots=tuple(slot for slot, (_, mutable) in enumerate(slots) if mutable),
            num_outputs=len(outputs),
            num_visible_outputs=sum(not hidden for _, hidden in outputs),
            output_names=_output_names([name for name, _ in outputs]),
            initializers=MappingProxyType(
                {slot: text for slot, text in self.initializers.items() if slot < len(slots)}
            ),
        )


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition on attribute values without which MXNet refuses a node."""

    text: str
    attributes: tuple[str, ...]
    """The attributes that it looks at."""
    condition: _Condition

    @classmethod
    def from_text(cls, text: str, parse: _Parse) -> Requirement:
        """Read one condition of the operator table."""
        depends: dict[str, None] = {}
        condition = _read_condition(text, parse, depends)
        return cls(text, tuple(depends), condition)

    def holds(self, attributes: Mapping[str, Constant]) -> bool:
        """Return whether the values of `self.attributes` meet the condition."""
        return self.condition.holds(attributes)


def _input_names(names: tuple[str, ...]) -> tuple[str, ...] | None:
    if "_" not in names:
        return names
    return ("data",) if len(names) == 1 else None


def _output_names(names: list[str]) -> tuple[str, ...]:
    if "_" not in names:
        return tuple(names)
    if len(names) == 1:
        return ("output",)
    return tuple(f"output{index}" for index in range(len(names)))


def _read_items(text: str, parse: _Parse, depends: dict[str, None]) -> tuple[Item, ...]:
    return tuple(_read_item(item, parse, depends) for item in _SPLIT.findall(text))


def _read_item(text: str, parse: _Parse, depends: dict[str, None]) -> Item:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValueError(f"not a signature item: {text!r}")
    exists = _read_condition(match["exists"], parse, depends) if match["exists"] else _ALWAYS
    hidden = _NEVER
    if match["tilde"]:
        hidden = _read_condition(match["hidden"], parse, depends) if match["hidden"] else _ALWAYS
    if match["count"] is None:
        return Item(((match["name"], bool(match["mutable"])),), None, exists, hidden)
    attribute, _, ndim = match["count"].partition(".")
    depends[attribute] = None
    count = _Count(attribute, bool(ndim), match["change"] or "")
    names = tuple((name.lstrip("&"), name.startswith("&")) for name in match["group"].split())
    return Item(names, count, exists, hidden)


def _read_condition(text: str, parse: _Parse, depends: dict[str, None]) -> _Condition:
    return _Condition(
        tuple(
            tuple(_read_term(term, parse, depends) for term in alternative.split("+"))
            for alternative in text.split("|")
        )
    )


def _read_term(text: str, parse: _Parse, depends: dict[str, None]) -> _Term:
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(f"not a signature condition: {text!r}")
    attribute = match["attribute"]
    depends[attribute] = None
    texts = match["values"].split(",")
    negated = bool(match["negated"])
    if not match["ndim"]:
        values = tuple(parse(attribute, each) for each in texts)
        return _Term(attribute, False, negated, values, ())
    lengths = tuple(int(each) for each in texts if each.isdigit())
    others = tuple(each.removesuffix(".ndim") for each in texts if not each.isdigit())
    depends.update(dict.fromkeys(others))
    return _Term(attribute, True, negated, lengths, others)


def _length(value: Constant) -> int:
    return len(value) if isinstance(value, tuple) else -1
