"""A run on a cluster of a master and two workers gives the same bytes, also when one of them dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cogrow.simulator import simulate
from tests.on_spark import SPARK_MARKS, settings

pytestmark = SPARK_MARKS

#: Enough work that the run is far from over when the first of it is done.
PROGRAMS = ("apparel-sprint-rebate", "beauty-sprint-cash")


def command(folder: Path, out: str, *more: str) -> list[str]:
    cogrow = str(Path(sys.executable).parent / "cogrow")
    from_folder = ["--facts", str(folder / "facts"), "--out", str(folder / out)]
    return [cogrow, "earn", *PROGRAMS, *from_folder, "--period", "2025Q2", "--json", *more]


def results(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("**/*.parquet")
    }


def first_shuffle(worker: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a worker has done a part of the work that others will ask for."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if any(worker.glob("local/**/shuffle_*.data")):
            return
        time.sleep(0.02)
    raise AssertionError("the worker was given nothing to do")


def test_killing_a_worker_in_the_middle_of_a_run_changes_no_byte(tmp_path):
    from benchmarks.spark_cluster import cluster

    simulate(tmp_path / "facts", order_lines=20_000, merchants=40, seed=7)
    subprocess.run(command(tmp_path, "here"), check=True, capture_output=True)
    environment = os.environ | settings(tmp_path / "conf")
    with cluster(tmp_path / "cluster") as running:
        there = command(tmp_path, "there", "--engine", "spark", "--master", running.url)
        with subprocess.Popen(
            there, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            first_shuffle(running.workers[0].folder, process)
            assert process.poll() is None
            running.workers[0].kill()
            _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said.decode()
        assert running.workers[1].process.poll() is None
    assert results(tmp_path / "here")
    assert results(tmp_path / "there") == results(tmp_path / "here")
