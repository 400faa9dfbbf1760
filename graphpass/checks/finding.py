"""What a check finds, and the report of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = ["CheckReport", "Finding", "FoundNode", "Severity"]

Severity: TypeAlias = Literal["error", "warning"]
"""``error``: MXNet or a pass goes wrong. ``warning``: it may be meant, and often is not."""

_SHOWN = 5
"""How many findings of one code the text has; the plain data have all."""

_NODES_SHOWN = 3
"""How many nodes of one finding the text names."""


class FoundNode(NamedTuple):
    """A node that a finding is about."""

    key: int | None
    """Its key in its graph; None where the file has it and the graph has not."""

    op: str
    """``"null"`` for a variable."""

    name: str

    inside: tuple[str, ...] = ()
    """Names of the operators whose subgraph it is in, the outermost first."""

    def __str__(self) -> str:
        """Return how messages name it: ``BatchNorm 'bn0' (#7)``."""
        kind = "variable" if self.op == "null" else self.op
        number = "" if self.key is None else f" (#{self.key})"
        within = f" inside {'/'.join(self.inside)}" if self.inside else ""
        return f"{kind} {self.name!r}{number}{within}"


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
    """The verb of graphpass, and the pass, that mends it: ``apply bake-fix-gamma``."""

    def __str__(self) -> str:
        named = [str(node) for node in self.nodes[:_NODES_SHOWN]]
        rest = len(self.nodes) - len(named)
        more = f" and {rest} more" if rest else ""
        where = f"{', '.join(named)}{more}: " if named else ""
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
class CheckReport:
    """All that was found, errors first. Its length is the number of findings."""

    findings: tuple[Finding, ...]

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
        severities = Counter(finding.severity for finding in self.findings)
        yield f"{_count(severities['error'], 'error')}, {_count(severities['warning'], 'warning')}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        severities = Counter(finding.severity for finding in self.findings)
        return {
            "findings": [finding.to_json() for finding in self.findings],
            "errors": severities["error"],
            "warnings": severities["warning"],
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
