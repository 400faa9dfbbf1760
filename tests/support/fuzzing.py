"""What nobody in his right mind would write: passes, texts of all kinds, options, model files.

Each input is mutated from a sound one by a seed. ``python tests/support/fuzzing.py 150000 7`` tries
so many, from seed 7 on, and prints what there was of each kind. It ends with an error for the first
that is answered by anything but a result or one `GraphpassError`, that takes more than 2 s of CPU
for each MB begun, or more memory than 20 times its size and 200 MB.
"""

from __future__ import annotations

import json
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import sound_rules as sound
from fuzzed_files import FILES

import graphpass
from graphpass import Model, Parameters
from graphpass.cli.options import parse_feed, parse_outputs, parse_shapes
from graphpass.errors import GraphpassError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph.invariants import check_acyclic
from graphpass.rules import find, load_pass, parse_setting
from graphpass.rules.expressions import Scope, UnknownError, parse_expression
from graphpass.rules.lint import lint
from graphpass.rules.pass_files.loading import shipped_names, shipped_text
from graphpass.rules.rewrite.facts import Facts

__all__ = ["KINDS", "attempt"]

_WORDS = """
relu Dropout Convolution BatchNorm FullyConnected SliceChannel Concat elemwise_add add_n dot
_mul_scalar Activation Reshape Cast _zeros Custom _foreach null NoSuchOp `Vendor Op` x y w a b
xs gamma mean _ *xs *_ **y.attrs **conv.attrs optional(x) param(w) aux(m) input(x) const(c)
shared(a) distinct(a,b) maybe(Dropout)(x) (relu|tanh)(x) a[1] a[-1] a[99] return ; = == ( ) , .
[ ] { } | + - * / ** // % @ not and or in is if else for lambda None True False 0 1 -1 2 7 1e999
1e-999 -0.0 nan 10**9 99999999999999999999 'text' "" (1,) () (1,2,3,4,5,6,7,8,9) name= kernel=(3,3)
num_filter=0 num_outputs=0 num_outputs=-2 axis=9 scalar='a' act_type='relu' y.name y.op y.users
y.inputs y.attrs x.node x.shape x.ndim w.dtype w.size y.__class__ y.kernel users[0] known(w)
bound(b) ones((10,)) zeros((10**9,10**9)) reshape(w,(-1,0)) w@w range(10**12) sum(w) w[0] w[::-1]
w[99] sqrt(-1) log(0) w/0 'a'*10**9 eye(100000) tile(w,10**9) concatenate((w,w),5)
transpose(w,(9,)) astype(w,'float99') # \\
"""

WORDS = (
    *_WORDS.split(), "tuple(x for x in y.users)", "\0", "\u2028", "\U0001f600", "\n", "\t", " ",
)  # fmt: skip
"""What texts of rewrites are made of, and what they had better not be made of."""

LITERALS: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1.5, float("inf"), "", "x", " ", [], {}, [[]], {"a": 1},
    ["x", 1], "${x}", "$${x}", "${", 2**63, -(2**70), 1.0, "9" * 5000,
    "regex:(a+)+b", "regex:(?=x)", "glob:[[a",
)  # fmt: skip

_OPERATORS = (
    "relu", "Dropout", "_copy", "BatchNorm", "Convolution", "FullyConnected", "SliceChannel",
    "Concat", "elemwise_add", "dot", "_maximum", "BlockGrad", "sigmoid", "broadcast_add",
)  # fmt: skip

USED = (
    "drop-dropout", "fold-batchnorm", "optimize-for-inference", "prelu-to-relu", "deduplicate",
    "canonical-names", "unique-names", "siamese", "free-batch", "batch-branches", "nothing", ".",
    "/", "",
)  # fmt: skip
"""Passes that may be used."""

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(each) for each in value.values()]
    return [str(each) for each in value] if isinstance(value, list) else []


SOUND = [rule for each in sound.RULES.values() for rule in each.rules]

SOUND_TEXTS = [
    text
    for rule in SOUND
    for value in rule["rewrite"].values()
    for text in ([value] if isinstance(value, str) else _texts(value))
]

PATTERNS = [rule["rewrite"]["match"] for rule in SOUND]

EXPRESSIONS = [
    "conv.layout in (None, 'NCHW') and y.axis == 1", "known(w, b) and w.ndim == 2",
    "(w if bound(b) else 1 / w) * 2 + per_axis(b, 0, w.ndim)", "sum(i * 2 for i in w.shape if i)",
    "reshape(w, (-1, 1))[0:2, ::-1] @ ones((2, 2))", "all(u.op == 'relu' for u in x.users)",
    "concatenate((w, w), axis=-1) // 3 ** 2 % 7", "allclose(astype(w, 'float16'), w)",
    "tile(w, (2, 2)) if len(x.users) == 1 else zeros_like(w)", "max(w.shape) - min((1, 2.5, 3))",
    "attribute(conv, 'kernel') == (1, 1) or not x.is_head", "int('12') + float('1e-3')",
]  # fmt: skip

