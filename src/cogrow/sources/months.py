"""Which file a fact is in: tables of what happens have a file a month, tables of what is have one.

`orders/2025-03.parquet` holds what was ordered in March 2025, by UTC; `merchants/merchants.parquet`
holds all merchants. What is added later stands in further files: `orders/2025-03-14.parquet` holds rows
of that day, `orders/2025-03-10_2025-03-14.parquet` rows of these days, `merchants/merchants.2.parquet`
further merchants. `.2`, `.3` and so on tell files apart whose names would be the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cogrow.sources.sql import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The tables that have a file a month, and the column that says which; that of lines is their order's.
MONTHLY: Mapping[str, str] = MappingProxyType(
    {
        "merchant_scores": "day",
        "orders": "placed_at",
        "order_lines": "placed_at",
        "refunds": "refunded_at",
        "returns": "requested_at",
        "visits": "visited_at",
        "ad_spend": "day",
        "memberships": "joined_at",
    }
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
    connection: DuckDBPyConnection, query: str, columns: list[str], work: Path
) -> list[tuple[Stretch, str]]:
    """Return the rows of a query that sorts them by its `_day`, month by month, as queries in its order.

    The rows are sorted once, into a file at `work`, of which each month is a piece.
    """
    connection.execute(f"COPY ({query}) TO {literal(str(work))} (FORMAT parquet)")
    rows = f"read_parquet({literal(str(work))}, file_row_number = true)"
    found = connection.execute(
        f"SELECT min(_day), max(_day), count(*) FROM {rows}"
        " GROUP BY date_trunc('month', _day) ORDER BY 1"
    ).fetchall()
    listed = ", ".join(quoted(column) for column in columns)
    return [
        (
            Stretch(first, last, int(count)),
            f"SELECT {listed} FROM {rows} WHERE _day BETWEEN DATE '{first}' AND DATE '{last}'"
            " ORDER BY file_row_number",
        )
        for first, last, count in found
    ]
