"""simulate: make a marketplace to try programs on, let refunds arrive in it, and seal its facts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from cogrow.errors import N_, NotFound, message
from cogrow.facts import FactFiles
from cogrow.simulator.marketplace import simulate
from cogrow.sources import seal


def simulate_facts(
    out: Path,
    order_lines: int,
    seed: int,
    start: date,
    end: date,
    progress: Callable[[str, int, int], None],
    merchants: int | None = None,
) -> FactFiles:
    """Write a marketplace of exactly `order_lines` lines into `out`; the same seed, the same bytes.

    `start` is the first day, `end` the day after the last; how many `merchants` follows from the
    lines where it is not said. Raises DataError where `out` holds
    something that is not an earlier simulation.
    """

    def report(done: int, total: int) -> None:
        progress(N_("Simulating a marketplace"), done, total)

    made = simulate(
        out,
        order_lines=order_lines,
        seed=seed,
        merchants=merchants,
        start=start,
        end=end,
        progress=report,
    )
    paths = {name: [Path(path) for path in files.paths] for name, files in made.tables.items()}
    return seal.write(out, paths)


def refunds_arrive(
    facts: Path, out: Path, lines: Sequence[tuple[str, int, int]], when: datetime
) -> FactFiles:
    """Write into `out` the marketplace of the sealed `facts` a while later: the same files, and one more with
    a refund in full of each of `lines` (order, line, minor units) at `when`.

    Raises NotFound where `facts` have no seal.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = seal.read(facts)
    if before is None:
        raise NotFound(message(N_("There are no facts at {path}."), path=str(facts)))
    paths: dict[str, list[Path]] = {}
    for name, files in before.tables.items():
        paths[name] = []
        for path in map(Path, files.paths):
            paths[name].append(out / path.relative_to(before.folder))
            paths[name][-1].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, paths[name][-1])
    refunds = [
        {
            "refund_id": f"late-{order}-{line}",
            "order_id": order,
            "line_no": line,
            "refunded_at": when,
            "refunded_minor": amount,
            "reason": "quality",
            "kind": "return",
        }
        for order, line, amount in lines
    ]
    late = paths["refunds"][-1].with_name("late.parquet")
    schema = pq.read_schema(paths["refunds"][-1])
    pq.write_table(pa.Table.from_pylist(refunds, schema=schema), late)
    paths["refunds"].append(late)
    return seal.write(out, paths)
