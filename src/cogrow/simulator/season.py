"""When buyers buy: the year, the week, the hour and the festivals, as weights and as quantiles.

The marketplace lives in Asia/Shanghai, which has stood eight hours before UTC since 1992.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cogrow.period import Every, periods_between
from cogrow.simulator.columns import Ints

ZONE = "Asia/Shanghai"
AHEAD_OF_UTC = 8 * 3600
DAY = 86_400
EPOCH = date(1970, 1, 1)

CATEGORIES = ("apparel", "beauty", "sports")

#: Relative sales in the middle of each month, January first, by category.
_YEAR = np.array([
    [0.95, 0.75, 1.00, 1.10, 1.10, 0.95, 0.85, 0.85, 1.00, 1.15, 1.20, 1.10],
    [0.95, 0.90, 1.15, 1.00, 1.05, 1.00, 0.90, 0.95, 1.00, 1.05, 1.10, 1.00],
    [0.80, 0.75, 1.00, 1.10, 1.15, 1.15, 1.10, 1.05, 1.00, 1.00, 0.95, 0.85],
])  # fmt: skip
#: Relative sales by day of the week, Monday first, and by hour of the day.
_WEEK = np.array([0.95, 0.93, 0.94, 0.96, 1.00, 1.12, 1.10])
_HOURS = np.array([
    0.55, 0.30, 0.16, 0.10, 0.08, 0.12, 0.25, 0.50, 0.80, 1.10, 1.30, 1.25,
    1.20, 1.20, 1.20, 1.20, 1.15, 1.05, 1.10, 1.35, 1.65, 1.80, 1.60, 1.05,
])  # fmt: skip

#: A month's seconds are drawn through this many slots of equal chance.
_SLOTS = 1 << 14


@dataclass(frozen=True, slots=True)
class Festival:
    """A yearly festival in one month: its name, its days (both counted), how much each lifts sales."""

    name: str
    month: int
    first: int
    last: int
    lift: float
    peaks: tuple[tuple[int, float], ...]


FESTIVALS = (
    Festival("618", 6, 1, 20, 1.5, ((1, 2.0), (16, 2.4), (17, 3.0), (18, 5.0))),
    Festival("11.11", 11, 1, 11, 1.8, ((1, 3.0), (10, 3.0), (11, 8.0))),
    Festival("12.12", 12, 10, 12, 1.6, ((12, 3.2),)),
)


@dataclass(frozen=True, slots=True)
class Month:
    """A natural month of the marketplace, or the part of one that is simulated.

    `first` and `following` are day numbers since 1970, local; `start` is the UTC instant at which
    the first day begins, in seconds since 1970.
    """

    name: str
    first: int
    following: int

    @property
    def days(self) -> int:
        """Return how many days are simulated."""
        return self.following - self.first

    @property
    def start(self) -> int:
        """Return the UTC second at which the month begins."""
        return instant_of(self.first)

    @property
    def end(self) -> int:
        """Return the UTC second at which the month is over."""
        return instant_of(self.following)


def number_of(day: date) -> int:
    """Return the number of `day` since 1970-01-01."""
    return (day - EPOCH).days


def instant_of(day_number: int) -> int:
    """Return the UTC second at which a local day begins."""
    return day_number * DAY - AHEAD_OF_UTC


def months_between(start: date, end: date) -> list[Month]:
    """Return the months of [start, end), the first and last cut to it."""
    return [
        Month(f"{part.start:%Y-%m}", number_of(part.start), number_of(part.end))
        for part in periods_between(start, end, Every.MONTH)
    ]


def festivals_between(start: date, end: date) -> Iterator[tuple[Festival, date, date]]:
    """Yield each festival of the years that [start, end) touches, with its first and last day."""
    last = end - timedelta(days=1)
    for year in range(start.year, last.year + 1):
        for festival in FESTIVALS:
            yield (
                festival,
                date(year, festival.month, festival.first),
                date(year, festival.month, festival.last),
            )


def _lift(day: date) -> float:
    for festival in FESTIVALS:
        if day.month == festival.month and festival.first <= day.day <= festival.last:
            return dict(festival.peaks).get(day.day, festival.lift)
    return 1.0


class Curve:
    """The shape of one month: how much each category sells by day, and at which second.

    `weights` has shape (categories, days), 1.0 for a plain day; `festive` (days,) is true within a
    festival.
    """

    def __init__(self, month: Month) -> None:
        days = [EPOCH + timedelta(days=number) for number in range(month.first, month.following)]
        of_year = np.array([day.timetuple().tm_yday for day in days])
        middles = np.arange(12) * 365.25 / 12 + 15
        year = np.stack([np.interp(of_year, middles, row, period=365.25) for row in _YEAR])
        week = _WEEK[[day.weekday() for day in days]]
        lifts = np.array([_lift(day) for day in days])
        self.weights: npt.NDArray[np.float64] = year * week * lifts
        self.festive = lifts > 1.0
        by_hour = (self.weights[:, :, None] * _HOURS).reshape(len(CATEGORIES), -1)
        zeros = np.zeros((len(CATEGORIES), 1))
        reached = np.concatenate([zeros, np.cumsum(by_hour, axis=1)], axis=1)
        self._reached = reached / reached[:, -1:]

    @cached_property
    def _slots(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return the second at which each slot of each category begins, and how many it lasts."""
        hours = np.arange(self._reached.shape[1]) * 3600.0
        slots = np.linspace(0.0, 1.0, _SLOTS + 1)
        edges = np.stack([np.interp(slots, row, hours) for row in self._reached]).astype(np.int32)
        return np.ascontiguousarray(edges[:, :-1]).reshape(-1), np.diff(edges, axis=1).reshape(-1)

    def left(self, category: Ints, day: Ints) -> npt.NDArray[np.float64]:
        """Return the share of the month's sales of `category` that comes on `day` (from 0) or later."""
        return np.asarray(1.0 - self._reached[category, day * 24])

    def seconds(
        self, category: npt.NDArray[np.integer], draws: npt.NDArray[np.uint32]
    ) -> npt.NDArray[np.int64]:
        """Return the second of the month at quantile `draws` / 2³² of each order's category."""
        slot = (draws >> 18).astype(np.int64)
        slot += category.astype(np.int64) * _SLOTS
        starts, widths = self._slots
        within = widths.take(slot) * (draws & 0x3FFFF).astype(np.int64)
        return np.asarray(starts.take(slot) + (within >> 18))
