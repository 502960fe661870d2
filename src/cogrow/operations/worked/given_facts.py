"""Facts from the few words of a worked example: rows with keys and dates filled in, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from cogrow.errors import N_, Issue, Message, Span, message, nearest
from cogrow.expressions.resolve import UNIT_WORDS
from cogrow.expressions.scope import RowScope
from cogrow.expressions.syntax import ExpressionError, Name
from cogrow.expressions.tree import ColumnRef
from cogrow.facts import TABLES, Column, FactFiles, Kind, TableFiles
from cogrow.ids import content_hash
from cogrow.money import parse_number, to_minor
from cogrow.programs.program import Example, Program

MERCHANT = "example"


@dataclass
class GivenFacts:
    """Gathers the rows of an example by table. Every row is of one merchant."""

    program: Program
    example: Example
    issues: list[Issue]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def complain(self, path: str, what: Message, hint: Message | None = None) -> None:
        """Add an issue at the example's `given`, naming the place inside it."""
        place = self.example.given_place
        where = Span(place.file, place.line, place.column, f"{place.path}.{path}")
        self.issues.append(Issue("PRG040", what, where, hint=hint))

    def add_all(self) -> None:
        """Turn everything given into rows, and add the merchant and parents nobody wrote."""
        for table, given in self.example.given.items():
            if table in ("merchant", "merchants"):
                self.add("merchants", "merchant", given if isinstance(given, dict) else {})
                continue
            if table not in TABLES:
                what = message(N_("There is no table of facts called `{name}`."), name=table)
                self.complain(table, what, nearest(table, TABLES))
                continue
            if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
                self.complain(table, message(N_("Write a list of rows.")))
                continue
            for position, row in enumerate(given):
                self.add(table, f"{table}[{position}]", row)
        if "merchants" not in self.rows:
            self.rows["merchants"] = [{"merchant_id": MERCHANT}]

    def add(self, table: str, path: str, given: Mapping[str, Any]) -> None:
        """Add one row of `table`; words of the tables it leads to make rows there."""
        number = len(self.rows.get(table, [])) + 1
        made: dict[str, dict[str, Any]] = {table: self._keys(table, number)}
        scope = RowScope(self.program.schema, table)
        for word, text in given.items():
            head, _, tail = word.rpartition(".")
            try:
                found = scope.name(Name(tail, head, at=0))
            except ExpressionError as error:
                self.complain(f"{path}.{word}", error.what, error.hint)
                continue
            if not isinstance(found, ColumnRef):
                raise AssertionError(found)
            column = self._column(found)
            value = self._value(column, text)
            if value is None and text is not None:
                kind = message(UNIT_WORDS[found.unit])
                what = message(N_("{found} is not {kind}."), found=repr(text), kind=kind)
                self.complain(f"{path}.{word}", what)
            made.setdefault(found.table, {})[found.column] = value
        self._link(table, made, number)

    def _column(self, ref: ColumnRef) -> Column:
        columns = self.program.schema.tables[ref.table].values()
        return next(column for column in columns if column.name == ref.column)

    def _keys(self, table: str, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for column in TABLES[table].columns:
            if column.name == "merchant_id":
                row[column.name] = MERCHANT
            elif column.name in TABLES[table].key:
                row[column.name] = self._default(column, number)
        return row

    def _default(self, column: Column, number: int) -> Any:
        """Return what stands in a key nobody wrote; dates are the first noon of the period."""
        if column.kind in (Kind.INSTANT, Kind.DAY):
            return self._value(column, f"{self.example.period.start} 12:00")
        return number if column.kind is not Kind.TEXT else f"{column.name}-{number}"

    def _link(self, table: str, made: dict[str, dict[str, Any]], number: int) -> None:
        """Put the row and its parents in place, joined by their keys."""
        row = made[table]
        if table in ("order_lines", "refunds", "returns"):
            order_id = row.setdefault("order_id", f"order_id-{number}")
            known = [order["order_id"] for order in self.rows.get("orders", [])]
            if table == "order_lines" or "orders" in made or order_id not in known:
                self._put(
                    "orders",
                    {
                        "order_id": order_id,
                        "merchant_id": MERCHANT,
                        "currency": self.program.currency,
                        **made.pop("orders", {}),
                    },
                )
        if table == "order_lines":
            row.setdefault("product_id", f"product_id-{number}")
            self._put(
                "products",
                {
                    "product_id": row["product_id"],
                    "merchant_id": MERCHANT,
                    **made.pop("products", {}),
                },
            )
        self._put(table, row)
        for parent, values in made.items():
            if parent == "merchants":
                self._put(parent, {"merchant_id": MERCHANT, **values})

    def _put(self, table: str, row: dict[str, Any]) -> None:
        """Add a row, or fill in the one with the same key."""
        have, key = self.rows.setdefault(table, []), TABLES[table].key
        for other in have:
            if all(other.get(name) == row.get(name) for name in key):
                other.update({name: value for name, value in row.items() if value is not None})
                return
        for column in TABLES[table].columns:
            dated = column.name in (TABLES[table].dated_by, self.program.qualifying.dated_by)
            if column.kind in (Kind.INSTANT, Kind.DAY) and dated:
                row.setdefault(column.name, self._default(column, 1))
            if column.name == "currency" and column.kind is Kind.TEXT:
                row.setdefault("currency", self.program.currency)
        have.append(row)

    def _value(self, column: Column, text: Any) -> Any:
        """Return `text` as the column holds it, None where it cannot be."""
        if not isinstance(text, str):
            return None
        if column.kind is Kind.TEXT:
            return text
        if column.kind is Kind.FLAG:
            return {"true": True, "false": False}.get(text.lower())
        if column.kind in (Kind.INSTANT, Kind.DAY):
            return self._date(column.kind, text)
        number = parse_number(text.removesuffix(f" {self.program.currency}"))
        if number is None:
            return None
        if column.kind is Kind.MONEY:
            return to_minor(number, self.program.currency)
        if column.kind is Kind.COUNT:
            return int(number) if number.denominator == 1 else None
        scaled: Fraction = number * 10**6
        return Decimal(scaled.numerator).scaleb(-6) if scaled.denominator == 1 else None

    def _date(self, kind: Kind, text: str) -> datetime | date | None:
        try:
            if kind is Kind.DAY:
                return date.fromisoformat(text[:10])
            local = datetime.fromisoformat(text)
        except ValueError:
            return None
        if len(text) == 10:
            local = datetime.combine(local.date(), time(12))
        return local.replace(tzinfo=self.program.schedule.zone).astimezone(UTC).replace(tzinfo=None)


def write_given(program: Program, example: Example, folder: Path, issues: list[Issue]) -> FactFiles:
    """Write the facts an example gives as Parquet in `folder`; adds issues for what cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = GivenFacts(program, example, issues)
    given.add_all()
    types = {
        Kind.TEXT: pa.string(),
        Kind.MONEY: pa.int64(),
        Kind.COUNT: pa.int32(),
        Kind.NUMBER: pa.decimal128(18, 6),
        Kind.INSTANT: pa.timestamp("us"),
        Kind.DAY: pa.date32(),
        Kind.FLAG: pa.bool_(),
    }
    files: dict[str, TableFiles] = {}
    for name in sorted(program.schema.tables):
        columns = {column.name: column.kind for column in program.schema.tables[name].values()}
        if name == "refunds":
            columns = {c: k for c, k in columns.items() if c not in ("merchant_id", "currency")}
        schema = pa.schema([(column, types[kind]) for column, kind in columns.items()])
        table = pa.Table.from_pylist(given.rows.get(name, []), schema=schema)
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        files[name] = TableFiles((str(path),), columns, table.num_rows)
    return FactFiles(str(folder), files, content_hash(str(example.given).encode()))
