"""The auditor: derives everything again from the postings, and names the first entry that is wrong.

It trusts no balance, no hash and no header: what it cannot derive again is a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, func, select

from cogrow.errors import N_, Message, message
from cogrow.ledger.journal import GENESIS, HEADER, content_hash, digest, seal_hash
from cogrow.ledger.store.claims import credit_lot, payout, settlement
from cogrow.ledger.store.database import uncollected
from cogrow.ledger.store.schema import (
    account,
    approval,
    approval_vote,
    audit,
    balance,
    entry,
    fund,
    period,
    posting,
    seal,
)

#: Rows fetched at a time.
BATCH = 20_000
LINE = ("entry_id", "account_id", "amount", "book", "currency")
_PLACE = ("code", "book", "currency", "kind", "merchant_id", "fund_id")
#: Accounts that other rows stand beside: claims, and portions of ad credit.
_CLAIMED, _LOTS = ("accrued",), ("ad_credit", "ad_bonus")
_END: tuple[None, tuple[Any, ...]] = (None, ())


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong; `entry` is the number of the entry it was found at, if it is one entry's."""

    what: Message
    entry: int | None = None


@dataclass(slots=True)
class Audited:
    """What was looked at, the head of the chain, and every fault, that of the first bad entry first."""

    entries: int = 0
    postings: int = 0
    head: str = GENESIS
    faults: list[Fault] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.faults


@uncollected()
def check(connection: Connection) -> Audited:
    """Look at everything once, in the order it was sealed."""
    found = Audited()
    sums: dict[int, int] = defaultdict(int)
    columns = [account.c[name] for name in ("id", *_PLACE)]
    places = {number: place for number, *place in connection.execute(select(*columns)).all()}
    _entries(connection, found, sums, places)
    _nothing_beside(connection, found)
    _balances(connection, found, sums, places)
    _derived(connection, found, sums, places)
    _audit_log(connection, found)
    found.faults.sort(key=lambda fault: (fault.entry is None, fault.entry or 0))
    return found


def _rows(connection: Connection, *columns: Any, joined: Any, order: Any) -> Iterator[Any]:
    query = select(*columns).select_from(joined).order_by(*order)
    result = connection.execute(query, execution_options={"yield_per": BATCH})
    for part in result.partitions():
        yield from part


def _entries(
    connection: Connection, found: Audited, sums: dict[int, int], places: dict[int, Any]
) -> None:
    """Walk the headers with the postings beside them: sums, counts, hashes, and then the chain."""
    sealed = seal.outerjoin(entry, entry.c.id == seal.c.entry_id)
    header = [entry.c[name] for name in (*HEADER[1:], "id")]
    number, *line = (posting.c[name] for name in LINE)
    headers = _rows(connection, *seal.c, *header, joined=sealed, order=[seal.c.entry_id])
    lines = _rows(connection, number, *line, joined=posting, order=[number, posting.c.line_no])
    groups = groupby(lines, key=itemgetter(0))
    at, mine = next(groups, _END)
    links: list[tuple[int, str, str, str, int]] = []
    for header in headers:
        name = header[-1]
        if name is None:
            found.faults.append(Fault(message(N_("Seal {seq} seals nothing."), seq=header[0])))
            continue
        while at is not None and at < name:
            found.faults.append(_orphan(at))
            at, mine = next(groups, _END)
        own: list[Any] = []
        if at == name:
            own = list(mine)
            at, mine = next(groups, _END)
        links.append(_entry(header, own, found, sums, places))
        found.entries += 1
        found.postings += len(own)
    if at is not None:
        found.faults.append(_orphan(at))
    _chain(found, sorted(links))


def _orphan(number: int) -> Fault:
    what = N_("A posting belongs to entry {entry}, which is not there.")
    return Fault(message(what, entry=number), number)


