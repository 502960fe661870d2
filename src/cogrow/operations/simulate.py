"""simulate: make a marketplace to try programs on, and seal its facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from cogrow.errors import N_
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
) -> FactFiles:
    """Write a marketplace of exactly `order_lines` lines into `out`; the same seed, the same bytes.

    `start` is the first day, `end` the day after the last. Raises DataError where `out` holds
    something that is not an earlier simulation.
    """

    def report(done: int, total: int) -> None:
        progress(N_("Simulating a marketplace"), done, total)

    made = simulate(out, order_lines=order_lines, seed=seed, start=start, end=end, progress=report)
    paths = {name: [Path(path) for path in files.paths] for name, files in made.tables.items()}
    return seal.write(out, paths)
