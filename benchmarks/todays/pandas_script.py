"""apparel-sprint-rebate of one quarter, as a pandas script: python pandas_script.py FACTS OUT.

Written as one who knows pandas would: only the columns needed, filters that reach the Parquet reader, the
large tables a file at a time so that a year of them is never in memory at once, words and ids as Arrow
strings, whole minor units throughout, and one rounding, half up.
"""

import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

NOW = (datetime.fromisoformat("2025-03-31T16:00"), datetime.fromisoformat("2025-06-30T16:00"))
BEFORE = (datetime.fromisoformat("2024-03-31T16:00"), datetime.fromisoformat("2024-06-30T16:00"))
FIRST, FOLLOWING = date(2025, 4, 1), date(2025, 7, 1)


def within(column: str, *spans: tuple) -> list[list[tuple]]:
    """Return the filter that a column lies in one of the spans."""
    return [[(column, ">=", first), (column, "<", following)] for first, following in spans]


def read(path: Path, columns: list[str], filters: list | None = None) -> pd.DataFrame:
    return pd.read_parquet(path, columns=columns, filters=filters, dtype_backend="pyarrow")


def by_merchant(number: int, merchant: np.ndarray, amounts: pd.Series, at: pd.Series) -> np.ndarray:
    """Return what each merchant comes to in the period and in the one before, shape (2, merchants)."""
    moments = at.to_numpy(dtype="datetime64[us]")
    amounts = amounts.to_numpy(dtype="int64")
    found = np.zeros((2, number), dtype="int64")
    for total, (first, following) in zip(found, (NOW, BEFORE), strict=True):
        inside = (moments >= np.datetime64(first)) & (moments < np.datetime64(following))
        np.add.at(total, merchant[inside], amounts[inside])
    return found


def orders_that_count(facts: Path, ids: pd.Index) -> pd.DataFrame:
    """Return id, merchant's number and confirmation of every completed order of the merchants."""
    kept = []
    for path in sorted((facts / "orders").glob("*.parquet")):
        qualifying = [("status", "==", "completed"), ("channel", "!=", "wholesale")]
        orders = read(path, ["order_id", "merchant_id", "confirmed_at"], qualifying)
        orders["merchant"] = ids.get_indexer(orders.pop("merchant_id"))
        kept.append(orders[orders["merchant"] >= 0])
    return pd.concat(kept, ignore_index=True)


def main(facts: Path, out: Path) -> None:
    merchants = read(
        facts / "merchants", ["merchant_id", "brand_score"], [("category", "==", "apparel")]
    )
    merchants = merchants[merchants["brand_score"] >= 50].sort_values("merchant_id")
    ids, number = pd.Index(merchants["merchant_id"]), len(merchants)
    orders = orders_that_count(facts, ids)

    spans = within("refunded_at", NOW, BEFORE)
    refunds = read(facts / "refunds", ["order_id", "refunded_at", "refunded_minor"], spans)
    order = pd.Index(orders["order_id"]).get_indexer(refunds["order_id"])
    refunds, merchant = refunds[order >= 0], orders["merchant"].to_numpy()[order[order >= 0]]
    net, base = -by_merchant(number, merchant, refunds["refunded_minor"], refunds["refunded_at"])

    confirmed = [
        orders[(orders["confirmed_at"] >= first) & (orders["confirmed_at"] < following)]
        for first, following in (NOW, BEFORE)
    ]
    # The ids of a period lie between two of them: whole row groups of lines need not be read.
    ranges = [
        [("order_id", ">=", some["order_id"].min()), ("order_id", "<=", some["order_id"].max())]
        for some in confirmed
    ]
    orders = pd.concat(confirmed, ignore_index=True)
    index, merchant = pd.Index(orders["order_id"]), orders["merchant"].to_numpy()
    for path in sorted((facts / "order_lines").glob("*.parquet")):
        lines = read(path, ["order_id", "paid_minor"], ranges)
        order = index.get_indexer(lines["order_id"])
        lines, order = lines["paid_minor"][order >= 0], order[order >= 0]
        sold = by_merchant(number, merchant[order], lines, orders["confirmed_at"].take(order))
        net, base = net + sold[0], base + sold[1]

    scores = read(
        facts / "merchant_scores", ["merchant_id", "rating"], within("day", (FIRST, FOLLOWING))
    )
    scores["rating"] = (scores["rating"] * 1_000_000).astype("int64[pyarrow]")
    rated = scores.groupby("merchant_id")["rating"].agg(["sum", "count"]).reindex(ids)
    rated = (rated["sum"] >= rated["count"] * 4_400_000).fillna(False).to_numpy(dtype=bool)

    floor, sprint = (net * 2 + 100) // 200, (net * 3 * 2 + 100) // 200
    amount = np.select([net * 10 >= base * 12, net * 10 >= base * 11], [sprint, floor], 0)
    amount = np.minimum(np.where(rated & (base > 0) & (net > 0), amount, 0), 20_000_000)
    earned = {"net": net, "base": base, "amount_minor": np.where(amount < 100, 0, amount)}
    pd.DataFrame({"merchant_id": merchants["merchant_id"].array, **earned}).to_parquet(
        out, index=False
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
