"""Traffic from outside: campaigns merchants pay for, what they spend by day, who comes and who buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, bits_of, draw_bits
from cogrow.simulator.merchants import Merchants
from cogrow.simulator.orders import CURRENCY, Orders, Reach
from cogrow.simulator.products import Products
from cogrow.simulator.season import DAY, Month, instant_of

PLATFORMS = ("bilibili", "douyin", "weibo", "xiaohongshu")
SOURCES = ("offsite", "onsite")

#: Of a hundred merchants, those that advertise: the ordinary, and the tenth that sells most.
_ADVERTISE, _LARGE_ADVERTISE = 15, 55
#: Of a hundred quarters of an advertiser, those with a campaign.
_CAMPAIGNS = 55
_SHORTEST, _LONGEST = 7, 21
#: Days after a campaign's end on which it still brings orders, and the most seconds from visit to order.
_STILL_BRINGS, _LONGEST_LAG = 14, 13 * DAY
#: A day's spend in minor units for an expected order, and at least.
_SPEND_FOR_ORDER, _LEAST_SPEND = 600, 3_000
#: Visits for a hundred order lines, of these the share campaigns paid for, and others from outside.
_VISITS, _PAID_VISITS, _FREE_VISITS = 10, 55, 30
#: Of 256 visits, those that look at one product.
_SEEN = 150
#: For a buyer there are this many visitors who never buy.
_STRANGERS = 0.5


@dataclass(frozen=True)
class Campaigns:
    """Off-site campaigns, one entry each, in the order of their first day.

    `first` and `last` are local day numbers; `daily` is the planned spend of a day, minor units.
    """

    merchant: Ints
    platform: Ints
    first: Ints
    last: Ints
    daily: Ints

    def reach(self, month: Month, merchants: int) -> Reach:
        """Return, for `merchants` merchants, the campaign that may bring orders in `month`."""
        last = self.last + _STILL_BRINGS
        now = np.flatnonzero((self.first < month.following) & (last >= month.first))
        campaign = np.full(merchants, -1, dtype=np.int32)
        campaign[self.merchant[now]] = now
        return Reach(campaign, self.first, last)


def draw_campaigns(
    rng: np.random.Generator, merchants: Merchants, quarters: Sequence[tuple[int, int]]
) -> Campaigns:
    """Return campaigns within `quarters`, pairs of a first and a following local day number."""
    count = len(merchants)
    large = merchants.size > np.quantile(merchants.size, 0.9)
    chance = np.where(large, _LARGE_ADVERTISE, _ADVERTISE)
    advertisers = np.flatnonzero(rng.integers(0, 100, count) < chance)
    days = quarters[-1][1] - quarters[0][0]
    parts = []
    for begin, following in quarters:
        here = advertisers[rng.integers(0, 100, len(advertisers)) < _CAMPAIGNS]
        here = here[merchants.joined[here] <= begin]
        first = rng.integers(begin, following, len(here))
        last = first + rng.integers(_SHORTEST, _LONGEST + 1, len(here)) - 1
        orders = merchants.expected_orders[here]
        daily = _LEAST_SPEND + orders * _SPEND_FOR_ORDER // days * rng.integers(5, 20, len(here))
        platform = rng.integers(0, len(PLATFORMS), len(here))
        parts.append(np.stack([here, platform, first, np.minimum(last, following - 1), daily]))
    found = np.concatenate(parts, axis=1)
    return Campaigns(*found[:, columns.by_time(found[2])])


@dataclass(frozen=True)
class Spend:
    """What campaigns spend: a row for each campaign and day, in the order of days."""

    campaign: Ints
    day: Ints
    minor: Ints


def draw_spend(rng: np.random.Generator, campaigns: Campaigns) -> Spend:
    """Return the spend of every day of every campaign, around what was planned."""
    lasted = campaigns.last - campaigns.first + 1
    campaign = np.repeat(np.arange(len(lasted)), lasted)
    nth = np.arange(len(campaign)) - np.repeat(np.cumsum(lasted) - lasted, lasted)
    day = campaigns.first[campaign] + nth
    minor = campaigns.daily[campaign] * rng.integers(70, 131, len(campaign)) // 100
    by_day = columns.by_time(day)
    return Spend(campaign[by_day], day[by_day], minor[by_day])


def spend_table(
    rng: np.random.Generator, merchants: Merchants, campaigns: Campaigns, spend: Spend
) -> dict[str, pa.Array]:
    """Return the columns of `ad_spend`."""
    return {
        "merchant_id": columns.ids(merchants.ids.take(campaigns.merchant.take(spend.campaign))),
        "platform": columns.words(campaigns.platform[spend.campaign], PLATFORMS),
        "campaign_id": columns.CAMPAIGN.column(spend.campaign),
        "day": columns.days(spend.day),
        "currency": columns.constant(CURRENCY, len(spend.day)),
        "spend_minor": columns.money(spend.minor),
        "verified": columns.flags(rng.integers(0, 100, len(spend.day)) < 92),
    }


@dataclass(frozen=True)
class Visits:
    """Visits, one entry each: UTC second, merchant, visitor, campaign (-1: none), product (-1: none),
    and the code of the source.
    """

    at: Ints
    merchant: Ints
    visitor: Ints
    campaign: Ints
    product: Ints
    source: Ints

    def joined(self, *others: Visits) -> Visits:
        """Return these visits and the others."""
        together = zip(self._all(), *(other._all() for other in others), strict=True)
        return Visits(*(np.concatenate(values) for values in together))

    def taken(self, rows: Ints) -> Visits:
        """Return the visits of those rows, in their order."""
        return Visits(*(values.take(rows) for values in self._all()))

    def _all(self) -> tuple[Ints, ...]:
        return (self.at, self.merchant, self.visitor, self.campaign, self.product, self.source)


def draw_visits(
    rng: np.random.Generator,
    orders: Orders,
    merchants: Merchants,
    products: Products,
    campaigns: Campaigns,
    spend: Spend,
    listed: Ints,
) -> tuple[Visits, Visits]:
    """Return the visits that go with a month's orders: those of the month before, and its own.

    `listed` is how many products each merchant had listed before the month.
    """
    count = int(orders.lines_before[-1]) * _VISITS // 100
    bought = _that_bought(rng, orders, campaigns)
    paid = _paid_for(rng, orders.month, merchants, campaigns, spend, count * _PAID_VISITS // 100)
    others = _others(rng, orders, merchants, max(count - len(paid.at), 0))
    here = bought.at >= orders.month.start
    found = bought.taken(np.flatnonzero(here)).joined(paid, others)
    old = listed.take(found.merchant)
    draws = draw_bits(rng, len(old))
    product = products.first.take(found.merchant) + (old * bits_of(draws, 0, 16) >> 16)
    # A merchant's first product is there from the day it joined, so it can always be seen.
    seen = bits_of(draws, 16, 8) < _SEEN
    return bought.taken(np.flatnonzero(~here)), replace(found, product=np.where(seen, product, -1))


def _that_bought(rng: np.random.Generator, orders: Orders, campaigns: Campaigns) -> Visits:
    """Return the visit before each order that a campaign brought: hours to days earlier."""
    brought = np.flatnonzero(orders.campaign >= 0)
    campaign = orders.campaign[brought].astype(np.int64)
    lag = (rng.standard_exponential(len(brought)) * (2 * DAY)).astype(np.int64) + 60
    placed = orders.month.start + orders.placed[brought].astype(np.int64)
    began = instant_of(0) + campaigns.first[campaign] * DAY
    return Visits(
        at=np.maximum(placed - np.minimum(lag, _LONGEST_LAG), np.minimum(began, placed)),
        merchant=orders.merchant[brought].astype(np.int64),
        visitor=orders.buyer[brought].astype(np.int64),
        campaign=campaign,
        product=np.full(len(brought), -1, dtype=np.int64),
        source=np.zeros(len(brought), dtype=np.int64),
    )


def _visitors(rng: np.random.Generator, merchants: Merchants, count: int) -> Ints:
    return rng.integers(0, int(merchants.buyers * (1 + _STRANGERS)), count)


def _paid_for(
    rng: np.random.Generator, month: Month, merchants: Merchants, campaigns: Campaigns,
    spend: Spend, count: int,
) -> Visits:  # fmt: skip
    """Return about `count` visits that a month's spend paid for, the more the more was spent."""
    rows = slice(*np.searchsorted(spend.day, [month.first, month.following]))
    minor = spend.minor[rows]
    share = minor * (count << 10) // max(int(minor.sum()), 1)
    each = share + rng.integers(0, 1 << 10, len(share)) >> 10
    row = np.repeat(np.arange(rows.start, rows.stop), each)
    seconds = rng.integers(7 * 3600, DAY, len(row))
    campaign = spend.campaign.take(row)
    return Visits(
        at=instant_of(0) + spend.day.take(row) * DAY + seconds,
        merchant=campaigns.merchant.take(campaign),
        visitor=_visitors(rng, merchants, len(row)),
        campaign=campaign,
        product=np.full(len(row), -1, dtype=np.int64),
        source=np.zeros(len(row), dtype=np.int64),
    )


