"""Near misses, one for each kind of condition, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Case:
    """A rewrite, or a pattern alone, that does not apply at a node, and what is said of that."""

    code: str
    graph: str
    match: str
    at: str
    said: str
    replace: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


CASES = [
    Case(
        "operator",
        "x = variable(); a = tanh(x); b = relu(a); return b",
        "y = relu(relu(x))",
        "b",
        """
pattern at relu 'b' (#2): no match
  ✓ y = relu  b (#2)
  ✗ relu      a (#1): is tanh, not relu
""",
    ),
    Case(
        "operator",
        "x, g, t, m, v = variable(), variable(), variable(), variable(), variable()\n"
        "n = BatchNorm(x, g, t, m, v); return n",
        "conv = Convolution(z, *_)\nout = BatchNorm(conv, *_)",
        "n",
        """
pattern at BatchNorm 'n' (#5): no match
  ✓ out = BatchNorm     n (#5)
  ✗ conv = Convolution  x (#0): is a variable, not Convolution
""",
    ),
    Case(
        "operator",
        "x = variable(); a = tanh(x); return a",
        "maybe(Dropout)(relu(x))",
        "a",
        """
pattern at tanh 'a' (#1): no match
  ✗ maybe(Dropout)  a (#1): is tanh, not Dropout or relu
  · relu
""",
    ),
    Case(  # what may be absent is no obstacle
        "operator",
        "x, w = variable(), variable()\n"
        "fc = FullyConnected(x, w, num_hidden=2, no_bias=True); return fc",
        "n = relu(x); FullyConnected(maybe(Flatten)(n), w)",
        "fc",
        """
pattern at FullyConnected 'fc' (#2): no match
  ✓ FullyConnected  fc (#2)
  ✓ maybe(Flatten)  absent
  ✗ n = relu        x (#0): is a variable, not relu
""",
    ),
    Case(  # the other way round, cos has exp and exp has sin: two obstacles
        "operator",
        "x, y = variable(), variable(); s = elemwise_add(relu(exp(y)), relu(sin(x))); return s",
        "s = elemwise_add(relu(cos(x)), relu(exp(y)))",
        "s",
        """
pattern at elemwise_add 's' (#6): no match
  ✓ s = elemwise_add  s (#6)
  ✓ relu              relu1 (#5)
  ✗ cos               sin0 (#4): is sin, not cos
  · relu
  · exp
""",
    ),
    Case(
        "output",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); y = tanh(t); return y",
        "y = tanh(SliceChannel(z))",
        "y",
        """
pattern at tanh 'y' (#2): no match
  ✓ y = tanh      y (#2)
  ✗ SliceChannel  s (#1): output 1 is read, not output 0
""",
    ),
    Case(  # an operator that is there, and differs, is an obstacle even if it may be absent
        "attribute",
        "x = variable(); d = Dropout(tanh(x), p=0.3); return relu(d)",
        "y = relu(maybe(Dropout)(tanh(x), p=0.5))",
        "relu0",
        """
pattern at relu 'relu0' (#3): no match
  ✓ y = relu        relu0 (#3)
  ✗ maybe(Dropout)  d (#2): has p=0.3, not 0.5
  · tanh
  would match if d had p=0.5
""",
    ),
    Case(
        "attribute",
        "x, w = variable(), variable()\n"
        "c = Convolution(x, w, kernel=(1, 1), num_filter=4, no_bias=True); return relu(c)",
        "conv = Convolution(x, w, kernel=(3, 3)); y = relu(conv)",
        "relu0",
        """
pattern at relu 'relu0' (#3): no match
  ✓ y = relu            relu0 (#3)
  ✗ conv = Convolution  c (#2): has kernel=(1, 1), not (3, 3)
  would match if c had kernel=(3, 3)
""",
    ),
    Case(
        "attribute",
        "x, w = variable(), variable()\n"
        "c = Convolution(x, w, kernel=(1, 1), num_filter=4, no_bias=True); return relu(c), c",
        "conv = Convolution(x, w, kernel=(3, 3)); y = relu(conv)",
        "relu0",
        """
pattern at relu 'relu0' (#3): no match
  ✓ y = relu            relu0 (#3)
  ✗ conv = Convolution  c (#2): has kernel=(1, 1), not (3, 3)
""",
    ),
    Case(
        "inputs",
        "x, w, b = variable(), variable(), variable()\n"
        "c = Convolution(x, w, b, kernel=(1, 1), num_filter=4); return c",
        "Convolution(x, w)",
        "c",
        """
pattern at Convolution 'c' (#3): no match
  ✗ Convolution  c (#3): has 3 inputs; the pattern gives 2
""",
    ),
    Case(
        "outputs",
        "x = variable(); s = SliceChannel(x, num_outputs=2); return s[0], s[1]",
        "p, q, _ = SliceChannel(x)",
        "s",
        """
pattern at SliceChannel 's' (#1): no match
  ✗ p, q, _ = SliceChannel  s (#1): has 2 visible outputs; the pattern names 3
""",
    ),
    Case(
        "operand",
        "x, y = variable(), variable(); a = elemwise_add(tanh(x), y); return a",
        "sum = elemwise_add(tanh(z), sigmoid(_))",
        "a",
        """
pattern at elemwise_add 'a' (#3): no match
  ✗ sum = elemwise_add  a (#3): no input is sigmoid
  · tanh
  · sigmoid
""",
    ),
    Case(
        "kind",
        "x, w = variable(), variable(); f = dot(x, w); return f",
        "dot(x, param(p))",
        "f",
        """
pattern at dot 'f' (#2): no match
  ✗ dot  f (#2): variable 'w' (#1) is not a parameter
""",
        shapes={"x": (2, 2)},
    ),
    Case(
        "value",
        "x, y = variable(), variable(); a = elemwise_sub(x, y); return a",
        "elemwise_sub(z, z)",
        "a",
        """
pattern at elemwise_sub 'a' (#2): no match
  ✗ elemwise_sub  a (#2): z is variable 'x' (#0) already, not variable 'y' (#1)
""",
    ),
    Case(
        "node",
        "x = variable(); a = relu(x); b = relu(a); c = elemwise_sub(a, b); return c",
        "r = relu(z); elemwise_sub(r, r)",
        "c",
        """
pattern at elemwise_sub 'c' (#3): no match
  ✓ elemwise_sub  c (#3)
  ✗ r = relu      a (#1): r is relu 'a' (#1) already, not relu 'b' (#2)
""",
    ),
    Case(
        "taken",
        "x = variable(); a = relu(x); b = elemwise_sub(a, a); return b",
        "p = relu(x); q = relu(x); elemwise_sub(p, q)",
        "b",
        """
pattern at elemwise_sub 'b' (#2): no match
  ✓ elemwise_sub  b (#2)
  ✓ p = relu      a (#1)
  ✗ q = relu      a (#1): stands for p already and can't stand for q too
""",
    ),
    Case(
        "reader",
        "x = variable(); a = relu(x); return a",
        "p = relu(x); q = tanh(x); return p, q",
        "a",
        """
pattern at relu 'a' (#1): no match
  ✓ p = relu  a (#1)
  ✗ q = tanh: no tanh reads what is matched so far, as q
""",
    ),
    Case(
        "distinct",
        "x = variable(); a = relu(x); b = elemwise_sub(a, a); return b",
        "y = elemwise_sub(p, q); distinct(p, q)",
        "b",
        """
pattern at elemwise_sub 'b' (#2): no match
  ✓ y = elemwise_sub  b (#2)
  ✗ distinct(p, q): p and q are both relu 'a' (#1)
""",
    ),
    Case(
        "head",
        "x = variable(); a = relu(x); b = relu(a); return b, a",
        "y = relu(relu(x))",
        "b",
        """
pattern at relu 'b' (#2): no match
  ✓ y = relu  b (#2)
  ✗ relu      a (#1): output 0 is a head
  would match if a were no head
""",
    ),
    Case(
        "head",
        "x = variable(); a = relu(x); b = relu(a); return b, a, tanh(a)",
        "y = relu(relu(x))",
        "b",
        """
pattern at relu 'b' (#2): no match
  ✓ y = relu  b (#2)
  ✗ relu      a (#1): output 0 is a head
  would match if a were no head and it had no other user: tanh0 reads it
""",
    ),
    Case(
        "used",
        "x, w1, w2 = variable(), variable(), variable()\n"
        "fc1 = FullyConnected(x, w1, num_hidden=4, no_bias=True)\n"
        "dropout1 = Dropout(fc1); relu1 = relu(dropout1)\n"
        "fc2 = FullyConnected(dropout1, w2, num_hidden=4, no_bias=True); return relu1, fc2",
        "y = relu(Dropout(z))",
        "relu1",
        """
pattern at relu 'relu1' (#5): no match
  ✓ y = relu  relu1 (#5)
  ✗ Dropout   dropout1 (#4): is also used by FullyConnected 'fc2' (#6)
  would match if dropout1 had no other user: fc2 reads it
""",
    ),
    Case(
        "used",
        "x = variable(); a = relu(x); b = relu(a)\n"
        "return b, tanh(a), sigmoid(a), abs(a), negative(a), square(a)",
        "y = relu(relu(x))",
        "b",
        """
pattern at relu 'b' (#2): no match
  ✓ y = relu  b (#2)
  ✗ relu      a (#1): is also used by tanh 'tanh0' (#3)
  would match if a had no other user: tanh0, sigmoid0, abs0 and 2 more read it
""",
    ),
    Case(
        "used",
        "x = variable(); a = relu(x); b = relu(a); c = relu(b); return c, tanh(a), sin(b)",
        "y = relu(relu(relu(x)))",
        "c",
        """
pattern at relu 'c' (#3): no match
  ✓ y = relu  c (#3)
  ✗ relu      b (#2): is also used by sin 'sin0' (#5)
  ✓ relu      a (#1)
""",
    ),
    Case(
        "used",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); y = tanh(s); return y, relu(t)",
        "s, t = SliceChannel(x); return s",
        "s",
        """
pattern at SliceChannel 's' (#1): no match
  ✗ s, t = SliceChannel  s (#1): is also used by relu 'relu0' (#3)
""",
    ),
    Case(
        "cycle",
        "x = variable(); a = relu(x); b = dot(x, a); return a, b",
        "p = relu(x); q = dot(x, y); return p, q",
        "a",
        """
pattern at relu 'a' (#1): no match
  ✗ p = relu  a (#1): relu 'a' (#1), which the match reads, is computed from its root relu 'a' (#1)
  ✓ q = dot   b (#2)
""",
    ),
    Case(
        "where",
        "x = variable(); a = Flatten(x); s = softmax(a, axis=1); return s",
        "y = softmax(Flatten(x))",
        "s",
        """
r at softmax 's' (#2): no match
  ✓ y = softmax  s (#2)
  ✓ Flatten      a (#1)
  ✓ known(x) or True
  ✗ y.axis == -1: y.axis is 1, not -1
  · y.temperature is None
  would match if this condition held
""",
        replace="y = softmax(x)",
        options={"where": ["known(x) or True", "y.axis == -1", "y.temperature is None"]},
    ),
    Case(
        "where",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        """
r at FullyConnected 'f' (#2): no match
  ✓ y = FullyConnected  f (#2)
  ✗ known(w): w (variable 'w') has no stored value
  would match if this condition held
""",
        replace="y = FullyConnected(x, w, **y.attrs)",
        options={"where": ["known(w)"]},
    ),
    Case(
        "where",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        """
r at FullyConnected 'f' (#2): no match
  ✓ y = FullyConnected  f (#2)
  ✓ y.flatten
  ✗ min(half) > 0: min(half) is -0.5, not > 0
  would match if this condition held
""",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"where": ["min(half) > 0", "y.flatten"], "let": {"half": "w / 2"}},
        shapes={"w": (4, 3)},
    ),
    Case(
        "let",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w)",
        "f",
        """
r at FullyConnected 'f' (#2): no match
  ✓ y = FullyConnected  f (#2)
  ✓ y.flatten
  ✗ let: w (variable 'w') has no stored value, so half can't be computed
  · min(half) > 0
""",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"where": ["y.flatten", "min(half) > 0"], "let": {"half": "w / 2"}},
    ),
    Case(
        "replace",
        "x = variable(); a = Flatten(x); return a",
        "y = Flatten(x)",
        "a",
        """
r at Flatten 'a' (#1): no match
  ✓ y = Flatten  a (#1)
  ✗ replace: the shape of x is not known, so shape can't be computed
""",
        replace="y = Reshape(x, shape=(x.shape[0], -1))",
    ),
    Case(
        "replace",
        "x, w = variable(), variable()\n"
        "f = FullyConnected(x, w, num_hidden=4, no_bias=True); return f",
        "y = FullyConnected(x, w, optional(b))",
        "f",
        """
r at FullyConnected 'f' (#2): no match
  ✓ y = FullyConnected  f (#2)
  ✗ replace: what is to take its place is absent here
""",
        replace="return b",
    ),
    Case(
        "outputs",
        "x = variable(); s, t = SliceChannel(x, num_outputs=2); return s, t",
        "y = SliceChannel(x)",
        "s",
        """
r at SliceChannel 's' (#1): no match
  ✓ y = SliceChannel  s (#1)
  ✗ outputs: output 1 of SliceChannel 's' (#1) is used, and the replacement has none such
""",
        replace="y = relu(x)",
    ),
    Case(
        "control",
        "x = variable(); a = tanh(x); d = identity(x, after=[a]); return d, a",
        "y = identity(x)",
        "d",
        """
r at _copy 'd' (#2): no match
  ✓ y = _copy  d (#2)
  ✗ control: _copy 'd' (#2) waits for another node
""",
        replace="return x",
    ),
    Case(
        "control",
        "x = variable(); d = identity(x); a = tanh(x, after=[d]); return d, a",
        "y = identity(x)",
        "d",
        """
r at _copy 'd' (#1): no match
  ✓ y = _copy  d (#1)
  ✗ control: tanh 'a' (#2) waits for _copy 'd' (#1)
""",
        replace="return x",
    ),
    Case(
        "subgraph",
        "def body():\n"
        "    v, w = variable(), variable()\n"
        "    return FullyConnected(v, w, num_hidden=4, no_bias=True, name='inner')\n"
        "x, u = variable(), variable()\n"
        "loop = _foreach(x, u, subgraphs=[body], num_args=3, num_outputs=1, num_out_data=1,\n"
        "    in_data_locs=(0,), in_state_locs=(), remain_locs=(1,))\n"
        "return loop",
        "y = FullyConnected(x, w)",
        "inner",
        """
r at FullyConnected 'inner' (#2) inside loop (#2), subgraph 0: no match
  ✓ y = FullyConnected  inner (#2)
  ✗ subgraph: it computes a parameter, and inside a subgraph there are none
""",
        replace="y = FullyConnected(x, half, **y.attrs)",
        options={"let": {"half": "ones((4, 3))"}},
    ),
    Case(
        "error",
        "x = variable(); a = softmax(x, axis=0); return a",
        "y = softmax(x)",
        "a",
        """
r at softmax 'a' (#1): no match
  ✓ y = softmax  a (#1)
  · 1 / y.axis > 0
  ✗ apply: stops with an error: where: 1 / y.axis: division by zero, where y.axis is 0
""",
        replace="y = softmax(x)",
        options={"where": ["1 / y.axis > 0"]},
    ),
    Case(
        "error",
        "x = variable(); a = relu(x); b = tanh(a); return b",
        "y = tanh(x)",
        "b",
        """
r at tanh 'b' (#2): no match
  ✓ y = tanh  b (#2)
  ✓ y.is_head
  ✗ apply: stops with an error: an operator would be called 'x', as variable 'x' (#0) is; \
make the name from one that is unique, or leave name= out
""",
        replace="y = relu(x, name='x')",
        options={"where": ["y.is_head"]},
    ),
    Case(
        "error",
        "x = variable(); a = Pooling(x, kernel=(2, 2)); return a",
        "y = Pooling(x)",
        "a",
        """
r at Pooling 'a' (#1): no match
  ✓ y = Pooling  a (#1)
  ✗ apply: stops with an error: Pooling 'a' (#1): Pooling: global_pool='False', \
kernel='(2, 2, 1, 1)' breaks the rule global_pool=True|kernel.ndim=1,2,3
""",
        replace="y = Pooling(x, kernel=y.kernel + (1, 1))",
    ),
]
