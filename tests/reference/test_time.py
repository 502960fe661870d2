"""Which rows count, and on which days: by hand."""

from __future__ import annotations

from datetime import date

import pytest

from tests.fact_files import instant
from tests.reference.by_hand import ALL, SALES, Books, days_after, program

RANGES = [
    ("gmv", 16),
    ("gmv of the previous month", 8),
    ("gmv of the same month last year", 2),
    ("gmv of the last 31 days", 16),
    ("gmv of the last 32 days", 24),
    ("gmv of the year to date", 28),
    ("gmv of the program to date", 24),
    ("gmv of all time", 31),
]


@pytest.mark.parametrize(("words", "amount"), RANGES)
def test_a_metric_over_other_days(words, amount):
    books = Books()
    for day, paid in [
        ("2024-02-02", 1), ("2024-05-31", 2), ("2025-01-31", 4), ("2025-04-30", 8), ("2025-05-31", 16),
        ("2025-06-01", 32),
    ]:  # fmt: skip
        books.sale(day, paid)
    schedule = "period: {from: 2025-02-01, until: 2026-01-01, every: month, timezone: UTC}\n"
    body = ALL + f"reward: {{rate: {{pays_on: {words}, rate: 100%}}}}\n"
    assert books.paid(program(body, period=schedule)) == [amount]


def test_a_metric_of_moments():
    books = Books()
    books.sale("2025-05-02 10:00", 5)
    books.sale("2025-05-09 10:00", 5)
    body = (
        ALL + "metrics: {last: max(placed_at), first: min(placed_at)}\n"
        "reward: {when: 'days_between(first, last) = 7', flat: {amount: 3}}\n"
    )
    assert books.paid(program(body)) == [3]
    figures = books.earnings(program(body))[0].figures
    assert figures["last"] == instant("2025-05-09 10:00")


def test_months_are_counted_from_one_to_the_other():
    body = "reward: {when: 'MONTHS', flat: {amount: 1}}\n"
    books = Books(joined_on=date(2025, 1, 31))
    months = "months_between(merchants.joined_on, period.start) = 4"
    assert books.paid(program(ALL + body.replace("MONTHS", months))) == [1]
    end = "months_between(merchants.joined_on, period.end) = 5"
    assert books.paid(program(ALL + body.replace("MONTHS", end))) == [1]


# -- enrollment ------------------------------------------------------------------------------------

ENROLLED = [
    ({"on": date(2025, 5, 31)}, 7),
    ({"on": date(2025, 6, 1)}, 0),
    ({"on": date(2024, 1, 1), "left_on": date(2025, 5, 1)}, 0),
    ({"on": date(2024, 1, 1), "left_on": date(2025, 5, 2)}, 7),
    ({"on": date(2025, 5, 1), "arm": "holdout"}, 0),
    ({"on": date(2025, 5, 1), "arm": "treated"}, 7),
]


@pytest.mark.parametrize(("how", "amount"), ENROLLED)
def test_opting_in(how, amount):
    books = Books()
    books.sale("2025-05-05", 7)
    books.enrolled("m1", **how)
    assert books.paid(program("enrollment: opt_in\n" + SALES)) == [amount]
    assert books.paid(program(SALES)) == [7]


@pytest.mark.parametrize(
    ("first", "second", "amount"),
    [
        ({"arm": "z"}, {"arm": "b"}, 1),
        ({"arm": "b"}, {"arm": "z"}, 2),
        ({}, {"arm": "b"}, 4),
        ({}, {"left_on": date(2025, 5, 9)}, 4),
        ({"arm": "holdout"}, {"arm": "b"}, 2),
        ({"left_on": date(2025, 5, 1)}, {"arm": "b"}, 2),
    ],
)
def test_of_two_enrollments_that_hold_the_first_one_counts(first, second, amount):
    books = Books()
    books.enrolled("m1", on=date(2025, 2, 1), **second)
    books.enrolled("m1", on=date(2025, 1, 1), **first)
    arms = {"enrollments.arm = 'z'": 1, "enrollments.arm = 'b'": 2}
    arms["enrollments.arm is null and enrollments.left_on is null"] = 4
    parts = [
        f"{{name: a{paid}, when: {when}, flat: {{amount: {paid}}}}}" for when, paid in arms.items()
    ]
    body = f"enrollment: opt_in\n{ALL}reward: [{', '.join(parts)}]\n"
    assert sum(books.paid(program(body))) == amount


