"""Random symbol texts: every version, every dialect, every quirk that MXNet 1.9.1 survives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from graphpass.testing.draws import ATTRIBUTE_KEYS, ATTRIBUTE_TEXTS, NODE_NAMES, Dice

__all__ = ["VERSIONS", "symbol_texts"]

# -- operators: how their attributes may be spelled, not what they compute -------------------------

_BOOLS = ("True", "False", "true", "FALSE", "1", "0")
_INTS = ("2", "1", " 3", "+4", "05 ")
_FLOATS = ("0.5", "1e-3", ".5", "1", " 0.25", "2E-1", "0.5f")
_SHAPES = ("(2, 2)", "(1,1)", "[3,3]", "(2L, 2L)", " ( 1 , 2 ) ", "(3,)", "3", "(1, 1, 1]")
_AXES = ("-1", "1", "0", "()", "(0, 1)", "None")


@dataclass(frozen=True, slots=True)
class _OperatorTexts:
    """One operator as a file may spell it."""

    spellings: tuple[str, ...]
    """The canonical name and aliases."""

    inputs: tuple[str, ...] = ()
    """Names of the inputs; empty names where MXNet has none."""

    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes that MXNet insists on, with texts that it takes."""

    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes that may be absent."""

    outputs: int = 1
    """Outputs that every choice of attributes has, hidden ones included."""

    mutable: tuple[int, ...] = ()
    """Slots that the operator writes to: with fewer inputs than these, MXNet crashes."""

    strict: bool = True
    """Whether MXNet refuses an attribute that the operator does not declare."""


def _op(
    spellings: str,
    inputs: str = "data",
    required: Mapping[str, tuple[str, ...]] | None = None,
    optional: Mapping[str, tuple[str, ...]] | None = None,
    outputs: int = 1,
    mutable: tuple[int, ...] = (),
) -> _OperatorTexts:
    """Describe an operator; one without attributes takes any."""
    strict = required is not None or optional is not None
    return _OperatorTexts(tuple(spellings.split()), tuple(inputs.split()), required or {},
                          optional or {}, outputs, mutable, strict)  # fmt: skip


_LAYER, _NORM = "data weight bias", "data gamma beta moving_mean moving_var"
_BATCH_NORM = {"eps": _FLOATS, "momentum": _FLOATS, "fix_gamma": _BOOLS, "use_global_stats": _BOOLS}
_FILTERS = {"kernel": _SHAPES, "num_filter": _INTS}

_OPERATORS: tuple[_OperatorTexts, ...] = (
    _op("relu"),
    _op("_copy identity"),
    _op("sigmoid"),
    _op("Flatten flatten"),
    _op("BlockGrad stop_gradient"),
    _op("elemwise_add _plus _Plus", "lhs rhs"),
    _op("broadcast_add broadcast_plus", "lhs rhs"),
    _op("FullyConnected", _LAYER, {"num_hidden": _INTS}, {"no_bias": _BOOLS, "flatten": _BOOLS}),
    _op("Convolution", _LAYER, _FILTERS, {
        "stride": _SHAPES, "pad": _SHAPES, "num_group": _INTS, "no_bias": _BOOLS,
        "workspace": ("512", "1024"), "cudnn_tune": ("None", "off", "limited_workspace"),
        "layout": ("None", "NCHW", "NCW")}),
    _op("Deconvolution", _LAYER, _FILTERS,
        {"no_bias": _BOOLS, "adj": _SHAPES, "target_shape": _SHAPES}),
    _op("BatchNorm", _NORM, {}, {**_BATCH_NORM, "axis": ("1", "-1"), "output_mean_var": _BOOLS},
        3, (3, 4)),
    _op("BatchNorm_v1", _NORM, {}, _BATCH_NORM, 3, (3, 4)),
    _op("_contrib_SyncBatchNorm", _NORM, {"key": ("bn0",)}, _BATCH_NORM, 3, (3, 4)),
    _op("Activation", "data", {"act_type": ("relu", "tanh", "softsign")}),
    _op("LeakyReLU", "data gamma", {},
        {"act_type": ("prelu", "leaky", "elu", "gelu", "rrelu"), "slope": _FLOATS}),
    _op("Pooling", "data", {}, {
        "kernel": _SHAPES, "pool_type": ("max", "avg", "sum", "lp"), "global_pool": _BOOLS,
        "pooling_convention": ("valid", "full", "same"), "layout": ("None", "NCHW", "NHWC"),
        "p_value": ("2", "None")}),
    _op("Concat concat", "arg0 arg1", {"num_args": ("2", "1", "3")}, {"dim": ("1", "-1")}),
    _op("add_n ElementWiseSum", "arg0 arg1 arg2", {"num_args": ("3", "2", "1")}),
    _op("SliceChannel split", "data", {"num_outputs": ("2", "3")},
        {"axis": ("1", "-1"), "squeeze_axis": _BOOLS}, 2),
    _op("Dropout", "data", {}, {"p": _FLOATS, "mode": ("training", "always")}, 2),
    _op("SoftmaxOutput Softmax", "data label", {},
        {"multi_output": _BOOLS, "ignore_label": _FLOATS, "normalization": ("null", "batch")}),
    _op("LinearRegressionOutput", "data label", {}, {"grad_scale": _FLOATS}),
    _op("MakeLoss", "data", {}, {"valid_thresh": _FLOATS}),
    _op("Reshape reshape", "data", {}, {"shape": _SHAPES, "reverse": _BOOLS}),
    _op("transpose", "data", {}, {"axes": ("(0, 1)", "()", "[1,0]")}),
    _op("_plus_scalar _PlusScalar", "data", {}, {"scalar": _FLOATS}),
    _op("argmax", "data", {}, {"axis": ("-1", "1", "None"), "keepdims": _BOOLS}),
    _op("argmin", "data", {}, {"axis": ("-1", "-2"), "keepdims": _BOOLS}),
    _op("sum sum_axis", "data", {}, {"axis": _AXES, "exclude": _BOOLS}),
    _op("topk", "data", {},
        {"ret_typ": ("value", "indices", "both", "mask"), "k": _INTS, "axis": ("-1", "None")}),
    _op("Embedding", "data weight", {"input_dim": _INTS, "output_dim": _INTS},
        {"dtype": ("float32", "float64")}),
    _op("LayerNorm", "data gamma beta", {}, {"axis": ("-1", "1"), "eps": _FLOATS}, 3),
    _op("InstanceNorm", "data gamma beta", {}, {"eps": _FLOATS}),
    _op("Cast cast", "data", {"dtype": ("float16", "float32", "int8")}),
    _op("slice crop", "data", {"begin": ("(0, 1)", "(None, 1)"), "end": ("(2, None)", "2")}),
    _op("UpSampling", "data weight",
        {"scale": ("2",), "num_args": ("2", "1"), "sample_type": ("bilinear", "nearest")},
        {"num_filter": _INTS}),
    _op("IdentityAttachKLSparseReg", "data moving_avg", {}, {"penalty": _FLOATS}, mutable=(1,)),
    _op("RNN", "data parameters state state_cell",
        {"state_size": _INTS, "num_layers": _INTS, "mode": ("lstm", "gru", "rnn_tanh")},
        {"state_outputs": _BOOLS, "bidirectional": _BOOLS, "use_sequence_length": _BOOLS}),
    _op("_zeros", "", {}, {"shape": _SHAPES, "dtype": ("float32", "int32")}),
    _OperatorTexts(("sgd_mom_update", "_sparse_sgd_mom_update"), ("", "", ""), {"lr": _FLOATS},
                   {"momentum": _FLOATS}, mutable=(2,)),
)  # fmt: skip
"""Operators with their attributes in every spelling, the plainest first."""


# -- a drawn symbol to text: keys, spellings, blanks -----------------------------------------------

_Entry = tuple[int, int, int]


@dataclass(slots=True)
class _DrawnNode:
    """One node; `inputs` and `control` are positions in the list of nodes."""

    op: str
    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    inputs: list[_Entry] = field(default_factory=list)
    control: list[int] = field(default_factory=list)
    subgraphs: list[_DrawnSymbol] = field(default_factory=list)


@dataclass(slots=True)
class _DrawnSymbol:
    """A symbol whose nodes stand after everything they read."""

    version: int | None
    nodes: list[_DrawnNode]
    heads: list[_Entry]


class _Ordered(list[tuple[str, Any]]):
    """A JSON object with its keys in the order in which they are to be written."""


_EXTRA_ATTRS: tuple[tuple[str, list[Any]], ...] = (
    ("is_np_shape", ["int", 0]),
    ("author", ["str", "Mei"]),
    ("shapes", ["list_int", [1, 2]]),
    ("names", ["list_str", ["a", 'b"\\']]),
)
_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\\": "\\\\", '"': '\\"'})


class _Writer:
    """Writes one symbol, with the dialect and the liberties of somebody who wrote such files."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._label = dice.pick(("attrs", "attr", "param", "two places"))
        self._entry_size = dice.pick((3, 2, 0))  # 0: it varies
        self._turn = dice.pick((0, 1, -1, -2))  # of the keys of an object; negative: reversed too
        self._space = dice.pick((("", "", ""), (" ", " ", ""), ("\n  ", "\t", "\r\n ")))
        self._raw_tabs = dice.one_in(2)
        self._arg_nodes = dice.pick(("all", "none", "some", "twice"))
        self._row_pointers = dice.pick((None, [], [7, 7, 0]))

    def write(self, symbol: _DrawnSymbol) -> str:
        """Draw one of the texts that stand for a symbol."""
        dice, order = self._dice, list(range(len(symbol.nodes)))
        if dice.one_in(2):
            order = dice.draw(st.permutations(order))
        tree = self.graph(symbol, order)
        if symbol.version is not None:
            attrs: _Ordered = _Ordered([("mxnet_version", ["int", symbol.version])])
            if dice.one_in(4):
                attrs.append(dice.pick(_EXTRA_ATTRS))
            tree.append(("attrs", self.arranged(attrs)))
        return self.text(self.arranged(tree)) + dice.pick(("", "\n", " }"))

    def graph(self, symbol: _DrawnSymbol, order: list[int]) -> _Ordered:
        """Return the tree of a graph whose nodes are written in `order`."""
        ids = {position: i for i, position in enumerate(order)}
        nodes = [symbol.nodes[position] for position in order]
        variables = [i for i, node in enumerate(nodes) if node.op == "null"]
        chosen = {"all": variables, "none": [], "some": variables[::-2], "twice": 2 * variables}
        tree = _Ordered(
            [
                ("nodes", [self.node(node, ids) for node in nodes]),
                ("arg_nodes", chosen[self._arg_nodes]),
                ("heads", self.entries(symbol.heads, ids)),
            ]
        )
        if self._row_pointers is not None:
            tree.append(("node_row_ptr", self._row_pointers))
        return tree

    def node(self, node: _DrawnNode, ids: dict[int, int]) -> _Ordered:
        tree = _Ordered([("op", node.op), ("name", node.name)])
        tree.append(("inputs", self.entries(node.inputs, ids)))
        tree += self.attributes(node)
        if node.control:
            tree.append(("control_deps", [ids[position] for position in node.control]))
        if node.subgraphs:
            inner = [self.graph(each, list(range(len(each.nodes)))) for each in node.subgraphs]
            tree.append(("subgraphs", [self.arranged(each) for each in inner]))
        return self.arranged(tree)

    def attributes(self, node: _DrawnNode) -> list[tuple[str, Any]]:
        """Return the node's attributes under the keys where this file puts them."""
        attrs = _Ordered(node.attrs.items())
        if self._label == "param":
            # Before 0.9 the operator's own parameters stood apart from what the user added.
            endings = ("mult", "group", "stage", "mirroring", "__")
            users = [pair for pair in attrs if pair[0].endswith(endings)]
            own = _Ordered(pair for pair in attrs if pair not in users)
            written = [("param", own), ("backward_source_id", -1)]
            return [*written, ("attr", _Ordered(users))] if users else written
        if self._label == "two places":
            # MXNet takes the later of `attr` and `attrs` whole, and from `param` what it lacks.
            half = len(attrs) // 2
            ignored = [(key, "ignored") for key, _ in attrs[half:]]
            return [
                ("attrs", _Ordered([("ignored", "yes")])),
                ("attr", _Ordered(attrs[half:])),
                ("param", _Ordered([*attrs[:half], *ignored])),
            ]
        return [(self._label, attrs)] if attrs or self._entry_size == 2 else []

    def entries(self, entries: Sequence[_Entry], ids: dict[int, int]) -> list[list[int]]:
        return [
            [ids[position], output, stamp][: self._entry_size or 2 + slot % 2]
            for slot, (position, output, stamp) in enumerate(entries)
        ]

    def arranged(self, tree: _Ordered) -> _Ordered:
        """Return an object with its keys in the file's order; `attr` stays behind `attrs`."""
        if {"attr", "attrs"} <= {key for key, _ in tree}:
            return tree
        turn = abs(self._turn) % max(len(tree), 1)
        turned = tree[turn:] + tree[:turn]
        return _Ordered(turned[::-1] if self._turn < 0 else turned)

    def text(self, tree: Any) -> str:
        comma, colon, inside = self._space
        if isinstance(tree, str):
            return self.quoted(tree, self._raw_tabs)
        if isinstance(tree, int):
            return str(tree)
        if isinstance(tree, _Ordered):
            pairs = (f"{self.quoted(key, True)}:{colon}{self.text(each)}" for key, each in tree)
            return f"{{{inside}{f',{comma}'.join(pairs)}{inside}}}"
        return f"[{inside}{f',{comma}'.join(map(self.text, tree))}{inside}]"

    def quoted(self, text: str, raw_tabs: bool) -> str:
        """Escape what MXNet's reader insists on; it takes other control characters raw."""
        escaped = text.translate(_ESCAPES)
        return f'"{escaped if raw_tabs else escaped.replace(chr(9), chr(92) + "t")}"'


