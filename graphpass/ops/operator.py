"""The operator table, read from the shipped dump on first use, and one operator of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from graphpass.errors import AttributeValueError, suggestion
from graphpass.ops.attributes import Attributes, AttributeSpec, is_hidden_key
from graphpass.ops.template import Item, Requirement, Signature, SignatureTemplate
from graphpass.ops.values import Constant

__all__ = ["Bounds", "Operator", "build_operator", "canonical_name", "find", "input_bounds",
           "operator_names", "output_bounds"]  # fmt: skip

_FILE = Path(__file__).with_name("mxnet-1.9.1.json")
_MEMO_LIMIT = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """An operator as MXNet 1.9.1 registers it."""

    name: str
    """The canonical name, which saved files hold."""

    aliases: tuple[str, ...]
    """Further names that MXNet reads."""

    attributes: Mapping[str, AttributeSpec]
    """Declared attributes by name. Empty: any key is taken."""

    open_keys: bool
    """Whether MXNet also takes keys that are not declared."""

    unparsed: bool
    """Whether MXNet takes any text, because it does not parse the attributes when it loads a file.
    Attributes that are declared all the same have a typed view."""

    from_subgraph: bool
    """Whether inputs and outputs follow from the node's subgraph; the signature then holds the
    names and counts of what stands beside it."""

    opaque: bool
    """Whether inputs and outputs are known to code outside the file only (``Custom``)."""

    unnamed: bool
    """Whether MXNet has no name for the one input, and just calls it ``data`` when it composes. An
    old file's missing input is then not added, nor can a hint such as ``data_lr_mult`` name it."""

    key_var_num_args: str | None
    """The attribute that front ends set to the number of inputs."""

    template: SignatureTemplate
    """The signature with its conditions."""

    requirements: tuple[Requirement, ...]
    """What MXNet asks of several attributes together."""

    _required: frozenset[str]
    _constant: Signature | None
    _signatures: dict[tuple[str | None, ...], Signature] = field(
        default_factory=dict, init=False, repr=False
    )
    _checked: set[tuple[tuple[str, str], ...]] = field(default_factory=set, init=False, repr=False)

    def signature(self, attrs: Mapping[str, str]) -> Signature:
        """Return the inputs and outputs of a node with these attributes.

        Raises
        ------
        AttributeValueError
            An attribute that the signature depends on is missing, has a text that is no value, or
            counts more inputs or outputs than anyone has.

        Examples
        --------
        >>> from graphpass.ops import find
        >>> find("Convolution").signature({"no_bias": "True"}).input_names
        ('data', 'weight')

        Notes
        -----
        Remembered by the attributes that it depends on: constant for values seen before.
        """
        if self._constant is not None:
            return self._constant
        key = tuple([attrs.get(name) for name in self.template.attributes])
        found = self._signatures.get(key)
        if found is not None:
            return found
        values = self._values(self.template.attributes, attrs)
        try:
            made = self.template.signature(values)
        except AttributeValueError as error:
            raise AttributeValueError(f"{self.name}: {error}") from None
        large = (made.num_inputs or 0) + made.num_outputs > _MEMO_LIMIT
        if large or len(self._signatures) >= _MEMO_LIMIT:
            self._signatures.clear()
        self._signatures[key] = made
        return made

    @property
    def required_counter(self) -> str | None:
        """The attribute that counts the inputs and must be there, as in ``Concat``; or None."""
        counter = self.key_var_num_args
        return counter if counter in self._required else None

    @property
    def never_mutates(self) -> bool:
        """Whether the operator changes none of its inputs, whatever its attributes are."""
        if self.from_subgraph or self.opaque:
            return False
        return not any(mutable for item in self.template.inputs for _, mutable in item.names)

    @property
    def constant_signature(self) -> Signature | None:
        """Signature that is the same for all attributes and subgraphs, else None."""
        return None if self.from_subgraph or self.opaque else self._constant

    def view(self, attrs: Mapping[str, str]) -> Attributes:
        """Return the attributes as values, defaults included. Values are parsed when asked for."""
        return Attributes(self.name, self.attributes, attrs)

    def undeclared(self, attrs: Iterable[str]) -> list[str]:
        """Return the keys for which MXNet would refuse a node."""
        if self.open_keys or self.unparsed:
            return []
        return [key for key in attrs if key not in self.attributes and not is_hidden_key(key)]

    def check(self, attrs: Mapping[str, str], *, allowed: Collection[str] = ()) -> None:
        """Refuse what MXNet would refuse when it loads a node with these attributes.

        Parameters
        ----------
        attrs
            Attribute texts of the node. Keys such as ``__lr_mult__`` are always allowed.
        allowed
            Keys that are allowed although the operator does not declare them.

        Raises
        ------
        AttributeValueError
            A key is unknown, a required one is missing, or a text is not of its type or bounds.

        Notes
        -----
        Linear in the attributes. Attributes that were checked before cost one set lookup.
        """
        if self.unparsed:
            return
        node = tuple(attrs.items())
        if node in self._checked:
            return
        undeclared = self.undeclared(attrs)
        for key, text in node:
            spec = self.attributes.get(key)
            if spec is not None:
                self._parse(spec, text)
            elif key in undeclared and key not in allowed:
                near = suggestion(key, self.attributes)
                raise AttributeValueError(f"{self.name} has no attribute {key!r}{near}")
        missing = [name for name in self.attributes if name in self._required - attrs.keys()]
        if missing:
            word = "attribute" if len(missing) == 1 else "attributes"
            raise AttributeValueError(f"{self.name} needs the {word} {', '.join(missing)}")
        for requirement in self.requirements:
            if not requirement.holds(self._values(requirement.attributes, attrs)):
                given = ", ".join(
                    f"{name}={attrs.get(name, self.attributes[name].default)!r}"
                    for name in requirement.attributes
                )
                raise AttributeValueError(
                    f"{self.name}: {given} breaks the rule {requirement.text}"
                )
        if not undeclared:
            self._remember(node)

    def _remember(self, node: tuple[tuple[str, str], ...]) -> None:
        if len(self._checked) >= _MEMO_LIMIT:
            self._checked.clear()
        self._checked.add(node)

    def _values(self, names: Iterable[str], attrs: Mapping[str, str]) -> dict[str, Constant]:
        values = {}
        for name in names:
            spec = self.attributes[name]
            text = attrs.get(name, spec.default)
            if text is None:
                raise AttributeValueError(f"{self.name} needs the attribute {name}")
            values[name] = self._parse(spec, text)
        return values

    def _parse(self, spec: AttributeSpec, text: str) -> Constant:
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise AttributeValueError(f"{self.name}: {error}") from None


