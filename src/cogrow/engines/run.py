"""Several programs in one run: earlier periods first, stacked programs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.embedded import Limits
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import open_engine
from cogrow.engines.plan import Engine, Plan
from cogrow.engines.scans.inputs import own_inputs, together
from cogrow.engines.scans.rollups import Rolled, roll_up
from cogrow.engines.scans.share import SharedRows, share
from cogrow.engines.scans.spans import Layout
from cogrow.engines.scans.store import Store
from cogrow.engines.spark.engine import open_spark
from cogrow.engines.spark.session import Master
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
    """One program in one period: its plan, its earnings, the hash of all they are made from, and whether
    they were there already.
    """

    program: Program
    period: Period
    plan: Plan
    table: pa.Table
    inputs: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier runs left: the folder of roll-ups (None: none are kept), and how to find the earnings
    of a run that are made from `inputs` (None: there are none).
    """

    rollups: Path | None
    earnings: Callable[[Program, Period, str], pa.Table | None]


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
    kept: Kept | None = None,
    master: Master | None = None,
) -> Iterator[tuple[Engine, Iterator[Ran]]]:
    """Yield the engine, and the earnings of the wanted runs as it computes them.

    `others` are what these may depend on: versions of earlier periods, programs they are stacked with.
    `merchant` narrows the facts to one merchant's where no program divides something among them.
    `alone` computes each as if there were no programs it is stacked with. What is `kept` of earlier runs
    is not computed again. With a `master`, Spark computes there, without roll-ups.

    Raises ProgramError for stacked programs that are missing, DataError where the facts lack what a
    program needs, EngineError.
    """
    wanted = [(with_calendar(program, facts), period) for program, period in wanted]
    others = [with_calendar(other, facts) for other in others]
    if kept is not None and master is not None:
        kept = replace(kept, rollups=None)
    batch = prepare(wanted, others, facts, merchant, kept, alone=alone)
    now = [batch.runs[0]]

    def report(percent: int, run: Run | None = None) -> None:
        now[0] = run or now[0]
        if progress is not None:
            progress(*now[0], percent)

    opened: AbstractContextManager[Engine]
    plans, one = batch.plans, batch.merchant
    if master is not None:
        opened = open_spark(facts, plans, master, merchant=one, progress=report)
    else:
        writes = [batch.store.folder] if batch.store is not None else []
        opened = open_engine(facts, plans, limits, merchant=one, progress=report, writes=writes)
    asked = {_key(*run) for run in wanted}
    with opened as engine:
        yield (
            engine,
            (
                ran
                for ran in _computed(engine, batch, report)
                if _key(ran.program, ran.period) in asked
            ),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is computed in one go: all runs with their plans and the hash of what they are made from, the
    earnings that are there already, and the plans of the others as they read what is shared and kept.
    """

    runs: list[Run]
    plans: list[Plan]
    made_of: list[str]
    ready: dict[int, pa.Table]
    reading: dict[int, Plan]
    shared: list[SharedRows]
    rolled: Rolled
    store: Store | None
    merchant: str | None

    @property
    def to_do(self) -> list[Run]:
        """Return the runs that are to be computed."""
        return [self.runs[at] for at in self.reading]


def prepare(
    wanted: Sequence[Run],
    others: Sequence[Program],
    facts: FactFiles,
    merchant: str | None,
    kept: Kept | None,
    *,
    alone: bool = False,
) -> Batch:
    """Return what is to be computed for the wanted runs, and how; as `running`."""
    runs = closed(wanted, others, alone=alone)
    plans = [compile_plan(program, period, facts) for program, period in runs]
    if any(plan.together for plan in plans):
        merchant = None
    layout = Layout(facts)
    # Only who keeps results asks what they are made from: it costs a look at every file.
    known = inputs_of(runs, others, layout, plans, alone=alone) if kept is not None else []
    made_of = known or [""] * len(runs)
    ready = {
        at: table
        for at, run in enumerate(runs)
        if kept is not None and (table := kept.earnings(*run, made_of[at])) is not None
    }
    left = [at for at in range(len(runs)) if at not in ready]
    folder = kept.rollups if kept is not None and merchant is None else None
    store = Store(folder) if folder is not None else None
    rolled = roll_up([plans[at] for at in left], layout, store)
    shared, reading = share(rolled.plans) if merchant is None else ([], rolled.plans)
    at_hand = dict(zip(left, reading, strict=True))
    return Batch(runs, plans, made_of, ready, at_hand, shared, rolled, store, merchant)


def _computed(engine: Engine, batch: Batch, report: Callable[..., None]) -> Iterator[Ran]:
    """Yield the earnings of all runs of a batch, each after what it depends on."""
    if batch.store is not None:
        for done, one in enumerate(batch.rolled.build):
            report(100 * done // len(batch.rolled.build))
            engine.roll_up(one, batch.store)
        engine.view(batch.rolled.names, batch.store)
    for rows in batch.shared:
        report(0)
        engine.share(rows)
    for job in order(batch.runs):
        at, run = job.run, batch.runs[job.run]
        report(0, run)
        if job.offers:
            if _is_offered(run[0], batch.to_do):
                engine.offer(batch.reading.get(at, batch.plans[at]))
            continue
        table = batch.ready[at] if at in batch.ready else engine.earn(batch.reading[at])
        if _is_read(run[0], batch.to_do):
            engine.remember(batch.plans[at], table)
        yield Ran(*run, batch.plans[at], table, batch.made_of[at], at in batch.ready)
        report(100)


def inputs_of(
    runs: Sequence[Run],
    others: Sequence[Program],
    layout: Layout,
    plans: Sequence[Plan] = (),
    *,
    alone: bool = False,
) -> list[str]:
    """Return, by run, the hash of all its earnings are made from: plans, files, what it depends on.

    The runs are `closed`; their `plans` are compiled where they are not given.
    """
    plans = plans or [compile_plan(program, period, layout.facts) for program, period in runs]
    own = {_key(*run): own_inputs(plan, layout) for run, plan in zip(runs, plans, strict=True)}
    known = [*others, *(program for program, _ in runs)]
    return [
        together([own[_key(*one)] for one in closed([run], known, alone=alone)]) for run in runs
    ]


def _is_offered(program: Program, to_do: Sequence[Run]) -> bool:
    """Return whether a run that is to be computed chooses among offers, the program's one of them."""
    stackings = (other.stacking for other, _ in to_do)
    return any(s is not None and s.chooses and program.id in s.programs for s in stackings)


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
    kept: Kept | None = None,
    master: Master | None = None,
) -> list[Ran]:
    """Return the earnings of the wanted runs, in their order; as `running`."""
    opened = running(
        wanted,
        facts,
        limits,
        others=others,
        merchant=merchant,
        alone=alone,
        progress=progress,
        kept=kept,
        master=master,
    )
    with opened as (_, computed):
        found = {_key(ran.program, ran.period): ran for ran in computed}
    return [found[_key(*run)] for run in wanted]
