"""Facts as people write them in a test, a list of rows per table, put into canonical Parquet files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cogrow.facts import TABLES, Column, FactFiles, Kind, TableFiles

Row = dict[str, Any]
Facts = Mapping[str, Sequence[Row]]

ARROW = {
    Kind.TEXT: pa.string(),
    Kind.MONEY: pa.int64(),
    Kind.COUNT: pa.int32(),
    Kind.NUMBER: pa.decimal128(18, 6),
    Kind.INSTANT: pa.timestamp("us"),
    Kind.DAY: pa.date32(),
    Kind.FLAG: pa.bool_(),
}


def instant(text: str) -> datetime:
    """Return an instant as facts hold it: UTC, without saying so."""
    return datetime.fromisoformat(text)


def columns_of(
    table: str, rows: Sequence[Row], declared: Mapping[str, Kind], *, complete: bool
) -> dict[str, Kind]:
    """Return the columns of a table: the required ones and those the rows name, or (`complete`) every
    column the contract and the program know."""
    canonical = TABLES[table].by_name if table in TABLES else {}
    always = [column.name for column in canonical.values() if complete or not column.optional]
    always += ["merchant_id"] if not canonical else []
    always += declared if complete else []
    named = dict.fromkeys([*always, *(name for row in rows for name in row)])
    kinds = {name: canonical.get(name, Column(name, Kind.TEXT)).kind for name in named}
    return {name: declared.get(name, kind) for name, kind in kinds.items()}


def arrow_table(rows: Sequence[Row], columns: Mapping[str, Kind]) -> pa.Table:
    data = {}
    for name, kind in columns.items():
        values = [row.get(name) for row in rows]
        if kind is Kind.NUMBER:
            values = [None if value is None else Decimal(str(value)) for value in values]
        data[name] = pa.array(values, ARROW[kind])
    return pa.table(data)


def write(
    folder: Path,
    facts: Facts,
    *,
    declared: Mapping[str, Mapping[str, Kind]] | None = None,
    files: int = 1,
    complete: bool = False,
) -> FactFiles:
    """Write each table of `facts` as `files` Parquet files under `folder`, rows in the order given."""
    tables = {}
    for table, rows in facts.items():
        columns = columns_of(table, rows, (declared or {}).get(table, {}), complete=complete)
        whole = arrow_table(rows, columns)
        paths, hashes = [], []
        for number in range(files):
            part = whole.slice(
                number * len(rows) // files,
                (number + 1) * len(rows) // files - number * len(rows) // files,
            )
            path = folder / table / f"part-{number}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(part, path)
            paths.append(str(path))
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        named = frozenset(row["currency"] for row in rows if row.get("currency") is not None)
        known = named if "currency" in columns else None
        tables[table] = TableFiles(tuple(paths), columns, len(rows), tuple(hashes), known)
    return FactFiles(str(folder), tables, "test")
