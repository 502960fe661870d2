"""What the parts of an expression mean: functions, units and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cogrow.errors import N_

#: Every function: how it is called, and what it gives.
FUNCTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sum": ("sum(paid)", N_("the sum over the rows; 0 for no rows")),
        "count": ("count(orders)", N_("how many rows of a table")),
        "count_distinct": ("count_distinct(buyer_id)", N_("how many different values")),
        "average": ("average(rating)", N_("the average over the rows; unknown for no rows")),
        "min": ("min(paid)", N_("the least value; unknown for no rows")),
        "max": ("max(paid)", N_("the largest value; unknown for no rows")),
        "least": ("least(paid, 100)", N_("the least of 2 to 10 numbers")),
        "greatest": ("greatest(paid, 100)", N_("the largest of 2 to 10 numbers")),
        "coalesce": ("coalesce(commission, 0)", N_("the first of 2 to 10 values that is known")),
        "abs": ("abs(paid - list_price)", N_("a number without its sign")),
        "if": (
            "if(channel = 'live', paid, 0)",
            N_("the second where the condition holds, else the third"),
        ),
        "days_between": (
            "days_between(placed_at, confirmed_at)",
            N_("whole days from the first to the second; a day counts from where it begins"),
        ),
        "months_between": (
            "months_between(merchants.joined_on, 2026-01-01)",
            N_("whole months from the first to the second"),
        ),
        "starts_with": (
            "starts_with(campaign_id, '618')",
            N_("whether a text begins with another"),
        ),
        "lower": ("lower(channel)", N_("a text in lower case")),
    }
)

#: Every unit: what has it, and how a constant of it is written.
UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "money": (
            N_("money columns"),
            N_("`5_000 CNY`, `0.50 CNY`, or a bare `5_000` beside money"),
        ),
        "count": (N_("counts, whole numbers"), "`30`"),
        "number": (N_("scores, shares, ratios"), "`4.6`, `110%`"),
        "text": (N_("ids, categories"), N_("`'apparel'`; a quote inside is written twice")),
        "flag": (N_("conditions, yes-or-no columns"), "`true`, `false`"),
        "instant": (N_("columns like `paid_at`"), N_("a day stands for where it begins")),
        "day": (N_("columns like `joined_on`"), "`2025-06-18`"),
        "duration": (
            N_("the difference of two instants or days"),
            "`30 days`, `12 hours`, `90 minutes`",
        ),
    }
)

#: What may follow the name of a metric, and over which days it is measured then.
RANGES: Mapping[str, str] = MappingProxyType(
    {
        "of the year to date": N_("from the first day of the year to the end of the period"),
        "of the program to date": N_("from the first day of the program to the end of the period"),
        "of the last 30 days": N_("the last so many days up to the end of the period"),
        "of the same period last year": N_("the same days twelve months earlier"),
        "of the previous period": N_("the period before"),
        "of all time": N_("everything up to the end of the period"),
        "of the merchant": N_(
            "in a component with `per`: the merchant's value, not that of the single thing"
        ),
    }
)
