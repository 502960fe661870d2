"""Several programs in one run: earlier periods first, stacked programs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.embedded import Limits
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import DuckDB, open_engine
from cogrow.engines.plan import Plan
from cogrow.engines.scans.rollups import Rolled, roll_up
from cogrow.engines.scans.share import share
from cogrow.engines.scans.store import Store
from cogrow.engines.steps.beside import needs_earlier
from cogrow.errors import N_, ProgramError, message
from cogrow.facts import FactFiles
from cogrow.period import Every, Period
from cogrow.programs.program import Program
from cogrow.programs.versions import holds

if TYPE_CHECKING:
    import pyarrow as pa

#: A program in one of its periods.
Run = tuple[Program, Period]

#: Called with the run that is computed and how much of it is done, in percent.
Progress = Callable[[Program, Period, int], None]


#: What tells runs apart: the program, its version, the period.
Key = tuple[str, str, Period]


def _key(program: Program, period: Period) -> Key:
    return program.id, program.version, period


@dataclass(frozen=True, slots=True)
class Ran:
    """One program in one period: its plan and its earnings."""

    program: Program
    period: Period
    plan: Plan
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to compute: what a run offers to those it is stacked with, or what it earns."""

    run: int
    offers: bool


def with_calendar(program: Program, facts: FactFiles) -> Program:
    """Return the program with the days of its festival as the facts have them, oldest first."""
    schedule = program.schedule
    asks = schedule.every is Every.FESTIVAL and not schedule.calendar
    if not asks or "calendar" not in facts.tables:
        return program
    import pyarrow.parquet as pq

    found: set[Period] = set()
    for path in facts.tables["calendar"].paths:
        for row in pq.read_table(path, columns=["name", "starts_on", "ends_on"]).to_pylist():
            if row["name"] == schedule.festival:
                start, last = row["starts_on"], row["ends_on"]
                name = f"{row['name']}-{start.year}"
                found.add(Period(start, last + timedelta(days=1), name))
    return replace(program, schedule=replace(schedule, calendar=tuple(sorted(found))))


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
        key = _key(program, period)
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
    for at, (program, period) in enumerate(runs):
        stacking, job = program.stacking, Job(at, offers=False)
        chosen = stacking is not None and stacking.chooses
        begun = Job(at, offers=chosen)
        sorter.add(job, *([begun] if chosen else []))
        for other_at, (other, days) in enumerate(runs):
            if other.id == program.id and days.start < period.start and needs_earlier(program):
                sorter.add(begun, Job(other_at, offers=False))
            if stacking is None or other.id not in stacking.programs or other_at == at:
                continue
            if (days.start, days.end) != (period.start, period.end):
                continue
            if chosen:
                sorter.add(job, Job(other_at, offers=True))
            elif stacking.programs.index(other.id) < stacking.programs.index(program.id):
                sorter.add(job, Job(other_at, offers=False))
    try:
        jobs = list(sorter.static_order())
    except CycleError as error:
        names = " → ".join(dict.fromkeys(str(runs[job.run][0].id) for job in error.args[1]))
        what = N_("These programs are stacked so that each needs the other first: {names}.")
        raise ProgramError(message(what, names=names)) from error
    return jobs


@contextmanager
def running(
    wanted: Sequence[Run],
    facts: FactFiles,
    limits: Limits,
    *,
    others: Sequence[Program] = (),
    merchant: str | None = None,
    alone: bool = False,
    progress: Progress | None = None,
    rollups: Path | None = None,
) -> Iterator[tuple[DuckDB, Iterator[Ran]]]:
    """Yield the engine, and the earnings of the wanted runs as it computes them.

    `others` are what these may depend on: versions of earlier periods, programs they are stacked with.
    `merchant` narrows the facts to one merchant's where no program divides something among them.
    `alone` computes each as if there were no programs it is stacked with. `rollups` is a folder of
    roll-ups to read, and to build what is missing in.

    Raises ProgramError for stacked programs that are missing, DataError where the facts lack what a
    program needs, EngineError.
    """
    wanted = [(with_calendar(program, facts), period) for program, period in wanted]
    runs = closed(wanted, [with_calendar(other, facts) for other in others], alone=alone)
    plans = [compile_plan(program, period, facts) for program, period in runs]
    if any(plan.together for plan in plans):
        merchant = None
    store = Store(rollups) if rollups is not None and merchant is None else None
    rolled = roll_up(plans, facts, store) if store is not None else Rolled([], [], plans)
    shared, reading = share(rolled.plans) if merchant is None else ([], plans)
    now = [runs[0]]

    def report(percent: int) -> None:
        if progress is not None:
            progress(*now[0], percent)

    def computed() -> Iterator[Ran]:
        asked = {_key(*run) for run in wanted}
        if store is not None:
            for done, one in enumerate(rolled.build):
                report(100 * done // len(rolled.build))
                engine.roll_up([one], store)
            engine.view(rolled.names, store)
        for rows in shared:
            report(0)
            engine.share(rows)
        for job in order(runs):
            program, period = now[0] = runs[job.run]
            report(0)
            plan = reading[job.run]
            if job.offers:
                engine.offer(plan)
                continue
            table = engine.earn(plan)
            if _is_read(program, runs):
                engine.remember(plan, table)
            if _key(program, period) in asked:
                yield Ran(program, period, plans[job.run], table)
            report(100)

    writes = [store.folder] if store is not None else []
    opened = open_engine(facts, plans, limits, merchant=merchant, progress=report, writes=writes)
    with opened as engine:
        yield engine, computed()


def _is_read(program: Program, runs: Sequence[Run]) -> bool:
    """Return whether a run reads what the program earned."""
    if any(needs_earlier(other) for other, _ in runs if other.id == program.id):
        return True
    stackings = (other.stacking for other, _ in runs)
    return any(s is not None and not s.chooses and program.id in s.programs for s in stackings)


def run_programs(
    wanted: Sequence[Run],
    facts: FactFiles,
    limits: Limits,
    *,
    others: Sequence[Program] = (),
    merchant: str | None = None,
    alone: bool = False,
    progress: Progress | None = None,
) -> list[Ran]:
    """Return the earnings of the wanted runs, in their order; as `running`."""
    opened = running(
        wanted, facts, limits, others=others, merchant=merchant, alone=alone, progress=progress
    )
    with opened as (_, computed):
        found = {_key(ran.program, ran.period): ran for ran in computed}
    return [found[_key(*run)] for run in wanted]
