"""Where days begin in UTC, cheaply: most time zones of today have kept one offset for decades."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.engines.ratio import SQL, day, text
from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR

#: No zone leaves an offset and comes back to it in fewer days than this.
STEP = timedelta(days=7)

LAST = date(LATEST_YEAR, 1, 1)


@cache
def steady(zone: ZoneInfo) -> tuple[date, timedelta] | None:
    """Return the first day from which a zone keeps one offset until LAST, and that offset; None for a zone
    whose clocks still change.
    """
    offset = _offset(zone, LAST)
    looked = LAST
    while looked.year >= EARLIEST_YEAR and _offset(zone, looked) == offset:
        looked -= STEP
    since = looked + 2 * STEP  # beyond the day that differs, and the day of the change itself
    return (since, offset) if since < LAST - timedelta(days=365) else None


def _offset(zone: ZoneInfo, on: date) -> timedelta:
    found = datetime.combine(on, time(), tzinfo=zone).utcoffset()
    if found is None:
        raise AssertionError(zone)
    return found


def start_of_day(local: SQL, zone: ZoneInfo) -> SQL:
    """Return the instant at which a day begins in a zone.

    Asking the database's time zones costs ten times what a subtraction does (0.45 against 0.04 s for a
    million days), so a day on which the zone keeps one offset is moved by that.
    """
    stamp = exp.cast(local, exp.DataType.build("TIMESTAMP"))
    zoned = exp.AtTimeZone(this=stamp, zone=text(str(zone)))
    asked = exp.AtTimeZone(this=exp.paren(zoned), zone=text("UTC"))
    if (kept := steady(zone)) is None:
        return asked
    since, offset = kept
    minutes = int(offset.total_seconds()) // 60
    interval = exp.Interval(this=text(str(minutes)), unit=exp.var("MINUTE"))
    moved = exp.Sub(this=stamp.copy(), expression=interval) if minutes else stamp.copy()
    holds = exp.and_(
        exp.GTE(this=local.copy(), expression=day(since)),
        exp.LT(this=local.copy(), expression=day(LAST)),
    )
    return exp.case().when(holds, moved).else_(asked)
