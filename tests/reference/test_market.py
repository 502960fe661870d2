"""Programs that stack, and funds that are not enough: by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from cogrow.period import Period
from tests.reference import StackedAlone, market
from tests.reference.by_hand import ALL, SALES, Books, program
from tests.reference.market import by_funder, shared

MAY = "2025-05"
TEN = ALL + "reward: {rate: {pays_on: gmv, rate: 10%}}\n"
FLAT = ALL + "reward: [{name: a, flat: {amount: 6}}, {name: b, flat: {amount: 4}}]\n"


def sold(**amounts: int) -> Books:
    books = Books(*amounts)
    for merchant, amount in amounts.items():
        books.sale("2025-05-05", amount, merchant=merchant)
    return books


def amounts(books: Books, *programs, period: str = MAY) -> dict[str, list[float]]:
    found = books.market(*[(one, period) for one in programs])
    return {name: [one.amount / 100 for one in all_of] for name, all_of in found.items()}


# -- stacking ---------------------------------------------------------------------------------------


def pair(rule: str, first: str = TEN, second: str = FLAT) -> tuple:
    stacking = f"stacking: {{{rule}: [share, fixed]}}\n"
    return program(stacking + first, "share"), program(stacking + second, "fixed")


def test_the_best_of_two_programs_and_the_first_of_two_alike():
    books = sold(m1=99, m2=100, m3=101)
    share, fixed = pair("best_of")
    assert amounts(books, share, fixed) == {
        "share": [0, 10, 10.10],
        "fixed": [6, 4, 0, 0, 0, 0],
    }
    found = books.market((share, MAY), (fixed, MAY))
    assert [one.reason for one in found["share"]] == ["stacked_out", "paid", "paid"]
    assert [one.reason for one in found["fixed"]] == ["paid"] * 2 + ["stacked_out"] * 4
    assert [one.limited for one in found["share"]] == [990, 1_000, 1_010]


def test_the_order_in_which_programs_are_run_changes_nothing():
    books = sold(m1=99, m2=100, m3=101)
    for rule in ("best_of", "exclusive", "in_order"):
        share, fixed = pair(rule)
        assert amounts(books, share, fixed) == amounts(books, fixed, share)


def test_exclusive_programs_pay_in_the_first_a_merchant_takes_part_in():
    books = sold(m1=99, m2=100)
    share, fixed = pair("exclusive", first="gates: [gmv >= 100]\n" + TEN)
    assert amounts(books, share, fixed) == {"share": [0, 10], "fixed": [6, 4, 0, 0]}
    nothing = "gates: [gmv >= 100]\n" + TEN.replace("10%", "0%")
    share, fixed = pair("exclusive", first=nothing)
    assert amounts(books, share, fixed) == {"share": [0, 0], "fixed": [6, 4, 0, 0]}


def test_in_order_the_later_program_sees_what_was_taken():
    rest = ALL + "reward: {rate: {pays_on: gmv / 2 - taken, rate: 100%}}\n"
    fund = "fund: {id: small, amount: 15, exhausted: first_come, by: merchants.joined_on}\n"
    share, fixed = pair("in_order", first=fund + TEN, second=rest)
    books = sold(m1=100, m2=200)
    assert amounts(books, share, fixed) == {"share": [10, 5], "fixed": [40, 95]}


def test_a_program_cannot_stack_with_one_that_is_not_computed():
    share, fixed = pair("best_of")
    with pytest.raises(StackedAlone):
        amounts(sold(m1=1), share)
    assert amounts(sold(m1=1), program(TEN), fixed, share)["share"] == [0]


# -- funds ------------------------------------------------------------------------------------------


def fund(amount: int, exhausted: str, more: str = "", per: str = "period") -> str:
    terms = f"id: small, amount: {amount}, per: {per}, exhausted: {exhausted}{more}"
    return f"fund: {{{terms}}}\n"


@pytest.mark.parametrize(
    ("amount", "paid", "reasons"),
    [
        (60, [10, 20, 30], ["paid"] * 3),
        # 20.00 x 10/60 and x 30/60, rounded down, are 3.33 and 10.00: the second gets the cent.
        (20, [3.33, 6.67, 10], ["fund_short"] * 3),
        (0, [0, 0, 0], ["fund_exhausted"] * 3),
    ],
)
def test_a_short_fund_in_proportion(amount, paid, reasons):
    books = sold(m1=10, m2=20, m3=30)
    found = books.earnings(program(fund(amount, "pro_rata") + SALES))
    assert [one.amount / 100 for one in found] == paid
    assert [one.reason for one in found] == reasons
    assert [one.limited for one in found] == [1_000, 2_000, 3_000]


def test_those_who_came_first_are_paid_first():
    books = Books("m1", "m2")
    books.merchant("m0", joined_on=date(2021, 1, 1))
    books.merchant("m9", joined_on=date(2019, 1, 1))
    for merchant in ("m0", "m1", "m2", "m9"):
        books.sale("2025-05-05", 10, merchant=merchant)
    by = ", by: merchants.joined_on"
    one = program(fund(25, "first_come", by) + SALES)
    assert books.paid(one) == [0, 10, 5, 10]
    reasons = ["fund_exhausted", "paid", "fund_short", "paid"]
    assert [found.reason for found in books.earnings(one)] == reasons


def test_who_came_no_one_knows_when_comes_last():
    books = sold(m1=10, m2=10)
    books.sale("2025-05-06", 0, merchant="m2", channel="live")
    more = "metrics: {live: \"min(placed_at where channel = 'live')\"}\n"
    one = program(fund(15, "first_come", ", by: live") + more + SALES)
    assert books.paid(one) == [5, 10]


def test_a_committed_fund_pays_whatever_it_holds():
    assert sold(m1=10).paid(program(fund(1, "committed") + SALES)) == [10]


def test_a_fund_for_the_whole_program_is_used_up():
    books = Books("m1", "m2")
    for day, paid in [("2025-01-05", 60), ("2025-02-05", 30), ("2025-03-05", 30)]:
        books.sale(day, paid)
        books.sale(day, paid, merchant="m2")
    one = program(fund(150, "pro_rata", per="program") + SALES)
    months = ["2025-01", "2025-02", "2025-03"]
    assert [books.paid(one, month) for month in months] == [[60, 60], [15, 15], [0, 0]]
    each = program(fund(150, "pro_rata", per="period") + SALES)
    assert [books.paid(each, month) for month in months] == [[60, 60], [30, 30], [30, 30]]


def test_components_fill_what_a_merchant_gets():
    books = sold(m1=1)
    found = books.earnings(program(fund(7, "pro_rata") + FLAT))
    assert [(one.amount / 100, one.reason) for one in found] == [(6, "paid"), (1, "fund_short")]
    found = books.earnings(program(fund(6, "pro_rata") + FLAT))
    assert [(one.amount / 100, one.reason) for one in found] == [(6, "paid"), (0, "fund_exhausted")]


def test_what_is_stacked_out_does_not_draw_on_the_fund():
    share, fixed = pair("best_of", first=fund(12, "pro_rata") + TEN)
    assert amounts(sold(m1=99, m2=120), share, fixed)["share"] == [0, 12]


def test_funders_bear_their_shares_to_the_cent():
    funders = ", funders: {brand: 33.5%, platform: 66.5%}"
    books = sold(m1=1, m2=3)
    found = books.earnings(program(fund(1, "committed", funders) + SALES))
    assert [one.funders for one in found] == [
        {"brand": 33, "platform": 67},
        {"brand": 100, "platform": 200},
    ]
    thirds = {name: Fraction(1, 3) for name in "abc"}
    assert by_funder(100, thirds) == {"a": 33, "b": 33, "c": 34}
    assert by_funder(-100, thirds) == {"a": -33, "b": -33, "c": -34}


def test_shares_add_up_whatever_is_shared():
    drawing = {"m1": 1, "m2": 1, "m3": 1}
    assert shared(drawing, 2, in_proportion=True) == {"m1": 0, "m2": 1, "m3": 1}
    assert shared(drawing, 2, in_proportion=False) == {"m1": 1, "m2": 1, "m3": 0}


def test_several_runs_answer_by_program_and_period():
    books = sold(m1=10)
    one = program(SALES)
    periods = [
        Period(date(2025, month, 1), date(2025, month + 1, 1), f"2025-0{month}") for month in (4, 5)
    ]
    found = market([(one, period) for period in periods], books.rows)
    assert {key: rows[0].amount for key, rows in found.items()} == {
        ("by-hand", "2025-04"): 0,
        ("by-hand", "2025-05"): 1_000,
    }
