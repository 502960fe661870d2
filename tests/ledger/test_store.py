"""The store: one schema, frozen as text for both databases, and a journal that is safe."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import select, text

from cogrow.errors import NotFound
from cogrow.ledger.store.bulk import FEW_ROWS, NOTHING, array, lines
from cogrow.ledger.store.database import by_key, open_store, sqlite_journal
from cogrow.ledger.store.freeze import FOLDER, URLS, frozen
from cogrow.ledger.store.schema import account, balance, posting
from tests.ledger.books import earned


@pytest.mark.parametrize("dialect", URLS)
def test_the_migration_makes_the_tables_the_code_speaks_of(dialect):
    kept = (FOLDER / f"0001.{dialect}.sql").read_text(encoding="utf-8")
    assert kept == frozen(dialect), "a released migration does not change: write another one"


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "DELETE"),
        ((3, 44, 5), "DELETE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "DELETE"),
        ((3, 50, 6), "DELETE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 2), "DELETE"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
    ],
)
def test_wal_only_where_it_is_mended(version, mode):
    assert sqlite_journal(version) == mode


def test_any_name_arrives_as_it_is(books, store):
    names = ["None", "Nonesuch", "\\N", "a\\tb", "x\\", "ümlaut", "商户", "''", "%s", "{}"]
    assert len(names) < FEW_ROWS
    books.fund()
    for more in (["plain"], [f"M{n}" for n in range(FEW_ROWS)]):
        wanted = {name: 7 + n for n, name in enumerate([*names, *more])}
        books.accrue(*(earned(name, n) for name, n in wanted.items()))
        with store.read() as connection:
            query = select(account.c.merchant_id, balance.c.posted).join(balance)
            found = dict(connection.execute(query.where(account.c.kind == "accrued")).all())
        assert {name: -n for name, n in found.items() if n} == wanted
    books.clean()


@pytest.mark.parametrize(
    "value",
    ["a\tb", "a\nb", "a\rb", "a\\b", "None", "\\N", "\\.", "", "plain", 'a"b', "{a,b}", "NULL"],
)
def test_any_text_is_copied_as_it_is(server, value):
    row = (1, value, None)
    with psycopg.connect(f"host={server.folder} user=cogrow dbname=postgres") as raw:
        raw.execute("CREATE TEMP TABLE t (a bigint, b text, c text)")
        with raw.cursor().copy(f"COPY t FROM STDIN WITH (NULL '{NOTHING}')".encode()) as copy:
            copy.write(lines([row, (2, "x", None)]))
        assert raw.execute("SELECT * FROM t ORDER BY a").fetchall() == [row, (2, "x", None)]
        assert raw.execute("SELECT %s::text[]", [array([value, "x"])]).fetchall() == [
            ([value, "x"],)
        ]


def test_one_merchant_is_found_by_keys_before_the_rows_are_counted(server):
    store = open_store(server.fresh("by_key", "template_books"))
    joined = posting.join(account, account.c.id == posting.c.account_id)
    query = select(posting.c.amount).select_from(joined).where(account.c.merchant_id == "M1")
    with store.read() as connection:
        by_key(connection)
        said = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.execute(text(f"EXPLAIN {said}")).scalars())
    store.close()
    assert "Index" in plan
    assert "Seq Scan" not in plan
    assert "Hash" not in plan


def test_sqlite_is_set_up_to_keep_what_it_says(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'books.db'}")
    with store.read() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("foreign_keys", "synchronous", "journal_mode")
        }
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
    mode = sqlite_journal(tuple(map(int, version.split(".")))).lower()
    assert found == {"foreign_keys": 1, "synchronous": 3, "journal_mode": mode}
    store.close()


@pytest.mark.parametrize("url", ["books.db", "mysql://host/books", "sqlite+nothing:///x"])
def test_a_place_that_is_none_is_said(url):
    with pytest.raises(NotFound, match="no place for books"):
        open_store(url)
