"""Run cases of operators: ``python tests/support/onnx_case.py 17 40-52 box_nms -v --opset=19``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from onnx_cases import Case, cases

from graphpass.errors import GraphpassError


def chosen(words: list[str]) -> list[Case]:
    found = []
    for case in cases():
        for word in words or [""]:
            low, dash, high = word.partition("-")
            if word.isdigit():
                fits = case.number == int(word)
            elif dash and low.isdigit() and high.isdigit():
                fits = int(low) <= case.number <= int(high)
            else:
                fits = word.lower() in case.name.lower() or f'"op": "{word}"' in case.symbol
            if fits:
                found.append(case)
                break
    return found


def main() -> None:
    words = [each for each in sys.argv[1:] if not each.startswith("-")]
    asked = [each.partition("=")[2] for each in sys.argv if each.startswith("--opset=")]
    opset = int(asked[0]) if asked else None
    verbose = "-v" in sys.argv
    equal = 0
    todo = chosen(words)
    for case in todo:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            try:
                report = case.export(path, opset)
                said = case.differences(case.run(path)) or "equal"
                if verbose:
                    print(report.lowered.graph)
            except GraphpassError as error:
                said = f"refused: {error}"
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
        equal += said == "equal"
        if said != "equal" or verbose or len(todo) < 12:
            print(f"{case.number:3} {case.name}: {said}")
    print(f"{equal} of {len(todo)} equal")


if __name__ == "__main__":
    main()
