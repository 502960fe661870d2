"""Worked examples as their owners publish them, through facts in Parquet and the engine, to the cent."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cogrow.period import Period
from cogrow.programs.parse import parse_file
from cogrow.programs.program import Program
from tests.agreement import agree, by_merchant, run
from tests.fact_files import Row
from tests.house.tree import ROOT
from tests.on_spark import ENGINES

CASES = ROOT / "tests" / "cases"
SHARED = ROOT.parent / "shared" / "cases" / "published.csv"


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
                "returns",
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
        self,
        merchant: str,
        when: datetime,
        paid: list[int],
        status: str = "completed",
        shipped: datetime | None = None,
    ) -> str:
        name = f"o{len(self.rows['orders'])}"
        self.rows["orders"].append({
            "order_id": name, "merchant_id": merchant, "buyer_id": "b", "placed_at": when,
            "confirmed_at": when, "status": status, "currency": self.program.currency,
            "shipped_at": shipped,
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

    def send_back(self, order: str, when: datetime, freight: int, status: str) -> None:
        self.rows["returns"].append({
            "return_id": f"b{len(self.rows['returns'])}", "order_id": order, "requested_at": when,
            "freight_minor": freight, "status": status,
        })  # fmt: skip

    def whole(self, merchant: str, period: Period, amount: int) -> None:
        """Sell `amount` at the first and the last moment of the period; what is cancelled does not count."""
        start, end = (moment.replace(tzinfo=None) for moment in period.instants(self.zone))
        self.order(merchant, start, [amount // 3])
        self.order(merchant, end - timedelta(microseconds=1), [amount - amount // 3])
        self.order(merchant, start, [5_000_000], "cancelled")

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
    if not any(row["merchant_id"] == name for row in shop.rows["merchants"]):
        shop.merchant(name)
    if case == "sap-true-up":
        if period == program.schedule.periods()[0]:
            start = period.instants(shop.zone)[0].replace(tzinfo=None)
            shop.order(name, start - timedelta(microseconds=1), [5_000_000])
        assert given["cumulative"] >= given["volume"]
        shop.whole(name, period, given["volume"])
    elif case == "return-freight-cover":
        asked = period.instants(shop.zone)[0].replace(tzinfo=None)
        shipped = asked - timedelta(days=given["days_after_shipping"])
        bought = shop.order(name, shipped, [10_000], shipped=shipped)
        shop.send_back(bought, asked, given["first_weight_freight"], "completed")
        shop.send_back(bought, asked, 1_000, "withdrawn")
        shop.send_back(bought, asked - timedelta(microseconds=1), 1_000, "completed")
    elif case == "lazada-item-cap":
        start, end = (moment.replace(tzinfo=None) for moment in period.instants(shop.zone))
        shop.order(name, start, [given["item_price"]])
        shop.order(name, start, [given["item_price"]], "cancelled")
        shop.order(name, end, [given["item_price"]])
    elif case == "pdd-fee-refund":
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


def period_of(program: Program, given: dict[str, Any]) -> Period:
    """Return the period a row of a case is about."""
    return program.schedule.periods()[int(given.get("month", 1)) - 1]


def rates_in(given: dict[str, Any]) -> list[Fraction]:
    """Return the rates the case states, to hold the program's against."""
    bands = given.get("bands") or given.get("tiers")
    if bands:
        return [Fraction(rate) for _, rate in bands]
    return list(given.get("rates") or [given.get("participation") or given.get("fee_rate")])


@pytest.mark.parametrize("master", ENGINES)
@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_a_published_case_comes_out_to_the_cent(case, master):
    program = program_of(case)
    shop = Shop(program, program.schedule.periods()[0])
    expected: dict[Period, dict[str, int]] = {}
    for number, (given, pays) in enumerate(published()[case]):
        # The months of one case are those of one merchant; other rows have a merchant each.
        name = "m0" if "month" in given else f"m{number}"
        period = period_of(program, given)
        facts_of(case, program, period, given, shop, name)
        expected.setdefault(period, {})[name] = pays
        (component,) = program.components
        own = [tier.rate for tier in component.terms.tiers] or [component.terms.rate]
        assert own == rates_in(given)
    for period, pays_each in expected.items():
        _, rows = run(program, shop.rows, period, master=master)
        assert {name: row["amount_minor"] for name, row in by_merchant(rows).items()} == pays_each
        if master is None:
            agree(program, shop.rows, period)


def test_every_published_case_is_a_program():
    assert {path.stem for path in CASES.glob("*.yaml")} == published().keys()
    assert sum(len(rows) for rows in published().values()) == 36


@pytest.mark.skipif(
    not SHARED.exists(), reason="the shared collection of cases is not beside the copy"
)
def test_the_copy_of_the_published_cases_is_the_collection():
    assert (CASES / "published.csv").read_bytes() == SHARED.read_bytes()
