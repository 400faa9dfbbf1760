"""A process of its own for calls that may end it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from typing import IO, Any

from graphpass.errors import BackendError, GraphpassError

__all__ = ["Child", "serve"]

_COMMAND = "from graphpass.verify.child import serve; serve()"

_SECONDS_TO_END = 5


class Child:
    """Runs `graphpass.verify.mxnet_calls` in a child process, which starts at the first call.

    If a call ends the process, it raises a `BackendError`, and the next call starts another one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None

    def call(self, name: str, *arguments: Any) -> Any:
        """Make a call in the child and return its result.

        Raises
        ------
        BackendError
            As the call itself, and if the process ends in it.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((name, arguments), process.stdin, protocol=5)
            process.stdin.flush()
            failed, value = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise BackendError(self._obituary(process)) from None
        if failed:
            raise BackendError(value)
        return value

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What is left in the buffer has no reader any more.
                try:
                    pipe.close()
                except OSError:
                    continue
        process.kill()
        process.wait()
        if self._said is not None:
            self._said.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process

    def _obituary(self, process: subprocess.Popen[bytes]) -> str:
        """Return how the process ended, and see it off."""
        try:
            code = process.wait(timeout=_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            code = 0
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = self._said.read().decode("utf-8", "replace")
        self.close()
        return (
            f"the process that runs MXNet ended ({_cause(code, said)}); MXNet checks little of "
            "what it is given, so the graph may be malformed: see what `graphpass check` says of it"
        )


def serve() -> None:
    """Answer calls from standard input until it ends, whatever is printed meanwhile."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    from graphpass.verify.mxnet_calls import call

    while True:
        try:
            name, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = (False, call(name, *arguments))
        except GraphpassError as error:
            answer = (True, str(error))
        pickle.dump(answer, answers, protocol=5)
        answers.flush()


def _cause(code: int, said: str) -> str:
    """Return the reason in words. MXNet itself catches signals and exits with 255."""
    for line in said.splitlines():
        if "Segmentation fault" in line or "Bus error" in line or "Fatal Error" in line:
            return line.strip()
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    last = said.strip().splitlines()[-1:] or [f"exit code {code}"]
    return last[0].strip()
