"""A plan run step by step: what each step reads, how many rows it has, and how long it takes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from cogrow.embedded import Limits
from cogrow.engines.batch.order import Run, order, with_calendar
from cogrow.engines.batch.prepare import Batch, Kept, filled, prepare
from cogrow.engines.duckdb import DuckDB, open_engine
from cogrow.engines.plan import Plan
from cogrow.engines.scans.rollups import RollUp
from cogrow.errors import N_, Message, message
from cogrow.facts import FactFiles
from cogrow.programs.program import Program

#: Returns seconds, from whatever moment.
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Took:
    """A step of a run: what it does, what it reads, its rows, and the seconds it took alone.

    `shared` are the tables it reads that other steps read as well, `rollups` how many roll-ups. A step
    without a run is one for all of them.
    """

    run: Run | None
    name: str
    sentence: Message
    reads: tuple[str, ...]
    shared: tuple[str, ...]
    rollups: int
    rows: int
    seconds: float


def timed(
    wanted: Sequence[Run],
    others: Sequence[Program],
    facts: FactFiles,
    limits: Limits,
    kept: Kept | None,
    clock: Clock,
) -> Iterator[Took]:
    """Yield every step of the wanted runs and all they depend on, each as a table of its own.

    Raises as `running`.
    """
    runs = [(with_calendar(program, facts), period) for program, period in wanted]
    others = [with_calendar(other, facts) for other in others]
    batch = prepare(runs, others, facts, None, kept)
    writes = [batch.store.folder] if batch.store is not None else []
    with open_engine(facts, batch.at_work, limits, writes=writes, also=batch.also) as engine:
        yield from _beforehand(engine, batch, clock)
        shared = {rows.name for rows in batch.shared}
        for job in order(batch.runs):
            plan = batch.reading[job.run]
            if job.offers:
                engine.offer(plan)
                continue
            yield from _steps(
                engine, plan, batch.runs[job.run], shared, set(batch.rolled.names), clock
            )
            engine.remember(*batch.runs[job.run], engine.earn(plan))


def _beforehand(engine: DuckDB, batch: Batch, clock: Clock) -> Iterator[Took]:
    """Build roll-ups and shared tables, and yield what that took."""
    start = clock()
    for one, rows in filled(engine, batch):
        took = clock() - start
        if isinstance(one, RollUp):
            what = N_("what {file} adds, a row per merchant, kept for later runs")
            said = message(what, file=f"{one.file.table}/{one.file.path.rpartition('/')[2]}")
            reads = tuple(one.sources)
        else:
            said = message(N_("rows that several steps read, joined once"))
            reads = _tables(one.query)
        yield Took(None, one.name, said, reads, (), 0, rows or 0, took)
        start = clock()


def _steps(
    engine: DuckDB, plan: Plan, run: Run, shared: set[str], rollups: set[str], clock: Clock
) -> Iterator[Took]:
    made: list[str] = []
    try:
        for step in plan.steps:
            start = clock()
            rows = engine.keep(step.name, step.query)
            took = clock() - start
            made.append(step.name)
            reads = _tables(step.query)
            yield Took(
                run,
                step.name,
                step.sentence,
                tuple(name for name in reads if name not in rollups | shared),
                tuple(name for name in reads if name in shared),
                sum(name in rollups for name in reads),
                rows,
                took,
            )
    finally:
        for name in made:
            engine.drop(name)


def _tables(query: exp.Query) -> tuple[str, ...]:
    own = {cte.alias for cte in query.find_all(exp.CTE)}
    names = (table.name or table.alias for table in query.find_all(exp.Table))
    return tuple(dict.fromkeys(name for name in names if name not in own))
