"""What a finding says that mends it does: afterwards the finding is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_cases import CASES, Case

import graphpass
from graphpass.cli import main
from graphpass.cli.options import parse_shapes

NAMED = [
    pytest.param(code, case, id=f"{code}-{number}")
    for code, cases in CASES.items()
    for number, case in enumerate(cases)
]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


@pytest.mark.parametrize(("code", "case"), NAMED)
def test_a_remedy_mends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, case: Case
) -> None:
    prefix, mended = case.faulty.save(tmp_path, "m"), str(tmp_path / "mended")
    inputs = parse_shapes(case.inputs)
    found = [each for each in graphpass.check(graphpass.load(prefix), inputs) if each.code == code]
    remedies = {finding.remedy for finding in found}
    if remedies == {None}:
        pytest.skip("nothing mends it")
    [remedy] = remedies
    assert remedy is not None
    assert run(*remedy.split(), prefix, "-o", mended) == 0, capsys.readouterr().err
    after = graphpass.check(graphpass.load(mended), inputs)
    assert code not in {finding.code for finding in after}, str(after)