def test_not_opting_in():
    books = Books()
    books.sale("2025-05-05", 7)
    other = {"program": "another", "merchant_id": "m1", "enrolled_on": date(2025, 1, 1)}
    books.add("enrollments", other)
    (found,) = books.earnings(program("enrollment: opt_in\n" + SALES))
    assert (found.eligible, found.reason, found.amount) == (False, "not_eligible", 0)


# -- the first days of a merchant, and the version of an order --------------------------------------

FIRST = (
    "period: {from: 2025-01-01, until: 2026-01-01, every: month, first: 10 days, since: joined_on, "
    "timezone: UTC}\n"
)


def test_only_the_first_days_count():
    books = Books(joined_on=date(2025, 5, 2))
    for day, paid in [
        ("2025-05-01 23:59", 1), ("2025-05-02", 2), ("2025-05-11 23:59", 4), ("2025-05-12", 8),
    ]:  # fmt: skip
        books.sale(day, paid)
    assert books.paid(program(SALES, period=FIRST)) == [6]
    later = SALES.replace("net_sales", "net_sales of all time")
    assert books.paid(program(later, period=FIRST), "2025-12") == [6]


def test_only_orders_of_these_terms_count():
    books = Books()
    books.sale("2025-04-29", 1, confirmed_at=instant("2025-05-09"))
    order = books.sale("2025-04-30", 2, confirmed_at=instant("2025-05-09"))
    books.sale("2025-05-01", 4, confirmed_at=instant("2025-05-09"))
    books.refund(order, "2025-05-20", 1)
    body = "effective: {from: 2025-04-30, by: placed_at}\n"
    sales = SALES.replace("all", "all, dated_by: confirmed_at")
    assert books.paid(program(body + sales)) == [5]
    assert books.paid(program(body.replace(", by: placed_at", "") + sales)) == [6]


# -- attribution ------------------------------------------------------------------------------------

CLICKED = (
    "attribution: {clicks: \"platform <> 'own'\", within: 14 days, of: OF}\n"
    "qualifying: {order_lines: \"clicks.platform = 'x'\"}\n"
    "reward: {rate: {pays_on: gmv, rate: 100%}}\n"
)
ORDER = "2025-05-20 12:00"


@pytest.mark.parametrize(
    ("visited", "amount"),
    [
        (ORDER, 9),
        (days_after(ORDER, 0, 1), 0),
        (days_after(ORDER, -14, 1), 9),
        (days_after(ORDER, -14), 0),
    ],
)
def test_the_edges_of_the_attribution_window(visited, amount):
    books = Books()
    books.sale(ORDER, 9)
    books.visit("v", visited, platform="x")
    assert books.paid(program(CLICKED.replace("OF", "merchant"))) == [amount]


@pytest.mark.parametrize(("platforms", "amount"), [(("y", "x"), 9), (("x", "y"), 0)])
def test_the_last_visit_counts_and_of_two_at_once_the_larger_id(platforms, amount):
    books = Books()
    books.sale(ORDER, 9)
    first, second = platforms
    books.visit("v2", "2025-05-19", platform=second)
    books.visit("v1", "2025-05-19", platform=first)
    books.visit("v9", "2025-05-18", platform="x")
    books.visit("w", "2025-05-20", platform="own")
    books.visit("z", "2025-05-20", platform="y", visitor_id="another buyer")
    assert books.paid(program(CLICKED.replace("OF", "merchant"))) == [amount]


