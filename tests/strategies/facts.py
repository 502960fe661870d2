"""Made-up facts as sources hand them over: links hold, amounts are not negative."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.fact_files import Row
from tests.strategies.moments import BEFORE, amounts, days, instants, maybe, one_of, scores

TABLES = (
    "merchants", "products", "orders", "order_lines", "refunds", "merchant_scores", "ad_spend", "targets",
    "last_year", "returns", "visits", "memberships", "enrollments", "calendar",
)  # fmt: skip
BUYERS = ("b1", "b2", "b3")
#: The festival of made-up programs: its days this year and the last, and those of another.
CALENDAR: list[Row] = [
    {"name": "618", "starts_on": date(2025, 5, 20), "ends_on": date(2025, 6, 20)},
    {"name": "618", "starts_on": date(2024, 5, 20), "ends_on": date(2024, 6, 18)},
    {"name": "1111", "starts_on": date(2025, 5, 1), "ends_on": date(2025, 5, 25)},
]
programs = one_of("made-up", "made-up", "made-up-too", "other")


@st.composite
def facts(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Return the rows of every table a made-up program may read."""
    names = [f"m{number}" for number in range(1, draw(st.sampled_from([2, 1, 3, 4])) + 1)]
    owner = st.sampled_from([*names, names[0], names[0]])  # so that one has several orders
    found: dict[str, list[Row]] = {table: [] for table in TABLES}
    found["calendar"] = CALENDAR[: draw(st.sampled_from([1, 3]))]
    for name in names:
        draw(merchant(found, name))
        draw(standing(found, name))
        draw(reach(found, name))
    for number in range(draw(st.sampled_from([7, 6, 8, 5, 3, 10, 1]))):
        draw(order(found, f"o{number}", owner))
    for number in range(draw(st.integers(0, 3))):
        found["refunds"].append(draw(refund(f"alone{number}", draw(owner), draw(amounts))))
    return found


@st.composite
def merchant(draw: st.DrawFn, found: dict[str, list[Row]], name: str) -> None:
    found["merchants"].append({
        "merchant_id": name, "name": f"Merchant {name[1:]}", "industry": "x",
        "category": draw(one_of("apparel", "beauty", "shoes")), "joined_on": draw(days),
        "brand_score": draw(maybe(scores)), "tier": draw(maybe(one_of("gold", "silver"))),
        "annual_fee_minor": draw(maybe(amounts)), "vip": draw(maybe(st.booleans())),
        "opened_at": draw(maybe(instants)), "opened_on": draw(maybe(days)),
    })  # fmt: skip
    for number in range(2):
        found["products"].append({
            "product_id": f"p{number}{name}", "merchant_id": name,
            "category": ["shoes", draw(one_of("apparel", "bags"))][number], "listed_at": draw(days),
            "brand_id": draw(maybe(one_of("one", "two"))),
        })  # fmt: skip


@st.composite
def standing(draw: st.DrawFn, found: dict[str, list[Row]], name: str) -> None:
    """Add what a merchant is scored, promised and enrolled in."""
    for day in draw(st.lists(days, max_size=2, unique=True)):
        found["merchant_scores"].append({
            "merchant_id": name, "day": day, "rating": draw(maybe(scores)),
            "violations": draw(maybe(scores)), "late_rate": draw(maybe(scores)),
        })  # fmt: skip
    if draw(st.booleans()):
        found["last_year"].append({"merchant_id": name, "sales_minor": draw(amounts)})
    periods = one_of("2025Q2", "2025-05", "618-2025")
    for period in draw(st.lists(periods, max_size=2, unique=True)):
        found["targets"].append({
            "program": draw(programs), "merchant_id": name, "period": period,
            "floor_minor": draw(amounts), "sprint_minor": draw(amounts),
        })  # fmt: skip
    for day in draw(st.lists(days, min_size=1, max_size=3, unique=True)):
        found["enrollments"].append({
            "program": draw(programs), "merchant_id": name, "enrolled_on": day,
            "left_on": draw(st.none() | st.none() | days),
            "arm": draw(maybe(one_of("treated", "control", "treated", "holdout"))),
        })  # fmt: skip


@st.composite
def reach(draw: st.DrawFn, found: dict[str, list[Row]], name: str) -> None:
    """Add whom a merchant reaches: what it spends, who joins it, who comes by and buys nothing."""
    for day in draw(st.lists(days, max_size=2, unique=True)):
        found["ad_spend"].append({
            "merchant_id": name, "platform": "a", "campaign_id": draw(one_of("c", "d")), "currency": "CNY",
            "day": day, "spend_minor": draw(amounts), "verified": draw(maybe(st.booleans())),
        })  # fmt: skip
    for buyer in draw(st.lists(one_of(*BUYERS), max_size=2, unique=True)):
        found["memberships"].append({
            "merchant_id": name, "buyer_id": buyer, "joined_at": draw(instants),
            "left_at": draw(st.none() | instants), "source": "x",
        })  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        draw(visit(found, name, draw(one_of(*BUYERS)), draw(instants)))


@st.composite
def visit(
    draw: st.DrawFn, found: dict[str, list[Row]], merchant: str, visitor: str, when: Any
) -> None:
    product = draw(maybe(one_of(f"p0{merchant}", f"p1{merchant}")))
    found["visits"].append({
        "visit_id": f"v{len(found['visits']):02}", "merchant_id": merchant, "visitor_id": visitor,
        "visited_at": when, "source": draw(one_of("offsite", "offsite", "search")),
        "platform": draw(maybe(one_of("x", "y"))), "campaign_id": draw(maybe(one_of("c", "d"))),
        "product_id": product,
    })  # fmt: skip


@st.composite
def order(draw: st.DrawFn, found: dict[str, list[Row]], name: str, owner: Any) -> None:
    merchant, placed = draw(owner), draw(instants)
    currency, buyer = draw(st.sampled_from(["CNY"] * 40 + ["USD"])), draw(one_of(*BUYERS))
    found["orders"].append({
        "order_id": name, "merchant_id": merchant, "buyer_id": buyer,
        "placed_at": placed, "currency": currency, "paid_at": draw(maybe(st.just(placed))),
        "confirmed_at": draw(maybe(instants)), "channel": draw(maybe(one_of("live", "shop"))),
        "status": draw(maybe(one_of("completed", "completed", "cancelled"))),
        "campaign_id": draw(maybe(one_of("c", "d"))),
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
        one = draw(refund(f"{name}r{number}", merchant, amount, placed))
        found["refunds"].append({**one, "order_id": name, "line_no": of_line, "currency": currency})
    for _ in range(draw(st.sampled_from([1, 0, 2]))):
        draw(visit(found, merchant, buyer, placed - draw(st.sampled_from(BEFORE))))
    if draw(st.booleans()):
        found["returns"].append({
            "return_id": f"back{name}", "order_id": name, "freight_minor": draw(maybe(amounts)),
            "requested_at": placed + timedelta(days=draw(st.sampled_from([0, 10, 11]))),
            "status": draw(maybe(one_of("done", "open"))),
        })  # fmt: skip


@st.composite
def refund(
    draw: st.DrawFn, name: str, merchant: str, amount: int, placed: datetime | None = None
) -> Row:
    later = [placed + timedelta(days=days) for days in (10, 40, 40)] if placed is not None else []
    return {
        "refund_id": name, "merchant_id": merchant, "currency": "CNY",
        "refunded_at": draw(st.sampled_from(later) | instants if later else instants),
        "refunded_minor": amount, "order_id": None, "line_no": None,
        "kind": draw(maybe(one_of("goodwill", "return"))),
    }  # fmt: skip
