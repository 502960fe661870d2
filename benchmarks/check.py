"""Times `check` of one program as people run it: the whole command, start of Python included.

python -m benchmarks.check [--program apparel-sprint-rebate] [--runs 15]

Prints the median, least and largest wall and processor seconds of `check`, with and without `--curve`,
beside those of a bare start of Python and of importing what reads YAML and expressions: on a shared
machine the ratio to these says more than the seconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.process import Took, compiled, machine, spread, timed

#: What `check` may take as a whole process.
MOST_SECONDS = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="apparel-sprint-rebate")
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    compiled()
    command = str(Path(sys.executable).parent / "cogrow")
    commands = {
        "check": [command, "check", given.program],
        "check --curve": [command, "check", given.program, "--curve"],
        "bare Python": [sys.executable, "-c", "pass"],
        "import click, yaml, lark": [sys.executable, "-c", "import click, yaml, lark"],
    }
    results: dict[str, list[Took]] = {name: [] for name in commands}
    for run in range(given.runs + 1):
        for name, words in commands.items():
            found = timed(words)
            results[name] += [found] if run else []
    print(f"{machine()}; {given.program}")
    print(f"{'':30}{'median s':>9}{'min':>7}{'max':>7}{'cpu s':>8}")
    for name, runs in results.items():
        cpu = statistics.median(run.processor for run in runs)
        print(f"{name:30}{spread(runs)}{cpu:8.2f}")
    print(f"check may take {MOST_SECONDS} s")


if __name__ == "__main__":
    main()
