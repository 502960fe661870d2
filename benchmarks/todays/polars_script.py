"""apparel-sprint-rebate of one quarter, as a Polars script: python polars_script.py FACTS OUT.

Written as one who knows Polars would: a lazy scan, filters that reach the Parquet reader, only the columns
needed, the streaming engine, whole minor units throughout, and one rounding, half up.
"""

import sys
from datetime import date, datetime
from pathlib import Path

import polars as pl

NOW = (datetime.fromisoformat("2025-03-31T16:00"), datetime.fromisoformat("2025-06-30T16:00"))
BEFORE = (datetime.fromisoformat("2024-03-31T16:00"), datetime.fromisoformat("2024-06-30T16:00"))
FIRST, FOLLOWING = date(2025, 4, 1), date(2025, 7, 1)


def within(column: str, span: tuple[datetime, datetime]) -> pl.Expr:
    return pl.col(column).is_between(*span, closed="left")


def ids_between(orders: pl.LazyFrame) -> pl.Expr:
    """Return the condition that an id lies between the least and the greatest of these orders."""
    ends = orders.select(low=pl.col("order_id").min(), high=pl.col("order_id").max()).collect()
    return pl.col("order_id").is_between(pl.lit(ends["low"][0]), pl.lit(ends["high"][0]))


def amount() -> pl.Expr:
    """Return what is earned: nothing, 1 % or 3 % of net sales, at most 200,000 and at least 1 yuan."""
    net, base = pl.col("net"), pl.col("base")
    share = (
        pl.when(~pl.col("rated") | (base <= 0) | (net <= 0)).then(0)
        .when(net * 10 >= base * 12).then((net * 3 * 2 + 100) // 200)
        .when(net * 10 >= base * 11).then((net * 2 + 100) // 200)
        .otherwise(0)
    )  # fmt: skip
    capped = pl.min_horizontal(share, pl.lit(20_000_000))
    return pl.when(capped < 100).then(0).otherwise(capped).alias("amount_minor")


def main(facts: Path, out: Path) -> None:
    def scan(table: str) -> pl.LazyFrame:
        return pl.scan_parquet(facts / table / "*.parquet")

    merchants = (
        scan("merchants")
        .filter((pl.col("category") == "apparel") & (pl.col("brand_score") >= 50))
        .select("merchant_id")
    )
    orders = (
        scan("orders")
        .filter((pl.col("status") == "completed") & (pl.col("channel") != "wholesale"))
        .select("order_id", "merchant_id", "confirmed_at")
        .join(merchants, on="merchant_id", how="semi")
    )

    def by_merchant(rows: pl.LazyFrame, amount: str, at: str) -> pl.LazyFrame:
        return rows.group_by("merchant_id").agg(
            pl.col(amount).filter(within(at, NOW)).sum().alias(f"{amount}_now"),
            pl.col(amount).filter(within(at, BEFORE)).sum().alias(f"{amount}_before"),
        )

    confirmed = orders.filter(within("confirmed_at", NOW) | within("confirmed_at", BEFORE))
    confirmed = confirmed.collect(engine="streaming").lazy()
    # The ids of a period lie between two of them: whole row groups of lines need not be read.
    ranges = [ids_between(confirmed.filter(within("confirmed_at", span))) for span in (NOW, BEFORE)]
    lines = scan("order_lines").filter(pl.any_horizontal(ranges)).select("order_id", "paid_minor")
    sales = by_merchant(lines.join(confirmed, on="order_id"), "paid_minor", "confirmed_at")
    refunds = (
        scan("refunds")
        .filter(within("refunded_at", NOW) | within("refunded_at", BEFORE))
        .select("order_id", "refunded_at", "refunded_minor")
    )
    back = by_merchant(
        refunds.join(orders.select("order_id", "merchant_id"), on="order_id"),
        "refunded_minor", "refunded_at",
    )  # fmt: skip
    rated = (
        scan("merchant_scores")
        .filter(pl.col("day").is_between(FIRST, FOLLOWING, closed="left"))
        .select("merchant_id", (pl.col("rating") * 1_000_000).cast(pl.Int64))
        .group_by("merchant_id")
        .agg((pl.col("rating").sum() >= 4_400_000 * pl.col("rating").count()).alias("rated"))
    )
    earned = (
        merchants.join(sales, on="merchant_id", how="left")
        .join(back, on="merchant_id", how="left")
        .join(rated, on="merchant_id", how="left")
        .with_columns(
            pl.col("rated").fill_null(False), pl.selectors.ends_with("_now", "_before").fill_null(0)
        )
        .select(
            "merchant_id", "rated",
            (pl.col("paid_minor_now") - pl.col("refunded_minor_now")).alias("net"),
            (pl.col("paid_minor_before") - pl.col("refunded_minor_before")).alias("base"),
        )
        .select("merchant_id", "net", "base", amount())
        .sort("merchant_id")
    )  # fmt: skip
    earned.sink_parquet(out, engine="streaming")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