OPTIONS: tuple[tuple[Callable[[Any], Any], str], ...] = (
    (parse_setting, "prefix=b_"), (parse_setting, "kernel=[3, {a: 1.5e3}]"),
    (lambda text: parse_shapes([text]), "data:1,3,224,224"),
    (lambda text: parse_feed([text]), "right_data=data"),
    (lambda text: parse_outputs([text]), "fc1_output=head_output"),
)  # fmt: skip
"""What reads an option, and a sound one."""


class Fuzzer:
    """Mutates what a pass says, and how it is written down."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._sound = SOUND
        self._texts = SOUND_TEXTS

    def rules(self) -> list[Any]:
        """Return rules of which something may be wrong."""
        dice = self._dice
        rules = [
            json.loads(json.dumps(dice.choice(self._sound))) for _ in range(dice.randint(1, 3))
        ]
        for _ in range(dice.choice([1, 1, 2, 4])):
            self._change(dice.choice(rules)["rewrite"])
        return rules

    def whole(self) -> dict[str, Any]:
        """Return a pass with other passes in it and tests of its own, which may be wrong."""
        dice = self._dice
        names: Any = [dice.choice(USED) for _ in range(dice.randint(1, 3))]
        use = {"pass": dice.choice([names, names[0], *LITERALS[:3]])}
        if dice.random() < 0.7:
            use["repeat"] = dice.choice([True, True, True, False, None, 1])
        if dice.random() < 0.1:
            use["set"] = {dice.choice(["prefix", "from", "w"]): dice.choice(LITERALS)}
        test: dict[str, Any] = {"before": dice.choice(TEXTS)}
        test[dice.choice(["after", "unchanged"])] = self._mutated(TEXTS[0])
        shapes = [[2], [2, 2], [], "w", "b", *LITERALS]
        test["parameters"] = {name: dice.choice(shapes) for name in dice.sample("wbgsmvtk", 3)}
        rules = [*self.rules(), {"use": use}]
        dice.shuffle(rules)
        return {"rules": rules, "tests": [test] * dice.randint(0, 2)}

    def text(self) -> bytes:
        """Return a pass file that may be no YAML, or no pass."""
        rules = {"graphpass": 1, "rules": self.rules()}
        written = json.dumps(rules, indent=self._dice.choice([None, 1]))
        for _ in range(self._dice.choice([0, 0, 1, 3])):
            written = self._cut(written)
        raw = written.encode("utf-8", "surrogatepass")
        if self._dice.random() < 0.05:
            at = self._dice.randrange(len(raw) + 1)
            raw = raw[:at] + bytes([self._dice.randrange(256)]) + raw[at:]
        return raw

    def shipped(self) -> bytes:
        """Return the text of a shipped pass, with some bytes other than they should be."""
        text = shipped_text(self._dice.choice(shipped_names()))
        for _ in range(self._dice.choice([1, 2, 8])):
            text = self._dice.choice([self._cut, self._insert, self._swap])(text)
        return text.encode("utf-8", "surrogatepass")

    def one_of(self, texts: Sequence[str]) -> str:
        """Return a sound text, mutated."""
        return self._mutated(self._dice.choice(texts))

    def _change(self, rule: dict[str, Any]) -> None:
        dice = self._dice
        kind = dice.random()
        key = dice.choice([*rule, "where", "let", "once", "expect", "tests", "group", "when"])
        if kind < 0.08:
            rule[key] = dice.choice(LITERALS)
        elif kind < 0.12:
            rule.pop(key, None)
        elif kind < 0.16:
            rule["tests"] = [{"before": dice.choice(TEXTS), "after": self._mutated(TEXTS[0])}]
        elif isinstance(rule.get(key), str):
            rule[key] = self._mutated(rule[key])
        elif isinstance(rule.get(key), list) and rule[key]:
            at = dice.randrange(len(rule[key]))
            rule[key][at] = self._mutated(str(rule[key][at]))
        elif isinstance(rule.get(key), dict) and rule[key]:
            name = dice.choice(sorted(rule[key]))
            rule[key][name] = self._mutated(str(rule[key][name]))
        elif key == "where":
            rule[key] = self._mutated(dice.choice(self._texts))
        elif key == "let":
            rule[key] = {dice.choice(["v", "w", "x", "é"]): self._mutated("w * 2")}
        else:
            part = dice.choice(["match", "replace"])
            rule[part] = self._mutated(str(rule.get(part, "x")))

    def _mutated(self, text: str) -> str:
        steps: tuple[Callable[[str], str], ...] = (
            self._swap, self._insert, self._cut, self._splice, self._nest,
        )  # fmt: skip
        gentle = self._dice.random() < 0.7
        for _ in range(self._dice.choice([1, 1, 1, 2, 5])):
            text = self._exchange(text) if gentle else self._dice.choice(steps)(text)
        return text[:5000]

    def _exchange(self, text: str) -> str:
        """Put a word in the place of one of its kind: an operator, a name, a number."""
        dice = self._dice
        tokens = _TOKEN.findall(text)
        words = [at for at, token in enumerate(tokens) if token[0].isalnum() or token[0] == "_"]
        if not words:
            return text
        at = dice.choice(words)
        if tokens[at][0].isdigit():
            tokens[at] = dice.choice(["0", "1", "2", "3", "0.5", "100"])
        elif "".join(tokens[at + 1 :])[:1] == "(":
            tokens[at] = dice.choice(_OPERATORS)
        else:
            tokens[at] = tokens[dice.choice(words)]
        return "".join(tokens)

    def _swap(self, text: str) -> str:
        tokens = _TOKEN.findall(text) or [""]
        other = _TOKEN.findall(self._dice.choice(self._texts))
        tokens[self._dice.randrange(len(tokens))] = self._dice.choice([*WORDS, *other])
        return "".join(tokens)

    def _insert(self, text: str) -> str:
        tokens = _TOKEN.findall(text)
        tokens.insert(self._dice.randrange(len(tokens) + 1), self._dice.choice(WORDS))
        return "".join(tokens)

    def _cut(self, text: str) -> str:
        start = self._dice.randrange(len(text) + 1)
        stop = start + self._dice.choice([1, 1, 2, 5, 20])
        again = self._dice.choice([0, 0, 1, 2])
        return text[:start] + text[start:stop] * again + text[stop:]

    def _splice(self, text: str) -> str:
        other = self._dice.choice(self._texts)
        return (
            text[: self._dice.randrange(len(text) + 1)] + other[self._dice.randrange(len(other)) :]
        )

    def _nest(self, text: str) -> str:
        before, after = self._dice.choice([("relu(", ")"), ("(", ")"), ("[", "]"), ("-", "")])
        depth = self._dice.choice([1, 1, 2, 50, 400])
        return before * depth + text + after * depth


TEXTS = (
    """