def _entry(
    header: Any, lines: list[Any], found: Audited, sums: dict[int, int], places: dict[int, Any]
) -> tuple[int, str, str, str, int]:
    """Check one entry against its postings, add these to the sums of their accounts, and return its link
    in the chain.
    """
    seq, number, previous, link, kind, key, paid, period_id, origin, day, instant, *rest = header
    source, source_id, reverses, actor, via, approved, count, _version, sealed, name = rest
    totals: dict[tuple[str, str], int] = {}
    fields = [kind, key, origin, source, source_id, str(reverses or "")]
    for _, place, amount, book, currency in lines:
        code, kept_book, kept_currency, _, _, _ = places[place]
        where = book, currency
        totals[where] = totals.get(where, 0) + amount
        sums[place] += amount
        fields += code, currency, str(amount)
        if book != kept_book or currency != kept_currency:
            what = N_("Entry {entry} posts to {account} in another currency or book.")
            found.faults.append(Fault(message(what, entry=number, account=code), number))
    if any(totals.values()) or len(lines) != count:
        what = N_("Entry {entry} ({key}) does not sum to zero, or lacks postings.")
        found.faults.append(Fault(message(what, entry=number, key=key), number))
    payload = digest(fields)
    kept = content_hash(payload, (period_id, day, instant, actor, via, approved or ""))
    if payload != paid or kept != sealed:
        what = N_("Entry {entry} ({key}) is not what was sealed.")
        found.faults.append(Fault(message(what, entry=number, key=key), number))
    return seq, previous, link, sealed, name


def _chain(found: Audited, links: list[tuple[int, str, str, str, int]]) -> None:
    head = GENESIS
    for number, (seq, previous, kept, content, name) in enumerate(links, start=1):
        if seq != number or previous != head or kept != seal_hash(seq, previous, content):
            what = N_("The chain breaks at entry {entry}, seal {seq}.")
            found.faults.append(Fault(message(what, entry=name, seq=seq), name))
            return
        head = kept
    found.head = head


def _nothing_beside(connection: Connection, found: Audited) -> None:
    query = select(entry.c.id).where(
        ~select(seal.c.seq).where(seal.c.entry_id == entry.c.id).exists()
    )
    for number in connection.execute(query.limit(1)).scalars():
        found.faults.append(
            Fault(message(N_("Entry {entry} is not sealed."), entry=number), number)
        )
    heads = select(seal.c.hash, seal.c.seq).where(seal.c.hash.in_(select(period.c.close_head_hash)))
    head = heads.subquery()
    late = (
        select(period.c.id, func.min(entry.c.id))
        .select_from(entry)
        .join(seal, seal.c.entry_id == entry.c.id)
        .join(period, period.c.id == entry.c.period_id)
        .outerjoin(head, head.c.hash == period.c.close_head_hash)
        .where(period.c.status == "closed", seal.c.seq > func.coalesce(head.c.seq, 0))
        .group_by(period.c.id, period.c.starts_on)
        .order_by(period.c.starts_on)
    )
    for month, number in connection.execute(late).all():
        what = N_("Entry {entry} was posted into {period} after it was closed.")
        found.faults.append(Fault(message(what, entry=number, period=month), number))
    _approvals(connection, found)


def _approvals(connection: Connection, found: Audited) -> None:
    votes = (
        select(func.count())
        .where(
            approval_vote.c.approval_id == approval.c.id,
            approval_vote.c.person_id != approval.c.maker,
        )
        .scalar_subquery()
    )
    query = (
        select(entry.c.id)
        .join(approval, approval.c.id == entry.c.approval_id)
        .where(
            (votes < approval.c.votes_needed) | (approval.c.content_hash != entry.c.payload_hash)
        )
    )
    for number in connection.execute(query).scalars():
        what = N_("Entry {entry} was not approved by another person.")
        found.faults.append(Fault(message(what, entry=number), number))


