"""What `cogrow new` asks at a terminal, and what it says where nobody can be asked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import click

from cogrow.cli.screen import Screen
from cogrow.errors import N_, Message, joined, message, nearest
from cogrow.operations.author import Wanted
from cogrow.operations.check import check
from cogrow.operations.choose import library, one_program
from cogrow.programs.program import Program
from cogrow.programs.spec import ID_TEXT

Check = Callable[[str], Message | None]


def asks(screen: Screen) -> bool:
    """Tell whether there is somebody to ask: a terminal, and no wish for JSON."""
    return not screen.as_json and sys.stdin.isatty()


def source_of(screen: Screen, given: str | None) -> Program:
    """Return the program to start from: the given one, or the one that is chosen from the library."""
    if given is not None:
        return one_program(given)
    shipped = library()
    if not asks(screen):
        what = N_("Say which program to start from, like {example}; `cogrow programs` lists them.")
        raise click.UsageError(screen.t(message(what, example=next(iter(shipped)))))
    from cogrow.cli.show.results import show_library

    show_library(screen, check(shipped))

    def known(name: str) -> Message | None:
        if name in shipped or Path(name).is_file():
            return None
        what = N_("There is no file and no program of the library called {name}.")
        return joined(message(what, name=name), nearest(name, shipped))

    return one_program(_ask(screen, N_("Program to start from"), None, known))


def wanted(
    screen: Screen,
    source: Program,
    given: dict[str, str | None],
    out: Path | None,
    days: tuple[datetime | None, datetime | None],
) -> Wanted:
    """Return what the new program is to be called and when it runs: as given, or as answered.

    `given` holds the id and the title in each language (`id`, `zh`, `en`).
    """
    start, until = (day.date() if day else None for day in days)
    stem = out.stem if out is not None and _wrong_id(out.stem) is None else None
    name, titles = given["id"] or stem, {key: given[key] for key in ("zh", "en")}
    if not asks(screen):
        if name is None:
            what = N_("Say what it is called: --id my-program, or --out my-program.yaml.")
            raise click.UsageError(screen.t(message(what)))
        kept = {key: title for key, title in titles.items() if title is not None}
        return Wanted(name, kept, start, until)
    if given["id"] is None:
        name = _ask(screen, N_("Its id"), name or f"my-{source.id}", _wrong_id)
    labels = {"zh": N_("Title in Chinese"), "en": N_("Title in English")}
    answers = {
        key: title or _ask(screen, labels[key], source.title[key]) for key, title in titles.items()
    }
    schedule = source.schedule
    start = start or _ask_day(screen, N_("First day"), schedule.start)
    if until is None and start == schedule.start:
        until = _ask_day(screen, N_("First day after the end"), schedule.end)
    return Wanted(name or "", answers, start, until)


def _wrong_id(text: str) -> Message | None:
    if re.fullmatch(ID_TEXT, text, re.ASCII):
        return None
    return message(N_("An id is lower-case letters, digits and hyphens, 2 to 64 of them."))


def _ask(screen: Screen, label: str, default: str | None, check: Check | None = None) -> str:
    """Return the answer, asked for again until it is right."""

    def read(text: str) -> str:
        problem = check(text) if check is not None else None
        if problem is not None:
            raise click.UsageError(screen.t(problem))
        return text

    asked = screen.t(message(label))
    return str(click.prompt(asked, default=default, value_proc=read, err=True))


def _ask_day(screen: Screen, label: str, default: date) -> date:
    def no_day(text: str) -> Message | None:
        try:
            date.fromisoformat(text)
        except ValueError:
            return message(N_("This is no day; write one like 2026-01-01."))
        return None

    return date.fromisoformat(_ask(screen, label, str(default), no_day))
