"""Times `earn` of the quarterly dual-target program against bare DuckDB queries on the same data.

python -m benchmarks.earn --facts DIR [--runs 5] [--threads 2] [--memory 1400MB] [--merchant ID] [--json FILE]

Every run is a process of its own, in turn: earn from the facts alone, while it builds roll-ups, and from
those; the bare query by hand of the same result, the bare scan-and-group of the same columns; then `explain`
of one merchant from those earnings, without them, and with its rows. Prints medians, ratios and peak memory.
`earn` is timed as people run it: the whole command, start of Python and writing of Parquet included; so is
each bare query. No run finds the results of another, and roll-ups lie beside links to the facts.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import figures
from benchmarks.process import Took, compiled, linked, machine, median, peak, spread, timed

PROGRAM = "apparel-sprint-rebate"
PERIOD = "2025Q2"

NOW = "({0} >= TIMESTAMP '2025-03-31 16:00:00' AND {0} < TIMESTAMP '2025-06-30 16:00:00')"
BEFORE = "({0} >= TIMESTAMP '2024-03-31 16:00:00' AND {0} < TIMESTAMP '2024-06-30 16:00:00')"
CONFIRMED = (NOW.format("o.confirmed_at"), BEFORE.format("o.confirmed_at"))
REFUNDED = (NOW.format("r.refunded_at"), BEFORE.format("r.refunded_at"))

#: The same result by hand: what a good analyst would write once, without rows for who is not eligible.
BY_HAND = f"""
COPY (
WITH m AS (
  SELECT merchant_id FROM {{merchants}} WHERE category = 'apparel' AND brand_score >= 50
), sales AS (
  SELECT o.merchant_id,
    sum(l.paid_minor) FILTER {CONFIRMED[0]} AS now,
    sum(l.paid_minor) FILTER {CONFIRMED[1]} AS before
  FROM {{order_lines}} l JOIN {{orders}} o USING (order_id)
  WHERE ({CONFIRMED[0]} OR {CONFIRMED[1]})
    AND o.status = 'completed' AND o.channel <> 'wholesale'
    AND o.merchant_id IN (SELECT merchant_id FROM m)
  GROUP BY 1
), back AS (
  SELECT o.merchant_id,
    sum(r.refunded_minor) FILTER {REFUNDED[0]} AS now,
    sum(r.refunded_minor) FILTER {REFUNDED[1]} AS before
  FROM {{refunds}} r JOIN {{orders}} o USING (order_id)
  WHERE ({REFUNDED[0]} OR {REFUNDED[1]})
    AND o.status = 'completed' AND o.channel <> 'wholesale'
    AND o.merchant_id IN (SELECT merchant_id FROM m)
  GROUP BY 1
), rated AS (
  SELECT merchant_id, sum(rating) AS total, count(rating) AS n FROM {{merchant_scores}}
  WHERE day >= DATE '2025-04-01' AND day < DATE '2025-07-01' GROUP BY 1
), net AS (
  SELECT m.merchant_id, coalesce(s.now, 0) - coalesce(b.now, 0) AS net,
    coalesce(s.before, 0) - coalesce(b.before, 0) AS base, coalesce(total >= 4.4 * n, false) AS rated
  FROM m LEFT JOIN sales s USING (merchant_id) LEFT JOIN back b USING (merchant_id)
  LEFT JOIN rated USING (merchant_id)
), paid AS (
  SELECT *, least(CASE WHEN NOT rated OR base <= 0 OR net <= 0 THEN 0
    WHEN net * 10 >= base * 12 THEN (net * 3 * 2 + 100) // 200
    WHEN net * 10 >= base * 11 THEN (net * 2 + 100) // 200 ELSE 0 END, 20000000) AS amount
  FROM net
)
SELECT merchant_id, net::BIGINT AS net, base::BIGINT AS base,
  (CASE WHEN amount < 100 THEN 0 ELSE amount END)::BIGINT AS amount_minor FROM paid ORDER BY merchant_id
) TO '{{out}}' (FORMAT parquet)
"""

#: The floor: read every column the program needs, all rows, and group by merchant what has a merchant. Lines
#: and refunds know only their order, so they are summed whole: no join, the least a scan can cost.
SCAN_AND_GROUP = """
COPY (
SELECT (SELECT sum(n) FROM (
    SELECT merchant_id, count_if(status = 'completed' AND channel <> 'wholesale') AS n,
    max(confirmed_at), count_if(order_id > 'x') FROM {orders} GROUP BY 1)) AS orders,
  (SELECT sum(paid_minor) + count_if(order_id > 'x') FROM {order_lines}) AS lines,
  (SELECT sum(refunded_minor) + count_if(order_id > 'x') + count_if(refunded_at > TIMESTAMP '2025-01-01')
    FROM {refunds}) AS refunds
) TO '{out}' (FORMAT parquet)
"""


def bare(query: str, facts: Path, out: Path, threads: int, memory: str) -> None:
    """Run one bare query; this is the whole of the process it runs in."""
    import duckdb

    scans = {path.stem: f"read_parquet('{path}')" for path in facts.glob("*.parquet")}
    scans |= {
        path.name: f"read_parquet('{path}/**/*.parquet')"
        for path in facts.iterdir()
        if path.is_dir()
    }
    with tempfile.TemporaryDirectory() as spill:
        config: dict[str, str | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": memory,
            "preserve_insertion_order": False,
            "temp_directory": spill,
        }
        connection = duckdb.connect(":memory:", config=config)
        connection.execute("SET enable_progress_bar = false")
        connection.execute(query.format(**scans, out=out))


def same_result(earnings: Path, by_hand: Path, column: str = "amount_minor") -> tuple[int, int]:
    """Return how many merchants have an amount in the column and how much, over all components; fail unless
    both results agree to the fen.
    """
    import duckdb

    paid = f"SELECT merchant_id, sum({column})::BIGINT AS minor FROM '{{}}' GROUP BY 1 HAVING minor > 0"
    ours, theirs = paid.format(earnings), paid.format(by_hand)
    both = f"({ours} EXCEPT {theirs}) UNION ALL ({theirs} EXCEPT {ours})"
    differ = duckdb.execute(both).fetchall()
    if differ:
        raise SystemExit(f"earn and the query by hand disagree: {differ[:5]}")
    [(count, amount)] = duckdb.execute(f"SELECT count(*), sum(minor) FROM ({ours})").fetchall()
    return count, amount


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="1400MB")
    parser.add_argument("--merchant")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bare", choices=("by_hand", "scan"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.bare:
        query = BY_HAND if given.bare == "by_hand" else SCAN_AND_GROUP
        bare(query, given.facts, given.out, given.threads, given.memory)
        return
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work))


FROM_FACTS, FIRST, KEPT = "earn, from the facts", "earn, first roll-ups", "earn, from roll-ups"
BY_HAND_RUN, SCAN = "bare query by hand", "bare scan and group"


def commands_of(given: argparse.Namespace, facts: Path, work: Path) -> dict[str, list[str]]:
    """Return what is timed, in turn."""
    cogrow = str(Path(sys.executable).parent / "cogrow")
    rest = ["--facts", str(facts), "--threads", str(given.threads), "--memory", given.memory]
    me = [sys.executable, "-m", "benchmarks.earn", *rest]
    out = str(work / "out")
    earn = [cogrow, "earn", PROGRAM, "--period", PERIOD, *rest, "--out", out]
    commands = {
        FROM_FACTS: [*earn, "--no-rollups"],
        FIRST: earn,
        KEPT: earn,
        BY_HAND_RUN: [*me, "--bare", "by_hand", "--out", str(work / "by_hand.parquet")],
        SCAN: [*me, "--bare", "scan", "--out", str(work / "scan.parquet")],
    }
    if given.merchant:
        explain = [cogrow, "explain", PROGRAM, given.merchant, *rest, "--period", PERIOD]
        commands["explain one merchant"] = [*explain, "--earnings", out]
        commands["explain, computed again"] = [*explain, "--earnings", str(work / "none")]
        commands["explain --rows"] = [*explain, "--rows"]
    return commands


def report(given: argparse.Namespace, work: Path) -> None:
    """Run everything in turn and print the medians."""
    facts = linked(given.facts, work / "facts")
    commands = commands_of(given, facts, work)
    results: dict[str, list[Took]] = {name: [] for name in commands}
    paid = amount = 0
    for run in range(given.runs + 1):
        for name, command in commands.items():
            if name in (FROM_FACTS, FIRST, KEPT):
                shutil.rmtree(work / "out", ignore_errors=True)
            if name == FIRST:
                shutil.rmtree(facts / ".rollups", ignore_errors=True)
            took = timed(command)
            results[name] += [took] if run else []  # the first warms what the machine remembers
        earned = work / "out" / PROGRAM / f"{PERIOD}.parquet"
        paid, amount = same_result(earned, work / "by_hand.parquet")
    print(f"{machine()}; facts {given.facts.name}")
    print(
        f"{PROGRAM} {PERIOD}: {paid:,} merchants paid {amount / 100:,.2f}; same to the fen by hand"
    )
    hand, scan = median(results[BY_HAND_RUN]), median(results[SCAN])
    print(f"{'':28}{'median s':>9}{'min':>7}{'max':>7}{'× by hand':>11}{'× scan':>8}{'peak MB':>9}")
    for name, runs in results.items():
        ratios = f"{median(runs) / hand:11.2f}{median(runs) / scan:8.2f}"
        print(f"{name:28}{spread(runs)}{ratios}{peak(runs)}")
    limits = {"threads": given.threads, "memory": given.memory}
    figures.write(given.json, "earn", [given.facts], results, paid=paid, **limits)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
