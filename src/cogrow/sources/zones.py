"""Local time to UTC and back, in SQL, by the rules of the tz database Python carries.

A local time that happens twice (clocks set back) is read as the first of the two; one that never
happens (clocks set forward) is read with the offset before the change. This is Python's `fold=0`,
so facts and the periods of programs agree to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """The UTC instant (naive) from which a zone's clocks stand at `after` instead of `before`."""

    at: datetime
    before: timedelta
    after: timedelta


@cache
def changes(zone: ZoneInfo) -> tuple[timedelta, tuple[Change, ...]]:
    """Return the first offset of a zone and every change of it in the years facts may carry."""

    def offset(instant: datetime) -> timedelta:
        found = instant.replace(tzinfo=UTC).astimezone(zone).utcoffset()
        assert found is not None  # a ZoneInfo always knows its offset
        return found

    day = datetime.fromisoformat(f"{EARLIEST_YEAR - 1}-12-30")
    last = datetime.fromisoformat(f"{LATEST_YEAR + 1}-01-03")
    first = before = offset(day)
    found = []
    while day < last:
        following = day + timedelta(days=1)
        after = offset(following)
        if after != before:
            low, high = day, following  # the change lies in (low, high]
            while high - low > _SECOND:
                middle = low + (high - low) // 2 // _SECOND * _SECOND
                low, high = (low, middle) if offset(middle) != before else (middle, high)
            found.append(Change(high, before, after))
        day, before = following, after
    return first, tuple(found)


def _shift(value: exp.Expression, offset: timedelta, sign: int) -> exp.Expression:
    seconds = sign * int(offset.total_seconds())
    if seconds == 0:
        return value
    length = exp.Anonymous(this="TO_SECONDS", expressions=[exp.Literal.number(abs(seconds))])
    made = (
        exp.Add(this=value, expression=length)
        if seconds > 0
        else exp.Sub(this=value, expression=length)
    )
    return exp.paren(made, copy=False)


def _steps(
    value: exp.Expression,
    bounds: list[datetime],
    offsets: list[timedelta],
    sign: int,
) -> exp.Expression:
    """Return `value` moved by the offset that holds for it: a balanced tree of comparisons."""
    if not bounds:
        return _shift(value.copy(), offsets[0], sign)
    middle = len(bounds) // 2
    bound = exp.cast(exp.Literal.string(bounds[middle].isoformat(sep=" ")), "TIMESTAMP")
    return (
        exp.case()
        .when(
            exp.LT(this=value.copy(), expression=bound),
            _steps(value, bounds[:middle], offsets[: middle + 1], sign),
            copy=False,
        )
        .else_(_steps(value, bounds[middle + 1 :], offsets[middle + 1 :], sign), copy=False)
    )


def _offsets(zone: ZoneInfo) -> list[timedelta]:
    first, found = changes(zone)
    return [first, *(change.after for change in found)]


def to_utc(local: exp.Expression, zone: ZoneInfo) -> exp.Expression:
    """Return the UTC instant (TIMESTAMP) of a local one in `zone`."""
    bounds = [change.at + max(change.before, change.after) for change in changes(zone)[1]]
    return _steps(local, bounds, _offsets(zone), -1)


def to_local(instant: exp.Expression, zone: ZoneInfo) -> exp.Expression:
    """Return the local time (TIMESTAMP) of a UTC instant in `zone`."""
    bounds = [change.at for change in changes(zone)[1]]
    return _steps(instant, bounds, _offsets(zone), 1)
