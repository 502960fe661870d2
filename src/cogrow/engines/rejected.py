"""The rows about a period that do not count in it, and what keeps each of them from counting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from cogrow.engines.compile import Compiler
from cogrow.engines.listed import contribution
from cogrow.engines.plan import Check, Plan, Rejected
from cogrow.engines.ratio import SQL
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.measured import Window
from cogrow.expressions.tree import columns
from cogrow.facts import TABLES, FactFiles
from cogrow.period import Period
from cogrow.programs.program import Program

#: Why a row does not count: it has no date, or one outside the days; it lies outside the merchant's first
#: days; another version holds for it; its money is foreign; a part of the condition is not met, or what is
#: refunded does not meet it, or is not dated; it belongs to no thing that is paid for; no visit brought it;
#: it meets all, but no metric takes it up.
REASONS = (
    *("undated", "outside", "first_days", "version", "currency", "condition"),
    *("order_condition", "order_undated", "belongs", "not_owed", "adds_nothing"),
)


def rejected(program: Program, period: Period, facts: FactFiles) -> tuple[Plan, list[Rejected]]:
    """Return the listings of what does not count, a table each, and the plan that reads rows of any
    time for them.

    A row is about the period where it is dated in it, or its order was placed in it, or it refunds
    then. Raises DataError where the facts lack what the program needs.
    """
    compiler = Compiler(program, period, facts)
    plan = compiler.compile()
    reads = {table: set(names) for table, names in plan.reads.items()}
    found: dict[str, Rejected] = {}
    for group in sorted(compiler.groups, key=lambda one: one.grain is not None):
        if group.table in found or (days := _days(group, period)) is None:
            continue
        alone = sum(other.table == group.table for other in compiler.groups) == 1
        found[group.table] = _listing(group, days, period, alone=alone)
        if "orders" in group.used:
            reads["orders"].add("placed_at")
    widened = {table: tuple(sorted(names)) for table, names in reads.items()}
    return replace(plan, reads=widened, dated={}), list(found.values())


def _days(group: FactQuery, period: Period) -> Window | None:
    """Return the days the rows of the period are measured in; None where none of them holds it."""
    inside = [w for w in group.windows if w.period.start <= period.start < w.period.end]
    return min(inside, key=lambda window: window.name != "now", default=None)


def _listing(group: FactQuery, days: Window, period: Period, *, alone: bool) -> Rejected:
    table, own = group.table, TABLES[group.table]
    key = (*own.key, *(("line_no",) if group.by_line else ()))
    query = group.source().where(exp.or_(*_about(group, period)))
    query = query.select(exp.alias_(group.merchant(), "merchant_id"), copy=False)
    query = query.select(
        *(exp.column(name, table) for name in key if name != "merchant_id"), copy=False
    )
    query = query.select(exp.alias_(group.date(), "dated"), copy=False)
    seen = {"merchant_id", "dated", *key}
    if "orders" in group.used and group.dated_by != "placed_at":
        seen.add("placed_at")
        query = query.select(exp.column("placed_at", "orders"))
    looked_at = [one.tree for one in (group.own, group.of_main) if one is not None]
    for ref in dict.fromkeys(ref for tree in looked_at for ref in columns(tree)):
        if ref.column not in seen:
            seen.add(ref.column)
            query = query.select(exp.alias_(group.render.column(ref), ref.column), copy=False)
    checks: list[Check] = []
    for reason, text, holds in _checks(group, days, alone=alone):
        column = f"no_{len(checks) + 1}"
        checks.append(Check(column, reason, text))
        kept = exp.Not(this=exp.func("COALESCE", exp.paren(holds), exp.false()))
        query = query.select(exp.alias_(kept, column), copy=False)
    looked = exp.alias_(query.subquery(), "looked_at", table=True)
    kept_out = exp.or_(*(exp.column(check.column) for check in checks))
    listed = exp.select("*").from_(looked).where(kept_out).order_by("dated", *key)
    return Rejected(table, listed, tuple(checks))


def _about(group: FactQuery, period: Period) -> Iterator[SQL]:
    """Yield the conditions that make a row one of those a reader of the period may look for."""
    window = Window("now", period)
    yield group.inside(window)
    if group.table in ("orders", "order_lines"):
        yield group.between(window, exp.column("placed_at", "orders"))
    if group.table == "refunds":
        yield group.between(window, exp.column("refunded_at", "refunds"))
        yield group.order_inside(window)


def _checks(group: FactQuery, days: Window, *, alone: bool) -> Iterator[tuple[str, str, SQL]]:
    """Yield what a row must meet to count: the reason it does not, its text, and the condition."""
    date = group.date()
    unknown = exp.Is(this=date, expression=exp.null())
    name = group.dated_by
    yield "undated", name, exp.Not(this=unknown)
    yield "outside", name, exp.or_(unknown.copy(), group.inside(days))
    yield from group.checks(parts=True)
    measured = [one for one in group.measured if one.window == days]
    if alone and measured:
        adds = [contribution(group, one.aggregate) for one in measured]
        nothing = exp.and_(*(exp.Is(this=exp.paren(a), expression=exp.null()) for a in adds))
        adds_something: SQL = exp.Not(this=exp.paren(nothing))
        if "clicks" in group.used:
            owed = exp.Is(this=exp.column("visit_id", "clicks"), expression=exp.null())
            yield "not_owed", "", exp.or_(adds_something.copy(), exp.Not(this=owed))
            adds_something = exp.or_(adds_something, owed.copy())
        yield "adds_nothing", "", adds_something
