"""Makes a marketplace and times one program and the library on it: python -m benchmarks [--lines 5000000]."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=5_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        facts = Path(work) / "facts"
        cogrow = str(Path(sys.executable).parent / "cogrow")
        made = [cogrow, "simulate", "--out", str(facts), "--lines", str(given.lines)]
        subprocess.run(made, check=True)
        for name in ("earn", "library"):
            print(f"\n== {name}", flush=True)
            subprocess.run(
                [sys.executable, "-m", f"benchmarks.{name}", "--facts", str(facts)], check=True
            )


if __name__ == "__main__":
    main()
