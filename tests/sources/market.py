"""One small marketplace, and every way a source can hold it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from cogrow.embedded import Limits
from cogrow.facts import TABLES, Kind
from tests.fact_files import ARROW

Row = dict[str, Any]
Market = dict[str, list[Row]]

LIMITS = Limits(memory="400MB", threads=2)

#: Columns no contract names, and what they hold.
OWN = {"region": Kind.TEXT, "bonus_minor": Kind.MONEY, "sales_minor": Kind.MONEY}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def market() -> Market:
    """Return facts with nothing wrong in them."""
    names = (("m1", "一号店", "华东"), ("m2", "Two, Ltd", None), ("m3", 'Three "3"', "x"))
    lines = [(n, line) for n in range(1, 6) for line in (1, 2)]
    refunds = (
        ("r1", "o1", 1, "2025-05-01 00:00:00", 1001),
        ("r2", "o2", None, "2025-04-30 23:59:59", 7),
    )
    return {
        "merchants": [
            {"merchant_id": m, "name": name, "category": "apparel", "industry": "apparel",
             "joined_on": date(2020, 1, n), "brand_score": Decimal("88.500000"), "region": region,
             "bonus_minor": 100 * n}
            for n, (m, name, region) in enumerate(names, start=1)
        ],
        "products": [
            {"product_id": f"p{n}", "merchant_id": "m1", "category": "shirts",
             "listed_at": date(2024, 5, n)}
            for n in (1, 2)
        ],
        "orders": [
            {"order_id": f"o{n}", "merchant_id": f"m{1 + n % 2}", "buyer_id": f"b{n}",
             "currency": "CNY", "placed_at": at(f"2025-04-{10 - n:02} 03:04:05"),
             "status": "completed" if n % 2 else None}
            for n in range(1, 6)
        ],
        "order_lines": [
            {"order_id": f"o{n}", "line_no": line, "product_id": f"p{line}", "quantity": line,
             "paid_minor": 1000 * n + line}
            for n, line in lines
        ],
        "refunds": [
            {"refund_id": refund, "order_id": order, "line_no": line, "refunded_at": at(when),
             "refunded_minor": minor}
            for refund, order, line, when, minor in refunds
        ],
        "ad_spend": [
            {"merchant_id": "m1", "platform": "video", "campaign_id": "c1", "day": date(2025, 4, 1),
             "spend_minor": 99, "currency": "CNY", "verified": True},
        ],
        "last_year": [{"merchant_id": "m1", "period": "2024Q2", "sales_minor": -5}],
    }  # fmt: skip


def table_of(folder: Path, table: str) -> pa.Table:
    """Return the rows of a table in a folder of facts, file after file."""
    files = sorted((folder / table).glob("*.parquet"), key=lambda path: path.stem)
    files = files or [folder / f"{table}.parquet"]
    parts = [pq.read_table(file, partitioning=None) for file in files]
    return pa.concat_tables(parts, promote_options="default")  # one may have nulls, another none


def kind_of(table: str, column: str) -> Kind:
    contract = TABLES[table].by_name if table in TABLES else {}
    return contract[column].kind if column in contract else OWN.get(column, Kind.TEXT)


def columns_of(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def csv_text(rows: list[Row], names: list[str], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([as_text(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def csv_folder(folder: Path, facts: Market) -> Path:
    """Write `<table>.csv` each."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in facts.items():
        (folder / f"{table}.csv").write_text(csv_text(rows, columns_of(rows)), encoding="utf-8")
    return folder


def packed_csv_folder(folder: Path, facts: Market) -> Path:
    """Write `<table>/…`, a packed file for each half of the rows, columns in another order in each."""
    for table, rows in facts.items():
        (folder / table / "deep").mkdir(parents=True, exist_ok=True)
        names, half = columns_of(rows), (len(rows) + 1) // 2
        parts = ((rows[:half], names), (rows[half:], names[::-1]))
        for n, (part, order) in enumerate(parts):
            content = gzip.compress(csv_text(part, order, "\t").encode())
            (folder / table / "deep" / f"part{n}.csv.gz").write_bytes(content)
    return folder


