"""Reading every version of ``.params``, writing the newest, and mapping rather than reading."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as npst

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.params import params_bytes, read_params, write_params
from graphpass.formats.saving import atomic_write

LEGACY, V1, V2, V3 = 0, 0xF993FAC8, 0xF993FAC9, 0xF993FACA
CPU = (1, 0)
FLOATS = np.array([1, 2], "<f4").tobytes()

DTYPES = {
    0: "float32",
    1: "float64",
    2: "float16",
    3: "uint8",
    4: "int32",
    5: "int8",
    6: "int64",
    7: "bool",
    8: "int16",
    9: "uint16",
    10: "uint32",
    11: "uint64",
    12: BFLOAT16,
}

# What MXNet 1.9.1 writes for mx.nd.save(f, {'arg:w': mx.nd.array([1, 2])}).
MXNET_FILE = bytes.fromhex(
    "120100000000000000000000000000000100000000000000"
    "c9fa93f900000000010000000200000000000000"
    "010000000000000000000000"
    "0000803f00000040"
    "010000000000000005000000000000006172673a77"
)


def header(version: int, shape: tuple[int, ...]) -> bytes:
    if version == LEGACY:
        return struct.pack(f"<I{len(shape)}I", len(shape), *shape)
    storage = b"" if version == V1 else struct.pack("<i", 0)
    return (
        struct.pack("<I", version) + storage + struct.pack(f"<i{len(shape)}q", len(shape), *shape)
    )


def array(
    version: int,
    shape: tuple[int, ...] = (2,),
    values: bytes = FLOATS,
    *,
    code: int = 0,
    device: tuple[int, int] = CPU,
) -> bytes:
    return header(version, shape) + struct.pack("<iii", *device, code) + values


def file(arrays: list[bytes], names: list[bytes], reserved: int = 0) -> bytes:
    stored = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    start = struct.pack("<QQQ", 0x112, reserved, len(arrays))
    return start + b"".join(arrays) + struct.pack("<Q", len(names)) + stored


@pytest.mark.parametrize("version", [LEGACY, V1, V2, V3])
def test_every_version_is_read(version: int) -> None:
    parameters = read_params(file([array(version)], [b"arg:w"]))
    assert list(parameters) == ["w"]
    assert parameters["w"].dtype == np.float32
    assert parameters["w"].tolist() == [1, 2]
    assert parameters.np_shape is (version == V3)


@pytest.mark.parametrize("version", [LEGACY, V1, V2])
def test_versions_without_scalars_are_written_as_mxnet_writes_them_today(version: int) -> None:
    assert params_bytes(read_params(file([array(version)], [b"arg:w"]))) == MXNET_FILE


def test_v3_stays_v3() -> None:
    data = file([array(V3), array(V3, (), FLOATS[:4])], [b"arg:w", b"arg:scalar"])
    assert params_bytes(read_params(data)) == data


@pytest.mark.parametrize("code", DTYPES)
@pytest.mark.parametrize("version", [LEGACY, V1, V2, V3])
def test_every_dtype_is_read_and_written(version: int, code: int) -> None:
    dtype = np.dtype(DTYPES[code])
    values = bytes(i % 2 for i in range(6 * dtype.itemsize))
    parameters = read_params(file([array(version, (2, 3), values, code=code)], [b"w"]))
    assert parameters["w"].dtype == dtype
    assert parameters["w"].shape == (2, 3)
    assert parameters["w"].tobytes() == values
    newest = V3 if version == V3 else V2
    assert params_bytes(parameters) == file([array(newest, (2, 3), values, code=code)], [b"w"])


@pytest.mark.parametrize("device", [(2, 0), (2, 3), (3, 0), (5, 0), (99, -1)])
def test_the_device_is_forgotten(device: tuple[int, int]) -> None:
    data = file([array(V2, device=device)], [b"arg:w"])
    assert params_bytes(read_params(data)) == MXNET_FILE


def test_the_reserved_word_and_what_follows_the_names_are_not_looked_at() -> None:
    data = file([array(V2)], [b"arg:w"], reserved=77) + b"more"
    assert params_bytes(read_params(data)) == MXNET_FILE


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("version", [LEGACY, V1, V2, V3])
def test_arrays_without_elements(version: int, shape: tuple[int, ...]) -> None:
    parameters = read_params(file([array(version, shape, b""), array(version)], [b"a", b"b"]))
    assert parameters["a"].shape == shape
    assert parameters["b"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "nothing",
    [
        header(LEGACY, ()),
        header(V1, ()),
        header(V2, ()),
        struct.pack("<Iii", V3, 0, -1),
        header(V3, (-1, 3)),
    ],
    ids=["legacy", "V1", "V2", "V3 rank", "V3 dimension"],
)
def test_a_name_without_a_value_is_no_parameter(nothing: bytes) -> None:
    version = struct.unpack_from("<I", nothing)[0]
    data = file([nothing, array(version)], [b"arg:nothing", b"arg:w"])
    assert list(read_params(data)) == ["w"]


def test_the_order_of_the_file_is_kept() -> None:
    names = [b"arg:b", b"aux:a", b"arg:c"]
    assert list(read_params(file([array(V2)] * 3, names))) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("stored", "class_", "name"),
    [
        (b"arg:w", "arg", "w"),
        (b"aux:w", "aux", "w"),
        (b"w", "", "w"),
        (b"0.weight", "", "0.weight"),
        (b"foo:w", "", "foo:w"),
        (b"arg:aux:w", "arg", "aux:w"),
        (b"arg", "", "arg"),
        (b"arg:", "arg", ""),
        (b"", "", ""),
        (b"arg:\xff/\x00\n", "arg", "\udcff/\0\n"),
        ("arg:größe".encode(), "arg", "größe"),
    ],
)
def test_names(stored: bytes, class_: str, name: str) -> None:
    data = file([array(V2)], [stored])
    parameters = read_params(data)
    assert list(parameters) == [name]
    assert parameters.class_of(name) == class_
    assert params_bytes(parameters) == data


def test_the_last_of_two_equal_names_wins_in_the_place_of_the_first() -> None:
    last = np.array([3, 4], "<f4").tobytes()
    data = file([array(V2), array(V2), array(V2, (2,), last)], [b"arg:w", b"arg:b", b"arg:w"])
    parameters = read_params(data)
    assert list(parameters) == ["w", "b"]
    assert parameters["w"].tolist() == [3, 4]


@pytest.mark.parametrize("names", [(b"arg:x", b"aux:x"), (b"x", b"aux:x"), (b"arg:x", b"x")])
def test_two_arrays_for_one_variable_are_refused_by_both_names(names: tuple[bytes, bytes]) -> None:
    with pytest.raises(ParamsError) as error:
        read_params(file([array(V2)] * 2, list(names)))
    assert all(repr(name.decode()) in str(error.value) for name in names)


def test_a_list_has_positions_for_names_and_is_written_without() -> None:
    data = file([array(V2), array(V2, (1, 2))], [])
    parameters = read_params(data)
    assert {name: value.shape for name, value in parameters.items()} == {"0": (2,), "1": (1, 2)}
    assert parameters.is_list
    assert params_bytes(parameters) == data


def test_a_list_that_was_edited_gets_names() -> None:
    parameters = read_params(file([array(V2)] * 2, []))
    parameters.rename({"1": "w"})
    assert not parameters.is_list
    assert list(read_params(params_bytes(parameters))) == ["0", "w"]


def test_no_arrays() -> None:
    data = file([], [])
    assert len(data) == 32
    assert len(read_params(data)) == 0
    assert params_bytes(Parameters()) == data


def test_a_scalar_makes_the_whole_file_v3() -> None:
    parameters = read_params(MXNET_FILE)
    parameters["s"] = np.float32(7)
    data = params_bytes(parameters)
    scalar = np.float32(7).tobytes()
    assert data == file([array(V3), array(V3, (), scalar)], [b"arg:w", b"arg:s"])
    assert read_params(data)["s"].shape == ()


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(convert: type) -> None:
    parameters = read_params(convert(MXNET_FILE))
    assert parameters["w"].tolist() == [1, 2]
    assert not parameters["w"].flags.writeable


def test_a_memoryview_with_gaps_is_read() -> None:
    spaced = bytearray(2 * len(MXNET_FILE))
    spaced[::2] = MXNET_FILE
    assert read_params(memoryview(spaced)[::2])["w"].tolist() == [1, 2]


def test_a_file_is_mapped_read_only(tmp_path: Path) -> None:
    path = tmp_path / "w-0000.params"
    path.write_bytes(MXNET_FILE)
    for source in (path, str(path)):
        weight = read_params(source)["w"]
        assert weight.tolist() == [1, 2]
        with pytest.raises(ValueError, match="read-only"):
            weight[0] = 5


def test_values_are_neither_read_nor_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge-0000.params"
    size = 2**33
    with path.open("wb") as out:
        out.write(struct.pack("<QQQ", 0x112, 0, 1) + array(V2, (size,), b"", code=3))
        out.seek(size, io.SEEK_CUR)
        out.write(struct.pack("<QQ", 1, 8) + b"arg:huge")
    tracemalloc.start()
    try:
        huge = read_params(path)["huge"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert huge.shape == (size,)
    assert peak < 2**20


class Discard(io.RawIOBase):
    """Counts what is written."""

    count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = len(data)  # type: ignore[arg-type]
        self.count += size
        return size


def test_writing_holds_no_array_twice() -> None:
    parameters = Parameters({"a": np.zeros(2**24, "uint8"), "b": np.zeros(2**24, "uint8")})
    sink = Discard()
    tracemalloc.start()
    try:
        with io.BufferedWriter(sink) as out:
            write_params(parameters, out)
            out.flush()
            peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.count > 2**25
    assert peak < 2**20


def test_saving_onto_the_file_that_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "w-0000.params"
    original = Parameters({f"w{i}": np.full(5000, i, "float32") for i in range(20)})
    path.write_bytes(params_bytes(original))
    mapped = read_params(path)
    before = mapped.copy()
    del mapped["w0"]
    mapped["new"] = mapped["w7"]
    with atomic_write(path, overwrite=True) as out:
        write_params(mapped, out)
    assert read_params(path) == mapped
    assert before == original


def names() -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("ab:/*. é\udcff\n\0") | st.characters(codec="utf-8"), max_size=6)


def arrays() -> st.SearchStrategy[np.ndarray]:
    shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
    plain = st.sampled_from([np.dtype(d) for d in DTYPES.values() if d is not BFLOAT16])
    return st.one_of(
        npst.arrays(plain, shapes), npst.arrays(np.uint16, shapes).map(lambda a: a.view(BFLOAT16))
    )


@st.composite
def models(draw: st.DrawFn) -> Parameters:
    parameters = Parameters(np_shape=draw(st.booleans()))
    for name in draw(st.lists(names(), unique=True, max_size=5)):
        classes = ["arg", "aux"] + [""] * (split_name(name)[0] == "")
        parameters.set(name, draw(arrays()), draw(st.sampled_from(classes)))
    return parameters


@given(models())
def test_what_is_written_is_read_back(parameters: Parameters) -> None:
    data = params_bytes(parameters)
    again = read_params(data)
    assert again == parameters
    assert list(again) == list(parameters)
    assert params_bytes(again) == data


@pytest.mark.parametrize("change", ["shorter", "longer", "in place", "replaced"])
def test_a_file_that_changes_under_its_arrays(tmp_path: Path, change: str) -> None:
    path = tmp_path / "m-0000.params"
    path.write_bytes(params_bytes(Parameters({"w": np.ones((1000, 1000), "f4")})))
    parameters = read_params(path)
    if change == "shorter":
        os.truncate(path, 4096)
    elif change == "longer":
        with path.open("ab") as file:
            file.write(b"more")
    elif change == "in place":
        with path.open("r+b") as file:
            file.seek(2_000_000)
            file.write(b"other")
        os.utime(path, ns=(0, 0))
    else:
        other = tmp_path / "other"
        other.write_bytes(b"other")
        other.replace(path)
        assert parameters["w"].sum() == 1_000_000
        return
    for look in (
        lambda: parameters["w"],
        lambda: parameters.find("w"),
        lambda: parameters == Parameters({"w": np.ones((1000, 1000), "f4")}),
        lambda: params_bytes(parameters),
    ):
        with pytest.raises(ParamsError, match="another program has written to the file"):
            look()


def test_a_file_that_changes_while_it_is_saved_replaces_nothing(tmp_path: Path) -> None:
    """As a download that starts anew does: the save is refused, and the process lives."""
    path = tmp_path / "m-0000.params"
    path.write_bytes(params_bytes(Parameters({"v": np.ones(9, "f4"), "w": np.ones(10**6, "f4")})))
    parameters = read_params(path)

    class Disk(io.FileIO):
        def write(self, data: object) -> int:
            os.truncate(path, 4096)
            return super().write(data)  # type: ignore[arg-type]

    with (
        io.BufferedWriter(Disk(tmp_path / "out", "w"), 10) as file,
        pytest.raises(ParamsError, match="another program has written to the file"),
    ):
        write_params(parameters, file)
