"""What keeps money that is due from being proposed: nowhere to be paid to, under way already, too little."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from cogrow.errors import N_, Message, joined, message
from cogrow.ledger.store.claims import LIVE, payout
from cogrow.money import Money

#: How many merchants or batches a sentence names; of the others it says how many there are.
MOST_NAMED = 5
Due = tuple[str, int]


def listed(names: Sequence[str]) -> Message | str:
    """Return the first names of a list, and how many others there are."""
    said = ", ".join(names[:MOST_NAMED])
    if len(names) <= MOST_NAMED:
        return said
    return message(N_("{names} and {count} more"), names=said, count=f"{len(names) - MOST_NAMED:,}")


def nowhere_to_go(due: Sequence[Due], currency: str) -> Message:
    """Return the sentence about merchants that are due money and have no beneficiary, the largest first."""
    named = [
        f"{merchant} {Money(amount, currency)}"
        for merchant, amount in sorted(due, key=lambda one: (-one[1], one[0]))
    ]
    what = N_(
        "{amount} has nowhere to be paid to; add a beneficiary for each who is due it: {merchants}."
    )
    total = Money(sum(amount for _, amount in due), currency)
    return message(what, amount=str(total), merchants=listed(named))


def why_nothing(
    connection: Connection,
    currency: str,
    merchants: Sequence[str] | None,
    homeless: Sequence[Due],
    little: Sequence[Due],
    least: int,
) -> Message:
    """Return why there is nothing to pay out: what is due and cannot go, and what is under way."""
    reasons = [message(N_("There is nothing to pay out."))]
    if homeless:
        reasons.append(nowhere_to_go(homeless, currency))
    if little:
        what = N_("{amount} is due in wallets that have less than {least}.")
        total = Money(sum(amount for _, amount in little), currency)
        reasons.append(message(what, amount=str(total), least=str(Money(least, currency))))
    if under_way := _under_way(connection, currency, merchants):
        what = N_("{amount} is under way already: {batches}.")
        total = Money(sum(amount for _, amount in under_way), currency)
        named = [f"{batch} {Money(amount, currency)}" for batch, amount in under_way]
        reasons.append(message(what, amount=str(total), batches=listed(named)))
    return joined(*reasons)


def _under_way(
    connection: Connection, currency: str, merchants: Sequence[str] | None
) -> list[tuple[str, int]]:
    """Return what has no known end yet, by batch and state, as `august (sent)`."""
    query = select(payout.c.batch_id, payout.c.status, payout.c.merchant_id, payout.c.amount).where(
        payout.c.status.in_(LIVE), payout.c.currency == currency
    )
    sums: dict[str, int] = {}
    for batch, status, merchant, amount in connection.execute(query.order_by(payout.c.id)):
        if merchants is None or merchant in merchants:
            key = f"{batch} ({status})"
            sums[key] = sums.get(key, 0) + amount
    return list(sums.items())
