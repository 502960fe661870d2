"""Writing checked facts: sorted canonical Parquet files, the quarantined rows beside them, and the seal."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.errors import N_, DataError, InvariantBroken, message
from cogrow.facts import FactFiles, Table
from cogrow.sources import seal
from cogrow.sources.mapping import QUARANTINE
from cogrow.sources.months import MONTHLY, Stretch, split
from cogrow.sources.parts import BITS
from cogrow.sources.reading import Reading
from cogrow.sources.report import FactsReport
from cogrow.sources.sql import literal, quoted
from cogrow.sources.staging import Staged

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Rows in a row group, DuckDB's own: the smallest piece of a file that is read or passed over.
ROW_GROUP = 122_880

_WRITING = N_("Writing facts")


def write(reading: Reading, out: Path, report: FactsReport) -> FactFiles:
    """Write accepted and quarantined rows of every table to the folder `out`, and seal it."""
    files: dict[str, list[Path]] = {}
    for at, (name, counts) in enumerate(report.tables.items()):
        reading.progress(_WRITING, at, len(report.tables))
        staged = reading.checks.staged[name]
        (out / name).mkdir()
        files[name] = []
        for file, query in _pieces(reading, staged.table):
            files[name].append(out / name / f"{file}.parquet")
            copy(reading.connection, query, files[name][-1])
        if counts.quarantined:
            (out / QUARANTINE).mkdir(exist_ok=True)
            copy(reading.connection, quarantined(staged), out / QUARANTINE / f"{name}.parquet")
    facts = seal.write(out, files)
    for name, counts in report.tables.items():
        rows, expected = facts.tables[name].rows, counts.written
        if rows != expected:
            what = N_("{table}: {rows} rows were written, not {expected}.")
            raise InvariantBroken(message(what, table=name, rows=rows, expected=expected))
    reading.progress(_WRITING, len(report.tables), len(report.tables))
    return facts


def _pieces(reading: Reading, table: Table) -> Iterator[tuple[str, str]]:
    """Yield the name and the query of each file of a table; of a table without rows, one of none."""
    rows = quoted(f"ok_{table.name}")
    if table.name not in MONTHLY:
        yield table.name, sorted_rows(table, rows)
        return
    months = by_month(reading, table, rows, "ok_orders")
    yield from ((one.month, query) for one, query in months)
    shutil.rmtree(reading.work / f"{table.name}.months", ignore_errors=True)
    if not months:
        yield table.name, f"{sorted_rows(table, rows, 'ok_orders')} LIMIT 0"


def by_month(reading: Reading, table: Table, rows: str, orders: str) -> list[tuple[Stretch, str]]:
    """Return the months of a relation, each with the query of its rows in their order.

    `orders` is a relation with all orders that the rows of a table of lines name. Works in
    `<table>.months` of the reading's folder.
    """
    columns = [column.name for column in table.columns]
    listed = ", ".join(f"t.{quoted(column)}" for column in columns)
    dated, source = _placed(table, rows, orders)
    folder = reading.work / f"{table.name}.months"
    query = f"SELECT {listed}, {dated} AS _at FROM {source}"
    return split(reading.connection, query, columns, list(table.key), folder)


def _placed(table: Table, rows: str, orders: str) -> tuple[str, str]:
    """Return what places a row `t` in time ("" for nothing), and the relation that has it."""
    if table.name == "order_lines":
        # Lines lie as their orders do, so that a period of time is a few row groups.
        return "o.placed_at", f"{rows} t JOIN {orders} o USING (order_id)"
    return f"t.{quoted(table.dated_by)}" if table.dated_by else "", f"{rows} t"


def sorted_rows(table: Table, rows: str, orders: str = "") -> str:
    """Return the query of a relation's rows by date, then key: the same bytes every time.

    `orders` is as for `by_month`.
    """
    dated, source = _placed(table, rows, orders)
    listed = ", ".join(f"t.{quoted(column.name)}" for column in table.columns)
    by = dict.fromkeys([*([dated] if dated else []), *(f"t.{quoted(key)}" for key in table.key)])
    return f"SELECT {listed} FROM {source} ORDER BY {', '.join(by)}"


def copy(connection: DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of a query to a Parquet file, in its order."""
    connection.execute(
        f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def quarantined(staged: Staged) -> str:
    """Return the query of a table's quarantined rows: codes, origin, our columns, source values."""
    name, bits = staged.table.name, staged.noted.bits
    noted = ", ".join(
        f"CASE WHEN (_w{bit // BITS} & {1 << (bit % BITS)}) <> 0"
        f" THEN {literal(f'{fault.code} {column}'.strip())} END"
        for (fault, column), bit in bits.items()
    )
    codes = f"list_concat(list_filter([{noted}], lambda x: x IS NOT NULL), coalesce(codes, []))"
    columns = ", ".join(quoted(column.name) for column in staged.table.columns)
    return (
        f"SELECT array_to_string({codes if noted else 'codes'}, ', ') AS _codes, _file, _row, _rows,"
        f" {columns}, _source FROM {quoted(f'staged_{name}')} LEFT JOIN (SELECT _id, list(code ORDER BY"
        f" code) AS codes FROM {quoted(f'bad_{name}')} GROUP BY _id) USING (_id)"
        f" WHERE {staged.faulty} OR codes IS NOT NULL ORDER BY _file, _row, _id"
    )


def refuse_to_overwrite(out: Path, source: Path) -> None:
    """Raise DataError where `out` holds anything but conformed facts, or holds the source itself."""
    in_use = out.exists() and not (out.is_dir() and not any(out.iterdir()))
    if in_use and not (out / seal.NAME).is_file():
        what = N_("{folder} exists and holds no conformed facts; it is not overwritten.")
        raise DataError(message(what, folder=out))
    if source.resolve().is_relative_to(out.resolve()):
        what = N_("{folder} holds the facts to read; it cannot also be where they are written.")
        raise DataError(message(what, folder=out))


def move_into_place(made: Path, out: Path) -> None:
    """Put the folder `made` where `out` is; what was there goes when the new one stands."""
    if not out.exists():
        made.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    old = out.rename(aside / "facts")
    try:
        made.rename(out)
    except OSError:
        old.rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
