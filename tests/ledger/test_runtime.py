"""The role that runs adds to the books and has no right to their history; and books that are restored."""

from __future__ import annotations

import sqlite3
from datetime import date
from functools import partial

import psycopg
import pytest
from sqlalchemy.engine import make_url

from cogrow.errors import LedgerError
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.people import add_runtime
from cogrow.ledger.store.database import open_store
from cogrow.ledger.store.refusals import NotAllowed
from cogrow.ledger.store.rules import APPEND_ONLY, KEPT
from cogrow.ledger.store.schema import METADATA
from tests.ledger.books import Books, act, earned
from tests.ledger.fake_rail import FakeRail
from tests.ledger.server import binaries
from tests.ledger.test_hostile import SEAL_900, header, pair

DENIED = psycopg.errors.InsufficientPrivilege


def live(books: Books) -> None:
    """Do some of everything that writes."""
    books.fund()
    books.fund("F2", 50_000)
    books.accrue(*(earned(f"M{n}", 1_000 * n) for n in range(1, 5)))
    books.settle()
    books.convert("C1", "M1", 500)
    books.home("M2", "M3")
    books.approve(books.propose("P1"))
    paying.pay(books.store, "P1", FakeRail({"M3": "fail"}), act())
    books.close("2026-10", date(2026, 11, 1))


@pytest.fixture
def owner(server):
    """Return books on PostgreSQL as their owner, with a role to run as."""
    url = server.fresh("runtime", "template_books")
    store = open_store(url)
    books = Books(store)
    for _ in range(2):
        store.write(partial(add_runtime, role="cogrow_runs", act=act()))
    yield books
    store.close()
    with psycopg.connect(
        f"host={server.folder} user=cogrow dbname=postgres", autocommit=True
    ) as raw:
        raw.execute('DROP DATABASE "runtime" WITH (FORCE)')
        raw.execute("DROP ROLE cogrow_runs")


def test_the_role_that_runs_can_do_everything_but_change_history(owner):
    url = make_url(owner.store.engine.url).set(username="cogrow_runs")
    runs = open_store(url)
    live(Books(runs, people_there=True))
    runs.close()
    owner.clean()
    plain = f"host={url.query['host']} user=cogrow_runs dbname=runtime"
    hostile = [
        f"{verb} {table}{rest}"
        for table in APPEND_ONLY
        for verb, rest in (
            ("DELETE FROM", ""),
            ("TRUNCATE", " CASCADE"),
            ("UPDATE", f" SET {METADATA.tables[table].primary_key.columns[0].name} = NULL"),
        )
    ]
    hostile += [f"{verb} {table}" for table in KEPT for verb in ("DELETE FROM", "TRUNCATE")]
    hostile += [
        "DROP TRIGGER entry_append_only ON entry",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE entry",
        "CREATE TABLE mine (x int)",
        "CREATE OR REPLACE FUNCTION cogrow_append_only() RETURNS trigger LANGUAGE sql AS ''",
    ]
    with psycopg.connect(plain, autocommit=True) as raw:
        for statement in hostile:
            with pytest.raises(DENIED):
                raw.execute(statement.encode())
    with psycopg.connect(plain.replace("user=cogrow_runs", "user=cogrow")) as raw:
        raw.execute("DROP TRIGGER posting_append_only ON posting")
    with psycopg.connect(plain) as raw, pytest.raises(DENIED):
        raw.execute("UPDATE posting SET amount = 2 * amount")


@pytest.mark.parametrize(
    ("before", "statements", "said"),
    [
        ("", pair(), "fk_posting"),
        ("CREATE TEMP TABLE loose_end (LIKE public.loose_end)", pair(), "fk_posting"),
        ("CREATE TEMP TABLE loose_end (LIKE public.loose_end)", (*pair(), header()), "fk_entry_id"),
        (
            "CREATE TEMP TABLE period AS SELECT '2026-09' AS id, '2026-09-01' AS starts_on, 'open' AS status",
            (*pair(), header(period="2026-09"), SEAL_900),
            "period_closed",
        ),
    ],
    ids=["nothing", "posting", "entry", "period"],
)
def test_no_table_of_ones_own_comes_before_those_of_the_books(owner, before, statements, said):
    owner.fund(day=date(2026, 9, 20))
    owner.close("2026-09")
    owner.accrue(earned("M1", 1_000))
    owner.settle()
    owner.hold("H1", "M1", 5)
    url = make_url(owner.store.engine.url).set(username="cogrow_runs")
    plain = f"host={url.query['host']} user=cogrow_runs dbname=runtime"
    with psycopg.connect(plain) as raw:
        raw.execute(f"{before};".encode())
        with pytest.raises(psycopg.Error, match=said):
            for statement in statements:
                raw.execute(statement.encode())
            # What was noted for the commit is looked at although the note is gone.
            raw.execute("DELETE FROM public.loose_end")
            raw.commit()
        raw.rollback()
    owner.clean()


def test_every_table_is_of_one_sort_or_the_other():
    assert set(METADATA.tables) == {*APPEND_ONLY, *KEPT}
    assert not set(APPEND_ONLY) & set(KEPT)


def test_rights_do_not_bind_an_owner(owner):
    with pytest.raises(NotAllowed, match="rights do not bind it"):
        owner.store.write(partial(add_runtime, role="cogrow", act=act()))
    with pytest.raises(LedgerError, match="cannot be the name"):
        owner.store.write(partial(add_runtime, role="x; DROP TABLE entry", act=act()))


def test_a_file_has_no_roles(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    books = Books(store)
    with pytest.raises(LedgerError, match="SQLite has no roles"):
        books.store.write(partial(add_runtime, role="cogrow_runs", act=act()))
    store.close()


@pytest.fixture
def restored(url, store, server, tmp_path):
    """Return a way to restore a backup of the books elsewhere; the backup is made while they are open."""
    opened = []

    def restore() -> Books:
        if store.dialect == "sqlite":
            target = tmp_path / "restored.db"
            source, copy = sqlite3.connect(make_url(url).database or ""), sqlite3.connect(target)
            source.backup(copy)
            for one in (source, copy):
                one.close()
            place = f"sqlite:///{target}"
        else:
            name = str(make_url(url).database)
            place = server.fresh(f"{name}_restored")
            here = ("-h", str(server.folder), "-U", "cogrow")
            if not (binaries() / "pg_dump").exists():
                pytest.fail("the server's programs have no pg_dump")
            server.run("pg_dump", *here, "-f", "dump.sql", name)
            stop = ("-v", "ON_ERROR_STOP=1", "-q", "-f", "dump.sql")
            server.run("psql", *here, "-d", f"{name}_restored", *stop)
        opened.append(open_store(place))
        return Books(opened[-1], people_there=True)

    yield restore
    for one in opened:
        one.close()


def test_what_is_restored_is_the_same_and_goes_on_the_same(books, restored):
    """G: a backup has the head it was made at; the rest of the history replayed, the head of the books."""
    live(books)
    copy = restored()
    assert copy.audit().head == books.audit().head
    copy.clean()
    for one in (books, copy):
        day = date(2026, 11, 5)
        one.accrue(earned("M1", 700), earned("M9", 80), day=day)
        one.settle(day)
    assert copy.audit().head == books.audit().head
    assert copy.balances() == books.balances()
    copy.clean()
    with pytest.raises(LedgerError):
        copy.close("2026-10")
