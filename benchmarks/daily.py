"""Times a daily refresh of the library: a year of facts, then one more day, and another.

python -m benchmarks.daily --facts DIR [--threads 2] [--memory 6GB] [--json FILE]

DIR is a simulated marketplace. Its last two days become files of their own, and the facts without them a
folder of their own. Timed, each a process of its own: the whole library in every period of the last year
on these facts, keeping results and what it adds up; again after either day has been added, of which the
last ends a month and brings new scores of every merchant; with nothing new; after as many orders as a day
has were confirmed (`facts add --replace orders`); and all of it from the facts. It prints what each took,
and demands the same bytes of both ways.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.library import in_last_year
from benchmarks.process import Took, compiled, machine, timed
from cogrow.cli import settle
from cogrow.embedded import Limits

if TYPE_CHECKING:
    import pyarrow as pa

FIRST, DAY_AFTER, LAST_DAY, AGAIN, CONFIRMED, ANEW = (
    "first run that keeps",
    "a new day",
    "a new day, with scores of everybody",
    "once more, no new facts",
    "a day of orders that are confirmed",
    "all of it, from the facts",
)
#: What places the rows of a table in time; order lines lie as their orders do.
DATED = {
    "orders": "placed_at", "refunds": "refunded_at", "returns": "requested_at", "visits": "visited_at",
    "ad_spend": "day", "merchant_scores": "day", "memberships": "joined_at",
}  # fmt: skip


#: The files of facts, by table.
Files = dict[str, list[Path]]


def split(source: Path, folder: Path) -> tuple[Files, Files, Files]:
    """Write the facts but for their last two days into the folder, and each day beside them; return the
    files of all three.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    last = max(
        pc.max(pq.read_table(path, columns=["placed_at"]).column("placed_at")).as_py()
        for path in (source / "orders").glob("*.parquet")
    )
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=8)
    starts = midnight - timedelta(days=1), midnight
    orders_of: dict[int, pa.Array] = {}  # their ids, by day
    before, first, second = Files(), Files(), Files()
    tables = sorted(path.name for path in source.iterdir() if path.is_dir() and path.name[0] != ".")
    for table in ["orders", *(name for name in tables if name != "orders")]:
        (folder / table).mkdir(parents=True)
        for path in sorted((source / table).glob("*.parquet")):
            rows = pq.read_table(path)
            days = days_of(table, rows, starts, orders_of)
            to = folder / table / path.name
            before.setdefault(table, []).append(to)
            if days is None or not pc.any(pc.greater(days, 0)).as_py():
                shutil.copy2(path, to)
                continue
            for day, files in enumerate((before, first, second)):
                own = rows.filter(pc.equal(days, day))
                to = folder / table / f"{path.stem}{f'-day-{day}' if day else ''}.parquet"
                pq.write_table(own, to, row_group_size=122_880)
                files.setdefault(table, []).extend([to] if day else [])
                if table == "orders" and day:
                    orders_of[day] = pc.unique(own.column("order_id"))
    return before, first, second


