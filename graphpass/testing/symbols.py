"""Random symbol texts: every version, every dialect, every quirk that MXNet 1.9.1 survives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import strategies as st

from graphpass.testing.dice import Dice
from graphpass.testing.names import ATTRIBUTE_KEYS, ATTRIBUTE_TEXTS, NODE_NAMES
from graphpass.testing.symbol_layouts import DrawnNode, DrawnSymbol, write_symbol
from graphpass.testing.symbol_operators import OPERATORS, OperatorTexts

__all__ = ["VERSIONS", "symbol_texts"]

VERSIONS: tuple[int | None, ...] = (
    10901, None, 800, 801, 899, 900, 901, 903, 904, 905, 950, 1000, 1201, 10000, 10201, 10300,
    10500, 10700, 10900, 10902, 20000, -5,
)  # fmt: skip
"""``mxnet_version`` numbers around every border at which MXNet's loader changes."""

_CURRENT = 10901
_HIDDEN_WORDS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")


@st.composite
def symbol_texts(
    draw: st.DrawFn,
    *,
    max_nodes: int = 10,
    versions: Sequence[int | None] = VERSIONS,
) -> str:
    """Draw the text of a symbol JSON file that MXNet 1.9.1 loads or refuses, but survives.

    Parameters
    ----------
    max_nodes : int
        Most nodes outside subgraphs.
    versions : sequence of int or None
        The ``mxnet_version`` numbers to choose from; None leaves the stamp out.

    Notes
    -----
    Drawn are: aliases; attribute texts in all their spellings, in a few files one that MXNet
    refuses; ``attr``, ``attrs`` and ``param``; entries of two and three numbers; hidden keys such
    as ``ctx_group`` and ``weight_lr_mult``; missing inputs; nodes in any order, dead ones too;
    duplicate and empty names; control dependencies; subgraphs; wrong ``node_row_ptr``; partial
    ``arg_nodes``; keys in any order; raw and escaped characters.

    Never drawn is what crashes MXNet: uses of outputs that do not exist, operators that mutate an
    input they do not have, hints for an input that is missing, and cycles. Nor is what depends on
    the order of a hash map in MXNet: two such hints of one operator for one variable.

    Examples
    --------
    >>> from hypothesis import given
    >>> import graphpass
    >>> @given(symbol_texts(max_nodes=3))
    ... def survives(text):
    ...     try:
    ...         graphpass.loads(text)
    ...     except graphpass.GraphpassError:
    ...         pass
    >>> survives()
    """
    dice = Dice(draw)
    version = dice.pick(versions)
    symbol = _symbol(dice, version, max_nodes, outermost=True)
    return write_symbol(dice, symbol)


_VARIABLE = OperatorTexts(("null",))
_FOREACH = OperatorTexts(("_foreach",))
_COMMON = OPERATORS[:10]
_TEMPLATES = (*[_VARIABLE] * 12, *_COMMON, *_COMMON, *OPERATORS, *OPERATORS, _FOREACH)

_Entry = tuple[int, int, int]


def _symbol(dice: Dice, version: int | None, max_nodes: int, *, outermost: bool) -> DrawnSymbol:
    """Draw a symbol; inside a subgraph MXNet upgrades nothing, whatever the version."""
    number = _CURRENT if not outermost else 800 if version is None else version
    nodes: list[DrawnNode] = []
    outputs: list[int] = []

    def add_node() -> None:
        template = dice.pick(_TEMPLATES)
        if template is _VARIABLE or not nodes:
            nodes.append(_variable(dice, outputs))
        elif template is _FOREACH:
            # Before 0.9 there were no subgraphs; MXNet would take one for a missing input.
            drawn = _variable if number < 900 else _foreach
            nodes.append(drawn(dice, outputs))
        else:
            nodes.append(_operator(dice, template, outputs, number))
        outputs.append(template.outputs if nodes[-1].op != "null" else 1)

    dice.repeat(add_node, most=max_nodes)
    heads = [_entry(dice, outputs) for _ in range(dice.below(4))] if nodes else []
    if nodes and not dice.one_in(10):
        heads.insert(0, (len(nodes) - 1, 0, 0))
    return DrawnSymbol(version, nodes, heads)


_OUTPUTS = (0, 0, 0, 1, 2)


def _entry(dice: Dice, outputs: Sequence[int]) -> _Entry:
    """Draw a value of the nodes so far, the latest first when shrinking."""
    position = dice.latest(range(len(outputs)))
    if outputs[position] == 1:
        return position, 0, 0
    return position, dice.pick(_OUTPUTS) % outputs[position], 0


def _input(dice: Dice, template: OperatorTexts, slot: int, outputs: Sequence[int]) -> _Entry:
    position, output, _ = _entry(dice, outputs)
    return position, output, dice.below(4) if slot in template.mutable else 0


