"""Who sells: merchants, how large they are, how fast each grows, when each joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, Texts
from cogrow.simulator.season import CATEGORIES, Curve, Month

Floats = npt.NDArray[np.float64]

#: Shares of the merchants, by category.
_CATEGORY_SHARES = (0.45, 0.30, 0.25)
#: Sales fall with the rank of size as (rank + 2) ** -0.9: a Zipf-Mandelbrot law.
_ZIPF_EXPONENT, _ZIPF_OFFSET = 0.9, 2
#: Of the merchants, those that join while we watch, and of these, those in the last year of it.
_JOIN_LATE, _JOIN_IN_LAST_YEAR = 0.15, 0.7
_OLDEST_DAYS = 9 * 365
#: Yearly growth: most near +13 %, some far from it either way.
_GROWTH, _GROWTH_SPREAD, _WILD_SHARE, _WILD_SPREAD = 0.13, 0.12, 0.12, 0.35
#: A new merchant starts with this share of its later sales and is grown after this many days.
_FIRST_SHARE, _GROWN_DAYS = 0.3, 120
#: Of 2¹⁶ lines, how many come back, by category: apparel most.
_REFUNDED = np.array([8200, 3000, 4900])

#: The yearly technology-service fee in minor units, by tier.
_ANNUAL_FEE = np.array([3_000_000, 3_000_000, 6_000_000])

_SYLLABLES = (
    ("云", "yun"), ("锦", "jin"), ("雅", "ya"), ("禾", "he"), ("木", "mu"), ("南", "nan"),
    ("山", "shan"), ("海", "hai"), ("星", "xing"), ("月", "yue"), ("青", "qing"), ("白", "bai"),
    ("微", "wei"), ("然", "ran"), ("之", "zhi"), ("悦", "yue"), ("怡", "yi"), ("朵", "duo"),
    ("蓝", "lan"), ("梵", "fan"), ("朗", "lang"), ("驰", "chi"), ("野", "ye"), ("途", "tu"),
    ("衡", "heng"), ("一", "yi"), ("半", "ban"), ("多", "duo"), ("美", "mei"), ("露", "lu"),
)  # fmt: skip
_LINES_OF_TRADE = (
    (("服饰", "Apparel"), ("女装", "Womenswear"), ("衣橱", "Wardrobe")),
    (("美妆", "Beauty"), ("护肤", "Skincare"), ("香氛", "Fragrance")),
    (("运动", "Sports"), ("户外", "Outdoor"), ("骑行", "Cycling")),
)


@dataclass(frozen=True)
class Roster:
    """What shapes the sales of merchants, one entry each, in the order of joining.

    `joined` is a local day number; `growth` is per year, as a logarithm.
    """

    category: npt.NDArray[np.int8]
    joined: Ints
    size: Floats
    growth: Floats

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True)
class Merchants(Roster):
    """The merchants, complete; their numbers are those of their ids.

    `slowness` stretches shipping, 256 for as promised; `refunded` of 2¹⁶ lines come back; a
    merchant's regular buyers are the `pool_size` numbers from `pool_start`, counted round;
    `expected_orders` is about what it will sell over the whole time; `brand_score` is in millionths.
    """

    slowness: Ints
    refunded: Ints
    brand_score: Ints
    expected_orders: Ints
    pool_start: Ints
    pool_size: Ints
    buyers: int
    ids: Texts


def volumes(roster: Roster, month: Month, curve: Curve, first_day: int) -> npt.NDArray[np.float64]:
    """Return what each merchant may expect to sell in `month`, relative to the others and to other
    months; growth counts from `first_day`.
    """
    middle = month.first + month.days / 2
    sold = roster.size * np.exp(roster.growth * ((middle - first_day) / 365.25))
    sold *= curve.weights.sum(axis=1).take(roster.category)
    age = middle - roster.joined
    young = np.flatnonzero(age < _GROWN_DAYS)
    start = np.clip(roster.joined[young] - month.first, 0, month.days)
    grown = np.clip(age[young] / _GROWN_DAYS, 0.0, 1.0)
    sold[young] *= curve.left(roster.category[young].astype(np.int64), start)
    sold[young] *= _FIRST_SHARE + (1.0 - _FIRST_SHARE) * grown
    return sold


def draw_merchants(
    rng: np.random.Generator,
    count: int,
    orders: int,
    months: Sequence[Month],
) -> tuple[Merchants, Floats]:
    """Return `count` merchants that will sell about `orders` orders, and the sales of each month.

    The second result, shape (months,), is relative.
    """
    first, following = months[0].first, months[-1].following
    roster = Roster(
        rng.choice(len(CATEGORIES), size=count, p=_CATEGORY_SHARES).astype(np.int8),
        _joined(rng, count, first, following),
        np.power(rng.permutation(count) + float(_ZIPF_OFFSET), -_ZIPF_EXPONENT),
        _growth(rng, count),
    )
    by_month = np.zeros(len(months))
    by_merchant = np.zeros(count)
    for index, month in enumerate(months):
        sold = volumes(roster, month, Curve(month), first)
        by_month[index] = sold.sum()
        by_merchant += sold
    expected = (by_merchant * (orders / by_merchant.sum())).astype(np.int64)
    buyers = max(50, orders // 4)
    refunded = _REFUNDED[roster.category] * rng.integers(50, 151, count) // 100
    quality = rng.binomial(40, 0.6, count) + 0.0
    merchants = Merchants(
        category=roster.category,
        joined=roster.joined,
        size=roster.size,
        growth=roster.growth,
        slowness=150 + rng.binomial(40, 0.25, count) * 10,
        refunded=refunded,
        brand_score=np.clip(quality * 2_500_000 + rng.integers(0, 25, count) * 100_000 + 15_000_000,
                            0, 100_000_000).astype(np.int64),
        expected_orders=expected,
        pool_start=rng.integers(0, buyers, count),
        pool_size=np.clip(expected // 2, 3, buyers),
        buyers=buyers,
        ids=columns.MERCHANT.texts(np.arange(count)),
    )  # fmt: skip
    return merchants, by_month


def _joined(rng: np.random.Generator, count: int, first: int, following: int) -> Ints:
    """Return local days of joining, in order."""
    late = rng.random(count) < _JOIN_LATE
    last_year = late & (rng.random(count) < _JOIN_IN_LAST_YEAR)
    earlier = first - 1 - (rng.beta(1.0, 1.6, count) * _OLDEST_DAYS).astype(np.int64)
    since = np.where(last_year, max(first, following - 365), first)
    during = since + (rng.random(count) * (following - since)).astype(np.int64)
    joined = np.sort(np.where(late, during, earlier))
    # Somebody must be there to sell from the first day.
    joined[0] = min(joined[0], first - 1)
    return joined


def _growth(rng: np.random.Generator, count: int) -> Floats:
    wild = rng.random(count) < _WILD_SHARE
    yearly = _GROWTH + np.where(wild, _WILD_SPREAD, _GROWTH_SPREAD) * rng.standard_normal(count)
    return np.asarray(np.log1p(np.clip(yearly, -0.6, 1.5)))


def _names(rng: np.random.Generator, category: npt.NDArray[np.int8]) -> pa.Array:
    """Return a name for each merchant in both languages: 云锦服饰 Yunjin Apparel."""
    names = [
        f"{one}{two}{trade} {(sound + after).capitalize()} {english}"
        for trades in _LINES_OF_TRADE
        for trade, english in trades
        for one, sound in _SYLLABLES
        for two, after in _SYLLABLES
    ]
    of_category = len(names) // len(CATEGORIES)
    picked = category * np.int64(of_category) + rng.integers(0, of_category, len(category))
    return pa.array([names[number] for number in picked], pa.string())


def merchants_table(rng: np.random.Generator, merchants: Merchants) -> dict[str, pa.Array]:
    """Return the columns of `merchants`."""
    count = len(merchants)
    tier = np.searchsorted(np.quantile(merchants.size, [0.8, 0.95]), merchants.size)
    category = columns.words(merchants.category, CATEGORIES)
    return {
        "merchant_id": columns.ids(merchants.ids),
        "name": _names(rng, merchants.category),
        "category": category,
        "industry": category,
        "joined_on": columns.days(merchants.joined),
        "brand_score": columns.decimals(merchants.brand_score),
        "business_unit": columns.constant("domestic", count),
        "tier": columns.words(tier, ["small", "medium", "large"]),
        "annual_fee_minor": columns.money(_ANNUAL_FEE.take(tier)),
    }
