"""settle: what is mature becomes due, less what the merchant owes us."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from sqlalchemy import Connection, select

from cogrow.ledger import accounts
from cogrow.ledger.claims import Claim, locked, owed, save
from cogrow.ledger.journal import Act, Entry, entry_lines, note, write
from cogrow.ledger.people import require
from cogrow.ledger.store.bulk import insert_rows
from cogrow.ledger.store.claims import credit_lot, settlement
from cogrow.ledger.store.database import Store, uncollected

CHUNK = 10_000
#: Where a settled amount goes, by how it is paid; a clawback is offset against money first.
DESTINATIONS = {"cash": "payable", "fee_offset": "fee_credit", "ad_credit": "ad_bonus"}
_ORDER = {pays: position for position, pays in enumerate(DESTINATIONS)}


@dataclass(slots=True)
class Settled:
    """What became due: merchants, entries, and amounts in minor units by currency."""

    merchants: int = 0
    entries: int = 0
    due: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    offset: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@uncollected()
def settle(
    store: Store,
    act: Act,
    as_of: date | None = None,
    *,
    chunk: int = CHUNK,
    dry: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Settled:
    """Make due everything that is mature on `as_of` (else the act's day). Run again, it finds nothing."""
    day = (as_of or act.day).isoformat()
    with store.read() as connection:
        require(connection, act, "operator")
        query = (
            select(settlement.c.merchant_id)
            .where(settlement.c.unsettled > 0, settlement.c.matures_on <= day)
            .distinct()
            .order_by(settlement.c.merchant_id)
        )
        merchants = list(connection.execute(query).scalars())
    result = Settled()
    chunks = [merchants[at : at + chunk] for at in range(0, len(merchants), chunk)]

    def all_of_it(connection: Connection) -> list[Settled]:
        return [_settle(connection, some, day, act) for some in chunks]

    if dry:
        done = store.write(all_of_it, dry=True)
    else:
        done = []
        for number, some in enumerate(chunks, start=1):
            done.append(store.write(partial(_settle, merchants=some, day=day, act=act)))
            progress(number, len(chunks))
    for one in done:
        result.merchants += one.merchants
        result.entries += one.entries
        for currency in one.due:
            result.due[currency] += one.due[currency]
            result.offset[currency] += one.offset[currency]
    return result


def _settle(connection: Connection, merchants: Sequence[str], day: str, act: Act) -> Settled:
    claims = locked(connection, merchants)
    groups: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims.values():
        _, _, merchant, period, currency = claim.key
        groups[merchant, period, currency].append(claim)
    owes = {
        (merchant, currency): amount
        for (merchant, currency, _), amount in owed(connection, merchants, ("clawback",)).items()
    }
    result, entries, lots = Settled(), [], []
    for (merchant, period, currency), mine in sorted(groups.items()):
        due = [c for c in mine if c.unsettled and c.values["matures_on"] <= day]
        if not due:
            continue
        number = max(c.values["settled_count"] for c in mine) + 1
        key = f"settle:{merchant}:{period}:{currency}:{number}"
        total = sum(c.unsettled for c in due)
        back = rest = min(owes.get((merchant, currency), 0), total)
        owes[merchant, currency] = owes.get((merchant, currency), 0) - back
        pairs = [
            (accounts.of_merchant("accrued", merchant, currency), total),
            (accounts.of_merchant("clawback", merchant, currency), -back),
        ]
        for claim in sorted(due, key=lambda c: (_ORDER[c.values["pays"]], c.key)):
            amount = claim.unsettled - min(claim.unsettled, rest)
            rest -= claim.unsettled - amount
            kind = DESTINATIONS[claim.values["pays"]]
            pairs.append((accounts.of_merchant(kind, merchant, currency), -amount))
            if kind == "ad_bonus" and amount:
                lots.append(_lot(f"{key}:{claim.key[0]}@{claim.key[1]}", claim, amount))
            claim.set(unsettled=0, settled_count=number)
        entries.append(Entry("settle", key, entry_lines(*pairs), period, "settlement", merchant))
        result.due[currency] += total - back
        result.offset[currency] += back
    save(connection, claims.values())
    insert_rows(connection, credit_lot, lots)
    write(connection, entries, act)
    if entries:
        note(connection, act, "settle", entries=len(entries), first=entries[0].key, until=day)
    result.entries = len(entries)
    result.merchants = len({entry.source_id for entry in entries})
    return result


def _lot(name: str, claim: Claim, amount: int) -> dict[str, object]:
    _, _, merchant, _, currency = claim.key
    fund = claim.values["fund_id"]
    return {
        "id": name,
        "merchant_id": merchant,
        "currency": currency,
        "kind": "ad_bonus",
        "fund_id": fund,
        "cost_code": accounts.of_fund("incentive", fund, currency).code,
        "granted": amount,
        "remaining": amount,
        "expires_on": claim.values["expires_on"],
    }
