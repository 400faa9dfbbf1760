"""Write which release of MXNet first had what.

``python -m graphpass.ops.dump.releases OUT.json LIBRARY...`` writes the table. Each LIBRARY is the
``libmxnet.so`` of a wheel of the Python package index, one of every minor release from 0.9 to 1.9,
oldest first. None is imported: their C interface is asked, each in a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

__all__ = ["compare", "main"]

Registry = dict[str, tuple[str, list[str]]]
"""Name or alias of an operator -> its canonical name, and its attributes."""


def main() -> None:
    """Ask the libraries that the command line names, and write the table."""
    out, *libraries = sys.argv[1:]
    if not libraries:
        print(json.dumps(_ask(out)))
        return
    releases: dict[str, Registry] = {}
    for library in libraries:
        asked = subprocess.run(
            [sys.executable, "-m", __spec__.name, library],
            capture_output=True,
            check=True,
            text=True,
        )
        number, registry = json.loads(asked.stdout)
        releases[f"{number // 10000}.{number // 100 % 100}"] = registry
    lines = [f"{json.dumps(key)}: {json.dumps(names)}" for key, names in compare(releases).items()]
    Path(out).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _ask(library: str) -> tuple[int, Registry]:
    lib = ctypes.CDLL(library)
    number, count = ctypes.c_int(), ctypes.c_uint()
    names = ctypes.POINTER(ctypes.c_char_p)()
    if not hasattr(lib, "MXGetVersion") or lib.MXGetVersion(ctypes.byref(number)):
        number.value = 905  # 0.9 has no such function
    lib.MXListAllOpNames(ctypes.byref(count), ctypes.byref(names))
    registry: Registry = {}
    # The next call may put its answer where this one's is.
    for name in [names[index] or b"" for index in range(count.value)]:
        handle, text, size = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_uint()
        canonical = ctypes.c_char_p()
        keys, kinds, told = (ctypes.POINTER(ctypes.c_char_p)() for _ in range(3))
        lib.NNGetOpHandle(name, ctypes.byref(handle))
        lib.MXSymbolGetAtomicSymbolInfo(
            handle, *map(ctypes.byref, (canonical, text, size, keys, kinds, told, text, text))
        )
        attributes = [
            (keys[each] or b"").decode()
            for each in range(size.value)
            if not (kinds[each] or b"").lower().startswith((b"ndarray", b"symbol"))
        ]
        registry[name.decode()] = ((canonical.value or b"").decode(), attributes)
    return number.value, registry


def compare(releases: dict[str, Registry]) -> dict[str, list[str]]:
    """Return what each release but the first was the first to have, of what the last has.

    That is names and aliases, and attributes, written ``Operator.attribute``. A name counts from
    where it means the operator that it means today: ``_sample_uniform`` was another once.
    """
    order = list(releases)
    today = releases[order[-1]]
    found: dict[str, list[str]] = defaultdict(list)
    since: dict[str, int] = {}
    for name, (canonical, _) in today.items():
        since[name] = 0
        for at, release in enumerate(order):
            then = releases[release].get(name)
            if then is None or today.get(then[0], ("",))[0] != canonical:
                since[name] = at + 1
        if since[name]:
            found[order[since[name]]].append(name)
    for name, (canonical, attributes) in today.items():
        for key in attributes if name == canonical else ():
            # The scalar operators of 1.6 and before took any key, and looked at `scalar`.
            homes = [alias for alias, (meant, _) in today.items() if meant == canonical]
            at = min(since[home] for home in homes)
            if key == "is_int":
                continue
            while not any(key in releases[order[at]].get(home, ("", []))[1] for home in homes):
                at += 1
            if at > min(since[home] for home in homes):
                found[order[at]].append(f"{canonical}.{key}")
    return {release: sorted(found[release]) for release in order[1:]}


if __name__ == "__main__":
    main()
