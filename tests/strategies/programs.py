"""Made-up programs: one alone, or several that stack; with the clauses of the language they may use."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from tests.strategies.components import component, pool, yes
from tests.strategies.moments import one_of
from tests.strategies.values import BASELINES, targets, used_metrics

HEAD = """program: made-up
title: {zh: 试, en: Made up}
direction: commission
currency: CNY
"""

#: The clauses a made-up program may use beside what one plan over one period computes.
CLAUSES = (
    "ranges", "things", "tier_conditions", "attribution", "enrollment", "first_days",
    "effective", "festival", "accumulate", "limits", "fund",
)  # fmt: skip

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
MONTHLY = {"from": "2025-04-01", "until": "2025-07-01", "every": "month", "timezone": SHANGHAI}
SCHEDULES = [
    ({"from": "2025-01-01", "until": "2026-01-01", "every": "quarter", "timezone": SHANGHAI}, "2025Q2"),
    (MONTHLY, "2025-05"),
    ({"from": "2025-05-20", "until": "2025-06-21", "timezone": SHANGHAI}, "2025-05-20..2025-06-20"),
    ({"from": "2025-01-01", "until": "2026-01-01", "every": "quarter", "timezone": NEW_YORK}, "2025Q2"),
]  # fmt: skip
FESTIVAL = (
    {"from": "2024-01-01", "until": "2026-01-01", "every": "festival", "festival": "618",
     "timezone": SHANGHAI},
    "618-2025",
)  # fmt: skip

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
OF_CLICKS = ("clicks.platform = 'x'", "clicks.visit_id is null or clicks.source <> 'search'")
OF_OTHERS = {
    "visits": one_of("source = 'offsite'", "platform is not null"),
    "returns": one_of("status = 'done'", "orders.channel = 'live' or freight > 5"),
    "products": one_of("category = 'shoes'"),
    "memberships": one_of("left_at is null"),
    "ad_spend": one_of("verified"),
}
LIMITS = [
    {"limits": limits} if limits else {}
    for limits in (
        {}, {}, {"per_merchant": "100"}, {"per_merchant": "12.34 CNY", "minimum": "5"}, {"minimum": "50"},
        {"per_merchant": "1_000", "minimum": "0.02"}, {"per_merchant": "0"}, {"minimum": "0"},
    )
]  # fmt: skip
MORE_LIMITS = st.fixed_dictionaries({}, optional={
    "lifetime": one_of("20", "150", "2_000"),
    "never_above": one_of("commission", "net_sales / 7", "gmv", "gmv", "merchants.annual_fee", "ad_spend"),
    "minimum": one_of("0.02", "5"),
})  # fmt: skip
FUNDS = st.fixed_dictionaries(
    {"id": st.just("made-up-fund"), "amount": one_of("0.05", "20", "150", "3_000")},
    optional={
        "per": one_of("program", "period"),
        "exhausted": one_of("committed", "pro_rata", "pro_rata", "first_come", "first_come"),
        "funders": st.sampled_from([
            {"brand": "33.33%", "platform": "66.67%"}, {"a": "0.1%", "b": "50%", "c": "49.9%"},
            {"whole": "100%"},
        ]),
    },
)  # fmt: skip
COMES_FIRST = one_of("merchants.joined_on", "merchants.opened_at", "first_sale", "last_scored")


@st.composite
def programs(
    draw: st.DrawFn, form: str | None = None, clauses: Collection[str] = ()
) -> tuple[str, str]:
    """Return the text of a program, its first reward of the given form, and the name of a period.

    It uses one to three of the clauses, where there are any.
    """
    used = draw(some_of(clauses, 3)) if clauses else set()
    schedule, period = draw(schedules(used))
    return draw(body(schedule, form, used)), period


@st.composite
def markets(draw: st.DrawFn, clauses: Collection[str] = CLAUSES) -> list[tuple[str, str]]:
    """Return two or three programs that run at the same time, most of which stack, each with a period."""
    names = ["made-up", "made-up-too", "made-up-also"][: draw(st.integers(2, 3))]
    schedule, period = draw(schedules(draw(some_of(clauses, 3))))
    rule = draw(one_of("best_of", "exclusive", "in_order"))
    listed = draw(st.permutations(names))[: draw(st.integers(2, len(names)))]
    found = []
    for name in draw(st.permutations(names)):
        used = draw(some_of(clauses, 2)) - {"festival", "first_days"}
        used |= {"taken"} if name in listed and rule == "in_order" else set()
        text = draw(body(schedule, None, used))
        text = text.replace("program: made-up\n", f"program: {name}\n")
        text = text.replace("made-up-fund", f"{name}-fund")
        text += yaml_of({"stacking": {rule: listed}}) if name in listed else ""
        found.append((text, period))
    return found


@st.composite
def some_of(draw: st.DrawFn, clauses: Collection[str], most: int) -> set[str]:
    """Return some of the clauses, at least one; things, of which there are so many, more often."""
    found = draw(st.sets(st.sampled_from(sorted(clauses)), min_size=1, max_size=most))
    return found | ({"things"} & set(clauses) if draw(yes(3)) else set())


def schedules(used: Collection[str]) -> st.SearchStrategy[tuple[dict[str, str], str]]:
    """Return when a program may run that uses these clauses, each with one of its periods."""
    if "festival" in used:
        return st.just(FESTIVAL)
    later = [(MONTHLY, "2025-06"), (MONTHLY, "2025-05"), (MONTHLY, "2025-06")]
    return st.sampled_from(
        later + SCHEDULES if {"accumulate", "limits", "fund"} & set(used) else SCHEDULES
    )


@st.composite
def body(draw: st.DrawFn, schedule: dict[str, str], form: str | None, used: Collection[str]) -> str:
    """Return the text of a program that runs so and may use these clauses."""
    baseline = draw(st.one_of(st.none(), st.sampled_from(BASELINES)))
    aims = draw(targets(baseline))
    parts = [draw(component(baseline, list(aims), form, used))]
    parts += draw(st.lists(component(baseline, list(aims), None, used), max_size=2))
    asked = st.sampled_from([*pool(used).conditions, *(["baseline > 0"] if baseline else [])])
    gates = draw(st.lists(asked, max_size=2)) if draw(yes(5 if used else 3)) else []
    whole: dict[str, Any] = {
        "columns": {
            "merchants.annual_fee": "money",
            "merchants.vip": "flag",
            "merchants.opened_at": "instant",
            "merchants.opened_on": "day",
            "last_year.sales": "money",
        },
        "merchants": draw(ELIGIBLE),
        "qualifying": draw(qualifying(used)),
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
    if "limits" in used:
        whole |= {"limits": found} if (found := draw(MORE_LIMITS)) else {}
    whole |= draw(around(schedule, used))
    if "first_days" in used:
        days = {"first": draw(one_of("1 day", "30 days", "400 days", "3000 days"))}
        schedule = {**schedule, **days, "since": draw(one_of("joined_on", "opened_on"))}
    named = used_metrics(json.dumps(whole))
    whole |= {"metrics": named} if named else {}
    return HEAD + yaml_of({"period": schedule} | whole)


@st.composite
def qualifying(draw: st.DrawFn, used: Collection[str]) -> dict[str, str]:
    """Return which rows count."""
    table = draw(st.sampled_from(["order_lines", "order_lines", "orders"]))
    conditions = OF_LINES if table == "order_lines" else OF_ORDERS
    if "attribution" in used and table == "order_lines":
        conditions = (*conditions[:3], *OF_CLICKS)
    easy = ["all"] * len(conditions) if used else []
    found = {table: draw(one_of(*easy, *conditions))}
    if draw(yes(4 if used else 2)):
        found["dated_by"] = draw(one_of("paid_at", "confirmed_at", "placed_at"))
    if draw(st.integers(0, 3)) == 0:
        found["refunds"] = draw(one_of("kind is null or kind <> 'goodwill'", "refunded > 0.99"))
    if draw(st.integers(0, 3)) == 0:
        found["merchant_scores"] = "rating > 1"
    if used:
        more = draw(st.sets(st.sampled_from(sorted(OF_OTHERS)), max_size=2))
        found |= {name: draw(OF_OTHERS[name]) for name in sorted(more)}
    return found


@st.composite
def around(draw: st.DrawFn, schedule: dict[str, str], used: Collection[str]) -> dict[str, Any]:
    """Return the clauses around the reward."""
    found: dict[str, Any] = {}
    if "enrollment" in used:
        found["enrollment"] = "opt_in"
    if "attribution" in used:
        found["attribution"] = {
            "clicks": draw(one_of("all", "all", "source = 'offsite'", "platform is not null")),
            "within": draw(one_of("1 day", "14 days", "14 days", "30 days")),
            "of": draw(one_of("merchant", "product", "brand")),
        }
    if "effective" in used:
        start = draw(one_of(schedule["from"], "2025-05-20", "2025-05-25"))
        by = draw(one_of("placed_at", "placed_at", "paid_at", "confirmed_at"))
        found["effective"] = {"from": start, "by": by}
    if "fund" in used:
        fund = draw(FUNDS)
        if fund.get("exhausted") == "first_come":
            fund["by"] = draw(COMES_FIRST)
        found["fund"] = fund
    return found


def yaml_of(whole: dict[str, Any]) -> str:
    """Return a mapping as YAML, one line per key (JSON is YAML)."""
    return "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in whole.items()
    )
