"""`check`: run every check on a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphpass.checks.finding import CheckReport, Finding
from graphpass.checks.registry import CHECKS
from graphpass.checks.subject import Subject
from graphpass.model import Model

__all__ = ["check"]


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
    Linear in the graph and in the bytes of the stored parameters, each of which is read once.
    """
    subject = Subject(model, model.input_shapes(inputs))
    findings = list(_findings(subject))
    findings.sort(key=lambda finding: finding.severity != "error")
    return CheckReport(tuple(findings))


def _findings(subject: Subject) -> Iterator[Finding]:
    for each in CHECKS:
        for found in each.find(subject):
            remedy = each.remedy if found.remedy is None else found.remedy or None
            severity = found.severity or each.severity
            yield Finding(each.code, severity, found.nodes, found.reason, remedy)
