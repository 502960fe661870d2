"""Programs of the library written by hand in SQL: the least that some of its mechanisms cost.

python -m benchmarks.by_hand --facts DIR [--earnings DIR] [--runs 5] [--threads 2] [--memory 6GB]

No roll-up can serve them: what a merchant earns here hangs on which visit an order is owed to, on what a
buyer did before, on which sales of a product came first, on who came at all. Every query is a process of
its own, as is the bare scan-and-group of `benchmarks.earn`, in turn. Prints medians and how often the scan
goes into their sum, and with --check holds the amounts against cogrow's. With --earnings, what a run of the
library wrote, it also times writing those tables again and nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.earn import BY_HAND, SCAN_AND_GROUP, bare, same_result
from benchmarks.process import Took, machine, median, peak, spread, timed

QUARTER = "TIMESTAMP '2025-03-31 16:00:00' AND {0} < TIMESTAMP '2025-06-30 16:00:00'"
PLACED = f"o.placed_at >= {QUARTER.format('o.placed_at')}"

#: Who may take part, with the rating of the days between two dates at 4.4 or more.
RATED = """
m AS (
  SELECT merchant_id FROM {merchants} JOIN (
    SELECT merchant_id FROM {merchant_scores} WHERE day >= DATE '%s' AND day < DATE '%s'
    GROUP BY 1 HAVING sum(rating) >= 4.4 * count(rating)
  ) USING (merchant_id) WHERE %s
)"""

#: Members who come back: bought before, not in the quarter before, and in this one.
MEMBERS = f"""
COPY (
WITH {RATED % ("2025-04-01", "2025-07-01", "category = 'sports'")}, joined AS (
  SELECT DISTINCT merchant_id, buyer_id FROM {{memberships}}
  WHERE joined_at < TIMESTAMP '2025-06-30 16:00:00' AND merchant_id IN (SELECT merchant_id FROM m)
), back AS (
  SELECT merchant_id, buyer_id FROM {{orders}} o JOIN joined USING (merchant_id, buyer_id)
  WHERE status = 'completed' AND placed_at < TIMESTAMP '2025-06-30 16:00:00'
  GROUP BY ALL
  HAVING count_if(placed_at < TIMESTAMP '2024-12-31 16:00:00') > 0
    AND count_if(placed_at >= TIMESTAMP '2024-12-31 16:00:00'
      AND placed_at < TIMESTAMP '2025-03-31 16:00:00') = 0
    AND count_if(placed_at >= TIMESTAMP '2025-03-31 16:00:00') > 0
), now AS (
  SELECT order_id, merchant_id, buyer_id FROM {{orders}} o JOIN back USING (merchant_id, buyer_id)
  WHERE status = 'completed' AND {PLACED}
), net AS (
  SELECT merchant_id, buyer_id, sum(minor)::BIGINT AS net FROM now JOIN (
    SELECT order_id, paid_minor AS minor FROM {{order_lines}}
    UNION ALL SELECT order_id, -refunded_minor FROM {{refunds}}
  ) USING (order_id) GROUP BY ALL
)
SELECT merchant_id, least(sum(least((greatest(net, 0) * 3 * 2 + 100) // 200, 1500)), 800000)::BIGINT
  AS amount_minor FROM net GROUP BY 1 ORDER BY 1
) TO '{{out}}' (FORMAT parquet)
"""

#: Up to as much as a merchant spent outside, and 20 % of what visits from there bought within 14 days.
OFFSITE = f"""
COPY (
WITH {RATED % ("2025-04-01", "2025-07-01", "category = 'apparel' AND brand_score >= 30")}, owed AS (
  SELECT DISTINCT order_id, o.merchant_id FROM {{orders}} o JOIN {{visits}} v
    ON v.merchant_id = o.merchant_id AND v.visitor_id = o.buyer_id AND v.visited_at <= o.placed_at
    AND o.placed_at < v.visited_at + INTERVAL 14 DAY
  WHERE v.source = 'offsite' AND o.status = 'completed' AND {PLACED}
    AND o.merchant_id IN (SELECT merchant_id FROM m)
), net AS (
  SELECT merchant_id, sum(minor)::BIGINT AS net FROM owed JOIN (
    SELECT order_id, paid_minor AS minor FROM {{order_lines}}
    UNION ALL SELECT order_id, -refunded_minor FROM {{refunds}}
  ) USING (order_id) GROUP BY 1
), spent AS (
  SELECT merchant_id, sum(spend_minor)::BIGINT AS spend FROM {{ad_spend}}
  WHERE verified AND day >= DATE '2025-04-01' AND day < DATE '2025-07-01' GROUP BY 1
), owing AS (
  SELECT merchant_id, least((least(spend * 5, net) * 2 + 5) // 10, 10000000) AS minor
  FROM net JOIN spent USING (merchant_id) WHERE net > 0 AND spend > 0
)
SELECT merchant_id, minor AS limited_minor FROM owing WHERE minor >= 1000 ORDER BY 1
) TO '{{out}}' (FORMAT parquet)
"""

#: The commission on the first twenty units of a product, within 120 days of its listing.
FIRST_UNITS = f"""
COPY (
WITH {RATED % ("2025-01-01", "2026-01-01", "category = 'sports'")}, sold AS (
  SELECT o.merchant_id, l.product_id, quantity AS units, greatest(commission_minor, 0) AS fee,
    sum(quantity) OVER (PARTITION BY o.merchant_id, l.product_id
      ORDER BY o.placed_at, l.order_id, l.line_no ROWS UNBOUNDED PRECEDING) AS upto
  FROM {{order_lines}} l JOIN {{orders}} o USING (order_id) JOIN {{products}} p ON p.product_id = l.product_id
  WHERE o.status = 'completed' AND o.placed_at >= TIMESTAMP '2024-12-31 16:00:00'
    AND o.placed_at < TIMESTAMP '2025-12-31 16:00:00'
    AND o.placed_at >= p.listed_at - INTERVAL 8 HOUR
    AND o.placed_at < p.listed_at - INTERVAL 8 HOUR + INTERVAL 120 DAY
    AND o.merchant_id IN (SELECT merchant_id FROM m)
), counted AS (
  SELECT merchant_id, fee, units, greatest(least(units, 20 - (upto - units)), 0) AS n FROM sold
)
SELECT merchant_id, sum((fee * n * 2 + units) // (units * 2))::BIGINT AS earned_minor
FROM counted WHERE units > 0 GROUP BY 1 ORDER BY 1
) TO '{{out}}' (FORMAT parquet)
"""

#: Visitors from outside beyond those of the month before, 0.20 each, and twice that beyond half as many more.
VISITORS = """
COPY (
WITH seen AS (
  SELECT merchant_id,
    count(DISTINCT visitor_id) FILTER (visited_at >= TIMESTAMP '2025-01-31 16:00:00') AS now,
    count(DISTINCT visitor_id) FILTER (visited_at < TIMESTAMP '2025-01-31 16:00:00') AS base
  FROM {visits} WHERE source = 'offsite' AND visited_at >= TIMESTAMP '2024-12-31 16:00:00'
    AND visited_at < TIMESTAMP '2025-02-28 16:00:00'
    AND merchant_id IN (SELECT merchant_id FROM {merchants} WHERE category = 'sports')
  GROUP BY 1
)
SELECT merchant_id, least(greatest(now - base, 0) * 20 + greatest(now * 20 - base * 30, 0), 500000)::BIGINT
  AS amount_minor FROM seen WHERE base >= 2 ORDER BY 1
) TO '{out}' (FORMAT parquet)
"""

WRITING = "writing"

#: Program, period and column of earnings → the query by hand.
QUERIES: Mapping[tuple[str, str, str], str] = {
    ("apparel-sprint-rebate", "2025Q2", "amount_minor"): BY_HAND,
    ("sports-members", "2025Q2", "amount_minor"): MEMBERS,
    ("apparel-offsite-match", "2025Q2", "limited_minor"): OFFSITE,
    ("sports-new-product-rebate", "2025", "earned_minor"): FIRST_UNITS,
    ("sports-incremental-visitors", "2025-02", "amount_minor"): VISITORS,
}


def rewrite(earnings: Path, out: Path, threads: int) -> None:
    """Write every table of earnings again, as it is."""
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    for path in sorted(earnings.rglob("*.parquet")):
        connection.execute(f"COPY (FROM '{path}') TO '{out}' (FORMAT parquet)")


def check(facts: Path, work: Path, threads: int, memory: str) -> None:
    """Fail unless every query gives what cogrow computes, merchant by merchant."""
    from cogrow.embedded import Limits
    from cogrow.engines.run import run_programs
    from cogrow.operations.choose import library, programs
    from cogrow.operations.earn import write
    from cogrow.period import parse_period
    from cogrow.sources.opening import open_facts

    limits = Limits(memory=memory, threads=threads)
    opened, _ = open_facts(facts, work / "conformed", limits, lambda *_: None)
    known = {program.id: program for program in programs(list(library()))[0]}
    for (name, period, column), query in QUERIES.items():
        bare(query, facts, work / "bare.parquet", threads, memory)
        program = known[name]
        wanted = [(program, program.schedule.period(parse_period(period)))]
        (ran,) = run_programs(wanted, opened, limits)
        write(ran.table, work / "earned.parquet")
        paid, amount = same_result(work / "earned.parquet", work / "bare.parquet", column)
        print(f"{name:28} {paid:>9,} merchants {amount or 0:>16,} minor units, 0 differ")
        if not paid:
            raise SystemExit("nobody earned anything: this compares nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--earnings", type=Path)
    parser.add_argument("--only", choices=("scan", WRITING, *(key[0] for key in QUERIES)))
    given = parser.parse_args()
    queries = {"scan": SCAN_AND_GROUP, **{key[0]: query for key, query in QUERIES.items()}}
    with tempfile.TemporaryDirectory() as work:
        if given.only == WRITING:
            rewrite(given.earnings, Path(work) / "bare.parquet", given.threads)
        elif given.only:
            out = Path(work) / "bare.parquet"
            bare(queries[given.only], given.facts, out, given.threads, given.memory)
        elif given.check:
            check(given.facts, Path(work), given.threads, given.memory)
        else:
            report(given, [*queries, *([WRITING] if given.earnings else [])])


def report(given: argparse.Namespace, names: list[str]) -> None:
    """Run everything in turn and print the medians."""
    me = [sys.executable, "-m", "benchmarks.by_hand", "--facts", str(given.facts)]
    me += ["--threads", str(given.threads), "--memory", given.memory]
    if given.earnings:
        me += ["--earnings", str(given.earnings)]
    results: dict[str, list[Took]] = {name: [] for name in names}
    for _ in range(given.runs):
        for name in names:
            results[name].append(timed([*me, "--only", name]))
    print(f"{machine()}; facts {given.facts.name}")
    print(f"{'':28}{'median s':>9}{'min':>7}{'max':>7}{'× scan':>8}{'peak MB':>9}")
    scan = median(results["scan"])
    for name, runs in results.items():
        print(f"{name:28}{spread(runs)}{median(runs) / scan:8.2f}{peak(runs)}")
    whole = sum(median(runs) for name, runs in results.items() if name != "scan")
    print(f"{'these together':28}{whole:9.2f}{'':14}{whole / scan:8.2f}")


if __name__ == "__main__":
    main()
