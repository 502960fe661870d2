"""The tree the rules look at: where it is, which files it holds, what their names are."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: What tools leave beside the sources. A copy of the tree without git is walked around them.
LEFT_BY_TOOLS = {".git", ".venv", "dist", "build", "__pycache__"}


def committed(root: Path) -> list[Path]:
    """Return every file git holds or would hold on the next add; every file where there is no git."""
    if (root / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        paths = (root / name for name in listing.split("\0") if name)
        return sorted(path for path in paths if path.is_file())
    return sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and not LEFT_BY_TOOLS.intersection(path.relative_to(root).parts)
    )


def python_files(root: Path, *folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield every Python file of `folders` under `root` with its syntax tree."""
    for path in committed(root):
        name = path.relative_to(root)
        if path.suffix == ".py" and name.parts[0] in folders:
            yield name, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def rooms(root: Path) -> list[Path]:
    """Return the folders of the package that hold modules: the rooms, without the house itself."""
    package = root / "src" / "cogrow"
    return sorted({path.parent for path in package.glob("*/*.py")})


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write `files` (name → text) under `root`, for a rule to be tried on, and return `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def copy_package(to: Path) -> Path:
    """Copy the package and its rules to `to`, to be spoiled there, and return `to`."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "cogrow", to / "src" / "cogrow", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", to)
    return to
