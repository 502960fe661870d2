"""The statement of a merchant: what it had, every movement with where it comes from, what it has.

Amounts are the merchant's: what is owed to it is more than 0, what it owes is less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from cogrow.errors import N_, message
from cogrow.ledger.journal import digest
from cogrow.ledger.people import require_sight
from cogrow.ledger.periods import not_booked
from cogrow.ledger.store.bulk import insert_rows
from cogrow.ledger.store.claims import settlement, statement, statement_line
from cogrow.ledger.store.database import by_key
from cogrow.ledger.store.refusals import broken
from cogrow.ledger.store.schema import account, entry, period, posting


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement: its entry, day, kind and key, the period and terms it comes from, and what it moved."""

    entry: int
    day: str
    kind: str
    key: str
    origin: str
    source: str
    place: str
    amount: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A merchant's statement of a month in one currency; opening and closing by kind of account."""

    merchant: str
    currency: str
    period: str
    opening: dict[str, int]
    closing: dict[str, int]
    lines: tuple[StatementLine, ...]
    published: bool = False

    @property
    def total(self) -> tuple[int, int]:
        """Return what the merchant had and has, all kinds together."""
        return sum(self.opening.values()), sum(self.closing.values())

    @property
    def content_hash(self) -> str:
        """Return the hash of everything the statement says."""
        fields = [self.merchant, self.currency, self.period]
        for kind, amount in (*sorted(self.opening.items()), *sorted(self.closing.items())):
            fields += kind, str(amount)
        for line in self.lines:
            fields += str(line.entry), line.day, line.kind, line.key, line.origin, line.source
            fields += line.place, str(line.amount)
        return digest(fields)


def statements(
    connection: Connection, period_id: str, viewer: str, merchant: str | None = None
) -> Iterator[Statement]:
    """Yield the statements of a month: of one merchant, or of all that have or had anything.

    Raises NotAllowed for who may not see them, NotFound for a month without books.
    """
    require_sight(connection, viewer, merchant)
    found = connection.execute(select(period).where(period.c.id == period_id)).first()
    if found is None:
        raise not_booked(connection, period_id)
    if merchant is not None:
        by_key(connection)
    yield from _statements(connection, period_id, found.starts_on, merchant)


def _statements(
    connection: Connection, period_id: str, starts_on: str, merchant: str | None
) -> Iterator[Statement]:
    own = (
        account.c.merchant_id.is_not(None)
        if merchant is None
        else account.c.merchant_id == merchant
    )
    joined = (
        posting.join(account, account.c.id == posting.c.account_id)
        .join(entry, entry.c.id == posting.c.entry_id)
        .join(period, period.c.id == entry.c.period_id)
    )
    who = account.c.merchant_id, account.c.currency
    before = (
        select(*who, account.c.kind, func.sum(posting.c.amount))
        .select_from(joined)
        .where(own, period.c.starts_on < starts_on)
        .group_by(*who, account.c.kind)
    )
    opening: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for name, currency, kind, total in connection.execute(before):
        opening[name, currency][kind] = -int(total)
    during = (
        select(
            *who,
            entry.c.id,
            entry.c.effective_on,
            entry.c.kind,
            entry.c.idempotency_key,
            entry.c.origin,
            entry.c.source_id,
            account.c.kind,
            posting.c.amount,
        )
        .select_from(joined)
        .where(own, period.c.id == period_id)
        .order_by(entry.c.id, posting.c.line_no)
    )
    lines: dict[tuple[str, str], list[StatementLine]] = defaultdict(list)
    for row in connection.execute(during):
        line = StatementLine(row[2], row[3], row[4], row[5], row[6], row[7], row[8], -row[9])
        lines[row[0], row[1]].append(line)
    kept = select(statement.c.merchant_id, statement.c.currency).where(
        statement.c.period_id == period_id
    )
    if merchant is not None:
        kept = kept.where(statement.c.merchant_id == merchant)
    published = {(name, currency) for name, currency in connection.execute(kept)}
    for place in sorted(opening.keys() | lines.keys()):
        closing = dict(opening[place])
        for line in lines[place]:
            closing[line.place] = closing.get(line.place, 0) + line.amount
        yield Statement(
            *place, period_id, opening[place], closing, tuple(lines[place]), place in published
        )


def booked(
    connection: Connection, merchant: str, currency: str
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return revision and minor units of what is booked of each earning, by (`program@version`, period)."""
    query = select(settlement).where(
        settlement.c.merchant_id == merchant, settlement.c.currency == currency
    )
    return {
        (f"{row.program_id}@{row.program_version}", row.period): (row.revision, row.posted_earned)
        for row in connection.execute(query)
    }


def publish(connection: Connection, period_id: str, starts_on: str, instant: str) -> int:
    """Keep the statements of a month for good, as they are now; return how many."""
    rows, lines = [], []
    for one in _statements(connection, period_id, starts_on, None):
        name = f"{period_id}:{one.merchant}:{one.currency}"
        opening, closing = one.total
        if closing - opening != sum(line.amount for line in one.lines):
            raise broken(message(N_("The lines of {name} do not explain it."), name=name))
        rows.append(
            {
                "id": name,
                "merchant_id": one.merchant,
                "currency": one.currency,
                "period_id": period_id,
                "opening": opening,
                "closing": closing,
                "content_hash": one.content_hash,
                "published_at": instant,
            }
        )
        lines += [
            {
                "statement_id": name,
                "line_no": number,
                "entry_id": line.entry,
                "account_kind": line.place,
                "amount": line.amount,
            }
            for number, line in enumerate(one.lines, start=1)
        ]
    insert_rows(connection, statement, rows)
    insert_rows(connection, statement_line, lines)
    return len(rows)
