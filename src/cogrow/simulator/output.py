"""The folder a simulation is written to: canonical tables as Parquet, put in place when complete.

Integers, days and instants without nulls are delta-packed, words of small vocabularies are dictionaries, ids
that rise are compressed, ids that are scattered are plain: each the cheapest to write of what
DuckDB reads at full speed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from cogrow.errors import N_, DataError, message, named
from cogrow.facts import TABLES, Kind, TableFiles

#: DuckDB works through Parquet in vectors grouped by this many rows.
ROWS_PER_GROUP = 122_880

#: Rows made at a time: their columns stay in the processor's cache, and eight blocks are a row group.
BLOCK = ROWS_PER_GROUP // 8

#: The columns where a null says that something has not happened or is not known; others have none.
MAY_BE_NULL = frozenset(
    (
        *("paid_at", "shipped_at", "delivered_at", "confirmed_at", "carrier", "campaign_id"),
        *("platform", "product_id", "line_no", "left_at", "left_on"),
        *("shipped_back_at", "completed_at"),
    )
)

#: Columns beside those of the contract, in tables that take further ones.
OWN_COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    "merchants": {"annual_fee_minor": Kind.MONEY},
    "merchant_scores": {"cancel_rate": Kind.NUMBER, "inventory_score": Kind.NUMBER},
}

#: Lists what a simulation wrote, so that a later one may replace it and nothing else.
MARKER = "simulation.json"
#: What cogrow adds to any facts, without making a simulation's folder somebody's: their seal, and the
#: folder of what it adds up of them.
SEAL, ROLLUPS = "facts.json", ".rollups"


#: Columns that rows of one table are joined with rows of another by.
JOINED = frozenset({"order_id", "product_id"})


class Part:
    """One Parquet file in the making; a context manager. `rows` is how many it was given."""

    def __init__(self, path: Path, table: str) -> None:
        self.path = path
        self.rows = 0
        self._table = TABLES[table]
        self._schema: pa.Schema | None = None
        self._writer: pq.ParquetWriter | None = None
        self._batches: list[pa.RecordBatch] = []
        self._held = 0

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()

    def append(self, columns: Mapping[str, pa.Array]) -> None:
        """Add rows, written when there is a row group of them; every call has the same columns."""
        if self._schema is None:
            self._schema = self._schema_of(columns)
        arrays = list(columns.values())
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._held += self._batches[-1].num_rows
        self.rows += self._batches[-1].num_rows
        if self._held >= ROWS_PER_GROUP:
            self._flush()

    def _schema_of(self, columns: Mapping[str, pa.Array]) -> pa.Schema:
        optional = {column.name for column in self._table.columns if column.optional}
        return pa.schema([
            pa.field(name, array.type, nullable=name in MAY_BE_NULL & optional)
            for name, array in columns.items()
        ])  # fmt: skip

    def _flush(self) -> None:
        if self._batches:
            rows = pa.Table.from_batches(self._batches)
            self._writer = self._writer or self._open(rows.schema)
            self._writer.write_table(rows, row_group_size=ROWS_PER_GROUP)
            self._batches, self._held = [], 0

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        text = {f.name for f in schema if pa.types.is_string(f.type)}
        coded = [f.name for f in schema if pa.types.is_dictionary(f.type)]
        rising = text & {"order_id"} & set(self._table.key)
        packed = {
            f.name: "DELTA_BINARY_PACKED"
            for f in schema
            if not f.nullable and (pa.types.is_integer(f.type) or pa.types.is_temporal(f.type))
        }
        return pq.ParquetWriter(
            self.path,
            schema,
            version="2.6",
            compression={name: "snappy" if name in rising else "none" for name in schema.names},
            use_dictionary=coded,
            column_encoding=packed,
            # Bounds prune rows by instant, day and the order they are of, say which files can be joined,
            # and let DuckDB sum amounts in 64 bits; anything else spans everything in every row group.
            write_statistics=[
                f.name
                for f in schema
                if f.name in JOINED or pa.types.is_int64(f.type) or pa.types.is_temporal(f.type)
            ],
            write_batch_size=16_384,
            store_decimal_as_integer=True,
            store_schema=False,
        )


class Tables:
    """The tables of one folder, file by file, and what has been written of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[str, list[Part]] = {}
        self._columns: dict[str, Mapping[str, Kind]] = {}

    @contextmanager
    def part(self, table: str, name: str) -> Iterator[Part]:
        """Open `table/name.parquet` for writing; it counts as written when the block ends well."""
        (self._folder / table).mkdir(exist_ok=True)
        with Part(self._folder / table / f"{name}.parquet", table) as part:
            yield part
        self._parts.setdefault(table, []).append(part)

    def write(self, table: str, columns: Mapping[str, pa.Array], name: str | None = None) -> None:
        """Write a whole file: `table/name.parquet`, called as the table where no name is given."""
        with self.part(table, name or table) as part:
            part.append(columns)

    def written(self, folder: Path) -> dict[str, TableFiles]:
        """Return what was written, in the canonical order, as it will be found in `folder`."""
        found = {}
        for table, parts in sorted(self._parts.items(), key=lambda kv: list(TABLES).index(kv[0])):
            names = pq.read_schema(parts[0].path).names
            found[table] = TableFiles(
                tuple(str(folder / p.path.relative_to(self._folder)) for p in parts),
                {name: _kind(table, name) for name in names},
                sum(part.rows for part in parts),
            )
        return found


def _kind(table: str, column: str) -> Kind:
    """Return what a column holds. Raises KeyError for one that nobody declares."""
    found = TABLES[table].by_name.get(column)
    return OWN_COLUMNS[table][column] if found is None else found.kind


def is_simulation(folder: Path) -> bool:
    """Tell whether `folder` holds an earlier simulation and nothing else.

    It does when its simulation.json lists every file in it, the seal and roll-ups apart: a file that
    somebody added makes the folder theirs.
    """
    try:
        listed = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    there = (p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir())
    facts = {path.as_posix() for path in there if path.parts[0] != ROLLUPS}
    return isinstance(listed, list) and facts <= {*map(str, listed), MARKER, SEAL}


@contextmanager
def put_in_place(out: Path, settings: Mapping[str, object]) -> Iterator[Path]:
    """Yield an empty folder beside `out` that becomes `out` when the block ends well.

    `settings` is kept with the list of files in simulation.json. Whatever goes wrong, `out` stays
    as it was. Raises DataError where `out` is there and is neither empty nor a simulation.
    """
    if out.exists() and not (
        out.is_dir() and (not any(out.iterdir()) or is_simulation(out))
    ):  # fmt: skip
        raise DataError(
            message(
                N_(
                    "{out} holds something other than a simulation. Name another folder or empty it."
                ),
                out=str(out),
            )
        )
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
        made, before = Path(beside) / "made", Path(beside) / "before"
        made.mkdir()
        with named(out):
            yield made
        files = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file())
        marker = json.dumps({**settings, "files": files}, indent=1)
        (made / MARKER).write_text(marker + "\n", encoding="utf-8")
        if out.exists():
            out.rename(before)
        try:
            made.rename(out)
        except OSError:
            if before.exists():
                before.rename(out)
            raise
