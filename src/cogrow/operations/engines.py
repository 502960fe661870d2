"""engines: which engines can compute here, what they lack, and the command that installs it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cogrow.engines.spark.session import INSTALL, INSTALL_JAVA, LEAST_JAVA, java_home, java_version
from cogrow.errors import N_, Message, Translate, message


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing an engine lacks, and the command that installs it."""

    what: Message
    command: str


@dataclass(frozen=True, slots=True)
class Installed:
    """One engine: its version ("" where it is not there), what it runs on, and what it lacks."""

    name: str
    what: Message
    version: str
    needs: Mapping[str, str]
    missing: tuple[Missing, ...]

    @property
    def ready(self) -> bool:
        """Whether `earn --engine` can use it."""
        return not self.missing

    def as_json(self, translate: Translate = str) -> dict[str, Any]:
        """Return the engine as plain data."""
        return {
            "engine": self.name,
            "what": self.what.render(translate),
            "ready": self.ready,
            "version": self.version or None,
            "needs": dict(self.needs),
            "missing": [
                {"what": one.what.render(translate), "command": one.command} for one in self.missing
            ],
        }


def engines(environment: Mapping[str, str]) -> list[Installed]:
    """Return every engine there is; `environment` is that of the process, where Java is named."""
    duckdb = Installed("duckdb", message(N_("in this process")), _version("duckdb"), {}, ())
    return [duckdb, _spark(environment)]


def _spark(environment: Mapping[str, str]) -> Installed:
    version, home = _version("pyspark"), java_home(environment)
    java = java_version(home) if home is not None else ""
    missing = []
    if not version:
        missing.append(Missing(message(N_("the package pyspark")), INSTALL))
    if home is None:
        what = message(N_("Java {least} or newer"), least=LEAST_JAVA)
        missing.append(Missing(what, INSTALL_JAVA))
    elif java and int(java.split(".")[0]) < LEAST_JAVA:
        what = message(N_("Java {least} or newer; {home} is {found}"), least=LEAST_JAVA,
                       home=str(home), found=java)  # fmt: skip
        missing.append(Missing(what, INSTALL_JAVA))
    needs = {"java": java or str(home)} if home is not None else {}
    what = message(N_("on this machine or a cluster"))
    return Installed("spark", what, version, needs, tuple(missing))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
