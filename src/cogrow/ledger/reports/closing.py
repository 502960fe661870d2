"""close: a month ends for good, once the auditor finds nothing and two persons say so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from cogrow.errors import N_, LedgerError, message
from cogrow.ledger.journal import Act, digest, head_hash, note
from cogrow.ledger.people import require
from cogrow.ledger.periods import not_booked
from cogrow.ledger.proposals import Proposal, propose, vote
from cogrow.ledger.reports.audit import check
from cogrow.ledger.reports.statement import publish
from cogrow.ledger.store.claims import payout
from cogrow.ledger.store.refusals import PeriodClosed
from cogrow.ledger.store.schema import period


def propose_close(connection: Connection, name: str, act: Act, signed_off: str = "") -> Proposal:
    """Propose to close a month as it stands. Payouts nobody knows the end of need a word in `signed_off`.

    Raises LedgerError where the books do not hold, or payouts are open and nobody signs that off.
    """
    require(connection, act, "operator", "finance")
    found = connection.execute(select(period).where(period.c.id == name)).first()
    if found is None:
        raise not_booked(connection, name)
    if found.status == "closed":
        raise PeriodClosed(message(N_("The period is closed.")))
    audited = check(connection)
    if not audited.clean:
        raise LedgerError(audited.faults[0].what)
    query = select(payout.c.id).where(payout.c.status.in_(("sending", "unknown")))
    open_ = list(connection.execute(query.order_by(payout.c.id)).scalars())
    if open_ and not signed_off:
        what = N_("{count} payouts have no known end: {first}. Reconcile them, or sign them off.")
        raise LedgerError(message(what, count=f"{len(open_):,}", first=open_[0]))
    content: dict[str, Any] = {
        "period": name,
        "head": audited.head,
        "open_payouts": open_,
        "signed_off": signed_off,
    }
    hashed = digest([name, audited.head, *open_, signed_off])
    return propose(connection, f"close:{name}:{audited.head[:12]}", "close", content, hashed, act)


def approve_close(connection: Connection, name: str, shown: str, act: Act) -> int | None:
    """Vote for a close, and close with votes enough: statements are published, return how many of them.

    Raises Conflict where something was posted since the proposal.
    """
    found = vote(connection, name, shown, act)
    if not found.approved:
        return None
    month = found.content["period"]
    row = connection.execute(select(period).where(period.c.id == month).with_for_update()).one()
    if row.status == "closed":
        return 0
    if head_hash(connection) != found.content["head"]:
        raise LedgerError(message(N_("Something was posted meanwhile; propose to close again.")))
    connection.execute(
        update(period)
        .where(period.c.id == month)
        .values(
            status="closed",
            closed_at=act.instant,
            close_head_hash=found.content["head"],
            approval_id=name,
        )
    )
    count = publish(connection, month, row.starts_on, act.instant)
    note(connection, act, "close", period=month, head=found.content["head"], statements=count)
    return count
