"""What each form pays, and what limits leave of it: by hand."""

from __future__ import annotations

from datetime import date

import pytest

from tests.reference.by_hand import ALL, SALES, Books, program

BANDS = "tiers: [{from: 0, rate: 10%}, {from: 1_000, rate: 25%}]"
AMOUNTS = "tiers: [{from: 100, amount: 10}, {from: 300, amount: 50}]"
SPENT = "metrics: {fee: max(paid)}\n"
FORMS = [
    ("flat: {amount: 12}", 0, 12),
    ("rate: {pays_on: gmv, rate: 1.5%}", 200, 3),
    ("rate: {pays_on: units, rate: 0.50 CNY}", 200, 0.5),
    (f"graduated: {{pays_on: gmv, {BANDS}}}", 2_000, 350),
    (f"retroactive: {{pays_on: gmv, {BANDS}}}", 2_000, 500),
    (f"retroactive: {{pays_on: gmv, {BANDS}}}", 999, 99.9),
    (f"rolling: {{pays_on: gmv, {BANDS}}}", 2_000, 600),
    (f"total: {{pays_on: gmv, {BANDS}}}", 2_000, 700),
    (f"growth: {{pays_on: gmv, over: 500, {BANDS}}}", 2_000, 375),
    (f"step: {{qualifies_on: gmv, {AMOUNTS}}}", 299, 10),
    (f"step: {{qualifies_on: gmv, {AMOUNTS}}}", 300, 50),
    (f"linear: {{qualifies_on: gmv, {AMOUNTS}}}", 99, 0),
    (f"linear: {{qualifies_on: gmv, {AMOUNTS}}}", 150, 20),
    (f"linear: {{qualifies_on: gmv, {AMOUNTS}}}", 900, 50),
    ("match: {pays_on: gmv, rate: 50%, limit: 100}", 150, 75),
    ("match: {pays_on: gmv, rate: 50%, limit: 100}", 900, 100),
    ("match: {pays_on: gmv, rate: 50%, spend_limit: 100}", 900, 50),
    ("cover: {pays_on: gmv, limit: 26}", 12, 12),
    ("cover: {pays_on: gmv, limit: 26}", 30, 26),
    ("cover: {pays_on: gmv, rate: 50%, limit: 26}", 30, 15),
    ("fee_refund: {pays_on: gmv, share: 30%}", 20, 6),
    ("fee_refund: {pays_on: gmv, share: 300%}", 20, 20),
    ("fee_refund: {pays_on: gmv, retained: 20%}", 20, 16),
    ("fee_refund: {pays_on: gmv, retained: 20%, retained_at_most: 3}", 20, 17),
]


@pytest.mark.parametrize(("form", "sold", "amount"), FORMS)
def test_what_a_form_pays(form, sold, amount):
    books = Books()
    books.sale("2025-05-05", sold)
    assert books.paid(program(ALL + f"reward: {{{form}}}\n")) == [amount]


TIERS = "tiers: [{from: 0, rate: 10%}, {from: 100, rate: 20%, when: orders >= 2}, {from: 200, rate: 50%}]"


@pytest.mark.parametrize(
    ("form", "sold", "amount", "tier"),
    [
        ("retroactive", [150], 15, 1),
        ("retroactive", [75, 75], 30, 2),
        ("retroactive", [300], 150, 3),
        ("total", [300], 180, 3),
        ("total", [150, 150], 240, 3),
    ],
)
def test_a_tier_whose_condition_does_not_hold_is_not_there(form, sold, amount, tier):
    books = Books()
    for paid in sold:
        books.sale("2025-05-05", paid)
    (found,) = books.earnings(program(ALL + f"reward: {{{form}: {{pays_on: gmv, {TIERS}}}}}\n"))
    assert (found.amount / 100, found.tier) == (amount, tier)


def test_a_tier_that_begins_below_nothing_takes_nothing_away():
    books = Books()
    books.sale("2025-05-05", 10)
    begin = (
        "tiers: [{from: net_sales - 30 * gmv, rate: 50%}, {from: net_sales - 20 * gmv, rate: 20%}]"
    )
    body = ALL + f"reward: {{rolling: {{pays_on: gmv, {begin}}}}}\n"
    assert books.paid(program(body)) == [2]


def test_halves_of_a_cent_are_rounded_up_once():
    books = Books()
    books.sale("2025-05-05", 1)
    for rate, cents in [("0.5%", 1), ("0.4%", 0), ("1.5%", 2)]:
        body = ALL + f"reward: {{rate: {{pays_on: gmv, rate: {rate}}}}}\n"
        assert books.paid(program(body)) == [cents / 100]


# -- limits -----------------------------------------------------------------------------------------

