"""The commands for people who write programs: a new one, the schema for editors, what ships."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from cogrow.cli.frame import command
from cogrow.cli.options import DAY
from cogrow.cli.screen import Screen
from cogrow.errors import N_, message

#: They stand beside the other commands; the group only holds them.
authoring = click.Group()


@command(authoring, "new", N_("Write a new program from one that is there, asking at a terminal."))
@click.argument("source", required=False, metavar="[FROM]")
@click.option(
    "--out", type=click.Path(path_type=Path), help=N_("File to write; ID.yaml if not given.")
)
@click.option("--id", "id_", help=N_("Id of the new program."))
@click.option("--title-zh", help=N_("Title in Chinese."))
@click.option("--title-en", help=N_("Title in English."))
@click.option("--from", "start", type=DAY, help=N_("First day; examples move with it."))
@click.option("--until", type=DAY, help=N_("First day after the end."))
def new_command(
    screen: Screen,
    source: str | None,
    out: Path | None,
    id_: str | None,
    title_zh: str | None,
    title_en: str | None,
    start: datetime | None,
    until: datetime | None,
) -> None:
    """Write a program that `check` accepts, its comments kept."""
    from cogrow.cli.asking import source_of, wanted
    from cogrow.cli.show.results import show_new
    from cogrow.operations.author import new_program

    origin = source_of(screen, source)
    named = {"id": id_, "zh": title_zh, "en": title_en}
    asked = wanted(screen, origin, named, out, (start, until))
    show_new(screen, new_program(origin.file, asked, out or Path(f"{asked.id}.yaml")))


@command(authoring, "schema", N_("Print the JSON Schema of programs, for editors."))
@click.option("--out", type=click.Path(path_type=Path), help=N_("File to write instead."))
def schema_command(screen: Screen, out: Path | None) -> None:
    """Descriptions are in both languages: one file serves every reader."""
    from cogrow.cli.speech import in_all_languages
    from cogrow.operations.author import schema

    text = json.dumps(schema(in_all_languages), ensure_ascii=False, indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    screen.say(message(N_("✓ {file}"), file=str(out)), fg="green")
    screen.data({"file": str(out)})


@command(authoring, "programs", N_("List the programs that ship with cogrow."))
def programs_command(screen: Screen) -> None:
    """Name, direction and title of each."""
    from cogrow.cli.show.results import show_library
    from cogrow.operations.check import check
    from cogrow.operations.choose import library

    show_library(screen, check(library()))
