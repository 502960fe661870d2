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
from cogrow.engines.plan import FactRows, Plan
from cogrow.errors import N_, DataError, EngineError, Issue, Message, Span, message
from cogrow.facts import FactFiles

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

DIALECT = "duckdb"

#: Called with how much of the running query is done, in percent.
Progress = Callable[[int], None]

#: Beyond this many orders of one merchant, its rows are found by a join and not by a list of ids.
_LISTED_IDS = 20_000


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

    def merchant(self, merchant: str) -> dict[str, Any]:
        """Return the merchant's own columns, nothing where it does not exist."""
        sql = "SELECT * FROM merchants WHERE merchant_id = $1"
        found = self._connection.execute(sql, [merchant])
        names = [column[0] for column in found.description or ()]
        rows = found.fetchall()
        return dict(zip(names, rows[0], strict=True)) if rows else {}

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
    """Yield an engine over the tables the plans read; `merchant` narrows them to its own rows.

    Raises EngineError for what the database cannot do: memory, disk, amounts beyond 64 bits.
    """
    import duckdb

    wanted = [name for name in facts.tables if any(name in plan.tables for plan in plans)]
    reads = {Path(path).parent for name in wanted for path in facts.tables[name].paths}
    try:
        with connect(limits, reads=sorted(reads)) as connection:
            for name in wanted:
                listed = exp.array(*(exp.Literal.string(p) for p in facts.tables[name].paths))
                scan = f"SELECT * FROM read_parquet({listed.sql(DIALECT)})"
                view = name if merchant is None else f"all_{name}"
                connection.execute(f'CREATE VIEW "{view}" AS {scan}')
            if merchant is not None:
                _narrow(connection, facts, wanted, merchant)
            yield DuckDB(connection, progress)
    except duckdb.OutOfMemoryException as error:
        raise EngineError(_said(N_("The memory limit is too small: {problem}"), error)) from error
    except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
        raise EngineError(_said(N_("An amount is too large: {problem}"), error)) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise EngineError(_said(N_("The facts cannot be read: {problem}"), error)) from error


def _said(msgid: str, error: Exception) -> Message:
    return message(msgid, problem=str(error).split("\n")[0])


def _narrow(
    connection: DuckDBPyConnection, facts: FactFiles, wanted: list[str], merchant: str
) -> None:
    """Make each table hold only what belongs to the merchant, so that the same plan runs at once."""
    orders: list[str] | None = None
    if "orders" in wanted:
        connection.execute(
            "CREATE TEMP TABLE orders AS SELECT * FROM all_orders WHERE merchant_id = $1",
            [merchant],
        )
        orders = [row[0] for row in connection.execute("SELECT order_id FROM orders").fetchall()]
    for name in wanted:
        if name == "orders":
            continue
        columns = facts.tables[name].columns
        own = "merchant_id = $1" if "merchant_id" in columns else ""
        of_order = _of_orders(orders) if "order_id" in columns and orders is not None else ""
        kept = " OR ".join(part for part in (own, of_order) if part)
        if name == "products" and "order_lines" in wanted:
            kept = ""
        if kept:
            where = f"WHERE {kept}"
            given = [merchant] if own else []
            connection.execute(
                f'CREATE TEMP TABLE "{name}" AS SELECT * FROM "all_{name}" {where}', given
            )
        else:
            connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "all_{name}"')


def _of_orders(orders: list[str]) -> str:
    """Return the condition that a row is of one of the orders.

    A list of ids lets the reader skip row groups by their bounds (0.3 s instead of 1.2 s on 50
    million lines); a long list would cost more than the join.
    """
    if len(orders) > _LISTED_IDS:
        return "order_id IN (SELECT order_id FROM orders)"
    if not orders:
        return "FALSE"
    return f"order_id IN ({', '.join(exp.Literal.string(i).sql(DIALECT) for i in orders)})"
