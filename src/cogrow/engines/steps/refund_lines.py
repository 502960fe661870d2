"""Refunds of whole orders, told apart by order line: a step of its own before they are joined."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Sequence

import sqlglot
from sqlglot import exp

from cogrow.engines.ratio import SQL
from cogrow.engines.steps.eligible import is_among
from cogrow.engines.steps.facts_sql import FactQuery

#: The name of the step.
STEP = "refund_lines"

#: Columns of refunds it carries along where the facts have them.
CARRIED = ("merchant_id", "currency", "reason", "kind")

#: A refund of a whole order, told apart by line in proportion to what each line paid: line i gets
#: floor(refund x paid up to i / paid) - floor(refund x paid before i / paid), so the parts add up.
REFUND_LINES = """
SELECT refund_id, order_id, {line_no} AS line_no, refunded_at, refunded_minor {extra}
FROM refunds WHERE {line_no} IS NOT NULL OR order_id IS NULL
UNION ALL
SELECT refund_id, order_id, line_no, refunded_at,
  CASE WHEN total = 0 THEN CASE WHEN upto_lines = 1 THEN refunded_minor ELSE 0 END
  ELSE CAST(CAST(refunded_minor AS INT128) * upto // total
       - CAST(refunded_minor AS INT128) * (upto - paid_minor) // total AS BIGINT) END AS refunded_minor
  {extra}
FROM (
  SELECT r.refund_id, r.order_id, l.line_no, r.refunded_at, r.refunded_minor, l.paid_minor {extra_r},
    SUM(l.paid_minor) OVER (PARTITION BY r.refund_id) AS total,
    SUM(l.paid_minor) OVER (PARTITION BY r.refund_id ORDER BY l.line_no) AS upto,
    ROW_NUMBER() OVER (PARTITION BY r.refund_id ORDER BY l.line_no) AS upto_lines
  FROM refunds AS r INNER JOIN order_lines AS l ON r.order_id = l.order_id
  WHERE {line_no_r} IS NULL {asked}
) AS shared
"""


def refund_lines(
    available: Container[str], scans: Sequence[FactQuery] = (), of: SQL | None = None
) -> exp.Query:
    """Return the refunds, each with a line; `available` are the columns the facts' refunds have.

    Only those that one of the `scans` can count are told apart: a refund is whatever its lines are. `of` is
    a condition on orders that all that count meet.
    """
    have = [c for c in CARRIED if c in available]
    # Facts whose refunds never name a line lack the column.
    lined = "line_no" in available
    inside = list(_inside(scans, of))
    sql = REFUND_LINES.format(
        extra="".join(f", {c}" for c in have),
        extra_r="".join(f", r.{c}" for c in have),
        line_no="line_no" if lined else "NULL",
        line_no_r="r.line_no" if lined else "NULL",
        asked=f"AND ({exp.or_(*inside).sql(dialect='duckdb')})" if inside else "",
    )
    query = sqlglot.parse_one(sql, dialect="duckdb")
    if not isinstance(query, exp.Query):
        raise AssertionError(sql)
    return query


def refund_lines_of(scans: Sequence[FactQuery], affected: Collection[str]) -> exp.Query:
    """Return the refunds the scans can count, each with a line, of the merchants in one of the tables; of all
    where there is none.
    """
    first, of = scans[0], None
    if affected and not first.unlinked:  # or a refund's own merchant need not be its order's
        of = is_among(exp.column("merchant_id", "orders"), affected)
    return refund_lines(first.available["refunds"], scans, of)


def _inside(scans: Sequence[FactQuery], of: SQL | None) -> Iterator[SQL]:
    """Yield the conditions that a refund of a whole order can lie in one of the windows."""
    own: dict[SQL, None] = {}
    orders: dict[SQL, None] = {}
    for scan in scans:
        for window in scan.windows:
            if scan.dates_itself:
                own[scan.between(window, exp.column("refunded_at", "r"))] = None
            else:
                orders[scan.order_inside(window)] = None
    yield from own
    if orders:
        dated = exp.select("order_id").from_("orders").where(exp.or_(*orders), of)
        yield exp.In(this=exp.column("order_id", "r"), query=dated.subquery())
