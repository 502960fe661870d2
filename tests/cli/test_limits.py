"""What is full, too little or stopped in the middle is said, and what was there before stays whole."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cogrow.operations import earn
from tests.cli.door import COGROW, Said, cogrow, process
from tests.cli.small_disk import SmallDisk, small_disk

APPAREL = "apparel-sprint-rebate"
SEVERAL = (APPAREL, "beauty-sprint-cash", "sports-growth-rebate")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return facts with enough rows for roll-ups to be kept of them; tests only read them."""
    folder = tmp_path_factory.mktemp("limits") / "facts"
    assert cogrow("simulate", "--out", folder, "--lines", 110_000).code == 0
    return folder


@pytest.fixture
def own(market: Path, tmp_path: Path) -> Path:
    """Return facts with roll-ups of the first quarter."""
    folder = tmp_path / "own"
    shutil.copytree(market, folder)
    assert cogrow(*asked(folder, tmp_path / "first", "2025Q1")).code == 0
    assert any((folder / ".rollups").glob("*.json"))
    return folder


def asked(facts: Path, out: Path, period: str, *rest: object) -> list[object]:
    return ["earn", APPAREL, "--facts", facts, "--out", out, "--period", period, *rest]


def refused(said: Said, *parts: str) -> None:
    """Demand one line of explanation and nothing else."""
    assert (said.code, said.out, said.err.count("\n")) == (6, "", 1), said.err
    assert all(part in said.err for part in parts), said.err
    assert "Traceback" not in said.err


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def at_most(size: int) -> Callable[[], None]:
    """Return what lets a child write no file larger than `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def usable(facts: Path, out: Path) -> None:
    """Demand that roll-ups are whole, that no other file is among them, and that they give the same bytes."""
    states = cogrow("rollups", "verify", "--facts", facts, "--json").json
    assert {one["state"] for one in states} == {"current"}
    kept = {path.stem for path in (facts / ".rollups").iterdir()}
    assert kept == {one["name"] for one in states}
    assert cogrow(*asked(facts, out / "with", "2025Q2")).code == 0
    assert cogrow(*asked(facts, out / "without", "2025Q2", "--no-rollups")).code == 0
    name = f"{APPAREL}/2025Q2.parquet"
    assert (out / "with" / name).read_bytes() == (out / "without" / name).read_bytes()


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "cannot be used: the file would be larger"), ("zh", "无法使用：文件会超过允许的大小")],
)
def test_results_that_cannot_be_written(market, tmp_path, language, said):
    out = tmp_path / "out"
    assert cogrow(*asked(market, out, "2025Q1", "--no-rollups")).code == 0
    before = contents(out)
    arguments = ["--lang", language, *asked(market, out, "2025Q2", "--no-rollups")]
    refused(process(*arguments, preexec_fn=at_most(2_000)), f"{out} ", said)
    assert contents(out) == before
    assert [path.name for path in out.rglob("*")] == [APPAREL, "2025Q1.parquet"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("cannot be kept", "would be larger", "--no-rollups")),
        ("zh", ("文件会超过允许的大小",)),
    ],
)
def test_roll_ups_that_cannot_be_written(own, tmp_path, language, said):
    before = contents(own)
    arguments = ["--lang", language, *asked(own, tmp_path / "out", "2025Q2")]
    refused(process(*arguments, preexec_fn=at_most(700)), str(own / ".rollups"), *said)
    assert contents(own) == before
    assert not list((tmp_path / "out").rglob("*.parquet"))
    usable(own, tmp_path)


def test_what_cannot_be_spilled(market, tmp_path):
    spill, out = tmp_path / "spill", tmp_path / "out"
    spill.mkdir()
    rest = ("--no-rollups", "--memory", "28MB", "--threads", 1, "--spill", spill)
    arguments = ["earn", *SEVERAL, *asked(market, out, "2025Q2", *rest)[2:]]
    assert process(*arguments).code == 0  # it spills, and that is enough
    before = contents(out)
    said = process(*arguments, preexec_fn=at_most(100_000))
    refused(said, f"no room to spill in {spill}: ", "--spill", "--memory")
    assert contents(out) == before
    assert list(spill.iterdir()) == []


def test_too_little_memory_for_roll_ups(own, tmp_path):
    before = contents(own)
    rest = ("--memory", "3MB", "--threads", 1)
    refused(cogrow(*asked(own, tmp_path / "out", "2025Q2", *rest)), "The memory limit is too small")
    assert {path: data for path, data in contents(own).items() if path in before} == before
    assert not list((tmp_path / "out").rglob("*.parquet"))
    usable(own, tmp_path)


@pytest.mark.parametrize(("language", "said"), [("en", "not enough memory"), ("zh", "内存不足")])
def test_a_machine_without_memory_for_the_results(market, tmp_path, monkeypatch, language, said):
    """The allocation of a library fails; a whole process out of memory would fail anywhere."""

    def exhausted(*_: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(earn, "write", exhausted)
    arguments = asked(market, tmp_path / "out", "2025Q2", "--no-rollups")
    refused(cogrow("--lang", language, *arguments), said)
    assert not list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_roll_ups_are_built(own, tmp_path, number):
    before = contents(own)
    arguments = map(str, asked(own, tmp_path / "out", "2025Q2", "--threads", 1))
    running = subprocess.Popen(
        [COGROW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(5_000):  # until one is being written
        if any((own / ".rollups").glob("*.partial")) or running.poll() is not None:
            break
        time.sleep(0.002)
    running.send_signal(number)
    said, err = running.communicate(timeout=20)
    assert (running.returncode, said) == (128 + number, ""), err
    assert err == "Stopped. Nothing unfinished was left behind.\n"
    assert {path: data for path, data in contents(own).items() if path in before} == before
    usable(own, tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", "24m") as found:
        yield found


def test_a_full_disk_under_results(disk, market):
    out = disk.path / "out"
    assert disk.cogrow(*asked(market, out, "2025Q1", "--no-rollups")).code == 0
    before = disk.files()
    disk.fill(leave="4K")
    arguments = asked(market, out, "2025Q2", "--no-rollups")
    refused(disk.cogrow(*arguments), f"{out} cannot be used: the disk is full.")
    refused(disk.cogrow("--lang", "zh", *arguments), f"{out} 无法使用：磁盘已满。")
    assert disk.files() == before
    disk.empty()
    assert disk.cogrow(*arguments).code == 0
    assert before.items() < disk.files().items()


def test_a_full_disk_under_roll_ups(disk, market, tmp_path):
    facts = disk.path / "facts"
    assert disk.sees("cp", "-a", market, facts).returncode == 0
    assert disk.cogrow(*asked(facts, tmp_path / "out", "2025Q1")).code == 0
    before = disk.files()
    arguments = asked(facts, tmp_path / "out", "2025Q2")
    for leave in ("4K", "8K", "12K", "16K"):  # rows do not fit, or their note does not
        disk.fill(leave)
        said = f"Roll-ups cannot be kept in {facts}/.rollups: the disk is full"
        refused(disk.cogrow(*arguments), said, "--no-rollups")
        there = disk.files()
        assert before.items() <= there.items()
        kept = [Path(name).stem for name in there.keys() - before.keys()]
        assert sorted(kept) == sorted(2 * [*set(kept)])  # each with its note, and nothing else
        disk.empty()
    disk.fill(leave="4K")
    refused(disk.cogrow("--lang", "zh", *arguments), "磁盘已满")
    assert disk.cogrow(*arguments, "--no-rollups").code == 0
    whole = (tmp_path / "out" / APPAREL / "2025Q2.parquet").read_bytes()
    disk.empty()
    again = asked(facts, tmp_path / "again", "2025Q2")
    assert disk.cogrow(*again).code == 0
    assert (tmp_path / "again" / APPAREL / "2025Q2.parquet").read_bytes() == whole
    states = disk.cogrow("rollups", "verify", "--facts", facts, "--json").json
    assert {one["state"] for one in states} == {"current"}


def test_a_full_disk_to_spill_to(disk, market, tmp_path):
    disk.fill(leave="64K")
    rest = ("--no-rollups", "--memory", "12MB", "--threads", 1, "--spill", disk.path)
    said = disk.cogrow("earn", *SEVERAL, *asked(market, tmp_path / "out", "2025Q2", *rest)[2:])
    refused(said, f"no room to spill in {disk.path}: the disk is full.", "--spill")
    assert disk.files() == {}
    assert not list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize("command", [("simulate", "--lines", 20_000), ("facts", "import")])
def test_a_full_disk_under_facts(disk, market, command):
    out = disk.path / "facts"
    assert disk.cogrow("simulate", "--lines", 1_000, "--out", out).code == 0
    before = disk.files()
    disk.fill(leave="64K")
    source = [market] if command[0] == "facts" else []
    refused(disk.cogrow(*command, *source, "--out", out), "the disk is full")
    assert disk.files() == before
