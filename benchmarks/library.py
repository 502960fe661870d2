"""Times every program of the library in one run, from facts and from roll-ups, against bare queries.

python -m benchmarks.library --facts DIR [--runs 3] [--threads 2] [--memory 6GB] [--json FILE]

Every run is a process of its own, in turn: all programs in the marketplace's currency, each in a period of
the facts' last year, computed in one run and written as Parquet: each reading its facts alone, with shared
scans, building roll-ups (in a folder of their own), and reading those; the bare scan-and-group of
`benchmarks.earn`; and a bare join of lines to their orders, grouped by merchant, the least that a single
program over lines has to do. Prints medians, ratios and peak memory.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.earn import bare
from benchmarks.process import Took, compiled, machine, median, peak, spread, timed
from cogrow.cli import settle

if TYPE_CHECKING:
    from cogrow.facts import FactFiles
    from cogrow.period import Period
    from cogrow.programs.program import Program

JOIN_AND_GROUP = """
COPY (
SELECT o.merchant_id, sum(l.paid_minor) AS paid FROM {order_lines} l JOIN {orders} o USING (order_id)
GROUP BY 1 ORDER BY 1
) TO '{out}' (FORMAT parquet)
"""
CURRENCY = "CNY"
#: Simulated facts end with it; a program that ended before is computed in its own last year.
LAST_YEAR = 2025
SHARED, SCAN = "library, shared scans", "bare scan and group"
LIBRARY = ("alone", "shared", "first", "again")


def in_last_year(facts: FactFiles) -> list[tuple[Program, list[Period]]]:
    """Return the library's programs in the marketplace's currency, and the periods of their last year."""
    from cogrow.engines.batch.order import with_calendar
    from cogrow.operations.choose import library, programs

    found = []
    for one in programs(list(library()))[0]:
        if one.currency == CURRENCY:
            program = with_calendar(one, facts)
            known = program.schedule.periods()
            year = min(known[-1].start.year, LAST_YEAR)
            found.append((program, [period for period in known if period.start.year == year]))
    return found


def run_library(facts: Path, out: Path, threads: int, memory: str, only: str) -> None:
    """Compute and write every program; this is the whole of the process it runs in."""
    import shutil

    from cogrow.embedded import Limits
    from cogrow.engines.batch.prepare import Kept
    from cogrow.engines.run import running
    from cogrow.engines.scans import share
    from cogrow.operations.earn import finished, result_path, write
    from cogrow.sources.opening import open_facts

    if only == "alone":
        share.FEWEST = sys.maxsize
    if only == "first":
        shutil.rmtree(out / "rollups", ignore_errors=True)
    kept = Kept(out / "rollups", lambda *_: None) if only in ("first", "again") else None
    limits = Limits(memory=memory, threads=threads)
    opened, _ = open_facts(facts, out / "facts", limits, lambda *_: None)
    wanted = [(program, last[min(1, len(last) - 1)]) for program, last in in_last_year(opened)]
    for _ in finished(
        running(wanted, opened, limits, kept=kept),
        lambda ran: write(ran.table, out / result_path(ran.program, ran.period)),
    ):
        pass
    print(len(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--only", choices=(*LIBRARY, "scan", "join"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.only in LIBRARY:
        settle()
        run_library(given.facts, given.out, given.threads, given.memory, given.only)
        return
    if given.only:
        from benchmarks.earn import SCAN_AND_GROUP

        query = SCAN_AND_GROUP if given.only == "scan" else JOIN_AND_GROUP
        bare(query, given.facts, given.out / "bare.parquet", given.threads, given.memory)
        return
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work))


def report(given: argparse.Namespace, work: Path) -> None:
    """Run everything in turn and print the medians."""
    limits = ["--threads", str(given.threads), "--memory", given.memory, "--out", str(work)]
    me = [sys.executable, "-m", "benchmarks.library", "--facts", str(given.facts), *limits]
    names = {
        "library, each its own": "alone",
        SHARED: "shared",
        "library, first roll-ups": "first",
        "library, from roll-ups": "again",
        SCAN: "scan",
        "bare join and group": "join",
    }
    results: dict[str, list[Took]] = {name: [] for name in names}
    for _ in range(given.runs):
        for name, only in names.items():
            results[name].append(timed([*me, "--only", only]))
    print(f"{machine()}; facts {given.facts.name}")
    scan = median(results[SCAN])
    print(f"{'':28}{'median s':>9}{'min':>7}{'max':>7}{'× scan':>8}{'peak MB':>9}{'cpu s':>9}")
    for name, runs in results.items():
        processor = statistics.median(run.processor for run in runs)
        print(f"{name:28}{spread(runs)}{median(runs) / scan:8.2f}{peak(runs)}{processor:9.1f}")
    said = {"threads": given.threads, "memory": given.memory}
    figures.write(given.json, "library", [given.facts], results, **said)


if __name__ == "__main__":
    main()
