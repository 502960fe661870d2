"""The rows behind what is measured, as people list them: identity, date, what each adds."""

from __future__ import annotations

from sqlglot import exp

from cogrow.engines.ratio import SQL, whole
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.measured import Window
from cogrow.expressions.tree import Aggregate
from cogrow.facts import TABLES

#: What the listing says of the visit an order is owed to.
OWED_TO = ("visit_id", "visited_at")


def rows(scan: FactQuery, window: Window) -> exp.Select:
    """Return the rows of one window as people list them: identity, date, amounts, counted or not.

    One column per aggregate says what the row adds to it (null: nothing). Where orders are owed to
    visits, which visit that is.
    """
    query = scan.qualifying().where(scan.counted(window))
    query = query.select(exp.alias_(scan.merchant(), "merchant_id"), copy=False)
    key = (*TABLES[scan.table].key, *(("line_no",) if scan.by_line else ()))
    for name, ref in zip(scan.grain.keys if scan.grain else (), scan.keys, strict=True):
        if name not in key:
            query = query.select(exp.alias_(scan.render.column(ref), name), copy=False)
    for column in key:
        query = query.select(exp.column(column, scan.table), copy=False)
    query = query.select(exp.alias_(scan.date(), "dated"), copy=False)
    if "clicks" in scan.used and scan.table in ("orders", "order_lines"):
        query = query.select(*(exp.column(name, "clicks") for name in OWED_TO), copy=False)
    for one in scan.measured:
        if one.window == window:
            query = query.select(
                exp.alias_(contribution(scan, one.aggregate), one.column), copy=False
            )
    return query.order_by("dated", *key)


def contribution(scan: FactQuery, aggregate: Aggregate) -> SQL:
    """Return what a row adds to an aggregate, null for nothing."""
    argument = aggregate.argument
    if argument is None:
        value: SQL = whole(1)
    else:
        value = scan.render.any(argument)
    if aggregate.where is None:
        return value
    return exp.case().when(scan.render.flag(aggregate.where), value)
