"""Who is paid what: the proposal of a batch, and the second person's approval, which reserves the money."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from cogrow.errors import N_, LedgerError, NotFound, message
from cogrow.ledger import accounts
from cogrow.ledger.journal import Act, Entry, digest, entry_lines, note, write
from cogrow.ledger.payouts.rail import Instruction
from cogrow.ledger.payouts.waiting import Due, why_nothing
from cogrow.ledger.people import require
from cogrow.ledger.proposals import Proposal, proposal, propose, vote
from cogrow.ledger.store.bulk import insert_rows
from cogrow.ledger.store.claims import LIVE, beneficiary, payout, payout_batch
from cogrow.ledger.store.refusals import DuplicateKey
from cogrow.ledger.store.schema import account, balance

#: A batch is looked at twice if its total is this many times the median of the last ones, or the same
#: payees get the same amounts as in one of them.
FAR_OFF, LAST_BATCHES = 3, 12
#: A batch's name is a file's name and a bank's identifier: never cut, never with a folder in it.
LONGEST_BATCH = 35
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_BATCH - 1}}}")


def add_beneficiary(
    connection: Connection, merchant: str, name: str, iban: str, bic: str, act: Act
) -> str:
    """Say where a merchant is paid from now on, and return its fingerprint.

    What is under way to the old account is refused until it is proposed and approved again.
    """
    require(connection, act, "operator")
    fingerprint = digest([merchant, name, iban, bic])[:32]
    if (found := _beneficiary(connection, merchant)) is None or found["fingerprint"] != fingerprint:
        row = {"merchant_id": merchant, "name": name, "iban": iban, "bic": bic}
        connection.execute(
            beneficiary.insert().values(
                **row, fingerprint=fingerprint, created_at=act.instant, actor=act.actor
            )
        )
        note(connection, act, "beneficiary add", merchant=merchant, fingerprint=fingerprint)
    return fingerprint


def _beneficiary(connection: Connection, merchant: str) -> dict[str, Any] | None:
    query = select(beneficiary).where(beneficiary.c.merchant_id == merchant)
    found = connection.execute(query.order_by(beneficiary.c.id.desc()).limit(1)).mappings().first()
    return None if found is None else {str(name): value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Batch:
    """A proposed batch: its items, total in minor units, and the merchants left out with nowhere to be paid
    to, each with what it is due.
    """

    id: str
    proposal: Proposal
    items: tuple[Instruction, ...]
    total: int
    no_beneficiary: tuple[Due, ...] = ()


def propose_batch(
    connection: Connection,
    name: str,
    rail: str,
    currency: str,
    act: Act,
    *,
    least: int = 1,
    merchants: Sequence[str] | None = None,
) -> Batch:
    """Propose to pay out every wallet that has at least `least` minor units and nothing under way.

    Proposed again under the same name, the batch is returned as it was. Raises LedgerError for an empty one,
    which says what is due and why it cannot be paid.
    """
    require(connection, act, "operator", "finance")
    if connection.execute(select(payout_batch.c.id).where(payout_batch.c.id == name)).first():
        return batch(connection, name)
    if not _NAME.fullmatch(name):
        what = N_("{name} cannot name a batch: at most {most} letters, digits, dots and hyphens.")
        raise LedgerError(message(what, name=repr(name), most=LONGEST_BATCH))
    rows, homeless, little = _payable(connection, currency, least, merchants)
    if not rows:
        raise LedgerError(why_nothing(connection, currency, merchants, homeless, little, least))
    failed = _failed(connection, currency)
    items, payouts = [], []
    for merchant, amount, to in rows:
        number = digest([name, merchant, currency])[:30].upper()
        items.append(
            Instruction(number, merchant, to["name"], to["iban"], to["bic"], amount, currency)
        )
        payouts.append(
            {
                "id": f"{name}:{merchant}",
                "batch_id": name,
                "merchant_id": merchant,
                "currency": currency,
                "amount": amount,
                "rail": rail,
                "rail_number": number,
                "beneficiary_id": to["id"],
                "beneficiary_fingerprint": to["fingerprint"],
                "status": "proposed",
                "retry_of": failed.get(merchant),
                "maker": act.actor,
            }
        )
    content = content_of(name, rail, items)
    payees = digest(
        [part for item in items for part in (item.merchant, item.iban, str(item.amount))]
    )
    total = sum(item.amount for item in items)
    needed = 1 + _suspicious(connection, rail, currency, total, payees)
    found = propose(connection, f"payout:{name}", "payout", content, _hash(content), act, needed)
    row = {"id": name, "rail": rail, "currency": currency, "approval_id": found.id}
    connection.execute(
        payout_batch.insert().values(
            **row,
            content_hash=found.content_hash,
            payees_hash=payees,
            total=total,
            count=len(items),
            maker=act.actor,
            created_at=act.instant,
        )
    )
    insert_rows(connection, payout, payouts)
    return Batch(name, found, tuple(items), total, tuple(homeless))


def resend(connection: Connection, name: str, failed: str, act: Act) -> Batch:
    """Propose to pay again, as the batch `name` and under new numbers, what definitely failed in the batch
    `failed`; each merchant gets what its wallet has now.

    Raises LedgerError where nothing failed: what is unknown is asked about, never sent anew.
    """
    require(connection, act, "operator", "finance")
    old = batch(connection, failed)
    again = payout.alias()
    query = (
        select(payout.c.merchant_id, payout.c.status, again.c.batch_id)
        .join(
            again,
            (again.c.retry_of == payout.c.id) & (again.c.status != "cancelled"),
            isouter=True,
        )
        .where(payout.c.batch_id == failed)
    )
    rows = connection.execute(query).all()
    if any(row.batch_id == name for row in rows):
        return batch(connection, name)
    if connection.execute(select(payout_batch.c.id).where(payout_batch.c.id == name)).first():
        what = N_("The key {key} is used already, for another proposal.")
        raise DuplicateKey(message(what, key=name))
    merchants = [row.merchant_id for row in rows if row.status == "failed" and row[2] is None]
    if not merchants:
        what = N_(
            "Nothing of {name} failed that was not sent again. Ask the rail about the others."
        )
        raise LedgerError(message(what, name=failed))
    currency = old.items[0].currency
    rail = old.proposal.content["rail"]
    return propose_batch(connection, name, rail, currency, act, merchants=merchants)


def _payable(
    connection: Connection, currency: str, least: int, merchants: Sequence[str] | None
) -> tuple[list[tuple[str, int, dict[str, Any]]], list[Due], list[Due]]:
    """Return whom to pay, how much and where; what is due with nowhere to be paid to; and what is less than
    `least`.
    """
    busy = select(payout.c.merchant_id).where(
        payout.c.status.in_(LIVE), payout.c.currency == currency
    )
    query = (
        select(account.c.merchant_id, balance.c.posted)
        .join(balance, balance.c.account_id == account.c.id)
        .where(
            account.c.kind == "payable",
            account.c.currency == currency,
            balance.c.posted < 0,
            account.c.merchant_id.not_in(busy),
        )
        .order_by(account.c.merchant_id)
    )
    last = select(func.max(beneficiary.c.id)).group_by(beneficiary.c.merchant_id)
    homes = {
        row["merchant_id"]: {str(name): value for name, value in row.items()}
        for row in connection.execute(
            select(beneficiary).where(beneficiary.c.id.in_(last))
        ).mappings()
    }
    rows, homeless, little = [], [], []
    for merchant, posted in connection.execute(query):
        if merchants is not None and merchant not in merchants:
            continue
        if -posted < least:
            little.append((merchant, -posted))
        elif merchant in homes:
            rows.append((merchant, -posted, homes[merchant]))
        else:
            homeless.append((merchant, -posted))
    return rows, homeless, little


def _failed(connection: Connection, currency: str) -> dict[str, str]:
    """Return, by merchant, the failed payout that a new one takes the place of."""
    retried = select(payout.c.retry_of).where(payout.c.retry_of.is_not(None))
    query = select(payout.c.merchant_id, payout.c.id).where(
        payout.c.status == "failed", payout.c.currency == currency, payout.c.id.not_in(retried)
    )
    return {row.merchant_id: row.id for row in connection.execute(query.order_by(payout.c.id))}


def _suspicious(connection: Connection, rail: str, currency: str, total: int, payees: str) -> bool:
    query = (
        select(payout_batch.c.total, payout_batch.c.payees_hash)
        .where(payout_batch.c.rail == rail, payout_batch.c.currency == currency)
        .order_by(payout_batch.c.created_at.desc(), payout_batch.c.id)
        .limit(LAST_BATCHES)
    )
    before = connection.execute(query).all()
    if any(row.payees_hash == payees for row in before):
        return True
    return len(before) >= 3 and total > FAR_OFF * statistics.median_low(
        [row.total for row in before]
    )


def content_of(name: str, rail: str, items: Sequence[Instruction]) -> dict[str, Any]:
    """Return what is voted for: every item, the total, the rail."""
    listed = [asdict(item) for item in items]
    return {"batch": name, "rail": rail, "items": listed, "total": sum(i.amount for i in items)}


def _hash(content: dict[str, Any]) -> str:
    fields = [content["batch"], content["rail"], str(content["total"])]
    for item in content["items"]:
        fields += [str(value) for value in item.values()]
    return digest(fields)


def batch(connection: Connection, name: str) -> Batch:
    """Return a batch as it was proposed. Raises NotFound."""
    found = connection.execute(select(payout_batch).where(payout_batch.c.id == name)).first()
    if found is None:
        raise NotFound(message(N_("There is no payout batch {name}."), name=repr(name)))
    shown = proposal(connection, found.approval_id)
    items = tuple(Instruction(**item) for item in shown.content["items"])
    return Batch(name, shown, items, found.total)


def approve_batch(connection: Connection, name: str, shown: str, act: Act) -> Proposal:
    """Vote for a batch; with votes enough its payouts are approved and their money is reserved, at once.

    Raises InsufficientFund where a wallet has less by now, NotApproved for one's own proposal.
    """
    found = vote(connection, f"payout:{name}", shown, act)
    query = select(payout).where(payout.c.batch_id == name).order_by(payout.c.id)
    rows = connection.execute(query.with_for_update()).mappings().all()
    waiting = [row for row in rows if row["status"] == "proposed"]
    if not found.approved or not waiting:
        return found
    entries = [
        Entry(
            "payout",
            f"payout:{row['id']}:reserve",
            entry_lines(
                (
                    accounts.of_merchant("payable", row["merchant_id"], row["currency"]),
                    row["amount"],
                ),
                (accounts.in_transit(row["rail"], row["currency"]), -row["amount"]),
            ),
            source_type="payout",
            source_id=row["id"],
        )
        for row in waiting
    ]
    numbers = write(connection, entries, act)
    for row, number in zip(waiting, numbers, strict=True):
        connection.execute(
            update(payout)
            .where(payout.c.id == row["id"])
            .values(
                status="approved", checker=act.actor, approved_hash=shown, reserve_entry_id=number
            )
        )
    return found


def cancel(connection: Connection, name: str, act: Act) -> int:
    """Give up the payouts of a batch that nobody approved yet; return how many.

    Raises DuplicateKey where its money is reserved already.
    """
    require(connection, act, "operator", "finance")
    batch(connection, name)
    query = select(payout.c.id, payout.c.status).where(payout.c.batch_id == name)
    rows = connection.execute(query.with_for_update()).all()
    if any(row.status not in ("proposed", "cancelled") for row in rows):
        raise DuplicateKey(message(N_("The batch is approved; it is paid, or fails, by the rail.")))
    for row in rows:
        if row.status == "proposed":
            connection.execute(
                update(payout).where(payout.c.id == row.id).values(status="cancelled")
            )
    note(connection, act, "payout cancel", batch=name)
    return len(rows)