@pytest.mark.parametrize(("of", "amount"), [("merchant", 7), ("brand", 3), ("product", 1)])
def test_what_a_visit_is_credited_with(of, amount):
    books = Books("m1", "m2")
    for name, brand in [("seen", "b"), ("sister", "b"), ("stranger", None)]:
        books.product("m1", name, brand_id=brand)
    books.product("m2", "elsewhere", brand_id="b")
    books.sale(ORDER, 1, product="seen")
    books.sale(ORDER, 2, product="sister")
    books.sale(ORDER, 4, product="stranger")
    books.sale(ORDER, 8, product="elsewhere", merchant="m2")
    books.visit("v", "2025-05-19", product_id="seen", platform="x")
    assert books.paid(program(CLICKED.replace("OF", of))) == [amount, 0]


# -- festivals --------------------------------------------------------------------------------------

JUNE = "period: {from: 2024-01-01, until: 2026-01-01, every: festival, festival: '618', timezone: UTC}\n"


def festival_books() -> Books:
    books = Books()
    for year in (2023, 2024, 2025):
        for name, first, last in [("618", (6, 1), (6, 18)), ("1111", (11, 1), (11, 11))]:
            days = {"starts_on": date(year, *first), "ends_on": date(year, *last)}
            books.add("calendar", {"name": name, **days})
    for day, paid in [
        ("2023-06-02", 1), ("2024-06-18 23:59", 2), ("2025-06-01", 4), ("2025-06-18 23:59", 8),
        ("2025-06-19", 16), ("2025-05-31", 32), ("2025-11-11", 64),
    ]:  # fmt: skip
        books.sale(day, paid)
    return books


@pytest.mark.parametrize(
    ("value", "period", "amount"),
    [
        ("gmv", "618-2025", 12),
        ("gmv of the previous festival", "618-2025", 2),
        ("gmv of the same festival last year", "618-2025", 2),
        ("gmv of the same festival last year", "618-2024", 1),
        ("gmv", "618-2024", 2),
    ],
)
def test_the_days_of_a_festival_are_facts(value, period, amount):
    body = ALL + f"reward: {{rate: {{pays_on: {value}, rate: 100%}}}}\n"
    assert festival_books().paid(program(body, period=JUNE), period) == [amount]


def test_of_several_occasions_in_a_year_each_is_a_period_of_its_own():
    books = festival_books()
    again = {"name": "618", "starts_on": date(2025, 6, 19), "ends_on": date(2025, 6, 19)}
    books.add("calendar", again)
    body = ALL + "reward: {rate: {pays_on: gmv, rate: 100%}}\n"
    for period, amount in [("618-2024", 2), ("618-2025", 12), ("618-2025-06-19", 16)]:
        assert books.paid(program(body, period=JUNE), period) == [amount]
    body = body.replace("gmv", "gmv of the previous festival")
    assert books.paid(program(body, period=JUNE), "618-2025-06-19") == [12]


def test_what_a_festival_that_was_not_there_came_to_is_unknown():
    books = festival_books()
    books.rows["calendar"] = [r for r in books.rows["calendar"] if r["starts_on"].year != 2024]
    body = ALL + "reward: {flat: {amount: 1}, when: gmv of the same festival last year is null}\n"
    assert books.paid(program(body, period=JUNE), "618-2025") == [1]


def test_targets_of_a_festival_go_by_its_name():
    books = festival_books()
    for period, floor in [("618-2024", 999), ("618-2025", 12)]:
        row = {"program": "by-hand", "merchant_id": "m1", "period": period, "sprint_minor": 0}
        books.add("targets", {**row, "floor_minor": 100 * floor})
    body = ALL + "reward: {flat: {amount: 1}, when: gmv = targets.floor}\n"
    assert books.paid(program(body, period=JUNE), "618-2025") == [1]
