"""Several programs in one run: earlier periods first, stacked programs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from cogrow.embedded import Limits
from cogrow.engines.batch.affected import renewed
from cogrow.engines.batch.order import Run, key_of, order, with_calendar
from cogrow.engines.batch.prepare import Batch, Found, Kept, Ran, filled, prepare
from cogrow.engines.batch.resumed import earned_before
from cogrow.engines.duckdb import open_engine
from cogrow.engines.plan import Engine
from cogrow.engines.spark.engine import open_spark
from cogrow.engines.spark.session import Master
from cogrow.engines.steps.beside import OF_EARNINGS
from cogrow.engines.steps.result import LABELED, labeled, labels_of
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa

#: Called with the run that is computed and how much of it is done, in percent.
Progress = Callable[[Program, Period, int], None]


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
    plans, one = batch.at_work, batch.merchant
    if master is not None:
        opened = open_spark(facts, plans, master, merchant=one, progress=report)
    else:
        writes = [batch.store.folder] if batch.store is not None else []
        opened = open_engine(
            facts, plans, limits, merchant=one, progress=report, writes=writes, also=batch.also
        )
    asked = {key_of(run) for run in wanted}
    with opened as engine, ThreadPoolExecutor(1) as beside:
        # What earnings are made from is looked up while the engine computes the first of them.
        looked = beside.submit(batch.origins)
        batch = replace(batch, origins=looked.result)
        if batch.reading:  # all that is computed needs this, and it is heavy
            beside.submit(import_module, "pyarrow.compute")
        yield (
            engine,
            (
                ran
                for ran in _computed(engine, batch, report)
                if key_of((ran.program, ran.period)) in asked
            ),
        )


def _computed(engine: Engine, batch: Batch, report: Callable[..., None]) -> Iterator[Ran]:
    """Yield the earnings of all runs of a batch, each after what it depends on."""
    build, kept = batch.rolled.build, dict[str, int | None]()
    for done, (one, rows) in enumerate(filled(engine, batch), start=1):
        report(100 * done // len(build) if done < len(build) else 0)
        kept[one.name] = rows
    # Of whom no new row counts: there is nothing to compute, and nothing to offer.
    nobody = {at for at, name in batch.who.items() if kept[name] == 0} - batch.resumed
    for job in order(batch.runs):
        at, run = job.run, batch.runs[job.run]
        report(0, run)
        if job.offers:
            if at in batch.offered and at not in nobody:
                _resume(engine, batch, at)
                engine.offer(batch.plan(at))
            continue
        there = batch.ready.get(at)
        if there is not None:
            if at in batch.remembered:
                _remember(engine, batch, run, there.load(OF_EARNINGS))
            yield batch.ran(at, partial(there.load, None))
            report(100)
            continue
        if at not in batch.offered:
            _resume(engine, batch, at)
        rest = batch.before.get(at) if at not in batch.resumed else None
        table = engine.earn(batch.reading[at]) if at not in nobody else _no_rows()
        anew = table.num_rows // len(run[0].components) if rest is not None else None
        earned = partial(_whole, run, rest, table)
        if at in batch.remembered:
            whole = earned()
            _remember(engine, batch, run, whole)
            earned = partial(_whole, run, None, whole)
        yield batch.ran(at, earned, anew)
        report(100)


def _resume(engine: Engine, batch: Batch, at: int) -> None:
    """Let a run that is computed for some merchants go on for all, where it must."""
    if at in batch.resumed:
        plan, (program, _) = batch.reading[at], batch.runs[at]
        engine.resume(plan, earned_before(program, plan), batch.before[at].load(None))


def _remember(engine: Engine, batch: Batch, run: Run, table: pa.Table) -> None:
    """Let the engine know what a run earned. Where that is added up for all merchants, who earned nothing
    adds nothing; of a single one every row is shown.
    """
    import pyarrow.compute as pc

    if batch.merchant is None:
        some = (pc.not_equal(table.column(name), 0) for name in ("limited_minor", "amount_minor"))
        table = table.filter(pc.or_kleene(*some))
    engine.remember(*run, table)


def _no_rows() -> pa.Table:
    """Return the earnings of nobody."""
    import pyarrow as pa

    return pa.table({"merchant_id": pa.array([], pa.string())})


def _whole(run: Run, before: Found | None, table: pa.Table) -> pa.Table:
    """Return the earnings of everybody, where the table has them only of those they changed for."""
    if before is None:
        return table
    if not table.num_rows:
        return renewed(before.load(None), table)
    # What is the same in every row is quicker said again than read.
    own = [name for name in table.column_names if name not in LABELED]
    return labeled(labels_of(*run), renewed(before.load(own), table.select(own)))


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
        found = {key_of((ran.program, ran.period)): ran for ran in computed}
    return [found[key_of(run)] for run in wanted]
