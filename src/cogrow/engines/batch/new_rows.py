"""Whose rows count in a step because of a new file: rows of the file, and rows that are joined with one.

What a step adds up is the rows that meet its conditions. So a new file changes nothing for a merchant of whom
none of these holds a row of it. What a file is joined with is kept once, for all steps of all runs that ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC

from sqlglot import exp

from cogrow.engines.batch.inputs import Inputs
from cogrow.engines.exact import Renderer
from cogrow.engines.ratio import SQL, join, same
from cogrow.engines.scans.share import keeping, reading_kept
from cogrow.engines.scans.spans import FactFile, paths_of, read_only
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.clicks import could_be
from cogrow.engines.steps.facts_sql import FactQuery, bound_sql, known
from cogrow.expressions.tree import columns
from cogrow.facts import TABLES
from cogrow.programs.program import Program

#: Where refunds are told apart by line: what is not known of one before it is, and what lines lead to.
BY_LINE_COLUMNS, BY_LINE_TABLES = ("line_no", "refunded_minor"), ("order_lines", "products")


@dataclass
class Joined:
    """Rows of a table that a new file has, or that are joined with one it has: the step that says how, by
    which column of it, which columns are asked for, and in which files what they are joined with lies.
    """

    name: str
    scan: FactQuery
    file: FactFile
    link: str
    loose: bool
    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    near: set[FactFile] = field(default_factory=set)

    def moved(self, node: SQL) -> SQL:
        """Return an expression over the tables as one over these rows."""
        asked = {(column.table, column.name) for column in node.find_all(exp.Column)}
        self.columns |= asked
        return reading_kept(node.copy(), {table for table, _ in asked})

    def query(self, wider: Mapping[str, Set[str]]) -> exp.Select:
        """Return the query of the rows; tables that rows gave way in are read in these files."""
        here, own = self.file.table, self.scan.table
        query = keeping(self.scan.joined(self.tables), self.columns)
        if here != own and not self.link:
            query = join(query, here, same("order_id", here, own), inner=True)
        elif here != own:
            query = query.where(known(exp.column(self.link, here)), copy=False)
        # What gave way was joined with other files, too.
        near = {} if wider else paths_of(self.near)
        read_only(query, {**near, **wider, here: {self.file.path}})
        return query.distinct(copy=False) if self.loose else query


@dataclass
class NewRows:
    """Says of steps whose rows count because of new files; `tables` are to be filled for that.

    `changed` are files of rows that gave way, and of those that took their place: new as those of any other,
    and what new rows are joined with as it was, and as it is.
    """

    inputs: Inputs
    changed: set[FactFile] = field(default_factory=set)
    _joined: dict[tuple[str, FactFile, str, bool], Joined] = field(default_factory=dict)
    _owed: dict[tuple[FactFile, str], tuple[str, exp.Query]] = field(default_factory=dict)

    def tables(self) -> Iterator[tuple[str, exp.Query]]:
        """Yield the tables that the queries read, and what fills each."""
        wider = self.wider()
        for joined in self._joined.values():
            yield joined.name, joined.query(wider)
        yield from self._owed.values()

    def wider(self) -> dict[str, set[str]]:
        """Return, of the tables some rows of which gave way, all files and those with these rows."""
        found = paths_of(self.changed)
        for table, paths in found.items():
            paths |= {file.path for file in self.inputs.layout.files(table)}
        return found

    def counting(self, scan: FactQuery, file: FactFile) -> exp.Select | None:
        """Return the query of the merchants whose rows can count in the step because of the file; None where
        nothing says how these are joined.

        What an order is owed to, and the lines that a refund is told apart by, are not looked at: they are no
        conditions here.
        """
        plain, here = _plain(scan), file.table
        links = {link.table: (link.columns[0], needed) for link, _, needed in plain.joins()}
        if here not in (scan.table, *links) and not _of_one_order(here, scan.table):
            return None
        link, needed = links.get(here, ("", True))
        loose = not needed
        key = scan.table, file, link, loose
        if key not in self._joined:
            name = f"new_{scan.table}_{len(self._joined) + 1}"
            self._joined[key] = Joined(name, plain, file, link, loose)
        joined = self._joined[key]
        joined.tables |= plain.used
        joined.near |= self.inputs.of(scan)
        query = exp.select(exp.alias_(joined.moved(scan.merchant()), "merchant_id"))
        query = query.from_(joined.name)
        if loose:
            return query  # without it a row was another one, which may have counted
        holds = [*plain.present(), *scan.conditions(parts=True)]
        solid = (one for one in holds if _is_solid(one, scan, {scan.table, *links}))
        return query.where(*(joined.moved(one) for one in solid), copy=False)

    def owed(self, program: Program, file: FactFile) -> exp.Select | None:
        """Return the query of the merchants an order of whom can be owed to a visit of the file; None where
        there is none.
        """
        attribution, span = program.attribution, file.span("visited_at")
        if attribution is None or span is None:
            return None
        first = bound_sql(span[0].replace(tzinfo=UTC))
        holds: list[SQL] = [exp.GTE(this=exp.column("placed_at", "orders"), expression=first)]
        if {ref.table for ref in columns(attribution.clicks.tree)} == {"visits"}:
            holds.append(Renderer(program.schedule.zone).flag(attribution.clicks.tree))
        query = exp.select("visits.merchant_id").distinct().from_("visits")
        query = query.join("orders", on=could_be(program, attribution), copy=False)
        query = query.where(*holds, copy=False)
        read_only(query, {**self.wider(), "visits": {file.path}})
        key = file, query.sql()
        if key not in self._owed:
            self._owed[key] = f"new_owed_{len(self._owed) + 1}", query
        return exp.select("merchant_id").from_(self._owed[key][0])


def _plain(scan: FactQuery) -> FactQuery:
    """Return how the step's rows are joined before anybody asks what an order is owed to, and before refunds
    are told apart by line.
    """
    plain = replace(scan, by_line=False)
    plain.used = scan.used - {CLICKS, *(BY_LINE_TABLES if scan.by_line else ())}
    return plain


def _of_one_order(*tables: str) -> bool:
    return all("order_id" in TABLES[table].by_name for table in tables)


def _is_solid(condition: SQL, scan: FactQuery, tables: set[str]) -> bool:
    """Return whether a condition is about nothing but what is joined here."""
    return all(
        column.table in tables
        and not (scan.by_line and column.table == "refunds" and column.name in BY_LINE_COLUMNS)
        for column in condition.find_all(exp.Column)
    )
