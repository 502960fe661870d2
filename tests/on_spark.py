"""The Spark of the tests: one in a process, made for a handful of rows, in one process only."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from cogrow.engines.spark.session import Master, java_home

#: Plans are large and rows few: nothing is compiled, nothing is split up.
SMALL = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.debug.maxToStringFields": "1",
    "spark.default.parallelism": "1",
}

#: What a Spark that a command starts is told beside its defaults; each has a few workers at most.
COMMANDS = SMALL | {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.extraJavaOptions": SMALL["spark.driver.extraJavaOptions"],
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}

HERE = Master(os.environ, "local[1]", SMALL)

INSTALLED = importlib.util.find_spec("pyspark") is not None and java_home(os.environ) is not None

#: Only one process of the tests starts a Java: conftest.py lets those named for Spark run in one.
SPARK_MARKS = [
    pytest.mark.skipif(not INSTALLED, reason="pyspark or Java is not installed"),
]

#: For `parametrize("master", ENGINES)`: what `run_programs` takes for each engine.
ON_SPARK = pytest.param(HERE, id="spark", marks=SPARK_MARKS)
ENGINES: list[Any] = [pytest.param(None, id="duckdb"), ON_SPARK]

#: How much of what is slow on Spark to run: all of it with COGROW_SPARK=all.
ALL = os.environ.get("COGROW_SPARK") == "all"


def settings(folder: Path) -> dict[str, str]:
    """Write what Spark is told into a folder, and return the environment in which commands find it."""
    folder.mkdir()
    text = "".join(f"{name} {value}\n" for name, value in COMMANDS.items())
    (folder / "spark-defaults.conf").write_text(text, encoding="utf-8")
    return {"SPARK_CONF_DIR": str(folder)}
