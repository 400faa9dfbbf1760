"""The cursor never leaves its bytes."""

from __future__ import annotations

import struct

import pytest

from graphpass.errors import ParamsError
from graphpass.formats.byte_cursor import ByteCursor


def test_it_walks() -> None:
    cursor = ByteCursor(memoryview(bytes([1, 0, 9, 9, 9])), "f")
    assert cursor.read(struct.Struct("<H"), "a number") == (1,)
    assert cursor.skip(2, "values") == 2
    assert (cursor.offset, cursor.remaining) == (4, 1)
    assert cursor.skip(0, "nothing") == 4


def test_it_stays_inside() -> None:
    cursor = ByteCursor(memoryview(b"abc"), "f.params")
    cursor.where = "array 7"
    with pytest.raises(ParamsError, match=r"f\.params: byte 0, array 7: a number should take 4"):
        cursor.read(struct.Struct("<I"), "a number")
    assert cursor.offset == 0


def test_counts_are_checked_against_what_follows() -> None:
    data = struct.pack("<Q", 3) + bytes(12)
    assert ByteCursor(memoryview(data), "f").read_count("arrays", 4) == 3
    with pytest.raises(ParamsError, match="3 arrays take at least 15 bytes, but only 12 follow"):
        ByteCursor(memoryview(data), "f").read_count("arrays", 5)


def test_errors_carry_the_hint() -> None:
    cursor = ByteCursor(memoryview(b""), "f")
    cursor.hint = ". Try again"
    assert str(cursor.error("it broke", 5)) == "f: byte 5, header: it broke. Try again"
