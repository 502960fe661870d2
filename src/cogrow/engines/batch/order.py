"""Which programs are computed in which periods for those that are asked for, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from graphlib import CycleError, TopologicalSorter

from cogrow.engines.steps.beside import needs_earlier
from cogrow.errors import N_, ProgramError, message
from cogrow.facts import FactFiles
from cogrow.period import Every, Period
from cogrow.programs.program import Program
from cogrow.programs.versions import holds

#: A program in one of its periods.
Run = tuple[Program, Period]

#: What tells runs apart: the program, its version, the period.
Key = tuple[str, str, Period]


def key_of(run: Run) -> Key:
    """Return what tells a run apart from others."""
    program, period = run
    return program.id, program.version, period


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to compute: what a run offers to those it is stacked with, or what it earns."""

    run: int
    offers: bool


def with_calendar(program: Program, facts: FactFiles) -> Program:
    """Return the program with the days of its festival as the facts have them, oldest first. An occasion
    is called by its year, `618-2025`; where another of that year comes before it, by its first day. So the
    first keeps its name, under which it is booked, when one more is entered.
    """
    schedule = program.schedule
    asks = schedule.every is Every.FESTIVAL and not schedule.calendar
    if not asks or "calendar" not in facts.tables:
        return program
    import pyarrow.parquet as pq

    found: set[tuple[date, date]] = set()
    for path in facts.tables["calendar"].paths:
        for row in pq.read_table(path, columns=["name", "starts_on", "ends_on"]).to_pylist():
            if row["name"] == schedule.festival:
                found.add((row["starts_on"], row["ends_on"] + timedelta(days=1)))
    calendar: list[Period] = []
    for start, end in sorted(found):
        again = calendar and calendar[-1].start.year == start.year
        called = f"{schedule.festival}-{start if again else start.year}"
        calendar.append(Period(start, end, called))
    return replace(program, schedule=replace(schedule, calendar=tuple(calendar)))


def closed(
    wanted: Sequence[Run], others: Sequence[Program] = (), *, alone: bool = False
) -> list[Run]:
    """Return the wanted runs and all they depend on: earlier periods, and the programs they are
    stacked with in the same days (`alone`: none). These are of the wanted programs and the `others`.

    Raises ProgramError where one of these is not among the programs, or is cut into other periods.
    """
    known = [*(program for program, _ in wanted), *others]
    programs = list({(program.id, program.version): program for program in known}.values())
    _refuse_shared_funds(programs)
    found: dict[Key, Run] = {}
    waiting = list(wanted)
    while waiting:
        program, period = waiting.pop(0)
        key = key_of((program, period))
        if key in found:
            continue
        found[key] = program, period
        if needs_earlier(program):
            waiting += _before(program, period, programs)
        if program.stacking is not None and not alone:
            for other in program.stacking.programs:
                waiting += _beside(program, period, other, programs)
    return list(found.values())


def _refuse_shared_funds(programs: Iterable[Program]) -> None:
    owners: dict[str, str] = {}
    for program in programs:
        if program.fund is None:
            continue
        other = owners.setdefault(program.fund.id, program.id)
        if other != program.id:
            what = N_(
                "The programs {name} and {other} draw on one fund, {fund}; give each its own."
            )
            raise ProgramError(message(what, name=program.id, other=other, fund=program.fund.id))


def _before(program: Program, period: Period, programs: Iterable[Program]) -> Iterator[Run]:
    for version in programs:
        if version.id == program.id:
            for earlier in version.schedule.periods():
                if earlier.start < period.start and holds(version, earlier):
                    yield version, earlier


