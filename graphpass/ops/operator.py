"""One operator of the table: its attributes, and its signature as they decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphpass.errors import AttributeValueError, suggestion
from graphpass.ops.attributes import Attributes, AttributeSpec, is_hidden_key
from graphpass.ops.signature import Signature
from graphpass.ops.values import Value

if TYPE_CHECKING:
    from graphpass.ops.template import SignatureTemplate

__all__ = ["Operator"]

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

    strict: bool
    """Whether MXNet parses the attributes when it loads a file. If not, it takes any key and text;
    the attributes that are declared all the same have a typed view."""

    from_subgraph: bool
    """Whether inputs and outputs follow from the node's subgraph; the signature then holds the
    names and counts of what stands beside it."""

    opaque: bool
    """Whether inputs and outputs are known to code outside the file only (``Custom``)."""

    key_var_num_args: str | None
    """The attribute that front ends set to the number of inputs."""

    template: SignatureTemplate
    """The signature with its conditions."""

    _required: frozenset[str]
    _constant: Signature | None
    _signatures: dict[tuple[str | None, ...], Signature] = field(
        default_factory=dict, init=False, repr=False
    )
    _checked: set[tuple[str, str]] = field(default_factory=set, init=False, repr=False)

    def signature(self, attrs: Mapping[str, str]) -> Signature:
        """Return the inputs and outputs of a node with these attributes.

        Raises
        ------
        AttributeValueError
            An attribute that the signature depends on is missing or has no value.

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
        if len(self._signatures) >= _MEMO_LIMIT:
            self._signatures.clear()
        made = self.template.signature(self._values(attrs))
        self._signatures[key] = made
        return made

    @property
    def constant_signature(self) -> Signature | None:
        """The signature where it is the same for all attributes and subgraphs, else None."""
        return None if self.from_subgraph or self.opaque else self._constant

    def view(self, attrs: Mapping[str, str]) -> Attributes:
        """Return the attributes as values, defaults included. Values are parsed when asked for."""
        return Attributes(self.name, self.attributes, attrs)

    def check(self, attrs: Mapping[str, str], *, allow_unknown: bool = False) -> None:
        """Refuse what MXNet would refuse when it loads a node with these attributes.

        Parameters
        ----------
        attrs
            Attribute texts of the node. Keys such as ``__lr_mult__`` are always allowed.
        allow_unknown
            Allow keys that the operator does not declare.

        Raises
        ------
        AttributeValueError
            A key is unknown, a required one is missing, or a text is not of its type or bounds.

        Notes
        -----
        Linear in the attributes; a (key, text) pair that was checked before costs one set lookup.
        """
        if not self.strict:
            return
        checked = self._checked
        for pair in attrs.items():
            if pair not in checked:
                self._check_pair(*pair, allow_unknown=allow_unknown)
        if not self._required <= attrs.keys():
            self._refuse_missing(attrs)

    def _check_pair(self, key: str, text: str, *, allow_unknown: bool) -> None:
        spec = self.attributes.get(key)
        if spec is None:
            if allow_unknown or is_hidden_key(key):
                return
            raise AttributeValueError(
                f"{self.name} has no attribute {key!r}{suggestion(key, self.attributes)}"
            )
        self._parse(spec, text)
        if len(self._checked) >= _MEMO_LIMIT:
            self._checked.clear()
        self._checked.add((key, text))

    def _refuse_missing(self, attrs: Mapping[str, str]) -> None:
        missing = [name for name in self.attributes if name in self._required - attrs.keys()]
        word = "attribute" if len(missing) == 1 else "attributes"
        raise AttributeValueError(f"{self.name} needs the {word} {', '.join(missing)}")

    def _values(self, attrs: Mapping[str, str]) -> dict[str, Value]:
        values = {}
        for name in self.template.attributes:
            spec = self.attributes[name]
            text = attrs.get(name, spec.default)
            if text is None:
                self._refuse_missing({name_: "" for name_ in self._required if name_ != name})
            else:
                values[name] = self._parse(spec, text)
        return values

    def _parse(self, spec: AttributeSpec, text: str) -> Value:
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise AttributeValueError(f"{self.name}: {error}") from None
