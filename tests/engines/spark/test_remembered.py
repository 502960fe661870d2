"""What earlier periods paid counts on Spark as it does on DuckDB, however many of them paid nothing."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from cogrow.period import parse_period
from tests.agreement import program_of, run_all
from tests.on_spark import ENGINES
from tests.strategies import HEAD

#: 10 % of what was sold, 10.00 in all.
LIFETIME = program_of(
    HEAD
    + """\
period: {from: 2025-01-01, until: 2026-01-01, every: month, timezone: Asia/Shanghai}
qualifying: {order_lines: all, dated_by: placed_at}
reward: {rate: {pays_on: gmv, rate: 10%}}
limits: {lifetime: 10}
"""
)


@pytest.mark.parametrize("master", ENGINES)
def test_months_that_paid_nothing_take_nothing_from_the_others(master):
    """Nothing in January, February, April and May; 5.00 in March; in June 8.00, of which 5.00 are left."""
    sold = {"o1": ("2025-03-09", 5_000), "o2": ("2025-06-09", 8_000)}
    facts = {
        "merchants": [
            {"merchant_id": "m1", "name": "M1", "category": "bags", "industry": "bags",
             "joined_on": date(2020, 1, 1)}
        ],
        "products": [],
        "orders": [
            {"order_id": name, "merchant_id": "m1", "buyer_id": "b", "placed_at": datetime.fromisoformat(day)}
            for name, (day, _) in sold.items()
        ],
        "order_lines": [
            {"order_id": name, "line_no": 1, "product_id": "p", "quantity": 1, "paid_minor": paid}
            for name, (_, paid) in sold.items()
        ],
    }  # fmt: skip
    (june,) = run_all([(LIFETIME, parse_period("2025-06"))], facts, master=master)
    (row,) = june.table.to_pylist()
    assert (row["earlier_total_minor"], row["amount_minor"]) == (500, 500)
