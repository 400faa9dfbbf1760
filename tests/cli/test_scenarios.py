"""What users ask for, end to end through the command line, with real MXNet as judge."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass

Array = np.ndarray[Any, Any]


def outputs(mx: ModuleType, prefix: str, **inputs: Array) -> list[Array]:
    """Run a saved model on MXNet, loaded as its users load it."""
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    values = {**arguments, **{name: mx.nd.array(value) for name, value in inputs.items()}}
    executor = symbol.bind(mx.cpu(), values, aux_states=states, grad_req="null")
    return [output.asnumpy() for output in executor.forward(is_train=False)]


def image(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


SIAMESE = """
graphpass: 1
name: siamese-distance
rules:
  - extract: flatten0
  - clone: {inputs: {data: data2}, prefix: second_, share: parameters}
  - insert:
      op: elemwise_sub
      name: difference
      inputs: [flatten0, second_flatten0]
      heads: replace
  - insert:
      op: FullyConnected
      name: distance
      attrs: {num_hidden: 1, no_bias: true}
      inputs: [difference]
      heads: append
      parameters: {weight: {shape: [1, 4], init: normal, seed: 1}}
"""


@pytest.mark.mxnet
def test_siamese_from_one_checkpoint(cli: Any, folder: Path, mx: ModuleType) -> None:
    (folder / "siamese.yaml").write_text(SIAMESE)
    done = cli("apply", "siamese.yaml", "residual", "0", "-o", "siam")
    assert done.code == 0, done.err
    original = graphpass.load("residual")
    model = graphpass.load("siam")
    assert model.inputs == ["data", "data2"]
    expected = [name for name in original.parameters if not name.startswith("fc0")]
    assert list(model.parameters) == [*expected, "distance_weight"]

    assert cli("apply", "{extract: flatten0}", "residual", "-o", "features").code == 0
    a, b = image((1, 3, 8, 8), 1), image((1, 3, 8, 8), 2)
    feature_a, feature_b = (outputs(mx, "features", data=x)[0] for x in (a, b))
    difference, distance = outputs(mx, "siam", data=a, data2=b)
    np.testing.assert_array_equal(difference, feature_a - feature_b)
    swapped = outputs(mx, "siam", data=b, data2=a)
    np.testing.assert_array_equal(swapped[0], -difference)
    np.testing.assert_allclose(swapped[1], -distance, rtol=1e-6)
    assert all((value == 0).all() for value in outputs(mx, "siam", data=a, data2=a))


@pytest.mark.mxnet
def test_tie_two_embeddings(cli: Any, folder: Path, mx: ModuleType) -> None:
    tie = "{tie: [src_embed_weight, tgt_embed_weight]}"
    assert cli("apply", tie, "translator", "-o", "tied").code == 0
    tied = graphpass.load("tied")
    assert "tgt_embed_weight" not in tied.parameters
    removed = graphpass.load("translator").parameters["tgt_embed_weight"].nbytes
    shrunk = (folder / "translator-0000.params").stat().st_size
    shrunk -= (folder / "tied-0000.params").stat().st_size
    assert removed <= shrunk < removed + 100
    words = {"src": np.array([[1, 2, 3, 4, 10]] * 2), "tgt": np.array([[0, 5, 6, 7]] * 2)}
    np.testing.assert_array_equal(
        outputs(mx, "translator", **words)[0], outputs(mx, "tied", **words)[0]
    )
    three = "{tie: [src_embed_weight, tgt_embed_weight, vocabulary_weight]}"
    refused = cli("apply", three, "translator", "-o", "refused")
    assert refused.code == 2
    assert "keep" in refused.err
    assert not (folder / "refused-symbol.json").exists()
    kept = (
        "{tie: {variables: [src_embed_weight, tgt_embed_weight, vocabulary_weight], keep: first}}"
    )
    assert cli("apply", kept, "translator", "-o", "all").code == 0
    assert list(graphpass.load("all").parameters) == ["src_embed_weight"]


def test_tie_refuses_unequal_shapes(cli: Any, folder: Path) -> None:
    done = cli(
        "apply", "{tie: {variables: [conv0_weight, fc1_weight], keep: first}}", "age", "-o", "x"
    )
    assert done.code == 2
    assert "(4, 3, 3, 3)" in done.err
    assert "(5, 144)" in done.err


@pytest.mark.mxnet
def test_rename_both_files_at_once(cli: Any, folder: Path, mx: ModuleType) -> None:
    (folder / "names.csv").write_text(
        "from,to\n"
        "in_stem_conv1_3*3_conv2d_weight,stem/weight[0]\n"
        "vggish/input,.Inputs.Input1\n"
        ".$0_moving_mean,.$1_moving_mean\n"
        "a,b\n"
        "b,a\n"
        "a_weight,b_weight\n"
        "b_weight,a_weight\n"
    )
    done = cli("apply", "{rename: {map: names.csv}}", "nasty_names", "-o", "renamed")
    assert done.code == 0, done.err
    before, after = graphpass.load("nasty_names"), graphpass.load("renamed")
    assert graphpass.isomorphic(before.graph, after.graph)
    assert after.inputs == [".Inputs.Input1"]
    assert after.graph.outputs == ["b_output", "a_output"]
    assert after.parameters.stored_name("stem/weight[0]") == "arg:stem/weight[0]"
    assert after.parameters.stored_name(".$1_moving_mean") == "aux:.$1_moving_mean"
    assert np.array_equal(after.parameters["b_weight"], before.parameters["a_weight"])
    x = image((1, 2, 6, 6))
    old = outputs(mx, "nasty_names", **{"vggish/input": x})
    new = outputs(mx, "renamed", **{".Inputs.Input1": x})
    assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    proof = cli("verify", "nasty_names", "renamed", "--input", "vggish/input:1,2,6,6")
    assert proof.code == 0, proof.err


def test_a_rename_that_clashes_names_both_owners_and_writes_nothing(cli: Any, folder: Path) -> None:
    files = sorted(folder.iterdir())
    done = cli("apply", "{rename: {from: a_weight, to: b_weight}}", "nasty_names", "-o", "clash")
    assert done.code == 2
    assert "a_weight" in done.err
    assert "b_weight" in done.err
    assert sorted(folder.iterdir()) == files


@pytest.mark.mxnet
def test_extract_from_the_middle_and_split(cli: Any, folder: Path, mx: ModuleType) -> None:
    done = cli("apply", "{extract: {inputs: [pool1], outputs: [relu5]}}", "stages", "-o", "mid")
    assert done.code == 0, done.err
    middle = graphpass.load("mid")
    assert middle.inputs == ["pool1_output"]
    assert list(middle.parameters) == [f"conv{n}_{kind}" for n in (2, 3, 4, 5) for kind in "wb"]

    assert cli("apply", "{extract: flatten0}", "stages", "-o", "bottom").code == 0
    assert cli("apply", "{extract: {inputs: {flatten0: x}}}", "stages", "-o", "top").code == 0
    data = image((1, 3, 8, 8))
    (features,) = outputs(mx, "bottom", data=data)
    np.testing.assert_array_equal(
        outputs(mx, "top", x=features)[0], outputs(mx, "stages", data=data)[0]
    )


def test_extract_names_the_nearest_and_takes_ids(cli: Any, folder: Path) -> None:
    wrong = cli("apply", "{extract: {outputs: [reluu5]}}", "stages", "-o", "x")
    assert wrong.code == 2
    assert "no output 'reluu5'; nearest: relu5" in wrong.err
    twice = cli("apply", "{extract: _plus0}", "stages", "-o", "x")
    assert twice.code == 2
    found = [node.key for node in graphpass.load("stages").graph if node.name == "_plus0"]
    assert all(f"id:{key}" in twice.err for key in found)
    done = cli("apply", f"{{extract: 'id:{found[0]}'}}", "stages", "-o", "first")
    assert done.code == 0, done.err
    assert graphpass.load("first").graph.outputs == ["_plus0_output"]
    assert not (folder / "x-symbol.json").exists()


AGES = ["perceptron", "perceptron-0.8", "perceptron-0.11", "perceptron-plain"]


@pytest.mark.parametrize(("a", "b"), itertools.combinations(AGES, 2))
def test_files_of_any_age_are_equal(cli: Any, folder: Path, a: str, b: str) -> None:
    done = cli("diff", a, b)
    assert done.code == 0, done.out


def test_convert_for_an_old_release(cli: Any, folder: Path) -> None:
    done = cli("convert", "perceptron", "--to", "0.11", "-o", "old")
    assert done.code == 0, done.err
    tree = json.loads((folder / "old-symbol.json").read_text())
    assert not any("attrs" in node for node in tree["nodes"])
    assert cli("diff", "perceptron", "old").code == 0


def test_a_round_trip_without_rules_is_byte_identical(cli: Any, folder: Path) -> None:
    for name in ("residual", "nin", "translator", "nasty_names"):
        assert cli("convert", name, "-o", f"{name}-copy").code == 0
        for suffix in ("symbol.json", "0000.params"):
            copied = (folder / f"{name}-copy-{suffix}").read_bytes()
            assert copied == (folder / f"{name}-{suffix}").read_bytes()


@pytest.mark.mxnet
@pytest.mark.parametrize("share_equal", [False, True])
def test_merge_two_models_for_one_endpoint(
    cli: Any, folder: Path, mx: ModuleType, share_equal: bool
) -> None:
    rule = (
        f"{{merge: {{model: gender, prefix: gender_, share: [data], share_equal: {share_equal}}}}}"
    )
    done = cli("apply", rule, "age", "0", "-o", "both")
    assert done.code == 0, done.err
    both = graphpass.load("both")
    assert both.inputs == ["data"]
    assert both.graph.outputs == ["age_output", "gender_output"]
    names = [node.name for node in both.graph]
    assert len(names) == len(set(names))
    data = image((2, 3, 8, 8))
    expected = [*outputs(mx, "age", data=data), *outputs(mx, "gender", data=data)]
    for found, wanted in zip(outputs(mx, "both", data=data), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    operators = sum(not node.is_variable for node in both.graph)
    assert operators == (7 if share_equal else 10)
    assert ("gender_conv0_weight" in both.parameters) == (not share_equal)
    if share_equal:
        assert "bytes" in done.out or " B" in done.out


def test_merge_without_a_prefix_names_the_clash(cli: Any, folder: Path) -> None:
    done = cli("apply", "{merge: {model: gender, share: [data]}}", "age", "-o", "both")
    assert done.code == 2
    assert "conv0" in done.err
    assert "prefix" in done.err
