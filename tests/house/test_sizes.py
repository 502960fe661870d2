"""Nothing grows past what a reader can hold: functions, modules, rooms; and names say what is inside."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.tree import ROOT, plant, python_files

LONGEST_FUNCTION = 70
LONGEST_MODULE = 400
MOST_MODULES = 12
#: Rooms where adding a thing is adding a file: families, forms, sources.
OPEN_ROOMS = {"metrics", "rewards", "sources"}
SAY_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "stuff", "util", "utils"}


def folders(root: Path) -> list[Path]:
    """Return every folder of modules inside the rooms: a room, or a part of one."""
    package = root / "src" / "cogrow"
    return sorted({path.parent for path in package.glob("*/**/*.py")})


def complaints(root: Path) -> list[str]:
    found = []
    for name, tree in python_files(root, "src", "tests", "benchmarks", "examples"):
        lines = len((root / name).read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_MODULE:
            found.append(f"{name}: {lines} lines; at most {LONGEST_MODULE}")
        if SAY_NOTHING.intersection(name.stem.lower().split("_")):
            found.append(f"{name}: the name does not say what is inside")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
    for room in folders(root):
        modules = len(list(room.glob("*.py")))
        if modules > MOST_MODULES and room.name not in OPEN_ROOMS:
            found.append(f"{room.relative_to(root)}: {modules} modules; at most {MOST_MODULES}")
    return found


def test_nothing_is_too_large_or_badly_named():
    assert complaints(ROOT) == []


def test_each_limit_can_be_broken(tmp_path):
    body = "    x = 1\n"
    plant(
        tmp_path,
        {
            "src/cogrow/long.py": "x = 1\n" * (LONGEST_MODULE + 1),
            "src/cogrow/fits.py": "x = 1\n" * LONGEST_MODULE,
            "src/cogrow/functions.py": "def f():\n" + body * LONGEST_FUNCTION,
            "src/cogrow/fine.py": "def f():\n" + body * (LONGEST_FUNCTION - 1),
            "src/cogrow/money_utils.py": "",
            **{f"src/cogrow/engines/e{n}.py": "" for n in range(MOST_MODULES + 1)},
            **{f"src/cogrow/ledger/parts/p{n}.py": "" for n in range(MOST_MODULES + 1)},
            **{f"src/cogrow/metrics/m{n}.py": "" for n in range(MOST_MODULES + 1)},
        },
    )
    assert complaints(tmp_path) == [
        f"src/cogrow/functions.py:1: f has {LONGEST_FUNCTION + 1} lines",
        f"src/cogrow/long.py: {LONGEST_MODULE + 1} lines; at most {LONGEST_MODULE}",
        "src/cogrow/money_utils.py: the name does not say what is inside",
        f"src/cogrow/engines: {MOST_MODULES + 1} modules; at most {MOST_MODULES}",
        f"src/cogrow/ledger/parts: {MOST_MODULES + 1} modules; at most {MOST_MODULES}",
    ]