data, w, b = variable(), variable(), variable()
g, s, m, v = variable(), variable(), variable(), variable()
conv = Convolution(data, w, b, kernel=(1, 1), num_filter=2)
norm = BatchNorm(conv, g, s, m, v, fix_gamma=False)
act = relu(norm)
drop = Dropout(act)
again = relu(drop)
sum = elemwise_add(drop, drop)
return again, sum
""",
    """
data, w, t, z = variable(), variable(), variable(), variable()
a = dot(data, w)
c = dot(data, t)
both = Concat(a, c, num_args=2, dim=1)
more = Concat(both, a, num_args=2, dim=1)
halves = SliceChannel(more, num_outputs=2)
top = _maximum(halves, halves[1])
scaled = _mul_scalar(_mul_scalar(_plus_scalar(top, scalar=1), scalar=2), scalar=3)
plus = elemwise_add(scaled, z)
p = LeakyReLU(plus, z, act_type="prelu")
return p, halves[1], data
""",
    """
data, w, b, k = variable(), variable(), variable(), variable()
fc = FullyConnected(data, w, b, num_hidden=2, after=[k])
vendor = `Vendor Op`(fc, b, level="3")
y = broadcast_add(broadcast_add(BlockGrad(vendor), b), k)
q = relu(_copy(sigmoid(y)), after=[fc])
return q, q, w
""",
)

_SHAPES = {"w": (2, 2), "t": (2, 2), "z": (2,), "k": (1, 2)}


def _model(text: str) -> Model:
    graph = parse_graph(text)
    states = set(graph.auxiliary_states)
    numbers = np.random.default_rng(1)
    parameters = Parameters()
    for name in (*graph.arguments, *states):
        if name != "data":
            shape = (2, 2, 1, 1) if name == "w" and "Conv" in text else _SHAPES.get(name, (2,))
            array = numbers.uniform(0.5, 1.5, shape).astype("float32")
            parameters.set(name, array, "aux" if name in states else "arg")
    return Model(graph, parameters)


MODELS: tuple[Model, ...] = tuple(_model(text) for text in TEXTS)
"""Models that most sound rules find something in. Take copies."""


# -- the judge -------------------------------------------------------------------------------------


def _apply(source: Any, model: Model) -> None:
    """Load, lint and apply a pass; if it can't be applied, the model is as it was."""
    before, names = graphpass.dumps(model.graph), sorted(model.parameters)
    try:
        loaded = load_pass(source).bind(None)
        lint(loaded)
        graphpass.apply(loaded, model)
    except GraphpassError:
        assert graphpass.dumps(model.graph) == before
        assert sorted(model.parameters) == names
        raise
    check_acyclic(model.graph, list(model.graph.order()))
    written = graphpass.dumps(model.graph)
    assert graphpass.dumps(graphpass.loads(written)) == written


