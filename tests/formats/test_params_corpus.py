"""Real files: those since MXNet 1.0 come back byte for byte, older ones in value."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from graphpass.formats.params import params_bytes, read_params

OLD_RELEASES = ("0.9.5", "0.11.0")
OLD_PREFIXES = ("mtcnn2016_",)


def files(corpus: Path) -> list[Path]:
    found = sorted(corpus.rglob("*.params"))
    assert found, f"{corpus} holds no .params files"
    return found


def is_old(path: Path) -> bool:
    return path.parent.name in OLD_RELEASES or path.name.startswith(OLD_PREFIXES)


def test_files_since_1_0_come_back_byte_for_byte(corpus: Path) -> None:
    new = [path for path in files(corpus) if not is_old(path)]
    assert new
    assert [p for p in new if params_bytes(read_params(p)) != p.read_bytes()] == []


def test_older_files_come_back_in_value(corpus: Path) -> None:
    old = [path for path in files(corpus) if is_old(path)]
    assert old
    for path in old:
        parameters = read_params(path)
        written = params_bytes(parameters)
        assert written != path.read_bytes()
        assert read_params(written) == parameters
        assert list(read_params(written)) == list(parameters)


@pytest.mark.mxnet
def test_every_file_holds_what_mxnet_finds_in_it(corpus: Path, mx: ModuleType) -> None:
    for path in files(corpus):
        parameters = read_params(path)
        with mx.util.np_shape(parameters.np_shape):
            loaded = mx.nd.load(str(path))
        assert [parameters.stored_name(name) for name in parameters] == list(loaded), path
        for name, array in parameters.items():
            expected = loaded[parameters.stored_name(name)].asnumpy()
            assert (array.dtype, array.shape) == (expected.dtype, expected.shape), (path, name)
            assert np.array_equal(array, expected, equal_nan=True), (path, name)
