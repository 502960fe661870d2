"""Runs the benchmarks and writes what they say as Markdown with a plot.

python -m benchmarks.report --facts10 DIR --facts50 DIR --facts200 DIR [--runs 5] [--only program today …]
    [--python PYTHON] [--figures DIR] [--out FILE]

Every part keeps its figures as JSON in the folder of figures and is run only where its facts are given; the
report is made of all figures that are there, whatever day they are of. Without facts it is only written anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figures, read
from benchmarks.picture import draw
from benchmarks.table import markdown, verdicts

HERE = Path(__file__).parent
#: The parts of a report: the benchmark of each, and the facts it runs on.
PARTS = {
    "program": ("earn", ("facts50",)),
    "library": ("library", ("facts50",)),
    "daily": ("daily", ("facts50",)),
    "growth": ("growth", ("facts10", "facts50", "facts200")),
    "spark": ("spark", ("facts10",)),
    "today": ("today", ("facts50",)),
}
#: A whole year again and again takes long, and says the same each time.
RUN_ONCE = {"daily"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("facts10", "facts50", "facts200"):
        parser.add_argument(f"--{name}", type=Path, help=f"{name[5:]} million order lines")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--python", default=sys.executable, help="one with pandas and Polars")
    parser.add_argument("--figures", type=Path, default=HERE / "figures")
    parser.add_argument("--out", type=Path, default=HERE / "report.md")
    given = parser.parse_args()
    for part in given.only:
        run(part, given)
    found = figures_in(given.figures)
    if not found:
        raise SystemExit(f"no figures in {given.figures}; name facts to run the benchmarks on")
    picture = given.out.with_suffix(".svg")
    given.out.write_text(markdown(found, picture.name), encoding="utf-8")
    picture.write_text(draw(found, verdicts(found)), encoding="utf-8")
    print(f"→ {given.out}, {picture.name}")


def run(part: str, given: argparse.Namespace) -> None:
    """Run one part of the report, if there are facts for it."""
    benchmark, wanted = PARTS[part]
    facts = [path for name in wanted if (path := getattr(given, name)) is not None]
    if len(facts) < min(2, len(wanted)):
        return  # growth needs two sizes
    print(f"\n== {part}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--facts", *map(str, facts)]
    command += ["--json", str(given.figures / f"{part}.json")]
    command += [] if part in RUN_ONCE else ["--runs", str(given.runs)]
    command += ["--python", given.python] if part == "today" else []
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"{part} failed; what other parts kept is in {given.figures}")


def figures_in(folder: Path) -> dict[str, Figures]:
    """Return the figures that are kept, by the part they are of."""
    paths = {part: folder / f"{part}.json" for part in PARTS}
    return {part: read(path) for part, path in paths.items() if path.is_file()}


if __name__ == "__main__":
    main()
