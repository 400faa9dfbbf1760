"""Inputs of the corpus' networks: those on record, and sensible ones where there is no record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FOLDERS", "networks", "symbols"]

FOLDERS = ("trained", "versions", "wild", "zoo")

Inputs = dict[str, tuple[tuple[int, ...], str]]
"""Name -> shape and dtype."""

_IMAGE = {"data": (1, 3, 224, 224)}
_QUANTIZED = {
    "data": (4, 3, 8, 8),
    **{f"{layer}_{what}_quantize_{end}": (1,)
       for layer in ("conv0", "conv1", "fc0") for what in ("weight", "bias")
       for end in ("min", "max")},
}  # fmt: skip
_GUESSES: dict[str, dict[str, tuple[int, ...]]] = {
    "gluonzoo_inceptionv3": {"data": (1, 3, 299, 299)},
    "amp_float16": {"data": (4, 3, 8, 8)},
    "fp16_typed": {"data": (4, 3, 8, 8)},
    "duplicate_names": {"data": (4, 6)},
    "sparse_variables": {"data": (4, 10)},
    "odd_names_control_chars": {"bell\x07x": (4, 6)},
    "random_ops": {"mu": (2,), "sigma": (2,)},
    "quantized_naive": _QUANTIZED,
    "quantized_uint8": _QUANTIZED,
    "sterling239-model": {
        "images": (240, 3, 112, 112),
        "body": (240, 18, 2),
        "specters": (54, 3, 40, 40),
        "emotions": (240, 7),
        "arr": (240, 1),
        "val": (240, 1),
    },
    "deepfactor": {"past_time_feat": (2, 7, 3), "feat_static_cat": (2, 1), "past_target": (2, 7)},
    "rnn2qr": {
        "future_target": (2, 7, 1),
        "past_target": (2, 7, 1),
        "feat_static_cat": (2, 1),
        "past_feat_dynamic_real": (2, 7, 3),
    },
    "deepar_gru3": {
        "past_observed_values": (2, 1100),
        "future_observed_values": (2, 7),
        "past_target": (2, 1100),
        "future_target": (2, 7),
        "past_time_feat": (2, 1100, 4),
        "future_time_feat": (2, 7, 4),
        "feat_static_cat": (2, 1),
        "feat_static_real": (2, 1),
        "past_is_pad": (2, 1100),
    },
    "gpvar": {
        "past_observed_values": (2, 1100, 3),
        "past_is_pad": (2, 1100),
        "future_observed_values": (2, 7, 3),
        "past_target_cdf": (2, 1100, 3),
        "future_target_cdf": (2, 7, 3),
        "target_dimension_indicator": (2, 3),
        "past_time_feat": (2, 1100, 4),
        "future_time_feat": (2, 7, 4),
    },
    "tft": {
        "future_observed_values": (2, 7),
        "future_target": (2, 7),
        "past_target": (2, 7),
        "past_observed_values": (2, 7),
        "past_feat_dynamic_real": (2, 7, 1),
        "past_feat_dynamic_cat": (2, 7, 1),
        "feat_dynamic_real": (2, 14, 3),
        "feat_dynamic_cat": (2, 14, 1),
        "feat_static_real": (2, 1),
        "feat_static_cat": (2, 1),
    },
}
"""Networks without a record of their inputs, by the name of the file."""


def symbols(corpus: Path, folder: str) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Yield every symbol of a folder, by name, with what is on record of its inputs."""
    zoo = {
        corpus / "zoo" / each["file"]: each["inputs"]
        for each in json.loads((corpus / "zoo" / "index.json").read_text())
    }
    for path in sorted((corpus / folder).rglob("*.json")):
        if path.name == "index.json" or path.name.endswith(".meta.json"):
            continue
        meta = path.with_name(path.name.replace("-symbol.json", ".meta.json"))
        record = zoo.get(path)
        if path not in zoo and meta.exists() and meta != path:
            record = json.loads(meta.read_text()).get("inputs")
        yield path, record or []


def networks(corpus: Path, folder: str) -> Iterator[tuple[Path, Inputs]]:
    """Yield every symbol of a folder with its inputs."""
    for path, record in symbols(corpus, folder):
        found = {
            each["name"]: (tuple(each["shape"]), each.get("dtype", "float32")) for each in record
        }
        if not found:
            guess = _GUESSES.get(path.name.removesuffix("-symbol.json"), _IMAGE)
            found = {name: (shape, "float32") for name, shape in guess.items()}
        yield path, found
