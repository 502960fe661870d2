"""Who plays which part in the story of the demo, and what is sent back to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.errors import N_, InvariantBroken, message
from cogrow.expressions.tree import Const
from cogrow.operations.earn import Earned, Progress
from cogrow.operations.explain import explain

#: Of the demo, the program whose refunds count on the day of the order: what is over may change.
RESTATED = "beauty-new-product-rebate"


@dataclass(frozen=True, slots=True)
class Cast:
    """Merchants by their part: one converts, one's payout fails, the reply about one is lost, and one is
    followed ("": nobody): it is paid, and then refunds `keeps` minor units or more of its orders in the
    period of `restated`, so that it loses its tier.
    """

    converts: str
    fails: str
    lost: str
    followed: str
    restated: Earned
    keeps: int

    @property
    def everybody(self) -> list[str]:
        """Return all who are paid."""
        return [one for one in (self.converts, self.fails, self.lost, self.followed) if one]


def _rows(one: Earned) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    names = pq.read_schema(one.path).names
    wanted = ("merchant_id", "amount_minor", "tier", "measured_net_sales")
    columns = [name for name in wanted if name in names]
    found = pq.read_table(one.path, columns=columns, filters=[("amount_minor", "!=", 0)])
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def cast(earned: Sequence[Earned]) -> Cast:
    """Choose the merchants of the story. Raises InvariantBroken where fewer than four earn anything."""
    first = [one for one in earned if one.period == earned[0].period]
    restated = next(one for one in first if one.program.id == RESTATED)
    owed = Counter[str]()
    for one in first:
        for row in _rows(one):
            owed[row["merchant_id"]] += row["amount_minor"]
    later = {row["merchant_id"] for one in earned if one not in first for row in _rows(one)}
    [component] = restated.program.components
    starts = [
        tier.start.value if isinstance(tier.start, Const) else 0 for tier in component.terms.tiers
    ]

    def falls(row: dict[str, Any]) -> tuple[bool, int, Any]:
        """Order first who earns again later, then who reached most, then who is nearest to losing it."""
        bound = starts[row["tier"] - 1]
        nearest = (row["measured_net_sales"] - bound) / bound
        return row["merchant_id"] not in later, -row["tier"], nearest

    candidates = sorted(_rows(restated), key=falls)
    followed, keeps = "", 0
    if candidates:
        followed, tier = candidates[0]["merchant_id"], candidates[0]["tier"]
        keeps = candidates[0]["measured_net_sales"] - int(starts[tier - 1]) + 1
    others = [merchant for merchant, _ in owed.most_common() if merchant != followed]
    if len(others) < 3:
        raise InvariantBroken(message(N_("The demo marketplace earns nothing.")))
    converts, fails, lost = others[:3]
    return Cast(converts, fails, lost, followed, restated, keeps)


def sent_back(
    found: Cast, earned: Sequence[Earned], facts: Path, limits: Limits, progress: Progress
) -> list[tuple[str, int, int]]:
    """Return the order lines (order, line, minor units) whose refund costs the merchant its tier: of those
    that counted, one that is large enough, or the largest ones.
    """
    if not found.followed:
        return []
    one = found.restated
    why = explain(
        one.program.id,
        found.followed,
        facts,
        one.period.name,
        rows=True,
        limits=limits,
        progress=progress,
        earnings=one.path.parents[1],
    )
    [listed] = [x for x in why.listed if x.table == "order_lines" and x.period == one.period]
    paid = next(
        x.column for x in listed.adds if getattr(x.aggregate.argument, "column", "") == "paid_minor"
    )
    lines = [(row["order_id"], row["line_no"], int(row[paid])) for row in listed.rows.to_pylist()]
    enough = [line for line in lines if line[2] >= found.keeps]
    if enough:
        return [min(enough, key=lambda line: (line[2], line))]
    lines.sort(key=lambda line: (-line[2], line))
    sums = accumulate((amount for *_, amount in lines), initial=0)
    return [line for line, before in zip(lines, sums, strict=False) if before < found.keeps]
