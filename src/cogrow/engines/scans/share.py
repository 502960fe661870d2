"""Scans shared by many programs: the rows of one fact table, joined once, read by every step.

A step that sums fact rows joins its table to orders, products and merchants and reads the days it asks
for. Where several steps of a run begin with one table, these rows are kept in a temporary table, with
the columns any of them needs, for the days any of them asks for; the steps read that instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL
from cogrow.engines.scans.rollups import asked_for
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.engines.steps.refund_lines import refund_lines
from cogrow.facts import FactFiles

#: With fewer steps than this, keeping rows costs more than it saves.
FEWEST = 3

#: A step that looks at more days than this reads its files alone: what it asks for would have to be kept
#: for everybody, and keeping a row costs several times what reading it does.
MOST_DAYS = 190

#: A table with more rows than this is read by each step alone: what is kept of it would not stay in memory,
#: and writing it to disk costs more than it saves (24 GB at 200 million lines and the whole library).
MOST_ROWS = 60_000_000

#: Name of a shared table → the tables whose columns it holds.
Kept = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class SharedRows:
    """A temporary table that several plans read: its name, and the query that fills it."""

    name: str
    query: exp.Query


def share(
    plans: Sequence[Plan], facts: FactFiles, affected: Sequence[str]
) -> tuple[list[SharedRows], list[Plan]]:
    """Return the tables worth keeping for the plans over the facts, and the plans reading from them.

    `affected` are, by plan, the tables of the merchants it is run for; "" for one that is run for all.
    """
    readers: dict[str, list[tuple[Plan, FactQuery]]] = {}
    whose: dict[str, set[str]] = {}
    for plan, merchants in zip(plans, affected, strict=True):
        for scan in plan.scans:
            if scan.table in facts.tables and facts.tables[scan.table].rows <= MOST_ROWS:
                name = _shared_table(scan)
                readers.setdefault(name, []).append((plan, scan))
                whose.setdefault(name, set()).add(merchants)
    kept: Kept = {}
    found: list[SharedRows] = []
    for name, scans in sorted(readers.items()):
        if name and len(scans) >= FEWEST:
            query, kept[name] = _rows(scans, set() if "" in whose[name] else whose[name])
            found.append(SharedRows(name, query))
    return found, [_reading(plan, kept) for plan in plans]


def _of_any(merchant: SQL, tables: Iterable[str]) -> SQL | None:
    """Return the condition that a merchant is in one of the tables; None where there are none."""
    every: exp.Query | None = None
    for table in sorted(tables):
        query = exp.select("merchant_id").from_(table)
        every = exp.union(every, query, copy=False) if every is not None else query
    return exp.In(this=merchant, query=every.subquery()) if every is not None else None


def _shared_table(scan: FactQuery) -> str:
    """Return the shared table a step could read; "" for one that looks at too many days."""
    if sum((one.period.end - one.period.start).days for one in scan.windows) > MOST_DAYS:
        return ""
    return f"shared_{scan.table}{'_by_line' if scan.by_line else ''}"


def _queries(plan: Plan) -> dict[str, exp.Query]:
    return {step.name: step.query for step in plan.steps}


def _rows(
    readers: Sequence[tuple[Plan, FactQuery]], affected: set[str]
) -> tuple[exp.Select, set[str]]:
    """Return the joined rows of a bucket with every column a reader names, of merchants in one of the tables
    (none: of all), and the tables joined.
    """
    tables = set().union(*(scan.used for _, scan in readers)) - {CLICKS}
    columns: dict[tuple[str, str], None] = {}
    inside: dict[SQL, None] = {}
    for plan, scan in readers:
        for column in _queries(plan)[scan.step].find_all(exp.Column):
            if column.table in tables:
                columns[column.table, column.name] = None
        for window in scan.windows:
            inside[scan.inside(window)] = None
    _, first = readers[0]
    query = first.joined(tables)
    for table, name in sorted(columns):
        query = query.select(exp.alias_(exp.column(name, table), f"{table}__{name}"), copy=False)
    query = query.where(exp.or_(*inside), _of_any(first.merchant(), affected), copy=False)
    if first.by_line:
        # A refund that names its merchant may be of an order of another.
        own = set() if first.unlinked else affected
        of = _of_any(exp.column("merchant_id", "orders"), own)
        lines = refund_lines(first.available["refunds"], [scan for _, scan in readers], of)
        query = query.with_(REFUND_LINES, as_=lines, copy=False)
    return query, tables


def _reading(plan: Plan, kept: Kept) -> Plan:
    """Return the plan with the steps that have a shared table reading from it."""
    scans = {scan.step: scan for scan in plan.scans if _shared_table(scan) in kept}
    if not scans:
        return plan
    steps = []
    for step in plan.steps:
        query = step.query
        if step.name in scans:
            query = _from_shared(query, scans[step.name], kept)
        steps.append(Step(step.name, step.sentence, query))
    return replace(plan, steps=asked_for(steps))


def _from_shared(query: exp.Query, scan: FactQuery, kept: Kept) -> exp.Query:
    """Return the query of a step reading its shared table; an inner join becomes a condition."""
    if not isinstance(query, exp.Select):
        raise TypeError(query)
    name = _shared_table(scan)
    tables, query = kept[name], query.copy()
    joins = [one for one in query.args.get("joins") or [] if one.this.alias_or_name not in tables]
    query.set("joins", joins)
    query = query.from_(exp.table_(name), copy=False).where(*scan.present(), copy=False)

    def renamed(node: SQL) -> SQL:
        if isinstance(node, exp.Column) and node.table in tables:
            return exp.column(f"{node.table}__{node.name}")
        return node

    moved = query.transform(renamed, copy=False)
    if not isinstance(moved, exp.Query):
        raise TypeError(moved)
    return moved
