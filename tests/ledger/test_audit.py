"""The auditor finds what the guards would have refused, and names the first entry that is wrong."""

from __future__ import annotations

import sqlite3
from datetime import date

import pytest
from sqlalchemy import event, text

from cogrow.ledger.store.database import Store
from cogrow.period import add_months
from tests.ledger.books import Books, earned

#: What somebody with the file in their hands may do once the triggers are gone; the fault that is found.
TAMPERED = {
    "an amount": ("UPDATE posting SET amount = amount - 1 WHERE entry_id = 2 AND line_no = 2", 2),
    "two amounts": (
        "UPDATE posting SET amount = amount + (CASE line_no WHEN 1 THEN 5 ELSE -5 END) WHERE entry_id = 2",
        2,
    ),
    "the day": ("UPDATE entry SET effective_on = '2026-10-06' WHERE id = 3", 3),
    "the actor": ("UPDATE entry SET actor = 'carol' WHERE id = 2", 2),
    "the seal": ("UPDATE seal SET hash = 'x' WHERE seq = 2", 2),
    "the order of seals": ("UPDATE seal SET prev_hash = 'x' WHERE seq = 3", 3),
    "an entry": ("DELETE FROM entry WHERE id = 2", 2),
    "a vote": ("DELETE FROM approval_vote", 1),
    "a balance": ("UPDATE balance SET posted = posted - 1 WHERE account_id = 3", None),
    "a claim": ("UPDATE settlement SET unsettled = unsettled + 1", None),
    "a note": ("UPDATE audit SET content = '{}' WHERE seq = 3", None),
}


def tamper(store: Store, statement: str) -> None:
    """Change the books as only the owner of the database can: without triggers and foreign keys."""
    if store.dialect == "sqlite":
        raw = sqlite3.connect(str(store.engine.url.database))
        raw.execute("PRAGMA ignore_check_constraints = ON")
        triggers = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement)
        raw.commit()
        raw.close()
        return
    with store.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_named(books, what):
    books.fund()
    books.accrue(earned("M1", 800))
    books.clean()
    statement, entry = TAMPERED[what]
    tamper(books.store, statement)
    found = books.audit()
    assert not found.clean
    assert found.faults[0].entry == entry


def months(books: Books, numbers: range) -> None:
    """Book and close months, numbered from January 2020."""
    for number in numbers:
        day = add_months(date(2020, 1, 5), number)
        books.accrue(earned(f"M{number}", 800, period=f"{day:%Y-%m}"), day=day)
        books.close(f"{day:%Y-%m}", day)


def test_what_was_posted_into_a_closed_month_is_named(books):
    books.fund(day=date(2020, 1, 5))
    months(books, range(3))
    books.clean()
    statement = (
        "UPDATE period SET close_head_hash = (SELECT hash FROM seal WHERE seq = {}) WHERE id = '{}'"
    )
    tamper(books.store, statement.format(2, "2020-02"))
    said = [str(fault.what.render()) for fault in books.audit().faults]
    assert said == ["Entry 4 was posted into 2020-02 after it was closed."]


def test_the_audit_asks_no_more_often_the_more_months_are_closed(books):
    books.fund(day=date(2020, 1, 5))
    asked = []
    event.listen(books.store.engine, "before_cursor_execute", lambda *_: asked.append(1))
    counts = []
    for numbers in (range(1), range(1, 7)):
        months(books, numbers)
        asked.clear()
        books.audit()
        counts.append(len(asked))
    assert counts[0] == counts[1]