def _beside(
    program: Program, period: Period, name: str, programs: Iterable[Program]
) -> Iterator[Run]:
    versions = [other for other in programs if other.id == name]
    if not versions:
        what = N_("Program {name} is stacked with {other}; compute both in one run.")
        raise ProgramError(message(what, name=program.id, other=name))
    chooses = program.stacking is not None and program.stacking.chooses
    if chooses and any(other.stacking != program.stacking for other in versions):
        what = N_("Program {name} is stacked with {other}, which does not say the same of both.")
        raise ProgramError(message(what, name=program.id, other=name))
    for version in versions:
        for other in version.schedule.periods():
            if not holds(version, other):
                continue
            if (other.start, other.end) == (period.start, period.end):
                yield version, other
            elif other.start < period.end and period.start < other.end:
                what = N_(
                    "{name} and {other} are stacked but cut into other periods: {one}, {two}."
                )
                said = {"name": program.id, "other": name, "one": str(period), "two": str(other)}
                raise ProgramError(message(what, **said))


def order(runs: Sequence[Run]) -> list[Job]:
    """Return the jobs of the runs so that each comes after what it depends on."""
    sorter: TopologicalSorter[Job] = TopologicalSorter()
    known = _by_program(runs)
    for at, (program, _) in enumerate(runs):
        stacking, job = program.stacking, Job(at, offers=False)
        chosen = stacking is not None and stacking.chooses
        begun = Job(at, offers=chosen)
        sorter.add(job, *([begun] if chosen else []))
        sorter.add(begun, *(Job(n, offers=False) for n in _earned_before(at, runs, known)))
        sorter.add(job, *(Job(n, offers=chosen) for n in _stacked_with(at, runs, known)))
    try:
        jobs = list(sorter.static_order())
    except CycleError as error:
        names = " → ".join(dict.fromkeys(str(runs[job.run][0].id) for job in error.args[1]))
        what = N_("These programs are stacked so that each needs the other first: {names}.")
        raise ProgramError(message(what, names=names)) from error
    return jobs


def needed(runs: Sequence[Run], to_do: Sequence[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return what those that are to be computed need: the runs that must be offered, themselves among
    them where they are chosen from; and the runs whose earnings must be known, themselves among them
    where others of their kind are, so that whoever explains them finds all together.
    """
    known, offered, earned = _by_program(runs), set[int](), set[int]()
    for at in to_do:
        stacking = runs[at][0].stacking
        if stacking is not None:
            beside = {at, *_beside_it(at, stacking.programs, runs, known)}
            (offered if stacking.chooses else earned).update(beside)
    for at in {*to_do, *offered}:
        if needs_earlier(runs[at][0]):
            earned |= {at, *_earned_before(at, runs, known)}
    return frozenset(offered), frozenset(earned)


def chosen_among(at: int, runs: Sequence[Run]) -> set[int]:
    """Return the runs in the same days that a run is chosen among, itself too; that alone for any other."""
    program, _ = runs[at]
    if program.stacking is None or not program.stacking.chooses:
        return {at}
    return {at, *_beside_it(at, program.stacking.programs, runs, _by_program(runs))}


def _by_program(runs: Sequence[Run]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for at, (program, _) in enumerate(runs):
        found.setdefault(program.id, []).append(at)
    return found


def _earned_before(at: int, runs: Sequence[Run], known: dict[str, list[int]]) -> list[int]:
    """Return the earlier periods of a run's program, where it depends on them."""
    program, period = runs[at]
    if not needs_earlier(program):
        return []
    return [n for n in known[program.id] if runs[n][1].start < period.start]


def _stacked_with(at: int, runs: Sequence[Run], known: dict[str, list[int]]) -> list[int]:
    """Return the runs in the same days that a run is chosen among, or that come before it in order."""
    program, _ = runs[at]
    if program.stacking is None:
        return []
    names = program.stacking.programs
    if not program.stacking.chooses:
        names = names[: names.index(program.id)]
    return _beside_it(at, names, runs, known)


def _beside_it(
    at: int, names: Iterable[str], runs: Sequence[Run], known: dict[str, list[int]]
) -> list[int]:
    days = runs[at][1].start, runs[at][1].end
    others = (n for name in names for n in known.get(name, ()) if n != at)
    return [n for n in others if (runs[n][1].start, runs[n][1].end) == days]