TWO = (
    ALL + "reward:\n"
    "  - {name: a, rate: {pays_on: gmv, rate: 10%}, limits: {per_merchant: 40}}\n"
    "  - {name: b, rate: {pays_on: gmv, rate: 5%}}\n"
)
LIMITS = [
    ("{}", 400, [40, 20], ["paid", "paid"]),
    ("{}", 500, [40, 25], ["capped", "paid"]),
    ("{per_merchant: 50}", 400, [40, 10], ["paid", "capped"]),
    ("{per_merchant: 30}", 400, [30, 0], ["capped", "capped"]),
    ("{minimum: 60}", 400, [40, 20], ["paid", "paid"]),
    ("{minimum: 60}", 399, [0, 0], ["below_minimum", "below_minimum"]),
    ("{never_above: gmv / 9}", 400, [40, 4.44], ["paid", "capped"]),
    ("{never_above: gmv - 999}", 400, [0, 0], ["capped", "capped"]),
    ("{never_above: merchants.fee}", 400, [0, 0], ["capped", "capped"]),
    ("{per_merchant: 50}", 0, [0, 0], ["nothing_to_pay_on", "nothing_to_pay_on"]),
]


@pytest.mark.parametrize(("limits", "sold", "paid", "reasons"), LIMITS)
def test_limits_cut_the_components_in_their_order(limits, sold, paid, reasons):
    books = Books()
    books.sale("2025-05-05", sold)
    body = f"columns: {{merchants.fee: money}}\nlimits: {limits}\n"
    found = books.earnings(program(body + TWO))
    assert [earning.amount / 100 for earning in found] == paid
    assert [earning.reason for earning in found] == reasons
    assert [earning.limited for earning in found] == [earning.amount for earning in found]


def test_reasons_before_anything_is_earned():
    books = Books("m1", "m2", joined_on=date(2020, 1, 1))
    books.sale("2025-05-05", 10)
    body = "gates: [orders >= 1]\n" + ALL + "reward:\n"
    body += "  - {name: a, when: orders > 1, flat: {amount: 1}}\n"
    body += "  - {name: b, step: {qualifies_on: gmv, tiers: [{from: 11, amount: 1}]}}\n"
    found = books.earnings(program(body))
    gone = "gate_not_passed"
    assert [one.reason for one in found] == ["condition_not_met", "no_tier_reached", gone, gone]
    nobody = program("merchants: category = 'x'\n" + SALES)
    assert {one.reason for one in books.earnings(nobody)} == {"not_eligible"}


# -- over earlier periods ---------------------------------------------------------------------------

CUMULATIVE = (
    ALL + "reward:\n  - accumulate: year to date\n    retroactive:\n      pays_on: gmv\n"
    "      tiers: [{from: 5_000, rate: 2%}, {from: 20_000, rate: 4%}]\n"
)
QUARTER = ["2025-01", "2025-02", "2025-03"]


def sap() -> Books:
    books = Books()
    for month, volume in zip(QUARTER, (3_000, 4_000, 20_000), strict=True):
        books.sale(f"{month}-15", volume)
    return books


def test_a_cumulative_volume_nets_what_was_earned_before():
    """Source: SAP condition contract settlement."""
    assert [sap().paid(program(CUMULATIVE), month) for month in QUARTER] == [[0], [140], [940]]
    assert sap().paid(program(CUMULATIVE), "2025-04") == [0]


def test_what_was_earned_before_is_taken_back():
    books = sap()
    books.refund("o3", "2025-04-02", 20_000)
    net = program(CUMULATIVE.replace("gmv", "net_sales"))
    assert books.paid(net, "2025-04") == [140 - 1_080]
    gated = program("gates: [orders > 0]\n" + CUMULATIVE.replace("gmv", "net_sales"))
    assert books.paid(gated, "2025-04") == [0]


def test_a_year_to_date_begins_anew():
    books = sap()
    books.sale("2026-01-05", 5_000)
    long = "period: {from: 2025-01-01, until: 2027-01-01, every: month, timezone: UTC}\n"
    assert books.paid(program(CUMULATIVE, period=long), "2026-01") == [100]
    to_date = CUMULATIVE.replace("year to date", "program to date")
    assert books.paid(program(to_date, period=long), "2026-01") == [32_000 * 0.04 - 1_080]


def test_what_is_netted_is_what_limits_left():
    """The second month earns 140 of which 100 are left; the third then earns the 40 as well."""
    limited = program("limits: {per_merchant: 100}\n" + CUMULATIVE)
    assert [sap().paid(limited, month) for month in QUARTER] == [[0], [100], [100]]
    assert sap().earnings(limited, "2025-03")[0].earned == 98_000


def test_a_lifetime_is_used_up():
    books = Books()
    for month in QUARTER:
        books.sale(f"{month}-15", 60)
    once = program("limits: {lifetime: 100}\n" + SALES)
    assert [books.paid(once, month) for month in QUARTER] == [[60], [40], [0]]
    assert books.earnings(once, "2025-03")[0].reason == "capped"
