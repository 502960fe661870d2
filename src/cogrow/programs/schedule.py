"""When a program runs, how its time is cut into periods, and over which days a value is measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cogrow.expressions.tree import Tree, Unit
from cogrow.facts import EARLIEST_YEAR
from cogrow.period import Every, Period, Range, RangeKind, periods_between


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as written and as understood, or another value."""

    text: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class Schedule:
    """From when until when (exclusive) the program runs, and how that time is cut into periods.

    `calendar` are the days of the `festival` as the facts have them, also those before `start`. With
    `first_days`, only what happens on the first days after `since`, a column of merchants, counts.
    """

    start: date
    end: date
    every: Every
    zone: ZoneInfo
    festival: str = ""
    calendar: tuple[Period, ...] = ()
    first_days: int = 0
    since: Amount | None = None

    def periods(self) -> list[Period]:
        """Return all periods of the program, oldest first."""
        if self.every is Every.FESTIVAL and self.calendar:
            inside = (p for p in self.calendar if self.start <= p.start and p.end <= self.end)
            return sorted(inside)
        return list(periods_between(self.start, self.end, self.every))

    def over(self, days: Range, period: Period) -> Period | None:
        """Return the days of a range seen from `period`; None where the calendar has none."""
        if days.kind is RangeKind.PERIOD:
            return period
        if self.every is Every.FESTIVAL and days.kind in (RangeKind.LAST_YEAR, RangeKind.PREVIOUS):
            earlier = [other for other in self.calendar if other.start < period.start]
            if days.kind is RangeKind.LAST_YEAR:
                earlier = [p for p in earlier if p.start.year == period.start.year - 1]
            return max(earlier, default=None)
        if days.kind is RangeKind.LAST_YEAR:
            return period.shifted(-12)
        if days.kind is RangeKind.PREVIOUS:
            return _before(period)
        starts = {
            RangeKind.YEAR_TO_DATE: date(period.start.year, 1, 1),
            RangeKind.PROGRAM_TO_DATE: min(self.start, period.start),
            RangeKind.LAST_DAYS: period.end - timedelta(days=max(days.days, 1)),
            RangeKind.ALL_TIME: date(EARLIEST_YEAR, 1, 1),
        }
        start = starts[days.kind]
        return Period(start, period.end, f"{start}..{period.end - timedelta(days=1)}")


def _before(period: Period) -> Period:
    """Return the period before: as many months where it is whole months, else as many days."""
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    if months and period.start.day == period.end.day == 1:
        return period.shifted(-months)
    start = period.start - (period.end - period.start)
    return Period(start, period.start, f"{start}..{date.fromordinal(period.start.toordinal() - 1)}")


class BaselineKind(StrEnum):
    """Where a baseline comes from."""

    LAST_YEAR = "last_year"
    PREVIOUS = "previous"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The amount growth is counted from.

    LAST_YEAR and PREVIOUS measure `metric` in another period; GIVEN is `tree`: a fixed amount or a
    column of an imported table.
    """

    kind: BaselineKind
    text: str
    unit: Unit
    metric: str = ""
    tree: Tree | None = None

    @property
    def range(self) -> Range:
        """Return the days it is measured over; the period's where it is given."""
        kinds = {
            BaselineKind.LAST_YEAR: RangeKind.LAST_YEAR,
            BaselineKind.PREVIOUS: RangeKind.PREVIOUS,
        }
        return Range(kinds.get(self.kind, RangeKind.PERIOD))
