"""What earnings are made from, as one hash: the plan, and every file with a row that can count in it.

Of a table that is measured by date, the files of other days do not matter: a new day of facts leaves the
earnings of a month that is over as they were, and this hash says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlglot import exp

from cogrow.engines.plan import Plan
from cogrow.engines.scans.reach import Reach
from cogrow.engines.scans.spans import FactFile, Layout
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.ids import content_hash

#: Counts up when the same SQL and files would give other earnings.
FORMAT = 1

DIALECT = "duckdb"


def own_inputs(plan: Plan, layout: Layout) -> str:
    """Return the hash of what one plan reads, but for what other plans earned."""
    files: set[FactFile] = set().union(*(Reach(scan, layout).files() for scan in plan.scans))
    measuring = {scan.step for scan in plan.scans} | {REFUND_LINES}
    for step in plan.steps:
        if step.name not in measuring:
            tables = {table.name for table in step.query.find_all(exp.Table)}
            for name in tables & set(layout.facts.tables):
                files.update(layout.files(name))
    listed = sorted((file.table, file.sha256) for file in files)
    made_of = {"format": FORMAT, "sql": plan.sql(DIALECT), "files": listed}
    return content_hash(json.dumps(made_of).encode())


def together(own: Sequence[str]) -> str:
    """Return the hash of what several plans read."""
    return content_hash(" ".join(sorted(own)).encode())
