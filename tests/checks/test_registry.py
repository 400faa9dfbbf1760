"""The registry: what it has, and that the page about it says the same."""

from __future__ import annotations

import re
from pathlib import Path

from graphpass.checks.run import CHECKS
from graphpass.checks.subject import FindingKind
from graphpass.rules.pass_files.loading import shipped_names

PAGE = Path(__file__).parents[2] / "docs" / "check.md"


def row(check: FindingKind) -> str:
    remedy = f"`{check.remedy}`" if check.remedy else ""
    return f"| `{check.code}` | {check.severity} | {check.summary} | {remedy} |"


def test_the_page_has_the_rows_of_the_registry() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `.*\|$", text, re.MULTILINE)
    assert [" ".join(each.split()) for each in rows] == [
        " ".join(row(check).split()) for check in CHECKS
    ]


def test_codes_are_kebab_case_and_one_of_a_kind() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_what_mends_exists() -> None:
    for check in CHECKS:
        verb, *names = (check.remedy or "convert").split()
        assert verb in ("apply", "convert")
        assert set(names) <= set(shipped_names()), check.code
