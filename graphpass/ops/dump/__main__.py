"""Write the operator table of the installed MXNet: ``python -m graphpass.ops.dump OUT.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from graphpass.ops.dump.prober import prober
from graphpass.ops.dump.table import collect, find_disagreements

__all__ = ["layout", "main"]


def main() -> None:
    """Write the table to the file that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m graphpass.ops.dump OUT.json")
    with prober() as asking:
        table = collect(asking)
        differing = find_disagreements(asking, table, draws=20)
    if differing:
        raise SystemExit("\n".join(["MXNet disagrees with the signatures:", *differing]))
    Path(sys.argv[1]).write_text(layout(table), encoding="utf-8")


def layout(table: dict[str, Any]) -> str:
    """Print one operator a line, so that a difference between two dumps can be read."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'), sort_keys=True)}"
        for name, record in table["operators"].items()
    ]
    body = ",\n".join(lines)
    return f'{{"mxnet": {json.dumps(table["mxnet"])}, "operators": {{\n{body}\n}}}}\n'


if __name__ == "__main__":
    main()
