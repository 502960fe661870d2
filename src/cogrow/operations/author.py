"""schema, new: what an editor knows of the language, and a program of the library as a new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogrow.authoring.json_schema import Say, program_schema
from cogrow.authoring.scaffold import Wanted, scaffold
from cogrow.errors import N_, Issue, ProgramError, UsageError, message
from cogrow.operations.choose import one_program
from cogrow.programs.parse import parse

__all__ = ["New", "Wanted", "new_program", "schema"]


@dataclass(frozen=True, slots=True)
class New:
    """A program that was written: its file, what it was made from, and what may need a look.

    `dated` are the lines of its terms that name days, `issues` its warnings.
    """

    file: Path
    id: str
    source: str
    dated: tuple[int, ...]
    issues: tuple[Issue, ...]


def schema(say: Say) -> dict[str, Any]:
    """Return the JSON Schema of programs, described in the words of `say`."""
    return program_schema(say)


def new_program(source: str, wanted: Wanted, out: Path) -> New:
    """Write the program meant by `source` as a new one to `out`.

    Raises NotFound or ProgramError for `source`, ProgramError with every issue the new one would have,
    and UsageError where `out` is there already.
    """
    origin = one_program(source)
    made = scaffold(Path(origin.file).read_text(encoding="utf-8-sig"), wanted)
    parsed = parse(made.text.encode(), str(out))
    if parsed.program is None:
        what = N_("{file} would have issues; nothing was written.")
        raise ProgramError(message(what, file=str(out)), parsed.issues)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = out.open("x", encoding="utf-8", newline="\n")
    except FileExistsError as error:
        there = N_("{file} is there already; say --out another.yaml, or another --id.")
        raise UsageError(message(there, file=str(out))) from error
    with file:
        file.write(made.text)
    return New(out, wanted.id, origin.id, made.dated, parsed.issues)
