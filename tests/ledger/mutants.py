"""Mutants of the money code: one fault each, and the test that must see it.

python -m tests.ledger.mutants [FIRST [LAST]]

Each is planted in a copy of the package, its test is run there (triggers are made from the copy), on SQLite
where nothing else is said, and must fail. Prints the table of the documentation; ends with 1 where a mutant
lives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import yaml

from tests.house.tree import ROOT


class Mutant(NamedTuple):
    """What is wrong, where, what stands there, what stands there instead, the test that sees it, and `on`
    which database.
    """

    what: str
    file: str
    right: str
    wrong: str
    test: str
    on: str = "sqlite"

    def row(self, seen: str = "") -> str:
        """Return its row in the documentation: what was `seen`, or its test."""
        test = self.test.replace(" -k ", " · ")
        return f"| {self.what} | `ledger/{self.file}` | {seen or f'`{test}`'} |"


FILE = Path(__file__).with_suffix(".yaml")


def mutants() -> list[Mutant]:
    """Return every mutant there is."""
    with FILE.open(encoding="utf-8") as file:
        return [Mutant(**one) for one in yaml.safe_load(file)]


def lives(mutant: Mutant) -> bool:
    """Plant a mutant in a copy and tell whether its test still passes there."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "src" / "cogrow" / "ledger" / mutant.file
        text = path.read_text(encoding="utf-8")
        assert text.count(mutant.right) == 1, f"{mutant.what}: {text.count(mutant.right)} places"
        path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")
        test, _, chosen = mutant.test.partition(" -k ")
        other = "sqlite" if mutant.on == "postgresql" else "postgresql"
        only = f"({chosen}) and not {other}" if chosen else f"not {other}"
        run = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
        run += [f"tests/ledger/{test}", "-k", only]
        where = {"PYTHONPATH": f"{copy / 'src'}:{copy}"}
        freeze = [sys.executable, "-m", "cogrow.ledger.store.freeze"]
        subprocess.run(freeze, cwd=copy, env=os.environ | where, check=True)
        done = subprocess.run(
            run, cwd=copy, env=os.environ | where, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), f"{mutant.what}:\n{done.stdout[-2000:]}{done.stderr}"
        return done.returncode == 0


def main() -> int:
    listed = mutants()
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    last = int(sys.argv[2]) if len(sys.argv) > 2 else len(listed)
    alive = 0
    for mutant in listed[first:last]:
        lived = lives(mutant)
        alive += lived
        print(mutant.row("LIVES" if lived else ""), flush=True)  # noqa: T201
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
