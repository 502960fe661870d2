"""What made-up programs measure and compare: metrics, conditions, baselines, targets."""

from __future__ import annotations

import json
import re

from hypothesis import strategies as st

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
    # Over other days.
    "risen": "net_sales - net_sales of the previous period",
    "usual": "gmv of the last 60 days / 2",
    # Moments.
    "first_sale": "min(placed_at)",
    "last_sale": "max(placed_at where channel = 'live')",
    "last_scored": "max(merchant_scores.day)",
    # Of other tables.
    "members": "count(memberships)",
    "seen": "count(visits)",
    "visitors": "count_distinct(visits.visitor_id)",
    "listed": "count(products)",
    "sent_back": "count(returns)",
    "back_freight": "sum(returns.freight)",
    # Of orders with their click.
    "clicked": "sum(paid where clicks.visit_id is not null)",
    "from_x": "count_distinct(order_lines.order_id where clicks.platform = 'x')",
    "last_click": "max(visited_at where paid > 0)",
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
RATES = ["1%", "1.5%", "2%", "0.6%", "33.33%", "100%", "0%"]

#: What the clauses of the language add to these.
RANGES = [
    "the previous period", "the same period last year", "the last 30 days", "the last 400 days",
    "the year to date", "the program to date", "all time",
]  # fmt: skip
RANGED_MONEY = [
    f"{metric} of {words}" for metric in ("gmv", "net_sales", "average_order", "odd") for words in RANGES
] + ["risen", "usual", "risen of the year to date", "gmv + 10% of refunded of all time"]  # fmt: skip
RANGED_COUNTS = [f"{metric} of {words}" for metric in ("orders", "units") for words in RANGES]
RANGED_GATES = [
    "gmv >= gmv of the previous period", "orders of all time >= 3",
    "rating of the year to date >= 4.6", "average_order of the last 30 days is null",
]  # fmt: skip
MOMENT_GATES = [
    "first_sale >= 2025-05-21", "days_between(first_sale, last_sale) < 10",
    "months_between(merchants.joined_on, period.end) <= 3", "period.end - merchants.joined_on > 60 days",
    "last_scored < period.end", "days_between(first_sale of all time, last_sale) >= 30",
    "coalesce(last_sale, merchants.opened_at) >= period.start",
]  # fmt: skip
OTHER_GATES = [
    "members >= 1", "seen > 1", "offsite_visitors >= 1", "listed <> 0", "sent_back = 0",
    "new_members <= 1", "ad_spend > 10",
]  # fmt: skip
ENROLLED_GATES = [
    "enrollments.arm = 'treated'", "enrollments.left_on is null or enrollments.left_on > period.end",
]  # fmt: skip
CLICKED_MONEY = ["clicked", "net_sales - clicked"]
CLICKED_GATES = ["from_x >= 1", "clicked > 0"]


def used_metrics(text: str) -> dict[str, str]:
    """Return the metrics of our own that `text` names, and those they name."""
    found: dict[str, str] = {}
    while True:
        words = set(re.findall(r"[a-z_]+", text + json.dumps(found)))
        more = {name: OWN_METRICS[name] for name in OWN_METRICS if name in words - set(found)}
        if not more:
            return found
        found |= more


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
