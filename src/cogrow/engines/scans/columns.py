"""What a fact file adds to a step: a column per aggregate, a row per merchant, known by all it is made from.

A column is named by the hash of its SQL and of every file its rows come from. Two programs that add up
the same rows share it; a changed byte, a late file or another condition makes another column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from cogrow.engines.plan import DIALECT
from cogrow.engines.ratio import SQL, whole
from cogrow.engines.scans.reach import Beyond, Reach, look_of
from cogrow.engines.scans.spans import FactFile, Layout
from cogrow.engines.steps.facts_sql import FactQuery, bound_sql
from cogrow.engines.steps.measured import COUNT as COUNTED
from cogrow.engines.steps.measured import NOW_NAME, Measured, Window
from cogrow.engines.steps.refund_lines import REFUND_LINES
from cogrow.expressions.tree import NUMERIC, ColumnRef
from cogrow.facts import TABLES
from cogrow.ids import content_hash

#: What a count, and a sum or another amount, is as a whole.
COUNT, AMOUNT = "BIGINT", "INT128"

#: Counts up when a column of the same SQL and files would hold something else.
FORMAT = 1

#: What puts the parts of files together, where it is no sum.
_EXTREMES: dict[str, type[exp.AggFunc]] = {"min": exp.Min, "max": exp.Max}


def sql(node: SQL) -> str:
    """Return SQL as the engine that builds roll-ups reads it."""
    return node.sql(dialect=DIALECT)


#: What puts a column together over files, and the type of that; "" for the type the facts have.
Whole = tuple[type[exp.AggFunc], str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a roll-up: its name and its SQL."""

    name: str
    call: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one fact file adds to a step: by column of the step, the column of the roll-up (None: nothing);
    and, by table, the files its rows come from, its own first.
    """

    file: FactFile
    columns: dict[str, Column | None]
    sources: dict[str, tuple[FactFile, ...]]


def adds_up(scan: FactQuery) -> bool:
    """Return whether a step is the sum of what each file adds to it."""
    if scan.grain is not None or "clicks" in scan.used:
        return False
    return all(_adds_up(scan, one) for one in scan.measured)


def _adds_up(scan: FactQuery, one: Measured) -> bool:
    """Return whether an aggregate does; a distinct count where it counts the facts, each in one file."""
    aggregate, key = one.aggregate, TABLES[scan.table].key
    if aggregate.function != "count_distinct":
        return True
    counted = aggregate.argument
    itself = isinstance(counted, ColumnRef) and (counted.table, counted.column) == (
        scan.table,
        key[0],
    )
    return len(key) == 1 and itself


def parts(scan: FactQuery, layout: Layout) -> list[Part]:
    """Return what each file that has rows in one of the windows adds to a step that adds up."""
    maker = _Parts(scan, layout)
    found = [maker.part(file) for file in layout.files(scan.table)]
    return [part for part in found if any(part.columns.values())]


def wholes(scan: FactQuery) -> dict[str, Whole]:
    """Return how each column of a step is put together over files."""
    found: dict[str, Whole] = {}
    for one in scan.measured:
        found |= {name: _whole(one, name) for name in _names(one)}
    if scan.foreign() is not None:
        found["foreign_rows"] = exp.Sum, COUNT
    return found


@dataclass
class _Parts:
    """Makes the parts of a step; SQL that is the same for many files is made once."""

    scan: FactQuery
    layout: Layout
    _made: dict[tuple[str, tuple[Beyond | None, ...]], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scan = self.scan
        checks = [holds for reason, _, holds in scan.checks() if reason != "version"]
        self.always = [f"({sql(holds)})" for holds in (*scan.present(), *checks)]
        self.version = [f"({sql(holds)})" for holds in scan.of_version()]
        self.date = f"({sql(scan.date())})"
        self.merchant = sql(scan.merchant())
        foreign = scan.foreign()
        self.other = sql(foreign) if foreign is not None else ""
        self.reach = Reach(look_of(scan), self.layout)

    def part(self, file: FactFile) -> Part:
        """Return what the file adds to the step."""
        scan = self.scan
        sources = self.reach.sources(file)
        beyond = dict(zip(scan.windows, self.reach.beyond(file), strict=True))
        columns: dict[str, Column | None] = {}
        for one in scan.measured:
            place = beyond[one.window]
            for name in _names(one):
                columns[name] = None
                if place is not None:
                    columns[name] = self._column(sources, self._call(one, name, place))
        if self.other:
            columns["foreign_rows"] = None
            if any(place is not None for place in beyond.values()):
                columns["foreign_rows"] = self._column(sources, self._foreign(beyond))
        return Part(file, columns, sources)

    def _call(self, one: Measured, name: str, place: Beyond) -> str:
        key = name, (place,)
        if key not in self._made:
            inside = self._inside(one.window, place)
            for made, call in self.scan.calls(one, []):
                where = [f"({sql(call.expression.this)})"] if isinstance(call, exp.Filter) else []
                plain = sql(call.this if isinstance(call, exp.Filter) else call)
                kept = f"{plain} FILTER (WHERE {' AND '.join([*self.always, *inside, *where])})"
                # Parquet has no type for whole numbers of 128 bits; as it is, one became a double.
                amount = _whole(one, made)[1] == AMOUNT
                self._made[made, (place,)] = f"CAST({kept} AS DECIMAL(38, 0))" if amount else kept
        return self._made[key]

    def _foreign(self, beyond: dict[Window, Beyond | None]) -> str:
        key = "foreign_rows", tuple(beyond.values())
        if key not in self._made:
            some = [
                f"({' AND '.join(self._inside(window, place))})"
                for window, place in beyond.items()
                if place is not None
            ]
            holds = [*self.always, f"({self.other})", f"({' OR '.join(some)})"]
            self._made[key] = f"COUNT(*) FILTER (WHERE {' AND '.join(holds)})"
        return self._made[key]

    def _inside(self, window: Window, place: Beyond) -> list[str]:
        """Return the conditions that a row lies in the window. A bound that all rows of the file are
        within says nothing, so that it is the same column whatever the window.
        """
        low, high = (sql(bound_sql(bound)) for bound in self.scan.bounds(window))
        found = [f"{self.date} >= {low}"] * place[0] + [f"{self.date} < {high}"] * place[1]
        version = self.version if window.name == NOW_NAME else []
        return [*(found or [f"{self.date} IS NOT NULL"]), *version]

    def _column(self, sources: dict[str, tuple[FactFile, ...]], call: str) -> Column:
        made_of = {
            "format": FORMAT,
            "of": [self.scan.table, REFUND_LINES if self.scan.by_line else ""],
            "files": {table: [file.sha256 for file in files] for table, files in sources.items()},
            "sql": call,
            "merchant": self.merchant,
        }
        name = "c" + content_hash(json.dumps(made_of, sort_keys=True).encode())
        return Column(name, call)


def _names(one: Measured) -> list[str]:
    """Return the columns of an aggregate: itself, and of an average its count."""
    return [one.column, *([one.column + COUNTED] * (one.aggregate.function == "average"))]


def _whole(one: Measured, name: str) -> Whole:
    """Return what puts a column of an aggregate together over files, and the type of that."""
    aggregate = one.aggregate
    if name != one.column or aggregate.function in ("count", "count_distinct"):
        return exp.Sum, COUNT
    numeric = aggregate.argument is not None and aggregate.argument.unit in NUMERIC
    return _EXTREMES.get(aggregate.function, exp.Sum), AMOUNT if numeric else ""


def query(scan: FactQuery, columns: Iterable[Column], joined: Iterable[str]) -> exp.Select:
    """Return the query of a roll-up: a row per merchant with these columns, of rows that are joined with
    the tables.
    """
    found = scan.joined(set(joined)).select(exp.alias_(scan.merchant(), "merchant_id"), copy=False)
    for column in columns:
        found = found.select(exp.alias_(exp.var(column.call), column.name), copy=False)
    known = exp.Not(this=exp.Is(this=scan.merchant(), expression=exp.null()))
    return found.where(known, copy=False).group_by(whole(1), copy=False)
