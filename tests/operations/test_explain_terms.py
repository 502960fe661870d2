"""Every form and every limit says its arithmetic with the numbers of the merchant."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from cogrow.operations.explain import Explained, explain
from cogrow.operations.explanation.forms import FORMS
from cogrow.rewards.registry import forms
from tests.operations.market import LIMITS, Market, market, program, quiet, sealed


def shop() -> Market:
    """Return the market of four with enrollments, visits and a line that was not sold on its own."""
    rows = market()
    for score in rows["merchant_scores"]:
        score["violations"] = 0
    rows["enrollments"] = [
        {"program": "trial", "merchant_id": name, "enrolled_on": on, "left_on": left, "arm": arm}
        for name, on, left, arm in (
            ("m1", date(2025, 2, 1), None, None),
            ("m2", date(2025, 1, 1), None, "holdout"),
            ("m3", date(2025, 1, 1), date(2025, 3, 1), None),
            ("m3", date(2025, 7, 5), None, None),
        )
    ]
    rows["visits"] = [
        {"visit_id": name, "merchant_id": "m1", "visitor_id": "b-m1", "source": source,
         "visited_at": datetime.fromisoformat(at)}
        for name, source, at in (
            ("v1", "offsite", "2025-04-28 04:00"), ("v2", "search", "2025-04-29 04:00"),
        )
    ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> Path:
    return sealed(tmp_path_factory.mktemp("explain") / "facts", shop())


@pytest.fixture
def told(facts, tmp_path):
    def tell(terms: str, merchant: str = "m1", period: str = "2025Q2", **how: Any) -> Explained:
        file = str(program(tmp_path, terms))
        return explain(file, merchant, facts, period, limits=LIMITS, progress=quiet, **how)

    return tell


def said(found: Explained, *steps: str) -> list[str]:
    return [str(one.says) for one in found.sentences if one.step in steps]


def test_every_form_is_explained():
    assert FORMS.keys() == forms().keys()


TIERS = (
    "tiers: [{from: 500 CNY, rate: 1%}, {from: 1_000 CNY, rate: 2%}, {from: 9_000 CNY, rate: 9%}]"
)


@pytest.mark.parametrize(
    ("reward", "sentences"),
    [
        pytest.param(
            f"rolling: {{pays_on: net_sales, {TIERS}}}",
            [
                "Tier 1 pays 1% up to its end, 1,000.00: 10.00.",
                "Tier 2 pays 2% of all of net_sales: 24.00.",
                "rolling: together 34.00.",
            ],
            id="rolling",
        ),
        pytest.param(
            f"total: {{pays_on: net_sales, {TIERS}}}",
            [
                "Tier 1 is reached and pays 1% of all of net_sales: 12.00.",
                "Tier 2 is reached and pays 2% of all of net_sales: 24.00.",
                "total: together 36.00.",
            ],
            id="total",
        ),
        pytest.param(
            "linear: {qualifies_on: net_sales, tiers: [{from: 1_000 CNY, amount: 10 CNY},"
            " {from: 2_000 CNY, amount: 110 CNY}]}",
            [
                "linear: from 1,000.00 (10.00) to 2,000.00 (110.00) it grows evenly; net_sales"
                " (1,200.00) is 20% of the way, which is 30.00."
            ],
            id="linear",
        ),
        pytest.param(
            "linear: {qualifies_on: net_sales, tiers: [{from: 1_000 CNY, amount: 10 CNY},"
            " {from: 1_100 CNY, amount: 110 CNY}]}",
            ["linear: the last tier pays a fixed amount, 110.00."],
            id="linear, beyond the last",
        ),
        pytest.param(
            "match: {pays_on: refunded, rate: 100%, limit: 3% of net_sales}",
            [
                "match: 100% of refunded (50.50) is 50.50, which is more than 3% of net_sales; that"
                " limit is 36.00."
            ],
            id="match, limited",
        ),
        pytest.param(
            "match: {pays_on: refunded, rate: 50%, limit: 40 CNY}",
            ["match: 50% of refunded (50.50), within 40 CNY (40.00), is 25.25."],
            id="match",
        ),
        pytest.param(
            "match: {pays_on: refunded, rate: 50%, spend_limit: 40 CNY}",
            [
                "match: of refunded (50.50) no more than 40 CNY (40.00) is matched; 50% of 40.00 is"
                " 20.00."
            ],
            id="match, spend limited",
        ),
        pytest.param(
            "match: {pays_on: refunded, rate: 50%, spend_limit: 60 CNY}",
            ["match: 50% of refunded (50.50), all within 60 CNY (60.00), is 25.25."],
            id="match, spend not limited",
        ),
        pytest.param(
            "cover: {pays_on: refunded, limit: 26 CNY}",
            ["cover: of refunded (50.50) no more than 26.00 is borne: 26.00."],
            id="cover, limited",
        ),
        pytest.param(
            "cover: {pays_on: refunded, rate: 10%, limit: 26 CNY}",
            ["cover: 10% of refunded (50.50) is borne, within 26.00: 5.05."],
            id="cover",
        ),
        pytest.param(
            "fee_refund: {pays_on: gmv, share: refunded / gmv}",
            ["fee_refund: ≈ 4.0384% of the fee gmv (1,250.50) is given back: 50.50."],
            id="fee_refund",
        ),
        pytest.param(
            "fee_refund: {pays_on: refunded, retained: 20%}",
            [
                "fee_refund: 100% of the fee refunded (50.50) is 50.50; 20% of that, 10.10, is"
                " retained, which leaves 40.40."
            ],
            id="fee_refund, a part retained",
        ),
        pytest.param(
            "fee_refund: {pays_on: refunded, share: 50%, retained: 20%, retained_at_most: 5 CNY}",
            [
                "fee_refund: 50% of the fee refunded (50.50) is 25.25; of that no more than 5.00 is"
                " retained, which leaves 20.25."
            ],
            id="fee_refund, at most retained",
        ),
        pytest.param(
            "rate: {pays_on: 100 CNY - net_sales, rate: 1%}",
            ["rate: 100 CNY - net_sales is negative (-1,100.00), so it earns nothing."],
            id="negative",
        ),
        pytest.param(
            "rate: {pays_on: 100 CNY * rating / violations, rate: 1%}",
            [
                "rate: its amount is unknown (rating 4.8, violations 0), so it earns nothing.",
            ],
            id="unknown",
        ),
    ],
)
def test_a_form_says_its_arithmetic(told, reward, sentences):
    assert said(told(f"reward: {{{reward}}}\n"), "earned") == sentences


def test_a_tier_says_what_it_asks_for_besides(told):
    tiers = "{from: 500 CNY, rate: 1%}, {from: 900 CNY, when: orders >= 3, rate: 2%}"
    more = "{from: 2_000 CNY, when: orders >= 4, rate: 3%}"
    found = told(f"reward: {{retroactive: {{pays_on: net_sales, tiers: [{tiers}, {more}]}}}}\n")
    assert said(found, "attained") == [
        "net_sales (1,200.00) reaches tier 1 of 3, which begins at 500.00.",
        "Tier 2, from 900.00, also asks for orders >= 3, which does not hold (orders 2).",
        "net_sales (1,200.00) is 800.00 below tier 3, 2,000.00, which also asks for orders >= 4.",
    ]


def test_what_a_ratio_lacks_is_told_of_what_makes_it(told):
    tiers = "{from: 110%, rate: 1%}, {from: 130%, rate: 2%}"
    ladder = f"retroactive: {{pays_on: gmv, qualifies_on: gmv / baseline, tiers: [{tiers}]}}"
    found = told(f"baseline: gmv of the same quarter last year\nreward: {{{ladder}}}\n")
    assert said(found, "attained")[1:] == [
        "gmv / baseline (125.05%) reaches tier 1 of 2, which begins at 110%.",
        "4.95% more would reach the next tier, 130%. It takes 49.50 more of gmv.",
    ]


FLAT = "{{name: {name}, flat: {{amount: {amount} CNY}}{more}}}"


def flats(*amounts: int, more: str = "") -> str:
    parts = (FLAT.format(name=f"c{n}", amount=a, more=more) for n, a in enumerate(amounts, 1))
    return f"reward: [{', '.join(parts)}]\n"


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ("per_merchant: 15 CNY", "30.00 is above the cap of 15.00 per merchant; the cap is left."),
        (
            "never_above: 20% of refunded",
            "30.00 is above 20% of refunded, which it may never be: 10.10 is left.",
        ),
        (
            "never_above: 100 CNY * rating / violations",
            "It may never be above 100 CNY * rating / violations, which is unknown, so nothing is left"
            " of 30.00.",
        ),
        ("minimum: 31 CNY", "30.00 is below the minimum payout of 31.00, so nothing is paid."),
        (
            "lifetime: 50 CNY",
            "A merchant can earn 50.00 in all; earlier periods had 30.00 of it (2025Q1 30.00), so of"
            " 30.00 no more than 20.00 is left.",
        ),
    ],
)
def test_a_limit_that_binds_says_so(told, limits, sentence):
    found = told(flats(10, 20) + f"limits: {{{limits}}}\n")
    assert said(found, "limited") == [sentence]


def test_the_cap_of_one_component_is_told(told):
    found = told(flats(10, 20, more=", limits: {per_merchant: 12 CNY}"))
    assert said(found, "limited") == ["c2 earns 20.00, more than its cap of 12.00; 12.00 is left."]


@pytest.mark.parametrize(
    ("merchant", "sentences"),
    [
        ("m1", ["m1 takes part by its enrollment of 2025-02-01."]),
        (
            "m2",
            [
                "Enrolled on 2025-01-01, but held out: it is one of those kept out of the program to"
                " compare with (arm holdout)."
            ],
        ),
        (
            "m3",
            [
                "Enrolled on 2025-01-01, but left on 2025-03-01, before the period began.",
                "Enrolled on 2025-07-05 only, after the last day of the period, 2025-06-30.",
            ],
        ),
        ("m4", ["m4 has not enrolled, and only who has enrolled takes part."]),
    ],
)
def test_enrollment_says_why_it_does_not_hold(told, merchant, sentences):
    found = told("enrollment: opt_in\n" + flats(10), merchant)
    assert said(found, "enrollment") == sentences
    assert found.earnings[0]["eligible"] == (merchant == "m1")


def test_what_adds_up_says_what_earlier_periods_had(told):
    terms = "reward: {accumulate: program to date, rate: {pays_on: net_sales, rate: 10%}}\n"
    assert said(told(terms), "accumulated") == [
        "rate: 120.00 so far; no earlier period has had anything of it."
    ]
    found = told(terms, period="2025Q3")
    assert said(found, "measured", "accumulated") == [
        "net_sales in 2025Q3 is 0.00: sum(paid) - sum(refunded).",
        "net_sales of the program to date (2025-01-01..2025-09-30) is 1,200.00.",
        "rate: 120.00 so far, less 120.00 of earlier periods (2025Q2 120.00): 0.00.",
    ]


def test_the_version_says_from_when_it_holds(told):
    found = told("effective: {from: 2025-04-01}\n" + flats(10))
    says = "These terms hold from 2025-04-01 on; 2025Q2 begins on 2025-04-01."
    assert said(found, "version") == [says]
    found = told("effective: {from: 2025-04-01, by: placed_at}\n" + flats(10))
    assert said(found, "version") == [
        "These terms hold for orders whose placed_at is 2025-04-01 or later."
    ]


CAME_BACK = (
    "attribution: {clicks: source = 'offsite', within: 14 days, of: merchant}\n"
    "metrics: {came_back: sum(paid where clicks.visited_at is not null)}\n"
    "reward: {rate: {pays_on: came_back, rate: 10%}}\n"
)


def test_an_order_says_which_visit_it_is_owed_to(told):
    found = told(CAME_BACK, rows=True, not_counted=True)
    condition = "source = 'offsite' of the same buyer to the same merchant"
    assert said(found, "attribution") == [
        f"2 of 2 orders that count are owed to a visit: the last one with {condition}, less than 14"
        " days before.",
        "Order o3 of 2025-04-30 12:00 is owed to visit v1 of 2025-04-28 12:00.",
        "Order o4 of 2025-05-01 12:00 is owed to visit v1 of 2025-04-28 12:00.",
    ]
    assert {row["visit_id"] for one in found.listed for row in one.rows.to_pylist()} == {"v1"}
    one_day = told(CAME_BACK.replace("14 days", "1 days"), not_counted=True)
    assert one_day.kept_out is not None
    (lines,) = one_day.kept_out
    assert lines.reasons() == {("not_owed", ""): 3}
