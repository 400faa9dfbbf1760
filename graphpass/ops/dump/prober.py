"""Ask MXNet about its operators, through a child process that may crash.

MXNet ends the process on some attribute values (division by zero, a wild pointer), and on others it
never returns; the prober then reports a crash and starts a new child for the next question.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["Prober", "prober"]

_PATIENCE = 3.0
"""Seconds to wait for an answer: some attribute values keep MXNet busy for hours."""


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
            [sys.executable, "-m", "graphpass.ops.dump.library"],
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
