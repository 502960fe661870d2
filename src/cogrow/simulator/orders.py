"""Orders of one month: who sold, to whom, when, and how far each order got before the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, Texts, bits_of, draw_bits
from cogrow.simulator.merchants import Merchants, volumes
from cogrow.simulator.output import BLOCK
from cogrow.simulator.season import CATEGORIES, DAY, Curve, Month

CURRENCY = "CNY"

#: How far an order got, in the order of the codes; the last two ended before their time.
STATUSES = ("pending", "paid", "shipped", "delivered", "completed", "cancelled", "closed")
_CANCELLED, _CLOSED = 5, 6
CHANNELS = ("platform", "live", "wholesale")
_LIVE_ROOM, _IN_WHOLESALE = 1, 2
PAYMENT_METHODS = ("alipay", "wechat_pay", "unionpay")
CARRIERS = ("sf", "zto", "yto", "jd")

#: What later steps ask of an order, as bits.
PAID, FESTIVE, WHOLESALE, DELIVERED, CLOSED = 1, 2, 4, 8, 16

#: Of 256 orders, how many have one line, two, three …: 2.5 in the mean.
_LINE_COUNTS = np.repeat(np.arange(1, 7), [86, 62, 44, 30, 19, 15]).astype(np.uint8)
MEAN_LINES = int(_LINE_COUNTS.sum()) / len(_LINE_COUNTS)

#: Of 256 orders, those never paid, and those closed before shipping; the others go on.
_ENDS = np.repeat(np.array([_CANCELLED, _CLOSED, -1], dtype=np.int8), [15, 5, 236])
#: Of 256 orders, those in wholesale, and then those from a live room, by category.
_WHOLESALE = np.array([6, 3, 7])
_LIVE = np.array([44, 60, 24])
#: Of 256 orders, those of a merchant's regular buyers.
_REGULAR = 150
#: Of 256 orders at a merchant with a campaign, those it brought.
_BROUGHT = 64
_METHODS = np.repeat(np.arange(3, dtype=np.int8), [36, 22, 6])
_CARRIERS = np.repeat(np.arange(4, dtype=np.int8), [3, 6, 4, 3])


def _delays(least: int, mean: float, most: int) -> Ints:
    """Return 1,024 equally likely delays in seconds: exponential from `least`, cut at `most`."""
    chance = (np.arange(1024) + 0.5) / 1024
    return np.minimum(least - mean * np.log1p(-chance), most).astype(np.int64)


_TO_PAY = _delays(20, 240, 1_800)
_TO_CLOSE = _delays(1_800, 20_000, 150_000)
_TO_SHIP = _delays(7_200, 64_000, 259_200)
_TO_DELIVER = _delays(43_200, 130_000, 691_200)
_TO_CONFIRM = _delays(14_400, 300_000, 864_000)


@dataclass(frozen=True)
class Orders:
    """The orders of a month, one entry each, in the order of time.

    `number` is that of the first order's id; `placed` and `moved` count seconds from the month's
    start: `moved` is when the order was delivered, or paid where it was closed before shipping.
    `campaign` is -1 where none brought the order. Order i has the lines lines_before[i] up to
    lines_before[i + 1] of the month.
    """

    month: Month
    number: int
    merchant: npt.NDArray[np.int32]
    placed: npt.NDArray[np.int32]
    lines_before: Ints
    ids: Texts
    buyer: npt.NDArray[np.int32]
    campaign: npt.NDArray[np.int32]
    moved: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.merchant)


@dataclass(frozen=True)
class Reach:
    """The off-site campaigns of a month: for each merchant the one that may bring it orders.

    `campaign` (merchants,) is -1 for none; `first` and `last` are, by campaign, the local days on
    which an order may be its.
    """

    campaign: npt.NDArray[np.int32]
    first: Ints
    last: Ints


def draw_orders(
    rng: np.random.Generator,
    merchants: Merchants,
    month: Month,
    curve: Curve,
    *,
    lines: int,
    number: int,
    first_day: int,
) -> Orders:
    """Return the orders of `month`, `lines` lines in all, placed but with nothing further known."""
    lines_before = _lines_before(rng, lines)
    count = len(lines_before) - 1
    sold = volumes(merchants, month, curve, first_day)
    by_merchant = rng.multinomial(count, sold / sold.sum())
    seconds = _seconds(rng, merchants, month, curve, by_merchant)
    merchant = np.repeat(np.arange(len(merchants)), by_merchant)
    width = max(1, int(len(merchants) - 1).bit_length())
    in_time = np.sort(seconds << width | merchant)
    return Orders(
        month=month,
        number=number,
        merchant=(in_time & ((1 << width) - 1)).astype(np.int32),
        placed=(in_time >> width).astype(np.int32),
        lines_before=lines_before,
        ids=columns.ORDER.range_texts(number, count),
        buyer=np.empty(count, dtype=np.int32),
        campaign=np.empty(count, dtype=np.int32),
        moved=np.empty(count, dtype=np.int32),
        bits=np.empty(count, dtype=np.uint8),
    )


def _lines_before(rng: np.random.Generator, lines: int) -> Ints:
    """Return how many lines come before each order, and after the last: `lines`."""
    ends = np.zeros(1, dtype=np.int64)
    while ends[-1] < lines:
        more = int((lines - ends[-1]) / MEAN_LINES * 1.01) + 64
        drawn = _LINE_COUNTS.take(rng.integers(0, 256, more, dtype=np.uint8))
        ends = np.concatenate([ends, ends[-1] + np.cumsum(drawn, dtype=np.int64)])
    ends = ends[: int(np.searchsorted(ends, lines)) + 1]
    ends[-1] = lines
    return ends


def _seconds(
    rng: np.random.Generator, merchants: Merchants, month: Month, curve: Curve, by_merchant: Ints
) -> Ints:
    """Return when each order is placed, merchant by merchant, never before its merchant joined."""
    draws = rng.integers(0, 2**32, int(by_merchant.sum()), dtype=np.uint32)
    category = np.repeat(merchants.category, by_merchant)
    joining = np.flatnonzero((merchants.joined > month.first) & (by_merchant > 0))
    if not len(joining):
        return curve.seconds(category, draws)
    ends = np.cumsum(by_merchant)
    day = merchants.joined[joining] - month.first
    share = curve.left(merchants.category[joining].astype(np.int64), day)
    rows = np.concatenate([np.arange(ends[m] - by_merchant[m], ends[m]) for m in joining])
    left = (np.repeat(share, by_merchant[joining]) * 2**32).astype(np.uint64)
    late = 2**32 - 1 - (draws[rows].astype(np.uint64) * left >> 32)
    draws[rows] = late.astype(np.uint32)
    seconds = curve.seconds(category, draws)
    seconds[rows] = np.maximum(seconds[rows], np.repeat(day, by_merchant[joining]) * DAY)
    return seconds


def settle(
    rng: np.random.Generator, orders: Orders, merchants: Merchants, curve: Curve, reach: Reach,
    until: int,
) -> Iterator[dict[str, pa.Array]]:  # fmt: skip
    """Yield the columns of `orders` a block at a time, and fill in what later steps ask.

    What would happen at the UTC second `until` or later has not happened.
    """
    channels = _channels_by_draw()
    traits = _traits(merchants)
    for begin in range(0, max(len(orders), 1), BLOCK):
        rows = slice(begin, min(begin + BLOCK, len(orders)))
        size = rows.stop - rows.start
        merchant = orders.merchant[rows].astype(np.int64)
        placed = orders.placed[rows].astype(np.int64)
        first, second = draw_bits(rng, size), draw_bits(rng, size)
        trait = traits.take(merchant)
        buyer = _buyers(first, trait, merchants.buyers)
        campaign = _campaigns(first, orders.month, placed, merchant, reach)
        channel = channels.take(bits_of(trait, 0, 2) << 8 | bits_of(first, 32, 8))
        found, moved, bits = _progress(
            second, placed + orders.month.start, bits_of(trait, 2, 10), until
        )
        bits |= curve.festive.take(placed // DAY).view(np.uint8) * np.uint8(FESTIVE)
        bits |= (channel == _IN_WHOLESALE).view(np.uint8) * np.uint8(WHOLESALE)
        orders.buyer[rows] = buyer
        orders.campaign[rows] = campaign
        orders.moved[rows] = moved - orders.month.start
        orders.bits[rows] = bits
        yield {
            "order_id": columns.ids(orders.ids[rows]),
            "merchant_id": columns.ids(merchants.ids.take(merchant)),
            "buyer_id": columns.BUYER.column(buyer),
            "currency": columns.constant(CURRENCY, size),
            **found,
            "channel": columns.words(channel, CHANNELS),
            "campaign_id": columns.CAMPAIGN.column(np.maximum(campaign, 0), campaign >= 0),
        }


def _traits(merchants: Merchants) -> Ints:
    """Return what an order asks of its merchant as one number, so that it looks once, not four times:
    pool_start << 36 | pool_size << 12 | slowness << 2 | category. 27 bits are left for the buyers of
    200 million lines.
    """
    pool = merchants.pool_start << 36 | merchants.pool_size << 12
    return pool | merchants.slowness << 2 | merchants.category


def _buyers(draws: Ints, trait: Ints, buyers: int) -> Ints:
    """Return who buys: a regular of the merchant, the first of them most often, or anybody."""
    chance = bits_of(draws, 0, 24)
    regular = bits_of(draws, 24, 8) < _REGULAR
    anybody = chance * buyers >> 24
    nearer = (chance * chance >> 24) * bits_of(trait, 12, 24) >> 24
    theirs = (trait >> 36) + nearer
    theirs -= (theirs >= buyers) * buyers
    return np.where(regular, theirs, anybody)


def _channels_by_draw() -> npt.NDArray[np.int8]:
    """Return the channel for each category and eight bits drawn."""
    by_draw = np.zeros((len(CATEGORIES), 256), dtype=np.int8)
    for category, (wholesale, live) in enumerate(zip(_WHOLESALE, _LIVE, strict=True)):
        by_draw[category, :wholesale] = _IN_WHOLESALE
        by_draw[category, wholesale : wholesale + live] = _LIVE_ROOM
    return by_draw.reshape(-1)


def _campaigns(draws: Ints, month: Month, placed: Ints, merchant: Ints, reach: Reach) -> Ints:
    """Return the campaign that brought each order: a quarter of those that may come from one."""
    found = np.full(len(merchant), -1, dtype=np.int64)
    asked = np.flatnonzero(bits_of(draws, 40, 8) < _BROUGHT)
    campaign = reach.campaign[merchant[asked]]
    asked, campaign = asked[campaign >= 0], campaign[campaign >= 0]
    day = month.first + placed[asked] // DAY
    inside = (day >= reach.first[campaign]) & (day <= reach.last[campaign])
    found[asked[inside]] = campaign[inside]
    return found


def _progress(
    draws: Ints, placed: Ints, slowness: Ints, until: int
) -> tuple[dict[str, pa.Array], Ints, npt.NDArray[np.uint8]]:
    """Return the columns of payment and transport, when each order last moved, and its bits."""
    ends = _ENDS.take(bits_of(draws, 0, 8))
    paid = placed + _TO_PAY.take(bits_of(draws, 8, 10))
    waits = bits_of(draws, 18, 10)
    ending = paid + _TO_CLOSE.take(waits)
    cancelled = ends == _CANCELLED
    is_paid = ~cancelled & (paid < until)
    closed = is_paid & (ends == _CLOSED) & (ending < until)
    shipped = paid + (_TO_SHIP.take(waits) * slowness >> 8)
    is_shipped = is_paid & ~closed & (shipped < until)
    delivered = shipped + _TO_DELIVER.take(bits_of(draws, 28, 10))
    is_delivered = is_shipped & (delivered < until)
    confirmed = delivered + _TO_CONFIRM.take(bits_of(draws, 38, 10))
    is_confirmed = is_delivered & (confirmed < until)
    status = is_paid.view(np.int8) + is_shipped.view(np.int8)
    status += is_delivered.view(np.int8) + is_confirmed.view(np.int8)
    # 0 (never paid) becomes cancelled, 1 (paid and no more) becomes closed.
    status += (cancelled | closed).view(np.int8) * np.int8(_CANCELLED)
    bits = is_paid.view(np.uint8) * np.uint8(PAID)
    bits += is_delivered.view(np.uint8) * np.uint8(DELIVERED)
    bits += closed.view(np.uint8) * np.uint8(CLOSED)
    method = _METHODS.take(bits_of(draws, 48, 6))
    carrier = _CARRIERS.take(bits_of(draws, 54, 4))
    found = {
        "placed_at": columns.instants(placed),
        "paid_at": columns.instants(paid, is_paid),
        "shipped_at": columns.instants(shipped, is_shipped),
        "delivered_at": columns.instants(delivered, is_delivered),
        "confirmed_at": columns.instants(confirmed, is_confirmed),
        "status": columns.words(status, STATUSES),
        "payment_method": columns.words(method, PAYMENT_METHODS),
        "carrier": columns.words(carrier, CARRIERS, is_shipped),
    }
    return found, np.where(closed, ending, delivered), bits
