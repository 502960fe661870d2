"""Small programs and facts for examples an accountant can check: amounts in whole CNY, days in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from cogrow.facts import TABLES
from cogrow.period import Period
from cogrow.programs.program import Program
from tests.agreement import program_of, run_all
from tests.fact_files import Row, instant
from tests.reference import Earning, market, scheduled

HEAD = """program: {name}
title: {{zh: 例, en: By hand}}
direction: commission
currency: CNY
"""
MONTHS = "period: {from: 2025-01-01, until: 2026-01-01, every: month, timezone: UTC}\n"
ALL = "qualifying: {order_lines: all}\n"
#: What 100% of net sales come to in whole CNY is easy to see.
SALES = ALL + "reward: {rate: {pays_on: net_sales, rate: 100%}}\n"


def program(body: str, name: str = "by-hand", period: str = MONTHS) -> Program:
    """Return a program of what its body says."""
    return program_of(HEAD.format(name=name) + period + body)


class Books:
    """Facts that grow sale by sale."""

    def __init__(self, *merchants: str, **more: Any) -> None:
        self.rows: dict[str, list[Row]] = {}
        for name in merchants or ("m1",):
            self.merchant(name, **more)

    def add(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)

    def merchant(self, name: str, joined_on: date = date(2020, 1, 1), **more: Any) -> None:
        row = {"merchant_id": name, "name": name, "category": "-", "industry": "-"}
        self.add("merchants", {**row, "joined_on": joined_on, **more})
        self.product(name)

    def product(
        self, merchant: str, name: str = "", listed_at: date = date(2020, 1, 1), **more: Any
    ) -> None:
        row = {"product_id": name or f"p-{merchant}", "merchant_id": merchant, "category": "-"}
        self.add("products", {**row, "listed_at": listed_at, **more})

    def sale(
        self,
        when: str,
        *paid: int,
        merchant: str = "m1",
        product: str = "",
        quantity: int = 1,
        **order: Any,
    ) -> str:
        """Add an order with a line for each amount, and return its id."""
        name = f"o{len(self.rows.get('orders', ())) + 1}"
        row = {"order_id": name, "merchant_id": merchant, "buyer_id": "b", "currency": "CNY"}
        self.add("orders", {**row, "placed_at": instant(when), **order})
        for number, amount in enumerate(paid, start=1):
            self.add("order_lines", {
                "order_id": name, "line_no": number, "product_id": product or f"p-{merchant}",
                "quantity": quantity, "paid_minor": 100 * amount,
            })  # fmt: skip
        return name

    def refund(self, order: str, when: str, amount: int, line: int | None = None) -> None:
        self.add("refunds", {
            "refund_id": f"r{len(self.rows.get('refunds', ())) + 1}", "order_id": order,
            "line_no": line, "refunded_minor": 100 * amount, "refunded_at": instant(when),
        })  # fmt: skip

    def visit(self, name: str, when: str, merchant: str = "m1", **more: Any) -> None:
        row = {"visit_id": name, "merchant_id": merchant, "visitor_id": "b", "source": "offsite"}
        self.add("visits", {**row, "visited_at": instant(when), **more})

    def enrolled(self, merchant: str, on: date, **more: Any) -> None:
        row = {"program": "by-hand", "merchant_id": merchant, "enrolled_on": on}
        self.add("enrollments", {**row, **more})

    # -- what it comes to ---------------------------------------------------------------------------

    def market(self, *runs: tuple[Program, str]) -> dict[str, list[Earning]]:
        """Return the earnings of each program in the period of that name, by program."""
        wanted = [(one, period_of(one, name, self.rows)) for one, name in runs]
        found = market(wanted, self.rows)
        self.hold_the_engine_against(wanted, found)
        return {name: earnings for (name, _), earnings in found.items()}

    def hold_the_engine_against(
        self,
        wanted: list[tuple[Program, Period]],
        found: dict[tuple[str, str], list[Earning]],
    ) -> None:
        """Demand of the engine what the reference computes, so that a case by hand is one of both."""
        for ran in run_all(wanted, complete(self.rows)):
            should = found[ran.program.id, ran.period.name]
            have = [as_earning(row) for row in ran.table.to_pylist()]
            assert have == [as_plain(one) for one in should], f"{ran.program.id} {ran.period}"

    def earnings(self, one: Program, period: str = "2025-05") -> list[Earning]:
        return self.market((one, period))[one.id]

    def paid(self, one: Program, period: str = "2025-05") -> list[float]:
        """Return what each merchant is paid, merchant by merchant and component by component."""
        return [earning.amount / 100 for earning in self.earnings(one, period)]


def complete(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the rows of every table there is; one nobody wrote is empty."""
    return {table: rows.get(table, []) for table in TABLES}


def as_earning(row: Row) -> dict[str, Any]:
    """Return what an engine's row of earnings says, by the names of the reference."""
    funders = {
        name.removeprefix("funder_").removesuffix("_minor"): row[name]
        for name in row
        if name.startswith("funder_")
    }
    names = {"merchant": "merchant_id", "earned": "earned_minor", "limited": "limited_minor"}
    names |= {"amount": "amount_minor"}
    same = ("component", "eligible", "gates_passed", "condition_met", "tier", "reason")
    said = {name: row[column] for name, column in names.items()}
    return said | {name: row[name] for name in same} | {"funders": funders}


def as_plain(one: Earning) -> dict[str, Any]:
    names = (*as_earning_names(), "reason")
    return {name: getattr(one, name) for name in names} | {"funders": dict(one.funders)}


def as_earning_names() -> tuple[str, ...]:
    return (
        "merchant", "earned", "limited", "amount", "component", "eligible", "gates_passed",
        "condition_met", "tier",
    )  # fmt: skip


def period_of(one: Program, name: str, rows: dict[str, list[Row]]) -> Period:
    """Return the period of a program that is called so."""
    periods = scheduled(one, rows).schedule.periods()
    return next(period for period in periods if period.name == name)


def days_after(when: str, days: int, microseconds: int = 0) -> str:
    """Return the instant so many days, and microseconds, after another."""
    moment: datetime = instant(when) + timedelta(days=days, microseconds=microseconds)
    return moment.isoformat()
