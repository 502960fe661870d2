"""Made-up components: any form over any values, for the merchant or for each of its things."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.strategies.moments import one_of
from tests.strategies.values import (
    CLICKED_GATES,
    CLICKED_MONEY,
    COUNTS,
    ENROLLED_GATES,
    GATES,
    MOMENT_GATES,
    MONEY,
    OTHER_GATES,
    RANGED_COUNTS,
    RANGED_GATES,
    RANGED_MONEY,
    RATES,
)

FORMS = [
    "flat", "rate", "step", "graduated", "retroactive", "growth", "rolling", "total", "match", "cover",
    "linear", "fee_refund",
]  # fmt: skip
TIERED = ("graduated", "retroactive", "growth", "rolling", "total")
#: Forms whose tiers mean the same whether a tier below is reached or not.
CONDITIONAL = ("step", "retroactive", "growth", "total")


@dataclass(frozen=True)
class Pool:
    """What a component may name: amounts of money, counts, conditions; and what one thing has."""

    money: list[str]
    counts: list[str]
    conditions: list[str]
    #: Coarser things its things lie in, and whether they have a date.
    within: tuple[str, ...] = ()
    dated: bool = False


ALL_LINES = [
    "gmv",
    "net_sales",
    "refunded",
    "commission",
    "line_value",
    "largest",
    "middle",
    "signed",
]
ALL_ORDERS = [*ALL_LINES, "average_order", "per_buyer", "best", "odd"]
OF_MERCHANT = [
    "gmv of the merchant >= 100", "orders of the merchant >= 2", "rating of the merchant >= 4.6",
    "merchants.vip", "1 > 0", "gmv of the merchant > 0",
]  # fmt: skip
MOST = "net_sales * 2 > net_sales of the merchant"
#: What each grain of things can be paid by.
GRAINS = {
    "order_line": Pool(
        [*ALL_LINES, "order_lines.paid", "least(net_sales, 50)", "gmv of the merchant - gmv"],
        ["units", "products_sold", "order_lines.quantity", "claims", "orders"],
        [
            *OF_MERCHANT, MOST, "gmv >= 10", "order_lines.quantity > 1", "products.listed_at >= 2025-04-01",
            "orders.channel = 'live'", "orders.placed_at < period.end", "refunded = 0",
        ],
        ("order", "product", "buyer"),
        dated=True,
    ),
    "order": Pool(
        [*ALL_ORDERS, "gmv of the merchant / 2", "back_freight"],
        ["orders", "buyers", "units", "claims", "live_orders", "sent_back"],
        [
            *OF_MERCHANT, MOST, "gmv >= 10", "orders.channel = 'live'", "claims = 0", "orders = 1",
            "orders.confirmed_at - orders.placed_at <= 10 days", "first_sale >= 2025-05-21",
        ],
        ("buyer",),
        dated=True,
    ),
    "product": Pool(
        [*ALL_LINES, "gmv * 10%"],
        ["units", "claims", "seen", "visitors", "listed", "orders", "live_orders"],
        [
            *OF_MERCHANT, MOST, "gmv >= 10", "orders >= 2", "seen > 0", "products.listed_at >= 2025-04-01",
            "products.category = 'shoes'", "listed = 1", "days_between(products.listed_at, period.end) < 90",
        ],
        (),
        dated=True,
    ),
    "return": Pool(
        ["back_freight", "returns.freight"],
        ["sent_back"],
        [
            "1 > 0", "sent_back = 1", "returns.status = 'done'", "orders.channel = 'live'",
            "back_freight > 5",
            "days_between(orders.placed_at, returns.requested_at) <= 10",
        ],
        ("order", "buyer"),
        dated=True,
    ),
    "campaign": Pool(
        [*ALL_ORDERS, "ad_spend", "spent"],
        ["orders", "units", "offsite_visitors", "seen", "visitors"],
        [*OF_MERCHANT, "gmv >= 10", "ad_spend > 0", "seen > 0 or orders > 0"],
    ),
    "buyer": Pool(
        ALL_ORDERS,
        ["orders", "units", "new_members", "members", "seen"],
        [*OF_MERCHANT, "gmv >= 10", "orders >= 2", "new_members = 1", "first_sale >= 2025-05-21"],
    ),
}  # fmt: skip


def pool(clauses: Collection[str]) -> Pool:
    """Return what a component for the merchant may name where the program uses these clauses."""
    money, counts, conditions = [*MONEY], [*COUNTS], [*GATES]
    if "ranges" in clauses:
        money, counts = money + RANGED_MONEY[::3], counts + RANGED_COUNTS[::3]
        conditions += [*RANGED_GATES, *MOMENT_GATES, *OTHER_GATES]
    if "accumulate" in clauses:  # what is refunded later is taken back
        money = money + ["net_sales"] * 20
    if "enrollment" in clauses:
        conditions += ENROLLED_GATES * 2
    if "attribution" in clauses:
        money, conditions = money + CLICKED_MONEY * 4, conditions + CLICKED_GATES * 4
    if "taken" in clauses:
        money, conditions = money + ["gmv - taken", "10% * taken"] * 4, [*conditions, "taken > 1"]
    return Pool(money, counts, conditions)


@st.composite
def component(
    draw: st.DrawFn,
    baseline: str | None,
    names: list[str],
    form: str | None = None,
    clauses: Collection[str] = (),
) -> dict[str, Any]:
    """Return a component; `names` are the targets its tiers may begin at."""
    grain = draw(one_of(*GRAINS, "order_line")) if "things" in clauses and draw(yes(2)) else ""
    some = GRAINS[grain] if grain else pool(clauses)
    whole: dict[str, Any] = {"per": grain} if grain else {}
    if "accumulate" in clauses and draw(yes(2)):
        whole["accumulate"] = draw(one_of("year to date", "program to date"))
    if grain and "ranges" in clauses and draw(yes(3)):
        some = over_other_days(some)
    form = form or draw(st.sampled_from(FORMS))
    whole[form] = draw(terms(form, some, baseline, names, clauses))
    if grain in ("campaign", "buyer") and form == "flat":  # what is not measured is not found
        whole["when"] = draw(one_of("gmv > 0", "orders >= 1", MOST))
    elif draw(yes(2 if grain else 4)):
        more = ["sprint <= net_sales"] if "sprint" in names and grain != "return" else ["1 > 0"]
        whole["when"] = draw(st.sampled_from([*some.conditions, *more]))
    bounded = bool({"things", "limits", "accumulate"}.intersection(clauses))
    if bounded and draw(yes(2)):
        bounds: dict[str, str] = draw(part_limits(grain, some))
        whole |= {"limits": bounds} if bounds else {}
    return whole


def yes(one_in: int) -> st.SearchStrategy[bool]:
    """Return a strategy that is true once in so many times."""
    return st.integers(1, one_in).map(lambda number: number == one_in)


def over_other_days(some: Pool) -> Pool:
    """Return what things can be paid by, measured over other days as well."""
    words = ("the last 60 days", "all time", "the previous period")
    bare = [name for name in some.money if name.isidentifier()]
    ranged = [f"{name} of {days}" for name in bare[:3] for days in words]
    counted = [f"{name} of {days}" for name in some.counts[:1] for days in words]
    return Pool(
        ranged + some.money[:2], counted, [f"{ranged[0]} > 10", *some.conditions], some.within, some.dated
    )  # fmt: skip


def starts(draw: st.DrawFn, money: bool, names: list[str]) -> list[str]:
    if money and names and draw(st.booleans()):
        return names
    whole = ["0", "0.01", "10", "10.01", "50", "1_000"] if money else ["0", "1", "2", "5"]
    found = draw(st.lists(st.sampled_from(range(len(whole))), min_size=1, max_size=4, unique=True))
    return [whole[index] for index in sorted(found)]


@st.composite
def terms(
    draw: st.DrawFn,
    form: str,
    some: Pool,
    baseline: str | None,
    names: list[str],
    clauses: Collection[str],
) -> dict[str, Any]:
    """Return the terms of one form."""
    of_money = form in ("cover", "fee_refund")
    money = of_money or draw(st.sampled_from([True, True, True, False]))
    rate = st.sampled_from(RATES) if money else one_of("0.01 CNY", "1", "2.50 CNY")
    found: dict[str, Any] = {}
    if form not in ("flat", "step", "linear"):
        found["pays_on"] = draw(st.sampled_from(some.money if money else some.counts))
    if form == "growth" and (baseline is None or not money or draw(st.booleans())):
        amount = one_of("5", "10.01 CNY", f"{some.money[0]} / 2", "baseline" if baseline else "1")
        found["over"] = draw(amount) if money else "2"
    tier_money = money
    asked = form in ("retroactive", "growth", "rolling", "total") and draw(st.booleans())
    if form in ("step", "linear") or asked:
        tier_money = draw(st.booleans())
        found["qualifies_on"] = draw(st.sampled_from(some.money if tier_money else some.counts))
    if form in ("step", "linear", *TIERED):
        begin = starts(draw, tier_money, names)
        amount = one_of("12.34 CNY", "500", "0.01", "0")
        key, paid = ("rate", rate) if form in TIERED else ("amount", amount)
        found["tiers"] = [{"from": start, key: draw(paid)} for start in begin]
        if "tier_conditions" in clauses and form in CONDITIONAL:
            for tier in found["tiers"]:
                if draw(yes(2)):
                    tier["when"] = draw(st.sampled_from([*some.conditions, "1 > 0", "1 < 0"]))
    if form in ("rate", "match") or (form == "cover" and draw(st.booleans())):
        found["rate"] = draw(rate)
    if form in ("match", "cover"):
        spend = form == "match" and money and draw(st.booleans())
        limit = one_of(f"2% of {some.money[0]}", "12.34 CNY", f"{some.money[1]} - 5")
        found["spend_limit" if spend else "limit"] = draw(limit)
    if form == "fee_refund":
        share = one_of("30%", "merchants.brand_score / 80", f"{some.counts[0]} / 3")
        found |= {"share": draw(share)} if draw(st.booleans()) else {}
        found |= {"retained": draw(st.sampled_from(RATES))} if draw(st.booleans()) else {}
        if "retained" in found and draw(st.booleans()):
            found["retained_at_most"] = draw(one_of("1", "merchants.annual_fee"))
    if form == "flat":
        found["amount"] = draw(one_of("88.88", "1 CNY", "0"))
    return found


@st.composite
def part_limits(draw: st.DrawFn, grain: str, some: Pool) -> dict[str, str]:
    """Return what bounds one component, of what its things can be bounded by."""
    found: dict[str, str] = {}
    if draw(yes(3)):
        found["per_merchant"] = draw(one_of("0.50", "10", "100"))
    if not grain:
        return found
    if draw(yes(3)):
        found["each"] = draw(one_of("0.02", "5", "50"))
    if some.dated and draw(yes(2)):
        found["first"] = draw(one_of("1", "2", "3", "5"))
        counts = [name for name in some.counts if "." not in name]
        if draw(st.booleans()):
            found["first_of"] = draw(st.sampled_from(counts))
        if len(some.within) and draw(st.booleans()):
            found["first_per"] = draw(one_of(*some.within))
    if draw(yes(4)):
        found["at_least"] = draw(one_of("1", "1", "2", "3"))
    if len(some.within) and draw(yes(2)):
        found[f"per_{draw(one_of(*some.within))}"] = draw(one_of("0.01", "3", "100"))
    return found
