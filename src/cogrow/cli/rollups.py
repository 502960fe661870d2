"""`cogrow rollups`: what is kept of facts, held against them, and made less."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cogrow.cli.frame import command
from cogrow.cli.options import limited
from cogrow.cli.screen import Screen
from cogrow.embedded import Limits
from cogrow.errors import N_, InvariantBroken, message

FACTS = click.option(
    "--facts",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("facts"),
    show_default=True,
    help=N_("Folder of facts."),
)

#: How a roll-up stands to the facts it is beside.
STATES = {
    "current": N_("current"),
    "outdated": N_("outdated"),
    "broken": N_("broken"),
    "wrong": N_("wrong"),
}


@click.group("rollups", help=N_("List, verify and remove what is kept of facts."))
def rollups_group() -> None:
    """Roll-ups."""


@command(rollups_group, "list", N_("List what is kept of each file of facts."))
@FACTS
def list_command(screen: Screen, facts: Path) -> None:
    """Table, columns, rows, size and state of each."""
    from cogrow.operations.computation.rollups import kept_of

    _show(screen, kept_of(facts))


@command(
    rollups_group, "verify", N_("Build again what is kept and compare; exit 70 if it differs.")
)
@FACTS
@limited
def verify_command(screen: Screen, facts: Path, **limits: Any) -> None:
    """Exit 70 where a roll-up does not hold what its facts give."""
    from cogrow.operations.computation.rollups import verified

    with screen.progress() as progress:
        found = verified(facts, Limits(**limits), progress)
    _show(screen, found)
    if any(one.state in ("broken", "wrong") for one in found):
        sys.exit(InvariantBroken.exit_code)


@command(rollups_group, "prune", N_("Remove what is kept of facts that have changed."))
@FACTS
@click.option("--all", "everything", is_flag=True, help=N_("Remove all that is kept."))
def prune_command(screen: Screen, facts: Path, everything: bool) -> None:
    """Say how many were removed and what that frees."""
    from cogrow.operations.computation.rollups import prune

    removed, freed = prune(facts, everything=everything)
    what = N_("{count} roll-ups removed, {size} freed.")
    screen.say(message(what, count=len(removed), size=_size(freed)))
    screen.data({"removed": removed, "freed_bytes": freed})


def _show(screen: Screen, found: list[Any]) -> None:
    if not found:
        screen.say(message(N_("Nothing is kept of these facts.")))
    else:
        heads = (N_("roll-up"), N_("file"), N_("columns"), N_("rows"), N_("size"), N_("state"))
        screen.table(
            [message(head) for head in heads],
            (
                (
                    one.name,
                    one.file,
                    f"{one.columns:,}",
                    f"{one.rows:,}",
                    _size(one.size),
                    message(STATES[one.state]),
                )
                for one in found
            ),
        )
        size = _size(sum(one.size for one in found))
        screen.say(message(N_("{count} roll-ups, {size}"), count=len(found), size=size))
    screen.data([one.as_json() for one in found])


def _size(count: int) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count} {unit}"
        count = (count + 500) // 1_000
    return f"{count} GB"
