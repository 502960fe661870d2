"""Half-open periods [start, end), the calendars that cut time into them, and their names.

Days are dates in the program's time zone; instants are UTC. Festivals are facts (`calendar`), not
code. A range says over which days, seen from a period, a value is measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from cogrow.errors import N_, UsageError, message


class Every(StrEnum):
    """How a program's time is cut into periods."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FESTIVAL = "festival"
    ONCE = "once"

    @property
    def months(self) -> int:
        """Return how many months a period has; 0 for one that is no number of months."""
        return {"month": 1, "quarter": 3, "year": 12}.get(self.value, 0)


class RangeKind(StrEnum):
    """How the days of a range follow from a period."""

    PERIOD = "period"
    LAST_YEAR = "last_year"
    PREVIOUS = "previous"
    YEAR_TO_DATE = "year_to_date"
    PROGRAM_TO_DATE = "program_to_date"
    LAST_DAYS = "last_days"
    ALL_TIME = "all_time"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The days a value is measured over, seen from a period; `days` is the length of LAST_DAYS."""

    kind: RangeKind = RangeKind.PERIOD
    days: int = 0

    @property
    def name(self) -> str:
        """Return the range as a part of a column's name."""
        return f"last_{self.days}_days" if self.kind is RangeKind.LAST_DAYS else self.kind.value


#: The period itself.
NOW = Range()


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days from `start` up to but not including `end`, under the name people call them by."""

    start: date
    end: date
    name: str

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a period must have at least one day: {self.start} .. {self.end}")

    def __str__(self) -> str:
        return self.name

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the UTC instants at which the period starts and ends in `zone`."""
        start, end = (
            datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
            for day in (self.start, self.end)
        )
        return start, end

    def shifted(self, months: int) -> Period:
        """Return the period moved by whole `months` (its days clipped to the end of a month)."""
        start, end = add_months(self.start, months), add_months(self.end, months)
        # The 28th of a leap year's February has no day of its own between two 28ths.
        end = max(end, start + timedelta(days=1))
        return Period(start, end, name_of(start, end))


def add_months(day: date, months: int) -> date:
    """Return `day` moved by whole months; the 31st becomes the last day of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    following = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def name_of(start: date, end: date) -> str:
    """Return `2025`, `2025Q2` or `2025-04` for a natural period, `first..last` day for any other."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == end.day == 1:
        if months == 12 and start.month == 1:
            return f"{start.year}"
        if months == 3 and start.month % 3 == 1:
            return f"{start.year}Q{start.month // 3 + 1}"
        if months == 1:
            return f"{start:%Y-%m}"
    return f"{start}..{end - timedelta(days=1)}"


_NAMES = (
    (re.compile(r"(\d{4})", re.ASCII), lambda year: (date(int(year), 1, 1), 12)),
    (re.compile(r"(\d{4})Q([1-4])", re.ASCII), lambda y, q: (date(int(y), 3 * int(q) - 2, 1), 3)),
    (re.compile(r"(\d{4})-(\d{2})", re.ASCII), lambda y, m: (date(int(y), int(m), 1), 1)),
)
_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})", re.ASCII)


def parse_period(name: str) -> Period:
    """Return the period called `name`: 2025, 2025Q2, 2025-04, or 2025-06-01..2025-06-20 (inclusive).

    Raises UsageError where it is none of these.
    """
    try:
        if found := _RANGE.fullmatch(name):
            first, last = (date.fromisoformat(day) for day in found.groups())
            return Period(first, last + timedelta(days=1), name_of(first, last + timedelta(days=1)))
        for pattern, start_of in _NAMES:
            if found := pattern.fullmatch(name):
                start, months = start_of(*found.groups())
                return Period(start, add_months(start, months), name)
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        message(
            N_("{name} is not a period. Write 2025, 2025Q2, 2025-04 or 2025-06-01..2025-06-20."),
            name=repr(name),
        )
    )


def periods_between(start: date, end: date, every: Every) -> Iterator[Period]:
    """Yield the natural periods that lie in [start, end), oldest first.

    A first or last period that only overlaps the range is cut to it and named by its days.
    """
    if not every.months:
        yield Period(start, end, name_of(start, end))
        return
    day = date(start.year, (start.month - 1) // every.months * every.months + 1, 1)
    while day < end:
        following = add_months(day, every.months)
        first, last = max(day, start), min(following, end)
        yield Period(first, last, name_of(first, last))
        day = following


#: No zone leaves an offset and comes back to it in fewer days than this.
_STEP = timedelta(days=7)


@cache
def steady_offset(zone: ZoneInfo, first: date, last: date) -> tuple[date, timedelta] | None:
    """Return the first day from which a zone keeps one offset until the day `last`, not before `first`,
    and that offset; None for a zone whose clocks still change in the year before `last`.
    """
    offset = _offset(zone, last)
    looked = last
    while looked >= first and _offset(zone, looked) == offset:
        looked -= _STEP
    since = looked + 2 * _STEP  # beyond the day that differs, and the day of the change itself
    return (since, offset) if since < last - timedelta(days=365) else None


def _offset(zone: ZoneInfo, on: date) -> timedelta:
    found = datetime.combine(on, time(), tzinfo=zone).utcoffset()
    if found is None:
        raise AssertionError(zone)
    return found
