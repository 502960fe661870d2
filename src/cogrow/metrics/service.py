"""How well a merchant serves: the scores the marketplace keeps."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Unit
from cogrow.metrics.metric import Metric

METRICS = (
    Metric(
        "rating",
        Unit.NUMBER,
        "average(rating)",
        message(N_("average of the ratings recorded in the period")),
    ),
    Metric(
        "violations",
        Unit.NUMBER,
        "sum(violations)",
        message(N_("violations recorded in the period")),
    ),
    Metric(
        "late_rate",
        Unit.NUMBER,
        "average(late_rate)",
        message(N_("average share of late shipments recorded in the period")),
    ),
    Metric(
        "claim_rate",
        Unit.NUMBER,
        "average(claim_rate)",
        message(N_("average share of claims recorded in the period")),
    ),
)