def parquet_folder(folder: Path, facts: Market) -> Path:
    """Write `<table>.parquet` each, in the types of the contract."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in facts.items():
        data = {
            name: pa.array([row.get(name) for row in rows], ARROW[kind_of(table, name)])
            for name in columns_of(rows)
        }
        pq.write_table(pa.table(data), folder / f"{table}.parquet")
    return folder


_LOOSE: Mapping[Kind, tuple[pa.DataType, Callable[[Any], Any]]] = {
    Kind.MONEY: (pa.float64(), float),
    Kind.COUNT: (pa.decimal128(10, 2), Decimal),
    Kind.NUMBER: (pa.float64(), float),
    Kind.INSTANT: (pa.timestamp("ns", "Asia/Shanghai"), lambda value: value.replace(tzinfo=UTC)),
    Kind.DAY: (pa.string(), str),
    Kind.FLAG: (pa.string(), lambda value: "yes" if value else "no"),
    Kind.TEXT: (pa.string(), str),
}


def loose_parquet_folder(folder: Path, facts: Market) -> Path:
    """Write `<table>/…` in types that are not the contract's: floats, decimals, zoned times, text."""
    for table, rows in facts.items():
        (folder / table).mkdir(parents=True, exist_ok=True)
        for n, row in enumerate(rows):
            data = {}
            for name in columns_of(rows):
                type_, convert = _LOOSE[kind_of(table, name)]
                value = row.get(name)
                data[name] = pa.array([None if value is None else convert(value)], type_)
            pq.write_table(pa.table(data), folder / table / f"{n:03}.parquet")
    return folder


def _foreign(table: str, name: str, value: Any, zone: ZoneInfo) -> Any:
    """Return a value as a merchant system in Shanghai might write it."""
    kind = kind_of(table, name)
    if value is None:
        return None
    if kind is Kind.MONEY:
        return Decimal(value).scaleb(-2)
    if kind is Kind.INSTANT:
        local = value.replace(tzinfo=UTC).astimezone(zone)
        return f"{local:%d/%m/%Y %H:%M:%S}"
    return value


def mapped_csv(folder: Path, facts: Market) -> Path:
    """Write foreign CSV files in GB 18030 and a mapping: other names, local times, money in yuan."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    zone = ZoneInfo("Asia/Shanghai")
    inputs, tables, imported = "", "", ""
    for table, rows in facts.items():
        ours = columns_of(rows)
        theirs = {name: f"列 {n}" for n, name in enumerate(ours)}
        foreign = [{theirs[n]: _foreign(table, n, row.get(n), zone) for n in ours} for row in rows]
        content = csv_text(foreign, list(theirs.values()), ";")
        (folder / "data" / f"{table}.txt").write_bytes(content.encode("gb18030"))
        names = "".join(f"      x{n}: {theirs[name]}\n" for n, name in enumerate(ours))
        inputs += f"  {table}:\n    from: data/{table}.t*\n    csv: {{encoding: gb18030}}\n"
        inputs += f"    names:\n{names}"
        entry = f"  {table}:\n    from: {table}\n    columns:\n"
        for n, name in enumerate(ours):
            kind = kind_of(table, name)
            form = f"x{n}"
            if kind is Kind.MONEY:
                form = f"{{money: x{n}, rounding: exact}}"
            elif kind is Kind.INSTANT:
                form = f"instant(x{n}, '%d/%m/%Y %H:%M:%S')"
            elif kind is Kind.NUMBER:
                form = f"number(x{n})"
            entry += f"      {name}: {form}\n"
        if table in TABLES:
            tables += entry
        else:
            imported += entry
    path = folder / "mapping.yaml"
    head = "timezone: Asia/Shanghai\ncurrency: CNY\n"
    body = f"{head}inputs:\n{inputs}tables:\n{tables}" + (
        f"imported:\n{imported}" if imported else ""
    )
    path.write_text(body, encoding="utf-8")
    return path


def mapped_parquet(folder: Path, facts: Market) -> Path:
    """Write Parquet files of local times and a mapping that calls every column by another name."""
    zone = ZoneInfo("America/New_York")
    shifted = {
        table: [
            {
                name: value.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
                if isinstance(value, datetime)
                else value
                for name, value in row.items()
            }
            for row in rows
        ]
        for table, rows in facts.items()
    }
    parquet_folder(folder / "raw", shifted)
    lines = ["timezone: America/New_York", "inputs:"]
    for table, rows in facts.items():
        names = ", ".join(f"their_{name}: {name}" for name in columns_of(rows))
        lines += [f"  {table}:", f"    from: raw/{table}.parquet", f"    names: {{{names}}}"]
    for group, chosen in (("tables", True), ("imported", False)):
        listed = [table for table in facts if (table in TABLES) is chosen]
        lines += [f"{group}:"] if listed else []
        for table in listed:
            pairs = ", ".join(f"{name}: their_{name}" for name in columns_of(facts[table]))
            lines += [f"  {table}:", f"    from: {table}", f"    columns: {{{pairs}}}"]
    path = folder / "mapping.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


Maker = Callable[[Path, Market], Path]

SOURCES: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        csv_folder,
        packed_csv_folder,
        parquet_folder,
        loose_parquet_folder,
        mapped_csv,
        mapped_parquet,
    )
}
