"""Rows that take the place of others are new for those both are about, whatever file they were in."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cogrow.sources import seal
from cogrow.sources.adding import add
from cogrow.sources.conform import conform
from tests.fact_files import Row, write
from tests.operations import market as made
from tests.operations.market import DUAL, LIMITS, PROGRAM, Market, market
from tests.operations.test_arriving import MAY, Q2, anew, earned, rows_of

__all__ = ["anew"]


def first(table: str, facts: Market, **key: Any) -> Row:
    """Return the row of a table with this key."""
    return next(row for row in facts[table] if row.items() >= key.items())


def replaced(tmp_path: Path, text: str, *changes: Market, facts: Market | None = None) -> None:
    """Earn before rows are replaced and after, and demand what is earned from nothing."""
    folder = tmp_path / "facts"
    before = facts or market()
    write(tmp_path / "source", before)
    conform(tmp_path / "source", folder, LIMITS)
    earned(tmp_path, text, Q2)
    for number, change in enumerate(changes):
        new = tmp_path / f"change-{number}"
        write(new, change)
        names = frozenset(change)
        assert sum(add(new, folder, LIMITS, replacing=names).replaced.values())
    after = earned(tmp_path, text, Q2)
    assert rows_of(after) == rows_of(earned(tmp_path, text, Q2, keep=False))


@pytest.fixture
def completed(monkeypatch) -> Market:
    """Let programs count orders that are completed, and return facts in which all are."""
    text = PROGRAM.replace("order_lines: all", "order_lines: status = 'completed'")
    monkeypatch.setattr(made, "PROGRAM", text)
    facts = market()
    facts["orders"] = [row | {"status": "completed"} for row in facts["orders"]]
    return facts


def test_an_order_that_counts_no_longer_is_about_its_merchant(tmp_path, anew, completed):
    other = first("orders", completed, order_id="o5") | {"status": "returned"}
    replaced(tmp_path, DUAL, {"orders": [other]}, facts=completed)
    assert anew == [{"m2"}]


def test_an_order_that_counts_now_is_about_its_merchant(tmp_path, anew, completed):
    order = first("orders", completed, order_id="o5")
    order["status"] = "paid"
    replaced(tmp_path, DUAL, {"orders": [order | {"status": "completed"}]}, facts=completed)
    assert anew == [{"m2"}]


def test_an_order_that_counts_in_neither_state_is_about_nobody(tmp_path, anew, completed):
    order = first("orders", completed, order_id="o5")
    order["status"] = "paid"
    replaced(tmp_path, DUAL, {"orders": [order | {"status": "returned"}]}, facts=completed)
    assert anew == [set()]


def test_an_order_of_another_merchant_is_about_both(tmp_path, anew):
    order = first("orders", market(), order_id="o5") | {"merchant_id": "m1"}
    replaced(tmp_path, DUAL, {"orders": [order]})
    assert anew == [{"m1", "m2"}]


def test_an_order_that_moves_to_another_quarter_is_about_its_merchant(tmp_path, anew):
    moved = datetime.fromisoformat("2025-08-02 04:00")
    order = first("orders", market(), order_id="o5") | {"placed_at": moved}
    replaced(tmp_path, DUAL, {"orders": [order]})
    assert anew == [{"m2"}]


def test_a_line_and_its_order_that_change_together_count_as_they_were(
    tmp_path, anew, completed, monkeypatch
):
    """As it is, neither counts with what the other was."""
    text = PROGRAM.replace(
        "order_lines: all", "order_lines: status = 'completed' and paid > 200 CNY"
    )
    monkeypatch.setattr(made, "PROGRAM", text)
    order = first("orders", completed, order_id="o5") | {"status": "returned"}
    line = first("order_lines", completed, order_id="o5") | {"paid_minor": 10_000}
    change = {"orders": [order], "order_lines": [line]}
    replaced(tmp_path, DUAL, change, facts=completed)
    assert anew == [{"m2"}]


@pytest.mark.parametrize(("merchant", "category"), [("m3", "apparel"), ("m2", "beauty")])
def test_a_merchant_that_changes_is_computed_anew(tmp_path, anew, merchant, category):
    """It takes part now, or no more."""
    other = first("merchants", market(), merchant_id=merchant) | {"category": category}
    replaced(tmp_path, "merchants: category = 'apparel'\n" + DUAL, {"merchants": [other]})
    assert anew == [{merchant}]


def test_a_product_that_changes_is_about_whoever_sold_it(tmp_path, anew, monkeypatch):
    text = PROGRAM.replace("order_lines: all", "order_lines: products.category = 'shirts'")
    monkeypatch.setattr(made, "PROGRAM", text)
    product = market()["products"][0] | {"category": "hats"}
    facts = market()
    facts["products"].append(product | {"product_id": "p2", "listed_at": date(2025, 1, 1)})
    for line in facts["order_lines"]:
        line |= {"product_id": "p2"} if line["order_id"] == "o5" else {}
    change = facts["products"][1] | {"category": "shirts"}
    replaced(tmp_path, DUAL, {"products": [change]}, facts=facts)
    assert anew == [{"m2"}]


def test_a_refund_of_another_order_is_about_both_merchants(tmp_path, anew):
    """No refund is left of an order of that month, whose file nobody would look at."""
    facts = market()
    january = datetime.fromisoformat("2025-01-10 04:00")
    order = first("orders", facts, order_id="o6") | {"order_id": "a0", "placed_at": january}
    line = first("order_lines", facts, order_id="o6") | {"order_id": "a0"}
    refund = facts["refunds"][0] | {"refund_id": "r9", "order_id": "a0", "line_no": 1}
    for table, row in (("orders", order), ("order_lines", line), ("refunds", refund)):
        facts[table].append(row)
    text = "reward: {rate: {pays_on: net_sales, rate: 10%}}\n"
    replaced(tmp_path, text, {"refunds": [refund | {"order_id": "o3"}]}, facts=facts)
    assert anew == [{"m1", "m3"}]


def test_what_changes_twice_is_about_all_in_between(tmp_path, anew):
    order = first("orders", market(), order_id="o5")
    changes: list[Market] = [{"orders": [order | {"merchant_id": name}]} for name in ("m1", "m3")]
    replaced(tmp_path, DUAL, *changes)
    assert anew == [{"m1", "m2", "m3"}]


def test_what_changes_back_is_about_those_in_between(tmp_path, anew):
    """The file has the bytes it had, and its earnings stay."""
    order = first("orders", market(), order_id="o5")
    changes: list[Market] = [
        {"orders": [order | {"merchant_id": "m1"}]},
        {"orders": [order]},
        {"orders": [order | {"merchant_id": "m3"}]},
    ]
    replaced(tmp_path, DUAL, *changes)
    assert anew == [{"m2", "m3"}]


def test_new_rows_beside_what_changes_count(tmp_path, anew):
    """In a table of which rows gave way, they stand in a file of their own."""
    order = first("orders", market(), order_id="o5") | {"buyer_id": "other"}
    more = order | {"order_id": "n1", "merchant_id": "m3", "placed_at": MAY}
    line = market()["order_lines"][0] | {"order_id": "n1"}
    replaced(tmp_path, DUAL, {"orders": [order, more], "order_lines": [line]})
    assert anew == [{"m2", "m3"}]


def test_new_rows_name_what_stayed_beside_what_changes(tmp_path, anew):
    order = first("orders", market(), order_id="o5") | {"buyer_id": "other"}
    refund = market()["refunds"][0] | {"refund_id": "r9", "order_id": "o6", "line_no": 1}
    replaced(tmp_path, DUAL, {"orders": [order], "refunds": [refund]})
    assert anew == [{"m2", "m3"}]


@pytest.mark.parametrize("what", ["gone", "altered"])
def test_nobody_is_left_out_where_it_is_not_known_what_changed(tmp_path, anew, what):
    folder = tmp_path / "facts"
    write(tmp_path / "source", market())
    conform(tmp_path / "source", folder, LIMITS)
    earned(tmp_path, DUAL, Q2)
    change: Market = {"orders": [first("orders", market(), order_id="o5") | {"merchant_id": "m3"}]}
    write(tmp_path / "change", change)
    add(tmp_path / "change", folder, LIMITS, replacing=frozenset({"orders"}))
    (path,) = (folder / seal.CHANGES).iterdir()
    table = pq.read_table(path)
    path.unlink()
    if what == "altered":
        pq.write_table(table.slice(0, 1), path)
    after = earned(tmp_path, DUAL, Q2)
    assert anew == []
    assert rows_of(after) == rows_of(earned(tmp_path, DUAL, Q2, keep=False))
