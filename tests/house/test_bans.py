"""Below the doors nothing reads a clock, the environment or a global seed, and money is never a float."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, plant, python_files

RUFF = Path(sys.executable).with_name("ruff")
BANNED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"][
    "lint"
]["flake8-tidy-imports"]["banned-api"]

#: Where amounts live: no float by name, by literal or by annotation.
MONEY = ("src/cogrow/money.py", "src/cogrow/rewards/", "src/cogrow/ledger/")


def ruff(code: str, name: str) -> dict[str, str]:
    """Return code → message of what ruff says of `code`, were it the file `name` of the tree."""
    done = subprocess.run(
        [RUFF, "check", "--no-cache", "--output-format=json", "--stdin-filename", name, "-"],
        cwd=ROOT,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    return {issue["code"]: issue["message"] for issue in json.loads(done.stdout)}


@pytest.mark.parametrize("banned", sorted(BANNED))
def test_each_banned_call_names_its_replacement(banned):
    module, _, name = banned.rpartition(".")
    code = f"import {banned}\n" if not module else f"import {module.partition('.')[0]}\n{banned}\n"
    found = ruff(f'"""A."""\n\n{code}', "src/cogrow/engines/planted.py")
    assert BANNED[banned]["msg"] in found["TID251"]
    assert "TID251" not in ruff(f'"""A."""\n\n{code}', "src/cogrow/cli/planted.py")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print(1)\n", "T201"),
        ("try:\n    pass\nexcept Exception:\n    pass\n", "BLE001"),
        ("eval('1')\n", "S307"),
        ("exec('1')\n", "S102"),
        ("import datetime\n\ndatetime.datetime(2025, 1, 1)\n", "DTZ001"),
        ("from .money import split\n", "TID252"),
        ("def f(): ...\n", "D103"),
    ],
)
def test_ruff_is_awake(code, expected):
    assert expected in ruff(f'"""A."""\n\n{code}', "src/cogrow/engines/planted.py")


def floats(root: Path) -> list[str]:
    return [
        f"{name}:{node.lineno}: float near money"
        for name, tree in python_files(root, "src")
        if name.as_posix().startswith(MONEY)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id in {"float", "float64", "double"})
        or (isinstance(node, ast.Attribute) and node.attr in {"float32", "float64", "double"})
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]


def test_no_float_comes_near_money():
    assert floats(ROOT) == []


def test_a_float_near_money_is_noticed(tmp_path):
    plant(
        tmp_path,
        {
            "src/cogrow/money.py": "x = 0.5\ny: float\nz = 1\n",
            "src/cogrow/rewards/rate.py": "import numpy as np\nnp.float64(1)\n",
            "src/cogrow/simulator/sizes.py": "x = 0.5\n",
        },
    )
    assert floats(tmp_path) == [
        "src/cogrow/money.py:1: float near money",
        "src/cogrow/money.py:2: float near money",
        "src/cogrow/rewards/rate.py:2: float near money",
    ]
