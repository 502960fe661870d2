"""A merchant's claims in hand: what is booked, what is owed, and what is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, select, update

from cogrow.errors import N_, message
from cogrow.ledger.store.bulk import among, insert_tuples, update_tuples
from cogrow.ledger.store.claims import credit_lot, settlement
from cogrow.ledger.store.database import Store, by_key
from cogrow.ledger.store.refusals import Conflict
from cogrow.ledger.store.schema import account, balance

#: Program, version, merchant, period, currency: what is booked once per revision.
Key = tuple[str, str, str, str, str]
KEY_COLUMNS = ("program_id", "program_version", "merchant_id", "period", "currency")
#: What must still be as it was read when a claim is written.
COMPARED = ("revision", "settled_count", "unsettled")
#: What a claim may change; the rest of it is said when it is made.
_CHANGING = (
    "revision",
    "posted_earned",
    "posted_shares",
    "unsettled",
    "settled_count",
    "matures_on",
    "last_run_id",
    "last_input_hash",
)
_COLUMNS = tuple(settlement.columns.keys())
_key, _compared = itemgetter(*KEY_COLUMNS), itemgetter(*COMPARED)
_changing, _all = itemgetter(*_CHANGING), itemgetter(*_COLUMNS)


@dataclass(slots=True)
class Claim:
    """A row of `settlement` in hand, and its COMPARED as they were read (all 0: not there yet)."""

    key: Key
    values: dict[str, Any]
    read: tuple[int, int, int] = (0, 0, 0)
    changed: bool = False

    @property
    def unsettled(self) -> int:
        """Return how much of it still stands in `accrued`, in minor units."""
        left: int = self.values["unsettled"]
        return left

    def set(self, **values: Any) -> None:
        """Change values of the row; they are written by `save`."""
        self.values.update(values)
        self.changed = True


def locked(connection: Connection, merchants: Sequence[str]) -> dict[Key, Claim]:
    """Return every claim of some merchants, held until the transaction ends."""
    return _claims(connection, _claims_of(connection, merchants).with_for_update())


def seen(store: Store, merchants: Sequence[str]) -> dict[Key, Claim]:
    """Return every claim of some merchants as it is now. Whether it still is, `save` sees."""
    with store.read() as connection:
        return _claims(connection, _claims_of(connection, merchants))


def _claims_of(connection: Connection, merchants: Sequence[str]) -> Select[Any]:
    return (
        select(settlement)
        .where(among(connection, settlement.c.merchant_id, merchants))
        .order_by(*(settlement.c[name] for name in KEY_COLUMNS))
    )


def _claims(connection: Connection, query: Select[Any]) -> dict[Key, Claim]:
    by_key(connection)
    found: dict[Key, Claim] = {}
    for row in connection.execute(query).all():
        values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
        key: Key = _key(values)
        found[key] = Claim(key, values, _compared(values))
    return found


def save(connection: Connection, claims: Iterable[Claim]) -> None:
    """Write changed claims, each only if it is still as it was read.

    Raises Conflict where one is not: then nothing of this transaction stands.
    """
    by_key(connection)
    changed = [claim for claim in claims if claim.changed]
    new = [_all(claim.values) for claim in changed if not claim.read[0]]
    insert_tuples(connection, settlement, _COLUMNS, new)
    old = [
        (*_changing(claim.values), *claim.key, *claim.read) for claim in changed if claim.read[0]
    ]
    where = (*KEY_COLUMNS, *COMPARED)
    if update_tuples(connection, settlement, _CHANGING, where, old) != len(old):
        raise Conflict(
            message(N_("Somebody else booked the same earnings meanwhile. Run it again."))
        )


def owed(
    connection: Connection, merchants: Sequence[str], kinds: Sequence[str]
) -> dict[tuple[str, str, str], int]:
    """Return the size of each balance by (merchant, currency, kind), locked; absent where there is none."""
    query = (
        select(account.c.merchant_id, account.c.currency, account.c.kind, balance.c.posted)
        .join(balance, balance.c.account_id == account.c.id)
        .where(among(connection, account.c.merchant_id, merchants), account.c.kind.in_(kinds))
        .order_by(account.c.id)
        .with_for_update(of=balance)
    )
    return {
        (merchant, currency, kind): abs(posted)
        for merchant, currency, kind, posted in connection.execute(query).all()
    }


def lots(connection: Connection, merchant: str, currency: str) -> list[dict[str, Any]]:
    """Return what is left of a merchant's ad credit, in the order it is spent: bonus first, what expires
    first before the rest. Locked.
    """
    query = (
        select(credit_lot)
        .where(
            credit_lot.c.merchant_id == merchant,
            credit_lot.c.currency == currency,
            credit_lot.c.remaining > 0,
        )
        .with_for_update()
    )
    rows = connection.execute(query).mappings()
    found: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in rows
    ]
    return sorted(found, key=lambda lot: (lot["kind"], lot["expires_on"] or "9999", lot["id"]))


def draw(connection: Connection, lot: Mapping[str, Any], amount: int) -> None:
    """Take an amount out of a portion of ad credit; the database refuses more than is left."""
    connection.execute(
        update(credit_lot)
        .where(credit_lot.c.id == lot["id"])
        .values(remaining=credit_lot.c.remaining - amount)
    )