def _others(rng: np.random.Generator, orders: Orders, merchants: Merchants, count: int) -> Visits:
    """Return visits nobody paid for, from outside and inside, minutes after somebody's order."""
    beside = rng.integers(0, max(len(orders), 1), count if len(orders) else 0)
    rows = len(beside)
    at = orders.placed.take(beside) + rng.integers(0, 3_600, rows)
    free = rng.integers(0, 100 - _PAID_VISITS, rows) < _FREE_VISITS
    return Visits(
        at=orders.month.start + np.minimum(at, orders.month.days * DAY - 1),
        merchant=orders.merchant.take(beside).astype(np.int64),
        visitor=_visitors(rng, merchants, rows),
        campaign=np.full(rows, -1, dtype=np.int64),
        product=np.full(rows, -1, dtype=np.int64),
        source=np.where(free, SOURCES.index("offsite"), SOURCES.index("onsite")),
    )


def visits_table(
    visits: Visits, merchants: Merchants, campaigns: Campaigns, number: int
) -> dict[str, pa.Array]:
    """Return the columns of `visits`, ids from `number` on."""
    paid, seen = visits.campaign >= 0, visits.product >= 0
    campaign = np.maximum(visits.campaign, 0)
    platform = (
        campaigns.platform.take(campaign) if len(campaigns.platform) else np.zeros_like(campaign)
    )
    return {
        "visit_id": columns.ids(columns.VISIT.range_texts(number, len(visits.at))),
        "merchant_id": columns.ids(merchants.ids.take(visits.merchant)),
        "visitor_id": columns.BUYER.column(visits.visitor),
        "source": columns.words(visits.source, SOURCES),
        "visited_at": columns.instants(visits.at),
        "platform": columns.words(platform, PLATFORMS, paid),
        "campaign_id": columns.CAMPAIGN.column(campaign, paid),
        "product_id": columns.PRODUCT.column(np.maximum(visits.product, 0), seen),
    }
