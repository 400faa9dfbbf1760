"""A pass, loaded: its rules, its parameters, and where each of its texts stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graphpass.errors import UsageError, suggestion
from graphpass.rules.rule import Rule
from graphpass.rules.rule_reading import read_rules
from graphpass.rules.source import Located, Source, from_python
from graphpass.rules.substitution import Plain, locate, substitute

__all__ = ["Pass"]

_TYPES = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Pass:
    """A named list of rules. Make one with `load_pass`, run it with `apply`."""

    name: str
    """What reports call it."""

    rules: tuple[Rule, ...]
    """What it does, in order, its parameters filled in."""

    description: str = ""
    """What it is for."""

    parameters: Mapping[str, Plain] = field(default_factory=dict)
    """Parameters and their values."""

    folder: Path = field(default_factory=Path)
    """Where relative paths in it start."""

    budget: int | None = None
    """How many firings a group of rewrites may have; None: ten for each operator,
    and one for each value that one reads."""

    tests: tuple[Mapping[str, Any], ...] = ()
    """Graphs before and after the whole pass, see `graphpass.rules.lint.run_tests`."""

    unbound: Pass | None = field(default=None, repr=False, compare=False)
    """The same before `bind`, its parameters as the file has them; None if it is that."""

    identity: str = ""
    """The file it is from, told apart from all others; empty for rules without one."""

    tree: Located | None = field(default=None, repr=False, compare=False)
    """Its text as located values; None where it was made without any."""

    source: Source = field(default_factory=Source, repr=False, compare=False)
    """The text that it was read from."""

    def bind(self, values: Mapping[str, Any] | None) -> Pass:
        """Return the same pass with other values of its parameters.

        Raises
        ------
        UsageError
            If it has no such parameter; the message lists those it has. If the default is a number,
            or true or false, and the value is not.
        PassFileError
            If a rule makes no sense with these values.
        """
        if not values:
            return self
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise UsageError(
                    f"the pass {self.name} has no parameter {name!r}"
                    f"{suggestion(str(name), self.parameters)}; it has {known}"
                )
        given = substitute(from_python(values, self.source, ()), None, self.source, ())
        for name, value in given.items():
            self._check_type(name, value)
        parameters = {**self.parameters, **given}
        if self.tree is None:
            return replace(self, parameters=parameters)
        rules = read_rules(self.tree, parameters, self.source)
        unbound = self.unbound or self
        return replace(self, parameters=parameters, rules=rules, unbound=unbound)

    def place(
        self, path: tuple[str | int, ...], line: int | None = None, column: int | None = None
    ) -> str:
        """Return where a value stands: ``siamese.yaml:7:5``; else ``rule 1 (rewrite), match``.

        Parameters
        ----------
        path : tuple of str and int
            The way to the value from the top of the pass.
        line, column : int, optional
            A place in the text that it is, from 1.
        """
        mark = None
        if self.tree is not None:
            _, mark = locate(self.tree, path, self.parameters)
            mark = self.source.inside(mark, line, column)
        return self.source.place(mark, path)

    def _check_type(self, name: str, value: Plain) -> None:
        """Refuse what a rule would only choke on: a number stands for a number."""
        default = self.parameters[name]
        for kind, title in _TYPES.items():
            if type(default) is kind and type(value) not in (kind, type(None)):
                if kind is float and type(value) is int:
                    continue
                raise UsageError(
                    f"the parameter {name} of the pass {self.name} is {title} ({default!r} if "
                    f"nothing is set), not {value!r}"
                )