def _variable(dice: Dice, outputs: Sequence[int]) -> DrawnNode:
    node = DrawnNode("null", dice.draw(NODE_NAMES))
    for _ in range(dice.pick((0, 0, 1, 2))):
        key = dice.draw(_VARIABLE_KEYS)
        node.attrs[key] = dice.draw(ATTRIBUTE_TEXTS)
    if outputs and dice.one_in(30):
        node.inputs = [_entry(dice, outputs)]
    return node


_VARIABLE_KEYS = st.one_of(
    st.sampled_from((*_HIDDEN_WORDS, "__lr_mult__", "__init__", "weight_lr_mult")), ATTRIBUTE_KEYS
)


def _operator(
    dice: Dice, template: OperatorTexts, outputs: Sequence[int], version: int
) -> DrawnNode:
    node = DrawnNode(dice.pick(template.spellings), dice.draw(NODE_NAMES))
    count = _input_count(dice, template, version)
    node.inputs = [_input(dice, template, slot, outputs) for slot in range(count)]
    for key, texts in template.required.items():
        node.attrs[key] = dice.pick(texts)
    if template.optional:
        keys = tuple(template.optional)
        for _ in range(dice.below(4)):
            key = dice.pick(keys)
            node.attrs[key] = dice.pick(template.optional[key])
    _take_liberty(dice, node, template, version)
    if dice.one_in(30):
        node.control = [dice.below(len(outputs)) for _ in range(dice.between(1, 2))]
    return node


def _input_count(dice: Dice, template: OperatorTexts, version: int) -> int:
    """Draw how many inputs an operator gets: not always as many as it takes."""
    full = len(template.inputs)
    least = 0
    if template.mutable:
        completed = version < 900 and "" not in template.inputs
        least = 0 if completed else max(template.mutable) + 1
        if completed and dice.one_in(2):
            return min(template.mutable)
    if dice.one_in(3):
        return dice.between(least, full + 1)
    return dice.pick((full, full, max(least, full - 1)))


def _take_liberty(dice: Dice, node: DrawnNode, template: OperatorTexts, version: int) -> None:
    """Add keys that are not the operator's own, or rarely break one that is."""
    liberty = dice.below(60)
    if liberty > 30:
        _add_hidden(dice, node, template, version)
    elif liberty == 30 and node.attrs and template.outputs == 1:
        node.attrs[dice.pick(tuple(node.attrs))] = dice.draw(ATTRIBUTE_TEXTS)
    elif liberty == 29 and node.attrs:
        del node.attrs[dice.pick(tuple(node.attrs))]
    elif liberty == 28:
        node.attrs[dice.draw(ATTRIBUTE_KEYS)] = dice.draw(ATTRIBUTE_TEXTS)


def _add_hidden(dice: Dice, node: DrawnNode, template: OperatorTexts, version: int) -> None:
    """Add keys that MXNet hides or moves to a variable; from 1.9.1 on it knows ``__x__`` only."""
    for _ in range(dice.between(1, 3)):
        word, other = dice.pick(_HIDDEN_WORDS), dice.pick(_HIDDEN_WORDS)
        keys = [f"__{word}__", "__mood__"]
        if version < _CURRENT:
            keys += [word, word, *_hints_for_variables(dice, node, template, word)]
        if not template.strict or dice.one_in(12):
            keys = [f"{word}_{other}", f"x{word}", f"{word}_x", f"{word}_{word}_x", "anything"]
        node.attrs[dice.pick(keys)] = dice.draw(ATTRIBUTE_TEXTS)


def _hints_for_variables(
    dice: Dice, node: DrawnNode, template: OperatorTexts, word: str
) -> list[str]:
    """Return spellings of a hint for an input; none for a variable that might get two."""
    readers = Counter(position for position, _, _ in node.inputs)
    names = [
        name
        for name, (position, _, _) in zip(template.inputs, node.inputs, strict=False)
        if name
        and readers[position] == 1
        and not {f"{name}_{word}", f"{name}X{word}"} & {*node.attrs}
    ]
    if not names:
        return []
    name = dice.pick(names)
    return [f"{name}_{word}", f"{name}_{word}", f"{name}X{word}"]


def _foreach(dice: Dice, outputs: Sequence[int]) -> DrawnNode:
    """Draw a loop over some values: its only subgraph is any symbol at all."""
    inner = _symbol(dice, None, 4, outermost=False)
    count = dice.between(0, 3)
    node = DrawnNode("_foreach", dice.draw(NODE_NAMES))
    node.inputs = [_entry(dice, outputs) for _ in range(count)]
    node.subgraphs = [inner]
    node.attrs = {
        "num_args": str(count + 1),
        "num_outputs": str(dice.between(1, 3)),
        "num_out_data": "1",
        "in_data_locs": "(0,)",
        "in_state_locs": "()",
        "remain_locs": "()",
    }
    return node
