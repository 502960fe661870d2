"""What earnings are made from, as one hash: the plan, and every file with a row that can count in it.

Of a table that is measured by date, the files of other days do not matter: a new day of facts leaves the
earnings of a month that is over as they were, and this hash says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlglot import exp

from cogrow.engines.plan import DIALECT, Plan
from cogrow.engines.scans.reach import Reach
from cogrow.engines.scans.spans import FactFile, Layout, hull
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.ids import content_hash

#: Counts up when the same SQL and files would give other earnings.
FORMAT = 1

#: Tables of which steps look up the rows of orders that were measured.
OF_ORDERS = ("orders", "order_lines")


def own_inputs(plan: Plan, layout: Layout) -> str:
    """Return the hash of what one plan reads, but for what other plans earned."""
    reached: set[FactFile] = set().union(*(Reach(scan, layout).files() for scan in plan.scans))
    measuring = {scan.step for scan in plan.scans} | {REFUND_LINES}
    asked = {
        table.name
        for step in plan.steps
        if step.name not in measuring
        for table in step.query.find_all(exp.Table)
    }
    looked_up = (
        _looked_up(plan, table, reached, layout) for table in asked & set(layout.facts.tables)
    )
    files = reached.union(*looked_up)
    listed = sorted((file.table, file.sha256) for file in files)
    made_of = {"format": FORMAT, "sql": plan.sql(DIALECT), "files": listed}
    return content_hash(json.dumps(made_of).encode())


def _looked_up(
    plan: Plan, table: str, reached: set[FactFile], layout: Layout
) -> Iterable[FactFile]:
    """Return the files of a table in which steps that do not measure look something up.

    Of orders and their lines they look up those of rows that were measured, which lie where the steps
    that measure reach. Visits an order can be owed to come before it. Of anything else it may be any row.
    """
    every = layout.files(table)
    asking = [scan for scan in plan.scans if scan.grain is not None or CLICKS in scan.used]
    if table in OF_ORDERS and asking and all(_holds(scan, table) for scan in asking):
        return [file for file in every if file in reached]
    if table == "visits" and all(scan.grain is None for scan in asking):
        placed = hull(file.span("placed_at") for file in reached if file.table == "orders")
        spans = ((file, file.span("visited_at")) for file in every)
        return [file for file, span in spans if placed and span and span[0] <= placed[1]]
    return every


def _holds(scan: FactQuery, table: str) -> bool:
    """Return whether all rows of the table that belong to what a step measures lie where it reaches."""
    return table == scan.table or table in scan.used or (table == "order_lines" and scan.by_line)


def together(own: Sequence[str]) -> str:
    """Return the hash of what several plans read."""
    return content_hash(" ".join(sorted(own)).encode())
