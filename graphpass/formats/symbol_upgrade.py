"""What MXNet 1.9.1 does to the records of a symbol while it loads one: the walk, and upgrades.

Source: ``src/nnvm/legacy_json_util.cc`` of MXNet 1.9.1, its rules checked by running it; the format
page ``docs/format-symbol-json.md`` tells them in full. Each upgrade walks what the heads reach, in
post-order, and never enters a subgraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

from graphpass.errors import AttributeValueError, CycleError, SymbolError
from graphpass.formats.symbol_records import EntryRecord, NodeRecord
from graphpass.formats.symbol_write import VERSION
from graphpass.graph import VARIABLE
from graphpass.ops import Signature, find

__all__ = ["NO_UPGRADES", "hidden_word", "parsed_attrs", "reachable", "upgrade"]

NO_UPGRADES = 905
"""Since this version nothing but hidden keys is upgraded."""

_HIDDEN_WORDS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")

_PARSED_ONCE = frozenset({
    "BatchNorm_v1", "BilinearSampler", "Convolution_v1", "Correlation", "Crop", "GridGenerator",
    "IdentityAttachKLSparseReg", "InstanceNorm", "L2Normalization", "MakeLoss", "Pad",
    "Pooling_v1", "ROIPooling", "SVMOutput", "SequenceLast", "SequenceMask", "SequenceReverse",
    "SliceChannel", "SpatialTransformer", "SwapAxis", "_contrib_DeformableConvolution",
    "_contrib_DeformablePSROIPooling", "_contrib_ModulatedDeformableConvolution",
    "_contrib_MultiBoxDetection", "_contrib_MultiBoxPrior", "_contrib_MultiBoxTarget",
    "_contrib_MultiProposal", "_contrib_PSROIPooling", "_contrib_Proposal",
    "_contrib_SyncBatchNorm", "_contrib_count_sketch", "_contrib_fft", "_contrib_ifft",
})  # fmt: skip
"""Operators that MXNet still registers as an ``OperatorProperty``. It parses their attributes while
the hidden keys are set aside and, unlike other operators', not again with those put back."""


def reachable(nodes: Sequence[NodeRecord], heads: Sequence[EntryRecord]) -> list[int]:
    """Return the positions of the nodes that `heads` reach, in post-order. Linear and iterative.

    Raises
    ------
    CycleError
        With the names on the cycle.
    """

    def sources(position: int) -> Iterable[int]:
        node = nodes[position]
        return chain([source for source, _, _ in node.inputs], node.control_deps)

    state = bytearray(len(nodes))  # 1: on the path, 2: done
    found: list[int] = []
    for head, _, _ in heads:
        if state[head]:
            continue
        stack = [(head, iter(sources(head)))]
        state[head] = 1
        while stack:
            position, left = stack[-1]
            for source in left:
                if state[source] == 1:
                    path = [position for position, _ in stack]
                    names = [nodes[each].name for each in reversed(path[path.index(source) :])]
                    raise CycleError(
                        f"nodes[{source}]: the graph has a cycle: "
                        f"{' -> '.join([*names, names[0]])}; MXNet loads such a file and fails "
                        "later: correct the inputs of one of these nodes"
                    )
                if state[source] == 0:
                    state[source] = 1
                    stack.append((source, iter(sources(source))))
                    break
            else:
                stack.pop()
                state[position] = 2
                found.append(position)
    return found


def upgrade(nodes: list[NodeRecord], order: Sequence[int], version: int) -> list[int]:
    """Upgrade a symbol that `version` of MXNet wrote, in place.

    Operators stand under canonical names and attributes under ``attrs``. Missing variables are
    appended to `nodes`; returned is the post-order of what the heads reach with them in it.

    Raises
    ------
    SymbolError
        If an attribute that an operator's inputs depend on can't be parsed.
    """
    hints = _hide_keys(nodes, order, version) if version < VERSION else []
    found = _add_missing_inputs(nodes, order) if version < 900 else list(order)
    for position, slot, key, value in hints:
        variable = nodes[nodes[position].inputs[slot][0]]
        variable.attrs = {**variable.attrs, key: value}
    for position in found if version < NO_UPGRADES else ():
        node = nodes[position]
        operator = None if node.op == VARIABLE else find(node.op)
        # MXNet looks at the slot only, even where the attributes leave the operator no such input.
        initializers = operator.template.initializers if operator and version < 904 else {}
        for slot, initializer in initializers.items():
            if slot < len(node.inputs):
                variable = nodes[node.inputs[slot][0]]
                if variable.op == VARIABLE and "__init__" not in variable.attrs:
                    variable.attrs = {**variable.attrs, "__init__": initializer}
        if node.op in ("argmin", "argmax") and node.attrs.get("axis") == "-1":
            node.attrs = {key: value for key, value in node.attrs.items() if key != "axis"}
    return found


def parsed_attrs(op: str, attrs: dict[str, str], version: int) -> dict[str, str]:
    """Return the attributes of an upgraded operator that MXNet parses."""
    if version >= VERSION or op not in _PARSED_ONCE:
        return attrs
    return {key: value for key, value in attrs.items() if hidden_word(key) is None}


@lru_cache(maxsize=4096)
def hidden_word(key: str) -> str | None:
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
        hidden = [key for key in node.attrs if hidden_word(key) is not None]
        if not hidden:
            continue
        attrs = {key: value for key, value in node.attrs.items() if key not in hidden}
        # MXNet goes through a hash map here, so that of two hints for one variable either may
        # stand; here it is the first in the text, as most often there.
        for key in reversed(hidden):
            value = node.attrs[key]
            word = hidden_word(key)
            assert word is not None
            if key == word:
                attrs[f"__{word}__"] = value
                continue
            slot = None
            if key.endswith(word) and len(key) > len(word) + 1:
                signature = _named_inputs(nodes, position, attrs)
                names = () if signature is None else signature.input_names or ()
                argument = key[: -len(word) - 1]
                slot = names.index(argument) if argument in names else None
            if slot is not None and (
                nodes[node.inputs[slot][0]].op == VARIABLE
                if slot < len(node.inputs)
                else version < 900  # it is added next; MXNet itself crashes here
            ):
                hints.append((position, slot, f"__{word}__", value))
            else:
                attrs[key] = value
        node.attrs = attrs
    return hints


def _named_inputs(
    nodes: Sequence[NodeRecord], position: int, attrs: dict[str, str]
) -> Signature | None:
    """Return the signature of an operator whose inputs MXNet has names for."""
    node = nodes[position]
    operator = None if node.op == VARIABLE else find(node.op)
    if operator is None or operator.unnamed:
        return None
    try:
        return operator.signature(attrs)
    except AttributeValueError as error:
        raise SymbolError(f"nodes[{position}] (node {node.name!r}): {error}") from None


def _add_missing_inputs(nodes: list[NodeRecord], order: Sequence[int]) -> list[int]:
    """Append the variables that files older than 0.9 leave out, auxiliary states above all."""
    found: list[int] = []
    for position in order:
        node = nodes[position]
        signature = _named_inputs(nodes, position, node.attrs)
        if signature is not None:
            for name in (signature.input_names or ())[len(node.inputs) :]:
                full_name = f"{node.name}_{name}" if node.name else name
                found.append(len(nodes))
                node.inputs.append((len(nodes), 0, 0))
                nodes.append(NodeRecord(VARIABLE, full_name, [], dict(node.attrs)))
        found.append(position)
    return found
