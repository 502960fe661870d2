"""Which programs, which periods: what people type turned into what the rooms need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from cogrow.errors import N_, Issue, NotFound, ProgramError, message, nearest
from cogrow.facts import FactFiles
from cogrow.period import Period, parse_period
from cogrow.programs.parse import load
from cogrow.programs.program import Program
from cogrow.programs.versions import first_day, holds

LIBRARY = Path(__file__).parent.parent / "programs" / "library"


def library() -> dict[str, Path]:
    """Return the files of the programs that ship with cogrow, by program id."""
    return {path.stem: path for path in sorted(LIBRARY.glob("**/*.yaml"))}


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


def one_run(
    name: str,
    period_name: str | None,
    facts: FactFiles | None = None,
    beside: Sequence[str] = (),
) -> tuple[Program, Period, list[Program]]:
    """Return the one program meant by `name`, in the version that holds in the period, and all that
    it may depend on: its versions, those meant by `beside`, and those it is stacked with where they
    stand in the same folder or in the library. Festivals lie where `facts` have them.

    Raises NotFound or DataError for the period, ProgramError where several programs or versions fit.
    """
    own, found = with_stacked([name], beside)
    if facts is not None:
        # Heavy, and not needed to read programs.
        from cogrow.engines.batch.order import with_calendar

        own = [with_calendar(program, facts) for program in own]
    runs = runs_of(own, [period_name] if period_name else [])
    if len(runs) != 1:
        raise ProgramError(message(N_("{name} holds several programs; name one."), name=name))
    return *runs[0], found


def with_stacked(
    names: Sequence[str], beside: Sequence[str] = ()
) -> tuple[list[Program], list[Program]]:
    """Return the programs meant by `names`, and all they may depend on, as `one_run`."""
    named = [path.resolve() for path in program_files(names)]
    found, _ = load(program_files([*names, *beside]))
    own = [program for program in found if Path(program.file).resolve() in named]
    missing = {other for program in own for other in _stacked_with(program)} - {
        program.id for program in found
    }
    if missing and (near := _near(named[0].parent, missing)):
        found, _ = load(program_files([*names, *beside, *map(str, near)]))
        own = [program for program in found if Path(program.file).resolve() in named]
    return own, found


def _stacked_with(program: Program) -> tuple[str, ...]:
    return program.stacking.programs if program.stacking is not None else ()


def _near(folder: Path, missing: Iterable[str]) -> list[Path]:
    """Return the files of the folder, or of the library, that hold these programs."""
    shipped = library()
    wanted = {
        name: re.compile(rf"^program:\s*{re.escape(name)}\s*$", re.MULTILINE) for name in missing
    }
    found = []
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        names = [name for name, line in wanted.items() if line.search(text)]
        found += [path] if names else []
        wanted = {name: line for name, line in wanted.items() if name not in names}
    return [*found, *(shipped[name] for name in wanted if name in shipped)]


def runs_of(chosen: Sequence[Program], names: Sequence[str]) -> list[tuple[Program, Period]]:
    """Return every program with its periods called `names`; each version has those it holds in.

    Raises as `periods_of` does.
    """
    return [
        (program, period)
        for program in chosen
        for period in periods_of(program, names, [one for one in chosen if one.id == program.id])
    ]


def periods_of(
    program: Program, names: Sequence[str], versions: Sequence[Program] = ()
) -> list[Period]:
    """Return the program's periods called `names` that this version of it holds in; without names,
    its only one. A period may be that of another of the `versions`, where these are given.

    Raises UsageError for what is no period's name, NotFound for a period the program does not have,
    or that none of the versions holds in.
    """
    known = {
        (period.start, period.end): period
        for one in versions or [program]
        for period in one.schedule.periods()
        if holds(one, period)
    }
    if names:
        named = {period.name: period for period in known.values()}  # festivals have their own names
        wanted = [named[name] if name in named else parse_period(name) for name in names]
        for period in wanted:
            if (period.start, period.end) not in known:
                raise _not_held(program, period, versions)
        days = list(dict.fromkeys((period.start, period.end) for period in wanted))
    elif len(known) == 1:
        days = list(known)
    else:
        raise say_which(program, sorted(known.values()))
    own = {(period.start, period.end): period for period in program.schedule.periods()}
    return [own[d] for d in days if d in own and holds(program, own[d])]


def say_which(program: Program, known: Sequence[Period]) -> NotFound:
    """Return the complaint that nobody said which of the periods is meant."""
    what = N_("Program {name} has {count} periods; say which, e.g. --period {example}.")
    example = (known or program.schedule.periods())[0].name
    return NotFound(message(what, name=program.id, count=len(known), example=example))


def _not_held(program: Program, wanted: Period, versions: Sequence[Program]) -> NotFound:
    """Return why none of the versions has the period. Raises NotFound where the program has not."""
    period = program.period(wanted)
    what = N_("{period} of program {name} belongs to another version; these hold: {known}.")
    known = ", ".join(f"{one.version} {days_of(one)}" for one in versions or [program])
    return NotFound(message(what, period=str(period), name=program.id, known=known))


def days_of(program: Program) -> str:
    """Return the days a version holds: `2025-01-01..2025-03-31`, without a last day where none is set."""
    end = program.effective.end if program.effective is not None else None
    return f"{first_day(program)}..{end - timedelta(days=1) if end is not None else ''}"
