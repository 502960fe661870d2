"""A Spark cluster on one machine: a master and workers, each a process of its own.

python -m benchmarks.spark_cluster [--workers 2] [--cores 1] [--memory 1g] [--folder DIR]

Prints the master's URL for `cogrow earn --engine spark --master URL`, and runs until Ctrl-C, which stops
all of it. Workers write below DIR.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from cogrow.engines.spark.session import java_home

SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"

#: A process that has not said where it listens by then has failed.
PATIENCE = 90.0


@dataclass(frozen=True)
class Daemon:
    """One process of the cluster, leader of its own group, and the folder it writes to."""

    process: subprocess.Popen[bytes]
    folder: Path

    def says(self, pattern: str) -> str:
        """Return what the process says that matches, once it does."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            text = (self.folder / "log").read_text(errors="replace")
            if found := re.search(pattern, text):
                return found.group()
            time.sleep(0.1)
        raise SystemExit(f"{pattern} did not come:\n" + (self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """End the process and all it started, at once and without a word."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its URL and its workers."""

    url: str
    workers: tuple[Daemon, ...]


def _start(folder: Path, name: str, *arguments: str) -> Daemon:
    folder.mkdir(parents=True)
    home = java_home(os.environ)
    environment = {
        **os.environ,
        **({"JAVA_HOME": str(home)} if home else {}),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
    }
    command = [str(SPARK_CLASS), f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", "0", "--webui-port", "0", *arguments],
            stdout=log, stderr=log, env=environment, start_new_session=True,
        )  # fmt: skip
    return Daemon(process, folder)


@contextmanager
def cluster(
    folder: Path, *, workers: int = 2, cores: int = 1, memory: str = "1g"
) -> Iterator[Cluster]:
    """Yield a cluster whose workers have so many cores and so much memory; it is gone afterwards."""
    started = [_start(folder / "master", "master.Master")]
    try:
        url = started[0].says(r"spark://127\.0\.0\.1:\d+")
        for number in range(1, workers + 1):
            below = folder / f"worker-{number}"
            limits = ["--cores", str(cores), "--memory", memory]
            where = ["--work-dir", str(below / "work"), url]
            started.append(_start(below, "worker.Worker", *limits, *where))
        for worker in started[1:]:
            worker.says(r"Successfully registered with master")
        yield Cluster(url, tuple(started[1:]))
    finally:
        for daemon in reversed(started):
            daemon.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--memory", default="1g")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spark-cluster-") as work:
        folder = (given.folder or Path(work)) / "cluster"
        limits = {"workers": given.workers, "cores": given.cores, "memory": given.memory}
        with suppress(KeyboardInterrupt), cluster(folder, **limits) as running:
            print(running.url, flush=True)
            signal.pause()


if __name__ == "__main__":
    main()
