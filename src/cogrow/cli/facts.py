"""`cogrow facts`: check facts, bring them into the canonical form, add to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cogrow.cli.frame import command
from cogrow.cli.options import DATA, FOLDER, SOURCE, limited, out
from cogrow.cli.screen import Screen
from cogrow.embedded import Limits
from cogrow.errors import N_, DataError, Severity


@click.group("facts", help=N_("Check facts, bring them into the canonical form, add to them."))
def facts_group() -> None:
    """Facts."""


@command(facts_group, "check", N_("Say everything that is wrong with facts, with counts and rows."))
@SOURCE
@DATA
@limited
def facts_check_command(screen: Screen, source: Path, data: Path | None, **limits: Any) -> None:
    """Exit 3 if the facts cannot be used."""
    from cogrow.cli.show.results import show_facts
    from cogrow.operations.facts import check_facts

    with screen.progress() as progress:
        report = check_facts(source, data, Limits(**limits), progress)
    show_facts(screen, report)
    if any(issue.severity is Severity.ERROR for issue in report.issues):
        sys.exit(DataError.exit_code)


@command(facts_group, "import", N_("Bring facts into the canonical form, checked and sealed."))
@SOURCE
@out()
@DATA
@limited
def facts_import_command(
    screen: Screen, source: Path, out: Path, data: Path | None, **limits: Any
) -> None:
    """Write canonical Parquet, what was quarantined, and the seal."""
    from cogrow.cli.show.results import show_facts
    from cogrow.operations.facts import import_facts

    with screen.progress() as progress:
        report = import_facts(source, out, data, Limits(**limits), progress)
    show_facts(screen, report)


@command(facts_group, "add", N_("Add new rows to sealed facts; what is there is not read again."))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--to", type=FOLDER, required=True, help=N_("Folder of sealed facts to add to."))
@click.option(
    "--replace",
    multiple=True,
    metavar="TABLE",
    help=N_("Let new rows of a table take the place of those with the same key."),
)
@click.option("--dry-run", is_flag=True, help=N_("Check and count, but write nothing."))
@DATA
@limited
def facts_add_command(
    screen: Screen,
    new: Path,
    to: Path,
    replace: tuple[str, ...],
    dry_run: bool,
    data: Path | None,
    **limits: Any,
) -> None:
    """Write further files, what was quarantined, and the new seal."""
    from cogrow.cli.show.results import show_added
    from cogrow.operations.facts import add_facts

    with screen.progress() as progress:
        added = add_facts(
            new, to, data, Limits(**limits), progress, replace=replace, dry_run=dry_run
        )
    show_added(screen, added)
