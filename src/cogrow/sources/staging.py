"""First pass over facts: every row read once, each column converted, what is wrong noted beside it.

A staged table is a Parquet file of canonical columns plus `_file`, `_row`, `_rows` (how many source
rows it stands for), `_source` (the source's values, for rows at fault) and fault words: bit n of the
words says that fault n was found in the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogrow.errors import Issue, Span
from cogrow.facts import TABLES, Column, Kind, Table
from cogrow.sources.columns import kind_of
from cogrow.sources.faults import COLUMN_MISSING, COLUMN_NEW, COLUMNS_EMPTY, MALFORMED, Fault
from cogrow.sources.mapping import imported_table
from cogrow.sources.parts import BITS, Noted, Plan, RenderedPart
from cogrow.sources.sql import literal, parquet, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table ready to be staged: `table` has exactly the columns found, `query` makes the rows.

    `rows` counts the rows of the sources before any filter, `lines` the lines that are no rows.
    """

    table: Table
    query: str
    noted: Noted
    rows: int
    lines: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged table; `read` counts source rows read, `left_out` those a filter kept out."""

    table: Table
    path: Path
    noted: Noted
    read: int
    left_out: int

    @property
    def relation(self) -> str:
        """Return SQL that can stand after FROM: the staged rows, numbered by `_id`."""
        rows = parquet(self.path, file_row_number="true")
        return f"(SELECT * RENAME (file_row_number AS _id) FROM {rows})"

    @property
    def faulty(self) -> str:
        """Return the SQL condition that a staged row has a fault."""
        return "(" + " | ".join(f"_w{word}" for word in range(self.noted.words)) + ") <> 0"


def _columns(
    table: Table, parts: list[RenderedPart], there: Mapping[str, Kind] | None
) -> tuple[Column, ...]:
    """Return the columns some part has: the contract's in its order, then others as they come.

    Rows for a table that is `there` get its columns, no more and no less.
    """
    if there is not None:
        return tuple(
            table.by_name.get(name) or Column(name, kind, optional=True)
            for name, kind in there.items()
        )
    found: dict[str, Column] = {}
    for part in parts:
        for name, value in part.values.items():
            kind = kind_of(name, value.type)
            found.setdefault(name, table.by_name.get(name) or Column(name, kind, optional=True))
    # Refunds always say which order they undo, be it that nobody knows: readers join them by it.
    always = ("order_id",) if table.name == "refunds" else ()
    ours = [c for c in table.columns if c.name in found or c.name in always]
    return (*ours, *(column for name, column in found.items() if name not in table.by_name))


def prepare(
    connection: DuckDBPyConnection, plan: Plan, there: Mapping[str, Kind] | None = None
) -> tuple[Prepared | None, list[Issue]]:
    """Return the query that stages a table, or None, with everything wrong in its expressions.

    `there` are the columns of the facts the rows are to be added to.
    """
    noted = Noted()
    parts = [RenderedPart(plan, part, noted) for part in plan.parts]
    table = replace(plan.table, columns=_columns(plan.table, parts, there))
    for part in parts:
        for column in table.columns:
            part.make(column)
    issues = [issue for part in parts for issue in part.issues]
    told: list[Issue] = []
    if there is not None:
        wrong, told = _beside(plan, noted, parts, there)
        issues += wrong
    if issues:
        return None, [*issues, *told]
    broken = {(file, path) for part in plan.parts for file, path in part.variant.lines}
    if broken:
        noted.bit(MALFORMED, "")
        noted.used[""] = ["line", "problem"]
    queries = [part.sql(table) for part in parts]
    rows = sum(part.variant.rows for part in plan.parts)
    lines = 0
    for file, path in sorted(broken):
        queries.append(_lines(table, noted, file, path))
        counted = connection.execute(f"SELECT count(*) FROM {parquet(path)}").fetchone()
        lines += int(counted[0]) if counted else 0
    query = " UNION ALL ".join(f"({query})" for query in queries)
    distinct = any(part.selection.distinct for part in plan.parts)
    if distinct:
        extremes = {name: how for part in parts for name, how in part.extremes.items()}
        query = _distinct(table, noted, query, extremes)
    else:
        query = f"SELECT *, CAST(1 AS BIGINT) AS _rows FROM ({query})"
    return Prepared(table, query, noted, rows, lines), told


def _beside(
    plan: Plan, noted: Noted, parts: list[RenderedPart], there: Mapping[str, Kind]
) -> tuple[list[Issue], list[Issue]]:
    """Return what forbids that rows are put beside others for their columns, and what is to be told."""
    table = plan.table.name
    found = {name for part in parts for name in part.part.selection.columns}
    # Without its key a row of an imported table is none.
    key = imported_table(table, set(there)).key if table not in TABLES else ()
    lacking = [name for name in there if name not in found]

    def issue(fault: Fault, name: str, **params: Any) -> Issue:
        place = noted.places.get(name, plan.place)
        where = Span(place.file, place.line, place.column, f"{table}.{name}" if name else table)
        return fault.issue(where, table=table, column=name, **params)

    wrong = [issue(COLUMN_NEW, name) for name in sorted(found - there.keys())]
    wrong += [
        issue(COLUMN_MISSING, name, found=", ".join(sorted(found)))
        for name in lacking
        if name in key
    ]
    told = [issue(COLUMNS_EMPTY, "", columns=", ".join(lacking))] if lacking else []
    return wrong, told


def _lines(table: Table, noted: Noted, file: str, path: Path) -> str:
    """Return the query of lines that are no rows: all columns NULL, one fault."""
    nothing = ", ".join(f"CAST(NULL AS {c.kind.value}) AS {quoted(c.name)}" for c in table.columns)
    bit = noted.bit(MALFORMED, "")
    words = ", ".join(
        f"CAST({1 << (bit % BITS) if bit // BITS == word else 0} AS BIGINT) AS _w{word}"
        for word in range(noted.words)
    )
    source = "CAST(json_object('line', content, 'problem', problem) AS VARCHAR)"
    return (
        f"SELECT {nothing}, {literal(file)} AS _file, CAST(line AS BIGINT) AS _row,"
        f" {source} AS _source, {words} FROM {parquet(path)}"
    )


def _distinct(table: Table, noted: Noted, query: str, extremes: dict[str, str]) -> str:
    """Return the query of distinct rows: one for each content, its extremes over the rows like it.

    Rows at fault stay single, so that each is reported where it stands.
    """
    words = [f"_w{word}" for word in range(noted.words)]
    fault = "(" + " | ".join(words) + ") <> 0"
    ours = ", ".join(
        f"{extremes[c.name]}({quoted(c.name)}) AS {quoted(c.name)}"
        if c.name in extremes
        else quoted(c.name)
        for c in table.columns
    )
    same = [quoted(c.name) for c in table.columns if c.name not in extremes]
    alone = [f"CASE WHEN {fault} THEN {name} END" for name in ("_file", "_row", "_source")]
    first = "min({'file': _file, 'row': _row})"
    return (
        f"SELECT {ours}, {first}.file AS _file, {first}.row AS _row, min(_source) AS _source,"
        f" {', '.join(words)}, count(*) AS _rows FROM ({query})"
        f" GROUP BY {', '.join([*same, *words, *alone])}"
    )


def stage(connection: DuckDBPyConnection, prepared: Prepared, path: Path) -> Staged:
    """Read all rows of a table and write them, converted and flagged, to `path`.

    Raises duckdb.Error where a source breaks while it is read.
    """
    connection.execute(f"COPY ({prepared.query}) TO {literal(str(path))} (FORMAT parquet)")
    counted = connection.execute(f"SELECT coalesce(sum(_rows), 0) FROM {parquet(path)}").fetchone()
    read = int(counted[0]) if counted else 0
    left_out = prepared.rows - (read - prepared.lines)
    return Staged(prepared.table, path, prepared.noted, read, left_out)