def days_of(
    table: str, rows: pa.Table, starts: tuple[datetime, datetime], orders_of: dict[int, pa.Array]
) -> pa.Array | None:
    """Return of each row whether it is of the first day (1), of the second (2), or of neither (0); None of
    a table that has no days.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if table in DATED:
        column = rows.column(DATED[table])
        bounds = [start.date() if DATED[table] == "day" else start for start in starts]
        later = [pc.greater_equal(column, pa.scalar(bound)) for bound in bounds]
    elif table == "order_lines":
        second = pc.is_in(rows.column("order_id"), orders_of[2])
        later = [pc.or_(pc.is_in(rows.column("order_id"), orders_of[1]), second), second]
    else:
        return None
    counted = [pc.cast(one, pa.int8()) for one in later]
    return pc.add(*counted)


def confirm(folder: Path, new: Path, limits: Limits) -> None:
    """Let as many orders as the last day has be completed at its end, in place of what they were."""
    import duckdb

    from cogrow.sources.adding import add

    orders = f"read_parquet('{folder}/orders/*.parquet')"
    new.mkdir()
    duckdb.execute(
        f"COPY (WITH last AS (SELECT max(placed_at) AS at FROM {orders})"
        " SELECT o.* REPLACE ('completed' AS status, last.at AS confirmed_at)"
        f" FROM {orders} AS o, last WHERE status IN ('shipped', 'delivered')"
        " AND placed_at < last.at - INTERVAL 5 DAY ORDER BY placed_at DESC, order_id LIMIT"
        f" (SELECT count(*) FROM {orders}, last WHERE placed_at >= last.at - INTERVAL 1 DAY))"
        f" TO '{new}/orders.parquet' (FORMAT parquet)"
    )
    add(new, folder, limits, replacing=frozenset({"orders"}))


def earn(facts: Path, out: Path, threads: int, memory: str, *, keep: bool) -> None:
    """Compute the library in every period of the facts' last year; this is the whole of the process it
    runs in.
    """
    from cogrow.engines.batch.prepare import Kept, Ran
    from cogrow.engines.run import running
    from cogrow.operations.earn import finished, found_in, result_path, rollups_of, stamped, write
    from cogrow.operations.summary import summarize
    from cogrow.sources.opening import open_facts

    limits = Limits(memory=memory, threads=threads)
    opened, _ = open_facts(facts, out / "facts", limits)
    wanted = [(program, period) for program, last in in_last_year(opened) for period in last]
    kept = Kept(rollups_of(opened) if keep else None, found_in(out) if keep else lambda *_: None)

    def finish(ran: Ran) -> bool:
        if not ran.kept:
            table = stamped(ran, summarize(ran.program, ran.table))
            write(table, out / result_path(ran.program, ran.period))
        return ran.kept

    computing = running(wanted, opened, limits, kept=kept)
    anew = sum(not kept for kept in finished(computing, finish))
    print(f"{anew} of {len(wanted)} computed", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--only", choices=("kept", "anew"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.only:
        settle()
        earn(given.facts, given.out, given.threads, given.memory, keep=given.only == "kept")
        return
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work))


def report(given: argparse.Namespace, work: Path) -> None:
    """Run everything in turn and print what it took."""
    from cogrow.sources import seal

    folder = work / "facts"
    before, *days = split(given.facts, folder)
    seal.write(folder, before)
    me = [sys.executable, "-m", "benchmarks.daily", "--facts", str(folder)]
    me += ["--threads", str(given.threads), "--memory", given.memory]

    def run(only: str, out: str) -> Took:
        return timed([*me, "--only", only, "--out", str(work / out)])

    results = {FIRST: run("kept", "kept")}
    there = {name: list(paths) for name, paths in before.items()}
    for label, day in zip((DAY_AFTER, LAST_DAY), days, strict=True):
        for name, paths in day.items():
            there[name] += paths
        seal.write(folder, there)
        results[label] = run("kept", "kept")
    results[AGAIN] = run("kept", "kept")
    confirm(folder, work / "confirmed", Limits(memory=given.memory, threads=given.threads))
    results[CONFIRMED] = run("kept", "kept")
    results[ANEW] = run("anew", "again")
    whole = results[ANEW]
    files = [sum(map(len, day.values())) for day in days]
    print(f"{machine()}; facts {given.facts.name}, {files} files for the days")
    print(f"{'':38}{'wall s':>9}{'cpu s':>9}{'% of cpu':>10}{'peak MB':>9}")
    for name, took in results.items():
        share = 100 * took.processor / whole.processor
        print(
            f"{name:38}{took.seconds:9.1f}{took.processor:9.1f}{share:10.1f}{took.megabytes:9.0f}"
        )
    same = all(
        path.read_bytes() == (work / "again" / path.relative_to(work / "kept")).read_bytes()
        for path in (work / "kept").rglob("*.parquet")
        if ".rollups" not in path.parts
    )
    print("the same bytes" if same else "OTHER BYTES")
    limits = {"threads": given.threads, "memory": given.memory}
    runs = {name: [took] for name, took in results.items()}
    figures.write(given.json, "daily", [given.facts], runs, same_bytes=same, **limits)
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
