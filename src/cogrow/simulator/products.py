"""What is sold: the products of each merchant, when each was listed, what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, Texts
from cogrow.simulator.merchants import Merchants
from cogrow.simulator.season import CATEGORIES

#: Of a merchant's later products, the share listed while we watch.
_NEW_SHARE = 0.45
_MOST_PRODUCTS = 400
#: Prices are points eight per cent apart, from 9.90 CNY; a bell of them for each category.
_LOWEST_POINT, _POINTS = 990, 88
_MIDDLE_POINT = np.array([36, 34, 46])
_POINT_SPREAD = 400  # throws of a coin: a standard deviation of ten points
#: Commission in hundredths of a per cent, by category.
_COMMISSION = np.array([500, 400, 450])


def _ranks() -> Ints:
    """Return 4,096 equally likely ranks of 2²⁰: half the time the oldest sell most, half the newest.

    Both by the square of a quantile.
    """
    squares = np.arange(2048) ** 2 >> 2
    return np.concatenate([squares, (1 << 20) - 1 - squares])


_RANKS = _ranks()


@dataclass(frozen=True)
class Products:
    """The products, those of one merchant together and in the order of listing.

    Merchant i owns the numbers from `first[i]`, `owned[i]` of them; its first product is there from
    the day it joined. `packed` holds of each product its price (minor units), commission (hundredths
    of a per cent) and day of listing, so that one look finds all three.
    """

    merchant: Ints
    first: Ints
    owned: Ints
    listed: Ints
    packed: Ints
    ids: Texts

    def listed_within(self, first: int, following: int) -> Ints:
        """Return how many products each merchant listed on local days [first, following)."""
        rows = np.flatnonzero((self.listed >= first) & (self.listed < following))
        return np.bincount(self.merchant[rows], minlength=len(self.first))


def pack(price: Ints, commission: Ints, listed: Ints) -> Ints:
    """Return the three numbers of a product as one; `unpack` undoes it."""
    return price << 32 | commission << 16 | listed


def unpack(packed: Ints) -> tuple[Ints, Ints, Ints]:
    """Return price, commission and day of listing from what `pack` made of them."""
    return packed >> 32, packed >> 16 & 0xFFFF, packed & 0xFFFF


def _price_points() -> Ints:
    """Return the prices in use, in minor units: whole yuan less ten fen."""
    points = [_LOWEST_POINT]
    while len(points) < _POINTS:
        points.append(points[-1] * 108 // 100)
    return np.array(points) // 100 * 100 - 10


def draw_products(
    rng: np.random.Generator, merchants: Merchants, first_day: int, following: int
) -> Products:
    """Return the products of `merchants`; new ones are listed within [first_day, following)."""
    count = len(merchants)
    about = 4 + (merchants.expected_orders**0.5).astype(np.int64) // 2
    owned = np.clip(about * rng.integers(50, 151, count) // 100, 1, _MOST_PRODUCTS)
    first = np.cumsum(owned) - owned
    merchant = np.repeat(np.arange(count), owned)
    rows = len(merchant)
    joined = merchants.joined[merchant]
    since = np.where(rng.random(rows) < _NEW_SHARE, np.maximum(joined, first_day), joined)
    until = np.where(since >= first_day, following, first_day)
    listed = since + (rng.random(rows) * (until - since)).astype(np.int64)
    listed[first] = merchants.joined
    listed = np.sort(merchant << 20 | listed) & 0xFFFFF
    category = merchants.category[merchant]
    point = _MIDDLE_POINT[category] + rng.binomial(_POINT_SPREAD, 0.5, rows) - _POINT_SPREAD // 2
    price = _price_points()[np.clip(point, 0, _POINTS - 1)]
    packed = pack(price, _COMMISSION[category], listed)
    ids = columns.PRODUCT.texts(np.arange(rows))
    return Products(merchant, first, owned, listed, packed, ids)


def products_table(
    rng: np.random.Generator, merchants: Merchants, products: Products
) -> dict[str, pa.Array]:
    """Return the columns of `products`."""
    rows = len(products.merchant)
    price, _, _ = unpack(products.packed)
    reference = price * rng.integers(95, 131, rows) // 100
    return {
        "product_id": columns.ids(products.ids),
        "merchant_id": columns.ids(merchants.ids[products.merchant]),
        "category": columns.words(merchants.category[products.merchant], CATEGORIES),
        "listed_at": columns.days(products.listed),
        "brand_id": columns.BRAND.column(products.merchant),
        "price_minor": columns.money(price),
        "reference_price_minor": columns.money(reference),
        "listing_quality": columns.decimals(rng.integers(40, 101, rows) * 1_000_000),
    }


def pick(draws: Ints, first: Ints, on_sale: Ints) -> Ints:
    """Return one product number for each draw (twelve bits), of the `on_sale` ones from `first`."""
    return first + (on_sale * _RANKS.take(draws) >> 20)