def _balances(
    connection: Connection, found: Audited, sums: dict[int, int], places: dict[int, Any]
) -> None:
    columns = balance.c.account_id, balance.c.posted, balance.c.min_posted, balance.c.max_posted
    kept = {number: row for number, *row in connection.execute(select(*columns)).all()}
    for number in sorted(places.keys() | kept.keys() | sums.keys()):
        total = sums.get(number, 0)
        shown, low, high = kept.get(number, (None, None, None))
        code = places[number][0] if number in places else str(number)
        if shown is None or shown != total:
            what = N_("The balance of {account} is {kept}, but its postings sum to {total}.")
            found.faults.append(Fault(message(what, account=code, kept=shown, total=total)))
        if (low is not None and total < low) or (high is not None and total > high):
            found.faults.append(Fault(message(N_("{account} is past its bound."), account=code)))


def _derived(
    connection: Connection, found: Audited, sums: dict[int, int], places: dict[int, Any]
) -> None:
    """Compare what stands beside the entries with them: claims, ad credit, payouts, funds, clearing."""
    kinds: dict[tuple[str, str | None, str], int] = defaultdict(int)
    budgets: dict[str, int] = defaultdict(int)
    for number, (code, book, currency, kind, merchant, fund_id) in places.items():
        if kind in _CLAIMED or kind in _LOTS:
            kinds[kind, merchant, currency] += sums.get(number, 0)
        if book == "B":
            budgets[fund_id] += sums.get(number, 0)
        if kind == "run_clearing" and sums.get(number, 0):
            found.faults.append(Fault(message(N_("{account} is not cleared."), account=code)))
    for name in connection.execute(select(fund.c.id)).scalars():
        if budgets.get(name, 0):
            what = N_("Fund {fund}: available and consumed are not what was authorized.")
            found.faults.append(Fault(message(what, fund=name)))
    for table, column, wanted in (
        (settlement, settlement.c.unsettled, None),
        (credit_lot, credit_lot.c.remaining, credit_lot.c.kind),
    ):
        by = [table.c.merchant_id, table.c.currency, *([wanted] if wanted is not None else [])]
        beside: dict[tuple[str, str | None, str], int] = {}
        for merchant, currency, *kind, total in connection.execute(
            select(*by, func.sum(column)).group_by(*by)
        ).all():
            beside[kind[0] if kind else _CLAIMED[0], merchant, currency] = int(total)
        own = _CLAIMED if wanted is None else _LOTS
        wrong = [
            key
            for key in {key for key in kinds if key[0] in own} | beside.keys()
            if -kinds.get(key, 0) != beside.get(key, 0)
        ]
        for key in sorted(wrong, key=str):
            what = N_("{kind} of {merchant}: the books have {total}, the rows beside them {kept}.")
            said = message(
                what,
                kind=key[0],
                merchant=key[1],
                total=-kinds.get(key, 0),
                kept=beside.get(key, 0),
            )
            found.faults.append(Fault(said))
    live = ("approved", "sending", "sent", "unknown")
    query = (
        select(payout.c.rail, payout.c.currency, func.sum(payout.c.amount))
        .where(payout.c.status.in_(live))
        .group_by(payout.c.rail, payout.c.currency)
    )
    moving = {
        f"liab:in_transit:{rail}:{currency}": int(total)
        for rail, currency, total in connection.execute(query)
    }
    for number, (code, _, _, kind, _, _) in places.items():
        if kind == "in_transit" and -sums.get(number, 0) != moving.pop(code, 0):
            what = N_("{account} is not the sum of the payouts under way.")
            found.faults.append(Fault(message(what, account=code)))
    found.faults += [
        Fault(message(N_("{account} is not the sum of the payouts under way."), account=code))
        for code in moving
    ]


def _audit_log(connection: Connection, found: Audited) -> None:
    head = GENESIS
    for number, row in enumerate(connection.execute(select(audit).order_by(audit.c.seq)), start=1):
        fields = [str(row.seq), head, row.at, row.actor, row.via, row.verb, row.content]
        if row.seq != number or row.prev_hash != head or row.hash != digest(fields):
            what = N_("The audit log breaks at line {seq}.")
            found.faults.append(Fault(message(what, seq=row.seq)))
            return
        head = row.hash
