"""What a finding says that mends it does: afterwards the finding is gone."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from check_cases import CASES, Case

import graphpass
from graphpass.checks import Finding
from graphpass.checks.run import CHECKS
from graphpass.cli import main
from graphpass.cli.options import parse_shapes
from graphpass.errors import GraphpassError
from graphpass.formats.text import parse_graph

NAMED = [
    pytest.param(code, case, id=f"{code}-{number}")
    for code, cases in CASES.items()
    for number, case in enumerate(cases)
]

Shapes: TypeAlias = "dict[str, tuple[int, ...]]"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def identity(finding: Finding) -> tuple[object, ...]:
    """Return what stays of a finding while its node becomes another operator."""
    nodes = tuple((node.name, node.inside) for node in finding.nodes)
    return finding.code, nodes or finding.reason


def empty_promises(prefix: str, folder: Path, shapes: Shapes) -> list[str]:
    """Apply each remedy that is named for a model, and return the findings that are there still.

    Parameters that do not fit are let pass: they have findings of their own.
    """
    report = graphpass.check(graphpass.load(prefix), shapes)
    found = []
    for number, remedy in enumerate(sorted({each.remedy for each in report if each.remedy})):
        mended = str(folder / f"mended{number}")
        words = shlex.split(remedy)
        words[words.index("-o") + 1] = mended
        partial = ["--partial"] if words[0] == "apply" else []
        if run(*words, "--overwrite", *partial) != 0:
            found.append(f"{remedy} is refused")
            continue
        after = graphpass.check(graphpass.load(mended), shapes if _same(mended, shapes) else None)
        left = {identity(each) for each in after}
        found += [str(each) for each in report if each.remedy == remedy and identity(each) in left]
    return found


def _same(prefix: str, shapes: Shapes) -> bool:
    return shapes.keys() <= set(graphpass.load(prefix).graph.arguments)


@pytest.mark.parametrize(("code", "case"), NAMED)
def test_a_remedy_mends(tmp_path: Path, code: str, case: Case) -> None:
    prefix = case.faulty.save(tmp_path, "m")
    assert empty_promises(prefix, tmp_path, parse_shapes(case.inputs)) == []


UNMENDED = {
    ("baked-batch", 3), ("baked-batch", 5), ("baked-batch", 6), ("baked-batch", 8),
    ("baked-batch", 9), ("baked-batch", 10), ("baked-batch", 11), ("baked-batch", 12),
    ("extra-parameter", 1), ("fix-gamma", 3), ("fix-gamma", 4), ("label-input", 0),
    ("label-input", 2), ("loss", 1), ("loss", 3), ("parameter-class", 1),
    ("repeated-operator-name", 1), ("shape-conflict", 1),
    ("shape-conflict", 2), ("shape-conflict", 3), ("sync-batch-norm", 1),
}  # fmt: skip
"""Cases that nothing mends, of kinds that something mends, as a rule."""


def test_only_what_nothing_mends_has_no_remedy() -> None:
    mendable = {check.code for check in CHECKS if check.remedy} | {"shape-conflict"}
    without = set()
    for code in mendable:
        for number, case in enumerate(CASES[code]):
            report = graphpass.check(case.faulty.model(), parse_shapes(case.inputs))
            found = [each for each in report if each.code == code]
            if found and all(each.remedy is None for each in found):
                without.add((code, number))
    assert without == UNMENDED


def attempts(code: str, reason: str, inputs: tuple[str, ...]) -> list[str]:
    """Return every command that mends some finding of a kind, its numbers those of this one."""
    remedies = {
        each.remedy.partition(" --input")[0]
        for case in CASES[code]
        for each in graphpass.check(case.faulty.model(), parse_shapes(case.inputs))
        if each.code == code and each.remedy
    }
    sized = {"apply free-batch" for each in remedies if "free-batch" in each}
    sizes = [f"apply free-batch --set from={size}" for size in set(re.findall(r"\d+", reason))]
    plain = [each for each in remedies if "free-batch" not in each]
    shapes = " ".join(f"--input {each}" for each in inputs)
    return [f"{each} {shapes}" for each in [*plain, *(sizes if sized else ())]]


@pytest.mark.parametrize(("code", "number"), sorted(UNMENDED))
def test_what_is_named_no_remedy_has_none(tmp_path: Path, code: str, number: int) -> None:
    """A finding has no remedy where nothing that mends its like elsewhere mends it."""
    case = CASES[code][number]
    prefix, shapes = case.faulty.save(tmp_path, "m"), parse_shapes(case.inputs)
    found = [each for each in graphpass.check(graphpass.load(prefix), shapes) if each.code == code]
    for remedy in attempts(code, " ".join(each.reason for each in found), case.inputs):
        partial = ["--partial"] if remedy.startswith("apply") else []
        if run(*shlex.split(remedy), prefix, "-o", str(tmp_path / "mended"), *partial) != 0:
            continue
        mended = str(tmp_path / "mended")
        after = graphpass.check(graphpass.load(mended), shapes if _same(mended, shapes) else None)
        assert {identity(each) for each in found} <= {identity(each) for each in after}, remedy


SSD = """
data, label, w, v = variable(), variable(), variable(), variable()
body = Convolution(data, w, kernel=(1, 1), num_filter=8, no_bias=True)
scores = Reshape(body, shape=(0, 2, -1))
loc = Flatten(Convolution(body, v, kernel=(1, 1), num_filter=16, no_bias=True))
anchors = _contrib_MultiBoxPrior(body, sizes=(0.3, 0.5), ratios=(1, 2, 0.5))
target, mask, cls_target = _contrib_MultiBoxTarget(anchors, label, scores)
cls_prob = SoftmaxOutput(scores, cls_target, multi_output=True, use_ignore=True, ignore_label=-1)
loc_loss = MakeLoss(smooth_l1(elemwise_mul(mask, elemwise_sub(loc, target)), scalar=1.0))
cls_label = MakeLoss(cls_target, grad_scale=0)
"""
DETECTION = """
detection = MakeLoss(_contrib_MultiBoxDetection(cls_prob, loc, anchors), grad_scale=0)
return cls_prob, loc_loss, cls_label, detection
"""


@pytest.mark.parametrize(
    ("end", "outputs"),
    [
        (DETECTION, ["_contrib_multiboxdetection0_output"]),
        ("return cls_prob, loc_loss, cls_label",
         ["cls_prob_output", "loc_output", "anchors_output"]),
    ],
)  # fmt: skip
def test_what_trains_a_detector_is_mended_by_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, outputs: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = graphpass.Model(parse_graph(SSD + end))
    model.parameters["w"] = np.ones((8, 3, 1, 1), "float32")
    model.parameters["v"] = np.ones((16, 8, 1, 1), "float32")
    model.save("the net")
    report = graphpass.check(graphpass.load("the net"))
    (command,) = {finding.remedy for finding in report}
    assert f"`graphpass {command}` mends it" in str(report)
    assert run(*shlex.split(command)) == 0
    mended = graphpass.load("the net-mended")
    assert mended.graph.outputs == outputs
    assert mended.inputs == ["data"]
    assert len(graphpass.check(mended)) == 0


@pytest.mark.slow
def test_remedies_mend_real_networks(corpus: Path, tmp_path: Path) -> None:
    looked_at, empty = 0, []
    for path in sorted(corpus.rglob("*-symbol.json")):
        try:
            prefix = str(path)
            model = graphpass.load(prefix)
        except GraphpassError:
            continue
        inputs = {"data": (2, 3, 224, 224)} if "data" in model.inputs else {}
        for shapes in ({}, inputs) if inputs else ({},):
            empty += [f"{path}: {each}" for each in empty_promises(prefix, tmp_path, shapes)]
        looked_at += 1
    assert looked_at > 100
    assert empty == []
