"""The lines of a month's orders: what was bought, how many, for how much, and which come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, bits_of, draw_bits
from cogrow.simulator.merchants import Merchants
from cogrow.simulator.orders import DELIVERED, FESTIVE, PAID, WHOLESALE, Orders
from cogrow.simulator.output import BLOCK
from cogrow.simulator.products import Products, pick, unpack
from cogrow.simulator.season import DAY

#: Of 64 lines, how many are of one piece, two …; then the same by the dozen, for wholesale.
_PIECES = np.repeat([1, 2, 3, 4, 6], [50, 9, 3, 1, 1])
_PIECES = np.concatenate([_PIECES, _PIECES * 12])
#: Of 64 lines, the merchant's discount in per cent of the list price, and what the platform takes
#: off besides, on plain days and in a festival.
_DISCOUNTS = np.stack([
    np.repeat([0, 5, 10, 15, 20, 30], [26, 10, 12, 8, 6, 2]),
    np.repeat([0, 10, 15, 20, 30, 40], [6, 10, 14, 16, 12, 6]),
])  # fmt: skip
_PLATFORM_DISCOUNTS = np.stack([np.repeat([0, 3, 5], [52, 8, 4]), np.repeat([0, 8], [20, 44])])
#: Both, for twelve bits drawn: the merchant's << 8 | the platform's; plain days first.
_LESS = (_DISCOUNTS[:, :, None] << 8 | _PLATFORM_DISCOUNTS[:, None, :]).reshape(-1)
_PLAIN_DAYS = 64 * 64
#: Of 64 orders, the freight the buyer pays, in minor units; it stands in the first line.
_FREIGHT = np.repeat([0, 600, 800, 1_000, 1_200, 1_800], [26, 12, 10, 8, 6, 2])


@dataclass(frozen=True)
class Returned:
    """The lines that come back: the order each belongs to (from 0 in its month), its number in the
    order, and what was paid for it in minor units.
    """

    order: Ints
    line_no: Ints
    paid: Ints


@dataclass
class Lines:
    """What later steps ask of the lines of a month: what each order paid, in minor units, and the
    lines that come back.
    """

    totals: Ints
    returned: list[Returned]


def draw_lines(
    rng: np.random.Generator, orders: Orders, merchants: Merchants, products: Products,
    on_sale: Ints, kept: Lines,
) -> Iterator[dict[str, pa.Array]]:  # fmt: skip
    """Yield the columns of the lines of `orders` a block at a time, and add to `kept`.

    `orders` is settled; `on_sale` is how many products each merchant has listed by the end of the
    month; `kept.totals` is zero for each order.
    """
    # All that a line asks of its order in one number: a single look in place of five.
    shelf = products.first << 34 | on_sale << 24 | merchants.refunded << 8
    shelf_of = shelf.take(orders.merchant) | orders.bits
    total = int(orders.lines_before[-1])
    for begin in range(0, max(total, 1), BLOCK):
        end = min(begin + BLOCK, total)
        orders_here, ends = _orders_of(orders.lines_before, begin, end)
        order = np.zeros(end - begin, dtype=np.int64)
        order[ends[1:-1]] = 1
        order = np.cumsum(order) + orders_here.start
        found = shelf_of.take(order)
        draws = draw_bits(rng, end - begin)
        line_no = np.arange(begin + 1, end + 1) - orders.lines_before.take(order)
        product, packed = _products(draws, found, order, orders, products)
        quantity, amounts = _amounts(draws, found, packed)
        amounts["freight_minor"] = _freight(draws, found, line_no)
        paid = amounts["paid_minor"]
        until = np.concatenate([[0], np.cumsum(paid)])
        kept.totals[orders_here] += np.diff(until.take(ends))
        back = np.flatnonzero(
            (bits_of(draws, 48, 16) < bits_of(found, 8, 16)) & (found & DELIVERED != 0)
        )
        kept.returned.append(Returned(order[back], line_no[back], paid[back]))
        yield {
            "order_id": columns.ids(orders.ids.take(order)),
            "line_no": columns.counts(line_no),
            "product_id": columns.ids(products.ids.take(product)),
            "quantity": columns.counts(quantity),
            **{name: columns.money(values) for name, values in amounts.items()},
        }


def _freight(draws: Ints, bits: Ints, line_no: Ints) -> Ints:
    """Return the freight of each line: that of its order in the first, if the order is paid."""
    freight: Ints = _FREIGHT.take(bits_of(draws, 30, 6)) * (bits & PAID) * (line_no == 1)
    return freight


def _orders_of(lines_before: Ints, begin: int, end: int) -> tuple[slice, Ints]:
    """Return the orders of the lines [begin, end), and where the lines of each begin and end there."""
    first = int(np.searchsorted(lines_before, begin, side="right")) - 1
    last = int(np.searchsorted(lines_before, end, side="left"))
    return slice(first, last), np.clip(lines_before[first : last + 1] - begin, 0, end - begin)


def _products(
    draws: Ints, found: Ints, order: Ints, orders: Orders, products: Products
) -> tuple[Ints, Ints]:
    """Return the product of each line, and what is packed of it.

    One not yet listed on the day of its order gives way to the merchant's first.
    """
    product = pick(bits_of(draws, 0, 12), found >> 34, bits_of(found, 24, 10))
    packed = products.packed.take(product)
    listed = packed & 0xFFFF
    recent = np.flatnonzero(listed > orders.month.first)
    day = orders.month.first + orders.placed.take(order.take(recent)) // DAY
    early = recent[listed.take(recent) > day]
    product[early] = found[early] >> 34
    packed[early] = products.packed[product[early]]
    return product, packed


def _amounts(draws: Ints, bits: Ints, packed: Ints) -> tuple[Ints, dict[str, Ints]]:
    """Return quantity and amounts of each line; an order that is not paid has paid nothing."""
    price, commission, _ = unpack(packed)
    quantity = _PIECES.take(bits_of(draws, 12, 6) | (bits & WHOLESALE) * (64 // WHOLESALE))
    price_list = price * quantity
    due = price_list * (bits & PAID)
    less = _LESS.take(bits_of(draws, 18, 12) | (bits & FESTIVE) * (_PLAIN_DAYS // FESTIVE))
    platform_discount = less & 0xFF
    platform_discount *= due
    platform_discount //= 100
    less >>= 8
    less *= due
    less //= 100
    paid = due
    paid -= less
    paid -= platform_discount
    owed = paid * commission
    owed += 5_000
    owed //= 10_000
    return quantity, {
        "paid_minor": paid,
        "list_price_minor": price_list,
        "commission_minor": owed,
        "platform_discount_minor": platform_discount,
    }
