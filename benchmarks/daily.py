"""Times a daily refresh of the library: a year of facts, then one more day.

python -m benchmarks.daily --facts DIR [--threads 2] [--memory 6GB] [--json FILE]

DIR is a simulated marketplace. Its last day becomes files of its own, and the facts without them a folder
of their own. Timed, each a process of its own: the whole library in every period of the last year on these
facts with nothing kept; the same, keeping results and what it adds up; and again after the last day has been
added, both ways. Prints what each took, and demands the same bytes of both ways.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import figures
from benchmarks.library import in_last_year
from benchmarks.process import Took, compiled, machine, timed

DAY_AFTER, ANEW = "the day after", "that, from the facts"
#: What places the rows of a table in time; order lines lie as their orders do.
DATED = {
    "orders": "placed_at", "refunds": "refunded_at", "returns": "requested_at", "visits": "visited_at",
    "ad_spend": "day", "merchant_scores": "day", "memberships": "joined_at",
}  # fmt: skip


def split(source: Path, folder: Path) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Write the facts but for their last day into the folder, and the day beside them; return the files of
    both by table.
    """
    last = max(
        pc.max(pq.read_table(path, columns=["placed_at"]).column("placed_at")).as_py()
        for path in (source / "orders").glob("*.parquet")
    )
    start = last.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=8)
    new_orders: pa.Array | None = None
    before: dict[str, list[Path]] = {}
    day: dict[str, list[Path]] = {}
    tables = sorted(path.name for path in source.iterdir() if path.is_dir() and path.name[0] != ".")
    for table in ["orders", *(name for name in tables if name != "orders")]:
        (folder / table).mkdir(parents=True)
        for path in sorted((source / table).glob("*.parquet")):
            rows = pq.read_table(path)
            new = None
            if table in DATED:
                bound = start.date() if DATED[table] == "day" else start
                new = pc.greater_equal(rows.column(DATED[table]), pa.scalar(bound))
            elif table == "order_lines":
                new = pc.is_in(rows.column("order_id"), new_orders)
            to = folder / table / path.name
            if new is None or not pc.any(new).as_py():
                shutil.copy2(path, to)
                before.setdefault(table, []).append(to)
                continue
            groups = {"row_group_size": 122_880}
            pq.write_table(rows.filter(pc.invert(new)), to, **groups)
            added = folder / table / f"{path.stem}-last-day.parquet"
            pq.write_table(rows.filter(new), added, **groups)
            before.setdefault(table, []).append(to)
            day.setdefault(table, []).append(added)
            if table == "orders":
                new_orders = pc.unique(rows.filter(new).column("order_id"))
    return before, day


def earn(facts: Path, out: Path, threads: int, memory: str, *, keep: bool) -> None:
    """Compute the library in every period of the facts' last year; this is the whole of the process it
    runs in.
    """
    from cogrow.embedded import Limits
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

    with running(wanted, opened, limits, kept=kept) as (_, computed):
        anew = sum(not kept for kept in finished(computed, finish))
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
        earn(given.facts, given.out, given.threads, given.memory, keep=given.only == "kept")
        return
    compiled()
    with tempfile.TemporaryDirectory() as work:
        report(given, Path(work))


def report(given: argparse.Namespace, work: Path) -> None:
    """Run everything in turn and print what it took."""
    from cogrow.sources import seal

    folder = work / "facts"
    before, day = split(given.facts, folder)
    seal.write(folder, before)
    me = [sys.executable, "-m", "benchmarks.daily", "--facts", str(folder)]
    me += ["--threads", str(given.threads), "--memory", given.memory]

    def run(only: str, out: str) -> Took:
        return timed([*me, "--only", only, "--out", str(work / out)])

    results = {
        "all from the facts": run("anew", "anew"),
        "first run that keeps": run("kept", "kept"),
    }
    seal.write(folder, {name: [*paths, *day.get(name, [])] for name, paths in before.items()})
    results[DAY_AFTER] = run("kept", "kept")
    results[ANEW] = run("anew", "again")
    results["once more, no new facts"] = run("kept", "kept")
    whole = results[ANEW]
    print(f"{machine()}; facts {given.facts.name}, {sum(map(len, day.values()))} files for the day")
    print(f"{'':26}{'wall s':>9}{'cpu s':>9}{'% of cpu':>10}{'peak MB':>9}")
    for name, took in results.items():
        share = 100 * took.processor / whole.processor
        print(
            f"{name:26}{took.seconds:9.1f}{took.processor:9.1f}{share:10.1f}{took.megabytes:9.0f}"
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
