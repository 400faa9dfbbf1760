"""``verify`` compares the outputs that are asked for."""

from __future__ import annotations

from typing import Any

import pytest

IMAGE = ["--input", "data:2,3,8,8"]


@pytest.mark.mxnet
def test_outputs_that_are_asked_for(cli: Any, folder: Any) -> None:
    rule = "{extract: {outputs: [bn0, fc0]}}"
    assert cli("apply", rule, "residual", "-o", "two").code == 0
    assert cli("verify", "residual", "two", *IMAGE).code == 2
    done = cli("verify", "residual", "two", "--output", "fc0_output=fc0_output", *IMAGE)
    assert done.code == 0, done.err
    assert done.out.startswith("equal: 1 output;")
    pairs = ["--output", "fc0_output=bn0_output", "--output", "fc0_output=fc0_output"]
    assert cli("verify", "residual", "two", *pairs, *IMAGE).code == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "a"], "--output a: write OLD=NEW"),
        (["--output", "a=b", "--repeat"], "leave out --output, or --repeat"),
    ],
)
def test_what_makes_no_sense(cli: Any, folder: Any, options: list[str], message: str) -> None:
    done = cli("verify", "residual", "residual", *options)
    assert done.code == 2
    assert message in done.err
