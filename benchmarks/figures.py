"""What benchmarks measured, kept as JSON: a report can be made of runs of different days."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.process import Took

#: What is measured, and what it is measured with.
PACKAGES = ("cogrow", "duckdb", "pyarrow", "pyspark")


@dataclass(frozen=True)
class Size:
    """Facts in a line: the name of their folder, order lines, merchants, bytes of all files."""

    name: str
    order_lines: int
    merchants: int
    bytes: int

    def __str__(self) -> str:
        lines, merchants = f"{self.order_lines:,} order lines", f"{self.merchants:,} merchants"
        return f"{lines}, {merchants}, {self.bytes / 1e9:.1f} GB"


@dataclass(frozen=True)
class Figures:
    """One benchmark: when, where and with what it ran, on which facts, every run by name as seconds,
    processor seconds and MB, and what it says besides.
    """

    benchmark: str
    day: str
    machine: str
    versions: Mapping[str, str]
    facts: list[Size]
    runs: Mapping[str, list[Took]]
    said: Mapping[str, Any] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        """Return the median of the wall seconds."""
        return statistics.median(run.seconds for run in self.runs[name])

    def processor(self, name: str) -> float:
        """Return the median of the processor seconds."""
        return statistics.median(run.processor for run in self.runs[name])

    def megabytes(self, name: str) -> float:
        """Return the peak memory of all runs."""
        return max(run.megabytes for run in self.runs[name])


def size(facts: Path) -> Size:
    """Return the size of sealed facts."""
    tables = json.loads((facts / "facts.json").read_text(encoding="utf-8"))["tables"]
    files = [file["size"] for table in tables.values() for file in table["files"]]
    rows = (tables["order_lines"]["rows"], tables["merchants"]["rows"])
    return Size(facts.name, *rows, sum(files))


def write(
    path: Path | None,
    benchmark: str,
    facts: Sequence[Path],
    runs: Mapping[str, Sequence[Took]],
    versions: Mapping[str, str] | None = None,
    **said: Any,
) -> None:
    """Keep what a benchmark measured, where a path is given."""
    if path is None:
        return
    found = Figures(
        benchmark,
        datetime.now(UTC).date().isoformat(),
        machine(),
        {**_versions(), **(versions or {})},
        [size(one) for one in facts],
        {name: list(took) for name, took in runs.items()},
        said,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Figures:
    """Return what a benchmark kept."""
    said = json.loads(path.read_text(encoding="utf-8"))
    runs = {name: [Took(*took) for took in found] for name, found in said["runs"].items()}
    return Figures(**{**said, "facts": [Size(**one) for one in said["facts"]], "runs": runs})


def machine() -> str:
    """Return processor, cores, memory and system in a line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {pages:.0f} GB, {platform.system()}"


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {**found, "commit": commit} if commit else found
