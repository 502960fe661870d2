"""Times `earn` against what people do today: the same program as a pandas script and as a Polars script.

python -m benchmarks.today --facts DIR [--runs 5] [--python PYTHON] [--memory 1400MB] [--json FILE]

Every run is a process of its own, in turn: earn from the facts alone and from roll-ups, and the scripts of
`benchmarks/todays`. Each reads the Parquet and writes what every merchant earned, which is compared to the
cent. Prints medians, ratios and peak memory. PYTHON is the interpreter that has pandas and Polars, where this
one has not: they are no dependencies of cogrow.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import figures
from benchmarks.earn import PERIOD, PROGRAM, same_result
from benchmarks.process import Took, compiled, linked, machine, median, peak, spread, timed

SCRIPTS = Path(__file__).parent / "todays"
FROM_FACTS, KEPT, PANDAS, POLARS = "earn, from the facts", "earn, from roll-ups", "pandas", "Polars"

ASKED = "import json, pandas, polars, pyarrow; print(json.dumps([pandas.__version__, polars.__version__]))"


def versions_in(python: str) -> dict[str, str]:
    """Return the versions of pandas and Polars; end the benchmark where they are missing."""
    done = subprocess.run([python, "-c", ASKED], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{python} has no pandas, Polars or pyarrow. Make a Python that has them and name it:\n"
            "  python3 -m venv today && today/bin/pip install pandas polars pyarrow\n"
            "  python -m benchmarks.today --python today/bin/python …"
        )
    return dict(zip(("pandas", "Polars"), json.loads(done.stdout), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--memory", default="1400MB")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    versions = versions_in(given.python)
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work), versions)


def report(given: argparse.Namespace, work: Path, versions: dict[str, str]) -> None:
    """Run everything in turn, compare the amounts and print the medians."""
    facts = linked(given.facts, work / "facts")
    cogrow = str(Path(sys.executable).parent / "cogrow")
    earn = [cogrow, "earn", PROGRAM, "--facts", str(facts), "--period", PERIOD]
    earn += ["--memory", given.memory, "--out", str(work / "out")]
    commands = {FROM_FACTS: [*earn, "--no-rollups"], KEPT: earn}
    for name in (PANDAS, POLARS):
        script = SCRIPTS / f"{name.lower()}_script.py"
        commands[name] = [given.python, str(script), str(facts), str(work / f"{name}.parquet")]
    results: dict[str, list[Took]] = {name: [] for name in commands}
    for run in range(given.runs + 1):
        for name, command in commands.items():
            if name in (FROM_FACTS, KEPT):
                shutil.rmtree(work / "out", ignore_errors=True)
            took = timed(command)
            results[name] += [took] if run else []  # the first builds the roll-ups
    earned = work / "out" / PROGRAM / f"{PERIOD}.parquet"
    for name in (PANDAS, POLARS):
        paid, amount = same_result(earned, work / f"{name}.parquet")
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"{machine()}, {said}; facts {given.facts.name}")
    print(f"{paid:,} merchants paid {amount / 100:,.2f}, the same to the cent by both scripts")
    ours = results[FROM_FACTS]
    print(f"{'':28}{'median s':>9}{'min':>7}{'max':>7}{'× earn':>8}{'peak MB':>9}")
    for name, runs in results.items():
        print(f"{name:28}{spread(runs)}{median(runs) / median(ours):8.2f}{peak(runs)}")
    figures.write(
        given.json, "today", [given.facts], results, versions, paid=paid, memory=given.memory
    )


if __name__ == "__main__":
    main()
