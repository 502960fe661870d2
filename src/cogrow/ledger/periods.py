"""Accounting months: opened when first needed, closed for good by two persons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from cogrow.errors import N_, NotFound, joined, message, nearest
from cogrow.ledger.store.refusals import PeriodClosed
from cogrow.ledger.store.schema import period
from cogrow.period import add_months

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Place:
    """The period an entry is booked in, and the day it bears there."""

    id: str
    day: str


def month_of(day: date) -> str:
    """Return the accounting month of a day: `2026-09`."""
    return f"{day:%Y-%m}"


def not_booked(connection: Connection, name: str) -> NotFound:
    """Return the complaint that a month has no books: it is none, or nothing was booked in it."""
    known = list(connection.execute(select(period.c.id).order_by(period.c.starts_on)).scalars())
    if _MONTH.fullmatch(name):
        what = message(N_("Nothing was booked in {period}."), period=name)
        there = N_("There are entries from {first} to {last}.")
        hint = message(there, first=known[0], last=known[-1]) if known else None
    else:
        what = message(N_("{name} is no month; write it like 2025-07."), name=repr(name))
        hint = nearest(name, known)
    return NotFound(joined(what, hint))


def period_of(connection: Connection, wanted: date, today: date) -> Place:
    """Return where an entry of the day `wanted` is booked: its own month, or today's if that is closed.

    Raises PeriodClosed where today's month is closed too.
    """
    for day in (wanted, today):
        if _is_open(connection, day):
            return Place(month_of(day), day.isoformat())
    what = N_("{period} is closed. Book in a month that is open.")
    raise PeriodClosed(message(what, period=month_of(today)))


def _is_open(connection: Connection, day: date) -> bool:
    """Tell whether a day's month is open, opening it if it is new and later than every closed one."""
    name = month_of(day)
    status = connection.execute(select(period.c.status).where(period.c.id == name)).scalar()
    if status is not None:
        return bool(status == "open")
    first = day.replace(day=1)
    later = select(period.c.id).where(
        period.c.status == "closed", period.c.ends_on > first.isoformat()
    )
    if connection.execute(later.limit(1)).first() is not None:
        return False
    connection.execute(
        period.insert().values(
            id=name,
            starts_on=first.isoformat(),
            ends_on=add_months(first, 1).isoformat(),
            status="open",
        )
    )
    return True
