"""What a component pays for: the merchant, or each thing of the merchant's, and how facts name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cogrow.expressions.tree import ColumnRef, Unit
from cogrow.facts import TABLES


@dataclass(frozen=True, slots=True)
class Grain:
    """Things a component can pay for one by one.

    `table` has a row for each of them ("" where no table has); `keys` are the columns that tell
    them apart; `found` says, per fact table, where a row's keys stand. `within` are the coarser
    grains each of them lies in.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    found: Mapping[str, tuple[ColumnRef, ...]]
    within: tuple[str, ...] = ()


def _key(*dotted: str) -> tuple[ColumnRef, ...]:
    refs = []
    for one in dotted:
        table, _, column = one.partition(".")
        unit = Unit.COUNT if column == "line_no" else Unit.TEXT
        refs.append(ColumnRef(table, column, unit))
    return tuple(refs)


_ORDER = {t: _key(f"{t}.order_id") for t in ("orders", "order_lines", "refunds", "returns")}
_OF_ORDER = ("orders", "order_lines", "refunds", "returns")

_GRAINS = (
    Grain(
        "order_line",
        "order_lines",
        ("order_id", "line_no"),
        {t: _key(f"{t}.order_id", f"{t}.line_no") for t in ("order_lines", "refunds")},
        ("order", "product", "buyer"),
    ),
    Grain("order", "orders", ("order_id",), _ORDER, ("buyer",)),
    Grain(
        "product",
        "products",
        ("product_id",),
        {
            "order_lines": _key("order_lines.product_id"),
            "refunds": _key("order_lines.product_id"),
            "products": _key("products.product_id"),
            "visits": _key("visits.product_id"),
        },
    ),
    Grain(
        "return",
        "returns",
        ("return_id",),
        {"returns": _key("returns.return_id")},
        ("order", "buyer"),
    ),
    Grain(
        "campaign",
        "",
        ("campaign_id",),
        {
            "ad_spend": _key("ad_spend.campaign_id"),
            "visits": _key("visits.campaign_id"),
            **{t: _key("orders.campaign_id") for t in _OF_ORDER},
        },
    ),
    Grain(
        "buyer",
        "",
        ("buyer_id",),
        {
            "memberships": _key("memberships.buyer_id"),
            "visits": _key("visits.visitor_id"),
            **{t: _key("orders.buyer_id") for t in _OF_ORDER},
        },
    ),
)

#: Every grain finer than the merchant, by name.
GRAINS: Mapping[str, Grain] = MappingProxyType({grain.name: grain for grain in _GRAINS})


def day_column(grain: Grain, dated_by: str) -> ColumnRef | None:
    """Return the column that puts the things of a grain in an order of time, None where none does."""
    if grain.table in ("orders", "order_lines"):
        return ColumnRef("orders", dated_by, Unit.INSTANT)
    if grain.table == "returns":
        return ColumnRef("returns", "requested_at", Unit.INSTANT)
    return ColumnRef("products", "listed_at", Unit.DAY) if grain.table == "products" else None


def owner(grain: Grain) -> str:
    """Return the table whose `merchant_id` says whose a row of the grain's table is."""
    if grain.table and "merchant_id" in TABLES[grain.table].by_name:
        return grain.table
    return "orders"
