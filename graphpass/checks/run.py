"""`check`: every check on a model, the report of all findings, and which passes mend them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from graphpass.checks import batch, leftovers, operators, parameters
from graphpass.checks.subject import (
    Attempt,
    CheckedModel,
    FindingKind,
    FoundNode,
    Hit,
    Severity,
)
from graphpass.errors import GraphpassError, count, shortened
from graphpass.lazy import Drawn
from graphpass.model import Files, Model, find_files

if TYPE_CHECKING:
    pass

__all__ = ["CHECKS", "CheckReport", "Finding", "check"]

_SHOWN = 5
"""How many findings of one code the text has; the plain data have all."""

_NODES_SHOWN = 3
"""How many nodes of one finding the text names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd about a model."""

    code: str
    """Which check found it: ``fix-gamma``."""

    severity: Severity

    nodes: tuple[FoundNode, ...]
    """What it is about; empty for a parameter that belongs to no node."""

    reason: str
    """What was found, and what was wanted."""

    remedy: str | None = None
    """What mends it, as it is typed behind ``graphpass``: ``apply bake-fix-gamma net -o
    net-mended``; without the model where that has no file."""

    def __str__(self) -> str:
        named = shortened(map(str, self.nodes), _NODES_SHOWN)
        where = f"{named}: " if named else ""
        mend = f"; `graphpass {self.remedy}` mends it" if self.remedy else ""
        return f"{self.severity}: {self.code}: {where}{self.reason}{mend}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "nodes": [{**node._asdict(), "inside": list(node.inside)} for node in self.nodes],
            "reason": self.reason,
            "remedy": self.remedy and f"graphpass {self.remedy}",
        }


@dataclass(frozen=True, slots=True)
class CheckReport(Drawn):
    """All that was found, errors first. Its length is the number of findings."""

    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        errors, warnings = self._severities()
        return f"<CheckReport: {count(errors, 'error')}, {count(warnings, 'warning')}>"

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def fails(self, *, strict: bool = False) -> bool:
        """Return whether there is an error; if `strict`, whether there is anything."""
        return any(strict or finding.severity == "error" for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        counts = Counter(finding.code for finding in self.findings)
        shown: Counter[str] = Counter()
        for finding in self.findings:
            shown[finding.code] += 1
            if shown[finding.code] <= _SHOWN:
                yield str(finding)
            rest = counts[finding.code] - _SHOWN
            if rest > 0 and shown[finding.code] == _SHOWN:
                yield f"  and {rest} more of {finding.code}; --json lists all"
        errors, warnings = self._severities()
        yield f"{count(errors, 'error')}, {count(warnings, 'warning')}"

    def _severities(self) -> tuple[int, int]:
        errors = sum(finding.severity == "error" for finding in self.findings)
        return errors, len(self.findings) - errors

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        errors, warnings = self._severities()
        return {
            "findings": [finding.to_json() for finding in self.findings],
            "errors": errors,
            "warnings": warnings,
        }


CHECKS: tuple[FindingKind, ...] = tuple(
    each
    for module in (parameters, operators, batch, leftovers)
    for each in vars(module).values()
    if isinstance(each, FindingKind)
)
"""Every kind of finding, in the order of reports, where errors are put before warnings."""


def check(model: Model, inputs: Mapping[str, tuple[int, ...]] | None = None) -> CheckReport:
    """Look for what is wrong or odd about a model: what MXNet, a converter or a pass trips over.

    Parameters
    ----------
    model : Model
        The model. It stays as it is.
    inputs : mapping of str to tuple of int, optional
        Shapes of inputs by name, by which the shapes of all other values are worked out.

    Returns
    -------
    CheckReport
        The findings, errors first; empty, and so false in a condition, if there are none.

    Raises
    ------
    UsageError
        If `inputs` names what is no input.

    Examples
    --------
    >>> from graphpass.formats.text import parse_graph
    >>> print(check(Model(parse_graph("x = variable(); y = Dropout(x); return y"))))
    warning: dropout: Dropout 'y' (#1): it does nothing in inference; \
`graphpass apply drop-dropout` mends it
    0 errors, 1 warning

    Notes
    -----
    Linear in the graph and in the bytes of the stored parameters, each of which is read once. A
    pass that may mend a finding, or not, is run on a copy to find out.
    """
    subject = CheckedModel(model, model.input_shapes(inputs))
    trials, typed = _Trials(subject), _typed(model.files)
    findings = []
    for each in CHECKS:
        for found in each.find(subject):
            reason, remedy = found.reason, found.remedy
            if remedy is None:
                remedy = each.remedy
            elif isinstance(remedy, Attempt):
                remedy, refused = trials.of(each, found, remedy)
                reason += "" if remedy or refused else found.unmended
            severity = found.severity or each.severity
            command = f"{remedy}{typed}" if remedy else None
            findings.append(Finding(each.code, severity, found.nodes, reason, command))
    findings.sort(key=lambda finding: finding.severity != "error")
    return CheckReport(tuple(findings))


def _typed(files: Files) -> str:
    """Return how a command goes on that mends a model: which one, and where to write."""
    if files.symbol is None:
        return ""
    prefix = str(files.symbol).removesuffix("-symbol.json")
    words = [quote(prefix), "-o", quote(f"{prefix}-mended")]
    if files.params is not None and find_files(files.symbol).params != files.params:
        words += ["--params", quote(str(files.params))]
    return f" {' '.join(words)}"


class _Trials:
    """What passes make of a model, each run on a copy of it, once."""

    def __init__(self, subject: CheckedModel) -> None:
        self._subject = subject
        self._after: dict[tuple[str, bool], CheckedModel | None] = {}
        self._left: dict[tuple[str, bool, str], frozenset[object]] = {}

    def of(self, kind: FindingKind, found: Hit, attempt: Attempt) -> tuple[str, bool]:
        """Return the command that mends a finding, empty if none does, and whether it is refused.

        A pass that mends it only if it is told the shapes that the user has given is told them.
        """
        from graphpass.rules import apply

        shapes = self._subject.shapes
        for told in (False, True) if shapes else (False,):
            if (str(attempt), told) not in self._after:
                twin, after = self._subject.model.copy(), None
                inputs = {name: tuple(each or 0 for each in shapes[name]) for name in shapes}
                with suppress(GraphpassError):
                    settings = dict(attempt.settings)
                    apply(attempt.pass_name, twin, set=settings, inputs=inputs if told else None)
                    still = shapes.keys() <= set(twin.graph.arguments)
                    after = CheckedModel(twin, shapes if still else {})
                self._after[str(attempt), told] = after
            after = self._after[str(attempt), told]
            if after is None:
                continue
            key = (str(attempt), told, kind.code)
            if key not in self._left:
                self._left[key] = frozenset(map(_identity, kind.find(after)))
            if _identity(found) not in self._left[key]:
                given = [f"{name}:{','.join(str(each or 0) for each in shape)}"
                         for name, shape in shapes.items() if told]  # fmt: skip
                words = [str(attempt), *(f"--input {quote(each)}" for each in given)]
                return " ".join(words), False
        return "", after is None


def _identity(found: Hit) -> object:
    """Return what stays of a finding while its nodes become other operators."""
    return tuple((node.name, node.inside) for node in found.nodes) or found.reason
