"""Times `check` of one program as people run it: the whole command, start of Python included.

python -m benchmarks.check [--program apparel-sprint-rebate] [--runs 15]

Prints the median, least and largest wall and processor seconds of `check`, with and without `--curve`,
beside those of a bare start of Python and of importing what reads YAML and expressions: on a shared
machine the ratio to these says more than the seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

#: What `check` may take as a whole process.
MOST_SECONDS = 0.3


def timed(command: list[str]) -> tuple[float, float]:
    """Return the wall and processor seconds of a command run as a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="apparel-sprint-rebate")
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    cogrow = str(Path(sys.executable).parent / "cogrow")
    commands = {
        "check": [cogrow, "check", given.program],
        "check --curve": [cogrow, "check", given.program, "--curve"],
        "bare Python": [sys.executable, "-c", "pass"],
        "import pydantic, yaml, lark": [sys.executable, "-c", "import pydantic.main, yaml, lark"],
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for run in range(given.runs + 1):
        for name, command in commands.items():
            found = timed(command)
            results[name] += [found] if run else []
    cores, system = os.cpu_count(), platform.platform(terse=True)
    print(f"{cores} cores, {system}, Python {platform.python_version()}; {given.program}")
    print(f"{'':30}{'median s':>9}{'min':>7}{'max':>7}{'cpu s':>8}")
    for name, runs in results.items():
        walls, cpu = [wall for wall, _ in runs], statistics.median(cpu for _, cpu in runs)
        shown = f"{statistics.median(walls):9.2f}{min(walls):7.2f}{max(walls):7.2f}{cpu:8.2f}"
        print(f"{name:30}{shown}")
    print(f"check may take {MOST_SECONDS} s")


if __name__ == "__main__":
    main()
