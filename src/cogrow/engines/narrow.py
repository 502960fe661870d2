"""Narrows the tables a plan reads to one merchant, so that the same plan explains it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.plan import Plan
from cogrow.engines.refund_lines import STEP as REFUND_LINES_STEP

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DIALECT = "duckdb"

#: Beyond this many orders of one merchant, its rows are found by a join and not by a list of ids.
LISTED_IDS = 20_000


def narrow(connection: DuckDBPyConnection, plan: Plan, merchant: str) -> None:
    """Make a temporary table `x` of every view `all_x`: the merchant's rows, the plan's columns.

    Rows of an order are found by the ids of the merchant's orders, and where the order places them
    in time, of its orders in a window only, so that the reader skips the rest of the files.
    """
    ids: list[list[str]] = []
    if "orders" in plan.reads:
        _keep(connection, plan, "orders", [_is(merchant)])
        # Refunds told apart by line need the lines of orders from any time.
        by_line = any(step.name == REFUND_LINES_STEP for step in plan.steps)
        windows = () if by_line else plan.dated.get("orders", ())
        ids = [_ids(connection, window) for window in windows or (None,)]
    for name in plan.reads:
        if name == "orders":
            continue
        columns = plan.reads[name]
        dated = plan.dated.get(name, ())
        if "order_id" in columns:
            kept = [_of_orders(listed) for listed in ([_ids(connection, None)] if dated else ids)]
            if "merchant_id" in columns:
                kept.append(_is(merchant))
            _keep(connection, plan, name, kept, exp.or_(*dated) if dated else None)
        elif "merchant_id" in columns and not (name == "products" and "order_lines" in plan.reads):
            _keep(connection, plan, name, [_is(merchant)])
        else:
            connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "all_{name}"')


def _is(merchant: str) -> exp.Expr:
    return exp.EQ(this=exp.column("merchant_id"), expression=exp.Literal.string(merchant))


def _ids(connection: DuckDBPyConnection, window: exp.Expr | None) -> list[str]:
    query = exp.select("order_id").from_("orders").order_by("order_id")
    if window is not None:
        query = query.where(window)
    return [row[0] for row in connection.execute(query.sql(DIALECT)).fetchall()]


def _of_orders(ids: list[str]) -> exp.Expr:
    """Return the condition that a row is of one of the orders, given in order of their ids.

    Bounds let the reader skip row groups; a constant list costs no more than the scan (0.2 s on 50
    million lines where a join took 1.4 s), but beyond LISTED_IDS the join is the better way.
    """
    if not ids:
        return exp.false()
    low, high = exp.Literal.string(ids[0]), exp.Literal.string(ids[-1])
    bounds = exp.Between(this=exp.column("order_id"), low=low, high=high)
    if len(ids) > LISTED_IDS:
        known = exp.In(
            this=exp.column("order_id"), query=exp.select("order_id").from_("orders").subquery()
        )
        return exp.and_(bounds, known)
    listed = exp.array(*(exp.Literal.string(one) for one in ids))
    return exp.and_(bounds, exp.func("LIST_CONTAINS", listed, exp.column("order_id")))


def _keep(
    connection: DuckDBPyConnection,
    plan: Plan,
    name: str,
    kept: list[exp.Expr],
    also: exp.Expr | None = None,
) -> None:
    """Create the table of rows that meet one of the conditions, each scanned with its own bounds.

    A row that meets several is kept once: the conditions after the first leave out what came before.
    """
    query: exp.Query | None = None
    for position, condition in enumerate(kept):
        where: list[exp.Expr] = [exp.paren(condition)]
        for earlier in kept[:position]:
            unknown = exp.func("COALESCE", earlier.copy(), exp.false())
            where.append(exp.Not(this=exp.paren(unknown)))
        if also is not None:
            where.append(exp.paren(also.copy()))
        part = exp.select(*plan.reads[name]).from_(exp.to_table(f"all_{name}").as_(name))
        part = part.where(*where)
        query = part if query is None else exp.union(query, part, distinct=False)
    if query is None:
        raise AssertionError(name)
    connection.execute(f'CREATE TEMP TABLE "{name}" AS {query.sql(DIALECT)}')
