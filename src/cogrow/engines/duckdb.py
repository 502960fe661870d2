"""The embedded engine: reads Parquet where it lies, within a memory limit, spilling to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.embedded import Limits, connect
from cogrow.engines.narrow import narrow
from cogrow.engines.plan import FactRows, Plan
from cogrow.errors import N_, DataError, EngineError, Issue, Message, Span, message
from cogrow.facts import FactFiles

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

DIALECT = "duckdb"

#: Called with how much of the running query is done, in percent.
Progress = Callable[[int], None]


class DuckDB:
    """Runs plans over facts, whole or narrowed to one merchant. Use as a context manager's value."""

    def __init__(self, connection: DuckDBPyConnection, progress: Progress | None) -> None:
        self._connection, self._progress = connection, progress

    def earn(self, plan: Plan) -> pa.Table:
        """Return the earnings of the plan, ordered by merchant and component.

        Raises DataError where measured rows are in another currency than the program's, EngineError
        where an amount leaves 64 bits, or memory or disk run out.
        """
        table = self._arrow(plan.sql(DIALECT))
        foreign = sum(table.column("foreign_rows").to_pylist())
        if foreign:
            what = N_("{count} rows that would count are in another currency than the program's.")
            hint = message(N_("Add a condition on `currency` to `qualifying`, or convert them."))
            issue = Issue("FCT103", message(what, count=foreign), Span(path="currency"), hint=hint)
            raise DataError(
                message(N_("Program {name} pays in one currency."), name=plan.program), [issue]
            )
        return table.drop_columns(["foreign_rows", "position"])

    def rows(self, plan: Plan, listed: FactRows) -> pa.Table:
        """Return the fact rows behind the aggregates of one table in one window, oldest first."""
        query = listed.query.copy()
        needed = {table.name for table in query.find_all(exp.Table)}
        for step in plan.steps:
            if step.name in needed:
                query = query.with_(step.name, as_=step.query.copy(), copy=False)
        return self._arrow(query.sql(dialect=DIALECT, pretty=True))

    def _arrow(self, sql: str) -> pa.Table:
        with ThreadPoolExecutor(1) as worker:
            running: Future[Any] = worker.submit(self._fetch, sql)
            try:
                while True:
                    try:
                        return running.result(timeout=0.2)
                    except NotYet:
                        if self._progress is not None:
                            done = self._connection.query_progress()
                            self._progress(max(0, min(100, int(done))))
            except KeyboardInterrupt:
                self._connection.interrupt()
                raise

    def _fetch(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()


@contextmanager
def open_engine(
    facts: FactFiles,
    plans: list[Plan],
    limits: Limits,
    *,
    merchant: str | None = None,
    progress: Progress | None = None,
) -> Iterator[DuckDB]:
    """Yield an engine over the tables the plans read.

    `merchant` narrows them to its own rows, for one plan.

    Raises EngineError for what the database cannot do: memory, disk, amounts beyond 64 bits.
    """
    import duckdb

    wanted = [name for name in facts.tables if any(name in plan.reads for plan in plans)]
    reads = {Path(path).parent for name in wanted for path in facts.tables[name].paths}
    try:
        with connect(limits, reads=sorted(reads)) as connection:
            for name in wanted:
                listed = exp.array(*(exp.Literal.string(p) for p in facts.tables[name].paths))
                scan = f"SELECT * FROM read_parquet({listed.sql(DIALECT)})"
                view = name if merchant is None else f"all_{name}"
                connection.execute(f'CREATE VIEW "{view}" AS {scan}')
            if merchant is not None:
                narrow(connection, plans[0], merchant)
            yield DuckDB(connection, progress)
    except duckdb.OutOfMemoryException as error:
        raise EngineError(_said(N_("The memory limit is too small: {problem}"), error)) from error
    except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
        raise EngineError(_said(N_("An amount is too large: {problem}"), error)) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise EngineError(_said(N_("The facts cannot be read: {problem}"), error)) from error


def _said(msgid: str, error: Exception) -> Message:
    return message(msgid, problem=str(error).split("\n")[0])
