"""Components that pay for orders, products, returns … one by one: by hand."""

from __future__ import annotations

from datetime import date

import pytest

from tests.fact_files import instant
from tests.reference.by_hand import ALL, Books, program


def per(grain: str, component: str, more: str = "") -> str:
    return ALL + more + f"reward:\n  - per: {grain}\n    {component}\n"


def test_a_cap_on_each_line():
    """Source: Lazada PH, 5.8% of the item, 100 at most; 290 without the cap."""
    books = Books()
    books.sale("2025-05-05", 5_000, 100)
    body = per("order_line", "rate: {pays_on: gmv, rate: 5.8%}\n    limits: {each: 100}")
    assert books.paid(program(body)) == [105.80]


def test_each_thing_is_rounded_for_itself():
    books = Books()
    books.sale("2025-05-05", 1, 1, 1)
    line = per("order_line", "rate: {pays_on: gmv, rate: 0.5%}")
    assert books.paid(program(line)) == [0.03]
    assert books.paid(program(line.replace("order_line", "order"))) == [0.02]


def test_the_merchants_value_among_its_things():
    books = Books()
    books.sale("2025-05-05", 10)
    books.sale("2025-05-06", 90)
    body = per("order", "rate: {pays_on: gmv, rate: 10%}\n    when: gmv of the merchant >= 100")
    assert books.paid(program(body)) == [10]
    body = per("order", "when: gmv * 2 > gmv of the merchant\n    flat: {amount: 1}")
    (found,) = books.earnings(program(body))
    assert (found.amount, found.condition_met, found.tier) == (100, True, None)


SOLD = "metrics: {bought: count_distinct(order_lines.order_id)}\n"
NEW_PRODUCTS = "when: gmv >= 250 and bought >= 3\n    flat: {amount: 50}"


@pytest.mark.parametrize(
    ("limits", "amount", "reason"),
    [
        ("", 100, "paid"),
        ("\n    limits: {at_least: 2}", 100, "paid"),
        ("\n    limits: {at_least: 3}", 0, "too_few"),
        ("\n    limits: {per_merchant: 70}", 70, "capped"),
    ],
)
def test_products_that_sell_well_enough(limits, amount, reason):
    books = Books()
    for name, sales in [("new", 3), ("newer", 3), ("rare", 2)]:
        books.product("m1", name)
        for _ in range(sales):
            books.sale("2025-05-05", 100, product=name)
    (found,) = books.earnings(program(per("product", NEW_PRODUCTS + limits, SOLD)))
    assert (found.amount / 100, found.reason) == (amount, reason)


FIRST_UNITS = "rate: {pays_on: gmv, rate: 5%}\n    limits: {first: 50, first_of: units"


@pytest.mark.parametrize(
    ("how", "amount"),
    [
        # 30 of 30, then 20 of 40 of the shoe; 10 of 10 of the hat.
        (", first_per: product}", 5 * (300 + 400 / 2 + 100) / 100),
        # All together in order of time: 30, 10, and 10 of 40.
        ("}", 5 * (300 + 100 + 400 / 4) / 100),
    ],
)
def test_the_first_units_of_each_product(how, amount):
    """Source: FBA New Selection, the first 50 units of each new product."""
    books = Books()
    books.product("m1", "hat")
    books.sale("2025-05-07", 400, quantity=40)
    books.sale("2025-05-05", 300, quantity=30)
    books.sale("2025-05-06", 100, quantity=10, product="hat")
    books.sale("2025-05-08", 999, quantity=40)
    assert books.paid(program(per("order_line", FIRST_UNITS + how))) == [amount]


def test_the_first_orders_of_those_that_count():
    books = Books()
    for day, paid in [
        ("2025-05-03", 1),
        ("2025-05-01", 20),
        ("2025-05-02", 40),
        ("2025-05-04", 80),
    ]:
        books.sale(day, paid)
    body = "when: gmv >= 10\n    rate: {pays_on: gmv, rate: 100%}\n    limits: {first: 2}"
    assert books.paid(program(per("order", body))) == [60]


def test_first_units_over_earlier_periods():
    """30 units in April, 40 in May of which 20 are among the first 50."""
    books = Books()
    books.sale("2025-04-05", 300, quantity=30)
    books.sale("2025-05-05", 400, quantity=40)
    body = per("order_line", "accumulate: program to date\n    " + FIRST_UNITS + "}")
    assert books.paid(program(body), "2025-04") == [15]
    assert books.paid(program(body), "2025-05") == [10]
    assert books.paid(program(body), "2025-06") == [0]


