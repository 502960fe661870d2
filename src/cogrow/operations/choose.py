"""Which programs, which periods: what people type turned into what the rooms need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from cogrow.errors import N_, Issue, NotFound, ProgramError, message, nearest
from cogrow.period import Every, Period, parse_period
from cogrow.programs.parse import load
from cogrow.programs.program import Program

LIBRARY = "cogrow.programs"


def library() -> dict[str, Path]:
    """Return the files of the programs that ship with cogrow, by program id."""
    with as_file(files(LIBRARY) / "library") as folder:
        return {path.stem: path for path in sorted(folder.glob("**/*.yaml"))}


def program_files(names: Iterable[str]) -> list[Path]:
    """Return the files meant by `names`: a path, a folder of YAML files, or a program of the library.

    A file named twice is returned once. Raises NotFound with every name that is none of these.
    """
    found: dict[Path, Path] = {}
    issues: list[Issue] = []
    shipped = library()
    for name in names:
        path, inside = Path(name), [Path(name)]
        if path.is_dir():
            inside = sorted(path.glob("**/*.yaml"))
            if not inside:
                what = N_("There is no program (*.yaml) in the folder {name}.")
                issues.append(Issue("CLI002", message(what, name=name)))
        elif not path.exists() and path.suffix not in (".yaml", ".yml"):
            inside = [shipped[name]] if name in shipped else []
            if not inside:
                what = N_("There is no file and no program of the library called {name}.")
                hint = nearest(name, shipped)
                issues.append(Issue("CLI001", message(what, name=name), hint=hint))
        found |= {file.resolve(): file for file in inside}
    if issues:
        raise NotFound(message(N_("Not every program was found.")), issues)
    return list(found.values())


def programs(names: Iterable[str]) -> tuple[list[Program], list[Issue]]:
    """Return the programs meant by `names` and their warnings. Raises NotFound or ProgramError."""
    return load(program_files(names))


def one_program(name: str) -> Program:
    """Return the one program meant by `name`. Raises NotFound or ProgramError."""
    found, _ = programs([name])
    if len(found) != 1:
        raise ProgramError(message(N_("{name} holds several programs; name one."), name=name))
    return found[0]


def periods_of(program: Program, names: Sequence[str]) -> list[Period]:
    """Return the program's periods called `names`; without names, its only one.

    Raises DataError for what is no period's name, NotFound for a period the program does not have.
    """
    if names:
        wanted = [program.schedule.period(parse_period(name)) for name in names]
        return list(dict.fromkeys(wanted))
    known = program.schedule.periods()
    if program.schedule.every is Every.ONCE or len(known) == 1:
        return known
    what = N_("Program {name} has {count} periods; say which, e.g. --period {example}.")
    raise NotFound(message(what, name=program.id, count=len(known), example=known[0].name))
