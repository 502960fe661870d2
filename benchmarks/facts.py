"""Times conforming: order lines a second and peak memory, from canonical files or CSV to sealed facts.

python -m benchmarks.facts [--lines 10000000] [--runs 1] [--threads 2] [--memory 1400MB] [--csv] [--out DIR]

A simulated marketplace is read as if it came from outside: every row is converted, checked and written
again. Each run is a process of its own; imports are not timed, everything from the call to the sealed
folder is. With --csv the order lines, orders and refunds are CSV files.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from cogrow.embedded import Limits
from cogrow.simulator import simulate
from cogrow.sources.conform import conform

SEED = 2025
LARGE = ("order_lines", "orders", "refunds")


def one_run(source: Path, out: Path, limits: Limits) -> dict[str, float]:
    """Return seconds, peak memory and rows read of one conforming, here.

    `cpu` is what all threads computed together: where it is far below threads times `wall`, the
    machine was shared.
    """
    began, computed = time.perf_counter(), time.process_time()
    report = conform(source, out, limits)
    wall, cpu = time.perf_counter() - began, time.process_time() - computed
    # Kilobytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    rows = sum(table.read for table in report.tables.values())
    quarantined = sum(table.quarantined for table in report.tables.values())
    return {"wall": wall, "cpu": cpu, "peak": peak, "rows": rows, "quarantined": quarantined}


def in_a_process(source: Path, out: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Return what `one_run` measures, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.facts", "--one", str(source), str(out)]
    command += ["--memory", arguments.memory, "--threads", str(arguments.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def as_csv(folder: Path) -> None:
    """Turn the large tables of a folder into CSV files."""
    for table in LARGE:
        files = sorted((folder / table).glob("**/*.parquet")) or [folder / f"{table}.parquet"]
        names = ", ".join(f"'{file}'" for file in files)
        query = f"SELECT * FROM read_parquet([{names}], hive_partitioning = false)"
        duckdb.execute(f"COPY ({query}) TO '{folder / table}.csv' (HEADER)")
        for file in files:
            file.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory", default=Limits().memory)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--out", type=Path, help="where to work; a temporary folder by default")
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        limits = Limits(memory=arguments.memory, threads=arguments.threads)
        source, out = arguments.one
        print(json.dumps(one_run(source, out, limits)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.out) as name:
        source = Path(name) / "source"
        simulate(source, order_lines=arguments.lines, seed=SEED)
        if arguments.csv:
            as_csv(source)
        size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
        runs = [
            in_a_process(source, Path(name) / "facts", arguments) for _ in range(arguments.runs)
        ]
    wall, cpu = (statistics.median(run[name] for run in runs) for name in ("wall", "cpu"))
    rows, quarantined = runs[0]["rows"], runs[0]["quarantined"]
    kind = "CSV" if arguments.csv else "Parquet"
    print(
        f"{arguments.lines:,} order lines, {rows:,.0f} rows in all, {size / 1e6:,.0f} MB of {kind}"
    )
    speed = f"{rows / wall:,.0f} rows/s, {rows / cpu:,.0f} per core second"
    print(
        f"conformed in {wall:.1f} s ({cpu:.1f} s of cores): {speed}; {quarantined:,.0f} quarantined"
    )
    peak = max(run["peak"] for run in runs)
    print(f"peak memory {peak / 2**20:,.0f} MiB of {arguments.memory} allowed")


if __name__ == "__main__":
    main()
