"""Programs and facts made up by hypothesis: small, valid, and full of edges."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.fact_files import Row, instant

HEAD = """program: made-up
title: {zh: 试, en: Made up}
direction: commission
currency: CNY
"""

SCHEDULES = [
    ("{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}", "2025Q2"),
    ("{from: 2025-04-01, until: 2025-07-01, every: month, timezone: Asia/Shanghai}", "2025-05"),
    ("{from: 2025-05-20, until: 2025-06-21, timezone: Asia/Shanghai}", "2025-05-20..2025-06-20"),
    ("{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: America/New_York}", "2025Q2"),
]

#: Instants around which boundaries lie: the edges of periods, seen from Shanghai and New York.
EDGES = [
    datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    for zone in ("Asia/Shanghai", "America/New_York")
    for day in [
        date(2024, 4, 1), date(2024, 5, 20), date(2024, 7, 1), date(2025, 1, 1), date(2025, 4, 1),
        date(2025, 5, 1), date(2025, 5, 20), date(2025, 6, 1), date(2025, 6, 21), date(2025, 7, 1),
    ]
]  # fmt: skip

#: Moments inside every period, and inside the periods a year and a month before.
INSIDE = [
    instant("2025-05-21 03:00"),
    instant("2025-05-30 12:00"),
    instant("2024-05-22"),
    instant("2025-04-22"),
]
instants = st.one_of(
    st.sampled_from(INSIDE + INSIDE[:2]),
    st.builds(
        lambda edge, off: edge + timedelta(microseconds=off),
        st.sampled_from(EDGES),
        st.sampled_from([0, -1, 1, 3_600_000_000]),
    ),
)
days = st.sampled_from([
    date(2020, 1, 1), date(2024, 3, 31), date(2024, 4, 1), date(2025, 3, 31), date(2025, 4, 1),
    date(2025, 4, 30), date(2025, 5, 20), date(2025, 6, 30), date(2025, 7, 1),
])  # fmt: skip
amounts = st.sampled_from([12_345, 999, 1_000, 1_001, 5_000, 100_000, 999_999, 0, 1, 99, 101, 333])
scores = st.sampled_from([
    Decimal(text) for text in ("0", "0.05", "4.5", "4.59", "4.6", "4.599999", "80", "79.5", "100")
])  # fmt: skip


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, st.none())


def one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


# -- programs -------------------------------------------------------------------------------------

ELIGIBLE = one_of(
    *["all"] * 16,
    "category = 'apparel'",
    "category in ('apparel', 'beauty') and brand_score >= 79.5",
    "joined_on < 2025-04-01 or tier is null",
    "not (tier = 'gold')",
    "coalesce(tier, 'none') <> 'gold' and joined_on + 90 days >= 2020-02-01",
    "starts_with(lower(name), 'merchant 1') or vip",
)
OF_ORDERS = (
    *["all"] * 3,
    "status = 'completed'",
    "status <> 'cancelled' and channel is not null",
    "confirmed_at - placed_at <= 10 days",
    "days_between(placed_at, confirmed_at) < 10",
    "placed_at >= 2025-05-01",
    "merchants.category = 'apparel' or channel in ('live', 'shop')",
)
OF_LINES = (
    *OF_ORDERS,
    "products.category = 'shoes'",
    "not (products.category = 'shoes') and status = 'completed'",
    "paid >= 10 and quantity between 1 and 3",
    "products.listed_at >= 2025-04-01",
    "if(products.category = 'shoes', paid > 1, quantity = 2)",
    "merchants.category = products.category",
)
OWN_METRICS = {
    "line_value": "sum(paid * 0.333 - freight where quantity > 1)",
    "share": "sum(refunded) / sum(paid)",
    "largest": "max(paid)",
    "smallest": "min(paid where products.category = 'shoes')",
    "middle": "average(paid)",
    "goodwill": "sum(refunded where kind = 'goodwill')",
    "claims": "count(refunds)",
    "live_orders": "count(orders where channel = 'live')",
    "products_sold": "count_distinct(order_lines.product_id)",
    "per_buyer": "(gmv + 1.5) / greatest(buyers, 1)",
    "best": "coalesce(average_order, largest, 0)",
    "spent": "sum(spend where verified)",
    "days_seen": "count(merchant_scores)",
    "signed": "-net_sales / 3",
    "odd": "if(orders > 1, net_sales, average_order) - abs(net_sales - gmv)",
    "lesser": "least(net_sales, smallest, merchants.annual_fee)",
}
MONEY = [
    *["gmv", "net_sales"] * 5, "refunded", "average_order", "commission", "line_value", "largest", "smallest",
    "middle", "goodwill", "per_buyer", "best", "spent", "signed", "odd", "lesser",
    "merchants.annual_fee", "net_sales - 1 / 3 * gmv", "least(net_sales, 500)",
]  # fmt: skip
COUNTS = ["orders", "buyers", "units", "claims", "live_orders", "products_sold", "days_seen"]
GATES = [
    "rating >= 4.6", "violations = 0", "orders >= 2", "share <= 10%", "merchants.vip",
    "late_rate is null or late_rate < 0.05", "net_sales > 0", "claims = 0 or not (gmv <= 1_000)",
    "average_order is not null", "merchants.annual_fee <> 0", "rating in (4.5, 4.6) or orders = 1",
]  # fmt: skip
BASELINES = [
    "net_sales of the same period last year", "gmv of the previous period", "1_000 CNY", "10.01",
    "average_order of the same period last year", "targets.floor", "last_year.sales",
    "signed of the previous period",
]  # fmt: skip
FACTORS = ["100%", "110%", "115%", "120%", "133.333%", "0.5", "1.999999"]
LIMITS = [
    {"limits": limits} if limits else {}
    for limits in (
        {}, {}, {"per_merchant": "100"}, {"per_merchant": "12.34 CNY", "minimum": "5"}, {"minimum": "50"},
        {"per_merchant": "1_000", "minimum": "0.02"}, {"per_merchant": "0"}, {"minimum": "0"},
    )
]  # fmt: skip
RATES = ["1%", "1.5%", "2%", "0.6%", "33.33%", "100%", "0%"]


@st.composite
def targets(draw: st.DrawFn, baseline: str | None) -> dict[str, str]:
    kind = draw(st.sampled_from(["none", "share", "fixed", "mixed", "column"]))
    if kind == "none":
        return {}
    if kind == "fixed" or baseline is None:
        return {"floor": "10", "sprint": "50 CNY"}
    if kind == "mixed":
        return {"floor": "greatest(baseline, 10) * 110%", "sprint": "greatest(floor, 20) + 0.01"}
    if kind == "column":
        return {"sprint": "merchants.annual_fee + 1.1 * baseline"}
    low, high = sorted(
        draw(
            st.lists(st.sampled_from(range(len(FACTORS) - 2)), min_size=2, max_size=2, unique=True)
        )
    )
    return {"floor": f"{FACTORS[low]} of baseline", "sprint": f"{FACTORS[high]} * baseline"}


def starts(draw: st.DrawFn, money: bool, names: list[str]) -> list[str]:
    if money and names and draw(st.booleans()):
        return names
    pool = ["0", "0.01", "10", "10.01", "50", "1_000"] if money else ["0", "1", "2", "5"]
    found = draw(st.lists(st.sampled_from(range(len(pool))), min_size=1, max_size=4, unique=True))
    return [pool[index] for index in sorted(found)]


FORMS = [
    "flat", "rate", "step", "graduated", "retroactive", "growth", "rolling", "total", "match"
]  # fmt: skip
TIERED = ("graduated", "retroactive", "growth", "rolling", "total")


@st.composite
def component(
    draw: st.DrawFn, baseline: str | None, names: list[str], form: str | None = None
) -> dict[str, Any]:
    form = form or draw(st.sampled_from(FORMS))
    money = draw(st.sampled_from([True, True, True, False]))
    pays_on = draw(st.sampled_from(MONEY if money else COUNTS))
    per_piece = one_of("0.01 CNY", "1", "2.50 CNY")
    rate = st.sampled_from(RATES) if money else per_piece
    terms: dict[str, Any] = {}
    if form in ("rate", "match", *TIERED):
        terms["pays_on"] = pays_on
    if form == "growth" and (baseline is None or not money or draw(st.booleans())):
        terms["over"] = (
            draw(one_of("5", "10.01 CNY", "gmv / 2", "baseline" if baseline else "1"))
            if money
            else "2"
        )
    tier_money = money
    if form == "step" or (
        form in ("retroactive", "growth", "rolling", "total") and draw(st.booleans())
    ):
        tier_money = draw(st.booleans())
        terms["qualifies_on"] = draw(st.sampled_from(MONEY if tier_money else COUNTS))
    if form in ("step", *TIERED):
        begin = starts(draw, tier_money, names)
        amount = one_of("12.34 CNY", "500", "0.01", "0")
        key, value = ("amount", amount) if form == "step" else ("rate", rate)
        terms["tiers"] = [{"from": start, key: draw(value)} for start in begin]
    if form in ("rate", "match"):
        terms["rate"] = draw(rate)
    if form == "match":
        key = draw(one_of("limit", "spend_limit"))
        terms[key] = draw(one_of("2% of gmv", "12.34 CNY", "net_sales - 5"))
    if form == "flat":
        terms["amount"] = draw(one_of("88.88", "1 CNY", "0"))
    whole: dict[str, Any] = {form: terms}
    if draw(st.integers(0, 3)) == 0:
        whole["when"] = draw(
            st.sampled_from([*GATES, "sprint <= net_sales" if "sprint" in names else "orders > 0"])
        )
    return whole


@st.composite
def programs(draw: st.DrawFn, form: str | None = None) -> tuple[str, str]:
    """Return the text of a program, its first reward of the given form, and the name of a period."""
    schedule, period = draw(st.sampled_from(SCHEDULES))
    table = draw(st.sampled_from(["order_lines", "order_lines", "orders"]))
    qualifying = {table: draw(one_of(*(OF_LINES if table == "order_lines" else OF_ORDERS)))}
    if draw(st.booleans()):
        qualifying["dated_by"] = draw(one_of("paid_at", "confirmed_at", "placed_at"))
    if draw(st.integers(0, 3)) == 0:
        qualifying["refunds"] = draw(
            one_of("kind is null or kind <> 'goodwill'", "refunded > 0.99")
        )
    if draw(st.integers(0, 3)) == 0:
        qualifying["merchant_scores"] = "rating > 1"
    baseline = draw(st.one_of(st.none(), st.sampled_from(BASELINES)))
    aims = draw(targets(baseline))
    parts = [draw(component(baseline, list(aims), form))]
    parts += draw(st.lists(component(baseline, list(aims)), max_size=2))
    asked = st.sampled_from([*GATES, *(["baseline > 0"] if baseline else [])])
    gates = draw(st.one_of(st.just([]), st.just([]), st.lists(asked, max_size=2)))
    whole: dict[str, Any] = {
        "columns": {
            "merchants.annual_fee": "money",
            "merchants.vip": "flag",
            "last_year.sales": "money",
        },
        "merchants": draw(ELIGIBLE),
        "qualifying": qualifying,
        "reward": [
            {"name": f"part_{number}", **part} for number, part in enumerate(parts, start=1)
        ],
    }
    whole |= {"gates": gates} if gates else {}
    whole |= {"baseline": baseline} if baseline else {}
    whole |= {"targets": aims} if aims else {}
    if draw(st.booleans()):
        whole["refunds"] = {"dated_by": draw(one_of("order", "refunded_at"))}
    whole |= draw(st.sampled_from(LIMITS))
    named = used_metrics(json.dumps(whole))
    whole |= {"metrics": named} if named else {}
    return HEAD + f"period: {schedule}\n" + yaml_of(whole), period


def used_metrics(text: str) -> dict[str, str]:
    """Return the metrics of our own that `text` names, and those they name."""
    found: dict[str, str] = {}
    while True:
        words = set(re.findall(r"[a-z_]+", text + json.dumps(found)))
        more = {name: OWN_METRICS[name] for name in OWN_METRICS if name in words - set(found)}
        if not more:
            return found
        found |= more


def yaml_of(whole: dict[str, Any]) -> str:
    """Return a mapping as YAML, one line per key (JSON is YAML)."""
    return "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in whole.items()
    )


# -- facts ----------------------------------------------------------------------------------------


@st.composite
def facts(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Return facts as sources hand them over: links hold, amounts are not negative."""
    merchants = [f"m{number}" for number in range(1, draw(st.integers(1, 4)) + 1)]
    owner = st.sampled_from(merchants)
    found: dict[str, list[Row]] = {
        "merchants": [],
        "products": [],
        "orders": [],
        "order_lines": [],
        "refunds": [],
    }
    found |= {"merchant_scores": [], "ad_spend": [], "targets": [], "last_year": []}
    for merchant in merchants:
        found["merchants"].append({
            "merchant_id": merchant, "name": f"Merchant {merchant[1:]}", "industry": "x",
            "category": draw(one_of("apparel", "beauty", "shoes")), "joined_on": draw(days),
            "brand_score": draw(maybe(scores)), "tier": draw(maybe(one_of("gold", "silver"))),
            "annual_fee_minor": draw(maybe(amounts)), "vip": draw(maybe(st.booleans())),
        })  # fmt: skip
        for number in range(2):
            found["products"].append({
                "product_id": f"p{number}{merchant}", "merchant_id": merchant,
                "category": ["shoes", draw(one_of("apparel", "bags"))][number], "listed_at": draw(days),
            })  # fmt: skip
        for day in draw(st.lists(days, max_size=2, unique=True)):
            found["merchant_scores"].append({
                "merchant_id": merchant, "day": day, "rating": draw(maybe(scores)),
                "violations": draw(maybe(scores)), "late_rate": draw(maybe(scores)),
            })  # fmt: skip
        for day in draw(st.lists(days, max_size=2, unique=True)):
            found["ad_spend"].append({
                "merchant_id": merchant, "platform": "a", "campaign_id": "c", "currency": "CNY", "day": day,
                "spend_minor": draw(amounts), "verified": draw(maybe(st.booleans())),
            })  # fmt: skip
        if draw(st.booleans()):
            found["last_year"].append({"merchant_id": merchant, "sales_minor": draw(amounts)})
        for period in draw(st.lists(one_of("2025Q2", "2025-05"), max_size=2, unique=True)):
            found["targets"].append({
                "program": draw(one_of("made-up", "made-up", "other")), "merchant_id": merchant,
                "period": period, "floor_minor": draw(amounts), "sprint_minor": draw(amounts),
            })  # fmt: skip
    for number in range(draw(st.integers(1, 9))):
        draw(order(found, f"o{number}", owner))
    for number in range(draw(st.integers(0, 3))):
        found["refunds"].append(draw(refund(f"alone{number}", draw(owner), draw(amounts))))
    return found


