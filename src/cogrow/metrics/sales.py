"""What was sold, and what of it stayed sold."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Unit
from cogrow.metrics.metric import Metric

METRICS = (
    Metric(
        "gmv",
        Unit.MONEY,
        "sum(paid)",
        message(N_("paid value of the qualifying order lines, refunds not taken off")),
    ),
    Metric(
        "refunded",
        Unit.MONEY,
        "sum(refunded)",
        message(N_("money refunded on qualifying order lines")),
    ),
    Metric(
        "net_sales",
        Unit.MONEY,
        "sum(paid) - sum(refunded)",
        message(N_("paid value of the qualifying order lines less what was refunded")),
    ),
    Metric("orders", Unit.COUNT, "count(orders)", message(N_("number of qualifying orders"))),
    Metric(
        "buyers",
        Unit.COUNT,
        "count_distinct(buyer_id)",
        message(N_("number of different buyers with a qualifying order")),
    ),
    Metric("units", Unit.COUNT, "sum(quantity)", message(N_("pieces sold in qualifying lines"))),
    Metric(
        "average_order",
        Unit.MONEY,
        "sum(paid) / count(orders)",
        message(N_("paid value per qualifying order")),
    ),
    Metric(
        "commission",
        Unit.MONEY,
        "sum(commission)",
        message(N_("commission charged on the qualifying order lines")),
    ),
)
