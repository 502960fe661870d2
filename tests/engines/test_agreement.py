"""Every engine says what the reference says, to the minor unit, with the tier and the reason."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cogrow.engines.steps.result import REASONS
from cogrow.errors import DataError
from cogrow.period import Period, parse_period
from cogrow.programs.grain import GRAINS
from cogrow.programs.program import Component, Program
from cogrow.rewards.registry import forms
from tests.agreement import agree, agree_among, by_merchant, period_called, program_of, run
from tests.fact_files import Facts, Row, instant
from tests.on_spark import ENGINES, HERE, SPARK_MARKS
from tests.reference import ForeignMoney, market
from tests.strategies import CLAUSES, FORMS, HEAD, facts, markets, programs

#: Pairs of programs and facts in one run, dealt to as many tests; more with COGROW_PAIRS=5000, others
#: with COGROW_SEED=7.
PAIRS = int(os.environ.get("COGROW_PAIRS", "120"))
FIRST_SEED = int(os.environ.get("COGROW_SEED", "1")) * 1000
SHARDS = range(4)

generated = settings(
    max_examples=PAIRS // len(FORMS),
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
#: On Spark each pair takes seconds; 500 of them with COGROW_SPARK_PAIRS=500.
SPARK_PAIRS = int(os.environ.get("COGROW_SPARK_PAIRS", "12"))
on_spark = settings(
    generated, max_examples=max(SPARK_PAIRS // len(FORMS), 1), phases=[Phase.generate]
)
quick = settings(generated, max_examples=4, phases=[Phase.generate])


@pytest.mark.parametrize("master", ENGINES)
@pytest.mark.parametrize("form", FORMS)
def test_made_up_programs_over_made_up_facts(form, master):
    @seed(FIRST_SEED + FORMS.index(form))
    @(generated if master is None else on_spark)
    @given(programs(form, CLAUSES) | programs(form) | programs(form, CLAUSES), facts())
    def one_pair(made, rows):
        agree_among(runs([made], rows), rows, master=master)

    one_pair()


@pytest.mark.parametrize(
    ("shard", "master"),
    [*((shard, None) for shard in SHARDS), pytest.param(0, HERE, marks=SPARK_MARKS)],
)
def test_made_up_programs_that_run_together(shard, master):
    @seed(FIRST_SEED + shard)
    @settings(
        generated if master is None else on_spark,
        max_examples=max((PAIRS if master is None else SPARK_PAIRS) // 20, 1),
    )
    @given(markets(), facts())
    def one_market(made, rows):
        agree_among(runs(made, rows), rows, master=master)

    one_market()


def runs(made: list[tuple[str, str]], rows: Facts) -> list[tuple[Program, Period]]:
    read = [(program_of(text), name) for text, name in made]
    return [(program, period_called(program, name, rows)) for program, name in read]


def features(program: Program, component: Component) -> list[str]:
    """Return what a component, and the program around it, uses of the language."""
    limits, fund, stacking = component.limits, program.fund, program.stacking
    found = [component.form.name, f"per {component.per.name}" if component.per else ""]
    found += [f"one {grain}" for grain in limits.within]
    found += [f"fund {fund.exhausted}"] if fund else []
    found += [stacking.rule] if stacking else []
    found += [f"attribution of {program.attribution.of}"] if program.attribution else []
    told = {
        "each": limits.each, "first": limits.first, "first_of": limits.first_of,
        "first_per": limits.first_per, "at_least": limits.at_least, "cap": limits.per_merchant,
        "accumulate": component.accumulate, "lifetime": program.limits.lifetime,
        "never_above": program.limits.never_above, "funders": fund and fund.funders,
        "opt_in": program.enrollment == "opt_in", "effective": program.effective,
        "festival": program.schedule.festival, "first days": program.schedule.since,
        "tier when": any(tier.when for tier in component.terms.tiers),
    }  # fmt: skip
    return [name for name in found if name] + [name for name, used in told.items() if used]


#: What made-up programs must use and be paid for.
FEATURES = [
    *FORMS, *(f"per {grain}" for grain in GRAINS), "one order", "one product", "one buyer",
    "fund committed", "fund pro_rata", "fund first_come", "best_of", "in_order", "exclusive",
    "attribution of merchant", "attribution of product", "attribution of brand", "each", "first",
    "first_of", "first_per", "at_least", "cap", "accumulate", "lifetime", "never_above", "funders",
    "opt_in", "effective", "festival", "first days", "tier when",
]  # fmt: skip


def test_what_is_made_up_reaches_every_reason_and_every_feature_that_pays():
    """A suite of pairs that all pay nothing would agree on anything."""
    assert set(FORMS) == set(forms())
    seen: Counter[str] = Counter()

    def look(made, rows):
        wanted = runs(made, rows)
        try:
            found = market(wanted, rows)
        except ForeignMoney:
            seen["foreign"] += 1
            return
        for program, period in wanted:
            parts = {component.name: component for component in program.components}
            for earning in found[program.id, period.name]:
                seen[earning.reason] += 1
                for feature in features(program, parts[earning.component]):
                    seen[feature] += earning.amount > 0

    def missing() -> set[str]:
        return {name for name in (*REASONS, *FEATURES, "foreign") if not seen[name]}

    for number in range(100):  # few pairs of many seeds differ more than many of one
        one, clause = FORMS[number % len(FORMS)], CLAUSES[number % len(CLAUSES)]
        for form, clauses in [(one, [clause, "things"]), ("rate", ["accumulate"])]:
            pairs = given(st.tuples(programs(form, clauses)), facts())
            seed(number)(quick(pairs(look)))()
        if number % 4 == 0:
            seed(number)(quick(given(markets(), facts())(look)))()
        if not missing():
            break
    assert missing() == set()


# -- made by hand: one edge each ------------------------------------------------------------------

QUARTERS = "{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}"
Q2 = parse_period("2025Q2")


def program(body: str, schedule: str = QUARTERS):
    return program_of(HEAD + f"period: {schedule}\n" + body)


def merchant(name: str, **more: Any) -> Row:
    return {
        "merchant_id": name, "name": name, "category": "apparel", "industry": "x",
        "joined_on": date(2020, 1, 1), **more,
    }  # fmt: skip


def order(name: str, placed: datetime, owner: str = "m1", **more: Any) -> Row:
    return {
        "order_id": name, "merchant_id": owner, "buyer_id": "b", "placed_at": placed,
        "currency": "CNY", **more,
    }  # fmt: skip


def line(order_id: str, paid: int, number: int = 1, product: str = "shoe") -> Row:
    return {
        "order_id": order_id, "line_no": number, "product_id": product, "quantity": 1, "paid_minor": paid,
    }  # fmt: skip


def refund(name: str, amount: int, when: datetime, **more: Any) -> Row:
    return {"refund_id": name, "refunded_minor": amount, "refunded_at": when, **more}


PRODUCTS = [
    {"product_id": "shoe", "merchant_id": "m1", "category": "shoes", "listed_at": date(2025, 1, 1)},
    {"product_id": "bag", "merchant_id": "m1", "category": "bags", "listed_at": date(2025, 1, 1)},
]
MAY = instant("2025-05-05")


def shop(orders: list[Row], lines: list[Row], refunds: list[Row] | None = None) -> Facts:
    return {
        "merchants": [merchant("m1"), merchant("m2")], "products": PRODUCTS, "orders": orders,
        "order_lines": lines, "refunds": refunds or [],
    }  # fmt: skip


SALES = "qualifying: {order_lines: all}\nreward: {rate: {pays_on: net_sales, rate: 100%}}\n"
SHOES = SALES.replace("all", "products.category = 'shoes'")


def amounts(body: str, rows: Facts, **how: Any) -> dict[str, int]:
    """Return what each merchant is paid, after reference and engine agreed on it."""
    read = program(body)
    agree(read, rows, Q2, **how)
    _, found = run(read, rows, Q2, **how)
    return {name: row["amount_minor"] for name, row in by_merchant(found).items()}


@pytest.mark.parametrize(
    ("placed", "counts"),
    [
        (instant("2025-03-31 15:59:59.999999"), False),
        (instant("2025-03-31 16:00"), True),
        (instant("2025-06-30 15:59:59.999999"), True),
        (instant("2025-06-30 16:00"), False),
    ],
)
def test_a_period_begins_and_ends_at_midnight_in_shanghai(placed, counts):
    assert amounts(SALES, shop([order("o", placed)], [line("o", 500)]))["m1"] == 500 * counts


def test_merchants_without_a_sale_are_there_and_get_nothing():
    assert amounts(SALES, shop([], [])) == {"m1": 0, "m2": 0}


def test_no_merchants_at_all():
    assert amounts(SALES, {**shop([], []), "merchants": []}) == {}


def test_an_unknown_value_pays_nothing_in_any_form():
    """An average over no orders is unknown; least(unknown, start of the next tier) once paid a slice."""
    for form in (
        "graduated: {pays_on: average_order, tiers: [{from: 0, rate: 1%}, {from: 100, rate: 2%}]}",
        "retroactive: {pays_on: average_order, tiers: [{from: 0, rate: 1%}]}",
        "growth: {pays_on: average_order, over: 1, tiers: [{from: 0, rate: 1%}]}",
        "rate: {pays_on: average_order, rate: 1%}",
        "step: {qualifies_on: average_order, tiers: [{from: 0, amount: 5}]}",
    ):
        found = amounts(
            f"qualifying: {{order_lines: all}}\nreward: {{{form}}}\n",
            shop([order("o", MAY)], [line("o", 20_000)]),
        )
        assert found["m1"] > 0
        assert found["m2"] == 0


def test_refunds_of_last_quarters_orders_can_make_net_sales_negative():
    rows = shop(
        [order("old", instant("2025-02-02")), order("new", MAY)],
        [line("old", 900), line("new", 100)],
        [refund("r", 900, MAY, order_id="old")],
    )
    assert amounts(SALES, rows)["m1"] == 0
    assert amounts(SALES + "refunds: {dated_by: order}\n", rows)["m1"] == 100


@pytest.mark.parametrize("dated_by", ["order", "refunded_at"])
def test_a_refund_that_names_no_order_counts_against_its_merchant(dated_by):
    rows = shop(
        [order("o", MAY)],
        [line("o", 1_000)],
        [refund("r", 300, MAY, merchant_id="m1", currency="CNY")],
    )
    for condition in ("products.category = 'shoes'", "merchants.category = 'apparel'", "all"):
        body = SALES.replace("all", condition) + f"refunds: {{dated_by: {dated_by}}}\n"
        assert amounts(body, rows)["m1"] == 700


@pytest.mark.parametrize("dated_by", ["order", "refunded_at"])
def test_a_refund_of_an_order_that_never_counts_takes_nothing_off(dated_by):
    rows = shop(
        [order("good", MAY, confirmed_at=MAY), order("never", MAY, confirmed_at=None)],
        [line("good", 1_000), line("never", 800)],
        [refund("r", 800, MAY, order_id="never", merchant_id="m1", currency="CNY")],
    )
    body = SALES.replace("all", "all, dated_by: confirmed_at")
    assert amounts(body + f"refunds: {{dated_by: {dated_by}}}\n", rows)["m1"] == 1_000


def test_a_condition_on_refunds_adds_to_the_one_on_lines():
    rows = shop(
        [order("done", MAY, status="completed"), order("open", MAY, status="open")],
        [line("done", 1_000), line("open", 1_000)],
        [
            refund("a", 100, MAY, order_id="done", kind="return"),
            refund("b", 10, MAY, order_id="done", kind="goodwill"),
            refund("c", 500, MAY, order_id="open", kind="return"),
        ],
    )
    both = "\"status = 'completed'\", refunds: \"kind = 'return'\""
    assert amounts(SALES.replace("all", both), rows)["m1"] == 900


def test_a_refund_of_a_whole_order_is_told_apart_by_line_to_the_last_unit():
    rows = shop(
        [order("o", MAY)],
        [line("o", 100, 1), line("o", 100, 2, "bag"), line("o", 100, 3)],
        [refund("r", 100, MAY, order_id="o")],
    )
    # 33 + 33 + 34: the shoes bear the first and the last part.
    assert amounts(SHOES, rows)["m1"] == 200 - 33 - 34
    assert amounts(SALES, rows)["m1"] == 200


def test_a_refund_of_an_order_worth_nothing_falls_on_its_first_line():
    rows = shop(
        [order("o", MAY), order("p", MAY)],
        [line("o", 0, 1, "bag"), line("o", 0, 2), line("p", 50)],
        [refund("r", 7, MAY, order_id="o")],
    )
    assert amounts(SHOES, rows)["m1"] == 50


def test_counting_refunds_counts_each_once_even_where_lines_are_told_apart():
    rows = shop(
        [order("o", MAY)],
        [line("o", 100, 1), line("o", 100, 2)],
        [refund("r", 50, MAY, order_id="o"), refund("s", 5, MAY, order_id="o", line_no=2)],
    )
    body = SHOES.replace("net_sales, rate: 100%", "claims, rate: 1")
    assert amounts(body + "metrics: {claims: count(refunds)}\n", rows)["m1"] == 200


def test_what_a_metric_gives_does_not_depend_on_the_metrics_beside_it():
    rows = shop(
        [order("o", MAY)],
        [line("o", 100, 1), line("o", 100, 2, "bag")],
        [refund("r", 50, MAY, order_id="o")],
    )
    body = "qualifying: {order_lines: all}\nreward: {rate: {pays_on: mean, rate: 100%}}\n"
    alone = amounts(body + "metrics: {mean: average(refunded)}\n", rows)
    beside = "shoes: \"sum(refunded where products.category = 'shoes')\""
    assert alone == amounts(body + f"metrics: {{mean: average(refunded), {beside}}}\n", rows)
    assert alone["m1"] == 50


def test_facts_without_the_optional_columns_of_refunds():
    rows = shop(
        [order("o", MAY)],
        [line("o", 100, 1), line("o", 100, 2, "bag")],
        [refund("r", 50, MAY, order_id="o")],
    )
    assert amounts(SALES, rows, complete=False)["m1"] == 150
    assert amounts(SHOES, rows, complete=False)["m1"] == 75


def test_orders_count_once_where_lines_decide():
    rows = shop(
        [order("o", MAY), order("p", MAY), order("empty", MAY)],
        [line("o", 1, 1), line("o", 1, 2), line("p", 1, 1, "bag")],
    )
    per_order = SALES.replace("net_sales, rate: 100%", "orders, rate: 1")
    assert amounts(per_order, rows)["m1"] == 300
    shoes = SHOES.replace("net_sales, rate: 100%", "orders, rate: 1")
    assert amounts(shoes, rows)["m1"] == 100


def test_equality_belongs_to_the_higher_tier():
    tiers = "tiers: [{from: 10, rate: 1%}, {from: 20, rate: 2%}]"
    body = f"qualifying: {{order_lines: all}}\nreward: {{retroactive: {{pays_on: gmv, {tiers}}}}}\n"
    for paid, pays in [(999, 0), (1_000, 10), (1_999, 20), (2_000, 40)]:
        assert amounts(body, shop([order("o", MAY)], [line("o", paid)]))["m1"] == pays


def test_halves_are_rounded_up_once():
    body = "qualifying: {order_lines: all}\nreward: {rate: {pays_on: gmv, rate: 50%}}\n"
    rows = shop([order("o", MAY), order("p", MAY)], [line("o", 1), line("p", 2)])
    assert amounts(body, rows)["m1"] == 2


def test_a_cap_binds_the_components_in_their_order():
    body = (
        "qualifying: {order_lines: all}\nlimits: {per_merchant: 1.50, minimum: 1}\n"
        "reward: [{name: a, flat: {amount: 1}}, {name: b, flat: {amount: 1}}]\n"
    )
    read = program(body)
    rows = shop([], [])
    agree(read, rows, Q2)
    _, found = run(read, rows, Q2)
    paid = [(row["component"], row["amount_minor"], row["reason"]) for row in found]
    assert paid[:2] == [("a", 100, "paid"), ("b", 50, "capped")]


def test_money_in_another_currency_is_refused_and_not_added():
    rows = shop([order("o", MAY, currency="USD")], [line("o", 100)])
    with pytest.raises(DataError) as refused:
        run(program(SALES), rows, Q2)
    assert [issue.code for issue in refused.value.issues] == ["FCT103"]
    only = SALES.replace("all", "\"currency = 'CNY'\"")
    assert amounts(only, rows)["m1"] == 0


def test_the_first_quarter_after_a_leap_day_and_a_month_of_31_days():
    body = SALES.replace("net_sales, rate: 100%", "baseline, rate: 100%")
    body += "baseline: gmv of the previous month\n"
    read = program(
        body, "{from: 2025-03-31, until: 2025-05-31, every: month, timezone: America/New_York}"
    )
    rows = shop([order("o", instant("2025-03-31 12:00"))], [line("o", 100)])
    for period in read.schedule.periods():
        agree(read, rows, period)
