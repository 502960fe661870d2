"""Whom a merchant reaches: visitors from outside, what was spent on them, members of its own."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Unit
from cogrow.metrics.metric import Metric

METRICS = (
    Metric(
        "offsite_visitors",
        Unit.COUNT,
        "count_distinct(visitor_id where visits.source = 'offsite')",
        message(N_("different visitors who came from outside the marketplace")),
    ),
    Metric(
        "ad_spend",
        Unit.MONEY,
        "sum(spend)",
        message(N_("what the merchant spent on advertising outside the marketplace")),
    ),
    Metric(
        "new_members",
        Unit.COUNT,
        "count_distinct(memberships.buyer_id)",
        message(N_("different buyers who joined the merchant's members")),
    ),
)
