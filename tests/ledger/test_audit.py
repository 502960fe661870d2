"""The auditor finds what the guards would have refused, and names the first entry that is wrong."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import text

from cogrow.ledger.store.database import Store
from tests.ledger.books import earned

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
