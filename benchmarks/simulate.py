"""Times the simulator: order lines a second on one core, the whole run with its Parquet, and peak memory.

python -m benchmarks.simulate [--lines 5000000] [--runs 5] [--core 0] [--out DIR]

Every run is a process of its own, pinned to one core where the system can, writing to an empty folder that
is removed afterwards. Imports are not timed, everything from the call to the finished folder is. `cpu` is
what the run itself computed: where it is well below `wall`, the core or the disk was shared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from cogrow.simulator import simulate

SEED = 2025


def one_run(out: Path, lines: int, core: int | None) -> dict[str, float]:
    """Return wall and processor seconds, peak memory and bytes written of one simulation, here."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    began, computed = time.perf_counter(), time.process_time()
    simulate(out, order_lines=lines, seed=SEED)
    wall, cpu = time.perf_counter() - began, time.process_time() - computed
    # Kilobytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {"wall": wall, "cpu": cpu, "peak": peak, "written": written}


def in_a_process(lines: int, core: int | None, beside: Path | None) -> dict[str, float]:
    """Return what `one_run` measures, in a fresh process and folder."""
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        command = [sys.executable, "-m", "benchmarks.simulate", "--lines", str(lines)]
        command += ["--one", str(Path(folder) / "facts")]
        command += ["--core", str(core)] if core is not None else []
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found


def processor() -> str:
    """Return what the machine calls its processor."""
    info = Path("/proc/cpuinfo")
    names = (
        [line for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    return names[0].partition(":")[2].strip() if names else platform.processor()


def main() -> None:
    """Print each run and the medians."""
    parser = argparse.ArgumentParser(description="Times the simulator.")
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=0 if hasattr(os, "sched_setaffinity") else None)
    parser.add_argument(
        "--out", type=Path, help="folder to write beside; the system's temporary one"
    )
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one_run(given.one, given.lines, given.core)))
        return
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, pyarrow {pa.__version__}")
    print(f"{given.lines:,} order lines, seed {SEED}, core {given.core}, medians of {given.runs}")
    runs = []
    for _ in range(given.runs):
        runs.append(in_a_process(given.lines, given.core, given.out))
        print(f"  wall {runs[-1]['wall']:.2f} s, cpu {runs[-1]['cpu']:.2f} s")
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    wall, cpu = (given.lines / middle[name] / 1e6 for name in ("wall", "cpu"))
    print(f"lines/s   {wall:.2f} million (of processor time {cpu:.2f})")
    print(f"peak      {middle['peak'] / 2**20:,.0f} MB")
    print(
        f"written   {middle['written'] / 2**20:,.0f} MB, {middle['written'] / given.lines:.0f} bytes a line"
    )


if __name__ == "__main__":
    main()
