"""Numbers packed into one keep their room in the largest marketplace there can be."""

from __future__ import annotations

from datetime import date

import numpy as np

from cogrow.simulator.columns import ORDER
from cogrow.simulator.marketplace import MOST_LINES, MOST_MERCHANTS
from cogrow.simulator.merchants import draw_merchants
from cogrow.simulator.orders import MEAN_LINES, _buyers, _traits
from cogrow.simulator.season import months_between

MOST_ORDERS = round(MOST_LINES / MEAN_LINES)


def test_regular_buyers_are_those_of_their_merchant():
    rng = np.random.default_rng(1)
    month = months_between(date(2025, 1, 1), date(2025, 2, 1))
    merchants, _ = draw_merchants(rng, MOST_MERCHANTS, MOST_ORDERS, month)
    regular = np.full(MOST_MERCHANTS, (1 << 24) - 1)  # the rarest of them, and none is anybody
    found = _buyers(regular, _traits(merchants), merchants.buyers)
    assert merchants.buyers > 2**24
    away = (found - merchants.pool_start) % merchants.buyers
    assert (away < merchants.pool_size).all()
    assert (away >= merchants.pool_size - 2 - merchants.pool_size // 1000).all()


def test_there_are_ids_for_every_order():
    one_percent_more = ORDER.texts(np.array([MOST_ORDERS * 101 // 100]))
    assert one_percent_more.tobytes().startswith(b"V")
