"""settle: what is mature becomes due, less what the merchant owes us."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select

from cogrow.ledger import accounts
from cogrow.ledger.claims import Claim, Key, locked, owed, save, seen
from cogrow.ledger.journal import Act, Entry, entry_lines, note, write
from cogrow.ledger.people import require
from cogrow.ledger.periods import period_of
from cogrow.ledger.store.bulk import insert_rows
from cogrow.ledger.store.claims import credit_lot, settlement
from cogrow.ledger.store.database import Store, uncollected
from cogrow.ledger.store.turns import Turn, as_foreseen, at_once

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

    def foresee(some: Sequence[str]) -> _Due:
        return _due(seen(store, some), {}, day)

    def book(
        connection: Connection, some: Sequence[str], foreseen: _Due | None, turn: Turn
    ) -> Settled:
        if foreseen is not None and not any(owed(connection, some, ("clawback",)).values()):
            return foreseen.book(connection, act, day, turn)
        claims = locked(connection, some)
        here = _due(claims, owed(connection, some, ("clawback",)), day)
        return here.book(connection, act, day, turn)

    def all_of_it(connection: Connection) -> list[Settled]:
        return [book(connection, some, None, at_once) for some in chunks]

    if dry:
        done = store.write(all_of_it, dry=True)
    else:
        done = []
        if chunks:  # the month is open before chunks are written beside each other
            store.write(lambda connection: period_of(connection, act.day, act.day))
        for one in as_foreseen(store, foresee, book, chunks):
            done.append(one)
            progress(len(done), len(chunks))
    for one in done:
        result.merchants += one.merchants
        result.entries += one.entries
        for currency in one.due:
            result.due[currency] += one.due[currency]
            result.offset[currency] += one.offset[currency]
    return result


@dataclass(slots=True)
class _Due:
    """What a transaction makes due of the claims of some merchants."""

    claims: Collection[Claim]
    result: Settled = field(default_factory=Settled)
    entries: list[Entry] = field(default_factory=list)
    lots: list[dict[str, object]] = field(default_factory=list)

    def book(self, connection: Connection, act: Act, day: str, turn: Turn) -> Settled:
        """Write it, and return what it comes to."""
        entries = self.entries
        save(connection, self.claims)
        insert_rows(connection, credit_lot, self.lots)
        write(connection, entries, act, turn=turn)
        if entries:
            note(connection, act, "settle", entries=len(entries), first=entries[0].key, until=day)
        self.result.entries = len(entries)
        self.result.merchants = len({entry.source_id for entry in entries})
        return self.result


def _due(
    claims: Mapping[Key, Claim], clawbacks: Mapping[tuple[str, str, str], int], day: str
) -> _Due:
    """Return what is due of claims, less what the merchants owe."""
    groups: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims.values():
        _, _, merchant, period, currency = claim.key
        groups[merchant, period, currency].append(claim)
    owes = {(merchant, currency): amount for (merchant, currency, _), amount in clawbacks.items()}
    found = _Due(claims.values())
    for (merchant, period, currency), mine in sorted(groups.items()):
        due = [c for c in mine if c.unsettled and c.values["matures_on"] <= day]
        if not due:
            continue
        due.sort(key=_turn)
        number = max([c.values["settled_count"] for c in mine]) + 1
        key = f"settle:{merchant}:{period}:{currency}:{number}"
        total = sum([c.unsettled for c in due])
        back = rest = min(owes.get((merchant, currency), 0), total)
        owes[merchant, currency] = owes.get((merchant, currency), 0) - back
        pairs = [
            (accounts.of_merchant("accrued", merchant, currency), total),
            (accounts.of_merchant("clawback", merchant, currency), -back),
        ]
        for claim in due:
            amount = claim.unsettled - min(claim.unsettled, rest)
            rest -= claim.unsettled - amount
            kind = DESTINATIONS[claim.values["pays"]]
            pairs.append((accounts.of_merchant(kind, merchant, currency), -amount))
            if kind == "ad_bonus" and amount:
                found.lots.append(_lot(f"{key}:{claim.key[0]}@{claim.key[1]}", claim, amount))
            claim.set(unsettled=0, settled_count=number)
        lines = entry_lines(*pairs)
        found.entries.append(Entry("settle", key, lines, period, "settlement", merchant))
        found.result.due[currency] += total - back
        found.result.offset[currency] += back
    return found


def _turn(claim: Claim) -> tuple[int, Key]:
    """Return in whose place a claim is offset: money first."""
    return _ORDER[claim.values["pays"]], claim.key


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
