"""How merchants stand: their members, their monthly scores, the targets set for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cogrow.period import Period
from cogrow.simulator import columns
from cogrow.simulator.columns import Ints
from cogrow.simulator.merchants import Merchants
from cogrow.simulator.season import DAY, Month, instant_of

#: The name under which targets are kept, for programs that read them from the table.
TARGETS_PROGRAM = "dual-target"
#: Floor and sprint in hundredths of last year's paid sales, rounded up to whole yuan.
_FLOOR, _SPRINT, _YUAN = 110, 120, 100

#: Programs of the library that merchants join by themselves.
OPT_IN_PROGRAMS = (
    "aliexpress-annual-fee",
    "beauty-offsite-match",
    "ebay-invitation-fee-cap",
    "tmall-new-merchant-2025",
)
#: Of a hundred merchants, those that join such a program; of these, that leave, and are held out.
_ENROLL, _DROP_OUT, _HELD_OUT = 60, 6, 10

MEMBER_SOURCES = ("order", "live", "service_card", "offsite")
#: Of a hundred merchants, those that keep members; of their regular buyers the most that join.
_KEEP_MEMBERS, _MOST_MEMBERS = 50, 25
_LEAVE = 8


def memberships_table(
    rng: np.random.Generator, merchants: Merchants, first_day: int, following: int
) -> dict[str, pa.Array]:
    """Return the columns of `memberships`: the most faithful of the regular buyers, by time."""
    count = len(merchants)
    keeps = rng.integers(0, 100, count) < _KEEP_MEMBERS
    size = merchants.pool_size * rng.integers(2, _MOST_MEMBERS + 1, count) // 100 * keeps
    merchant = np.repeat(np.arange(count), size)
    rows = len(merchant)
    nth = np.arange(rows) - np.repeat(np.cumsum(size) - size, size)
    since = instant_of(0) + np.maximum(merchants.joined[merchant], first_day) * DAY
    until = instant_of(following)
    joined = since + (rng.random(rows) * (until - since)).astype(np.int64)
    by_time = columns.by_time(joined)
    joined, merchant, nth = joined[by_time], merchant[by_time], nth[by_time]
    left = joined + rng.integers(DAY, 400 * DAY, rows)
    leaves = (rng.integers(0, 100, rows) < _LEAVE) & (left < until)
    buyer = (merchants.pool_start[merchant] + nth) % merchants.buyers
    return {
        "merchant_id": columns.ids(merchants.ids[merchant]),
        "buyer_id": columns.BUYER.column(buyer),
        "joined_at": columns.instants(joined),
        "left_at": columns.instants(left, leaves),
        "source": columns.words(rng.integers(0, len(MEMBER_SOURCES), rows), MEMBER_SOURCES),
    }


@dataclass(frozen=True)
class Service:
    """How well each merchant serves, in the long run: rating in hundredths, faults of 1,000."""

    rating: Ints
    violations: Ints
    claims: Ints


def draw_service(rng: np.random.Generator, merchants: Merchants) -> Service:
    """Return the long-run service of `merchants`."""
    count = len(merchants)
    worse = np.minimum(rng.geometric(0.04, count), 70)
    return Service(
        rating=496 - worse,
        violations=np.where(worse > 40, 300, 40),
        claims=1 + worse // 4,
    )


def scores_table(
    rng: np.random.Generator, merchants: Merchants, service: Service, month: Month
) -> dict[str, pa.Array]:
    """Return the columns of `merchant_scores` on the last day of `month`, for who has joined."""
    here = int(np.searchsorted(merchants.joined, month.following))
    draws = rng.integers(0, 2**63, here)
    rating = np.clip(service.rating[:here] - 4 + (draws & 7), 420, 500)
    violated = (draws >> 3 & 1023) < service.violations[:here]
    late = np.maximum(merchants.slowness[:here] - 150, 0) * (draws >> 13 & 1023) // 1000
    claims = service.claims[:here] * (draws >> 23 & 1023) >> 9
    return {
        "merchant_id": columns.ids(merchants.ids[:here]),
        "day": columns.days(np.full(here, month.following - 1)),
        "rating": columns.decimals(rating * 10_000),
        "violations": columns.decimals(violated * (1 + (draws >> 33 & 1)) * 1_000_000),
        "late_rate": columns.decimals(late * 500),
        "claim_rate": columns.decimals(claims * 1_000),
        "cancel_rate": columns.decimals((draws >> 34 & 63) * 120),
        "inventory_score": columns.decimals((250 + (draws >> 40 & 511)) * 1_000_000),
    }


def enrollments_table(
    rng: np.random.Generator, merchants: Merchants, first_day: int, following: int
) -> dict[str, pa.Array]:
    """Return the columns of `enrollments`: who joined the programs that ask for it, and who left."""
    program, merchant = np.nonzero(
        rng.integers(0, 100, (len(OPT_IN_PROGRAMS), len(merchants))) < _ENROLL
    )
    since = np.maximum(merchants.joined[merchant], first_day)
    waited = (np.square(rng.random(len(merchant))) * (following - since)).astype(np.int64)
    enrolled = since + waited
    left = enrolled + rng.integers(1, 400, len(merchant))
    leaves = (rng.integers(0, 100, len(merchant)) < _DROP_OUT) & (left < following)
    held = rng.integers(0, 100, len(merchant)) < _HELD_OUT
    return {
        "program": columns.words(program, OPT_IN_PROGRAMS),
        "merchant_id": columns.ids(merchants.ids[merchant]),
        "enrolled_on": columns.days(enrolled),
        "left_on": columns.days(left, leaves),
        "arm": columns.words(held.astype(np.int64), ("treated", "holdout")),
    }


def targets_table(
    merchants: Merchants, quarters: Sequence[Period], paid: Mapping[Period, Ints]
) -> dict[str, pa.Array]:
    """Return the columns of `targets`: floor and sprint of each quarter from the one a year before.

    `paid` holds what each merchant's orders of a quarter paid, in minor units; a merchant that sold
    nothing a year before has no target.
    """
    names = [quarter.name for quarter in quarters]
    parts = [np.empty((3, 0), dtype=np.int64)]
    for index, quarter in enumerate(quarters):
        base = paid[quarter.shifted(-12)]
        merchant = np.flatnonzero(base > 0)
        parts.append(np.stack([np.full_like(merchant, index), merchant, base[merchant]]))
    period, merchant, base = np.concatenate(parts, axis=1)
    floor, sprint = (-(-base * share // (100 * _YUAN)) * _YUAN for share in (_FLOOR, _SPRINT))
    return {
        "program": columns.constant(TARGETS_PROGRAM, len(merchant)),
        "merchant_id": columns.ids(merchants.ids[merchant]),
        "period": columns.words(period, names),
        "floor_minor": columns.money(floor),
        "sprint_minor": columns.money(sprint),
        "source": columns.constant("last_year", len(merchant)),
    }
