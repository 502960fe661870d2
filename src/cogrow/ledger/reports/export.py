"""The books as text that other programs read: hledger's journal, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from cogrow.ledger.payouts.file_rail import plain
from cogrow.ledger.store.schema import account, entry, posting
from cogrow.money import EXPONENTS

HEADS = (
    "entry",
    "day",
    "posted_at",
    "kind",
    "key",
    "origin",
    "actor",
    "account",
    "book",
    "currency",
    "amount_minor",
)


def _rows(connection: Connection) -> Iterator[Any]:
    query = (
        select(
            entry.c.id,
            entry.c.effective_on,
            entry.c.posted_at,
            entry.c.kind,
            entry.c.idempotency_key,
            entry.c.origin,
            entry.c.actor,
            account.c.code,
            posting.c.book,
            posting.c.currency,
            posting.c.amount,
        )
        .join(posting, posting.c.entry_id == entry.c.id)
        .join(account, account.c.id == posting.c.account_id)
        .order_by(entry.c.id, posting.c.line_no)
    )
    for part in connection.execute(query, execution_options={"yield_per": 10_000}).partitions():
        yield from part


def decimal(minor: int, currency: str) -> str:
    """Return minor units as a plain decimal number, the sign kept: -1234.50."""
    exponent = EXPONENTS[currency]
    whole, part = divmod(abs(minor), 10**exponent)
    return ("-" if minor < 0 else "") + (f"{whole}.{part:0{exponent}d}" if exponent else str(whole))


def hledger(connection: Connection) -> Iterator[str]:
    """Yield the books as an hledger journal, an entry at a time."""
    for number, rows in groupby(_rows(connection), key=lambda row: row[0]):
        listed = list(rows)
        key = listed[0][4].replace(";", ",")
        lines = [f"{listed[0][1]} * ({number}) {listed[0][3]} {key}\n"]
        for row in listed:
            lines.append(f"    {row[7]}  {decimal(row[10], row[9])} {row[9]}\n")
        yield "".join((*lines, "\n"))


def as_csv(connection: Connection) -> Iterator[str]:
    """Yield the books as CSV, a posting a line, amounts in minor units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    for row in _rows(connection):
        writer.writerow([plain(cell) if isinstance(cell, str) else cell for cell in row])
        if out.tell() > 1 << 16:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
