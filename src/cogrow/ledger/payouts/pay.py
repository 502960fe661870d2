"""Sending in three steps: write down what will be said, say it, write down the answer.

The rail is never called inside a transaction. A crash between two steps leaves a payout `sending`: nobody
knows whether it was paid, so it is asked about, never sent as something new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, update

from cogrow.errors import N_, LedgerError, Message, message
from cogrow.ledger import accounts
from cogrow.ledger.journal import Act, Entry, entry_lines, note, write
from cogrow.ledger.payouts.propose import batch
from cogrow.ledger.payouts.rail import Answer, Instruction, Outcome, Rail
from cogrow.ledger.people import require
from cogrow.ledger.store.claims import payout, payout_attempt
from cogrow.ledger.store.database import Store
from cogrow.ledger.store.refusals import NotApproved

NOT_SENT = Answer(Outcome.FAILED, "", b"the payee changed; not sent")
UNRESOLVED = ("sending", "sent", "unknown")


@dataclass(slots=True)
class Paid:
    """What became of payouts, by number of payouts in each state; those whose payee changed (`refused`) and
    those the rail cannot be told (`not_taken`, and why) were not sent.
    """

    states: dict[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    not_taken: Mapping[str, Message] = field(default_factory=dict)


def request_of(item: Instruction) -> bytes:
    """Return the bytes that stand for an instruction: the same each time."""
    return json.dumps(asdict(item), sort_keys=True, ensure_ascii=False).encode()


def pay(store: Store, name: str, rail: Rail, act: Act) -> Paid:
    """Send the approved payouts of a batch. Run again, it sends only what was not begun.

    A payout whose payee's account changed since the approval is not sent, nor one the rail does not take:
    its money goes back to the wallet.
    """
    items = _items(store, name, rail, act)
    begun, refused, not_taken = [], [], {}
    for payout_id, number in _in_state(store, name, ("approved",)):
        if (why := rail.refuses(items[number])) is not None:
            told = Answer(Outcome.FAILED, "", f"not sent: {why}".encode())
            store.write(partial(_finish, payout_id=payout_id, answer=told, act=act))
            not_taken[payout_id] = why
            continue
        try:
            if store.write(partial(_begin, payout_id=payout_id, item=items[number], act=act)):
                begun.append(items[number])
        except NotApproved:
            store.write(partial(_finish, payout_id=payout_id, answer=NOT_SENT, act=act))
            refused.append(payout_id)
    if begun:
        _record(store, begun, _asked(rail.send, name, begun), act)
    return Paid(_states(store, name), tuple(refused), not_taken)


def reconcile(store: Store, name: str, rail: Rail, act: Act) -> Paid:
    """Ask the rail about everything under way in a batch. What it does not know stays unknown."""
    items = _items(store, name, rail, act)
    open_ = [items[number] for _, number in _in_state(store, name, UNRESOLVED)]
    if open_:
        _record(store, open_, _asked(rail.query, [item.number for item in open_]), act)
    return Paid(_states(store, name))


def resend(store: Store, name: str, rail: Rail, act: Act) -> Paid:
    """Send again what nobody knows the end of: the same numbers, so that each is paid at most once.

    Raises LedgerError for a rail that does not tell a number it has seen.
    """
    if not rail.deduplicates:
        what = N_("The rail {rail} may pay a number twice; wait for its word.")
        raise LedgerError(message(what, rail=rail.name))
    items = _items(store, name, rail, act)
    lost = [items[number] for _, number in _in_state(store, name, ("sending", "unknown"))]
    if lost:
        _record(store, lost, _asked(rail.send, name, lost), act)
    return Paid(_states(store, name))


def _items(store: Store, name: str, rail: Rail, act: Act) -> dict[str, Instruction]:
    """Return the items of a batch by number. Raises NotApproved for another rail than the one voted for."""
    with store.read() as connection:
        require(connection, act, "operator", "finance")
        found = batch(connection, name)
    wanted = found.proposal.content["rail"]
    if wanted != rail.name:
        what = N_("The batch {name} is for the rail {wanted}, not for {rail}.")
        raise NotApproved(message(what, name=name, wanted=wanted, rail=rail.name))
    return {item.number: item for item in found.items}


def _asked(call: Any, *arguments: Any) -> Mapping[str, Answer]:
    try:
        answers: Mapping[str, Answer] = call(*arguments)
    except OSError as error:  # a lost line says nothing about the money
        return {"": Answer(Outcome.UNKNOWN, "", str(error).encode())}
    return answers


def _in_state(store: Store, name: str, states: Sequence[str]) -> list[tuple[str, str]]:
    query = select(payout.c.id, payout.c.rail_number).where(
        payout.c.batch_id == name, payout.c.status.in_(states)
    )
    with store.read() as connection:
        return [
            (row.id, row.rail_number) for row in connection.execute(query.order_by(payout.c.id))
        ]


def _states(store: Store, name: str) -> dict[str, int]:
    query = (
        select(payout.c.status, func.count())
        .where(payout.c.batch_id == name)
        .group_by(payout.c.status)
    )
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _begin(connection: Connection, payout_id: str, item: Instruction, act: Act) -> bool:
    row = connection.execute(
        select(payout.c.status).where(payout.c.id == payout_id).with_for_update()
    ).one()
    if row.status != "approved":
        return False  # another worker has begun it
    _attempt(connection, payout_id, "request", request_of(item), None, act)
    connection.execute(update(payout).where(payout.c.id == payout_id).values(status="sending"))
    return True


def _attempt(
    connection: Connection, payout_id: str, kind: str, content: bytes, outcome: str | None, act: Act
) -> None:
    query = select(func.count()).where(payout_attempt.c.payout_id == payout_id)
    connection.execute(
        payout_attempt.insert().values(
            payout_id=payout_id,
            n=connection.execute(query).scalar_one() + 1,
            kind=kind,
            at=act.instant,
            content=content,
            outcome=outcome,
        )
    )


def _record(
    store: Store, items: Sequence[Instruction], answers: Mapping[str, Answer], act: Act
) -> None:
    lost = answers.get("", Answer(Outcome.UNKNOWN))
    query = select(payout.c.rail_number, payout.c.id)
    with store.read() as connection:
        ids = {row.rail_number: row.id for row in connection.execute(query)}
    for item in items:
        answer = answers.get(item.number, lost)
        store.write(partial(_finish, payout_id=ids[item.number], answer=answer, act=act))


def _finish(connection: Connection, payout_id: str, answer: Answer, act: Act) -> None:
    """Book an answer: paid and failed are final, anything else moves nothing."""
    query = select(payout).where(payout.c.id == payout_id).with_for_update()
    row = connection.execute(query).one()
    if row.status in ("paid", "failed"):
        return  # a second word on it changes nothing
    _attempt(connection, payout_id, "answer", answer.said, answer.outcome.value, act)
    values: dict[str, Any] = {"status": answer.outcome.value}
    if answer.outcome in (Outcome.PAID, Outcome.FAILED):
        paid = answer.outcome is Outcome.PAID
        moving = accounts.in_transit(row.rail, row.currency)
        to = (
            accounts.bank(row.currency)
            if paid
            else accounts.of_merchant("payable", row.merchant_id, row.currency)
        )
        lines = entry_lines((moving, row.amount), (to, -row.amount))
        one = Entry("payout", f"payout:{payout_id}:final", lines, "", "payout", payout_id)
        values |= {
            "final_entry_id": write(connection, [one], act)[0],
            "rail_reference": answer.reference,
        }
        note(connection, act, f"payout {answer.outcome.value}", payout=payout_id)
    connection.execute(update(payout).where(payout.c.id == payout_id).values(values))
