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
conditions that must all hold, and `|` joins alternatives. `attribute.ndim` is the length of a tuple.
Values are texts of the attribute's own type, so ``False`` also stands for ``0``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphpass.ops.signature import Signature
from graphpass.ops.values import Value

__all__ = ["SignatureTemplate"]

_Parse = Callable[[str, str], Value]
"""(attribute, text) -> value."""

_ANY_MORE = "..."
_ITEM = re.compile(
    r"(?:\((?P<group>[^)]*)\)\*(?P<count>\w+(?:\.ndim)?)(?P<change>[+-]\d+|/\d+)?"
    r"|(?P<mutable>&?)(?P<name>[\w#]+))"
    r"(?:\?(?P<exists>[^\s~]+))?(?P<tilde>~(?P<hidden>\S*))?"
)
_SPLIT = re.compile(r"(?:\([^)]*\)|\S)+")
_TERM = re.compile(r"(?P<attribute>\w+)(?P<ndim>\.ndim)?(?P<negated>!?)=(?P<values>.*)")


@dataclass(frozen=True, slots=True)
class _Term:
    attribute: str
    ndim: bool
    negated: bool
    values: tuple[Value, ...]

    def holds(self, attributes: Mapping[str, Value]) -> bool:
        value = attributes[self.attribute]
        if self.ndim:
            value = _length(value)
        return (value in self.values) != self.negated


@dataclass(frozen=True, slots=True)
class _Condition:
    alternatives: tuple[tuple[_Term, ...], ...]

    def holds(self, attributes: Mapping[str, Value]) -> bool:
        return any(all(term.holds(attributes) for term in terms) for terms in self.alternatives)


_ALWAYS = _Condition(((),))
_NEVER = _Condition(())


@dataclass(frozen=True, slots=True)
class _Count:
    attribute: str
    ndim: bool
    change: str
    """What is done to the attribute's value: nothing, or such as `-1` or `/2`."""

    def value(self, attributes: Mapping[str, Value]) -> int:
        value = attributes[self.attribute]
        count = _length(value) if self.ndim else value
        if not isinstance(count, int):
            return 0
        if self.change.startswith("/"):
            return max(0, count // int(self.change[1:]))
        return max(0, count + int(self.change or 0))


@dataclass(frozen=True, slots=True)
class _Item:
    names: tuple[tuple[str, bool], ...]
    """(name, mutable) of each slot of the group."""
    count: _Count | None
    exists: _Condition
    hidden: _Condition

    def slots(self, attributes: Mapping[str, Value]) -> list[tuple[str, bool]]:
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

    inputs: tuple[_Item, ...]
    open_ended: bool
    """Whether any number of inputs may follow."""
    outputs: tuple[_Item, ...]
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

    def signature(self, attributes: Mapping[str, Value]) -> Signature:
        """Return the signature for the given values of `self.attributes`."""
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


def _read_items(text: str, parse: _Parse, depends: dict[str, None]) -> tuple[_Item, ...]:
    return tuple(_read_item(item, parse, depends) for item in _SPLIT.findall(text))


def _read_item(text: str, parse: _Parse, depends: dict[str, None]) -> _Item:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValueError(f"not a signature item: {text!r}")
    exists = _read_condition(match["exists"], parse, depends) if match["exists"] else _ALWAYS
    hidden = _NEVER
    if match["tilde"]:
        hidden = _read_condition(match["hidden"], parse, depends) if match["hidden"] else _ALWAYS
    if match["count"] is None:
        return _Item(((match["name"], bool(match["mutable"])),), None, exists, hidden)
    attribute, _, ndim = match["count"].partition(".")
    depends[attribute] = None
    count = _Count(attribute, bool(ndim), match["change"] or "")
    names = tuple((name.lstrip("&"), name.startswith("&")) for name in match["group"].split())
    return _Item(names, count, exists, hidden)


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
    values = tuple(int(each) if match["ndim"] else parse(attribute, each) for each in texts)
    return _Term(attribute, bool(match["ndim"]), bool(match["negated"]), values)


def _length(value: Value) -> int:
    return len(value) if isinstance(value, tuple) else -1
