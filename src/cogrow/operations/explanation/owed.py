"""Attribution: which visit each order is owed to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cogrow.errors import N_, message
from cogrow.operations.explanation.account import Account
from cogrow.operations.explanation.sentence import Sentence

#: Orders of which each has a sentence; the data has all.
MOST = 5


def owed(account: Account) -> Iterator[Sentence]:
    """Say how many of the orders that count are owed to a visit, and of the first ones to which."""
    attribution, rows = account.program.attribution, account.owed
    if attribution is None or rows is None or not account.rows[0]["eligible"]:
        return
    what = N_(
        "{owed} of {count} orders that count are owed to a visit: the last one with {condition} of "
        "the same buyer to the same merchant, less than {days} days before."
    )
    if attribution.of == "product":
        what = N_(
            "{owed} of {count} order lines that count are owed to a visit: the last one with "
            "{condition} of the same buyer to the same product, less than {days} days before."
        )
    if attribution.of == "brand":
        what = N_(
            "{owed} of {count} order lines that count are owed to a visit: the last one with "
            "{condition} of the same buyer to the same brand, less than {days} days before."
        )
    keys = ("order_id",) if attribution.of == "merchant" else ("order_id", "line_no")
    by_key = {tuple(row[key] for key in keys): row for row in rows}
    visited = {key: row for key, row in by_key.items() if row["visit_id"] is not None}
    said = message(
        what,
        owed=f"{len(visited):,}",
        count=f"{len(by_key):,}",
        condition=attribution.clicks.text,
        days=attribution.within.days,
    )
    listed = [
        {
            "order": "/".join(map(str, key)),
            "dated": str(row["dated"]),
            "visit_id": row["visit_id"],
            "visited_at": None if row["visited_at"] is None else str(row["visited_at"]),
        }
        for key, row in by_key.items()
    ]
    yield Sentence("attribution", said, {"orders": listed})
    for key, row in list(visited.items())[:MOST]:
        one = message(
            N_("Order {order} of {day} is owed to visit {visit} of {when}."),
            order="/".join(map(str, key)),
            day=_local(account, row["dated"]),
            visit=row["visit_id"],
            when=_local(account, row["visited_at"]),
        )
        yield Sentence("attribution", one, {"order": "/".join(map(str, key))})
    if len(visited) > MOST:
        more = message(N_("… and {count} more orders."), count=f"{len(visited) - MOST:,}")
        yield Sentence("attribution", more)


def _local(account: Account, moment: datetime) -> str:
    """Return an instant as the clocks of the program show it, to the minute."""
    return f"{moment.replace(tzinfo=UTC).astimezone(account.program.schedule.zone):%Y-%m-%d %H:%M}"
