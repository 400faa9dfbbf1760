"""Make the page that tells what ``optimize-for-inference`` does to the networks of a corpus.

    python tests/support/networks_page.py CORPUS > docs/networks.md

Findings are kept in a temporary folder, so that a run that was stopped goes on where it was; they
count as long as neither graphpass nor the corpus changes. Networks are taken in the order of their
names and all numbers are drawn with seeds, so a second run gives the same page.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import shorten

from real_controls import TOLERANCE
from real_findings import Finding, Refusal, find
from real_networks import FOLDERS, Network, networks

import graphpass

__all__ = ["page"]

INTRODUCTION = f"""\
# The shipped passes on real networks

[`optimize-for-inference`](passes.md#optimize-for-inference) was run on every symbol of a corpus:
trained networks, symbols from public repositories, exports of model zoos, and small networks that
six releases of MXNet wrote. The results were loaded in MXNet 1.9.1 and run beside the originals.
This page is what came of it. The corpus is not part of the project; the names are those of its
files. With it,

```bash
python tests/support/networks_page.py CORPUS > docs/networks.md
```

makes this page again, and `GRAPHPASS_CORPUS=CORPUS pytest -m slow tests/passes/test_corpus.py`
fails where a figure is not as it should be. Errors may differ in their last digit on another
processor.

Every parameter is drawn at random, as training might leave it, never as it is initialised: a gamma
is 1, -0.7, 0.0001, 1.3 or 0.4, a moving variance lies between 0.3 and 2; means, shifts and biases
are normal. So are the inputs, except indices, lengths and labels, which are drawn from what they
may be. Where the shape of an input is not on record, it is the first of a few usual ones that MXNet
accepts.

- **error**: how far an output is from that of the original, at most, in parts of its largest
  number. It has to stay below {TOLERANCE:g}. To see that the outputs can tell right from wrong, the
  original was also run with every parameter moved up or down by 2 %.
- **parameters**: how many arrays there are.
- **multiply-adds**: those of one forward pass on inputs of the given shapes, as
  [`graphpass.shapes`](shapes.md) counts them.
- **BatchNorm left**: those that no layer could take up, by the operator that they read.
- **refused**: rules whose pattern was there and that did not apply, and at how many nodes; why, is
  told [below](#what-was-refused-and-why).
"""

HEADINGS = {
    "trained": "Trained networks",
    "wild": "From public repositories",
    "zoo": "From model zoos",
    "versions": "Written by six releases of MXNet",
}

DECIDED = f"""\
Detectors sort boxes and suppress some. Where two scores are close, rounding decides which comes
first, and a row of the output is another one. So where an output was moved, the original was run
once more, with every parameter moved up or down by one unit in the last place (2^-23 of it), then
by 2, 4, … units, until what is sorted or compared had moved as far as the pass moves it. An output
that this moves by {TOLERANCE:g} or more is listed here.

It is judged all the same. Every network with operators that sort, compare or round to whole numbers
was also run with the decisions of the original: there, each of them that has a name of its own
hands on what it did in the original, and what it read is compared, column by column, as the outputs
are.

ROIAlign of MXNet 1.9.1 on the CPU leaves memory as it was for a region of no image, which detectors
with a feature pyramid have. What they return would depend on where values are kept, so original and
result were both run with regions that are never negative.
"""


def page(findings: Sequence[Finding]) -> str:
    """Return the page, in Markdown."""
    compared = [each for each in findings if not each.left_out]
    parts = [INTRODUCTION, _summary(findings, compared)]
    for folder, heading in HEADINGS.items():
        own = [each for each in compared if each.name.startswith(f"{folder}/")]
        if own:
            rows = _releases(findings) if folder == "versions" else _networks(own, folder)
            parts.append(f"## {heading}\n\n{rows}")
    parts.append(f"## What was refused, and why\n\n{_refusals(compared)}")
    parts.append(f"## What rounding decides\n\n{_decided(compared)}")
    parts.append(f"## What was left out\n\n{_left_out(findings)}")
    return "\n".join(parts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    head, rule, *rest = (" | ".join(map(str, cells)) for cells in lines)
    texts = [f"| {head} |", f"|{rule.replace(' ', '')}|", *(f"| {each} |" for each in rest)]
    return "".join(f"{text}\n" for text in texts)


def _summary(findings: Sequence[Finding], compared: Sequence[Finding]) -> str:
    def named(names: Sequence[str]) -> str:
        return f"{len(names)}: {', '.join(names)}" if names else "0"

    gone = sum(each.before.operators - each.after.operators for each in compared)
    weakest = min((each.tells for each in compared if each.before != each.after), default=0.0)
    rows = [
        ("symbols", len(findings)),
        ("run by MXNet and compared", len(compared)),
        ("that differ", named([each.name for each in compared if each.differs])),
        ("largest error", f"{max(map(_error, compared), default=0.0):.0e}"),
        ("with outputs that [rounding decides](#what-rounding-decides)",
         sum(bool(each.decided_by_rounding) for each in compared)),
        ("of those that were changed, the smallest effect of moving parameters by 2 %",
         f"{weakest:.0e}"),
        ("with a BatchNorm behind a Convolution of its own",
         named([each.name for each in compared if each.behind])),
        ("operators that went", f"{gone} of {sum(each.before.operators for each in compared)}"),
        ("[left out](#what-was-left-out)", len(findings) - len(compared)),
    ]  # fmt: skip
    texts = "".join(f"| {what} | {figure} |\n" for what, figure in rows)
    return f"## In short\n\n| | |\n|---|---|\n{texts}"


def _error(finding: Finding) -> float:
    """Return the largest error, with the decisions of the original where rounding makes others."""
    decided_by_rounding = set(finding.decided_by_rounding)
    found = [e for n, e in enumerate(finding.errors) if n not in decided_by_rounding]
    return max([*found, *(finding.same_decisions if decided_by_rounding else ())], default=0.0)


def _networks(findings: Iterable[Finding], folder: str) -> str:
    columns = ("network", "nodes", "operators", "parameters", "multiply-adds", "error",
               "BatchNorm left", "refused")  # fmt: skip
    return _table(columns, (_network(each, folder) for each in findings))


def _network(finding: Finding, folder: str) -> list[str]:
    before, after = finding.before, finding.after
    name = finding.name.removeprefix(f"{folder}/").removesuffix(".json").removesuffix("-symbol")
    shapes = [shape for name, shape in finding.inputs.items() if "label" not in name]
    error = _small(_error(finding))
    if count := len(finding.decided_by_rounding):
        outputs = f"{count} of {len(finding.errors)} outputs decided by rounding"
        error = f"{error}; [{outputs}](#what-rounding-decides)"
    refused: Counter[str] = Counter()
    for refusal in finding.refusals:
        refused[refusal.rule] += refusal.count
    return [
        f"{_escaped(name)}<br>{', '.join('x'.join(map(str, shape)) for shape in shapes)}",
        _arrow(before.nodes, after.nodes),
        _arrow(before.operators, after.operators),
        _arrow(before.parameters, after.parameters),
        _arrow(_large(before.multiply_adds), _large(after.multiply_adds)),
        error,
        _counts(finding.norms),
        _counts(refused),
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _arrow(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} → {after}"


def _small(error: float) -> str:
    return "0" if error == 0 else f"{error:.0e}"


def _large(count: int | None) -> str:
    """Return a count with four digits: in millions, or in thousand millions."""
    if count is None:
        return "unknown"
    size, unit = (count / 1e9, " G") if count >= 1e9 else (count / 1e6, " M")
    digits = 3 - math.floor(math.log10(size)) if size >= 1 else 3
    return f"{size:.{max(0, digits)}f}{unit}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*").replace("<", "&lt;")


def _version(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _releases(findings: Iterable[Finding]) -> str:
    by_release: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        if each.name.startswith("versions/"):
            by_release[each.name.split("/")[1]].append(each)
    rows = []
    for release in sorted(by_release, key=_version):
        own = [each for each in by_release[release] if not each.left_out]
        norms: Counter[str] = Counter()
        for each in own:
            norms.update(each.norms)
        sums = [
            _arrow(*(sum(getattr(size, part) for size in sizes) for sizes in (
                [each.before for each in own], [each.after for each in own])))
            for part in ("nodes", "operators", "parameters")
        ]  # fmt: skip
        error = _small(max(map(_error, own), default=0.0))
        counts = (len(by_release[release]), len(own))
        rows.append([release, *counts, *sums, error, _counts(dict(sorted(norms.items())))])
    columns = ("release", "symbols", "compared", "nodes", "operators", "parameters",
               "largest error", "BatchNorm left")  # fmt: skip
    return (
        "The same small programs, so far as a release can run them; sums over those that were "
        f"compared.\n\n{_table(columns, rows)}"
    )


def _refusals(compared: Iterable[Finding]) -> str:
    found: dict[tuple[str, str], list[tuple[Finding, Refusal]]] = defaultdict(list)
    for each in compared:
        for refusal in each.refusals:
            found[refusal.rule, refusal.part].append((each, refusal))
    rows = []
    for (rule, part), where in sorted(found.items()):
        finding, first = where[0]
        nodes = sum(refusal.count for _, refusal in where)
        count = len({finding.name for finding, _ in where})
        what = shorten(part, 60, placeholder=" …").replace("|", "\\|")
        example = f"{_escaped(first.reason)} ({_escaped(finding.name)})"
        rows.append((rule, f"`{what}`", nodes, count, example))
    return _table(("rule", "at", "nodes", "networks", "such as"), rows)


def _decided(compared: Iterable[Finding]) -> str:
    columns = ("network", "output", "moved by the pass", "by the last places",
               "error with the same decisions")  # fmt: skip
    rows = [
        (_escaped(each.name), n, _small(each.errors[n]), _small(each.control[n]),
         f"{_small(max(each.same_decisions, default=0))} ({len(each.same_decisions)} columns)")
        for each in compared
        for n in each.decided_by_rounding
    ]  # fmt: skip
    return f"{DECIDED}\n{_table(columns, rows)}"


def _left_out(findings: Iterable[Finding]) -> str:
    """Return a table of the networks by reason, the same network of several releases once."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in findings:
        if each.left_out:
            folder, _, rest = each.name.partition("/")
            release, _, name = rest.partition("/")
            if folder == "versions":
                groups[f"versions/…/{name}", each.left_out].append(release)
            else:
                groups[each.name, each.left_out] = []
    rows = []
    for (name, reason), releases in groups.items():
        of = f" ({', '.join(sorted(releases, key=_version))})" if releases else ""
        rows.append((f"{_escaped(name)}{of}", _escaped(reason)))
    return _table(("network", "why"), rows)


def _findings(corpus: Path, cache: Path, jobs: int) -> Iterator[Finding]:
    def finding(network: Network) -> Finding:
        kept = cache / f"{hashlib.sha256(network.name.encode()).hexdigest()[:16]}.json"
        if not kept.exists():
            start = time.monotonic()
            kept.write_text(find(corpus, network).to_json())
            print(f"{network.name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
        return Finding.of_json(kept.read_text())

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(finding, [each for name in FOLDERS for each in networks(corpus, name)])


def _cache(corpus: Path) -> Path:
    """Return a folder for findings, another one if graphpass, this code or the corpus changes."""
    digest = hashlib.sha256()
    package = Path(graphpass.__file__).parent
    for folder in (package, Path(__file__).parent, corpus):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".yaml", ".json", ".params"):
                digest.update(f"{path.relative_to(folder)}\0".encode())
                digest.update(path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"graphpass-networks-{digest.hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    return folder


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path, help="the folder of networks")
    parser.add_argument("--jobs", type=int, default=1, help="networks to run at the same time")
    chosen = parser.parse_args()
    cache = _cache(chosen.corpus)
    print(f"findings are kept in {cache}", file=sys.stderr)
    sys.stdout.write(page(list(_findings(chosen.corpus, cache, chosen.jobs))))


if __name__ == "__main__":
    main()