@st.composite
def order(draw: st.DrawFn, found: dict[str, list[Row]], name: str, owner: Any) -> None:
    merchant, placed = draw(owner), draw(instants)
    currency = draw(st.sampled_from(["CNY"] * 40 + ["USD"]))
    found["orders"].append({
        "order_id": name, "merchant_id": merchant, "buyer_id": draw(one_of("b1", "b2", "b3")),
        "placed_at": placed, "currency": currency, "paid_at": draw(maybe(st.just(placed))),
        "confirmed_at": draw(maybe(instants)), "channel": draw(maybe(one_of("live", "shop"))),
        "status": draw(maybe(one_of("completed", "completed", "cancelled"))),
    })  # fmt: skip
    left = {}
    for line in range(1, draw(st.integers(1, 3)) + 1):
        left[line] = draw(amounts)
        found["order_lines"].append({
            "order_id": name, "line_no": line, "product_id": f"p{draw(st.integers(0, 1))}{merchant}",
            "quantity": draw(st.integers(1, 4)), "paid_minor": left[line],
            "commission_minor": left[line] // 50, "freight_minor": draw(maybe(amounts)),
        })  # fmt: skip
    for number in range(draw(st.integers(0, 2))):
        of_line = draw(st.one_of(st.none(), st.sampled_from(list(left))))
        most = left[of_line] if of_line else sum(left.values())
        amount = draw(st.one_of(st.just(most), st.integers(0, most)))
        one = draw(refund(f"{name}r{number}", merchant, amount))
        found["refunds"].append({**one, "order_id": name, "line_no": of_line, "currency": currency})


@st.composite
def refund(draw: st.DrawFn, name: str, merchant: str, amount: int) -> Row:
    return {
        "refund_id": name, "merchant_id": merchant, "currency": "CNY", "refunded_at": draw(instants),
        "refunded_minor": amount, "order_id": None, "line_no": None,
        "kind": draw(maybe(one_of("goodwill", "return"))),
    }  # fmt: skip
