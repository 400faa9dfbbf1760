"""Upgrades of old symbols, as MXNet 1.9.1 applies them while it loads one.

Source: ``src/nnvm/legacy_json_util.cc`` of MXNet 1.9.1, its rules checked by running it; the format
page ``docs/format-symbol-json.md`` tells them in full. Each upgrade walks what the heads reach, in
post-order, and never enters a subgraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from graphpass.formats.symbol_decode import Attrs, NodeRecord
from graphpass.graph import VARIABLE
from graphpass.ops import find

__all__ = ["UNPARSED", "VERSION", "parsed_attrs", "upgrade"]

VERSION = 10901
"""Version number of MXNet 1.9.1: ``major * 10000 + minor * 100 + patch``."""

UNPARSED = 1_000_000
"""From this version number on MXNet parses no attributes."""

_HIDDEN_WORDS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")

_BATCH_NORMS = frozenset(
    {
        "BatchNorm",
        "BatchNorm_v1",
        "CuDNNBatchNorm",
        "_contrib_SyncBatchNorm",
        "_contrib_BatchNormWithReLU",
    }
)

_PARSED_ONCE = frozenset(
    {
        "BatchNorm_v1",
        "BilinearSampler",
        "Convolution_v1",
        "Correlation",
        "Crop",
        "GridGenerator",
        "IdentityAttachKLSparseReg",
        "InstanceNorm",
        "L2Normalization",
        "MakeLoss",
        "Pad",
        "Pooling_v1",
        "ROIPooling",
        "SVMOutput",
        "SequenceLast",
        "SequenceMask",
        "SequenceReverse",
        "SliceChannel",
        "SpatialTransformer",
        "SwapAxis",
        "_contrib_DeformableConvolution",
        "_contrib_DeformablePSROIPooling",
        "_contrib_ModulatedDeformableConvolution",
        "_contrib_MultiBoxDetection",
        "_contrib_MultiBoxPrior",
        "_contrib_MultiBoxTarget",
        "_contrib_MultiProposal",
        "_contrib_PSROIPooling",
        "_contrib_Proposal",
        "_contrib_SyncBatchNorm",
        "_contrib_count_sketch",
        "_contrib_fft",
        "_contrib_ifft",
    }
)
"""Operators that MXNet still registers as an ``OperatorProperty``. It parses their attributes while
the hidden keys are set aside and, unlike other operators', not again with those put back."""


def upgrade(nodes: list[NodeRecord], order: Sequence[int], version: int) -> list[int]:
    """Upgrade a symbol that `version` of MXNet wrote, in place.

    Parameters
    ----------
    nodes : list of NodeRecord
        All nodes, their operators under canonical names and their attributes under ``attrs``.
        Missing variables are appended.
    order : sequence of int
        Positions that the heads reach, in post-order.
    version : int
        As in the file; 800 if it has none.

    Returns
    -------
    list of int
        The post-order with the appended variables in their places.
    """
    hints = _hide_keys(nodes, order, version) if version < VERSION else []
    found = _add_missing_inputs(nodes, order) if version < 900 else list(order)
    for position, slot, key, value in hints:
        _hint_variable(nodes, position, slot, key, value)
    if version < 904:
        _set_initializers(nodes, found)
    if version < 905:
        _drop_minus_one_axis(nodes, found)
    return found


def parsed_attrs(node: NodeRecord, version: int) -> dict[str, str]:
    """Return the attributes of an upgraded operator that MXNet parses."""
    if version >= VERSION or node.op not in _PARSED_ONCE:
        return _attrs(node)
    return {key: value for key, value in _attrs(node).items() if _hidden_word(key) is None}


@lru_cache(maxsize=4096)
def _hidden_word(key: str) -> str | None:
    """Return the first hidden word that `key` starts or ends with, by its last occurrence."""
    for word in _HIDDEN_WORDS:
        at = key.rfind(word)
        if at == 0 or (at > 0 and at + len(word) == len(key)):
            return word
    return None


_Hint = tuple[int, int, str, str]


