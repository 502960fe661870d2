"""The commands a newcomer types: listed, honest about an old Python, and the same on the build server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, plant


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=root, env=clean, capture_output=True, text=True, check=False
    )


def test_help_lists_every_command():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    assert phony
    listed = re.findall(r"^ +make (\w+) +\S", make(ROOT).stdout, flags=re.MULTILINE)
    assert sorted(listed) == sorted(phony.group(1).split())


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (
            "#!/bin/sh\ntest \"$1\" = -V && echo 'Python 3.9.2' && exit 0\nexit 1\n",
            "is Python 3.9.2",
        ),
        (None, "found no './python'"),
    ],
)
def test_a_missing_or_old_python_is_named(tmp_path, python, expected):
    shutil.copy(ROOT / "Makefile", tmp_path)
    plant(tmp_path, {"requirements.lock": "", "pyproject.toml": ""})
    if python:
        plant(tmp_path, {"python": python})
        (tmp_path / "python").chmod(0o755)
    done = make(tmp_path, "setup", "PYTHON=./python")
    assert done.returncode != 0
    assert "cogrow needs Python 3.11 or newer" in done.stdout
    assert expected in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_build_server_runs_what_a_newcomer_runs():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    optional, command = commands
    assert command == "make test"
    assert optional.startswith("command -v hledger"), "the only tool that is asked for"
    assert " || echo " in optional, "and a machine without it is no failure"
    assert "set -euo pipefail" in lines


def test_make_test_stops_at_the_first_that_fails(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    log = '#!/bin/sh\necho "$(basename $0) $1" >> log\n'
    tools = {f".venv/bin/{tool}": log for tool in ("ruff", "mypy", "lint-imports", "pytest")}
    plant(
        tmp_path, {"requirements.lock": "", "pyproject.toml": "", ".venv/.installed": "", **tools}
    )
    for tool in tools:
        (tmp_path / tool).chmod(0o755)
    assert make(tmp_path, "test").returncode == 0
    ran = (tmp_path / "log").read_text(encoding="utf-8").split("\n")
    assert [line.split()[0] for line in ran if line] == [
        "ruff",
        "ruff",
        "mypy",
        "lint-imports",
        "pytest",
    ]
    for tool in tools:
        (tmp_path / "log").write_text("", encoding="utf-8")
        (tmp_path / tool).write_text(log + "exit 1\n", encoding="utf-8")
        assert make(tmp_path, "test").returncode != 0
        assert (tmp_path / "log").read_text(encoding="utf-8").split("\n")[-2].split()[0] == Path(
            tool
        ).name
        (tmp_path / tool).write_text(log, encoding="utf-8")