@pytest.mark.parametrize(
    ("cap", "amount"), [("per_order", 7 + 7), ("per_product", 7 + 6), ("per_buyer", 7)]
)
def test_a_cap_on_what_lies_together(cap, amount):
    books = Books()
    books.product("m1", "hat")
    books.sale("2025-05-05", 10, 20)
    books.sale("2025-05-06", 60, product="hat", buyer_id="b")
    books.rows["order_lines"][0]["product_id"] = "hat"
    body = "rate: {pays_on: gmv, rate: 30%}\n    limits: {CAP: 7}".replace("CAP", cap)
    # Lines earn 3, 6 and 18; the hat's are the first and the third.
    assert books.paid(program(per("order_line", body))) == [amount]


def test_the_freight_of_returns():
    """Source: Taobao return-freight cover: at most 26, within 90 days of shipping."""
    books = Books()
    for shipped, freight in [("2025-05-01", 12), ("2025-05-01", 30), ("2025-02-01", 12)]:
        order = books.sale("2025-01-31", 100, shipped_at=instant(shipped))
        books.add("returns", {
            "return_id": f"back-{order}", "order_id": order, "requested_at": instant("2025-05-05"),
            "freight_minor": 100 * freight, "status": "done",
        })  # fmt: skip
    body = "when: days_between(orders.shipped_at, returns.requested_at) <= 90\n    "
    cover = "cover: {pays_on: returns.freight, limit: 26}"
    assert books.paid(program(per("return", body + cover))) == [12 + 26]
    measured = cover.replace("returns.freight", "freight")
    more = "metrics: {freight: sum(returns.freight)}\n"
    assert books.paid(program(per("return", body + measured, more))) == [12 + 26]
    assert books.paid(program(per("return", cover))) == [12 + 26 + 12]


def test_a_refund_of_a_whole_order_is_told_apart_where_lines_are_paid_for():
    books = Books()
    order = books.sale("2025-05-05", 10, 20)
    books.refund(order, "2025-05-06", 15)
    body = "rate: {pays_on: net_sales, rate: 100%}\n    limits: {each: 7}"
    assert books.paid(program(per("order_line", body))) == [5 + 7]
    assert books.paid(program(per("order", body))) == [7]


def test_things_of_a_campaign_and_of_a_buyer():
    books = Books()
    for campaign, spent in [("x", 10), ("y", 30)]:
        books.add("ad_spend", {
            "merchant_id": "m1", "platform": "p", "campaign_id": campaign, "day": date(2025, 5, 5),
            "spend_minor": 100 * spent, "currency": "CNY",
        })  # fmt: skip
    books.sale("2025-05-05", 100, campaign_id="x", buyer_id="one")
    books.sale("2025-05-05", 100, campaign_id=None, buyer_id="two")
    books.sale("2025-05-05", 100, campaign_id="z", buyer_id="two")
    body = per("campaign", "when: gmv > 0\n    match: {pays_on: ad_spend, rate: 50%, limit: 9}")
    assert books.paid(program(body)) == [5]
    assert books.paid(program(per("campaign", "flat: {amount: 1}\n    when: gmv > 0"))) == [2]
    assert books.paid(program(per("buyer", "flat: {amount: 1}\n    when: gmv >= 200"))) == [1]


def test_things_without_a_metric_are_the_rows_of_the_period():
    books = Books()
    books.product("m1", "new", listed_at=date(2025, 5, 31))
    books.product("m1", "newer", listed_at=date(2025, 6, 1))
    assert books.paid(program(per("product", "flat: {amount: 3}"))) == [3]
    late = "when: products.listed_at > 2025-05-31\n    flat: {amount: 3}"
    (found,) = books.earnings(program(per("product", late)))
    assert (found.condition_met, found.reason) == (False, "condition_not_met")


def test_a_thing_is_there_where_a_row_counts_even_if_the_metric_leaves_it_out():
    books = Books()
    books.sale("2025-05-05", 10, channel="shop")
    books.sale("2025-05-05", 10, channel="live")
    more = "metrics: {live: \"sum(paid where channel = 'live')\"}\n"
    body = "when: live = 0\n    flat: {amount: 1}"
    assert books.paid(program(per("order", body, more))) == [1]
