"""Times `earn --engine spark` against a bare Spark query of the same result, written by hand.

python -m benchmarks.spark --facts DIR [--runs 3] [--master local[2]] [--memory 4GB] [--json FILE]

Each run is a process of its own, in turn. Both start Spark, read the same Parquet and write Parquet; the
start of Spark alone is timed as well, so that what is computed can be told from what is waited for. The
amounts of both are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import figures
from benchmarks.earn import BEFORE, NOW, PERIOD, PROGRAM
from benchmarks.process import compiled, machine, median, peak, spread, timed
from cogrow.embedded import Limits
from cogrow.engines.spark.session import master_at, session

TABLES = ("merchants", "orders", "order_lines", "refunds", "merchant_scores")


def within(moments: str, column: str) -> str:
    """Return a span of the benchmark of DuckDB for Spark: instants in Parquet have no zone."""
    return moments.format(column).replace("TIMESTAMP '", "TIMESTAMP_NTZ '")


CONFIRMED = (within(NOW, "o.confirmed_at"), within(BEFORE, "o.confirmed_at"))
REFUNDED = (within(NOW, "r.refunded_at"), within(BEFORE, "r.refunded_at"))

BY_HAND = f"""
WITH m AS (
  SELECT merchant_id FROM merchants WHERE category = 'apparel' AND brand_score >= 50
), sales AS (
  SELECT o.merchant_id,
    sum(l.paid_minor) FILTER (WHERE {CONFIRMED[0]}) AS now,
    sum(l.paid_minor) FILTER (WHERE {CONFIRMED[1]}) AS before
  FROM order_lines l JOIN orders o USING (order_id)
  WHERE ({CONFIRMED[0]} OR {CONFIRMED[1]})
    AND o.status = 'completed' AND o.channel <> 'wholesale'
    AND o.merchant_id IN (SELECT merchant_id FROM m)
  GROUP BY 1
), back AS (
  SELECT o.merchant_id,
    sum(r.refunded_minor) FILTER (WHERE {REFUNDED[0]}) AS now,
    sum(r.refunded_minor) FILTER (WHERE {REFUNDED[1]}) AS before
  FROM refunds r JOIN orders o USING (order_id)
  WHERE ({REFUNDED[0]} OR {REFUNDED[1]})
    AND o.status = 'completed' AND o.channel <> 'wholesale'
    AND o.merchant_id IN (SELECT merchant_id FROM m)
  GROUP BY 1
), rated AS (
  SELECT merchant_id, sum(rating) AS total, count(rating) AS n FROM merchant_scores
  WHERE day >= DATE '2025-04-01' AND day < DATE '2025-07-01' GROUP BY 1
), net AS (
  SELECT m.merchant_id, coalesce(s.now, 0) - coalesce(b.now, 0) AS net,
    coalesce(s.before, 0) - coalesce(b.before, 0) AS base, coalesce(total >= 4.4 * n, false) AS rated
  FROM m LEFT JOIN sales s USING (merchant_id) LEFT JOIN back b USING (merchant_id)
  LEFT JOIN rated USING (merchant_id)
), paid AS (
  SELECT *, least(CASE WHEN NOT rated OR base <= 0 OR net <= 0 THEN 0
    WHEN net * 10 >= base * 12 THEN (net * 3 * 2 + 100) DIV 200
    WHEN net * 10 >= base * 11 THEN (net * 2 + 100) DIV 200 ELSE 0 END, 20000000) AS amount
  FROM net
)
SELECT merchant_id, net, base,
  CASE WHEN amount < 100 THEN 0 ELSE amount END AS amount_minor FROM paid ORDER BY merchant_id
"""


def by_hand(facts: Path, out: Path, master: str, memory: str, *, only_start: bool) -> None:
    """Run the bare query; this is the whole of the process it runs in."""
    spark = session(master_at(master, Limits(memory=memory), os.environ))
    if only_start:
        spark.sql("SELECT 1").toArrow()
        return
    for table in TABLES:
        spark.read.parquet(str(facts / table)).createOrReplaceTempView(table)
    pq.write_table(spark.sql(BY_HAND).toArrow(), out)


def agree(earned: Path, bare: Path) -> None:
    """End the benchmark where the two do not say the same of everyone who was paid."""
    ours = pq.read_table(earned, columns=["merchant_id", "amount_minor"]).to_pylist()
    theirs = pq.read_table(bare, columns=["merchant_id", "amount_minor"]).to_pylist()
    paid = [{row["merchant_id"]: row["amount_minor"] for row in rows} for rows in (ours, theirs)]
    if {k: v for k, v in paid[0].items() if v} != {k: v for k, v in paid[1].items() if v}:
        raise SystemExit("the bare query and earn differ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--master", default=f"local[{os.cpu_count()}]")
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", choices=("bare", "start"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path(os.devnull), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        start = given.one == "start"
        by_hand(given.facts, given.out, given.master, given.memory, only_start=start)
        return
    where = ["--facts", str(given.facts), "--master", given.master, "--memory", given.memory]
    compiled()
    with tempfile.TemporaryDirectory() as work:
        out, bare = Path(work) / "earnings", Path(work) / "bare.parquet"
        cogrow = str(Path(sys.executable).parent / "cogrow")
        again = [sys.executable, "-m", "benchmarks.spark", *where]
        commands = {
            "start": [*again, "--one", "start"],
            "bare": [*again, "--one", "bare", "--out", str(bare)],
            "earn": [cogrow, "earn", PROGRAM, "--period", PERIOD, "--out", str(out), *where,
                     "--engine", "spark"],
        }  # fmt: skip
        took = {name: [] for name in commands}
        for _ in range(given.runs):
            for name, command in commands.items():
                shutil.rmtree(out, ignore_errors=True)  # or earn finds its results there
                took[name].append(timed(command))
        agree(out / PROGRAM / f"{PERIOD}.parquet", bare)
    print(machine(), f"{given.master}, {given.memory}", sep=", ")
    print(f"{'':8}   median    min    max   peak MB")
    for name, runs in took.items():
        print(f"{name:8}{spread(runs)}{peak(runs)}")
    start = median(took["start"])
    whole = median(took["earn"]) / median(took["bare"])
    computed = (median(took["earn"]) - start) / (median(took["bare"]) - start)
    print(f"earn / bare: {whole:.2f}; without the start of Spark: {computed:.2f}")
    limits = {"master": given.master, "memory": given.memory}
    figures.write(given.json, "spark", [given.facts], took, **limits)


if __name__ == "__main__":
    main()