class Bounds(NamedTuple):
    """Least and greatest count, both possible as far as is known."""

    least: int
    most: int | None
    """None: any number."""

    def __str__(self) -> str:
        if self.most == self.least:
            return str(self.least)
        return f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"


_ANY = Bounds(0, None)


def input_bounds(operator: Operator, known: Mapping[str, Constant]) -> Bounds:
    """Return how many inputs a node can have whose attributes are partly known.

    Examples
    --------
    >>> from graphpass.ops import find
    >>> convolution = find("Convolution")
    >>> input_bounds(convolution, {}), input_bounds(convolution, {"no_bias": True})
    (Bounds(least=2, most=3), Bounds(least=2, most=2))

    Notes
    -----
    Never too narrow; too wide where conditions on unknown attributes exclude each other.
    """
    if operator.from_subgraph or operator.opaque:
        return _ANY
    least, most = _bounds(operator.template.inputs, known)
    return Bounds(least, None if operator.template.open_ended else most)


def output_bounds(operator: Operator, known: Mapping[str, Constant]) -> tuple[Bounds, Bounds]:
    """Return how many outputs a node can have: all, and the visible ones."""
    if operator.from_subgraph or operator.opaque:
        return _ANY, _ANY
    outputs = operator.template.outputs
    total = _bounds(outputs, known)
    visible = _bounds([item for item in outputs if item.hidden.decided(known) is not True], known)
    certain = [item for item in outputs if item.hidden.decided(known) is False]
    return total, Bounds(_bounds(certain, known).least, visible.most)


def _bounds(items: Sequence[Item], known: Mapping[str, Constant]) -> Bounds:
    least, most = 0, 0
    unbounded = False
    for item in items:
        exists = item.exists.decided(known)
        if exists is False:
            continue
        if item.count is not None and item.count.attribute not in known:
            unbounded = True
            continue
        slots = len(item.names) * (1 if item.count is None else item.count.value(known))
        most += slots
        least += slots if exists is True else 0
    return Bounds(least, None if unbounded else most)


# -- the table -------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def find(name: str) -> Operator | None:
    """Return the operator of a canonical name or alias, or None.

    Examples
    --------
    >>> find("concat").name, find("NoSuchOperator")
    ('Concat', None)

    Notes
    -----
    Constant. The first call reads the table, which takes some milliseconds.
    """
    canonical = _table()[1].get(name)
    return None if canonical is None else _operator(canonical)


def canonical_name(name: str) -> str:
    """Return the name that MXNet saves for a name or alias; an unknown name is returned as it is.

    Examples
    --------
    >>> canonical_name("split"), canonical_name("NoSuchOperator")
    ('SliceChannel', 'NoSuchOperator')
    """
    return _table()[1].get(name, name)


def operator_names() -> Collection[str]:
    """Return every canonical name and alias."""
    return _table()[1].keys()


@cache
def _table() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    records: dict[str, dict[str, Any]] = json.loads(_FILE.read_bytes())["operators"]
    names = {name: name for name in records}
    for name, record in records.items():
        names.update(dict.fromkeys(record.get("aliases", ()), name))
    return records, names


@cache
def _operator(name: str) -> Operator:
    return build_operator(name, _table()[0][name])


def build_operator(name: str, record: dict[str, Any]) -> Operator:
    """Make an operator of a record of the table."""
    specs = {key: _attribute(key, *fields) for key, fields in record.get("attributes", {}).items()}

    def parse(attribute: str, text: str) -> Constant:
        return specs[attribute].parse(text)

    template = SignatureTemplate.from_text(
        record.get("inputs", ""),
        record.get("outputs", "output"),
        {int(slot): text for slot, text in record.get("initializers", {}).items()},
        parse,
    )
    return Operator(
        name=name,
        aliases=tuple(record.get("aliases", ())),
        attributes=MappingProxyType(specs),
        open_keys=record.get("open_keys", not specs),
        unparsed=record.get("unparsed", not specs),
        from_subgraph=record.get("from_subgraph", False),
        opaque=record.get("opaque", False),
        unnamed=record.get("unnamed", False),
        key_var_num_args=record.get("key_var_num_args"),
        template=template,
        requirements=tuple(
            Requirement.from_text(text, parse) for text in record.get("requires", "").split()
        ),
        _required=frozenset(spec.name for spec in specs.values() if spec.required),
        _constant=None if template.attributes else template.signature({}),
    )


def _attribute(
    name: str,
    type_name: str,
    default: str | None = None,
    bounds: list[float | None] | None = None,
    choices: list[str] | None = None,
) -> AttributeSpec:
    low, high = bounds or (None, None)
    return AttributeSpec(
        name, type_name, default is None, default, tuple(choices or ()), (low, high)
    )