def _apply_file(data: bytes, model: Model) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "broken.yaml")
        path.write_bytes(data)
        _apply(path, model)


@cache
def _scope(number: int) -> Scope:
    graph = MODELS[number].graph
    bindings: dict[str, Any] = {
        name: graphpass.Entry(graph.named(name)[0]) for name in "wb" if graph.named(name)
    }
    bindings |= {"x": graphpass.Entry(graph.named("data")[0])}
    bindings |= {name: graph.heads[0].node for name in ("conv", "y")}
    return Scope(Facts(graph), bindings, MODELS[number].parameters, ("a", "bias"))


def _evaluate(text: str, number: int) -> None:
    scope = _scope(number)
    scope.limits.begin_match(10)
    try:
        parse_expression(text).evaluate(scope)
    except UnknownError as error:
        raise GraphpassError(error.reason) from None


def _read_graph(text: str) -> None:
    graph = parse_graph(text)
    printed = print_graph(graph)
    assert print_graph(parse_graph(printed)) == printed
    written = graphpass.dumps(graph)
    assert graphpass.dumps(graphpass.loads(written)) == written


_TEXTS = ("expressions", "patterns", "graphs", "options", "rules", "files")
KINDS = (*_TEXTS, "shipped", "passes", *FILES)
TURNS = _TEXTS * 4 + ("shipped", "passes") + tuple(FILES) * 8
"""Kinds as they are tried in turn; the last take longest."""


def attempt(kind: str, seed: int) -> tuple[int, bool]:
    """Try one input; return its size, and whether it was taken.

    Raises
    ------
    AssertionError
        If it gave anything but a result or a `GraphpassError`.
    """
    dice = random.Random(f"{kind} {seed}")
    fuzzer = Fuzzer(dice)
    number = dice.randrange(len(MODELS))
    model = MODELS[number].copy()
    made: Any
    if kind in FILES:
        damage, judge = FILES[kind]
        made = damage(dice)
    elif kind == "options":
        judge, given = dice.choice(OPTIONS)
        made = fuzzer.one_of([given])
    else:
        make, judge = {
            "rules": (fuzzer.rules, lambda made: _apply(made, model)),
            "passes": (fuzzer.whole, lambda made: _apply(made, model)),
            "files": (fuzzer.text, lambda made: _apply_file(made, model)),
            "shipped": (fuzzer.shipped, lambda made: _apply_file(made, model)),
            "expressions": (
                lambda: fuzzer.one_of(EXPRESSIONS),
                lambda made: _evaluate(made, number),
            ),
            "patterns": (lambda: fuzzer.one_of(PATTERNS), lambda made: find(made, model)),
            "graphs": (lambda: fuzzer.one_of(TEXTS), _read_graph),
        }[kind]
        made = make()
    size = len(made if isinstance(made, str | bytes) else json.dumps(made))
    try:
        judge(made)
    except GraphpassError as error:
        assert str(error), f"{kind}, seed {seed}: an error without words"
        assert "Traceback" not in str(error), f"{kind}, seed {seed}: {error}"
        return size, False
    except Exception as error:
        raise AssertionError(f"{kind}, seed {seed}: {type(error).__name__}: {error}") from error
    return size, True


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(inputs: int, first: int = 0) -> None:
    """Try so many inputs, kinds in turn; print what they took."""
    tried, taken, slowest = Counter[str](), Counter[str](), dict.fromkeys(KINDS, (0.0, 0))
    for kind in KINDS:
        attempt(kind, first)  # what is imported and built once
    start = _most_memory()
    for number in range(inputs):
        kind, seed = TURNS[number % len(TURNS)], first + number
        began = time.process_time()
        size, is_taken = attempt(kind, seed)
        took = time.process_time() - began
        tried[kind] += 1
        taken[kind] += is_taken
        slowest[kind] = max(slowest[kind], (took, seed))
        megabytes = max(1, -(-size // 1_000_000))
        assert took < 2 * megabytes, f"{kind}, seed {seed}: {took:.1f} s of CPU"
        grown = _most_memory() - start
        assert grown < 200_000_000 + 20 * size, f"{kind}, seed {seed}: {grown:,} bytes"
    print("kind          tried   taken  slowest  of seed")
    for kind in KINDS:
        took, seed = slowest[kind]
        print(f"{kind:12}{tried[kind]:7}{taken[kind]:8}{took:8.2f} s  {seed}")
    print(
        f"{inputs} inputs from seed {first} on; {(_most_memory() - start) // 2**20} MiB of memory"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
