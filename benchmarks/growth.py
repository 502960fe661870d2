"""Times `earn` of one program and of the whole library on facts of several sizes: how time grows with lines.

python -m benchmarks.growth --facts DIR DIR … [--runs 5] [--only program library] [--memory 6GB] [--json FILE]

Every run is a process of its own that computes from the facts alone. Prints medians and peak memory, and the
exponent of a power of the order lines that fits the medians best: 1 where time grows as the lines do. It
does so for the times as they are, and without the start: what a run takes on hardly any facts.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import figures
from benchmarks.earn import PERIOD, PROGRAM
from benchmarks.process import Took, compiled, machine, median, peak, spread, timed

#: Too few order lines to take time, enough for programs to find somebody.
HARDLY_ANY = 20_000
WHAT = ("program", "library")
#: Beyond this nothing is shared, and the library is another one (`engines/scans/share.py`).
MOST_FOR_LIBRARY = 60_000_000


def exponent(lines: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent that fits best: the slope of a straight line through the logarithms."""
    xs, ys = ([math.log(value) for value in values] for values in (lines, seconds))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    together = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return together / sum((x - mean_x) ** 2 for x in xs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, nargs="+", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=WHAT, default=list(WHAT))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if len(given.facts) < 2:
        parser.error("name facts of two sizes or more")
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work))


def command(what: str, facts: Path, given: argparse.Namespace, work: Path) -> list[str]:
    """Return what computes one program, or the library in a period of each, from the facts alone."""
    limits = ["--facts", str(facts), "--threads", str(given.threads), "--memory", given.memory]
    if what == "library":
        library = [sys.executable, "-m", "benchmarks.library", "--only", "shared"]
        return [*library, *limits, "--out", str(work / "library")]
    cogrow = str(Path(sys.executable).parent / "cogrow")
    earn = [cogrow, "earn", PROGRAM, "--period", PERIOD, "--no-rollups"]
    return [*earn, *limits, "--out", str(work / "out")]


def report(given: argparse.Namespace, work: Path) -> None:
    """Run everything in turn and print medians and exponents."""
    hardly = work / "hardly"
    cogrow = str(Path(sys.executable).parent / "cogrow")
    made = [cogrow, "simulate", "--out", str(hardly), "--lines", str(HARDLY_ANY)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sizes = {facts: figures.size(facts).order_lines for facts in (hardly, *given.facts)}
    runs_of = [
        (what, facts, lines)
        for what in given.only
        for facts, lines in sizes.items()
        if what != "library" or lines <= MOST_FOR_LIBRARY
    ]
    results: dict[str, list[Took]] = {f"{what}, {lines}": [] for what, _, lines in runs_of}
    for _ in range(given.runs):
        for what, facts, lines in runs_of:
            results[f"{what}, {lines}"].append(timed(command(what, facts, given, work)))
    print(f"{machine()}, {given.threads} threads, {given.memory}")
    print(f"{'':28}{'median s':>9}{'min':>7}{'max':>7}{'peak MB':>9}")
    for name, runs in results.items():
        print(f"{name:28}{spread(runs)}{peak(runs)}")
    grows: dict[str, float] = {}
    without: dict[str, float] = {}
    large: dict[str, list[int]] = {}
    for what in given.only:
        start = median(results[f"{what}, {HARDLY_ANY}"])
        found = [lines for one, _, lines in runs_of if one == what and lines != HARDLY_ANY]
        if len(found) > 1:
            seconds = [median(results[f"{what}, {lines}"]) for lines in found]
            large[what], grows[what] = found, exponent(found, seconds)
            without[what] = exponent(found, [one - start for one in seconds])
            print(
                f"{what}: time grows with the lines to the power of {grows[what]:.2f},"
                f" without the start {without[what]:.2f}"
            )
    limits = {"threads": given.threads, "memory": given.memory}
    more = {"exponents": grows, "without_start": without}
    said = {"lines": large, "start": HARDLY_ANY, **more, **limits}
    figures.write(given.json, "growth", given.facts, results, **said)


if __name__ == "__main__":
    main()
