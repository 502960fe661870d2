"""What every canonical table of facts holds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cogrow.errors import N_

#: Every canonical table.
TABLES: Mapping[str, str] = MappingProxyType(
    {
        "merchants": N_("the parties that earn"),
        "merchant_scores": N_("service scores of a merchant on a day"),
        "products": N_("what merchants list"),
        "orders": N_("one purchase of a buyer from a merchant"),
        "order_lines": N_("one product in an order, and what was paid for it"),
        "refunds": N_("money given back"),
        "returns": N_("goods sent back"),
        "visits": N_("a visitor's visit to a merchant"),
        "ad_spend": N_("what a merchant spent on advertising on a day"),
        "memberships": N_("buyers who joined a merchant's members"),
        "enrollments": N_("merchants that joined a program"),
        "targets": N_("targets set for a merchant in a program and period"),
        "fx_rates": N_("exchange rates as fractions"),
        "calendar": N_("festivals and other named days"),
    }
)
