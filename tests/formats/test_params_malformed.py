"""No damage to a ``.params`` file gives anything but a `ParamsError` that says where it is."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from fuzzed_files import params_seeds
from hypothesis import example, given, settings

from graphpass.errors import ParamsError
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params

# Two arrays: "arg:w" of shape (2, 3) and "aux:m" of shape (4,).
COUNT, FIRST, STORAGE, NDIM, DIM, DEVICE, DTYPE, VALUES = 16, 24, 28, 32, 36, 52, 60, 64
SECOND = VALUES + 24
NAME_COUNT = SECOND + 32 + 16
NAME_SIZE = NAME_COUNT + 8


def sample() -> bytearray:
    parameters = Parameters({"w": np.arange(6, dtype="float32").reshape(2, 3)})
    parameters.set("m", np.arange(4, dtype="float32"), "aux")
    return bytearray(params_bytes(parameters))


def patched(layout: str, offset: int, *values: int) -> bytes:
    data = sample()
    struct.pack_into(layout, data, offset, *values)
    return bytes(data)


def refusal(data: bytes) -> str:
    with pytest.raises(ParamsError) as error:
        read_params(data)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_offsets_of_this_file_are_right() -> None:
    data = sample()
    assert struct.unpack_from("<I", data, SECOND) == (0xF993FAC9,)
    assert struct.unpack_from("<QQ5s", data, NAME_COUNT) == (2, 5, b"arg:w")


@pytest.mark.parametrize(
    ("layout", "offset", "value", "says"),
    [
        ("<Q", COUNT, 2**64 - 1, "byte 16, header: 18446744073709551615 arrays take at least"),
        ("<Q", COUNT, 10_000, "byte 16, header: 10000 arrays take at least 40000 bytes"),
        ("<Q", COUNT, 1, "byte 88, names: "),
        ("<Q", NAME_COUNT, 2**60, f"byte {NAME_COUNT}, names: {2**60} names take at least"),
        ("<Q", NAME_COUNT, 1, f"byte {NAME_COUNT}, names: 1 names for 2 arrays"),
        ("<Q", NAME_COUNT, 3, f"byte {NAME_COUNT}, names: 3 names "),
        ("<Q", NAME_SIZE, 2**63, f"byte {NAME_SIZE + 8}, name 0 (of 2, from 0): the name should"),
        ("<Q", NAME_SIZE + 13, 99, "name 1 (of 2, from 0, after 'arg:w'): the name should"),
        ("<I", FIRST, 0xDEADBEEF, "byte 24, array 0 (of 2, from 0): 0xDEADBEEF is no version"),
        ("<I", FIRST, 77, "byte 24, array 0 (of 2, from 0): an array of 77 dimensions"),
        ("<I", SECOND, 0x7FFFFFFF, "byte 88, array 1 (of 2, from 0): an array of 2147483647"),
        ("<i", STORAGE, 3, "byte 28, array 0 (of 2, from 0): storage type 3"),
        ("<i", STORAGE, -1, "byte 28, array 0 (of 2, from 0): storage type -1"),
        ("<i", NDIM, -1, "byte 32, array 0 (of 2, from 0): an array of -1 dimensions"),
        ("<i", NDIM, -5, "byte 32, array 0 (of 2, from 0): an array of -5 dimensions"),
        ("<i", NDIM, 2**30, "byte 32, array 0 (of 2, from 0): an array of 1073741824"),
        ("<q", DIM, -1, "byte 32, array 0 (of 2, from 0): shape (-1, 3) has a negative"),
        ("<q", DIM, -2, "byte 32, array 0 (of 2, from 0): shape (-2, 3) has a negative"),
        ("<q", DIM, 2**62, "byte 64, array 0 (of 2, from 0): shape (4611686018427387904, 3) is"),
        ("<q", DIM, 1000, "byte 64, array 0 (of 2, from 0): float32 values of shape (1000, 3)"),
        ("<i", DTYPE, 13, "byte 60, array 0 (of 2, from 0): dtype code 13"),
        ("<i", DTYPE, -1, "byte 60, array 0 (of 2, from 0): dtype code -1"),
    ],
)
def test_damage_is_refused_with_its_place(layout: str, offset: int, value: int, says: str) -> None:
    assert says in refusal(patched(layout, offset, value))


def test_v3_refuses_what_v2_allows() -> None:
    v3 = 0xF993FACA
    assert "storage type 1 can't stand in a V3 array" in refusal(patched("<Ii", FIRST, v3, 1))
    assert "an array of -2 dimensions" in refusal(patched("<Iii", FIRST, v3, 0, -2))
    assert "shape (-2, 3)" in refusal(patched("<Iiiq", FIRST, v3, 0, 2, -2))


def test_no_elements_but_a_shape_beyond_memory() -> None:
    empty = struct.pack("<QQQIiiqqiiiQ", 0x112, 0, 1, 0xF993FAC9, 0, 2, 0, 2**62, 1, 0, 0, 0)
    assert "larger than any memory" in refusal(empty)


@pytest.mark.parametrize("size", range(1, len(sample())))
def test_every_truncation_is_refused(size: int) -> None:
    message = refusal(bytes(sample()[:size]))
    assert "truncated" in message


def test_a_truncation_says_what_is_missing() -> None:
    assert refusal(bytes(sample()[: NAME_COUNT - 5])) == (
        "these bytes: byte 120, array 1 (of 2, from 0): float32 values of shape (4,) should take "
        "16 bytes, but the file ends 5 bytes too early, at byte 131; it is truncated or damaged: "
        "copy or download it again"
    )


def test_counts_allocate_nothing() -> None:
    huge = [
        patched("<Q", COUNT, 2**40),
        patched("<Q", NAME_COUNT, 2**40),
        patched("<Q", NAME_SIZE, 2**40),
        patched("<q", DIM, 2**40),
        patched("<i", NDIM, 2**30),
    ]
    tracemalloc.start()
    try:
        for data in huge:
            refusal(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def sparse(storage: int, stored: tuple[int, ...], aux: list[tuple[int, ...]], end: bytes) -> bytes:
    def shape(dims: tuple[int, ...]) -> bytes:
        return struct.pack(f"<i{len(dims)}q", len(dims), *dims)

    data = struct.pack("<QQQ", 0x112, 0, 2) + bytes(sample()[FIRST:SECOND])
    data += struct.pack("<Ii", 0xF993FAC9, storage) + shape(stored) + shape((4, 2))
    data += struct.pack("<iii", 1, 0, 0) + b"".join(struct.pack("<i", 6) + shape(a) for a in aux)
    data += bytes(4 * int(np.prod(stored)) + 8 * sum(int(np.prod(a)) for a in aux))
    return data + end


NAMES = struct.pack("<QQ5sQ5s", 2, 5, b"arg:w", 5, b"arg:s")
ROW_SPARSE = sparse(1, (3, 2), [(3,)], NAMES)
CSR = sparse(2, (3,), [(5,), (3,)], NAMES)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (ROW_SPARSE, "row_sparse"),
        (CSR, "csr"),
        (sparse(1, (0, 2), [(0,)], NAMES), "row_sparse"),
        (sparse(2, (0,), [(5,), (0,)], NAMES), "csr"),
    ],
)
def test_sparse_arrays_are_read(data: bytes, kind: str) -> None:
    parameters = read_params(data)
    assert parameters.storages == {"s": kind}
    assert parameters.shapes["s"] == (4, 2)
    assert params_bytes(parameters) == data


@pytest.mark.parametrize(
    "data",
    [
        sparse(1, (3, 3), [(3,)], NAMES),
        sparse(1, (3, 2), [(2,)], NAMES),
        sparse(2, (3, 1), [(5,), (3,)], NAMES),
        sparse(2, (3,), [(4,), (3,)], NAMES),
        sparse(2, (3,), [(5,), (2,)], NAMES),
    ],
)
def test_parts_of_sparse_arrays_that_do_not_fit(data: bytes) -> None:
    assert "'arg:s': a " in refusal(data)
    assert "the file is damaged" in refusal(data)


def test_a_sparse_array_that_is_cut_short() -> None:
    for size in range(SECOND + 8, len(ROW_SPARSE)):
        assert "truncated or damaged" in refusal(ROW_SPARSE[:size])


@pytest.mark.parametrize("received", [24, SECOND, NAME_COUNT - 4])
def test_zeros_to_the_end_are_no_list_of_nothing(received: int) -> None:
    data = bytes(sample()[:received]) + bytes(4096)
    assert "unfinished download" in refusal(data)


def test_an_array_with_neither_value_nor_name_is_refused() -> None:
    assert "unfinished download" in refusal(struct.pack("<QQQIQ", 0x112, 0, 1, 0, 0))


def test_a_scalar_saved_outside_np_shape_is_explained() -> None:
    # What MXNet 1.9.1 writes, and can't read, for mx.nd.array(np.float32(3)).
    scalar = struct.pack("<QQQIiiiiif", 0x112, 0, 1, 0xF993FAC9, 0, 0, 1, 0, 0, 3.0)
    message = refusal(scalar + struct.pack("<QQ", 1, 1) + b"a")
    assert "array 0 (of 1, from 0), which has no dimensions" in message
    assert "give it the shape (1,)" in message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"nope-0000\.params: can't be read: No such file"):
        read_params(tmp_path / "nope-0000.params")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="can't be read"):
        read_params(tmp_path)


def test_a_path_that_no_system_has() -> None:
    with pytest.raises(ParamsError, match="can't be read"):
        read_params("a\0b")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_a_device_without_end() -> None:
    with pytest.raises(ParamsError, match="not a regular file"):
        read_params("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_read() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, sample())
    os.close(write_end)
    folder = Path("/dev/fd")
    if not folder.is_dir():
        pytest.skip("there is no /dev/fd")
    try:
        assert list(read_params(folder / str(read_end))) == ["w", "m"]
    finally:
        os.close(read_end)


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cut-0000.params"
    path.write_bytes(sample()[:50])
    with pytest.raises(ParamsError) as error:
        read_params(path)
    assert str(error.value).startswith(f"{path}: byte 36, array 0 (of 2, from 0): the dimensions")


PLAIN, MIXED, LEGACY, _, _, NPZ, SAFETENSORS = params_seeds()
SEEDS = [PLAIN, MIXED, LEGACY, ROW_SPARSE, CSR, NPZ, SAFETENSORS]


def survives(data: bytes) -> None:
    """Read `data`; whatever is accepted must live through being written and read again."""
    try:
        parameters = read_params(data)
    except ParamsError as error:
        assert "\n" not in str(error)
        return
    try:
        for array in parameters.values():  # an index of a sparse one is looked at here
            assert isinstance(array, np.ndarray)
    except ParamsError as error:
        assert "parameter '" in str(error)
        return
    if sum(array.nbytes for array in parameters.values()) > 2**24:
        return  # dense, a sparse array may be as large as its shape says
    written = params_bytes(parameters)
    assert read_params(written) == parameters


def test_the_seeds_are_what_they_should_be() -> None:
    assert [len(read_params(seed)) for seed in SEEDS] == [2, 10, 2, 2, 2, 10, 10]


@settings(max_examples=3000)
@given(st.data())
def test_fuzz_flipped_bytes(data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    interesting = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xC8, 0xC9, 0xCA, 0xFF]) | st.integers(
        0, 255
    )
    edits = st.tuples(st.integers(0, len(seed) - 1), interesting)
    for position, value in data.draw(st.lists(edits, min_size=1, max_size=8)):
        seed[position] = value
    survives(bytes(seed))


@settings(max_examples=2000)
@given(st.data())
def test_fuzz_patched_integers(data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    layout, bits = data.draw(st.sampled_from([("<I", 32), ("<Q", 64)]))
    edges = st.sampled_from([b + d for b in (0, 1 << bits // 2, 1 << bits - 1) for d in (0, 1, 2)])
    value = data.draw(
        edges | st.integers(0, 2**bits - 1) | st.integers(1, 3).map(lambda i: 2**bits - i)
    )
    struct.pack_into(layout, seed, data.draw(st.integers(0, (len(seed) - 8) // 4)) * 4, value)
    survives(bytes(seed))


@settings(max_examples=2000)
@given(st.data())
def test_fuzz_splices(data: st.DataObject) -> None:
    first, second = (data.draw(st.sampled_from(SEEDS)) for _ in range(2))
    head = first[: data.draw(st.integers(0, len(first)))]
    tail = second[data.draw(st.integers(0, len(second))) :]
    survives(head + data.draw(st.binary(max_size=16)) + tail)


@settings(max_examples=2000)
@given(st.binary(max_size=200), st.sampled_from([0, 8, 24, 28]))
@example(b"", 0)
def test_fuzz_random_bytes(noise: bytes, kept: int) -> None:
    survives(SEEDS[0][:kept] + noise)
