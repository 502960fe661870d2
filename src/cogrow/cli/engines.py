"""`cogrow engines`, and the options that choose an engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.frame import command
from cogrow.cli.screen import Screen
from cogrow.embedded import Limits
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.engines.spark.session import Master

ENGINES = ("duckdb", "spark")


def on_engine(function: Any) -> Any:
    """Add the options that choose an engine."""
    master = click.option(
        "--master",
        metavar="URL",
        help=N_("Where Spark runs: spark://HOST:PORT, yarn, k8s://… or local[*]."),
    )
    engine = click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default=ENGINES[0],
        show_default=True,
        help=N_("What computes; `cogrow engines` says what is installed."),
    )
    return engine(master(function))


def chosen(screen: Screen, engine: str, master: str | None, limits: Limits) -> Master | None:
    """Return where to compute; None for the embedded engine."""
    if engine != "spark":
        if master is not None:
            what = message(N_("--master is for --engine spark."))
            raise click.UsageError(screen.t(what))
        return None
    from cogrow.engines.spark.session import master_at

    return master_at(master, limits, os.environ)


def add_engines(group: click.Group) -> None:
    """Add the command `engines`."""

    @command(group, "engines", N_("Say which engines are installed, and what is missing."))
    def engines_command(screen: Screen) -> None:
        from cogrow.operations.engines import engines

        found = engines(os.environ)
        heads = [message(N_("engine")), message(N_("runs")), message(N_("version"))]
        rows = [(one.name, one.what, _told(screen, one.version, one.needs)) for one in found]
        screen.table(heads, rows)
        for one in found:
            for lack in one.missing:
                what = N_("✗ {engine} lacks {what}: {command}")
                said = {"engine": one.name, "what": lack.what, "command": lack.command}
                screen.say(message(what, **said), fg="yellow")
        screen.data([one.as_json(screen.translate) for one in found])


def _told(screen: Screen, version: str, needs: Any) -> str:
    parts = [version or screen.t(message(N_("not installed")))]
    return ", ".join([*parts, *(f"{name.capitalize()} {value}" for name, value in needs.items())])
