"""Attributes of an operator: how each is declared, and a typed view of the texts of one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphpass.errors import AttributeValueError, suggestion
from graphpass.ops.values import Constant, describe_type, parse_value, round_to_type

__all__ = ["AttributeSpec", "Attributes", "is_hidden_key"]

_MEMO_LIMIT = 4096


def is_hidden_key(key: str) -> bool:
    """Return whether MXNet lets every operator carry the attribute `key`: ``__lr_mult__``.

    Notes
    -----
    The rule is dmlc's ``kAllowHidden``: more than four characters, two underscores at either end.
    """
    return len(key) > 4 and key.startswith("__") and key.endswith("__")


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """One attribute of an operator, as MXNet 1.9.1 declares it."""

    name: str
    """The key in the file."""

    type: str
    """``enum``, ``enum or None``, or a type that `graphpass.ops.values` reads."""

    required: bool
    """Whether MXNet refuses a node without it."""

    default: str | None
    """The text that stands for its absence; None where it is required."""

    choices: tuple[str, ...] = ()
    """The texts of an enumeration."""

    bounds: tuple[float | None, float | None] = (None, None)
    """Least and greatest value, both allowed; None is open."""

    _parsed: dict[str, Constant] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def parse(self, text: str) -> Constant:
        """Return the value of a text.

        Raises
        ------
        AttributeValueError
            MXNet refuses the text, or the value is out of bounds.

        Examples
        --------
        >>> AttributeSpec("kernel", "Shape(tuple)", True, None).parse("[3,3]")
        (3, 3)

        Notes
        -----
        Constant for a text that was parsed before.
        """
        try:
            return self._parsed[text]
        except KeyError:
            value = self._read(text)
        if len(self._parsed) >= _MEMO_LIMIT:
            self._parsed.clear()
        self._parsed[text] = value
        return value

    def _read(self, text: str) -> Constant:
        if self.type.startswith("enum"):
            return self._read_choice(text)
        try:
            value = parse_value(self.type, text)
        except ValueError:
            raise AttributeValueError(
                f"attribute {self.name}={text!r} is not {describe_type(self.type)}"
            ) from None
        low, high = self.bounds
        if isinstance(value, int | float) and (low, high) != (None, None):
            stored = round_to_type(self.type, value)
            if low is not None and stored < low:
                raise AttributeValueError(f"attribute {self.name}={text!r} is less than {low:g}")
            if high is not None and stored > high:
                raise AttributeValueError(f"attribute {self.name}={text!r} is more than {high:g}")
        return value

    def _read_choice(self, text: str) -> Constant:
        if text in self.choices:
            return text
        if text == "None" and self.type == "enum or None":
            return None
        known = [*self.choices, *(["None"] if self.type == "enum or None" else [])]
        raise AttributeValueError(
            f"attribute {self.name}={text!r} is not one of {', '.join(known)}"
            f"{suggestion(text, known)}"
        )


class Attributes(Mapping[str, Constant]):
    """The attributes of one node as values, absent ones by their default.

    Keys that the operator does not declare (``__lr_mult__``, or any key of an operator that takes
    any) give their text. A missing required attribute is not a key.

    Examples
    --------
    >>> from graphpass.ops import find
    >>> view = find("BatchNorm").view({"eps": "2e-05", "__ctx_group__": "gpu0"})
    >>> view["eps"], view["fix_gamma"], view["__ctx_group__"]
    (2e-05, True, 'gpu0')
    """

    __slots__ = ("_operator", "_specs", "_texts")

    def __init__(
        self, operator: str, specs: Mapping[str, AttributeSpec], texts: Mapping[str, str]
    ) -> None:
        self._operator = operator
        self._specs = specs
        self._texts = texts

    def __getitem__(self, key: str) -> Constant:
        text = self._texts.get(key)
        spec = self._specs.get(key)
        if spec is None:
            if text is None:
                raise KeyError(key)
            return text
        if text is None:
            text = spec.default
            if text is None:
                raise KeyError(key)
        try:
            return spec.parse(text)
        except AttributeValueError as error:
            raise AttributeValueError(f"{self._operator}: {error}") from None

    def __iter__(self) -> Iterator[str]:
        for key, spec in self._specs.items():
            if spec.default is not None or key in self._texts:
                yield key
        for key in self._texts:
            if key not in self._specs:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Attributes({dict(self)!r})"
