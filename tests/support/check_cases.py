"""For every kind of finding a model that has it, and one that has not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graphpass import Model, Parameters
from graphpass.formats.text import parse_graph

__all__ = ["CASES", "Case", "Source", "source"]

Tweak = Callable[[dict[str, Any]], None]
Array = np.ndarray[Any, Any]


def node(tree: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in tree["nodes"] if each["name"] == name)


@dataclass(frozen=True)
class Source:
    """A model: its graph as text, what is stored, and what is changed in the file by hand."""

    text: str
    stored: Mapping[str, Array] = field(default_factory=dict)
    classes: Mapping[str, Any] = field(default_factory=dict)
    tweak: Tweak | None = None

    def model(self) -> Model:
        graph = parse_graph(self.text)
        states = set(graph.auxiliary_states)
        parameters = Parameters()
        for name, array in self.stored.items():
            class_ = self.classes.get(name, "aux" if name in states else "arg")
            parameters.set(name, array, class_)
        return Model(graph, parameters)

    def save(self, folder: Path, name: str) -> str:
        """Save it as a pair of files, classes as they are given, and return its prefix."""
        from graphpass.formats.params import write_params

        prefix = str(folder / name)
        model = self.model()
        Model(model.graph).save(prefix)
        path = Path(f"{prefix}-symbol.json")
        if self.tweak is not None:
            tree = json.loads(path.read_text())
            self.tweak(tree)
            path.write_text(json.dumps(tree))
        if self.stored:
            with Path(f"{prefix}-0000.params").open("wb") as file:
                write_params(model.parameters, file)
        return prefix


def source(text: str, tweak: Tweak | None = None, **stored: Any) -> Source:
    """Make a source; a stored value is an array, or the shape of one of ones."""
    arrays = {
        name: np.ones(value, "float32") if isinstance(value, tuple) else value
        for name, value in stored.items()
    }
    return Source(text, arrays, tweak=tweak)


@dataclass(frozen=True)
class Case:
    """A model with a finding, and one without."""

    faulty: Source
    sound: Source
    severity: str
    node: str | None
    """Name of the first node that it is about."""

    says: str
    """Part of the reason."""

    inputs: tuple[str, ...] = ()
    """Shapes of inputs, as the command line takes them."""


NORM = (
    "x, n_gamma, n_beta, n_moving_mean, n_moving_var = "
    "variable(), variable(), variable(), variable(), variable()\n"
    "n = BatchNorm(x, n_gamma, n_beta, n_moving_mean, n_moving_var{})\nreturn n"
)
STATISTICS = {"n_beta": (3,), "n_moving_mean": (3,), "n_moving_var": (3,)}
DENSE = "x, w, b = variable(), variable(), variable()\ny = FullyConnected(x, w, b, num_hidden=2)\n"
CONV = (
    "x, w, b = variable(), variable(), variable()\n"
    "y = Convolution(x, w, b, kernel=(1, 1), num_filter=2)\nreturn y"
)
SUM = (
    "x, w, z = variable(), variable(), variable()\n"
    "y = FullyConnected(x, w, num_hidden=2, no_bias=True)\ns = broadcast_add(y, z)\nreturn s"
)
GRADED = SUM.replace("broadcast_add", "SoftmaxOutput")
FEW = "x = variable()\na = relu(x)\nb = relu(a)\nreturn b"


def norm(options: str = "", **stored: Any) -> Source:
    return source(NORM.format(options), **{"n_gamma": (3,), **STATISTICS, **stored})


def synchronized(options: str = "", **stored: Any) -> Source:
    text = NORM.replace("BatchNorm", "_contrib_SyncBatchNorm").format(f', key="k"{options}')
    return source(text, **{"n_gamma": (3,), **STATISTICS, **stored})


def renamed(old: str, new: str) -> Tweak:
    return lambda tree: node(tree, old).update(name=new)


def with_dead(tree: dict[str, Any]) -> None:
    last = len(tree["nodes"])
    tree["nodes"].append({"op": "tanh", "name": "left", "inputs": [[0, 0, 0]]})
    tree["node_row_ptr"] = list(range(last + 2))


def with_unused(tree: dict[str, Any]) -> None:
    tree["arg_nodes"].append(len(tree["nodes"]))
    tree["nodes"].append({"op": "null", "name": "forgotten", "inputs": []})


def from_the_future(tree: dict[str, Any]) -> None:
    tree["attrs"]["mxnet_version"] = ["int", 20000]
    node(tree, "y")["attrs"]["sparkle"] = "1"


def without_bias(tree: dict[str, Any]) -> None:
    node(tree, "y")["inputs"].pop()


def like(array: Array, index: int, value: float) -> Array:
    changed = array.copy()
    changed.flat[index] = value
    return changed


ONES = np.ones(3, "float32")
LSTM = (
    "x, w = variable(), variable()\nbegin = _zeros(shape=({}, 2))\n"
    "h = FullyConnected(begin, w, num_hidden=2, no_bias=True)\ny = elemwise_add(x, h)\nreturn y"
)
LOOP = """
def body():
    a, g, b, m, v, h = variable(), variable(), variable(), variable(), variable(), variable()
    {first} = BatchNorm(a, g, b, m, v{options})
    {second} = elemwise_add({first}, h)
    return {second}, {second}
