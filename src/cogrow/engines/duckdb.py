"""The embedded engine: reads Parquet where it lies, within a memory limit, spilling to disk."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.embedded import Limits, connect, no_room, problem_of
from cogrow.engines.batch.resumed import BEFORE
from cogrow.engines.batch.resumed import STEP as RESUMED
from cogrow.engines.plan import DIALECT, FactRows, Plan, Progress, Rejected
from cogrow.engines.scans.rollups import RollUp
from cogrow.engines.scans.share import SharedRows
from cogrow.engines.scans.spans import read_files
from cogrow.engines.scans.store import FOLDER as ROLLUPS
from cogrow.engines.scans.store import Store
from cogrow.engines.steps.beside import EARNED, OF_EARNINGS, OFFERED, TABLES
from cogrow.engines.steps.eligible import is_among
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES_STEP
from cogrow.engines.steps.result import as_earnings
from cogrow.errors import N_, EngineError, Message, message
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

#: Beyond this many orders of one merchant, its rows are found by a join and not by a list of ids.
LISTED_IDS = 20_000


class DuckDB:
    """Runs plans over facts, whole or narrowed to one merchant. Use as a context manager's value.

    It remembers what programs offer and earn, for the plans that come after them.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        worker: ThreadPoolExecutor,
        progress: Progress | None,
    ) -> None:
        self._connection, self._worker, self._progress = connection, worker, progress
        self._kept: dict[tuple[str, str, Period], str] = {}
        self._resumed: dict[tuple[str, str, Period], str] = {}

    def share(self, rows: SharedRows) -> int:
        """Keep the rows of a fact table that several plans read, and return how many there are."""
        return self.keep(rows.name, rows.query)

    def roll_up(self, rollup: RollUp, store: Store) -> int:
        """Build a roll-up, keep it, and return its rows. Raises EngineError where it cannot be written."""
        import duckdb

        try:
            store.make()
            made = exp.Literal.string(str(store.unfinished(rollup.name))).sql(DIALECT)
            self._run(f"COPY ({rollup.sql()}) TO {made} (FORMAT parquet)")
            file, query = rollup.file, rollup.sql_by_hash()
            made_from = rollup.made_from
            kept = store.keep(
                rollup.name, file.table, file.sha256, rollup.columns, made_from, query
            )
        except KeyboardInterrupt:
            self._worker.shutdown()  # until the query writes no more
            store.discard(rollup.name)
            raise
        except (duckdb.IOException, OSError) as error:
            store.discard(rollup.name)
            if isinstance(error, duckdb.IOException) and str(store.folder) not in str(error):
                raise  # it is the facts that cannot be read, or the disk to spill to that is full
            what = N_("Roll-ups cannot be kept in {folder}: {problem}; --no-rollups does without.")
            problem = problem_of(error)
            raise EngineError(message(what, folder=store.folder, problem=problem)) from error
        return kept.rows

    def keep(self, name: str, query: exp.Query) -> int:
        """Keep what a step gives as a table of its name, and return how many rows that has."""
        [(rows,)] = self._run(f'CREATE TEMP TABLE "{name}" AS {query.sql(DIALECT)}')
        return int(rows)

    def drop(self, name: str) -> None:
        """Forget the table of a step."""
        self._run(f'DROP TABLE "{name}"')

    def view(self, names: Iterable[str], store: Store) -> None:
        """Let plans read roll-ups by their names."""
        for name in names:
            scan = exp.select("*").from_(read_files([str(store.path(name))]))
            self._run(f'CREATE VIEW "{name}" AS {scan.sql(DIALECT)}')

    def offer(self, plan: Plan) -> None:
        """Keep what the plan would give if its program stood alone, for those it is stacked with."""
        name = f"limited_{len(self._kept) + 1}"
        sql = plan.sql(DIALECT, upto="limited", known=self._known(plan))
        self._run(f'CREATE TEMP TABLE "{name}" AS {sql}')
        parts = [c for c in self._names(name) if re.fullmatch(r"limited_\d+", c)]
        self._connection.execute(
            f"INSERT INTO {OFFERED} SELECT ?, ?, ?, merchant_id, takes_part, {' + '.join(parts)} "
            f'FROM "{name}"',
            [plan.program, plan.period.start, plan.period.end],
        ).fetchall()
        self._kept[plan.program, plan.version, plan.period] = name

    def resume(self, plan: Plan, query: exp.Select, before: pa.Table) -> None:
        """Keep the step `earned` of a plan that is run for some merchants, with what the query makes of the
        earnings of the others `before`. What is offered and earned follows from that.
        """
        name = f"resumed_{len(self._resumed) + 1}"
        self._run(f'CREATE TEMP TABLE "{name}" AS {plan.sql(DIALECT, upto=RESUMED)}')
        self._resumed[plan.program, plan.version, plan.period] = name
        query = query.where(exp.Not(this=is_among(exp.column("merchant_id"), [name])))
        listed = ", ".join(f'"{column.alias_or_name}"' for column in query.expressions)
        self._connection.register(BEFORE, before)
        self._run(f'INSERT INTO "{name}" ({listed}) {query.sql(DIALECT)}')
        self._connection.unregister(BEFORE)

    def _known(self, plan: Plan) -> dict[str, str]:
        """Return the step of a plan that is kept, and the table it is kept in."""
        key = plan.program, plan.version, plan.period
        for step, kept in (("limited", self._kept), (RESUMED, self._resumed)):
            if key in kept:
                return {step: kept[key]}
        return {}

    def _names(self, table: str) -> list[str]:
        return [row[0] for row in self._connection.execute(f'DESCRIBE "{table}"').fetchall()]

    def remember(self, program: Program, period: Period, table: pa.Table) -> None:
        """Keep what a program earned, for later periods and the programs after it."""
        self._connection.register("earned_now", table.select(OF_EARNINGS))
        self._connection.execute(
            f"INSERT INTO {EARNED} SELECT ?, ?, ?, {', '.join(OF_EARNINGS)} FROM earned_now",
            [program.id, period.start, period.end],
        ).fetchall()
        self._connection.unregister("earned_now")

    def remembered(self, merchant: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what programs have earned so far and what they offer, of one merchant."""
        only = f"merchant_id = {exp.Literal.string(merchant).sql(DIALECT)}"
        earned, offered = (
            self._arrow(f"SELECT * EXCLUDE (merchant_id) FROM {table} WHERE {only} ORDER BY ALL")
            for table in (EARNED, OFFERED)
        )
        return earned.to_pylist(), offered.to_pylist()

    def earn(self, plan: Plan) -> pa.Table:
        """Return the earnings of the plan, ordered by merchant and component.

        Raises DataError where measured rows are in another currency than the program's, EngineError
        where an amount leaves 64 bits, or memory or disk run out.
        """
        table = self._arrow(plan.sql(DIALECT, known=self._known(plan)))
        return as_earnings(plan, table)

    def rows(self, plan: Plan, listed: FactRows | Rejected) -> pa.Table:
        """Return the fact rows that are listed, oldest first."""
        return self._arrow(plan.listing(listed.query).sql(dialect=DIALECT, pretty=True))

    def things(self, plan: Plan, component: str, merchant: str) -> pa.Table:
        """Return the things a component pays a merchant for, with what each was and earned."""
        return self._arrow(plan.things_sql(DIALECT, component, merchant))

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._watched(
            lambda: self._connection.execute(sql).fetchall()
        )
        return found

    def _arrow(self, sql: str) -> pa.Table:
        return self._watched(lambda: self._connection.sql(sql).to_arrow_table())

    def _watched(self, work: Callable[[], Any]) -> Any:
        """Do the work beside this thread, saying how far it is; Ctrl-C ends it."""
        try:
            running: Future[Any] = self._worker.submit(work)
            while True:
                try:
                    return running.result(timeout=0.2)
                except NotYet:
                    if self._progress is not None:
                        done = self._connection.query_progress()
                        self._progress(max(0, min(100, int(done))))
        except KeyboardInterrupt:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._connection.interrupt()
            raise


@contextmanager
def open_engine(
    facts: FactFiles,
    plans: list[Plan],
    limits: Limits,
    *,
    merchant: str | None = None,
    progress: Progress | None = None,
    writes: Sequence[Path] = (),
    also: Collection[str] = (),
) -> Iterator[DuckDB]:
    """Yield an engine over the tables the plans read, and those that are `also` asked.

    `merchant` narrows them to its own rows; not for plans whose merchants share something. `writes` are
    folders it may write to.

    Raises EngineError for what the database cannot do: memory, disk, amounts beyond 64 bits.
    """
    import duckdb

    asked = {*also, *(table for plan in plans for table in plan.reads)}
    wanted = [name for name in facts.tables if name in asked]
    paths = [path for name in wanted for path in facts.tables[name].paths]
    reads = {Path(path).parent for path in (*paths, *(one.path for one in facts.changes))}
    try:
        with ExitStack() as opened, ThreadPoolExecutor(1) as worker:
            # The database opens in its thread while this one spells the views; so that is there before any
            # query: one that Ctrl-C catches being made is waited for by nobody, and the database would be
            # closed under its query.
            opening = worker.submit(
                opened.enter_context, connect(limits, reads=sorted(reads), writes=writes)
            )
            prefix = "" if merchant is None else "all_"
            scans = {
                prefix + name: exp.select("*").from_(read_files(facts.tables[name].paths))
                for name in wanted
            }
            views = [f'CREATE VIEW "{name}" AS {scan.sql(DIALECT)}' for name, scan in scans.items()]
            connection = opening.result()
            for view in views:
                connection.execute(view)
            if merchant is not None:
                _narrow(connection, Reads.of(plans), merchant)
            for table in TABLES:
                connection.execute(table)
            yield DuckDB(connection, worker, progress)
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        if (problem := no_room(error)) is not None:
            what = N_(
                "There is no room to spill in {folder}: {problem}. Name another folder with --spill,"
                " or allow more memory with --memory."
            )
            folder = limits.spill or Path(tempfile.gettempdir())
            raise EngineError(message(what, folder=folder, problem=problem)) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            what = N_("The memory limit is too small: {problem}")
            raise EngineError(_said(what, error)) from error
        raise _unreadable(error) from error
    except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
        raise EngineError(_said(N_("An amount is too large: {problem}"), error)) from error
    except duckdb.Error as error:
        if type(error) not in (duckdb.Error, duckdb.InvalidInputException):
            raise  # it is our fault
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> EngineError:
    """Return the complaint of a file that cannot be read; where it is not named, it may be a roll-up."""
    if f"/{ROLLUPS}/" not in str(error) and ".parquet" in str(error):
        return EngineError(_said(N_("The facts cannot be read: {problem}"), error))
    what = N_(
        "What is kept of the facts may be damaged: {problem}. `cogrow rollups verify` says what is, and"
        " `cogrow rollups prune --all` removes it."
    )
    return EngineError(_said(what, error))


def _said(msgid: str, error: Exception) -> Message:
    return message(msgid, problem=str(error).split("\n")[0])


@dataclass(frozen=True, slots=True)
class Reads:
    """What plans read of each table, and when its rows can lie in time, as Plan says it of one.

    `by_line`: refunds are told apart by line, which needs the lines of orders from any time.
    """

    reads: Mapping[str, tuple[str, ...]]
    dated: Mapping[str, tuple[exp.Expr, ...]]
    by_line: bool

    @classmethod
    def of(cls, plans: Sequence[Plan]) -> Reads:
        """Return what the plans read together; a table one of them reads undated has no bound."""
        reads: dict[str, set[str]] = {}
        dated: dict[str, dict[exp.Expr, None]] = {}
        undated = {table for plan in plans for table in plan.reads if table not in plan.dated}
        for plan in plans:
            for table, columns in plan.reads.items():
                reads.setdefault(table, set()).update(columns)
            for table, windows in plan.dated.items():
                dated.setdefault(table, {}).update(dict.fromkeys(windows))
        return cls(
            {table: tuple(sorted(columns)) for table, columns in sorted(reads.items())},
            {table: tuple(found) for table, found in dated.items() if table not in undated},
            any(step.name == REFUND_LINES_STEP for plan in plans for step in plan.steps),
        )


#: Tables whose rows name products, which need not be the merchant's own.
_NAMING = {"order_lines", "visits"}


def _narrow(connection: DuckDBPyConnection, plan: Reads, merchant: str) -> None:
    """Make a temporary table `x` of every view `all_x`: the merchant's rows, the plan's columns.

    Rows of an order are found by the ids of the merchant's orders, and where the order places them
    in time, of its orders in a window only, so that the reader skips the rest of the files.
    """
    ids: list[list[str]] = []
    if "orders" in plan.reads:
        _keep(connection, plan, "orders", [_is(merchant)])
        windows = () if plan.by_line else plan.dated.get("orders", ())
        ids = [_ids(connection, window) for window in windows or (None,)]
    for name in plan.reads:
        if name == "orders":
            continue
        columns = plan.reads[name]
        dated = plan.dated.get(name, ())
        if "order_id" in columns:
            kept = [_of_orders(listed) for listed in ([_ids(connection, None)] if dated else ids)]
            if "merchant_id" in columns:
                kept.append(_is(merchant))
            _keep(connection, plan, name, kept, exp.or_(*dated) if dated else None)
        elif "merchant_id" in columns and not (name == "products" and _NAMING & set(plan.reads)):
            _keep(connection, plan, name, [_is(merchant)])
        else:
            connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "all_{name}"')


def _is(merchant: str) -> exp.Expr:
    return exp.EQ(this=exp.column("merchant_id"), expression=exp.Literal.string(merchant))


def _ids(connection: DuckDBPyConnection, window: exp.Expr | None) -> list[str]:
    query = exp.select("order_id").from_("orders").order_by("order_id")
    if window is not None:
        query = query.where(window, copy=False)
    return [row[0] for row in connection.execute(query.sql(DIALECT)).fetchall()]


def _of_orders(ids: list[str]) -> exp.Expr:
    """Return the condition that a row is of one of the orders, given in order of their ids.

    Bounds let the reader skip row groups; a constant list costs no more than the scan (0.2 s on 50
    million lines where a join took 1.4 s), but beyond LISTED_IDS the join is the better way.
    """
    if not ids:
        return exp.false()
    low, high = exp.Literal.string(ids[0]), exp.Literal.string(ids[-1])
    bounds = exp.Between(this=exp.column("order_id"), low=low, high=high)
    if len(ids) > LISTED_IDS:
        known = exp.In(
            this=exp.column("order_id"), query=exp.select("order_id").from_("orders").subquery()
        )
        return exp.and_(bounds, known)
    # One node for all of them: conditions are copied, and a merchant has thousands of orders.
    texts = ("'" + one.replace("'", "''") + "'" for one in ids)
    listed = exp.var(f"[{', '.join(texts)}]")
    return exp.and_(bounds, exp.func("LIST_CONTAINS", listed, exp.column("order_id")))


def _keep(
    connection: DuckDBPyConnection,
    plan: Reads,
    name: str,
    kept: list[exp.Expr],
    also: exp.Expr | None = None,
) -> None:
    """Create the table of rows that meet one of the conditions, each scanned with its own bounds.

    A row that meets several is kept once: the conditions after the first leave out what came before.
    """
    query: exp.Query | None = None
    for position, condition in enumerate(kept):
        where: list[exp.Expr] = [exp.paren(condition)]
        for earlier in kept[:position]:
            unknown = exp.func("COALESCE", earlier.copy(), exp.false())
            where.append(exp.Not(this=exp.paren(unknown)))
        if also is not None:
            where.append(exp.paren(also.copy()))
        part = exp.select(*plan.reads[name]).from_(exp.table_(f"all_{name}").as_(name))
        part = part.where(*where, copy=False)
        query = part if query is None else exp.union(query, part, distinct=False)
    if query is None:
        raise AssertionError(name)
    connection.execute(f'CREATE TEMP TABLE "{name}" AS {query.sql(DIALECT)}')
