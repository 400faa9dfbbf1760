"""``graphpass explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLD = """
graphpass: 1
parameters: {op: Activation}
rules:
  - prune: {}
  - rewrite:
      id: flat
      match: y = FullyConnected(${op}(x), *ws)
      replace: return x
  - rewrite:
      id: bias
      match: y = Convolution(x, w, b)
      replace: y = Convolution(x, w, b, **y.attrs, pad=(0, 0))
      where: not any(p > 0 for p in y.pad)
"""


def test_every_rewrite_of_a_pass(cli: Any, folder: Path) -> None:
    (folder / "two.yaml").write_text(FOLD)
    done = cli("explain", "two.yaml", "age")
    assert done.code == 0
    assert done.out.startswith("flat: 1 match\n  FullyConnected 'fc1' (#12)\n")
    assert "bias: 1 match\n  Convolution 'conv0' (#3)\n" in done.out


def test_one_rewrite_with_another_parameter(cli: Any, folder: Path) -> None:
    (folder / "two.yaml").write_text(FOLD)
    done = cli("explain", "two.yaml", "age", "--rule", "flat", "--set", "op=Flatten", "--at", "fc1")
    assert done.code == 1
    assert done.out.splitlines()[0] == "flat at FullyConnected 'fc1' (#12): no match"
    assert "not Flatten" in done.out


def test_a_bare_pattern(cli: Any, folder: Path) -> None:
    done = cli("explain", "Convolution(Activation(x), *_)", "residual", "--at", "conv1")
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        "pattern at Convolution 'conv1' (#10): no match\n"
        "  ✓ Convolution  conv1 (#10)\n"
        "  ✗ Activation   relu0 (#8): is also used by elemwise_add '_plus0' (#16)\n"
        "  would match if relu0 had no other user: _plus0 reads it\n"
    )


def test_inline_rules(cli: Any, folder: Path) -> None:
    rule = '{rewrite: {id: r, match: "y = BatchNorm(x, *_)", replace: "return x"}}'
    done = cli("explain", rule, "residual", "0", "--at", "id:15")
    assert (done.code, done.out.splitlines()[0]) == (0, "r at BatchNorm 'bn1' (#15): match")


def test_json(cli: Any, folder: Path) -> None:
    done = cli("explain", "tanh(x)", "residual", "--json")
    assert done.code == 1
    assert json.loads(done.out) == [
        {
            "rule": "pattern",
            "matches": False,
            "count": 0,
            "roots": [],
            "near_misses": [],
            "lacking": ["tanh"],
        }
    ]


def test_parameters_of_another_name(cli: Any, folder: Path) -> None:
    (folder / "residual-0000.params").rename(folder / "weights.params")
    known = (
        '{rewrite: {match: "y = Convolution(x, w)", where: known(w), '
        'replace: "y = Convolution(x, w, **y.attrs)"}}'
    )
    assert cli("explain", known, "residual").code == 1
    assert cli("explain", known, "residual", "--params", "weights.params").code == 0


def test_what_can_not_be_explained_is_an_error(cli: Any, folder: Path) -> None:
    done = cli("explain", "siamese", "residual")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: the pass siamese has no rewrite to explain")
    assert "there is no pass 'siames'" in cli("explain", "siames", "residual").err
    done = cli("explain", "Convlution(x)", "residual")
    assert done.code == 2
    assert "MXNet 1.9.1 has no operator 'Convlution'" in done.err
    done = cli("explain", "relu(x)", "residual", "--rule", "r")
    assert (done.code, done.err) == (
        2,
        "error: --rule and --set are for a pass, and this is a pattern; leave them out\n",
    )
    done = cli("explain", "BatchNorm(x, *_)", "residual", "--at", "bn11")
    assert (done.code, done.err) == (2, "error: no operator is called 'bn11'; nearest: bn1, bn0\n")