x, h, n_gamma, n_beta = variable(), variable(), variable(), variable()
n_moving_mean, n_moving_var = variable(), variable()
loop = _foreach(x, h, n_gamma, n_beta, n_moving_mean, n_moving_var, subgraphs=[body], num_args=7,
    num_outputs=2, num_out_data=1, in_data_locs=(0,), in_state_locs=(5,), remain_locs=(1, 2, 3, 4))
return loop[0]
"""


def loop(options: str = "", *, second: str = "s", **stored: Any) -> Source:
    """Make a model whose BatchNorm runs inside a loop that is handed its parameters."""
    text = LOOP.format(first="n", second="s", options=options)
    if second == "n":
        text = text.replace("elemwise_add(n, h)", 'elemwise_add(n, h, name="n")')
    return source(text, **{"n_gamma": (3,), **STATISTICS, **stored})


def beside(spread: str) -> Source:
    text = f"x, w = variable(), variable()\ny = elemwise_add(x, {spread})\nreturn y"
    return source(text, w=(1, 4))


SWAPPED = "x = variable()\nt = transpose(x, axes=(1, 0, 2, 3))\n"
LABELLED = (
    "x, y_label = variable(), variable()\nf = Flatten(x)\ny = SoftmaxOutput(f, y_label)\nreturn y"
)
ROWS = LABELLED.replace("Flatten", "relu")
PLAIN = "x = variable()\nf = Flatten(x)\ny = softmax(f)\nreturn y"
TARGETS = (
    "anchors, label, scores, boxes = variable(), variable(), variable(), variable()\n"
    "t = _contrib_MultiBoxTarget(anchors, label, scores)\n"
    "d = _contrib_MultiBoxDetection(scores, boxes, anchors)\nreturn t[0], d"
)

CASES: Mapping[str, tuple[Case, ...]] = {
    "missing-parameter": (
        Case(source(DENSE + "return y", w=(2, 4)), source(DENSE + "return y", w=(2, 4), b=(2,)),
             "error", "b", "has no value in the parameters"),
        Case(Source(norm().text, {"n_beta": ONES}), norm(), "error", "n_gamma", "has no value"),
    ),
    "extra-parameter": (
        Case(source(DENSE + "return y", w=(2, 4), b=(2,), other=(1,)),
             source(DENSE + "return y", w=(2, 4), b=(2,)), "error", None, "'arg:other'"),
        Case(source(DENSE + "return y", other=(1,)), source(DENSE + "return y", w=(2, 4), b=(2,)),
             "error", None, "'arg:other'"),
    ),
    "parameter-shape": (
        Case(source(DENSE + "return y", w=(3, 4), b=(2,)),
             source(DENSE + "return y", w=(2, 4), b=(2,)), "error", "w", "(3, 4)"),
        Case(source(DENSE + "return y", w=(2, 5), b=(2,)),
             source(DENSE + "return y", w=(2, 4), b=(2,)), "error", "w", "(2, 4)", ("x:1,4",)),
        Case(norm(n_beta=(1, 3)), norm(), "error", "n_beta", "what reads it needs (3,);"),
        Case(norm(n_beta=(1, 3)), norm(), "error", "n_beta", "needs (3,);", ("x:2,3,4",)),
    ),
    "unnamed-input": (
        Case(source(SUM, w=(2, 4)), source(SUM, w=(2, 4), z=(1, 2)), "warning", "z",
             "--input does not name it", ("x:1,4",)),
        Case(source(SUM, w=(2, 4)), source(GRADED, w=(2, 4)), "warning", "z",
             "is it missing, or an input", ("x:1,4",)),
    ),
    "parameter-class": (
        Case(Source(norm().text, norm().stored, {"n_moving_mean": "arg"}), norm(),
             "error", "n_moving_mean", "'aux:n_moving_mean'"),
        Case(Source(norm().text, norm().stored, {"n_gamma": ""}), norm(),
             "error", "n_gamma", "'arg:n_gamma'"),
    ),
    "parameter-type": (
        Case(source(DENSE + "return y", w=(2, 4), b=np.ones(2, "uint16")),
             source(DENSE + "return y", w=(2, 4), b=(2,)), "error", "b", "uint16"),
    ),
    "non-finite": (
        Case(norm(n_beta=like(ONES, 1, np.nan)), norm(), "error", "n_beta",
             "of 3 stored numbers 1 NaN"),
        Case(norm(n_beta=like(ONES, 1, np.inf)), norm(n_beta=np.arange(3)), "warning", "n_beta",
             "1 infinite"),
    ),
    "shape-conflict": (
        Case(source("x = variable()\nr = Reshape(x, shape=(96, 7, 10))\nreturn r"),
             source("x = variable()\nr = Reshape(x, shape=(0, 7, 10))\nreturn r"),
             "error", "r", "70 elements into 6720", ("x:1,70",)),
        Case(source("x, z = variable(), variable()\ny = elemwise_add(x, z)\nreturn y"),
             source("x, z = variable(), variable()\ny = broadcast_add(x, z)\nreturn y"),
             "error", "y", "(2, 3)", ("x:2,3", "z:2,1")),
        Case(source(CONV, w=np.ones((2, 3, 1, 1), "float16"), b=(2,)),
             source(CONV, w=(2, 3, 1, 1), b=(2,)),
             "error", "y", "weight float16, bias float32", ("x:2,3,4,4",)),
        Case(norm(n_gamma=(4,)), norm(), "error", "n", "gamma (4,), beta (3,)"),
    ),
    "repeated-variable-name": (
        Case(source("x, z = variable(), variable()\ny = elemwise_add(x, z)\nreturn y",
                    tweak=renamed("z", "x")),
             source("x = variable()\ny = elemwise_add(x, x)\nreturn y"),
             "error", "x", "2 variables are called 'x'"),
    ),
    "repeated-operator-name": (
        Case(source(FEW, tweak=renamed("b", "a")), source(FEW), "warning", "a", "2 operators"),
        Case(loop(second="n"), loop(), "warning", "n", "2 operators"),
    ),
    "shared-name": (
        Case(source(FEW, tweak=renamed("b", "x")), source(FEW), "warning", "x", "both called 'x'"),
    ),
    "unknown-operator": (
        Case(source("x = variable()\ny = `Convolutoin`(x)\nreturn y"), source(FEW),
             "error", "y", "nearest: Convolution"),
    ),
    "custom-operator": (
        Case(source('x = variable()\ny = Custom(x, op_type="proposal")\nreturn y'), source(FEW),
             "warning", "y", "'proposal'"),
    ),
    "unknown-attribute": (
        Case(source(DENSE + "return y", from_the_future, w=(2, 4), b=(2,)),
             source(DENSE + "return y", w=(2, 4), b=(2,)),
             "error", "y", "'sparkle'"),
    ),
    "wrong-arity": (
        Case(source(DENSE + "return y", without_bias, w=(2, 4)),
             source(DENSE + "return y", w=(2, 4), b=(2,)),
             "error", "y",
             "takes 3 inputs (data, weight, bias) under its attributes, but is given 2"),
    ),
    "deprecated-operator": (
        Case(source('x = variable()\ny = SoftmaxActivation(x, mode="channel")\nreturn y'),
             source("x = variable()\ny = softmax(x, axis=1)\nreturn y"),
             "warning", "y", "its place has softmax"),
    ),
    "fix-gamma": (
        Case(norm(n_gamma=np.array([1, 5, 1], "float32")), norm(), "warning", "n",
             "max|gamma-1|=4"),
        Case(norm(", fix_gamma=True", n_gamma=np.array([0, 1, 1], "float16")),
             norm(", fix_gamma=False", n_gamma=np.array([0, 1, 1], "float32")),
             "warning", "n", "fix_gamma=True"),
        Case(synchronized(n_gamma=(2 * ONES)), synchronized(), "warning", "n", "absent"),
        Case(synchronized(", output_mean_var=True", n_gamma=(2 * ONES)), synchronized(),
             "warning", "n", "absent"),
        Case(loop(n_gamma=(2 * ONES)), loop(", fix_gamma=False", n_gamma=(2 * ONES)),
             "warning", "n", "'n_gamma' is stored with max|gamma-1|=1"),
    ),
    "negative-variance": (
        Case(norm(n_moving_var=like(ONES, 0, -1.0)), norm(n_moving_var=like(ONES, 0, 0.0)),
             "error", "n", "holds -1"),
        Case(norm(", eps=0.01", n_moving_var=like(ONES, 0, -0.001)), norm(),
             "warning", "n", "eps=0.01"),
        Case(loop(n_moving_var=like(ONES, 0, -1.0)), loop(), "error", "n", "holds -1",
             ("x:2,2,3", "h:2,3")),
    ),
    "baked-batch": (
        Case(source("x = variable()\nr = Reshape(x, shape=(96, 7, 10))\nreturn r"),
             source("x = variable()\nr = Reshape(x, shape=(0, 7, 10))\nreturn r"),
             "warning", "r", "fixes the first axis to 96"),
        Case(source("x = variable(__shape__=(8, 3))\ny = relu(x)\nreturn y"),
             source("x = variable(__shape__=(0, 3))\ny = relu(x)\nreturn y"),
             "warning", "x", "fixes the first axis of the input to 8"),
        Case(source(LSTM.format(5)), source(LSTM.format(0)), "warning", "begin", "batch to 5"),
        Case(source("x, w = variable(), variable()\nr = Reshape(x, shape=(4, -1))\nreturn r"),
             source("x, w = variable(), variable()\nr = Reshape(w, shape=(4, -1))\n"
                    "y = broadcast_add(x, r)\nreturn y", w=(8,)),
             "warning", "r", "samples end up in another axis"),
        Case(source("x = variable(__shape__=(4, 6))\nr = Reshape(x, shape=(4, -1))\nreturn r"),
             source("x = variable()\nr = Reshape(x, shape=(0, -1))\nreturn r"),
             "warning", "r", "samples end up in another axis"),
        Case(source(f"{SWAPPED}r = Reshape(t, shape=(2, -1))\ny = transpose(r)\n"
                    "z = Reshape(y, shape=(4, -1, 2))\nreturn z"),
             source(f"{SWAPPED}r = Reshape(t, shape=(4, -1))\nreturn r"),
             "warning", "z", "another axis", ("x:2,4,6,6",)),
        Case(source(f"{SWAPPED}r = Reshape(t, shape=(4, 72))\nreturn r"),
             source(f"{SWAPPED}r = Reshape(t, shape=(4, 0, 36))\nreturn r"),
             "warning", "r", "fixes the number of elements", ("x:2,4,6,6",)),
        Case(source("x = variable()\nr = Reshape(x, shape=(1, -1))\nreturn r"),
             source("x = variable()\nm = mean(x, axis=0)\nr = Reshape(m, shape=(1, -1))\nreturn r"),
             "warning", "r", "first axis to 1", ("x:1,4",)),
        Case(beside("_mul_scalar(_zeros(shape=(2, 4)), scalar=2, name='v')"),
             beside("_mul_scalar(_zeros(shape=(0, 4)), scalar=2, name='v')"),
             "warning", "_zeros0", "batch to 2"),
        Case(beside("_random_normal(shape=(2, 4), name='v')"),
             beside("_random_normal(shape=(0, 4), name='v')"), "warning", "v", "batch to 2"),
        Case(beside("broadcast_to(w, shape=(2, 4), name='v')"),
             beside("broadcast_to(w, shape=(0, 4), name='v')"), "warning", "v", "batch to 2"),
        Case(beside("tile(w, reps=(2, 1), name='v')"), beside("tile(w, reps=(1, 1), name='v')"),
             "warning", "v", "batch to 2"),
        Case(source(f"{SWAPPED}r = Reshape(t, shape=(0, 72))\nreturn r"),
             source(f"{SWAPPED}r = Reshape(t, shape=(0, -1))\nreturn r"),
             "warning", "r", "fixes the number of elements", ("x:2,4,6,6",)),
    ),
    "loss": (
        Case(source(LABELLED), source(PLAIN), "warning", "y", "in inference it is softmax"),
        Case(source(ROWS), source(PLAIN), "warning", "y", "without the shapes of --input"),
        Case(source(ROWS), source(PLAIN), "warning", "y", "in inference", ("x:2,3",)),
        Case(source(ROWS), source(PLAIN), "warning", "y", "of four axes", ("x:2,3,4,5",)),
        Case(source("x = variable()\ny = MakeLoss(x)\nreturn y"), source(PLAIN), "warning", "y",
             "gives its input"),
    ),
    "training-target": (Case(source(TARGETS), source(PLAIN), "warning", "t", "targets"),),
    "label-input": (
        Case(source(ROWS), source(PLAIN), "warning", "y_label", "only losses"),
        Case(source(ROWS), source(PLAIN), "warning", "y_label", "only losses", ("x:2,3",)),
        Case(source(LABELLED.replace("return y", "z = SVMOutput(x, y_label)\nreturn y, z")),
             source(PLAIN), "warning", "y_label", "only losses"),
        Case(source(LABELLED), source(PLAIN), "warning", "y_label", "only losses read it"),
        Case(source("x, l = variable(), variable()\nr = Reshape(l, shape=(-1,))\n"
                    "y = SoftmaxOutput(x, r, multi_output=True)\nreturn y"),
             source("x, l = variable(), variable()\nr = Reshape(l, shape=(-1,))\n"
                    "y = SoftmaxOutput(x, r, multi_output=True)\nreturn y, r"), "warning", "l",
             "only losses"),
    ),
    "dropout": (
        Case(source("x = variable()\ny = Dropout(x)\nreturn y"),
             source('x = variable()\ny = Dropout(x, mode="always")\nreturn y'),
             "warning", "y", "nothing in inference"),
    ),
    "blocked-gradient": (
        Case(source("x = variable()\ny = BlockGrad(x)\nreturn y"), source(FEW), "warning", "y", ""),
    ),
    "sync-batch-norm": (
        Case(synchronized(), norm(), "warning", "n", "which converters know"),
        Case(synchronized(", output_mean_var=True"), norm(), "warning", "n", "is not rewritten"),
    ),
    "dead-node": (
        Case(source(FEW, tweak=with_dead), source(FEW), "warning", "left", "no head depends on it"),
    ),
    "unused-input": (
        Case(source(FEW, tweak=with_unused), source(FEW), "warning", "forgotten",
             "nothing reads it"),
    ),
}  # fmt: skip
"""Code -> cases."""