def _hide_keys(nodes: list[NodeRecord], order: Iterable[int], version: int) -> list[_Hint]:
    """Rename ``lr_mult`` to ``__lr_mult__``; take ``weight_lr_mult`` off the operator.

    Returns the keys taken off as (position, input slot, hidden key, value): they belong to the
    variable in that slot, which a file older than 0.9 may not have yet.
    """
    hints: list[_Hint] = []
    for position in order:
        node = nodes[position]
        hidden = [key for key in _attrs(node) if _hidden_word(key) is not None]
        if not hidden:
            continue
        attrs = {key: value for key, value in _attrs(node).items() if key not in hidden}
        # MXNet goes through a hash map here, so that of two hints for one variable either may
        # stand; here it is the first in the text, as most often there.
        for key in reversed(hidden):
            value = _attrs(node)[key]
            word = _hidden_word(key)
            if key == word:
                attrs[f"__{word}__"] = value
                continue
            assert word is not None
            slot = _slot_of_hint(node, attrs, key, word)
            if slot is not None and _is_variable_slot(nodes, node, slot, version):
                hints.append((position, slot, f"__{word}__", value))
            else:
                attrs[key] = value
        node.attrs = attrs
    return hints


def _slot_of_hint(node: NodeRecord, attrs: dict[str, str], key: str, word: str) -> int | None:
    """Return the input slot that ``weight_lr_mult`` is about."""
    if not key.endswith(word) or len(key) < len(word) + 2 or node.op == VARIABLE:
        return None
    operator = find(node.op)
    if operator is None or operator.unnamed:
        return None
    names = operator.signature(attrs).input_names
    argument = key[: -len(word) - 1]
    return names.index(argument) if names and argument in names else None


def _is_variable_slot(nodes: list[NodeRecord], node: NodeRecord, slot: int, version: int) -> bool:
    if slot < len(node.inputs):
        return nodes[node.inputs[slot][0]].op == VARIABLE
    return version < 900  # the missing variable is added next; MXNet itself crashes here


def _hint_variable(nodes: list[NodeRecord], position: int, slot: int, key: str, value: str) -> None:
    variable = nodes[nodes[position].inputs[slot][0]]
    variable.attrs = {**_attrs(variable), key: value}


def _add_missing_inputs(nodes: list[NodeRecord], order: Sequence[int]) -> list[int]:
    """Append the variables that files older than 0.9 leave out, auxiliary states above all."""
    found: list[int] = []
    for position in order:
        node = nodes[position]
        operator = None if node.op == VARIABLE else find(node.op)
        if operator is not None and not operator.unnamed:
            signature = operator.signature(_attrs(node))
            for name in (signature.input_names or ())[len(node.inputs) :]:
                full_name = f"{node.name}_{name}" if node.name else name
                found.append(len(nodes))
                node.inputs.append((len(nodes), 0, 0))
                nodes.append(NodeRecord(VARIABLE, full_name, [], dict(_attrs(node))))
        found.append(position)
    return found


def _set_initializers(nodes: list[NodeRecord], order: Iterable[int]) -> None:
    for position in order:
        node = nodes[position]
        operator = None if node.op == VARIABLE else find(node.op)
        if operator is None:
            continue
        # MXNet looks at the slot only, even where the attributes leave the operator no such input.
        for slot, initializer in operator.template.initializers.items():
            if slot >= len(node.inputs):
                continue
            variable = nodes[node.inputs[slot][0]]
            if variable.op == VARIABLE and "__init__" not in _attrs(variable):
                variable.attrs = {**_attrs(variable), "__init__": initializer}


def _drop_minus_one_axis(nodes: list[NodeRecord], order: Iterable[int]) -> None:
    for position in order:
        node = nodes[position]
        if node.op in ("argmin", "argmax") and _attrs(node).get("axis") == "-1":
            node.attrs = {key: value for key, value in _attrs(node).items() if key != "axis"}


def _attrs(node: NodeRecord) -> Attrs:
    """Return the attributes of a node whose spelling the reader has settled already."""
    assert isinstance(node.attrs, dict)
    return node.attrs
