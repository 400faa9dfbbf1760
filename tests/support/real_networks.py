"""Real networks: the symbols of a corpus, their inputs, and parameters as if trained."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphpass import Model, Parameters
from graphpass.errors import GraphpassError
from graphpass.verify.backend_mxnet import MXNetBackend
from graphpass.verify.feeding import prepare
from graphpass.verify.inputs import ValueSource

__all__ = ["FOLDERS", "Network", "draw", "networks"]

FOLDERS = ("trained", "wild", "zoo", "versions")

Shapes = Mapping[str, tuple[int, ...]]

_READ_FROM_GRAPHS: Mapping[str, Shapes] = {
    "wild/sterling239-model-symbol.json": {
        "images": (6, 40, 3, 112, 112),
        "body": (6, 40, 10),
        "specters": (6, 9, 3, 40, 40),
        "emotions": (6, 7),
        "arr": (6,),
        "val": (6,),
    },
    "zoo/gluonts/deepar_gru3-symbol.json": {
        "past_observed_values": (2, 1100),
        "future_observed_values": (2, 7),
        "past_target": (2, 1100),
        "future_target": (2, 7),
        "past_time_feat": (2, 1100, 3),
        "future_time_feat": (2, 7, 3),
        "feat_static_cat": (2, 1),
        "feat_static_real": (2, 1),
        "past_is_pad": (2, 1100),
    },
    "zoo/gluonts/deepfactor-symbol.json": {
        "past_time_feat": (2, 12, 3),
        "feat_static_cat": (2, 1),
        "past_target": (2, 12),
    },
    "zoo/gluonts/gpvar-symbol.json": {
        "past_observed_values": (2, 21, 3),
        "past_is_pad": (2, 21),
        "future_observed_values": (2, 7, 3),
        "past_target_cdf": (2, 21, 3),
        "future_target_cdf": (2, 7, 3),
        "target_dimension_indicator": (2, 3),
        "past_time_feat": (2, 21, 3),
        "future_time_feat": (2, 7, 3),
    },
    "zoo/gluonts/rnn2qr-symbol.json": {
        "future_target": (2, 2, 7),
        "past_target": (2, 7, 1),
        "feat_static_cat": (2, 1),
        "past_feat_dynamic_real": (2, 7, 2),
    },
    "zoo/gluonts/tft-symbol.json": {
        "past_target": (2, 7),
        "past_observed_values": (2, 7),
        "future_target": (2, 7),
        "future_observed_values": (2, 7),
        "past_feat_dynamic_real": (2, 7, 1),
        "past_feat_dynamic_cat": (2, 7, 1),
        "feat_dynamic_real": (2, 14, 3),
        "feat_dynamic_cat": (2, 14, 1),
        "feat_static_real": (2, 1),
        "feat_static_cat": (2, 1),
    },
}
"""Shapes of inputs that are not on record and no guess; the attributes of the graph leave these."""

_SMALL = {"resnet101_graph-symbol.json": {"data": (1, 3, 56, 56)}}
"""Shapes for networks without a record that take gigabytes at the first guess."""

_QUANTIZED = {
    "data": (4, 3, 8, 8),
    **{f"{layer}_{what}_quantize_{end}": (1,)
       for layer in ("conv0", "conv1", "fc0") for what in ("weight", "bias")
       for end in ("min", "max")},
}  # fmt: skip
_FOR_INFERENCE: Mapping[str, Shapes] = {
    "gluonzoo_inceptionv3": {"data": (1, 3, 299, 299)},
    "amp_float16": {"data": (4, 3, 8, 8)},
    "fp16_typed": {"data": (4, 3, 8, 8)},
    "duplicate_names": {"data": (4, 6)},
    "sparse_variables": {"data": (4, 10)},
    "odd_names_control_chars": {"bell\x07x": (4, 6)},
    "random_ops": {"mu": (2,), "sigma": (2,)},
    "quantized_naive": _QUANTIZED,
    "quantized_uint8": _QUANTIZED,
}
"""Shapes that inference alone is tried with where none is on record, by the name of the file."""

_GUESSES = ((1, 3, 224, 224), (1, 3, 299, 299), (2, 3, 32, 32), (2, 3, 8, 8), (2, 10), (2, 5))
"""Shapes of inputs of which none is on record; the first that MXNet accepts counts."""


@dataclass(frozen=True)
class Network:
    """One symbol of a corpus."""

    name: str
    """Its path below the corpus."""

    path: Path

    inputs: Shapes
    """What is known of its inputs; may be empty."""

    dtypes: Mapping[str, str]
    """Of those that are on record."""

    @property
    def inferable(self) -> Shapes:
        """Shapes that inference can be tried with."""
        stem = self.path.name.removesuffix("-symbol.json")
        return self.inputs or _FOR_INFERENCE.get(stem, {"data": (1, 3, 224, 224)})


def networks(corpus: Path, folder: str) -> list[Network]:
    """Return the symbols of one folder of a corpus, by name."""
    index = json.loads((corpus / "zoo" / "index.json").read_text())
    zoo = {corpus / "zoo" / each["file"]: each["inputs"] for each in index}
    found = []
    for path in sorted((corpus / folder).rglob("*.json")):
        if path.name == "index.json" or path.name.endswith(".meta.json"):
            continue
        meta = path.with_name(path.name.replace("-symbol.json", ".meta.json"))
        record = zoo.get(path)
        if path not in zoo and meta.exists() and meta != path:
            record = json.loads(meta.read_text()).get("inputs")
        inputs = {each["name"]: tuple(each["shape"]) for each in record or ()}
        dtypes = {each["name"]: each.get("dtype", "float32") for each in record or ()}
        name = str(path.relative_to(corpus))
        known = inputs or _READ_FROM_GRAPHS.get(name) or _SMALL.get(path.name, {})
        found.append(Network(name, path, known, dtypes))
    return found


def draw(model: Model, network: Network) -> tuple[Model, dict[str, NDArray[Any]]]:
    """Return a network with parameters drawn at random, and values for its inputs.

    Stored parameters tell shapes. Their values stay only in a quantized network, where they have to
    fit together.

    Raises
    ------
    GraphpassError
        If MXNet infers no shapes, whatever is guessed.
    """
    is_quantized = any(array.dtype.kind in "iu" for array in model.parameters.values())
    stored = {
        name: np.asarray(array) if is_quantized else array.shape
        for name, array in model.parameters.items()
    }
    bare = Model(model.graph, Parameters())
    refused: GraphpassError | None = None
    for shapes in _shapes(model, network):
        try:
            feeding = prepare(bare, bare, MXNetBackend(), inputs={**stored, **shapes})
            break
        except GraphpassError as error:
            refused = refused or error
    else:
        assert refused is not None
        raise refused
    parameters, inputs = Parameters(), {}
    states = set(model.graph.auxiliary_states)
    for source in feeding.sources[0].values():
        name = source.name
        is_read_as_data = source.limits is not None or name.endswith("label")
        if name in shapes or (is_read_as_data and name not in stored):
            inputs[name] = source.values(0)
        else:
            value = _parameter(source, network)
            parameters.set(name, value, "aux" if name in states else "arg")
    return Model(model.graph, parameters), inputs


def _shapes(model: Model, network: Network) -> Iterator[Shapes]:
    """Yield what the shapes of the inputs may be, the most trustworthy first."""
    variables = model.graph.arguments
    recorded = {name: shape for name, shape in network.inputs.items() if name in variables}
    if recorded:
        yield recorded
    names = [name for name in model.inputs if not name.endswith("label")]
    names = ["data"] if "data" in variables else names
    labels = [name for name in model.inputs if name.endswith("label")]
    for guess in _GUESSES:
        yield dict.fromkeys(names, guess)
        yield {**dict.fromkeys(names, guess), **dict.fromkeys(labels, guess[:1])}


def _parameter(source: ValueSource, network: Network) -> NDArray[Any]:
    """Return values as training leaves them: no scale is one, no shift zero, no variance one."""
    if source.fixed:
        return np.asarray(source.values(0))
    numbers = np.random.default_rng(zlib.crc32(f"{network.name} {source.name}".encode()))
    shape, slot = source.shape, source.slot
    value: Any
    if slot == "gamma":
        value = numbers.choice([1.0, -0.7, 1e-4, 1.3, 0.4], shape)
    elif slot in ("moving_var", "running_var"):
        value = numbers.uniform(0.3, 2, shape)
    elif slot in ("moving_mean", "running_mean"):
        value = numbers.normal(0, 0.3, shape)
    elif source.name.endswith("anchor_"):
        value = _anchors(shape, numbers)
    else:
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        value = numbers.standard_normal(shape) / max(1, fan_in) ** 0.5
    return np.asarray(value, source.dtype)


def _anchors(shape: tuple[int, ...], numbers: np.random.Generator) -> NDArray[Any]:
    """Return boxes by their corners, or their sizes alone; a detector drops boxes without area."""
    sizes = numbers.uniform(16, 200, (int(np.prod(shape)) // 2, 2))
    values: NDArray[Any] = sizes
    if shape[-1] % 4 == 0:
        corners = numbers.uniform(0, 300, (len(sizes) // 2, 2))
        values = np.concatenate([corners, corners + sizes[: len(corners)]], axis=1)
    return values.reshape(shape)
