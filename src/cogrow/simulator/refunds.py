"""Refunds: lines that come back days or weeks later, whole orders, and orders closed early."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, bits_of
from cogrow.simulator.lines import Lines
from cogrow.simulator.orders import CLOSED, Orders
from cogrow.simulator.season import DAY

REASONS = ("not_as_described", "size", "quality", "changed_mind", "late", "not_shipped")
KINDS = ("return_and_refund", "refund_only")
_NOT_SHIPPED, _REFUND_ONLY = 5, 1

#: Of 64 returned lines, those that take their whole order with them.
_WHOLE = 14
#: Of 64 refunds of a line, the share refunded in per cent.
_SHARES = np.repeat([100, 50, 30, 20, 10], [48, 6, 4, 4, 2])
#: Of 16 lines refunded whole, those the buyer keeps all the same.
_KEEPS = 3
#: How a return ended: the goods came back, or the buyer kept them after all.
RETURN_STATUSES = ("completed", "withdrawn")
#: Of 64 returns, the freight of sending the goods back, in minor units.
_FREIGHT = np.repeat([800, 1_000, 1_200, 1_500, 2_000, 2_800, 4_200], [10, 14, 16, 10, 7, 5, 2])
#: Of 64 refunds, those asked for within the first ten days of delivery; the others come late.
_SOON = 56


@dataclass(frozen=True)
class Refunds:
    """Refunds, one entry each: the second they are made and asked for, their order's number, line (0:
    the whole order), amount in minor units, and codes of reason and kind.
    """

    at: Ints
    asked: Ints
    order: Ints
    line_no: Ints
    minor: Ints
    reason: Ints
    kind: Ints

    def taken(self, rows: Ints) -> Refunds:
        """Return the refunds of those rows, in their order."""
        return Refunds(*(values.take(rows) for values in self._all()))

    def joined(self, *others: Refunds) -> Refunds:
        """Return these refunds and the others."""
        together = zip(self._all(), *(other._all() for other in others), strict=True)
        return Refunds(*(np.concatenate(values) for values in together))

    def _all(self) -> tuple[Ints, ...]:
        return (self.at, self.asked, self.order, self.line_no, self.minor, self.reason, self.kind)


def no_refunds() -> Refunds:
    """Return refunds without an entry."""
    return Refunds(*(np.empty(0, dtype=np.int64) for _ in range(7)))


def draw_refunds(rng: np.random.Generator, orders: Orders, drawn: Lines) -> Refunds:
    """Return the refunds of a month's orders and lines, whenever they are made.

    An order with a whole-order refund has no other.
    """
    returned, totals = drawn.returned, drawn.totals
    order, line_no, paid = (
        np.concatenate([np.empty(0, dtype=np.int64), *parts])
        for parts in (
            [r.order for r in returned], [r.line_no for r in returned], [r.paid for r in returned],
        )
    )  # fmt: skip
    draws = rng.integers(0, 2**32, (len(order), 2), dtype=np.int64)
    entire = np.zeros(len(orders), dtype=np.bool_)
    entire[order[bits_of(draws[:, 0], 0, 6) < _WHOLE]] = True
    lines = np.flatnonzero(~entire.take(order))
    order, line_no, paid, draws = order[lines], line_no[lines], paid[lines], draws[lines]
    minor = _share(draws[:, 0], paid)
    keeps = (minor < paid) | (bits_of(draws[:, 0], 28, 4) < _KEEPS)
    at = _moment(draws[:, 1], orders, order)
    by_line = Refunds(
        at=at,
        asked=_asked(at, orders, order),
        order=order + orders.number,
        line_no=line_no,
        minor=minor,
        reason=_reason(draws[:, 0]),
        kind=np.where(keeps, _REFUND_ONLY, 0),
    )
    wholes = _wholes(rng, orders, totals, np.flatnonzero(entire))
    return by_line.joined(wholes, _closed(orders, totals))


def _share(draws: Ints, paid: Ints) -> Ints:
    """Return what is refunded of a line: all of it, or a share of at least one minor unit."""
    return np.asarray(np.maximum(paid * _SHARES.take(bits_of(draws, 6, 6)) // 100, 1))


def _reason(draws: Ints) -> Ints:
    """Return a reason other than that the order was not shipped."""
    return bits_of(draws, 12, 16) * _NOT_SHIPPED >> 16


def _moment(draws: Ints, orders: Orders, order: Ints) -> Ints:
    """Return when each refund is made: most within ten days of delivery, some after 30 to 60."""
    soon = bits_of(draws, 0, 6) < _SOON
    quantile = bits_of(draws, 6, 16)
    early = 7_200 + (quantile * quantile >> 16) * (10 * DAY) // 65_536
    late = 30 * DAY + quantile * (30 * DAY) // 65_536
    return (
        orders.month.start + orders.moved.take(order).astype(np.int64) + np.where(soon, early, late)
    )


def _asked(at: Ints, orders: Orders, order: Ints) -> Ints:
    """Return when each refund is asked for: between delivery and the refund, nearer to delivery."""
    delivered = orders.month.start + orders.moved.take(order).astype(np.int64)
    return delivered + (at - delivered) * 3 // 8


def _wholes(rng: np.random.Generator, orders: Orders, totals: Ints, order: Ints) -> Refunds:
    draws = rng.integers(0, 2**32, (len(order), 2), dtype=np.int64)
    at = _moment(draws[:, 1], orders, order)
    return Refunds(
        at=at,
        asked=_asked(at, orders, order),
        order=order + orders.number,
        line_no=np.zeros(len(order), dtype=np.int64),
        minor=totals[order],
        reason=_reason(draws[:, 0]),
        kind=np.zeros(len(order), dtype=np.int64),
    )


def _closed(orders: Orders, totals: Ints) -> Refunds:
    """Return the refunds of orders closed before shipping, made as they are closed."""
    order = np.flatnonzero(orders.bits & CLOSED)
    at = orders.month.start + orders.moved[order].astype(np.int64)
    return Refunds(
        at=at,
        asked=at,
        order=order + orders.number,
        line_no=np.zeros(len(order), dtype=np.int64),
        minor=totals[order],
        reason=np.full(len(order), _NOT_SHIPPED, dtype=np.int64),
        kind=np.full(len(order), _REFUND_ONLY, dtype=np.int64),
    )


def due(pending: Refunds, until: int) -> tuple[Refunds, Refunds]:
    """Return the refunds made before the UTC second `until`, by time, and the others."""
    now = pending.taken(np.flatnonzero(pending.at < until))
    return now.taken(columns.by_time(now.at)), pending.taken(np.flatnonzero(pending.at >= until))


def refunds_table(refunds: Refunds, number: int) -> dict[str, pa.Array]:
    """Return the columns of `refunds`, ids from `number` on."""
    return {
        "refund_id": columns.ids(columns.REFUND.range_texts(number, len(refunds.at))),
        "order_id": columns.ORDER.column(refunds.order),
        "line_no": columns.counts(refunds.line_no, refunds.line_no > 0),
        "refunded_at": columns.instants(refunds.at),
        "refunded_minor": columns.money(refunds.minor),
        "reason": columns.words(refunds.reason, REASONS),
        "kind": columns.words(refunds.kind, KINDS),
    }


def returns_table(
    rng: np.random.Generator, refunds: Refunds, number: int
) -> tuple[dict[str, pa.Array], int]:
    """Return the columns of `returns`, ids from `number` on, and how many there are.

    Every refund of something delivered was a return first; where the buyer kept the goods it was
    withdrawn. It is complete in the moment of its refund.
    """
    found = refunds.taken(np.flatnonzero(refunds.reason != _NOT_SHIPPED))
    rows = len(found.at)
    back = found.kind != _REFUND_ONLY
    freight = _FREIGHT.take(rng.integers(0, 64, rows)) * back
    return {
        "return_id": columns.ids(columns.RETURN.range_texts(number, rows)),
        "order_id": columns.ORDER.column(found.order),
        "requested_at": columns.instants(found.asked),
        "shipped_back_at": columns.instants(found.asked + (found.at - found.asked) // 3, back),
        "completed_at": columns.instants(found.at, back),
        "freight_minor": columns.money(freight),
        "status": columns.words(np.where(back, 0, 1), RETURN_STATUSES),
    }, rows
