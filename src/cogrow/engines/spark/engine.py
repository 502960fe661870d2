"""Runs plans on Spark: the same Parquet in, the same earnings out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.engines.plan import DIALECT, FactRows, Plan, Progress, Rejected
from cogrow.engines.spark.dialect import spark_sql
from cogrow.engines.spark.session import Master, session
from cogrow.engines.steps.beside import EARNED, OF_EARNINGS, OFFERED
from cogrow.engines.steps.result import as_earnings
from cogrow.errors import N_, EngineError, Unsupported, message
from cogrow.facts import FactFiles, Kind
from cogrow.period import Period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from cogrow.engines.scans.rollups import RollUp
    from cogrow.engines.scans.share import SharedRows
    from cogrow.engines.scans.store import Store

#: What each kind of column is on Spark.
KINDS = {
    Kind.TEXT: "STRING",
    Kind.MONEY: "BIGINT",
    Kind.COUNT: "INT",
    Kind.NUMBER: "DECIMAL(18,6)",
    Kind.INSTANT: "TIMESTAMP_NTZ",
    Kind.DAY: "DATE",
    Kind.FLAG: "BOOLEAN",
}

_BESIDE = {
    EARNED: "program STRING, starts_on DATE, ends_on DATE, merchant_id STRING, component STRING, "
    "limited_minor BIGINT, amount_minor BIGINT",
    OFFERED: "program STRING, starts_on DATE, ends_on DATE, merchant_id STRING, takes_part BOOLEAN, "
    "limited_minor BIGINT",
}


class Spark:
    """Runs plans over facts, as the embedded engine does. Use as a context manager's value."""

    def __init__(
        self, session: SparkSession, worker: ThreadPoolExecutor, progress: Progress | None
    ) -> None:
        self._session, self._worker, self._progress = session, worker, progress
        self._kept: dict[tuple[str, str, Period], str] = {}
        self._beside: dict[str, list[pa.Table]] = {name: [] for name in _BESIDE}
        self._held: list[DataFrame] = []
        for name, columns in _BESIDE.items():
            # Not from a list: rows of Python would start a Python worker, and keep it.
            parts = (one.strip().split(" ") for one in columns.split(","))
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in parts)
            session.sql(f"SELECT {nulls} LIMIT 0").createOrReplaceTempView(name)

    def share(self, rows: SharedRows) -> None:
        """Keep the rows of a fact table that several plans read."""
        self._hold(rows.name, rows.query.sql(DIALECT))

    def roll_up(self, rollup: RollUp, store: Store) -> int:
        """Refuse: roll-ups are kept by the embedded engine."""
        raise _unsupported(N_("keeping roll-ups"))

    def view(self, names: Iterable[str], store: Store) -> None:
        """Refuse: roll-ups are read by the embedded engine."""
        raise _unsupported(N_("reading roll-ups"))

    def offer(self, plan: Plan) -> None:
        """Keep what the plan would give if its program stood alone, for those it is stacked with."""
        name = self._kept_of(plan, "limited")
        parts = [c for c in self._session.table(name).columns if re.fullmatch(r"limited_\d+", c)]
        total = " + ".join(parts)
        found = self._arrow(
            f"SELECT merchant_id, takes_part, CAST({total} AS BIGINT) AS limited_minor FROM {name}"
        )
        self._remember(OFFERED, plan.program, plan.period, found)

    def resume(self, plan: Plan, query: exp.Select, before: pa.Table) -> None:
        """Refuse: on Spark everybody is computed."""
        raise _unsupported(N_("going on from earlier earnings"))

    def remember(self, program: Program, period: Period, table: pa.Table) -> None:
        """Keep what a program earned, for later periods and the programs after it."""
        self._remember(EARNED, program.id, period, table.select(OF_EARNINGS))

    def _remember(self, name: str, program: str, period: Period, table: pa.Table) -> None:
        import pyarrow as pa

        rows = table.num_rows
        told = {
            "program": pa.array([program] * rows, pa.string()),
            "starts_on": pa.array([period.start] * rows, pa.date32()),
            "ends_on": pa.array([period.end] * rows, pa.date32()),
        }
        columns = {**told, **{c: table.column(c) for c in table.column_names}}
        self._beside[name].append(pa.table(columns))
        # In one piece: of several, Spark drops all that comes after two that are empty, and says nothing.
        whole = pa.concat_tables(self._beside[name]).combine_chunks()
        found = self._session.createDataFrame(whole, _BESIDE[name])
        found.createOrReplaceTempView(name)

    def remembered(self, merchant: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Refuse: explanations are told by the embedded engine."""
        raise _unsupported(N_("telling what one merchant earned so far"))

    def earn(self, plan: Plan) -> pa.Table:
        """Return the earnings of the plan, ordered by merchant and component.

        Raises DataError where measured rows are in another currency than the program's, EngineError
        where an amount leaves 64 bits or an intermediate 38 digits.
        """
        known: dict[str, str] = {}
        key = plan.program, plan.version, plan.period
        if isinstance(plan.steps[-1].query, exp.SetOperation):
            # Spark computes a step again wherever it is read; all components read the one before.
            last = plan.steps[-2].name
            known = {last: self._kept_of(plan, last)}
        elif key in self._kept:
            known = {"limited": self._kept[key]}
        return as_earnings(plan, self._arrow(plan.sql(DIALECT, known=known)))

    def rows(self, plan: Plan, listed: FactRows | Rejected) -> pa.Table:
        """Return the fact rows that are listed, oldest first."""
        return self._arrow(plan.listing(listed.query).sql(DIALECT))

    def things(self, plan: Plan, component: str, merchant: str) -> pa.Table:
        """Return the things a component pays a merchant for, with what each was and earned."""
        return self._arrow(plan.things_sql(DIALECT, component, merchant))

    # -- talking to Spark ------------------------------------------------------------------------

    def _kept_of(self, plan: Plan, step: str) -> str:
        """Return the view that holds a step of the plan, computed once."""
        key = plan.program, plan.version, plan.period
        known = {"limited": self._kept[key]} if key in self._kept else {}
        if step in known:
            return known[step]
        name = f"{step}_{len(self._held) + 1}"
        self._hold(name, plan.sql(DIALECT, upto=step, known=known))
        if step == "limited":
            self._kept[key] = name
        return name

    def _hold(self, name: str, sql: str) -> None:
        held = self._session.sql(spark_sql(sql)).persist()
        held.createOrReplaceTempView(name)
        self._held.append(held)

    def release(self) -> None:
        """Let go of what was kept."""
        for held in self._held:
            held.unpersist()

    def _arrow(self, sql: str) -> pa.Table:
        return plain(self._watched(lambda: self._session.sql(spark_sql(sql)).toArrow()))

    def _watched(self, work: Callable[[], Any]) -> Any:
        """Do the work beside this thread, saying how far it is; Ctrl-C ends it."""
        context = self._session.sparkContext
        group = f"cogrow-{id(self)}"

        def grouped() -> Any:
            context.setJobGroup(group, "cogrow", interruptOnCancel=True)
            return work()

        try:
            running = self._worker.submit(grouped)
            while True:
                try:
                    return running.result(timeout=0.2)
                except NotYet:
                    if self._progress is not None:
                        self._progress(self._percent())
        except KeyboardInterrupt:
            self._worker.shutdown(wait=False, cancel_futures=True)
            context.cancelJobGroup(group)
            raise

    def _percent(self) -> int:
        """Return how much of the stages that run now is done."""
        tracker = self._session.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        tasks = sum(stage.numTasks for stage in stages if stage is not None)
        done = sum(stage.numCompletedTasks for stage in stages if stage is not None)
        return 100 * done // tasks if tasks else 0


def plain(table: pa.Table) -> pa.Table:
    """Return the table as the embedded engine types it: every column may be null."""
    import pyarrow as pa

    fields = [
        pa.field(one.name, pa.int32() if pa.types.is_null(one.type) else one.type)
        for one in table.schema
    ]
    return table.cast(pa.schema(fields))


@contextmanager
def open_spark(
    facts: FactFiles,
    plans: list[Plan],
    master: Master,
    *,
    merchant: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Spark]:
    """Yield an engine over the tables the plans read, on the master.

    Raises EngineError for what Spark cannot do: an amount beyond 64 bits, an intermediate beyond 38
    digits, a master that is gone; Unsupported for one merchant alone.
    """
    if merchant is not None:
        raise _unsupported(N_("computing one merchant alone"))
    started = session(master)
    from pyspark.errors import PySparkException

    try:
        for name in facts.tables:
            if any(name in plan.reads for plan in plans):
                files = facts.tables[name]
                columns = ", ".join(f"`{c}` {KINDS[kind]}" for c, kind in files.columns.items())
                read = started.read.schema(columns).parquet(*files.paths)
                read.createOrReplaceTempView(name)
        with ThreadPoolExecutor(1) as worker:
            engine = Spark(started, worker, progress)
            try:
                yield engine
            finally:
                engine.release()
    except PySparkException as error:
        said = (error.getMessage() or str(error)).split("\n")[0]
        raise EngineError(message(_problem(error), problem=said)) from error


def _problem(error: Any) -> str:
    kind = error.getCondition() or ""
    if any(word in kind for word in ("OVERFLOW", "OUT_OF_RANGE", "EXCEEDS_MAX_PRECISION")):
        return N_("An amount is too large: {problem}")
    return N_("Spark could not finish: {problem}")


def _unsupported(operation: str) -> Unsupported:
    return Unsupported(message(operation), engine="spark", alternative="duckdb")
