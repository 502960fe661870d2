"""Worked examples as their owners publish them, through facts in Parquet and the engine, to the cent."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from pydantic import BaseModel

from cogrow.period import Period
from cogrow.programs.parse import parse_file
from cogrow.programs.program import Program
from cogrow.programs.spec import LimitsSpec, PeriodSpec, ProgramSpec
from cogrow.rewards.registry import forms
from tests.agreement import agree, by_merchant, run
from tests.fact_files import Row
from tests.house.tree import ROOT

CASES = ROOT / "tests" / "cases"
SHARED = ROOT.parent / "shared" / "cases" / "published.csv"

#: Cases the language cannot say yet, by the form they wait for. Adding the form demands the case.
AWAITS_FORM = {
    "return-freight-cover": "cover",
}
#: Cases that wait for a key of the language: what it was when they were set aside.
AWAITS_KEY = {"sap-true-up", "lazada-item-cap"}
KEYS_WITHOUT_THEM: dict[type[BaseModel], str] = {
    ProgramSpec: "program title description source direction currency columns merchants gates period"
    " qualifying refunds metrics baseline targets reward limits examples",
    PeriodSpec: "start until every timezone",
    LimitsSpec: "per_merchant minimum",
}


def published() -> dict[str, list[tuple[dict[str, Any], int]]]:
    """Return the input and the expected amount of every row, by case; rates are exact."""
    found: dict[str, list[tuple[dict[str, Any], int]]] = {}
    with (CASES / "published.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            given = json.loads(row["input"], parse_float=Fraction)
            found.setdefault(row["case"], []).append((given, int(row["expected_minor"])))
    return found


def program_of(case: str) -> Program:
    parsed = parse_file(CASES / f"{case}.yaml")
    assert parsed.program is not None, parsed.issues
    return parsed.program


class Shop:
    """Facts that come to given amounts: several orders and lines a period, some refunded, some not done."""

    def __init__(self, program: Program, now: Period) -> None:
        self.program, self.now = program, now
        self.rows: dict[str, list[Row]] = {
            name: []
            for name in (
                "merchants",
                "products",
                "orders",
                "order_lines",
                "refunds",
                "merchant_scores",
                "ad_spend",
            )
        }

    def merchant(self, name: str, **more: Any) -> None:
        day = date(2020, 1, 1)
        base = {
            "merchant_id": name,
            "name": name,
            "category": "-",
            "industry": "-",
            "joined_on": day,
        }
        self.rows["merchants"].append(base | more)
        self.rows["products"].append(
            {"product_id": f"p-{name}", "merchant_id": name, "category": "-", "listed_at": day}
        )

    def order(
        self, merchant: str, when: datetime, paid: list[int], status: str = "completed"
    ) -> str:
        name = f"o{len(self.rows['orders'])}"
        self.rows["orders"].append({
            "order_id": name, "merchant_id": merchant, "buyer_id": "b", "placed_at": when,
            "confirmed_at": when, "status": status, "currency": self.program.currency,
        })  # fmt: skip
        for number, amount in enumerate(paid, start=1):
            self.rows["order_lines"].append({
                "order_id": name, "line_no": number, "product_id": f"p-{merchant}", "quantity": 1,
                "paid_minor": amount,
            })  # fmt: skip
        return name

    def refund(self, order: str, when: datetime, amount: int) -> None:
        self.rows["refunds"].append({
            "refund_id": f"r-{order}", "order_id": order, "refunded_at": when, "refunded_minor": amount,
        })  # fmt: skip

    def net(self, merchant: str, period: Period, amount: int, refunded: int = 0) -> None:
        """Sell `amount` net in the period, more of it refunded, orders at its very first and last moment.

        What is confirmed a microsecond outside or cancelled does not count: the tests would see it.
        """
        start, end = (moment.replace(tzinfo=None) for moment in period.instants(self.zone))
        returned = 777 + refunded
        self.order(merchant, start, [amount // 3, 0])
        last = self.order(
            merchant, end - timedelta(microseconds=1), [amount - amount // 3, returned]
        )
        self.refund(last, start + timedelta(days=2), returned)
        instant = timedelta(microseconds=1)
        outside = end if period == self.now else start - instant
        self.order(merchant, outside, [5_000_000])
        self.order(merchant, start, [5_000_000], "cancelled")

    @property
    def zone(self) -> Any:
        return self.program.schedule.zone


def facts_of(
    case: str, program: Program, period: Period, given: dict[str, Any], shop: Shop, name: str
):
    """Add one merchant whose facts come to what the row of the case gives."""
    if case == "tmall-annual-fee":
        shop.merchant(name, annual_fee_minor=given["fee"])
        for off in (-1, 1):
            score = {"merchant_id": name, "day": period.start + timedelta(days=7 + off)}
            rating = given["rating"] + Fraction(off, 100)
            shop.rows["merchant_scores"].append(
                score | {"rating": Decimal(rating.numerator) / rating.denominator}
            )
        shop.net(name, period, given["sales"])
        return
    shop.merchant(name)
    if case == "pdd-fee-refund":
        start = period.instants(shop.zone)[0].replace(tzinfo=None)
        shop.refund(shop.order(name, start, [given["paid"]]), start, given["refunded"])
    elif case == "taobao-apparel-2024":
        refunded = given["refunded_after_confirmation"]
        shop.net(name, period, given["confirmed"] - refunded, refunded)
    elif case == "coop-match":
        shop.net(name, period, given["purchases"])
        for part, campaign in ((given["ads"] // 3, "a"), (given["ads"] - given["ads"] // 3, "b")):
            shop.rows["ad_spend"].append({
                "merchant_id": name, "platform": "paper", "campaign_id": campaign,
                "day": period.start, "spend_minor": part, "currency": program.currency,
            })  # fmt: skip
    elif "baseline" in given:
        assert program.baseline is not None
        before = program.schedule.over(program.baseline.range, period)
        assert before is not None
        shop.net(name, before, given["baseline"])
        shop.net(name, period, given["actual"])
    else:
        shop.net(name, period, given["sales"])


def rates_in(given: dict[str, Any]) -> list[Fraction]:
    """Return the rates the case states, to hold the program's against."""
    bands = given.get("bands") or given.get("tiers")
    if bands:
        return [Fraction(rate) for _, rate in bands]
    return list(given.get("rates") or [given.get("participation") or given["fee_rate"]])


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_a_published_case_comes_out_to_the_cent(case):
    program = program_of(case)
    period = program.schedule.periods()[0]
    shop, expected = Shop(program, period), {}
    for number, (given, pays) in enumerate(published()[case]):
        facts_of(case, program, period, given, shop, f"m{number}")
        expected[f"m{number}"] = pays
        (component,) = program.components
        own = [tier.rate for tier in component.terms.tiers] or [component.terms.rate]
        assert own == rates_in(given)
    _, rows = run(program, shop.rows, period)
    assert {name: row["amount_minor"] for name, row in by_merchant(rows).items()} == expected
    agree(program, shop.rows, period)


def test_every_published_case_is_a_program_or_waits_for_something_the_language_lacks():
    programs = {path.stem for path in CASES.glob("*.yaml")}
    assert programs.isdisjoint(AWAITS_FORM.keys() | AWAITS_KEY)
    assert programs | AWAITS_FORM.keys() | AWAITS_KEY == published().keys()
    arrived = {case for case, form in AWAITS_FORM.items() if form in forms()}
    assert arrived == set(), "these forms exist now; write the programs of their cases"
    for model, keys in KEYS_WITHOUT_THEM.items():
        new = set(model.model_fields) - set(keys.split())
        assert new == set(), (
            f"can {sorted(AWAITS_KEY)} be said now? write their programs, or note it"
        )


@pytest.mark.skipif(
    not SHARED.exists(), reason="the shared collection of cases is not beside the copy"
)
def test_the_copy_of_the_published_cases_is_the_collection():
    assert (CASES / "published.csv").read_bytes() == SHARED.read_bytes()
