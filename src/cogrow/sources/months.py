"""Which file a fact is in: tables of what happens have a file a month, tables of what is have one.

`orders/2025-03.parquet` holds what was ordered in March 2025, by UTC; `merchants/merchants.parquet`
holds all merchants. What is added later stands in further files: `orders/2025-03-14.parquet` holds rows
of that day, `orders/2025-03-10_2025-03-14.parquet` rows of these days, `merchants/merchants.2.parquet`
further merchants. `.2`, `.3` and so on tell files apart whose names would be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.sources.sql import literal, parquet, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: How files are packed that are read once and removed.
PASSING = "snappy"

#: The tables that have a file a month, that of the date of a row; lines go with their order.
MONTHLY = frozenset(
    ("merchant_scores", "orders", "order_lines", "refunds", "returns", "visits", "ad_spend")
    + ("memberships",)
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one month: the first and the last day that has any, and how many there are."""

    first: date
    last: date
    rows: int

    @property
    def month(self) -> str:
        """Return the name of a file of all that is known of the month."""
        return f"{self.first:%Y-%m}"

    @property
    def days(self) -> str:
        """Return the name of a file of rows added to the month."""
        return f"{self.first}" if self.first == self.last else f"{self.first}_{self.last}"


def split(
    connection: DuckDBPyConnection, rows: str, columns: list[str], by: list[str], folder: Path
) -> list[tuple[Stretch, str]]:
    """Return the rows of a query month by month, as queries that sort them by `_at`, then by `by`.

    The rows are put into a new `folder` by month first, so that each month is sorted by itself.
    """
    connection.execute(
        f"COPY (SELECT *, CAST(date_trunc('month', _at) AS DATE) AS _month FROM ({rows}))"
        f" TO {literal(str(folder))} (FORMAT parquet, COMPRESSION {PASSING}, PARTITION_BY (_month))"
    )
    listed = ", ".join(quoted(column) for column in columns)
    order = ", ".join(quoted(column) for column in ("_at", *by))
    found = []
    for month in sorted(folder.iterdir()) if folder.exists() else ():
        piece = parquet(*sorted(month.iterdir()))
        ends = connection.execute(
            f"SELECT CAST(min(_at) AS DATE), CAST(max(_at) AS DATE), count(*) FROM {piece}"
        ).fetchone()
        assert ends is not None
        found.append((Stretch(*ends), f"SELECT {listed} FROM {piece} ORDER BY {order}"))
    return found
