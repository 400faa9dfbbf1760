"""Ask MXNet about its operators, through a child process that may crash.

MXNet ends the process on some attribute values (division by zero, a wild pointer), and on others it
never returns; the prober then reports a crash and starts a new child for the next question. The
child is this file run as a program: a line with a JSON request, a line with its JSON answer.

Facts are read through the public C API: creating an operator parses its attributes, composing it
with too many variables tells how many inputs it takes, composing it with none names them, and a
loaded symbol tells outputs and auxiliary states.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["Library", "Prober", "prober"]

_PATIENCE = 3.0
"""Seconds to wait for an answer: some attribute values keep MXNet busy for hours."""

_TOO_MANY = 200
_NAME = "probed"
_VERSION = 10901

Answer = dict[str, Any]


class Prober:
    """A child process with MXNet that answers questions about operators."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def operators(self) -> dict[str, Any]:
        """Return MXNet's version, and aliases, help and `key_var_num_args` of each operator."""
        answer = self._ask({"ask": "operators"})
        if answer is None:
            raise RuntimeError("MXNet crashed while it listed its operators")
        return answer

    def create(self, operator: str, attrs: Mapping[str, str]) -> str | None:
        """Create an operator; return MXNet's error text, ``crash``, or None if it is accepted."""
        answer = self._ask({"ask": "create", "operator": operator, "attrs": dict(attrs)})
        return "crash" if answer is None else answer["error"]

    def signature(
        self, operator: str, attrs: Mapping[str, str], inputs: int | None
    ) -> dict[str, Any]:
        """Return what MXNet says about inputs and outputs of an operator.

        Parameters
        ----------
        operator, attrs
            The node to ask about.
        inputs
            How many variables to connect; None connects as many as MXNet says it takes. With a
            number, an operator that can't be composed still tells its outputs.

        Returns
        -------
        dict
            Some of ``num_inputs``, ``input_names``, ``initializers``, ``num_outputs``,
            ``num_visible_outputs``, ``output_names``, ``mutable_slots``, ``unnamed``: those that
            MXNet can tell.
            ``error`` holds its refusal, or ``crash``.
        """
        request = {"operator": operator, "attrs": dict(attrs), "inputs": inputs}
        answer = self._ask({"ask": "signature", **request})
        if answer is None and inputs is not None:
            return self.outputs(operator, attrs, inputs)
        return {"error": "crash"} if answer is None else answer

    def outputs(self, operator: str, attrs: Mapping[str, str], inputs: int) -> dict[str, Any]:
        """Return what a loaded symbol tells of a signature: outputs and mutable slots."""
        request = {"operator": operator, "attrs": dict(attrs), "inputs": inputs}
        answer = self._ask({"ask": "outputs", **request})
        return {"error": "crash"} if answer is None else answer

    def close(self) -> None:
        """End the child."""
        if self._child is None:
            return
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()
        self._child = None

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        if self._child is None:
            self._child = self._start()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        answered, _, _ = select.select([self._child.stdout], [], [], _PATIENCE)
        line = self._child.stdout.readline() if answered else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._child.kill()
        self._child.wait()
        self._child = None
        return None

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        environment = dict(os.environ, MXNET_SUBGRAPH_BACKEND="NONE", OMP_NUM_THREADS="1")
        child = subprocess.Popen(
            [sys.executable, "-m", "graphpass.ops.dump.prober"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("MXNet 1.9.1 can't be imported (the `mxnet` extra; Python < 3.12)")
        return child


@contextmanager
def prober() -> Iterator[Prober]:
    """Yield a `Prober` and end its child afterwards."""
    asking = Prober()
    try:
        yield asking
    finally:
        asking.close()


# -- the child -------------------------------------------------------------------------------------


class Library:
    """MXNet, asked about operators."""

    def __init__(self) -> None:
        import mxnet
        from mxnet.base import _LIB, check_call

        self._mxnet = mxnet
        self._lib = _LIB
        self._check = check_call
        self._variables = [mxnet.sym.var(f"v{index}") for index in range(_TOO_MANY)]

    def answer(self, request: Mapping[str, Any]) -> Answer:
        """Answer one request; its `ask` is operators, create, signature or outputs."""
        if request["ask"] == "operators":
            return self._operators()
        if request["ask"] == "outputs":
            return self._outputs(request["operator"], request["attrs"], request["inputs"])
        try:
            self._create(request["operator"], request["attrs"])
        except (self._mxnet.MXNetError, UnicodeDecodeError) as error:
            return {"error": str(error)}
        if request["ask"] == "create":
            return {"error": None}
        return self._signature(request["operator"], request["attrs"], request["inputs"])

    def _operators(self) -> Answer:
        names: dict[int, list[str]] = {}
        for name in self._all_names():
            names.setdefault(self._handle(name), []).append(name)
        creators = ctypes.POINTER(ctypes.c_void_p)()
        count = ctypes.c_uint()
        self._check(
            self._lib.MXSymbolListAtomicSymbolCreators(ctypes.byref(count), ctypes.byref(creators))
        )
        operators = {}
        for index in range(count.value):
            handle = creators[index]
            name, info = self._info(handle)
            info["aliases"] = sorted(other for other in names.get(handle, []) if other != name)
            operators[name] = info
        return {"mxnet": self._mxnet.__version__, "operators": operators}

    def _all_names(self) -> list[str]:
        count = ctypes.c_uint()
        names = ctypes.POINTER(ctypes.c_char_p)()
        self._check(self._lib.MXListAllOpNames(ctypes.byref(count), ctypes.byref(names)))
        return [_text(names[index]) for index in range(count.value)]

    def _handle(self, name: str) -> int:
        handle = ctypes.c_void_p()
        self._check(self._lib.NNGetOpHandle(name.encode(), ctypes.byref(handle)))
        return handle.value or 0

    def _info(self, handle: int) -> tuple[str, Answer]:
        name, description, key, result = (ctypes.c_char_p() for _ in range(4))
        count = ctypes.c_uint()
        arguments, types, texts = (ctypes.POINTER(ctypes.c_char_p)() for _ in range(3))
        self._check(
            self._lib.MXSymbolGetAtomicSymbolInfo(
                ctypes.c_void_p(handle),
                *map(
                    ctypes.byref, (name, description, count, arguments, types, texts, key, result)
                ),
            )
        )
        documented = {_text(arguments[i]): _text(types[i]) for i in range(count.value)}
        return _text(name.value), {
            "documented": documented,
            "key_var_num_args": _text(key.value) or None,
        }

    def _create(self, operator: str, attrs: Mapping[str, str]) -> ctypes.c_void_p:
        created = ctypes.c_void_p()
        keys = (ctypes.c_char_p * len(attrs))(*(key.encode() for key in attrs))
        texts = (ctypes.c_char_p * len(attrs))(*(text.encode() for text in attrs.values()))
        self._check(
            self._lib.MXSymbolCreateAtomicSymbol(
                ctypes.c_void_p(self._handle(operator)),
                ctypes.c_uint(len(attrs)),
                keys,
                texts,
                ctypes.byref(created),
            )
        )
        return created

    def _compose(self, operator: str, attrs: Mapping[str, str], inputs: int) -> Any:
        handle = self._create(operator, attrs)
        handles = [variable.handle for variable in self._variables[:inputs]]
        array = (ctypes.c_void_p * inputs)(*(getattr(h, "value", h) for h in handles))
        self._check(
            self._lib.MXSymbolCompose(handle, _NAME.encode(), ctypes.c_uint(inputs), None, array)
        )
        return self._mxnet.sym.Symbol(handle)

    def _signature(self, operator: str, attrs: Mapping[str, str], inputs: int | None) -> Answer:
        answer: Answer = {}
        try:
            self._compose(operator, attrs, _TOO_MANY)
            answer["num_inputs"] = None
        except self._mxnet.MXNetError as error:
            found = re.search(r"requires (\d+), provided", str(error))
            if found:
                answer["num_inputs"] = int(found[1])
        if inputs is None:
            inputs = answer.get("num_inputs")
        if inputs is None:
            return answer
        if answer.get("num_inputs"):
            answer.update(self._names(operator, attrs))
        answer.update(self._outputs(operator, attrs, inputs))
        return answer

    def _names(self, operator: str, attrs: Mapping[str, str]) -> Answer:
        try:
            symbol = self._compose(operator, attrs, 0)
        except self._mxnet.MXNetError:
            return {"input_names": None}
        nodes = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]
        variables = [nodes[entry[0]] for entry in nodes[-1]["inputs"]]
        initializers = {
            slot: variable["attrs"]["__init__"]
            for slot, variable in enumerate(variables)
            if "__init__" in variable.get("attrs", {})
        }
        names = [variable["name"].removeprefix(_NAME + "_") for variable in variables]
        unnamed = names == ["data"] and not self._adds_missing(operator, attrs)
        return {"input_names": names, "initializers": initializers, "unnamed": unnamed}

    def _adds_missing(self, operator: str, attrs: Mapping[str, str]) -> bool:
        """Return whether MXNet adds the input that an old file leaves out, so has a name for it.

        When it composes, it calls the one input of an operator without names `data` all the same.
        """
        node = {"op": operator, "name": _NAME, "attrs": dict(attrs), "inputs": []}
        graph = {"nodes": [node], "arg_nodes": [], "heads": [[0, 0]]}
        return bool(self._mxnet.sym.load_json(json.dumps(graph)).list_arguments())

    def _outputs(self, operator: str, attrs: Mapping[str, str], inputs: int) -> Answer:
        symbol = self._load(operator, attrs, inputs, heads=1)
        rows = json.loads(symbol.tojson(remove_amp_cast=False))["node_row_ptr"]
        total = rows[-1] - rows[-2]
        states = symbol.list_auxiliary_states()
        answer: Answer = {
            "num_outputs": total,
            "num_visible_outputs": 0,
            "output_names": [],
            "mutable_slots": sorted(int(name[1:]) for name in states),
        }
        if total:
            visible = symbol.get_internals().list_outputs()
            names = self._load(operator, attrs, inputs, heads=total).list_outputs()
            answer["num_visible_outputs"] = len(visible) - inputs
            answer["output_names"] = [name.removeprefix(_NAME + "_") for name in names]
        return answer

    def _load(self, operator: str, attrs: Mapping[str, str], inputs: int, heads: int) -> Any:
        nodes: list[Answer] = [
            {"op": "null", "name": f"v{slot}", "inputs": []} for slot in range(inputs)
        ]
        entries = [[slot, 0, 0] for slot in range(inputs)]
        nodes.append({"op": operator, "name": _NAME, "attrs": dict(attrs), "inputs": entries})
        graph = {
            "nodes": nodes,
            "arg_nodes": list(range(inputs)),
            "heads": [[inputs, index, 0] for index in range(heads)],
            "attrs": {"mxnet_version": ["int", _VERSION]},
        }
        return self._mxnet.sym.load_json(json.dumps(graph))


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8")


def _serve() -> None:
    """Answer requests until standard input ends; MXNet's own prints go nowhere."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    library = Library()
    replies.write("ready\n")
    replies.flush()
    for line in sys.stdin:
        replies.write(json.dumps(library.answer(json.loads(line))) + "\n")
        replies.flush()


if __name__ == "__main__":
    _serve()
