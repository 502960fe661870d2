"""The way into the books: a URL opened, brought to the schema of this version, and transactions.

Safety does not rest on isolation levels: unique keys, bounds on balances and compared-and-set rows hold
under READ COMMITTED. A transaction that lost a race is done again from its start.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from cogrow.errors import N_, EngineError, LedgerError, NotFound, message
from cogrow.ledger.store.refusals import TooManyTries, refused

MIGRATIONS = Path(__file__).parent / "migrations"
#: How often a transaction that lost a race is done again. Nobody loses that often to chance.
MOST_TRIES = 20
_WAIT_MILLISECONDS = 60_000
_T = TypeVar("_T")
_RACES = {"40001", "40P01", "55P03"}


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles: a chunk has none, and hundreds of thousands of objects that would
    be walked through again and again.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def by_key(connection: Connection) -> None:
    """Have PostgreSQL go from key to key for the rest of the transaction: after a bulk load it has not
    counted its rows yet, and would read whole tables for some merchants.
    """
    if connection.dialect.name == "postgresql":
        ways = dict.fromkeys(("enable_hashjoin", "enable_mergejoin", "enable_seqscan"), "off")
        ways["max_parallel_workers_per_gather"] = "0"
        set_ = [f"set_config('{way}', '{how}', true)" for way, how in ways.items()]
        connection.execute(text(f"SELECT {', '.join(set_)}"))


def sqlite_journal(version: tuple[int, ...]) -> str:
    """Return the journal mode that is safe in a version of SQLite.

    WAL only where the WAL-reset fault is mended: 3.51.3 and later, 3.50.7 and 3.44.6 in their lines.
    """
    fixed = version >= (3, 51, 3) or (
        (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    )
    return "WAL" if fixed else "DELETE"


class Store:
    """The books at one place. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the books and writes nothing."""
        options: dict[str, Any] = {"cogrow_read": True}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect() as opened:
            connection = opened.execution_options(**options)
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    def write(self, work: Callable[[Connection], _T], *, dry: bool = False) -> _T:
        """Do `work` in one transaction and return its result; again from the start after a lost race.

        With `dry` everything is checked and nothing is kept. Raises what the books refuse (LedgerError).
        """
        for _ in range(MOST_TRIES):
            try:
                with self.engine.connect() as connection, connection.begin() as transaction:
                    result = work(connection)
                    if dry:
                        self._check_now(connection)
                        transaction.rollback()
                    return result
            except DBAPIError as error:
                if not _lost_a_race(error):
                    if (said := refused(error)) is not None:
                        raise said from error
                    raise
        raise TooManyTries(message(N_("Others are writing; nothing was done. Try again.")))

    def _check_now(self, connection: Connection) -> None:
        """Check at once what is checked at commit, for a rehearsal that never commits."""
        if self.dialect == "postgresql":
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        elif rows := connection.execute(text("PRAGMA foreign_key_check")).fetchall():
            raise LedgerError(message(N_("Rows refer to nothing: {rows}"), rows=str(rows[:3])))


def _lost_a_race(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    said = str(error.orig)
    if state == "23505" or "UNIQUE constraint failed" in said:
        # Whoever was faster has written the row: the second look finds it.
        return not any(name in said for name in ("reverses_entry_id", "approval_id"))
    return state in _RACES or "database is locked" in said


def open_store(url: str | URL) -> Store:
    """Return the books at a URL, `sqlite:///books.db` or `postgresql://…`, at this version's schema.

    Raises NotFound for a URL that names no database we know, EngineError if it does not answer.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ArgumentError
        # A file is opened anew for every transaction: cheap, and no lock outlives its writer.
        pool = (
            {"poolclass": NullPool} if parsed.get_backend_name() == "sqlite" else {"pool_size": 2}
        )
        engine = create_engine(parsed, **pool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        what = N_(
            "{url} is no place for books. Write sqlite:///books.db or postgresql://host/name."
        )
        raise NotFound(message(what, url=repr(str(url)))) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)
    store = Store(engine)
    try:
        migrate(store)
    except OperationalError as error:
        said = str(error.orig).strip()
        what = N_("The books at {url} cannot be opened: {problem}")
        raise EngineError(
            message(what, url=parsed.render_as_string(hide_password=True), problem=said)
        ) from error
    return store


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(raw: Any, record: Any) -> None:
        raw.isolation_level = None  # we say when a transaction begins
        mode = sqlite_journal(tuple(engine.dialect.loaded_dbapi.sqlite_version_info))
        cursor = raw.cursor()
        for pragma in (
            "page_size = 8192",  # of new books: rows of many columns, keys that are words
            f"busy_timeout = {_WAIT_MILLISECONDS}",
            "foreign_keys = ON",
            "synchronous = EXTRA",
            "recursive_triggers = ON",
            "cache_size = -131072",
            "temp_store = MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0].upper() != mode:
            cursor.execute(f"PRAGMA journal_mode = {mode}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        reads = connection.get_execution_options().get("cogrow_read", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(raw: Any, record: Any) -> None:
        # Tables that just grew have no statistics yet: a query by key looks dear, and would be compiled
        # for longer than it runs.
        before, raw.autocommit = raw.autocommit, True
        raw.execute("SET jit = off")
        raw.autocommit = before


def migrate(store: Store) -> None:
    """Bring the tables to the schema of this version; nothing happens where they are there already."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with (
        store.engine.connect().execution_options(cogrow_read=True) as connection,
        connection.begin(),
    ):
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
    with store.engine.connect() as connection, connection.begin():
        if store.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(20260929)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
