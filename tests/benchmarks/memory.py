"""Anonymous memory of the commands on a pair of 4 GB, and a table of it.

    python tests/benchmarks/memory.py [FOLDER] [GIGABYTES]

The pair is made in FOLDER, of arrays that are holes in files. Each command runs in a process of its
own, whose ``RssAnon`` (``/proc/PID/status``) is read a hundred times a second. What is mapped from
files does not count, since the kernel takes it back whenever it likes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import graphpass
from graphpass.formats.text import parse_graph

LAYERS, WIDTH = 16, 8192

COMMANDS = {
    "show": ["show", "MODEL"],
    "rename": ["apply", '{rename: {map: {x0: image}}}', "MODEL", "-o", "OUT"],
    "siamese": ["apply", "siamese", "MODEL", "-o", "OUT"],
    "prune": ["apply", "prune", "MODEL", "-o", "OUT"],
    "optimize-for-inference": ["apply", "optimize-for-inference", "MODEL", "-o", "OUT"],
}  # fmt: skip


def make(prefix: Path, gigabytes: float) -> None:
    """Write a chain of dense layers and norms, whose weights are zeros that take no space."""
    width = int(WIDTH * (gigabytes / 4) ** 0.5) // 8 * 8
    lines = ["x0 = variable()"]
    for layer in range(LAYERS):
        names = [f"{part}{layer}" for part in ("w", "b", "gamma", "beta", "mean", "var")]
        lines += [f"{name} = variable()" for name in names]
        lines += [
            f"fc{layer} = FullyConnected(x{layer}, {names[0]}, {names[1]}, num_hidden={width})",
            f"x{layer + 1} = BatchNorm(fc{layer}, {', '.join(names[2:])}, fix_gamma=False)",
        ]
    model = graphpass.Model(parse_graph("\n".join([*lines, f"return x{LAYERS}"])))
    weight = np.lib.stride_tricks.as_strided(np.zeros(1, "float32"), (width, width), (0, 0))
    for layer in range(LAYERS):
        for name in ("b", "gamma", "beta", "mean", "var"):
            state = "aux" if name in ("mean", "var") else "arg"
            model.parameters.set(f"{name}{layer}", np.ones(width, "float32"), state)
    parameters = model.parameters
    for layer in range(LAYERS):
        with TemporaryDirectory(dir=prefix.parent) as folder:
            file = Path(folder) / "weight"
            file.touch()
            with file.open("r+b") as holes:
                holes.truncate(weight.nbytes)
            parameters.set(
                f"w{layer}", np.memmap(file, "float32", "r", shape=(width, width)), "arg"
            )
    model.save(prefix, overwrite=True)


def anonymous(command: list[str]) -> tuple[float, float]:
    """Return the most anonymous memory that a command has at a time, in MiB, and its seconds."""
    begin, most = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "graphpass", *command], stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        most = max(most, int(found[1]) if found else 0)
        time.sleep(0.01)
    if process.wait():
        raise SystemExit(f"{command} failed")
    return most / 1024, time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd()
    gigabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    with TemporaryDirectory(dir=folder) as inside:
        model, out = Path(inside) / "model", Path(inside) / "out"
        make(model, gigabytes)
        size = Path(f"{model}-0000.params").stat().st_size / 2**30
        print(f"| command on {size:.2f} GiB of parameters | anonymous memory | time |")
        print("|---|---|---|")
        for name, words in COMMANDS.items():
            command = [{"MODEL": str(model), "OUT": str(out)}.get(word, word) for word in words]
            most, seconds = anonymous(command)
            print(f"| `{name}` | {most:.0f} MiB | {seconds:.0f} s |", flush=True)
            for path in Path(inside).glob("out*"):
                path.unlink()


if __name__ == "__main__":
    main()
