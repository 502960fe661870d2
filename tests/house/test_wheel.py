"""What is installed from the wheel is whole, runs, and is quick to answer."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.tree import ROOT, committed

BIN = Path(sys.executable).parent
HELP_SECONDS = 0.5
#: Imported inside the commands that need them; each costs more than the answer to --help.
HEAVY = {"alembic", "duckdb", "lark", "numpy", "pyarrow", "rich", "sqlalchemy", "sqlglot", "yaml"}
#: All that `check` takes from elsewhere, and the rooms it has no need of; its time is mostly imports.
CHECK_TAKES = {"click", "lark", "yaml"}
NOT_FOR_CHECK = {"authoring", "engines", "ledger", "simulator", "sources"}
#: Of the standard library, what costs 5 ms or more and comes in unseen.
SLOW = {
    "asyncio",
    "email",
    "importlib.metadata",
    "importlib.resources",
    "multiprocessing",
    "unittest",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([BIN / "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(folder.glob("cogrow-*.whl"))


def test_the_wheel_holds_every_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("cogrow/")}
    source = ROOT / "src"
    wanted = {p.relative_to(source).as_posix() for p in committed(ROOT) if p.is_relative_to(source)}
    assert held == wanted
    assert "cogrow/cli/__init__.py" in held
    assert "cogrow/locale/zh/LC_MESSAGES/cogrow.mo" in held


def test_the_wheel_runs_in_an_empty_environment(wheel, tmp_path):
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
        env={"PATH": "", "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # The locked dependencies, without installing them again. A path added this way runs no .pth of its
    # own, so the editable cogrow stays out; that nothing undeclared is used, test_dependencies proves.
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    where = [python, "-c", "import cogrow; print(cogrow.__file__)"]
    assert str(home) in subprocess.run(where, check=True, capture_output=True, text=True).stdout
    done = subprocess.run(
        [home / "bin" / "cogrow", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "Usage: cogrow" in done.stdout


def test_help_is_quick():
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([BIN / "cogrow", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    # The best of five: what else the machine does is not ours.
    assert min(seconds) < HELP_SECONDS


def modules_after(code: str) -> set[str]:
    """Return the modules a fresh Python has once it ran `code`, without those it begins with."""
    begun, done = (
        subprocess.run(
            [sys.executable, "-c", f"import sys\n{code}\nprint('|', *sys.modules)"],
            check=True,
            capture_output=True,
            text=True,
        )
        for code in ("", code)
    )
    return set(done.stdout.rpartition("|")[2].split()) - set(begun.stdout.split())


def test_help_imports_nothing_heavy():
    loaded = modules_after("import cogrow.cli.commands")
    assert "click" in loaded
    assert HEAVY & loaded == set()


@pytest.mark.parametrize(
    "program", ["apparel-sprint-rebate", "tests/programs/broken/fund-amount-negative.yaml"]
)
def test_check_imports_only_what_reads_programs(program):
    name = str(ROOT / program) if program.endswith(".yaml") else program
    loaded = modules_after(f"""
from cogrow.cli.commands import run
try:
    run(["check", {name!r}], {{}})
except SystemExit as end:
    assert end.code in (0, 2), end.code
""")
    elsewhere = {name.partition(".")[0] for name in loaded} & set(packages_distributions())
    assert elsewhere - {"cogrow", "_yaml"} == CHECK_TAKES
    assert {f"cogrow.{room}" for room in NOT_FOR_CHECK} & loaded == set()
    assert SLOW & loaded == set()
