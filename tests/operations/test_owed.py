"""What an order is owed to is looked for in all days it can lie in, beyond those of the program."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.operations import market as made
from tests.operations.market import PROGRAM, Market, market, seal_of
from tests.operations.test_arriving import LINE, ORDER, Q2, earned
from tests.operations.test_whose_rows import CAME_BACK, VISIT


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text} 04:00")


def owing(visited: str, **order: Any) -> Market:
    """Return the facts with an order of m1 for 90.00, and the visit of its buyer before it."""
    facts = market()
    facts["orders"] = [row | {"paid_at": row["placed_at"]} for row in facts["orders"]]
    facts["orders"].append(ORDER | order)
    facts["order_lines"].append(LINE)
    visit = VISIT | {"visitor_id": "b", "visited_at": day(visited)}
    # Another one of m2 counts in any case.
    other = VISIT | {"visit_id": "v0", "merchant_id": "m2", "visitor_id": "b-m2"}
    return facts | {"visits": [visit, other]}


def paid_to(tmp_path: Path, text: str, facts: Market, merchant: str = "m1") -> int:
    seal_of(tmp_path / "facts", facts)
    (one,) = earned(tmp_path, text, Q2, keep=False)
    rows = pq.read_table(one.path).to_pylist()
    return int(next(row["amount_minor"] for row in rows if row["merchant_id"] == merchant))


def test_a_visit_before_the_period_counts_for_an_order_in_it(tmp_path):
    facts = owing("2025-03-25", placed_at=day("2025-04-02"))
    assert paid_to(tmp_path, CAME_BACK, facts) == 900


def test_an_order_that_was_placed_long_before_it_is_paid_is_owed_to_its_visit(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(made, "PROGRAM", PROGRAM.replace("placed_at", "paid_at"))
    facts = owing("2025-02-20", placed_at=day("2025-03-01"), paid_at=day("2025-04-02"))
    assert paid_to(tmp_path, CAME_BACK, facts) == 900


def test_a_refund_of_an_order_before_the_period_is_owed_to_the_visit_of_the_order(tmp_path):
    facts = owing("2025-02-20", placed_at=day("2025-03-01"))
    refund = facts["refunds"][0] | {"refund_id": "r9", "order_id": "n1", "line_no": 1}
    facts["refunds"].append(refund | {"refunded_minor": 4_000})
    text = CAME_BACK.replace("sum(paid where", "sum(refunded where")
    assert paid_to(tmp_path, text, facts) == 400
