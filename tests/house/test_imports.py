"""The machine that keeps the direction of imports is awake: it notices what is planted in a copy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import copy_package, plant

LINT = Path(sys.executable).with_name("lint-imports")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--config", "pyproject.toml"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_as_it_is_passes(tmp_path):
    done = lint(copy_package(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("sources", "programs"),
        ("simulator", "rewards"),
        ("ledger", "metrics"),
        ("engines", "sources"),
        ("metrics", "rewards"),
        ("programs", "engines"),
        ("operations", "cli"),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path, low, high):
    copy_package(tmp_path)
    for room in (low, high):
        if not (tmp_path / "src/cogrow" / f"{room}.py").exists():
            (tmp_path / "src/cogrow" / room).mkdir(exist_ok=True)
            (tmp_path / "src/cogrow" / room / "__init__.py").touch()
    plant(tmp_path, {f"src/cogrow/{low}/planted.py": f"import cogrow.{high}\n"})
    done = lint(tmp_path)
    assert done.returncode == 1
    assert f"cogrow.{low}.planted -> cogrow.{high}" in done.stdout


def test_a_room_nobody_placed_is_noticed(tmp_path):
    copy_package(tmp_path)
    plant(tmp_path, {"src/cogrow/attic/__init__.py": ""})
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "attic" in done.stdout
