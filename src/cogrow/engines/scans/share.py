"""Scans shared by many programs: the rows of one fact table, joined once, read by every step.

A step that sums fact rows joins its table to orders, products and merchants and reads the days it asks
for. Where several steps of a run begin with one table, these rows are kept in a temporary table, with
the columns any of them needs, for the days any of them asks for; the steps read that instead.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL
from cogrow.engines.scans.rollups import asked_for
from cogrow.engines.scans.spans import FactFile, paths_of, read_only
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.eligible import is_among
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.engines.steps.refund_lines import refund_lines_of
from cogrow.facts import FactFiles

#: With fewer steps than this, keeping rows costs more than it saves; those of some merchants are few rows.
FEWEST, FEWEST_OF_SOME = 3, 2

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


#: Returns the files with a row that a step looks at.
Reached = Callable[[FactQuery], Iterable[FactFile]]


def share(
    plans: Sequence[Plan],
    facts: FactFiles,
    affected: Sequence[str],
    reached: Reached | None = None,
) -> tuple[list[SharedRows], list[Plan]]:
    """Return the tables worth keeping for the plans over the facts, and the plans reading from them.

    `affected` are, by plan, the tables of the merchants it is run for; "" for one that is run for all. Where
    it is known which files are `reached`, no others are read.
    """
    buckets: dict[str, Bucket] = {}
    for plan, merchants in zip(plans, affected, strict=True):
        for scan in plan.scans:
            if scan.table in facts.tables and facts.tables[scan.table].rows <= MOST_ROWS:
                bucket = buckets.setdefault(_shared_table(scan, merchants), Bucket())
                bucket.readers.append((plan, scan))
                bucket.affected |= {merchants} - {""}
    kept: Kept = {}
    found: list[SharedRows] = []
    for name, bucket in sorted(buckets.items()):
        fewest = FEWEST_OF_SOME if bucket.affected else FEWEST
        if name and len(bucket.readers) >= fewest:
            query, kept[name] = _rows(bucket)
            if reached is not None:
                # Dated by columns of their own, no condition tells the engine which it can pass over.
                near = (file for _, scan in bucket.readers for file in reached(scan))
                read_only(query, paths_of(near))
            found.append(SharedRows(name, query))
    pairs = zip(plans, affected, strict=True)
    return found, [_reading(plan, kept, merchants) for plan, merchants in pairs]


@dataclass(slots=True)
class Bucket:
    """The steps that could read one shared table, each of which plan, and the tables of the merchants they
    are run for; none where it is all of them.
    """

    readers: list[tuple[Plan, FactQuery]] = field(default_factory=list)
    affected: set[str] = field(default_factory=set)


def _shared_table(scan: FactQuery, merchants: str) -> str:
    """Return the shared table a step could read; "" for one that looks at too many days."""
    if sum((one.period.end - one.period.start).days for one in scan.windows) > MOST_DAYS:
        return ""
    name = f"shared_{scan.table}{'_by_line' if scan.by_line else ''}"
    if not merchants:
        return name
    # Those of a month and of its quarter are others, and many; so each is read for its own.
    periods = [one.period for one in scan.windows]
    first, last = min(one.start for one in periods), max(one.end for one in periods)
    return f"{name}_of_some_{first:%Y%m%d}_{last:%Y%m%d}"


def _queries(plan: Plan) -> dict[str, exp.Query]:
    return {step.name: step.query for step in plan.steps}


def _rows(bucket: Bucket) -> tuple[exp.Select, set[str]]:
    """Return the joined rows of a bucket with every column a reader names, and the tables joined."""
    readers, affected = bucket.readers, bucket.affected
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
    query = keeping(query, columns).where(exp.or_(*inside), copy=False)
    if affected:
        query = query.where(is_among(first.merchant(), affected), copy=False)
    if first.by_line:
        lines = refund_lines_of([scan for _, scan in readers], affected)
        query = query.with_(REFUND_LINES, as_=lines, copy=False)
    return query, tables


def _reading(plan: Plan, kept: Kept, merchants: str) -> Plan:
    """Return the plan with the steps that have a shared table reading from it."""
    scans = {scan.step: scan for scan in plan.scans if _shared_table(scan, merchants) in kept}
    if not scans:
        return plan
    steps = []
    for step in plan.steps:
        query = step.query
        if step.name in scans:
            scan = scans[step.name]
            query = _from_shared(query, scan, _shared_table(scan, merchants), kept)
        steps.append(Step(step.name, step.sentence, query))
    return replace(plan, steps=asked_for(steps))


def _from_shared(query: exp.Query, scan: FactQuery, name: str, kept: Kept) -> exp.Query:
    """Return the query of a step reading its shared table; an inner join becomes a condition."""
    if not isinstance(query, exp.Select):
        raise TypeError(query)
    tables, query = kept[name], query.copy()
    joins = [one for one in query.args.get("joins") or [] if one.this.alias_or_name not in tables]
    query.set("joins", joins)
    query = query.from_(exp.table_(name), copy=False).where(*scan.present(), copy=False)
    moved = reading_kept(query, tables)
    if not isinstance(moved, exp.Query):
        raise TypeError(moved)
    return moved


def keeping(query: exp.Select, columns: Iterable[tuple[str, str]]) -> exp.Select:
    """Select columns, each after its table, under names that tell of both."""
    for table, name in sorted(columns):
        query = query.select(exp.alias_(exp.column(name, table), _kept_as(table, name)), copy=False)
    return query


def reading_kept(node: SQL, tables: Container[str]) -> SQL:
    """Return an expression, in place of itself, that reads the columns of tables as they are kept."""

    def renamed(one: SQL) -> SQL:
        if isinstance(one, exp.Column) and one.table in tables:
            return exp.column(_kept_as(one.table, one.name))
        return one

    return node.transform(renamed, copy=False)


def _kept_as(table: str, name: str) -> str:
    return f"{table}__{name}"
