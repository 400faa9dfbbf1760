"""What export makes of real networks, judged by ONNX's checker, ONNX Runtime and MXNet.

    python tests/support/onnx_networks.py CORPUS FOLDER... > networks.jsonl

prints a line of JSON for each network: ``equal``, ``different``, ``not proved``, ``refused`` with
the reason, or ``not run`` where MXNet itself does not run it. Each is judged in a process of its
own, since MXNet ends its process on some graphs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from real_networks import Network, draw, networks

import graphpass
from graphpass.errors import GraphpassError

__all__ = ["judge", "look"]

_SECONDS = 600


def judge(network: Network, opset: int | None = None) -> dict[str, Any]:
    """Export one network, and say how it went."""
    import onnx

    from graphpass.lowering.verify import verify_file

    start = time.process_time()
    found: dict[str, Any] = {"network": network.name}
    model, fed = draw(graphpass.load(network.path), network)
    shapes = {name: tuple(array.shape) for name, array in fed.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            graphpass.export(model, path, inputs=shapes, opset=opset)
        except GraphpassError as error:
            return found | {"verdict": "refused", "reason": str(error)}
        found["export"] = round(time.process_time() - start, 2)
        try:
            onnx.checker.check_model(str(path), full_check=True)
        except Exception as error:
            return found | {"verdict": "invalid", "reason": str(error)[:500]}
        try:
            result = verify_file(model, path, inputs=fed)
        except GraphpassError as error:
            return found | {"verdict": "not run", "reason": str(error)[:500]}
    return found | {"verdict": result.verdict, "reason": str(result)[:2000]}


def look(corpus: Path, network: Network) -> dict[str, Any]:
    """Judge a network in a child."""
    command = [sys.executable, "-W", "ignore", __file__, str(corpus), "--one", str(network.path)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"network": network.name, "verdict": "timeout", "reason": f"{_SECONDS} s"}
    lines = ended.stdout.splitlines()
    if ended.returncode or not lines:
        reason = f"exit code {ended.returncode}: {ended.stderr[-800:]}"
        return {"network": network.name, "verdict": "crash", "reason": reason}
    line: dict[str, Any] = json.loads(lines[-1])
    return line


def main() -> None:
    corpus, *words = sys.argv[1:]
    if words[0] == "--one":
        folder = Path(words[1]).relative_to(corpus).parts[0]
        [network] = [each for each in networks(Path(corpus), folder) if str(each.path) == words[1]]
        print(json.dumps(judge(network)))
        return
    for folder in words:
        for network in networks(Path(corpus), folder):
            print(json.dumps(look(Path(corpus), network)), flush=True)


if __name__ == "__main__":
    main()
