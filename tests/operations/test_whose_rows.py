"""A new row changes something for a merchant only where it counts: alone, or with what it is joined with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from cogrow.operations.explain import explain
from tests.fact_files import Row
from tests.operations import market as made
from tests.operations.market import DUAL, LIMITS, PROGRAM, Market, market, program, quiet, sealed
from tests.operations.test_arriving import LINE, MAY, ORDER, Q2, anew, both_days, named, order

__all__ = ["anew"]

#: A visit of the buyer who orders of m1 on 1 May.
VISIT: Row = {
    "visit_id": "v1",
    "merchant_id": "m1",
    "visitor_id": "b-m1",
    "source": "offsite",
    "visited_at": datetime.fromisoformat("2025-04-28 04:00"),
}

CAME_BACK = """\
attribution: {clicks: source = 'offsite', within: 14 days, of: merchant}
metrics: {came_back: sum(paid where clicks.visited_at is not null)}
reward: {rate: {pays_on: came_back, rate: 10%}}
"""

VISITORS = """\
metrics: {seen: count(visits)}
reward: {rate: {pays_on: seen * 1 CNY, rate: 10%}}
"""


@pytest.fixture
def qualifying(monkeypatch):
    """Return what lets programs count only these rows."""

    def only(rows: str) -> None:
        text = PROGRAM.replace("order_lines: all, dated_by: placed_at", rows)
        assert text != PROGRAM
        monkeypatch.setattr(made, "PROGRAM", text)

    return only


def visited(facts: Market, **other: Any) -> Market:
    """Return the facts with a visit that an order of m2 is owed to, and another one like that."""
    owed = VISIT | {"visit_id": "v0", "merchant_id": "m2", "visitor_id": "b-m2"}
    return facts | {"visits": [owed, *([owed | {"visit_id": "v2"} | other] * bool(other))]}


def hats(facts: Market) -> Market:
    """Return the facts with hats beside the shirts."""
    hat = facts["products"][0] | {"product_id": "p2", "category": "hats"}
    return facts | {"products": [*facts["products"], hat]}


def test_an_order_that_does_not_qualify_is_about_nobody(tmp_path, anew, qualifying):
    qualifying("order_lines: buyer_id <> 'b', dated_by: placed_at")
    both_days(tmp_path, DUAL, order(MAY), Q2)
    assert anew == [set()]


def test_an_order_of_whom_does_not_take_part_is_about_nobody(tmp_path, anew):
    later = order(MAY, merchant_id="m3")
    both_days(tmp_path, "merchants: category = 'apparel'\n" + DUAL, later, Q2)
    assert anew == [set()]


def test_a_line_of_an_old_order_counts_for_its_merchant(tmp_path, anew):
    later = {"order_lines": [LINE | {"order_id": "o5", "line_no": 2}]}
    both_days(tmp_path, DUAL, later, Q2)
    assert anew == [{"m2"}]


def test_an_order_whose_lines_were_there_counts(tmp_path, anew):
    facts = market()
    facts["order_lines"].append(LINE)
    both_days(tmp_path, DUAL, {"orders": [ORDER | {"placed_at": MAY}]}, Q2, facts=facts)
    assert anew == [{"m1"}]


@pytest.mark.parametrize("refunded", [MAY, datetime.fromisoformat("2025-08-02 04:00")])
def test_an_order_counts_where_a_refund_of_it_was_there(tmp_path, anew, qualifying, refunded):
    qualifying("order_lines: all, refunds: reason = 'late', dated_by: placed_at")
    facts = market()
    row = facts["refunds"][0] | {"refund_id": "r9", "order_id": "n1", "refunded_at": refunded}
    facts["refunds"] = [one | {"reason": "late"} for one in (*facts["refunds"], row)]
    both_days(tmp_path, DUAL, {"orders": [ORDER | {"placed_at": MAY}]}, Q2, facts=facts)
    assert anew == [{"m1"} if refunded == MAY else set()]


def test_a_line_that_does_not_qualify_is_about_nobody(tmp_path, anew, qualifying):
    """Refunds are told apart by line, and of its order there is none."""
    qualifying("order_lines: products.category = 'shirts', dated_by: placed_at")
    line = LINE | {"order_id": "o5", "line_no": 2, "product_id": "p2"}
    both_days(tmp_path, DUAL, {"order_lines": [line]}, Q2, facts=hats(market()))
    assert anew == [set()]


def test_a_line_that_does_not_qualify_takes_a_share_of_the_refund(tmp_path, anew, qualifying):
    """The whole order was refunded, and a part of that is of the shirts."""
    qualifying("order_lines: products.category = 'shirts', dated_by: placed_at")
    facts = hats(market())
    whole = {"refund_id": "r2", "order_id": "o5", "line_no": None, "refunded_minor": 1_000}
    facts["refunds"].append(whole | {"refunded_at": MAY})
    line = LINE | {"order_id": "o5", "line_no": 2, "product_id": "p2", "paid_minor": 105_000}
    both_days(tmp_path, DUAL, {"order_lines": [line]}, Q2, facts=facts)
    assert anew == [{"m2"}]


def test_a_refund_is_held_against_conditions_by_line(tmp_path, anew, qualifying):
    """It is of 10.00, and of 5.00 for each of both lines."""
    qualifying(
        "order_lines: products.category = 'shirts', refunds: refunded < 6 CNY, dated_by: placed_at"
    )
    facts = market()
    facts["order_lines"].append(LINE | {"order_id": "o5", "line_no": 2, "paid_minor": 105_000})
    whole = {"refund_id": "r2", "order_id": "o5", "line_no": None, "refunded_minor": 1_000}
    both_days(tmp_path, DUAL, {"refunds": [whole | {"refunded_at": MAY}]}, Q2, facts=facts)
    assert anew == [{"m2"}]


@pytest.mark.parametrize(
    ("visit", "whose"),
    [
        ({}, {"m1"}),
        ({"source": "search"}, set()),
        ({"visitor_id": "somebody else"}, set()),
        ({"visited_at": datetime.fromisoformat("2025-04-10 04:00")}, set()),  # too long before
        ({"visited_at": datetime.fromisoformat("2025-05-01 04:01")}, set()),  # after it
    ],
)
def test_a_visit_counts_where_an_order_can_be_owed_to_it(tmp_path, anew, visit, whose):
    late = {"visit_id": "v9", "visitor_id": "nobody", "visited_at": MAY}
    later = {"visits": [VISIT | visit, VISIT | late]}
    both_days(tmp_path, CAME_BACK, later, Q2, facts=visited(market()))
    assert anew == [whose]


def test_a_visit_counts_whose_product_meets_the_condition_of_clicks(tmp_path, anew):
    """m1 has 10 % of the 1,250.50 its buyer paid after the visit, m2 of 1,050.00 as before."""
    text = CAME_BACK.replace("source = 'offsite'", "products.category = 'shirts'")
    facts = visited(market())
    facts["visits"][0]["product_id"] = "p1"
    (one,) = both_days(tmp_path, text, {"visits": [VISIT | {"product_id": "p1"}]}, Q2, facts=facts)
    assert anew == [{"m1"}]
    amounts = [row["amount_minor"] for row in pq.read_table(one.path).to_pylist()]
    assert amounts == [125_05, 105_00, 0, 0]


def test_an_order_counts_that_is_owed_to_a_visit(tmp_path, anew):
    before = datetime.fromisoformat("2025-05-01 04:00")
    facts = visited(market(), merchant_id="m1", visitor_id="b", visited_at=before)
    both_days(tmp_path, CAME_BACK, order(MAY), Q2, facts=facts)
    assert anew == [{"m1"}]


def test_a_visit_counts_no_longer_whose_product_is_known(tmp_path, anew, qualifying):
    """It met the condition before: nothing was known of the product."""
    qualifying("order_lines: all, visits: products.category is null, dated_by: placed_at")
    later = {"products": [market()["products"][0] | {"product_id": "p9"}]}
    facts = visited(market(), product_id="p9", visited_at=MAY)
    both_days(tmp_path, VISITORS, later, Q2, facts=facts)
    assert anew == [{"m2"}]


BY_PRODUCT_SEEN = """\
metrics: {seen: count(visits)}
reward: {per: product, when: products.category = 'shirts', rate: {pays_on: seen * 1 CNY, rate: 10%}}
"""

GIVEN_BACK = """\
metrics: {shirts_back: sum(refunded where products.category = 'shirts')}
reward: {rate: {pays_on: shirts_back, rate: 10%}}
"""

BY_PRODUCT = """\
reward: {per: product, when: products.category = 'shirts', rate: {pays_on: net_sales, rate: 10%}}
"""


def test_a_product_counts_for_whoever_sold_it(tmp_path, anew):
    """What is asked of it is looked up, whomever it belongs to."""
    facts = market()
    for line in facts["order_lines"]:
        line |= {"product_id": "p2"} if line["order_id"] == "o5" else {}
    late = {"products": [facts["products"][0] | {"product_id": "p2", "merchant_id": "m1"}]}
    both_days(tmp_path, BY_PRODUCT, late, Q2, facts=facts)
    assert anew == [{"m1", "m2"}]


def test_a_product_counts_for_whoever_was_visited_for_it(tmp_path, anew):
    facts = visited(market(), product_id="p2", visited_at=MAY)
    facts["visits"][0]["product_id"] = "p1"
    late = {"products": [facts["products"][0] | {"product_id": "p2", "merchant_id": "m1"}]}
    both_days(tmp_path, BY_PRODUCT_SEEN, late, Q2, facts=facts)
    assert anew == [{"m1", "m2"}]


def test_one_merchant_is_explained_with_products_of_others_it_was_visited_for(tmp_path, qualifying):
    """m1 sells the shirts that m2 was visited for."""
    qualifying("visits: products.category = 'shirts', order_lines: all, dated_by: placed_at")
    facts = sealed(tmp_path / "facts", visited(market(), product_id="p1"))
    file = str(program(tmp_path, VISITORS))
    found = explain(file, "m2", facts, Q2, limits=LIMITS, progress=quiet)
    assert [row["amount_minor"] for row in found.earnings] == [10]


def test_a_product_counts_for_whoever_gave_it_back(tmp_path, anew):
    """It is of another merchant, and lines are asked for nothing but what a refund is of."""
    facts = market()
    for line in facts["order_lines"]:
        line |= {"product_id": "p2"} if line["order_id"] == "o5" else {}
    refund = facts["refunds"][0] | {"refund_id": "r2", "order_id": "o5", "line_no": 1}
    facts["refunds"].append(refund)
    late = {"products": [facts["products"][0] | {"product_id": "p2", "merchant_id": "m1"}]}
    both_days(tmp_path, GIVEN_BACK, late, Q2, facts=facts)
    assert anew == [{"m2"}]


def test_a_refund_that_names_its_merchant_is_dated_anew_by_its_order(tmp_path, anew, qualifying):
    """It counted on its own day; its order is of another quarter."""
    qualifying("order_lines: paid > 100 CNY, dated_by: placed_at")
    facts = named(market(), order_id="n1", line_no=1, merchant_id="m2")
    later = {"orders": [ORDER | {"placed_at": datetime.fromisoformat("2025-02-02 04:00")}]}
    both_days(tmp_path, "refunds: {dated_by: order}\n" + DUAL, later, Q2, facts=facts)