# -- drawing ---------------------------------------------------------------------------------------

VERSIONS: tuple[int | None, ...] = (
    10901, None, 800, 801, 899, 900, 901, 903, 904, 905, 950, 1000, 1201, 10000, 10201, 10300,
    10500, 10700, 10900, 10902, 20000, -5,
)  # fmt: skip
"""``mxnet_version`` numbers around every border at which MXNet's loader changes."""


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
    return _Writer(dice).write(_SymbolDrawing(dice, dice.pick(versions)).symbol(max_nodes))


_CURRENT = 10901
_HIDDEN_WORDS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")
_VARIABLE_KEYS = st.one_of(
    st.sampled_from((*_HIDDEN_WORDS, "__lr_mult__", "__init__", "weight_lr_mult")), ATTRIBUTE_KEYS
)
_VARIABLE, _FOREACH = _OperatorTexts(("null",)), _OperatorTexts(("_foreach",))
_COMMON = _OPERATORS[:10]
_TEMPLATES = (*[_VARIABLE] * 12, *_COMMON, *_COMMON, *_OPERATORS, *_OPERATORS, _FOREACH)


class _SymbolDrawing:
    """One symbol in the making; inside a subgraph MXNet upgrades nothing, whatever the version."""

    def __init__(self, dice: Dice, stamp: int | None, *, outermost: bool = True) -> None:
        self._dice = dice
        self._stamp = stamp
        self._version = _CURRENT if not outermost else 800 if stamp is None else stamp
        self._nodes: list[_DrawnNode] = []
        self._outputs: list[int] = []

    def symbol(self, max_nodes: int) -> _DrawnSymbol:
        """Draw the nodes, and which of their values are heads."""
        dice, nodes = self._dice, self._nodes
        dice.repeat(self.add_node, most=max_nodes)
        heads = [self.entry() for _ in range(dice.below(4))] if nodes else []
        if nodes and not dice.one_in(10):
            heads.insert(0, (len(nodes) - 1, 0, 0))
        return _DrawnSymbol(self._stamp, nodes, heads)

    def add_node(self) -> None:
        template = self._dice.pick(_TEMPLATES)
        # Before 0.9 there were no subgraphs; MXNet would take one for a missing input.
        too_old = template is _FOREACH and self._version < 900
        if template is _VARIABLE or not self._nodes or too_old:
            node = self.variable()
        else:
            node = self.foreach() if template is _FOREACH else self.operator(template)
        self._nodes.append(node)
        self._outputs.append(1 if node.op == "null" else template.outputs)

    def entry(self) -> _Entry:
        """Draw a value of the nodes so far, the latest first when shrinking."""
        position = self._dice.latest(range(len(self._outputs)))
        outputs = self._outputs[position]
        return position, 0 if outputs == 1 else self._dice.pick((0, 0, 0, 1, 2)) % outputs, 0

    def variable(self) -> _DrawnNode:
        dice = self._dice
        node = _DrawnNode("null", dice.draw(NODE_NAMES))
        for _ in range(dice.pick((0, 0, 1, 2))):
            key = dice.draw(_VARIABLE_KEYS)
            node.attrs[key] = dice.draw(ATTRIBUTE_TEXTS)
        if self._nodes and dice.one_in(30):
            node.inputs = [self.entry()]
        return node

    def operator(self, template: _OperatorTexts) -> _DrawnNode:
        dice = self._dice
        node = _DrawnNode(dice.pick(template.spellings), dice.draw(NODE_NAMES))
        for slot in range(self.input_count(template)):
            position, output, _ = self.entry()
            stamp = dice.below(4) if slot in template.mutable else 0
            node.inputs.append((position, output, stamp))
        for key, texts in template.required.items():
            node.attrs[key] = dice.pick(texts)
        if template.optional:
            keys = tuple(template.optional)
            for _ in range(dice.below(4)):
                key = dice.pick(keys)
                node.attrs[key] = dice.pick(template.optional[key])
        self.take_liberty(node, template)
        if dice.one_in(30):
            node.control = [dice.below(len(self._nodes)) for _ in range(dice.between(1, 2))]
        return node

    def input_count(self, template: _OperatorTexts) -> int:
        """Draw how many inputs an operator gets: not always as many as it takes."""
        dice, full, least = self._dice, len(template.inputs), 0
        if template.mutable:
            completed = self._version < 900 and "" not in template.inputs
            least = 0 if completed else max(template.mutable) + 1
            if completed and dice.one_in(2):
                return min(template.mutable)
        if dice.one_in(3):
            return dice.between(least, full + 1)
        return dice.pick((full, full, max(least, full - 1)))

    def take_liberty(self, node: _DrawnNode, template: _OperatorTexts) -> None:
        """Add keys that are not the operator's own, or rarely break one that is."""
        dice = self._dice
        liberty = dice.below(60)
        if liberty > 30:
            self.add_hidden(node, template)
        elif liberty == 30 and node.attrs and template.outputs == 1:
            node.attrs[dice.pick(tuple(node.attrs))] = dice.draw(ATTRIBUTE_TEXTS)
        elif liberty == 29 and node.attrs:
            del node.attrs[dice.pick(tuple(node.attrs))]
        elif liberty == 28:
            node.attrs[dice.draw(ATTRIBUTE_KEYS)] = dice.draw(ATTRIBUTE_TEXTS)

    def add_hidden(self, node: _DrawnNode, template: _OperatorTexts) -> None:
        """Add keys that MXNet hides or moves to a variable; 1.9.1 and later know ``__x__`` only."""
        dice = self._dice
        for _ in range(dice.between(1, 3)):
            word, other = dice.pick(_HIDDEN_WORDS), dice.pick(_HIDDEN_WORDS)
            keys = [f"__{word}__", "__mood__"]
            if self._version < _CURRENT:
                keys += [word, word, *self.hints_for_variables(node, template, word)]
            if not template.strict or dice.one_in(12):
                keys = [f"{word}_{other}", f"x{word}", f"{word}_x", f"{word}_{word}_x", "anything"]
            node.attrs[dice.pick(keys)] = dice.draw(ATTRIBUTE_TEXTS)

    def hints_for_variables(
        self, node: _DrawnNode, template: _OperatorTexts, word: str
    ) -> list[str]:
        """Return spellings of a hint for an input; none for a variable that might get two."""
        readers = Counter(position for position, _, _ in node.inputs)
        named = zip(template.inputs, node.inputs, strict=False)
        names = [
            name
            for name, (position, _, _) in named
            if name
            and readers[position] == 1
            and not {f"{name}_{word}", f"{name}X{word}"} & {*node.attrs}
        ]
        if not names:
            return []
        name = self._dice.pick(names)
        return [f"{name}_{word}", f"{name}_{word}", f"{name}X{word}"]

    def foreach(self) -> _DrawnNode:
        """Draw a loop over some values: its only subgraph is any symbol at all."""
        dice = self._dice
        inner = _SymbolDrawing(dice, None, outermost=False).symbol(4)
        inputs = [self.entry() for _ in range(dice.between(0, 3))]
        attrs = {
            "num_args": str(len(inputs) + 1),
            "num_outputs": str(dice.between(1, 3)),
            "num_out_data": "1",
            "in_data_locs": "(0,)",
            "in_state_locs": "()",
            "remain_locs": "()",
        }
        return _DrawnNode("_foreach", dice.draw(NODE_NAMES), attrs, inputs, subgraphs=[inner])
