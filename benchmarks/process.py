"""One command as a process of its own, facts to run it on, and the lines that say what runs of it took."""

from __future__ import annotations

import compileall
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cogrow


class Took(NamedTuple):
    """What a process took: wall and processor seconds, and its peak memory in MB."""

    seconds: float
    processor: float
    megabytes: float


def compiled() -> None:
    """Compile the package, as pip does when it installs: a checkout that may not is slower at every start."""
    compileall.compile_dir(Path(cogrow.__file__).parent, quiet=1)


def timed(command: list[str]) -> Took:
    """Return what a command took. Ends the benchmark where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def machine() -> str:
    """Return the machine in a line."""
    cores, system = os.cpu_count(), platform.platform(terse=True)
    return f"{cores} cores, {system}, Python {platform.python_version()}"


def median(runs: Sequence[Took]) -> float:
    """Return the median of the wall seconds."""
    return statistics.median(run.seconds for run in runs)


def spread(runs: Sequence[Took]) -> str:
    """Return the median, the least and the most wall seconds, to stand in a table."""
    seconds = [run.seconds for run in runs]
    return f"{median(runs):9.2f}{min(seconds):7.2f}{max(seconds):7.2f}"


def peak(runs: Sequence[Took]) -> str:
    """Return the peak memory in MB, to stand in a table."""
    return f"{max(run.megabytes for run in runs):9.0f}"


def linked(facts: Path, to: Path) -> Path:
    """Return a folder of the same files, by hard links where that goes, without roll-ups."""

    def link(source: str, copy: str) -> None:
        try:
            Path(copy).hardlink_to(source)
        except OSError:  # another disk
            shutil.copy2(source, copy)

    shutil.copytree(facts, to, ignore=shutil.ignore_patterns(".*"), copy_function=link)
    return to
