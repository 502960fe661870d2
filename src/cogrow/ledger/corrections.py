"""Corrections: a new entry beside the wrong one, proposed by one person and approved by another; and the
disputes that ask for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from cogrow.errors import N_, LedgerError, NotFound, message
from cogrow.ledger import accounts
from cogrow.ledger.accounts import Account
from cogrow.ledger.journal import Act, Entry, Line, entry_lines, note, posted
from cogrow.ledger.people import require, require_sight, roles_of
from cogrow.ledger.proposals import Proposal, propose_entry
from cogrow.ledger.store.claims import dispute, dispute_answer
from cogrow.ledger.store.refusals import (
    AlreadyReversed,
    DuplicateKey,
    InsufficientFund,
    NotAllowed,
)
from cogrow.ledger.store.schema import account, balance, entry, posting
from cogrow.money import Money

#: Entries that stand alone; the others have rows beside them, and are corrected by booking anew.
REVERSIBLE = ("adjust", "fund", "transfer", "hold", "release")


def adjust(
    connection: Connection,
    number: str,
    merchant: str,
    fund: str,
    currency: str,
    amount: int,
    reason: str,
    act: Act,
) -> Proposal:
    """Propose to owe a merchant `amount` minor units more at a fund's cost; less than zero takes back, what
    the wallet has not becoming a clawback.
    """
    if type(amount) is not int:
        raise TypeError("minor units must be int")
    payable = accounts.of_merchant("payable", merchant, currency)
    less = max(-amount, 0)
    taken = min(less, _size(connection, payable.code))
    pairs: list[tuple[Account, int]] = [
        (payable, taken - max(amount, 0)),
        (accounts.of_merchant("clawback", merchant, currency), less - taken),
        (accounts.of_fund("incentive", fund, currency), amount),
        (accounts.of_fund("consumed", fund, currency), amount),
        (accounts.of_fund("available", fund, currency), -amount),
    ]
    one = Entry("adjust", f"adjust:{number}", entry_lines(*pairs), "", "adjust", merchant)
    return propose_entry(connection, one, act, reason=reason)


def write_off(
    connection: Connection,
    number: str,
    merchant: str,
    currency: str,
    amount: int,
    reason: str,
    act: Act,
) -> Proposal:
    """Propose to give up `amount` minor units of what a merchant owes us and will not pay.

    Raises InsufficientFund where it owes less.
    """
    if type(amount) is not int:
        raise TypeError("minor units must be int")
    owing = accounts.of_merchant("clawback", merchant, currency)
    pairs = [(owing, -amount), (accounts.writeoff(currency), amount)]
    has = _size(connection, owing.code)
    booked = posted(connection, f"writeoff:{number}")  # then it owes less by now, rightly
    if booked is None and not 0 < amount <= has:
        what = N_("{merchant} owes {has}; no more than that is written off.")
        raise InsufficientFund(message(what, merchant=merchant, has=str(Money(has, currency))))
    one = Entry("adjust", f"writeoff:{number}", entry_lines(*pairs), "", "writeoff", merchant)
    return propose_entry(connection, one, act, reason=reason)


def reverse(connection: Connection, number: int, reason: str, act: Act) -> Proposal:
    """Propose the entry that undoes another one, which stays. Raises AlreadyReversed, NotFound."""
    found = connection.execute(select(entry).where(entry.c.id == number)).first()
    if found is None:
        raise NotFound(message(N_("There is no entry {number}."), number=number))
    if found.kind not in REVERSIBLE:
        what = N_("An entry of the kind {kind} is not reversed; book what is right, or adjust.")
        raise LedgerError(message(what, kind=found.kind))
    again = select(entry.c.id).where(entry.c.reverses_entry_id == number)
    if connection.execute(again).first() is not None:
        raise AlreadyReversed(message(N_("The entry is already reversed.")))
    query = (
        select(account, posting.c.amount)
        .join(posting, posting.c.account_id == account.c.id)
        .where(posting.c.entry_id == number)
        .order_by(posting.c.line_no)
    )
    lines = tuple(
        Line(Account(row.code, row.kind, row.currency, row.merchant_id, row.fund_id), -row.amount)
        for row in connection.execute(query)
    )
    key = f"reverse:{found.idempotency_key}"
    one = Entry("adjust", key, lines, found.origin, "reversal", found.source_id, number)
    return propose_entry(connection, one, act, reason=reason)


def _size(connection: Connection, code: str) -> int:
    query = (
        select(balance.c.posted)
        .join(account, account.c.id == balance.c.account_id)
        .where(account.c.code == code)
    )
    found: int | None = connection.execute(query).scalar()
    return abs(found or 0)


@dataclass(frozen=True, slots=True)
class Dispute:
    """What a merchant says is wrong, and what it was answered, oldest first."""

    id: str
    merchant: str
    about: str
    said: str
    answers: tuple[tuple[str, str], ...]


def open_dispute(
    connection: Connection, name: str, merchant: str, about: str, said: str, act: Act
) -> None:
    """Write down that a merchant disputes something; who acts for the merchant or an operator does so."""
    if ("merchant", merchant) not in roles_of(connection, act.actor):
        require(connection, act, "operator")
    row = {"id": name, "merchant_id": merchant, "about": about, "said": said}
    found = connection.execute(select(dispute).where(dispute.c.id == name)).mappings().first()
    if found is not None:
        if any(found[column] != value for column, value in row.items()):
            raise DuplicateKey(
                message(N_("The key {key} is used already, for another dispute."), key=name)
            )
        return
    connection.execute(dispute.insert().values(**row, opened_by=act.actor, opened_at=act.instant))
    note(connection, act, "dispute open", dispute=name, merchant=merchant)


def answer_dispute(
    connection: Connection,
    name: str,
    outcome: str,
    said: str,
    act: Act,
    entry_id: int | None = None,
) -> None:
    """Answer a dispute: `answered`, `rejected`, or `corrected` by the entry that was approved for it."""
    require(connection, act, "operator")
    found = connection.execute(select(dispute.c.merchant_id).where(dispute.c.id == name)).scalar()
    if found is None:
        raise NotFound(message(N_("There is no dispute {name}."), name=repr(name)))
    if entry_id is not None:
        query = select(entry.c.id).where(
            entry.c.id == entry_id, entry.c.kind == "adjust", entry.c.source_id == found
        )
        if connection.execute(query).first() is None:
            raise NotAllowed(message(N_("The entry corrects nothing of this merchant.")))
    count = select(func.count()).where(dispute_answer.c.dispute_id == name)
    connection.execute(
        dispute_answer.insert().values(
            dispute_id=name,
            n=connection.execute(count).scalar_one() + 1,
            outcome=outcome,
            said=said,
            actor=act.actor,
            entry_id=entry_id,
            at=act.instant,
        )
    )
    note(connection, act, "dispute answer", dispute=name, outcome=outcome, entry=entry_id)


def disputes(connection: Connection, viewer: str, merchant: str | None = None) -> list[Dispute]:
    """Return disputes with their answers, of one merchant or (None) of all."""
    require_sight(connection, viewer, merchant)
    query = select(dispute).order_by(dispute.c.opened_at, dispute.c.id)
    if merchant is not None:
        query = query.where(dispute.c.merchant_id == merchant)
    rows = connection.execute(query).all()
    answers: dict[str, list[tuple[str, str]]] = {}
    for row in connection.execute(
        select(dispute_answer).order_by(dispute_answer.c.dispute_id, dispute_answer.c.n)
    ):
        answers.setdefault(row.dispute_id, []).append((row.outcome, row.said))
    return [
        Dispute(row.id, row.merchant_id, row.about, row.said, tuple(answers.get(row.id, ())))
        for row in rows
    ]
