"""The reader and the writer of symbol JSON against MXNet, on random texts."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from graphpass import Graph, GraphpassError, dumps, loads
from graphpass.errors import CycleError, SymbolError
from graphpass.testing import VERSIONS, symbol_texts

CASES = 3000


def _theirs(mx: ModuleType, text: str) -> Any | None:
    """Return MXNet's symbol of a text, None where MXNet refuses it."""
    try:
        symbol = mx.sym.load_json(text)
        symbol.list_arguments()
    except mx.MXNetError as error:
        note(f"MXNet: {error}")
        return None
    return symbol


def _ours(text: str | bytes) -> Graph | None:
    """Return the graph of a text, None where it is refused as a reader should refuse it."""
    try:
        return loads(text)
    except (SymbolError, CycleError) as error:
        note(f"graphpass: {error}")
        return None


@pytest.mark.mxnet
@settings(max_examples=CASES)
@given(text=symbol_texts())
def test_reads_and_writes_as_mxnet_does(mx: ModuleType, text: str) -> None:
    _assert_alike(mx, text)


@pytest.mark.slow
@pytest.mark.mxnet
@settings(max_examples=20 * CASES)
@given(text=symbol_texts(max_nodes=30))
def test_reads_and_writes_large_symbols_as_mxnet_does(mx: ModuleType, text: str) -> None:
    _assert_alike(mx, text)


@pytest.mark.mxnet
@settings(max_examples=CASES // 15)
@given(text=symbol_texts(versions=(901,)))
def test_upgrades_every_version_as_mxnet_does(mx: ModuleType, text: str) -> None:
    for version in VERSIONS:
        # Of a version before 0.9 MXNet would take the subgraph of a loop for a missing input.
        if version is not None and (version >= 900 or "_foreach" not in text):
            _assert_alike(mx, re.sub(r'("int"\s*,\s*)901', rf"\g<1>{version}", text))


def _assert_alike(mx: ModuleType, text: str) -> None:
    theirs, ours = _theirs(mx, text), _ours(text)
    if theirs is None:
        return
    assert ours is not None, "MXNet reads the text"
    assert ours.arguments == theirs.list_arguments()
    assert ours.auxiliary_states == theirs.list_auxiliary_states()
    assert ours.outputs == theirs.list_outputs()
    assert dumps(ours) == theirs.tojson(remove_amp_cast=False)


@pytest.mark.mxnet
@settings(max_examples=CASES // 10)
@given(text=symbol_texts(), dialect=st.sampled_from(("0.9", "0.11", "1.0", "1.2.1", "1.3", "1.8")))
def test_mxnet_reads_every_dialect_alike(mx: ModuleType, text: str, dialect: str) -> None:
    theirs, ours = _theirs(mx, text), _ours(text)
    if theirs is None or ours is None:
        return
    try:
        written = dumps(ours, dialect=dialect)
    except SymbolError as error:
        assert f"MXNet {dialect[: dialect.find('.') + 2]}" in str(error)  # and what it lacks
        return
    again = mx.sym.load_json(written)
    assert again.list_arguments() == theirs.list_arguments()
    assert again.list_auxiliary_states() == theirs.list_auxiliary_states()
    assert again.list_outputs() == theirs.list_outputs()


@settings(max_examples=CASES // 6)
@given(text=symbol_texts())
def test_writing_what_was_read_is_a_fixpoint(text: str) -> None:
    graph = _ours(text)
    if graph is None:
        return
    try:
        written = dumps(graph)
        assert dumps(graph.copy()) == written
        again = loads(written)
        assert dumps(again) == written
    except SymbolError as error:
        # An attribute that MXNet does not know, or a hint of an old file that MXNet keeps on an
        # operator, prints, and does not read back.
        assert "MXNet 1.9.1 has no attribute" in str(error)
        return
    assert again.arguments == graph.arguments
    assert again.auxiliary_states == graph.auxiliary_states
    assert again.outputs == graph.outputs


@settings(max_examples=CASES // 3)
@given(text=symbol_texts(max_nodes=4), data=st.data())
def test_a_broken_text_is_refused_or_read_and_nothing_else(text: str, data: st.DataObject) -> None:
    broken = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(broken)))
        length = data.draw(st.integers(0, 12))
        patch = data.draw(st.sampled_from(_PATCHES))
        broken[position : position + length] = patch
    graph = _ours(bytes(broken))
    if graph is None:
        return
    try:
        dumps(graph)
        assert graph.arguments is not None
    except GraphpassError as error:
        note(f"written: {error}")


_PATCHES = (
    b"",
    b'"',
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"1e9",
    b"1.0",
    b"null",
    b"true",
    b"NaN",
    b"\\",
    b"\\u00e9",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"\n",
    b"[[0,0]]",
    b'"op"',
    b'"attrs":{"a":"b"},',
    b'"relu"',
    b'"null"',
)
